# packages: libzmq3-dev gcc
# loads: example
# run: python3 -P "$0"
"""The examples of libzmq's manual pages, taken from the installed pages, compiled against our header, and run.

Each is put into a `main` with the variables that it takes for granted. It runs where it is whole, or where a
counterpart is enough to make it so; the table says what it needs, or why it cannot be compiled or run.
"""

import collections
import glob
import gzip
import os
import re
import subprocess
import sys

# What a fragment may take for granted.
CONTEXT = "void *context = zmq_ctx_new ();\n"
# A pair of sockets of the kinds A and B over inproc.
PAIR = CONTEXT + (
    "void *socket = zmq_socket (context, {0}), *peer = zmq_socket (context, {1});\n"
    'assert (zmq_bind (socket, "inproc://example") == 0 && zmq_connect (peer, "inproc://example") == 0);\n'
)
PULL, PUSH = PAIR.format("ZMQ_PULL", "ZMQ_PUSH"), PAIR.format("ZMQ_PUSH", "ZMQ_PULL")
MESSAGES = 'assert (zmq_send (peer, "A", 1, ZMQ_SNDMORE) == 1 && zmq_send (peer, "B", 1, 0) == 1);\n'
ONE = 'assert (zmq_send (peer, "AAAAAA", 6, 0) == 6);\n'
PARTS = "zmq_msg_t part1, part2, part3;\nzmq_msg_init (&part1), zmq_msg_init (&part2), zmq_msg_init (&part3);\n"
THREE = (
    "for (int n = 0; n < 3; n++) {\n"
    "char bytes [8];\nassert (zmq_recv (peer, bytes, 8, 0) >= 0);\n"
    "int more_;\nsize_t size_ = sizeof more_;\nzmq_getsockopt (peer, ZMQ_RCVMORE, &more_, &size_);\n"
    "assert (more_ == (n < 2));\n}\n"
)
SIX = 'char bytes [8];\nassert (zmq_recv (peer, bytes, 8, 0) == 6 && memcmp (bytes, "AAAAAA", 6) == 0);\n'
RC = "int rc;\n"
CURVE = 'if (!zmq_has ("curve")) return 0;\n'
RUN, COMPILE, NEITHER = "run", "compile", "neither"

Way = collections.namedtuple("Way", "how before after why edit", defaults=("", "", "", ()))
ORDER = "gives zmq_msg_recv its arguments in the wrong order"
ELSEWHERE = "names hosts, interfaces or fixed ports that are not here"


def socket(kind):
    return CONTEXT + f"void *socket = zmq_socket (context, {kind});\n" + RC


