# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests in namespaces and virtual machines, and what is printed when one fails.

LANYARD_BUILD       the build folder under test (default: build)
LANYARD_RELEASE     the one for tests that measure (default: the same)
LANYARD_STANDIN     "kernel": the NAT tests run against the kernel's NAT, to test the tests
LANYARD_SOAK        set: the long forms
"""
import os
import resource
import signal

import pytest

from support import daemon as daemons
from support import machine as machines
from support.daemon import BUILD, Guest, RELEASE
from support.namespace import remove_leftovers
from support.topology import KernelNat, Network

SOAK = bool(os.environ.get("LANYARD_SOAK"))
SECONDS_PER_TEST = 3600 if SOAK else 180
UNPRIVILEGED_PING = "0 2147483647"


def pytest_configure(config):
    config.addinivalue_line("markers", "seconds(n): how long this test may take")
    config.addinivalue_line("markers", "soak: takes minutes; part of LANYARD_SOAK alone")
    config.addinivalue_line("markers", "wg(scale, load): of bench/wg_bench, in test_wg_interop.py")
    if os.geteuid():
        raise pytest.UsageError("tests in network namespaces need root: sudo, or make check")
    remove_leftovers()
    # Whoever started us in the background may have had them ignored, and programs inherit that.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def pytest_collection_modifyitems(config, items):
    """What is for the soak alone is not part of a shorter run: neither passed nor skipped."""
    long = [] if SOAK else [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A test that hangs fails, with a trace of where."""
    marker = item.get_closest_marker("seconds")
    seconds = marker.args[0] if marker and not SOAK else SECONDS_PER_TEST

    def on_alarm(*_):
        pytest.fail(f"still not over after {seconds} s")

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and call.when != "teardown":
        if not hasattr(report.longrepr, "addsection"):
            return
        for daemon in daemons.alive:
            report.longrepr.addsection(f"daemon of {daemon.host}", daemon.report())
        for machine in machines.alive:
            report.longrepr.addsection(f"machine {machine}", machine.report())


@pytest.fixture(scope="module")
def network():
    with Network() as made:
        yield made


class StandIn(KernelNat):
    """The kernel, with a daemon's face for the tests that only need a gateway."""

    def is_running(self):
        return True

    def resident(self):
        return 0


@pytest.fixture(scope="module")
def daemon(network):
    """With the default NAT network; the whole module shares it."""
    made = StandIn(network) if os.environ.get("LANYARD_STANDIN") else network.daemon()
    with made:
        yield made


@pytest.fixture(scope="module")
def release_daemon(network, request):
    """For what is measured: never a sanitizer's build."""
    if RELEASE == BUILD:
        yield request.getfixturevalue("daemon")
        return
    with network.daemon(build=RELEASE) as made:
        yield made


@pytest.fixture(scope="module")
def guest(daemon):
    with Guest(daemon, "192.168.120.10", "fd00:8::10") as made:
        yield made


@pytest.fixture(autouse=True)
def still_running(request):
    """No test may leave a daemon dead that it did not end itself."""
    yield
    if "daemon" in request.fixturenames:
        assert request.getfixturevalue("daemon").is_running(), "lanyardd has died"
