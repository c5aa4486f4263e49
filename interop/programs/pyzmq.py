# packages: python3-zmq
# loads: python3
# run: python3 -P "$0"
"""The Python binding: patterns over three transports, poller, proxy, monitor, asyncio."""

import asyncio
import threading

import zmq
import zmq.asyncio
from zmq.devices import ThreadProxy
from zmq.utils.monitor import recv_monitor_message

ctx = zmq.Context()


def pair_of(kind, peer_kind, endpoint):
    """Two connected sockets."""
    a, b = ctx.socket(kind), ctx.socket(peer_kind)
    a.bind(endpoint)
    b.connect(a.last_endpoint)
    return a, b


for endpoint in ("tcp://127.0.0.1:*", "ipc://feed", "inproc://feed"):
    rep, req = pair_of(zmq.REP, zmq.REQ, endpoint)
    req.send_json({"transport": endpoint, "n": [1, 2, 3]})
    rep.send_pyobj(rep.recv_json())
    print("request and reply", req.recv_pyobj())

    pub, sub = pair_of(zmq.XPUB, zmq.SUB, endpoint + "1" if "*" not in endpoint else endpoint)
    sub.subscribe("weather")
    print("subscription", pub.recv())
    pub.send_multipart([b"sports", b"0:0"])
    pub.send_multipart([b"weather.oslo", b"rain", b"x" * 100_000], copy=False)
    print("published", [bytes(part)[:12] for part in sub.recv_multipart(copy=False)])

    push, pull = pair_of(zmq.PUSH, zmq.PULL, endpoint + "2" if "*" not in endpoint else endpoint)
    for n in range(500):
        push.send(b"%d" % n)
    print("pipeline", sum(int(pull.recv()) for _ in range(500)))

router, dealer = pair_of(zmq.ROUTER, zmq.DEALER, "tcp://127.0.0.1:*")
poller = zmq.Poller()
poller.register(router, zmq.POLLIN)
print("nothing to read", poller.poll(0))
dealer.send_multipart([b"", b"to route"])
print("to read", len(poller.poll(10_000)))
routing_id, *rest = router.recv_multipart()
print("routed", len(routing_id), rest)

proxy = ThreadProxy(zmq.ROUTER, zmq.DEALER)
front, back = ctx.socket(zmq.REQ), ctx.socket(zmq.REP)
port, back_port = (proxy.bind_in_to_random_port("tcp://127.0.0.1"), proxy.bind_out_to_random_port("tcp://127.0.0.1"))
proxy.start()
front.connect(f"tcp://127.0.0.1:{port}")
back.connect(f"tcp://127.0.0.1:{back_port}")
front.send_string("through a proxy")
back.send_string(back.recv_string().upper())
print("proxy", front.recv_string())

monitored = ctx.socket(zmq.PULL)
events = monitored.get_monitor_socket()
monitored.bind("tcp://127.0.0.1:*")
visitor = ctx.socket(zmq.PUSH)
visitor.connect(monitored.last_endpoint)
visitor.send(b"with properties")
message = monitored.recv(copy=False)
print(message.bytes, message.get("Socket-Type"), message.get("Peer-Address"))
seen = [zmq.Event(recv_monitor_message(events)["event"]).name for _ in range(3)]
print("monitor", seen)
monitored.disable_monitor()


async def echo():
    actx = zmq.asyncio.Context()
    a, b = actx.socket(zmq.PAIR), actx.socket(zmq.PAIR)
    port = a.bind_to_random_port("tcp://127.0.0.1")
    b.connect(f"tcp://127.0.0.1:{port}")

    async def answer():
        for _ in range(1000):
            await b.send(await b.recv())

    task = asyncio.create_task(answer())
    total = 0
    for n in range(1000):
        await a.send(b"%d" % n)
        total += int(await a.recv())
    await task
    a.close(), b.close(), actx.term()
    return total


print("asyncio", asyncio.run(echo()))

waiting = threading.Event()


def wait_for_end():
    socket = ctx.socket(zmq.PULL)
    socket.bind("inproc://end")
    waiting.set()
    try:
        socket.recv()
    except zmq.ContextTerminated:
        socket.close()
        print("a blocked receiver saw the end of the context")


thread = threading.Thread(target=wait_for_end)
thread.start()
waiting.wait()
probe = ctx.socket(zmq.REQ)
try:
    probe.recv()
except zmq.ZMQError as error:
    print("error", error.errno == zmq.EFSM, error.strerror)
try:
    probe.bind("ether://nowhere")
except zmq.ZMQError as error:
    print("error", error.errno == zmq.EPROTONOSUPPORT, error.strerror)
for value in list(globals().values()):
    if isinstance(value, zmq.Socket):
        value.close(linger=0)
ctx.term()
thread.join()
