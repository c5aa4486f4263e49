// packages: libzmq-java libzmq-jni openjdk-17-jdk-headless
// loads: java
// run: java -Xint -Djava.library.path=$(echo /usr/lib/*/jni) --class-path /usr/share/java/zmq.jar "$0"
// large: a JDK
//
// The JNI binding of Java: request and reply between threads, a subscription, messages of parts, a poller.

import java.util.Arrays;
import org.zeromq.ZMQ;

class Programs {
    public static void main(String[] arguments) throws Exception {
        ZMQ.Context context = ZMQ.context(1);
        for (String name : new String[] {"tcp://127.0.0.1", "ipc://jzmq", "inproc://jzmq"}) {
            ZMQ.Socket server = context.socket(ZMQ.REP), client = context.socket(ZMQ.REQ);
            client.connect(bound(server, name));
            Thread thread = new Thread(() -> {
                for (int n = 0; n < 100; n++)
                    server.send(new StringBuilder(server.recvStr(0)).reverse().toString(), 0);
            });
            thread.start();
            String answer = "";
            for (int n = 0; n < 100; n++) {
                client.send("request " + n, 0);
                answer = client.recvStr(0);
            }
            thread.join();
            System.out.println(name + ": " + answer);
            client.close();
            server.close();
        }

        ZMQ.Socket publisher = context.socket(ZMQ.XPUB), subscriber = context.socket(ZMQ.SUB);
        subscriber.connect(bound(publisher, "tcp://127.0.0.1"));
        subscriber.subscribe("a".getBytes());
        System.out.println("subscription: " + Arrays.toString(publisher.recv(0)));
        ZMQ.Poller poller = new ZMQ.Poller(1);
        poller.register(subscriber, ZMQ.Poller.POLLIN);
        System.out.println("ready without traffic: " + poller.poll(0));
        publisher.send("b: no", 0);
        publisher.send("a1", ZMQ.SNDMORE);
        publisher.send(new byte[70_000], 0);
        System.out.println("ready with traffic: " + poller.poll(10_000));
        System.out.println(subscriber.recvStr(0) + " " + subscriber.hasReceiveMore() + " " + subscriber.recv(0).length);
        publisher.close();
        subscriber.close();
        context.term();
    }

    // Binds a socket, and says where.
    static String bound(ZMQ.Socket socket, String name) {
        if (name.startsWith("tcp"))
            return name + ":" + socket.bindToRandomPort(name);
        socket.bind(name);
        return name;
    }
}
