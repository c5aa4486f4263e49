# packages: python3-txzmq python3-zmq
# loads: python3
# run: python3 -P "$0"
"""txZMQ: request and reply and publications in Twisted's reactor, which waits on the descriptor of ZMQ_FD itself."""

import zmq
from twisted.internet import defer, reactor
from txzmq import (
    ZmqEndpoint,
    ZmqEndpointType,
    ZmqFactory,
    ZmqPubConnection,
    ZmqREPConnection,
    ZmqREQConnection,
    ZmqSubConnection,
)

factory = ZmqFactory()
BIND, CONNECT = ZmqEndpointType.bind, ZmqEndpointType.connect


def address(connection):
    return connection.socket.last_endpoint.decode()


@defer.inlineCallbacks
def main():
    server = ZmqREPConnection(factory, ZmqEndpoint(BIND, "tcp://127.0.0.1:*"))
    server.gotMessage = lambda message_id, body: server.reply(message_id, body.upper())
    client = ZmqREQConnection(factory, ZmqEndpoint(CONNECT, address(server)))
    replies = yield defer.gatherResults([client.sendMsg(b"request %d" % n) for n in range(200)])
    print("replies", len(replies), replies[-1])

    publisher = ZmqPubConnection(factory, ZmqEndpoint(BIND, "ipc://txzmq"))
    subscriber = ZmqSubConnection(factory, ZmqEndpoint(CONNECT, "ipc://txzmq"))
    received = defer.Deferred()
    subscriber.gotMessage = lambda body, tag: received.called or received.callback((tag, body))
    subscriber.subscribe(b"news")

    def publish():
        """Until the subscription has arrived, nobody gets what is published."""
        if not received.called:
            publisher.publish(b"weather is not subscribed to", b"weather")
            publisher.publish(b"it works", b"news")
            reactor.callLater(0.01, publish)

    publish()
    print("published", (yield received))
    factory.shutdown()
    reactor.stop()


reactor.callWhenRunning(lambda: main().addErrback(lambda failure: (failure.printTraceback(), reactor.stop())))
reactor.run()
