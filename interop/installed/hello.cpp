// cppzmq on our library: request and reply, multipart messages, pollers, a monitor. The argument says how libzmq is
// linked: shared or static.
#define ZMQ_BUILD_DRAFT_API // for zmq::poller_t
#include <zmq.hpp>
#include <zmq_addon.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "loaded.h"

using namespace std::chrono_literals;

static const auto patience = 20000ms;

static void check(bool condition, const char *what)
{
    if (!condition) {
        std::cerr << what << "\n";
        std::exit(1);
    }
}

static std::string bind_any(zmq::socket_t &socket)
{
    socket.bind("tcp://127.0.0.1:*");
    return socket.get(zmq::sockopt::last_endpoint);
}

static void request_reply(zmq::context_t &context)
{
    zmq::socket_t server(context, zmq::socket_type::rep), client(context, zmq::socket_type::req);
    client.connect(bind_any(server));
    std::thread thread([&] {
        zmq::message_t request;
        check(server.recv(request).has_value() && request.to_string() == "Hello", "the request");
        server.send(zmq::buffer("World", 5), zmq::send_flags::none);
    });
    client.send(zmq::str_buffer("Hello"), zmq::send_flags::none);
    zmq::message_t reply;
    check(client.recv(reply).has_value() && reply.to_string_view() == "World", "the reply");
    thread.join();
    check(!server.recv(reply, zmq::recv_flags::dontwait).has_value(), "EAGAIN is an empty result");
}

static void multipart(zmq::context_t &context)
{
    zmq::socket_t push(context, zmq::socket_type::push), pull(context, zmq::socket_type::pull);
    push.connect(bind_any(pull));

    zmq::multipart_t sent;
    sent.addstr("first");
    sent.addtyp<std::uint64_t>(42);
    sent.addmem(nullptr, 0);
    check(sent.send(push), "a multipart_t is sent");
    zmq::multipart_t received(pull);
    check(received.size() == 3 && received.popstr() == "first" && received.poptyp<std::uint64_t>() == 42
            && received.pop().size() == 0,
          "a multipart_t arrives");

    std::vector<zmq::message_t> parts, arrived;
    parts.emplace_back(std::string("one"));
    parts.emplace_back(std::string(100000, 'x'));
    check(zmq::send_multipart(push, parts) == 2u, "send_multipart");
    check(zmq::recv_multipart(pull, std::back_inserter(arrived)) == 2u, "recv_multipart");
    check(arrived[0].to_string() == "one" && !arrived[1].empty() && arrived[1].size() == 100000, "the parts");

    // Memory of the program's own, given back when it is no longer needed.
    static std::atomic<int> freed{0};
    static char body[5000];
    push.send(zmq::message_t(body, sizeof body, [](void *, void *) { freed++; }), zmq::send_flags::none);
    zmq::message_t big;
    check(pull.recv(big).has_value() && big.size() == sizeof body, "a message without a copy");
    big.rebuild();
    push.close();
    pull.close();
    const auto start = std::chrono::steady_clock::now();
    while (freed != 1 && std::chrono::steady_clock::now() - start < patience)
        std::this_thread::yield();
    check(freed == 1, "the memory is given back once");
}

static void pollers(zmq::context_t &context)
{
    zmq::socket_t pair(context, zmq::socket_type::pair), peer(context, zmq::socket_type::pair);
    pair.bind("inproc://pollers");
    peer.connect("inproc://pollers");

    std::vector<zmq::pollitem_t> items{{pair.handle(), 0, ZMQ_POLLIN, 0}};
    check(zmq::poll(items, 0ms) == 0, "poll finds nothing");
    peer.send(zmq::str_buffer("one"), zmq::send_flags::none);
    check(zmq::poll(items, patience) == 1 && (items[0].revents & ZMQ_POLLIN), "poll finds a message");

    zmq::poller_t<std::string> poller;
    std::string label = "the pair";
    poller.add(pair, zmq::event_flags::pollin, &label);
    std::vector<zmq::poller_event<std::string>> events(2);
    check(poller.wait_all(events, patience) == 1 && *events[0].user_data == label, "poller_t");
    zmq::message_t message;
    check(pair.recv(message).has_value(), "the message");
    check(poller.wait_all(events, 0ms) == 0, "poller_t finds nothing");
    poller.modify(pair, zmq::event_flags::pollout);
    check(poller.wait_all(events, patience) == 1 && events[0].events == zmq::event_flags::pollout, "modify");
    poller.remove(pair);
    check(poller.size() == 0, "remove");

    int calls = 0;
    zmq::active_poller_t active;
    active.add(pair, zmq::event_flags::pollin, [&](zmq::event_flags) { calls++; });
    peer.send(zmq::str_buffer("two"), zmq::send_flags::none);
    check(active.wait(patience) == 1 && calls == 1, "active_poller_t");
}

struct events_t : zmq::monitor_t
{
    int accepted = 0, disconnected = 0, handshakes = 0;
    void on_event_accepted(const zmq_event_t &, const char *) override { accepted++; }
    void on_event_disconnected(const zmq_event_t &, const char *) override { disconnected++; }
    void on_event_handshake_succeeded(const zmq_event_t &, const char *) override { handshakes++; }
};

static void monitor(zmq::context_t &context)
{
    zmq::socket_t server(context, zmq::socket_type::rep);
    events_t events;
    events.init(server, "inproc://monitor", ZMQ_EVENT_ALL);
    {
        zmq::socket_t client(context, zmq::socket_type::req);
        client.connect(bind_any(server));
        while (events.handshakes == 0)
            check(events.check_event(int(patience.count())), "the handshake is an event");
    }
    while (events.disconnected == 0)
        check(events.check_event(int(patience.count())), "the end is an event");
    check(events.accepted == 1 && events.handshakes == 1, "each once");
}

static void errors(zmq::context_t &context)
{
    zmq::socket_t socket(context, zmq::socket_type::sub);
    try {
        socket.bind("nonsense");
        check(false, "a wrong endpoint is an error");
    }
    catch (const zmq::error_t &error) {
        check(error.num() == EINVAL, error.what());
    }
    socket.set(zmq::sockopt::subscribe, "topic");
    socket.set(zmq::sockopt::rcvhwm, 7);
    check(socket.get(zmq::sockopt::rcvhwm) == 7, "an option reads back");
}

int main(int argc, char **argv)
{
    check(argc == 2 && linked_as(argv[1]), "how libzmq is linked");
    zmq::context_t context;
    request_reply(context);
    multipart(context);
    pollers(context);
    monitor(context);
    errors(context);
    std::cout << argv[1] << ": all is well\n";
    return 0;
}
