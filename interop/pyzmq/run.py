"""Builds pyzmq from its source against a libzmq and runs pyzmq's own tests, with ours those of the draft interface, too.

    python3 interop/pyzmq/run.py --work DIR [--prefix DIR]

Without a prefix the system's libzmq is taken: its figures are what ours are compared with. What is downloaded and
built stays in the working directory for the next run.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
PYZMQ = "27.3.0"
# The whole suite; it takes less than two minutes where nothing else runs.
LIMIT_SECONDS = 900


def run(*command, **options):
    print("$", *command, flush=True)
    subprocess.run([str(word) for word in command], check=True, **options)


def digest(*parts):
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def once(stamp, state, make):
    """Makes something unless it was made in the same state before."""
    if stamp.exists() and stamp.read_text() == state:
        return
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(state)


def environment(work):
    """A virtual environment with the pinned packages."""
    venv = work / "venv"

    def make():
        shutil.rmtree(venv, ignore_errors=True)
        run(sys.executable, "-m", "venv", venv)
        run(venv / "bin/pip", "install", "--quiet", "--only-binary=:all:", "--requirement", REQUIREMENTS)

    once(work / "venv.stamp", digest(sys.version, venv, REQUIREMENTS.read_text()), make)
    return venv


def source(work, venv):
    """The unpacked source of pyzmq."""
    unpacked = work / f"pyzmq-{PYZMQ}"

    def make():
        shutil.rmtree(unpacked, ignore_errors=True)
        run(
            venv / "bin/pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", "--no-build-isolation",
            "--dest", work, f"pyzmq=={PYZMQ}",
        )
        with tarfile.open(work / f"pyzmq-{PYZMQ}.tar.gz") as archive:
            archive.extractall(work)

    once(work / "source.stamp", PYZMQ, make)
    return unpacked


def build(work, venv, unpacked, prefix):
    """Builds and installs pyzmq, for the header and the place of the library."""
    header = (prefix or Path("/usr")) / "include/zmq.h"
    choices = {"PYZMQ_NO_BUNDLE": "1", "ZMQ_PREFIX": str(prefix or "auto")}
    if prefix:
        choices["ZMQ_DRAFT_API"] = "1"  # Debian's libzmq is built without it
    state = digest(choices, header.read_text(), (work / "venv.stamp").read_text())

    def make():
        variables = {**os.environ, **choices}
        run(
            venv / "bin/pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "--force-reinstall",
            "--no-cache-dir", unpacked, env=variables,
        )

    once(work / "build.stamp", state, make)


def test(work, venv, unpacked, ours):
    """Runs the tests, away from the source, so that what is installed is imported."""
    suite = work / "suite"
    shutil.rmtree(suite, ignore_errors=True)
    suite.mkdir()
    shutil.copytree(unpacked / "tests", suite / "tests")
    shutil.copy(unpacked / "pytest.ini", suite)
    plugin = ["-p", "expectations"] if ours else []
    command = [
        venv / "bin/pytest", "--quiet", "-p", "no:cacheprovider", "--timeout=120", "-rfExX", "--disable-warnings",
        "--durations=5", *plugin,
    ]
    run(*command, cwd=suite, env={**os.environ, "PYTHONPATH": str(HERE)}, timeout=LIMIT_SECONDS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where things are built")
    parser.add_argument("--prefix", type=Path, help="where libzmq is installed; none: the system's")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    prefix = arguments.prefix and arguments.prefix.resolve()
    venv = environment(work)
    unpacked = source(work, venv)
    build(work, venv, unpacked, prefix)
    library = "import zmq; print('pyzmq', zmq.__version__, 'with libzmq', zmq.zmq_version())"
    run(venv / "bin/python", "-c", library, cwd=work)
    test(work, venv, unpacked, ours=prefix is not None)


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        sys.exit(f"run.py: {error}")
