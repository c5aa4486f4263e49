# packages: pmacct python3
# loads: pmacctd
# run: python3 -P "$0"
"""pmacct counts the bytes of captured packets; its processes hand on what they count by PUSH, with PLAIN."""

import os
import struct
import subprocess


def packet(source, length):
    """An Ethernet frame with an IP packet, UDP without a checksum."""
    body = struct.pack("!HHHH", 1000, 2000, 8 + length, 0) + bytes(length)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 17, 0, bytes([10, 0, 0, source]), bytes([10, 0, 0, 99]))
    return bytes(12) + b"\x08\x00" + header + body


with open("packets", "wb") as file:
    file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    # One of its buffers: of what comes after that it may count more or less before it ends.
    for n in range(50):
        data = packet(n % 3 + 1, n)
        file.write(struct.pack("=IIII", 1_700_000_000, n, len(data), len(data)) + data)
with open("pmacctd.conf", "w") as file:
    file.write(
        "daemonize: false\npcap_savefile: packets\naggregate[count]: src_host, dst_host\nplugins: print[count]\n"
        "plugin_pipe_zmq[count]: true\nplugin_pipe_zmq_profile[count]: micro\nprint_output[count]: csv\n"
        f"print_output_file[count]: {os.getcwd()}/counted\nprint_refresh_time[count]: 1\nprint_history[count]: 1d\n"
    )
with open("output", "w") as log:
    subprocess.run(["pmacctd", "-f", "pmacctd.conf"], stdout=log, stderr=log, timeout=30, check=True)
print(open("counted").read())