# By page and number of the example.
WAYS = {
    **{f"zmq_atomic_counter_{name} 1": Way(RUN) for name in "dec destroy inc new set value".split()},
    "zmq_bind 1": Way(COMPILE, CONTEXT, why=ELSEWHERE),
    "zmq_connect 1": Way(COMPILE, CONTEXT, why=ELSEWHERE),
    "zmq_connect_peer 1": Way(COMPILE, CONTEXT, why="a draft, and a host that is not here"),
    "zmq_ctx_get 1": Way(RUN),
    "zmq_ctx_get 2": Way(RUN, "void *ctx = zmq_ctx_new ();\n", "assert (zmq_ctx_get (ctx, ZMQ_BLOCKY) == 0);\n"),
    "zmq_ctx_set 1": Way(RUN),
    "zmq_curve_keypair 1": Way(RUN, CURVE, "assert (strlen (public_key) == 40);\n"),
    "zmq_curve_public 1": Way(RUN, CURVE),
    "zmq_disconnect 1": Way(COMPILE, CONTEXT + RC, why=ELSEWHERE),
    "zmq_getsockopt 1": Way(RUN, socket("ZMQ_PUSH"), "assert (sndhwm == 1000);\n"),
    "zmq_inproc 1": Way(RUN, socket("ZMQ_PULL")),
    "zmq_inproc 2": Way(RUN, socket("ZMQ_PULL")),
    "zmq_ipc 1": Way(COMPILE, socket("ZMQ_PULL"), why="a path outside of the test's directory"),
    "zmq_ipc 2": Way(RUN, socket("ZMQ_PULL")),
    "zmq_msg_copy 1": Way(COMPILE, why="calls a function that came after Debian's 4.3.4", edit=(("...\n", ""),)),
    "zmq_msg_get 1": Way(COMPILE, PULL, why=ORDER),
    "zmq_msg_gets 1": Way(
        RUN,
        CONTEXT + RC + "void *dealer = zmq_socket (context, ZMQ_DEALER), *peer = zmq_socket (context, ZMQ_DEALER);\n"
        'assert (zmq_bind (dealer, "inproc://example") == 0 && zmq_connect (peer, "inproc://example") == 0);\n' + ONE,
        "assert (user_id == NULL);\n",
    ),
    "zmq_msg_init 1": Way(COMPILE, PULL + RC, why=ORDER),
    "zmq_msg_init_data 1": Way(
        RUN, PUSH + RC, "assert (zmq_msg_send (&msg, socket, 0) == 6);\n", edit=(("    /*  ...  */\n", "@MAIN\n"),)
    ),
    "zmq_msg_more 1": Way(COMPILE, PULL, why=ORDER),
    "zmq_msg_recv 1": Way(RUN, PULL + ONE, "assert (rc == 6);\n"),
    "zmq_msg_recv 2": Way(RUN, PULL + MESSAGES),
    "zmq_msg_routing_id 1": Way(COMPILE, why="a draft, and a fixed port"),
    "zmq_msg_send 1": Way(RUN, PUSH, SIX),
    "zmq_msg_send 2": Way(RUN, PUSH + PARTS + RC, "assert (rc == 0);\n" + THREE),
    "zmq_pgm 1": Way(COMPILE, socket("ZMQ_PUB"), why="PGM is not in Debian's libzmq either, and " + ELSEWHERE),
    "zmq_poll 1": Way(
        RUN, PULL + ONE + "int fd = STDIN_FILENO;\n", "assert (items [0].revents == ZMQ_POLLIN);\n"
    ),
    "zmq_poller 1": Way(COMPILE, PULL + "int fd = 0;\n", why="a draft"),
    "zmq_proxy 1": Way(COMPILE, CONTEXT, why="fixed ports, and does not end"),
    "zmq_proxy_steerable 1": Way(COMPILE, CONTEXT, why="fixed ports; its assertions contradict the page"),
    "zmq_proxy_steerable 2": Way(NEITHER, why="text of the page got into the example"),
    "zmq_recv 1": Way(RUN, PULL + ONE + "int nbytes;\n", "assert (nbytes == 6);\n"),
    "zmq_recvmsg 1": Way(RUN, PULL + ONE, "assert (rc == 6);\n"),
    "zmq_recvmsg 2": Way(RUN, PULL + MESSAGES),
    "zmq_send 1": Way(RUN, PUSH + RC, THREE),
    "zmq_send_const 1": Way(RUN, PUSH + RC, THREE),
    "zmq_sendmsg 1": Way(RUN, PUSH, SIX),
    "zmq_sendmsg 2": Way(RUN, PUSH + PARTS + RC, "assert (rc == 0);\n" + THREE),
    "zmq_setsockopt 1": Way(RUN, socket("ZMQ_SUB"), "assert (rc == 0);\n"),
    "zmq_setsockopt 2": Way(COMPILE, socket("ZMQ_PULL"), why="fixed ports; its assertions contradict the page"),
    "zmq_socket 1": Way(COMPILE, why="a fixed port, and does not end"),
    "zmq_socket_monitor 1": Way(COMPILE, why="calls functions that it does not show; the close races with the events"),
    "zmq_socket_monitor_versioned 1": Way(NEITHER, why="calls functions that it does not show, and misspells variables"),
    "zmq_strerror 1": Way(NEITHER, why="calls zmq_init with three arguments"),
    "zmq_tcp 1": Way(COMPILE, socket("ZMQ_PULL"), why=ELSEWHERE),
    "zmq_tcp 2": Way(COMPILE, socket("ZMQ_PULL"), why=ELSEWHERE),
    "zmq_timers 1": Way(
        COMPILE,
        why="asserts what only a further zmq_timers_execute would bring about",
        edit=(("    ...\n", "int msleep (long);\n@MAIN\n"),),
    ),
    "zmq_tipc 1": Way(COMPILE, socket("ZMQ_PULL"), why="TIPC takes a module of the kernel"),
    "zmq_tipc 2": Way(COMPILE, socket("ZMQ_PULL"), why="TIPC takes a module of the kernel"),
    "zmq_udp 1": Way(COMPILE, "void *dish = NULL;\n" + RC, why="a draft, and " + ELSEWHERE),
    "zmq_udp 2": Way(NEITHER, why="quotation marks are missing"),
    "zmq_unbind 1": Way(COMPILE, CONTEXT + RC, why=ELSEWHERE),
    "zmq_unbind 2": Way(RUN, CONTEXT + RC),
    "zmq_version 1": Way(COMPILE, why="prints the version, which differs"),
    "zmq_vmci 1": Way(NEITHER, why="takes a header of VMware"),
    "zmq_vmci 2": Way(COMPILE, socket("ZMQ_PULL") + "int cid = 0;\nchar endpoint [64];\n", why="takes VMware"),
    "zmq_z85_decode 1": Way(RUN, after="char text [41];\nassert (!strcmp (zmq_z85_encode (text, public_key, 32), decoded));\n"),
    "zmq_z85_encode 1": Way(NEITHER, why="takes libsodium's header"),
}

