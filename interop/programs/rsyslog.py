# packages: rsyslog-czmq rsyslog python3-zmq
# loads: python3 rsyslogd
# run: python3 -P "$0"
"""rsyslog, whose messages come in by PULL and go out by PUSH, through libczmq."""

import os
import subprocess

import zmq

ctx = zmq.Context()
ctx.linger, ctx.rcvtimeo = 0, 15_000
here = os.getcwd()
with open("rsyslog.conf", "w") as file:
    file.write(
        f"""
global(workDirectory="{here}")
module(load="imczmq")
module(load="omczmq")
template(name="line" type="string" string="<%pri%> %programname%:%msg%")
input(type="imczmq" endpoints="@ipc://{here}/in" socktype="PULL" ruleset="on")
ruleset(name="on") {{ action(type="omczmq" endpoints=">ipc://{here}/out" socktype="PUSH" template="line") }}
"""
    )
sink, source = ctx.socket(zmq.PULL), ctx.socket(zmq.PUSH)
sink.bind("ipc://out")
source.connect("ipc://in")
log = open("output", "w")
rsyslogd = subprocess.Popen(["rsyslogd", "-n", "-f", "rsyslog.conf", "-i", f"{here}/pid"], stdout=log, stderr=log)
try:
    for n in range(500):
        source.send_string(f"<{n % 190}>Oct 11 22:14:15 host prog{n}: message {n}")
    lines = [sink.recv_string() for _ in range(500)]
    print(len(lines), len(set(lines)), sorted(lines)[0], sorted(lines)[-1])
finally:
    rsyslogd.terminate()
    rsyslogd.wait()
