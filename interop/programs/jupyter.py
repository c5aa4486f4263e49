# packages: python3-ipykernel python3-jupyter-client
# loads: python3
# run: python3 -P "$0" python3
"""A kernel of Jupyter, IPython's here, and its client: code is executed and completed, its output published."""

import sys

from jupyter_client.manager import start_new_kernel

KERNEL = sys.argv[1]


def output_of(client, code):
    """What is published while some code runs."""
    lines = []

    def hook(message):
        content = message["content"]
        lines.extend(content[key] for key in ("text", "ename") if key in content)
        if message["msg_type"] == "execute_result":
            lines.append(content["data"]["text/plain"])

    reply = client.execute_interactive(code, output_hook=hook, timeout=30)
    return reply["content"]["status"], "".join(lines)


manager, client = start_new_kernel(kernel_name=KERNEL, startup_timeout=30)
try:
    print(output_of(client, "6 * 7"))
    print(output_of(client, "for n in range(3): print(n)"))
    print(output_of(client, "print(len('x' * 1_000_000)); 'y' * 100_000")[1][:20])
    print(output_of(client, "1 / 0"))
    request = client.complete("imp")
    print("import" in client.get_shell_msg(timeout=30)["content"]["matches"])
    print("alive:", client.is_alive())
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=False)
