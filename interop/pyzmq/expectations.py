"""What pyzmq's tests do on our library, beside passing.

A plugin of pytest. A test that fails must be listed here, and so must the reason of one that is skipped; what is listed
and does not happen any more is an error too, so that the lists stay true.
"""

import logging

import pytest

# Test: why it fails. It must fail.
FAILURES = {}

# Test: why it may be tried again. They count on something to happen in time, and on a busy machine it does not always.
MONITORED = "subscribes in the call before it sends: the publisher, in another context, may send before it hears of that"
RACES = {
    "tests/test_monqueue.py::TestMonitoredQueue::test_monitor": MONITORED,
    "tests/test_monqueue.py::TestMonitoredQueue::test_prefix": MONITORED,
    "tests/test_log.py::TestPubLog::test_blank_root_topic": "sends at once to who has just subscribed over tcp",
}

# Part of the reason that pyzmq gives for skipping: why that is right.
SKIPS = {
    "Steerable Proxies removed": "pyzmq's word for any libzmq since 4.3.5",
    "bundled libzmq": "about pyzmq's own copy of libzmq",
    "CFFI not available": "about pyzmq's backend for PyPy",
    "TODO": "not written in pyzmq yet",
    "Windows only": "this is not Windows",
    "mypy": "about pyzmq's own types",
    "gevent": "not installed",
    "numpy": "not installed",
    "pyczmq": "not installed",
}

unlisted = []
seen = set()


def pytest_collection_modifyitems(items):
    names = {item.nodeid for item in items}
    for name in [*FAILURES, *RACES]:
        if name not in names:
            unlisted.append(f"{name} is listed but there is no such test")
    for item in items:
        if item.nodeid in FAILURES:
            item.add_marker(pytest.mark.xfail(reason=FAILURES[item.nodeid], strict=True))
        if item.nodeid in RACES:
            item.add_marker(pytest.mark.flaky(reruns=4))
            item.cls.test_timeout_seconds = 10


@pytest.fixture(autouse=True)
def forget_handlers():
    """A test that fails leaves its handler, with a closed socket, to those after it and to its own next try."""
    yield
    logging.getLogger("zmqtest").handlers.clear()


def note_skip(report):
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    matching = [part for part in SKIPS if part in reason]
    seen.update(matching)
    if not matching:
        unlisted.append(f"{report.nodeid} is skipped: {reason}")


def pytest_runtest_logreport(report):
    note_skip(report)


def pytest_collectreport(report):
    note_skip(report)


def pytest_sessionfinish(session):
    unlisted.extend(f'nothing is skipped for "{part}" any more' for part in SKIPS if part not in seen)
    if unlisted and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    if unlisted:
        terminalreporter.section("expectations.py says otherwise")
        for line in unlisted:
            terminalreporter.line(line)
