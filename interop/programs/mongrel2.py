# packages: mongrel2-core python3-zmq
# loads: m2sh mongrel2 python3
# run: python3 -P "$0"
"""mongrel2, a web server: requests go to a handler by PUSH, its answers come back by PUB, the control port is a REP."""

import json
import os
import socket
import subprocess
import threading
import urllib.request

import zmq

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
for directory in ("logs", "run", "tmp"):
    os.mkdir(directory)
with open("mongrel2.conf", "w") as file:
    file.write(
        f"""
answers = Handler(send_spec='ipc://requests', send_ident='handler', recv_spec='ipc://answers', recv_ident='')
here = Host(name="127.0.0.1", routes={{'/': answers}})
main = Server(uuid="main", access_log="/logs/access.log", error_log="/logs/error.log", chroot="./",
    default_host="127.0.0.1", name="main", pid_file="/run/mongrel2.pid", port={port}, bind_addr="127.0.0.1",
    hosts=[here])
settings = {{"control_port": "ipc://control"}}
servers = [main]
"""
    )
subprocess.run(["m2sh", "load", "-config", "mongrel2.conf", "-db", "config.sqlite"], check=True, stdout=subprocess.DEVNULL)
ctx = zmq.Context()
ctx.linger, ctx.rcvtimeo = 0, 15_000
requests, answers = ctx.socket(zmq.PULL), ctx.socket(zmq.PUB)


def handle():
    """Answers with the path and the length of the body."""
    while True:
        try:
            server, connection, path, rest = requests.recv().split(b" ", 3)
        except zmq.ZMQError:
            return
        length, rest = rest.split(b":", 1)
        body = rest[int(length) + 1 :].split(b":", 1)
        text = b"%s with %s bytes for %s" % (path, body[0], server)
        response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
        answers.send(b"%s %d:%s, %s" % (server, len(connection), connection, response))


log = open("log", "w")
server = subprocess.Popen(["mongrel2", "config.sqlite", "main"], stdout=log, stderr=log)
try:
    control = ctx.socket(zmq.REQ)
    control.connect("ipc://control")
    control.send(b"26:6:status,13:4:what,3:net,}]")
    control.recv()
    requests.connect("ipc://requests"), answers.connect("ipc://answers")
    thread = threading.Thread(target=handle, daemon=True)
    thread.start()
    # An answer is lost until the server's subscription has arrived here, and the request then times out.
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/probe", timeout=0.5).read()
            break
        except OSError:
            pass
    for n in range(50):
        print(urllib.request.urlopen(f"http://127.0.0.1:{port}/{n}", b"x" * n * 10, timeout=10).read().decode())
finally:
    server.terminate()
    server.wait()
