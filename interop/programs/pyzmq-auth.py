# packages: python3-zmq
# loads: python3
# run: python3 -P "$0"
# lacks: PLAIN and ZAP
"""The Python binding's authenticator, which answers ZAP requests in a thread: PLAIN, a wrong and a right password."""

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import recv_monitor_message

ctx = zmq.Context()
auth = ThreadAuthenticator(ctx)
auth.start()
auth.configure_plain(domain="global", passwords={"admin": "secret"})
server = ctx.socket(zmq.PULL)
server.plain_server = True
server.zap_domain = b"global"
events = server.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
server.bind("tcp://127.0.0.1:*")


def enter(password, awaited):
    """A client sends a message; returns it when the server's monitor has told of the awaited event."""
    client = ctx.socket(zmq.PUSH)
    client.plain_username, client.plain_password = b"admin", password
    client.linger = 0
    client.connect(server.last_endpoint)
    client.send(b"let in with " + password)
    while True:
        event = recv_monitor_message(events)
        if event["event"] == awaited:
            break
    message = server.recv(copy=False) if awaited == zmq.EVENT_HANDSHAKE_SUCCEEDED else None
    client.close()
    return event["value"], message


print("refused with status", enter(b"wrong", zmq.EVENT_HANDSHAKE_FAILED_AUTH)[0])
_, message = enter(b"secret", zmq.EVENT_HANDSHAKE_SUCCEEDED)
print(message.bytes, message.get("User-Id"), message.get("Socket-Type"))
server.disable_monitor()
auth.stop()
server.close()
events.close()
ctx.term()
