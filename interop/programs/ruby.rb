# packages: ruby-ffi-rzmq ruby-ffi-rzmq-core ruby
# loads: ruby
# run: ruby "$0"
#
# The binding of Ruby, by FFI: request and reply between threads, multipart, poller, errors.

require "ffi-rzmq"

def check(result)
  raise "#{ZMQ::Util.error_string} (#{ZMQ::Util.errno})" unless ZMQ::Util.resultcode_ok?(result)
end

def endpoint(socket)
  value = []
  check socket.getsockopt(ZMQ::LAST_ENDPOINT, value)
  value.first.delete("\0")
end

def connected(context, kind, to)
  socket = context.socket(kind)
  check socket.setsockopt(ZMQ::LINGER, 0)
  check socket.connect(endpoint(to))
  socket
end

context = ZMQ::Context.create

["tcp://127.0.0.1:*", "ipc://ruby", "inproc://ruby"].each do |name|
  server = context.socket(ZMQ::REP)
  check server.bind(name)
  client = connected(context, ZMQ::REQ, server)
  thread = Thread.new do
    100.times do
      request = +""
      check server.recv_string(request)
      check server.send_string(request.reverse)
    end
  end
  reply = +""
  100.times do |n|
    check client.send_string("request #{n}")
    check client.recv_string(reply)
  end
  thread.join
  puts "#{name}: #{reply}"
  [server, client].each(&:close)
end

publisher = context.socket(ZMQ::XPUB)
check publisher.bind("tcp://127.0.0.1:*")
subscriber = connected(context, ZMQ::SUB, publisher)
check subscriber.setsockopt(ZMQ::SUBSCRIBE, "a")
subscription = +""
check publisher.recv_string(subscription)
check publisher.send_strings(["b", "not for you"])
check publisher.send_strings(["a1", "x" * 70_000, ""])
parts = []
check subscriber.recv_strings(parts)
puts "subscription #{subscription.inspect}, parts of #{parts.map(&:size)} bytes"

sink = context.socket(ZMQ::PULL)
check sink.bind("tcp://127.0.0.1:*")
source = connected(context, ZMQ::PUSH, sink)
poller = ZMQ::Poller.new
poller.register_readable(sink)
puts "ready without traffic: #{poller.poll(0)}"
check source.send_string("job")
puts "ready with traffic: #{poller.poll(10_000)}"
message = ZMQ::Message.new
check sink.recvmsg(message)
puts "message #{message.copy_out_string.inspect}"
puts "out of turn: #{sink.send_string("x")}, errno #{ZMQ::Util.errno}"
[publisher, subscriber, sink, source].each(&:close)
check context.terminate
