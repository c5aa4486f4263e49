# packages: pushpin condure zurl python3-zmq
# loads: condure pushpin-handler pushpin-proxy python3 zurl
# run: python3 -P "$0"
"""pushpin, a proxy of five processes that talk by ZeroMQ: a stream is held open, and gets what is published later."""

import http.client
import http.server
import json
import os
import socket
import subprocess
import threading
import time

import zmq


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Backend(http.server.BaseHTTPRequestHandler):
    """The application behind the proxy: it asks it to hold the connection, and to subscribe it to a channel."""

    def do_GET(self):
        self.send_response(200)
        if self.path == "/stream":
            self.send_header("Grip-Hold", "stream")
            self.send_header("Grip-Channel", "news")
        self.end_headers()
        self.wfile.write(f"opened {self.path}\n".encode())

    def log_message(self, *arguments):
        pass


backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
threading.Thread(target=backend.serve_forever, daemon=True).start()
port, publish = free_port(), free_port()
for directory in ("run", "log"):
    os.mkdir(directory)
with open("routes", "w") as file:
    file.write(f"* localhost:{backend.server_port}\n")
with open("pushpin.conf", "w") as file:
    file.write(
        f"[global]\ninclude={{libdir}}/internal.conf\nrundir=run\nipc_prefix=p-\nport_offset=0\nstats_connection_ttl=120\n"
        f"[runner]\nservices=condure,zurl,pushpin-proxy,pushpin-handler\nhttp_port=127.0.0.1:{port}\nlogdir=log\nlog_level=2\n"
        "client_buffer_size=8192\nclient_maxconn=100\n"
        "[proxy]\nroutesfile=routes\ndebug=true\nsig_key=changeme\nupdates_check=off\n"
        "zurl_out_specs=ipc://{rundir}/{ipc_prefix}zurl-in\nzurl_in_specs=ipc://{rundir}/{ipc_prefix}zurl-out\n"
        "zurl_out_stream_specs=ipc://{rundir}/{ipc_prefix}zurl-in-stream\n"
        f"[handler]\npush_in_spec=tcp://127.0.0.1:{publish}\npush_in_http_addr=127.0.0.1\npush_in_http_port={free_port()}\n"
        "message_rate=2500\nmessage_hwm=25000\n"
    )
log = open("output", "w")
pushpin = subprocess.Popen(["pushpin", "--config=pushpin.conf"], stdout=log, stderr=log)
try:
    # Its processes find each other in their own time; until then it answers with errors.
    while True:
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
            client.request("GET", "/stream")
            stream = client.getresponse()
            if stream.status == 200:
                break
        except OSError:
            pass
        assert pushpin.poll() is None, open("output").read()
        time.sleep(0.05)
    print(stream.status, stream.readline())
    other = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    other.request("GET", "/plain")
    print(other.getresponse().read())
    ctx = zmq.Context()
    push = ctx.socket(zmq.PUSH)
    push.connect(f"tcp://127.0.0.1:{publish}")
    for n in range(20):
        item = {"channel": "news", "formats": {"http-stream": {"content": f"item {n}\n"}}}
        push.send(b"J" + json.dumps(item).encode())
        print(stream.readline())
finally:
    pushpin.terminate()
    pushpin.wait()
