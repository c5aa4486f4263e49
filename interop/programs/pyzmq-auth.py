# packages: python3-zmq
# loads: python3
# run: python3 -P "$0"
"""The Python binding's authenticator, which answers ZAP requests in a thread: PLAIN with passwords, CURVE with certificates."""

import contextlib
import os

import zmq
from zmq.auth import create_certificates, load_certificate
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import recv_monitor_message

ctx = zmq.Context()
auth = ThreadAuthenticator(ctx)
auth.start()
auth.configure_plain(domain="global", passwords={"admin": "secret"})
create_certificates(".", "server")
server_key = load_certificate("server.key_secret")
os.mkdir("known")
create_certificates("known", "friend"), create_certificates(".", "stranger")
auth.configure_curve(domain="global", location="known")


def plain(client, password):
    client.plain_username, client.plain_password = b"admin", password


def plain_server(server):
    server.plain_server = True


def curve(client, certificate):
    client.curve_publickey, client.curve_secretkey = load_certificate(certificate)
    client.curve_serverkey = server_key[0]


def curve_server(server):
    server.curve_publickey, server.curve_secretkey = server_key
    server.curve_server = True


def enter(set_up_server, set_up_client, credentials, awaited):
    """A client sends a message; says what the server's monitor tells, and the message if it gets through."""
    server, client = ctx.socket(zmq.PULL), ctx.socket(zmq.PUSH)
    server.zap_domain = b"global"
    server.linger = client.linger = 0
    set_up_server(server), set_up_client(client, credentials)
    events = server.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    server.bind("tcp://127.0.0.1:*")
    client.connect(server.last_endpoint)
    # One that is refused has no connection to send to, maybe already now.
    with contextlib.suppress(zmq.Again):
        client.send_multipart([b"let in with", b"x" * 100_000], zmq.DONTWAIT)
    event = recv_monitor_message(events)
    print(set_up_client.__name__, credentials, event["event"] == awaited, event["value"])
    if awaited == zmq.EVENT_HANDSHAKE_SUCCEEDED:
        message = server.recv(copy=False)
        print(message.bytes, len(server.recv()), len(message.get("User-Id")), message.get("Socket-Type"))
    server.disable_monitor()
    events.close(), client.close(), server.close()


enter(plain_server, plain, b"wrong", zmq.EVENT_HANDSHAKE_FAILED_AUTH)
enter(plain_server, plain, b"secret", zmq.EVENT_HANDSHAKE_SUCCEEDED)
enter(curve_server, curve, "stranger.key_secret", zmq.EVENT_HANDSHAKE_FAILED_AUTH)
enter(curve_server, curve, "known/friend.key_secret", zmq.EVENT_HANDSHAKE_SUCCEEDED)
auth.stop()
ctx.term()