HEADERS = "assert.h errno.h stdbool.h stdint.h stdio.h stdlib.h string.h unistd.h zmq.h".split()
REPLACEMENTS = (("\\-", "-"), ("\\&", ""), ("\\(aq", "'"), ("\\*(Aq", "'"), ("\\(dq", '"'), ("\\e", "\\"))


def plain(line):
    """A line of a page without troff's marks."""
    for mark, text in REPLACEMENTS:
        line = line.replace(mark, text)
    return re.sub(r"\\f[BIRP]", "", line)


def examples():
    """The literal blocks of the sections that are called EXAMPLE, by page and number."""
    for path in sorted(glob.glob("/usr/share/man/man[37]/zmq*.gz")):
        page, section, block, number = os.path.basename(path).split(".")[0], "", None, 0
        for line in gzip.open(path, "rt", encoding="utf-8").read().split("\n"):
            if line.startswith(".SH"):
                section = line
            elif "EXAMPLE" in section and line == ".nf":
                block = []
            elif line == ".fi" and block is not None:
                number += 1
                yield f"{page} {number}", "".join(line + "\n" for line in block)
                block = None
            elif block is not None:
                block.append(plain(line))


def program(example, way):
    """A whole program of an example."""
    for old, new in way.edit:
        assert old in example, f"the example has changed: {old!r} is not in it"
        example = example.replace(old, new)
    includes = "#define _GNU_SOURCE\n#define ZMQ_BUILD_DRAFT_API\n" + "".join(f"#include <{header}>\n" for header in HEADERS)
    if "int main" in example:
        return includes + "void bounce (void *, void *);\nvoid close_zero_linger (void *);\n" + example
    above, mark, body = example.rpartition("@MAIN\n")
    return f"{includes}{above}int main (void)\n{{\n{way.before}{body}{way.after}return 0;\n}}\n"


def compiles(source, *more):
    with open("example.c", "w") as file:
        file.write(source)
    line = ["cc", "-w", f"-I{os.environ['INCLUDE']}", "example.c", *more]
    return subprocess.run(line, stderr=subprocess.PIPE, text=True)


counts = collections.Counter()
for name, example in examples():
    way = WAYS.get(name, Way(NEITHER, why="not in the table"))
    counts["examples"] += 1
    counts["pages"] += name.endswith(" 1")
    if way.how == NEITHER:
        print(f"{name}: not compiled: {way.why}")
        continue
    if way.how == COMPILE:
        result = compiles(program(example, way), "-c")
    else:
        library = ["-o", "example", f"-L{os.environ['LD_LIBRARY_PATH']}", "-l:libzmq.so.5"]
        result = compiles(program(example, way), *library)
    if result.returncode:
        sys.exit(f"{name} does not compile\n{result.stderr}")
    counts["compiled"] += 1
    if way.how == COMPILE:
        print(f"{name}: compiled, not run: {way.why}")
        continue
    ended = subprocess.run(["./example"], timeout=20, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        sys.exit(f"{name}: {ended.returncode}\n{ended.stderr}")
    counts["run"] += 1
    print(f"{name}: run" + (", if CURVE is there" if way.before == CURVE else ""))
missing = sorted(WAYS.keys() - {name for name, _ in examples()})
if missing:
    sys.exit(f"without an example: {missing}")
print(", ".join(f"{count} {what}" for what, count in counts.items()))
