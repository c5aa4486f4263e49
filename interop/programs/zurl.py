# packages: zurl python3-zmq
# loads: python3 zurl
# run: python3 -P "$0"
"""zurl fetches pages for requests that come by ZeroMQ: one at a time over REQ, and many over PUSH, ROUTER and SUB."""

import http.server
import json
import subprocess
import threading

import zmq


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 200


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"page {self.path}".encode() * 100
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).upper()
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


pages = Server(("127.0.0.1", 0), Pages)
threading.Thread(target=pages.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{pages.server_port}"

with open("zurl.conf", "w") as file:
    file.write(
        "[General]\nin_spec=ipc://in\nin_stream_spec=ipc://stream\nout_spec=ipc://out\nin_req_spec=ipc://req\n"
        "ipc_file_mode=660\ndefpolicy=allow\nallow=\ndeny=\nmax_open_requests=200\nbuffer_size=200000\ntimeout=10\n"
        "in_hwm=1000\nout_hwm=1000\n"
    )
ctx = zmq.Context()
ctx.linger, ctx.rcvtimeo = 0, 15_000
zurl = subprocess.Popen(["zurl", "--config=zurl.conf", "--logfile=zurl.log"])
try:
    req = ctx.socket(zmq.REQ)
    req.connect("ipc://req")
    for number, request in enumerate(
        (
            {"method": "GET", "uri": f"{base}/one"},
            {"method": "POST", "uri": base, "body": "text", "headers": [["Content-Length", "4"]]},
            {"method": "GET", "uri": "http://127.0.0.1:1/"},
        )
    ):
        req.send(b"J" + json.dumps({"id": str(number), **request}).encode())
        reply = json.loads(req.recv()[1:])
        print(reply["id"], reply.get("code"), reply.get("condition"), len(reply.get("body", "")))

    push, router, sub = ctx.socket(zmq.PUSH), ctx.socket(zmq.ROUTER), ctx.socket(zmq.SUB)
    sub.subscribe("me ")
    push.connect("ipc://in"), router.connect("ipc://stream"), sub.connect("ipc://out")
    # A subscription takes its time; the probes go on until the first answer is heard.
    probe = 0
    while not sub.poll(100):
        probe += 1
        request = {"from": "me", "id": f"probe{probe}", "method": "GET", "uri": base, "credits": 100_000}
        push.send(b"J" + json.dumps(request).encode())
    for n in range(100):
        request = {"from": "me", "id": f"n{n}", "method": "GET", "uri": f"{base}/{n}", "credits": 100_000}
        push.send(b"J" + json.dumps(request).encode())
    bodies = {}
    while sum("more" not in reply for reply in bodies.values()) < 100:
        address, _, text = sub.recv().partition(b" ")
        reply = json.loads(text[1:])
        if reply["id"].startswith("n") and reply.get("type") != "keep-alive":
            previous = bodies.get(reply["id"], {"body": ""})
            bodies[reply["id"]] = {**reply, "body": previous["body"] + reply.get("body", "")}
    print("streamed", len(bodies), sum(len(reply["body"]) for reply in bodies.values()))
finally:
    zurl.terminate()
    zurl.wait()
