// packages: cppzmq-dev libzmq3-dev g++
// loads: cppzmq
// run: c++ -std=c++17 -Wall -Werror "$0" -o cppzmq -lzmq && ./cppzmq
//
// The header of C++: typed options, multipart containers, a poller with handlers, errors as exceptions.

#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <zmq.hpp>
#include <zmq_addon.hpp>

int main()
{
    zmq::context_t context{1};
    for (const std::string endpoint : {"tcp://127.0.0.1:*", "ipc://cppzmq", "inproc://cppzmq"}) {
        zmq::socket_t server{context, zmq::socket_type::rep}, client{context, zmq::socket_type::req};
        server.bind(endpoint);
        client.connect(server.get(zmq::sockopt::last_endpoint));
        std::thread answers{[&] {
            for (int n = 0; n < 100; n++) {
                zmq::message_t request;
                (void) server.recv(request);
                server.send(zmq::buffer(request.to_string() + "!"), zmq::send_flags::none);
            }
        }};
        zmq::message_t reply;
        for (int n = 0; n < 100; n++) {
            client.send(zmq::buffer("request " + std::to_string(n)), zmq::send_flags::none);
            (void) client.recv(reply);
        }
        answers.join();
        std::cout << endpoint << ": " << reply.to_string() << std::endl;
    }

    zmq::socket_t publisher{context, zmq::socket_type::xpub}, subscriber{context, zmq::socket_type::sub};
    publisher.bind("tcp://127.0.0.1:*");
    subscriber.connect(publisher.get(zmq::sockopt::last_endpoint));
    subscriber.set(zmq::sockopt::subscribe, "a");
    zmq::message_t subscription;
    (void) publisher.recv(subscription);
    zmq::multipart_t{std::string{"b"}}.send(publisher);
    zmq::multipart_t message{std::string{"a1"}};
    message.addstr(std::string(70000, 'x'));
    message.addtyp<uint64_t>(42);
    message.send(publisher);
    std::vector<zmq::message_t> parts;
    std::cout << *zmq::recv_multipart(subscriber, std::back_inserter(parts)) << " parts, " << parts[1].size()
              << " bytes, " << *parts[2].data<uint64_t>() << ", " << parts[0].gets("Socket-Type") << std::endl;

    zmq::socket_t sink{context, zmq::socket_type::pull}, source{context, zmq::socket_type::push};
    sink.set(zmq::sockopt::rcvtimeo, 0);
    std::cout << "nothing yet: " << sink.recv(subscription).has_value() << std::endl;
    sink.bind("inproc://sink");
    source.connect("inproc://sink");
    std::vector<zmq::pollitem_t> items{{sink, 0, ZMQ_POLLIN, 0}, {publisher, 0, ZMQ_POLLIN, 0}};
    std::cout << "ready: " << zmq::poll(items, std::chrono::milliseconds{0});
    source.send(zmq::str_buffer("work"), zmq::send_flags::dontwait);
    std::cout << ", then " << zmq::poll(items, std::chrono::seconds{10}) << std::endl;
    try {
        sink.send(zmq::str_buffer("x"), zmq::send_flags::none);
    } catch (const zmq::error_t &error) {
        std::cout << "refused: " << error.what() << std::endl;
    }
}
