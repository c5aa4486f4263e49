# packages: libjeromq-java openjdk-17-jdk-headless python3-zmq
# loads: python3
# run: python3 -P "$0"
# large: a JDK
"""JeroMQ, an implementation in Java of its own, as the peer over TCP: request and reply, a pipeline, a subscription."""

import subprocess

import zmq

CLIENT = """
import org.zeromq.ZMQ;
class Client {
    public static void main(String[] ports) {
        ZMQ.Context context = ZMQ.context(1);
        ZMQ.Socket[] sockets = new ZMQ.Socket[4];
        int[] kinds = {ZMQ.REQ, ZMQ.PUSH, ZMQ.SUB, ZMQ.DEALER};
        for (int n = 0; n < 4; n++) {
            sockets[n] = context.socket(kinds[n]);
            if (kinds[n] == ZMQ.SUB)
                sockets[n].subscribe("a".getBytes());
            sockets[n].connect(ports[n]);
        }
        for (int n = 0; n < 200; n++) {
            sockets[0].send("request " + n);
            if (!sockets[0].recvStr().equals("REQUEST " + n))
                System.exit(1);
        }
        for (int n = 0; n < 500; n++) {
            sockets[1].sendMore("" + n);
            sockets[1].send(new byte[n * 100], 0);
        }
        String topic = sockets[2].recvStr();
        sockets[3].send(topic + " " + sockets[2].recv().length);
        sockets[3].recv();
        for (ZMQ.Socket socket : sockets)
            socket.close();
        context.term();
    }
}
"""
with open("Client.java", "w") as file:
    file.write(CLIENT)
ctx = zmq.Context()
ctx.linger, ctx.rcvtimeo = 0, 30_000
rep, pull, xpub, router = sockets = [ctx.socket(kind) for kind in (zmq.REP, zmq.PULL, zmq.XPUB, zmq.ROUTER)]
for socket in sockets:
    socket.bind("tcp://127.0.0.1:*")
java = ["java", "-Xint", "--class-path", "/usr/share/java/jeromq.jar", "Client.java"]
client = subprocess.Popen([*java, *(socket.last_endpoint.decode() for socket in sockets)])
try:
    for _ in range(200):
        rep.send(rep.recv().upper())
    print("replied")
    parts = [pull.recv_multipart() for _ in range(500)]
    print("pulled", sum(int(number) for number, _ in parts), sum(len(body) for _, body in parts))
    print("subscription", xpub.recv())
    xpub.send_multipart([b"b", b"no"])
    xpub.send_multipart([b"a1", b"x" * 300_000])
    routing_id, *message = router.recv_multipart()
    print("told", message)
    router.send_multipart([routing_id, b"bye"])
    print("ended with", client.wait(30))
finally:
    client.kill()
