# SPDX-License-Identifier: GPL-2.0-or-later
"""What passes through a port with a rate, as iperf3 sees it, and while the rate changes.

    guest "a" .21 ===.
                     hub8 lanyardd "host"
    guest "b" .22 ==='   iperf3 -s
"""
import json
import time

import pytest

from support.daemon import Guest
from support.namespace import wait_until

A, B = "192.168.120.21", "192.168.120.22"


@pytest.fixture(scope="module")
def a(release_daemon):
    with Guest(release_daemon, A, label="a") as made:
        yield made


@pytest.fixture(scope="module")
def b(release_daemon):
    with Guest(release_daemon, B, label="b") as made:
        process = made.start("iperf3", "-s", "--forceflush")
        process.wait_for_output("Server listening")
        yield made


def mbits_through(daemon, guest, seconds=2):
    """What the port lets in, by the hub's own count and clock."""
    before = daemon.port_of(guest)
    time.sleep(seconds)
    after = daemon.port_of(guest)
    count = after["in"]["bytes"] - before["in"]["bytes"]
    return count * 8 / (after["age"] - before["age"]) / 1e6


def assert_rate(measure, least, most):
    """Never more; and as much, if the machine has the time for it."""
    rates = []
    while not rates or rates[-1] < least and len(rates) < 4:
        rates.append(measure())
        assert rates[-1] <= most, rates
    assert rates[-1] >= least, rates


def too_many(daemon, guest):
    return daemon.port_of(guest)["in"]["drops"].get("queue_full", 0)


FLOOD = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("%s", 9))
while True:
    try:
        sock.send(bytes(1400))
    except OSError:
        pass
"""


@pytest.mark.parametrize("rate", [2, 100])
def test_flood(release_daemon, a, b, rate):
    """A sender that knows no mercy."""
    with release_daemon.changed(a, rate=f"{rate}mbit"), b.udp(B, 9):
        before = too_many(release_daemon, a)
        process = a.start("/usr/bin/python3", "-c", FLOOD % B)
        wait_until(lambda: too_many(release_daemon, a) > before)
        assert_rate(lambda: mbits_through(release_daemon, a), 0.97 * rate, 1.06 * rate)
        process.stop()


def mbits(guest, *words):
    done = guest.run("iperf3", "-c", B, "-t", 4, "-O", 1, "-J", *words, timeout=60)
    return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e6


@pytest.mark.parametrize("words", [[], ["-R"]], ids=["in", "out"])
def test_rate(release_daemon, a, b, words):
    with release_daemon.changed(a, rate="100mbit"):
        assert_rate(lambda: mbits(a, *words), 90, 100)


def test_super_frames(release_daemon, a, b):
    """From 500 mbit/s on they are not cut."""
    with release_daemon.changed(a, rate="600mbit"):
        assert_rate(lambda: mbits(a), 520, 600)


def test_rate_of_an_impairment(release_daemon, a, b):
    with release_daemon.changed(b, impair_out="rate 20mbit delay 5ms", rate="50mbit"):
        assert_rate(lambda: mbits(a), 18, 20)
        assert_rate(lambda: mbits(a, "-R"), 45, 50)


def test_change_while_it_runs(release_daemon, a, b):
    before = release_daemon.port_of(a)
    with release_daemon.changed(a, rate="50mbit") as port:
        process = a.start("iperf3", "-c", B, "-t", 8, "-J")
        time.sleep(4)
        release_daemon.lanyard("set", port, "rate=10mbit")
        assert process.wait(30) == 0, process.stdout
    rates = [part["sum"]["bits_per_second"] / 1e6
             for part in json.loads(process.stdout)["intervals"]]
    assert 40 < sum(rates[1:3]) / 2 < 58, rates
    assert 5 < sum(rates[6:8]) / 2 < 15, rates
    after = release_daemon.port_of(a)
    assert (after["slot"], after["interface"]) == (before["slot"], before["interface"])
    assert after["age"] > before["age"] + 8
