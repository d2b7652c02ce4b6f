# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon with nothing to do: small, still, and soon there.

    guest (DHCP, says nothing) === hub8 [nat] [dhcp] lanyardd "host" --- "server"
"""
import resource
import time

import pytest

from support.daemon import RELEASE, Guest
from support.namespace import wait_until
from support.topology import HOST, SERVER

SECONDS = 5


def wakeups_in(daemon, seconds):
    before = daemon.wakeups()
    time.sleep(seconds)
    return daemon.wakeups() - before


def quiet(guest):
    """IPv6 has much to say on a fresh link."""
    guest.sysctl("net.ipv6.conf.all.disable_ipv6", 1)


def ticks_in(daemon, seconds):
    """Processor time used, in hundredths of a second."""
    def ticks():
        with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    before = ticks()
    time.sleep(seconds)
    return ticks() - before


@pytest.fixture()
def fresh(network):
    with network.daemon(build=RELEASE) as daemon:
        yield daemon


def test_ready_at_once(network):
    """Under 100 ms, the median of some starts."""
    seconds = []
    for _ in range(7):
        with network.daemon(build=RELEASE) as daemon:
            seconds.append(daemon.ready_seconds)
    print("ready after", *(f"{value * 1000:.0f}" for value in sorted(seconds)), "ms")
    assert sorted(seconds)[3] < 0.1


def test_small(fresh):
    print(f"{fresh.resident() / 1e6:.1f} MB")
    assert fresh.resident() < 12 << 20


def test_still(fresh):
    time.sleep(1)
    assert wakeups_in(fresh, SECONDS) == 0


def test_still_beside_an_idle_guest(fresh):
    """And beside an open connection on which nothing moves."""
    with Guest(fresh) as guest, fresh.host.listen("198.51.100.1") as listener:
        quiet(guest)
        with guest.connect("198.51.100.1", listener.getsockname()[1]):
            time.sleep(7)  # the guest's kernel asks once more by ARP whether the gateway is there
            wait_until(lambda: wakeups_in(fresh, 1) == 0, 30, "it does not come to rest")
            assert wakeups_in(fresh, SECONDS) == 0
        assert fresh.resident() < 12 << 20


def test_still_again_after_work(fresh, network):
    """Timers, descriptors and memory of what is over are gone."""
    with Guest(fresh) as guest, network.server.listen(SERVER) as listener:
        quiet(guest)
        before = fresh.descriptors()
        for _ in range(200):
            with guest.connect(SERVER, listener.getsockname()[1]) as sock:
                sock.sendall(bytes(10000))
                served, _ = listener.accept()
                served.recv(10000)
                served.close()
        wait_until(lambda: fresh.descriptors() <= before + 2, 90, "descriptors stay open")
        wait_until(lambda: wakeups_in(fresh, 2) <= 1, 90, "it does not come to rest")


def test_processor_time(fresh):
    """Two seconds of nothing cost nothing."""
    assert ticks_in(fresh, 2) == 0


def test_no_descriptor_for_a_client(network):
    """A client of a forward that cannot be accepted waits; the daemon does not spin meanwhile."""
    with network.daemon(build=RELEASE) as daemon, Guest(daemon, "192.168.120.10") as guest:
        daemon.lanyard("forward", "add", "hub8", "tcp", f"{HOST}:8080", "192.168.120.10:80")
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1, limits[1]))
        with guest.listen("192.168.120.10", 80) as listener, \
                network.server.connect(HOST, 8080):
            assert ticks_in(daemon, 2) < 20
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
            listener.accept()[0].close()


def test_out_of_descriptors(network):
    """A guest that takes them all locks nobody out: no spinning, the API answers, and there are
    some again when it lets go."""
    with network.daemon(build=RELEASE, files_max=128) as daemon, \
            Guest(daemon, "192.168.120.10") as guest:
        held = []
        with network.server.listen(SERVER) as listener:
            for _ in range(300):
                sock = guest.socket()
                sock.setblocking(False)
                sock.connect_ex((SERVER, listener.getsockname()[1]))
                held.append(sock)
            time.sleep(1)
            assert wakeups_in(daemon, 2) < 2000
            assert daemon.lanyard("show", timeout=10).stdout
        for sock in held:
            sock.close()
        with network.server.listen(SERVER) as listener:
            wait_until(lambda: can_connect(guest, listener.getsockname()[1]), 20,
                       "it does not recover")


def can_connect(guest, port):
    try:
        guest.connect(SERVER, port, timeout=2).close()
        return True
    except OSError:
        return False
