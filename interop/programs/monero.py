# packages: monero python3-zmq
# loads: monerod python3
# run: python3 -P "$0"
# large: 19 MB to fetch, 99 MB on disk
"""monerod on a chain of its own: calls by REQ, and the blocks that it makes published by PUB."""

import json
import socket
import subprocess
import time
import urllib.request

import zmq


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rpc(method, **parameters):
    body = json.dumps({"jsonrpc": "2.0", "id": "0", "method": method, "params": parameters}).encode()
    answer = json.load(urllib.request.urlopen(f"http://127.0.0.1:{http}/json_rpc", body, timeout=30))
    assert "result" in answer, answer
    return answer["result"]


ADDRESS = "42ey1afDFnn4886T7196doS9GPMzexD9gXpsZJDwVjeRVdFCSoHnv7KPbBeGpzJBzHRCAs9UxqeoyFQMYbqSWYTfJJQAWDm"
http, calls, p2p = free_port(), free_port(), free_port()
log = open("output", "w")
daemon = subprocess.Popen(
    ["monerod", "--regtest", "--offline", "--fixed-difficulty=1", "--data-dir=chain", "--non-interactive", "--no-igd"]
    + [f"--rpc-bind-port={http}", f"--zmq-rpc-bind-port={calls}", "--zmq-pub=ipc://blocks", f"--p2p-bind-port={p2p}"]
    + ["--p2p-bind-ip=127.0.0.1", "--disable-dns-checkpoints"],
    stdout=log,
    stderr=log,
)
ctx = zmq.Context()
ctx.linger, ctx.rcvtimeo = 0, 20_000
try:
    request, blocks = ctx.socket(zmq.REQ), ctx.socket(zmq.SUB)
    request.connect(f"tcp://127.0.0.1:{calls}")
    request.send_json({"jsonrpc": "2.0", "id": 1, "method": "get_height", "params": {}})
    print("height", request.recv_json()["result"]["height"])
    blocks.subscribe("json-minimal-chain_main")
    blocks.connect("ipc://blocks")
    # A subscription takes its time: blocks are made until one is heard of.
    while not blocks.poll(100):
        rpc("generateblocks", amount_of_blocks=1, wallet_address=ADDRESS)
    rpc("generateblocks", amount_of_blocks=20, wallet_address=ADDRESS)
    heights, top = [], rpc("get_info")["height"] - 1
    while not heights or heights[-1] < top:
        heights.append(json.loads(blocks.recv().partition(b":")[2])["first_height"])
    print("without a gap", heights == list(range(heights[0], top + 1)), len(heights) > 20)
    request.send_json({"jsonrpc": "2.0", "id": 2, "method": "get_height", "params": {}})
    print("same height", request.recv_json()["result"]["height"] == top + 1)
finally:
    daemon.terminate()
    daemon.wait()
