# packages: uwsgi-core python3-zmq
# loads: python3 uwsgi-core
# run: python3 -P "$0"
"""uWSGI serves files and sends its log of requests by PUSH."""

import os
import socket
import subprocess
import time
import urllib.request

import zmq

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
ctx = zmq.Context()
ctx.linger, ctx.rcvtimeo = 0, 15_000
lines = ctx.socket(zmq.PULL)
lines.bind("ipc://log")
with open("page", "w") as file:
    file.write("a page")
log = open("output", "w")
uwsgi = subprocess.Popen(
    ["uwsgi-core", "--plugins", "0:notfound,logzmq", "--http-socket", f"127.0.0.1:{port}", "--static-map", f"/files={os.getcwd()}"]
    + ["--logger", "zeromq:ipc://log", "--log-format", "%(method) %(uri) %(status)", "--master", "--die-on-term"],
    stdout=log,
    stderr=log,
)
try:
    while True:
        try:
            print(urllib.request.urlopen(f"http://127.0.0.1:{port}/files/page?0", timeout=10).read())
            break
        except OSError:
            assert uwsgi.poll() is None, open("output").read()
            time.sleep(0.02)
    for n in range(1, 50):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/files/page?{n}", timeout=10).read()
    while b"worker 1" not in lines.recv():
        pass
    print("its log tells of a worker")
finally:
    uwsgi.terminate()
    uwsgi.wait()
