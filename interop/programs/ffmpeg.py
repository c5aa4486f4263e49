# packages: ffmpeg python3-zmq
# loads: ffmpeg python3
# run: python3 -P "$0"
# large: 56 MB to fetch, 166 MB on disk
"""FFmpeg: its filter zmq takes commands by REP while a film runs, its protocol zmq sends and receives a stream by PUB and SUB."""

import subprocess
import zmq

QUIET = ["ffmpeg", "-nostdin", "-loglevel", "error"]
ctx = zmq.Context()
ctx.linger, ctx.rcvtimeo = 0, 15_000

# Pictures of one colour; the command changes the colour, and the picture's checksum with it.
graph = "color=c=red:size=16x16:rate=25,drawbox@box=x=0:y=0:w=4:h=4:color=blue:t=fill,zmq=bind_address=ipc\\\\\\://commands,realtime"
film = subprocess.Popen(
    [*QUIET, "-f", "lavfi", "-i", graph, "-f", "framemd5", "-flush_packets", "1", "-"], stdout=subprocess.PIPE, text=True
)
try:
    commands = ctx.socket(zmq.REQ)
    commands.connect("ipc://commands")
    pictures = (line.split(",")[-1].strip() for line in film.stdout if not line.startswith("#"))
    first = next(pictures)
    commands.send_string("drawbox@box color green")
    print("answer:", commands.recv_string())
    print("the picture changes:", next(sum_ for sum_ in pictures if sum_ != first) != first)
    commands.send_string("nobody color green")
    print("answer:", commands.recv_string())
finally:
    film.kill()
    film.wait()

# A receiver hears a sender that goes on until it has heard enough.
sender = subprocess.Popen(
    [*QUIET, "-re", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=50", "-c:v", "mpeg2video", "-g", "5", "-f", "mpegts"]
    + ["zmq:ipc://stream"]
)
try:
    receiver = [*QUIET[:3], "fatal", "-i", "zmq:ipc://stream", "-frames:v", "25", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    received = subprocess.run(receiver, stdout=subprocess.PIPE, timeout=40)
    print("received pictures:", len(received.stdout) // (64 * 64))
finally:
    sender.kill()
    sender.wait()
