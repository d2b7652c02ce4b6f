# SPDX-License-Identifier: GPL-2.0-or-later
"""Links over paths that carry less than Ethernet, and do not say so.

    a === hub5 relay -- r1 ---- r2 -- hub5 office === b
         198.51.100.1     narrow   203.0.113.1
"""
import contextlib
import json
import os
import socket

import pytest

from support.daemon import Daemon, Guest
from support.namespace import Namespace, veth, wait_until

RELAY, OFFICE = "198.51.100.1", "203.0.113.1"
RELAY_CONFIG = """\
hubs:
  hub5:
    subnet: 10.5.0.0/24
    mtu: 9000
    ports:
      - {kind: link, listen: 4000, address: 198.51.100.1}
"""
OFFICE_CONFIG = """\
hubs:
  hub5:
    mtu: 9000
"""
SIZES = (1300, 1380, 1472, 9000)


class Path:
    """Two hosts with ordinary interfaces, and two routers that drop what is too long, silently."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        for name in ("relay", "r1", "r2", "office"):
            setattr(self, name, self.stack.enter_context(Namespace(name)))
        veth(self.relay, "up0", self.r1, "down0")
        veth(self.office, "up0", self.r2, "down0")
        veth(self.r1, "up0", self.r2, "up0", mtu=1300)
        self.relay.ip(f"address add {RELAY}/24 dev up0", "route add default via 198.51.100.254")
        self.office.ip(f"address add {OFFICE}/24 dev up0", "route add default via 203.0.113.254")
        self.r1.ip("address add 198.51.100.254/24 dev down0", "address add 192.0.2.1/24 dev up0",
                   "route add 203.0.113.0/24 via 192.0.2.2")
        self.r2.ip("address add 203.0.113.254/24 dev down0", "address add 192.0.2.2/24 dev up0",
                   "route add 198.51.100.0/24 via 192.0.2.1")
        for router in (self.r1, self.r2):
            router.sysctl("net.ipv4.ip_forward", 1)
            router.run("nft", "add table ip t; add chain ip t out { type filter hook output "
                       "priority 0 ; }; add rule ip t out meta l4proto icmp drop")

    def carries(self, mtu):
        for router in (self.r1, self.r2):
            router.ip(f"link set up0 mtu {mtu}")


@pytest.fixture(scope="module")
def path():
    made = Path()
    with made.stack:
        yield made


@pytest.fixture(scope="module")
def relay(path):
    with Daemon(path.relay, RELAY_CONFIG) as made:
        yield made


def member(relay):
    found = [member for link in relay.json("link", "list") for member in link["members"]]
    return found[0]["port"]


@pytest.fixture(scope="module")
def office(path, relay):
    with Daemon(path.office, OFFICE_CONFIG) as made:
        invite = relay.lanyard("link", "invite", "hub5", "--name", "office", "--role", "bridge")
        made.lanyard("link", "join", invite.stdout.strip(), "--hub", "hub5")
        wait_until(lambda: member(relay)["state"] == "up", 10, "office is not up")
        yield made


@pytest.fixture(scope="module")
def a(relay):
    with Guest(relay, "10.5.0.11", hub="hub5", label="a", gateway=None) as made:
        yield made


@pytest.fixture(scope="module")
def b(office):
    with Guest(office, "10.5.0.12", hub="hub5", label="b", gateway=None) as made:
        yield made


def datagram_arrives(source, target, size):
    """As it was, with the checksum left to the hub."""
    payload = os.urandom(size - 28)
    with target.udp(target.address) as receiver, source.udp() as sender:
        receiver.settimeout(0.5)
        for _ in range(8):
            sender.sendto(payload, receiver.getsockname())
            with contextlib.suppress(TimeoutError):
                return receiver.recv(10000) == payload
    return False


def bulk(source, target, *words):
    server = target.start("iperf3", "-s", "-1", "--forceflush")
    server.wait_for_output("Server listening")
    done = source.run("iperf3", "-c", target.address, "-t", "1", "-J", *words, check=False,
                      timeout=20)
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)["end"]["sum_received"]["bytes"]


@pytest.mark.parametrize("mtu", [1500])
@pytest.mark.parametrize("guest_mtu", [1380, 1500, 9000])
def test_everything_passes(path, a, b, mtu, guest_mtu):
    path.carries(mtu)
    for guest in (a, b):
        guest.ip(f"link set eth0 mtu {guest_mtu}")
    for size in SIZES:
        assert datagram_arrives(a, b, size), (size, "from the relay")
        assert datagram_arrives(b, a, size), (size, "to the relay")
    assert bulk(a, b) > 5e6
    assert bulk(a, b, "-R") > 5e6


def test_tcp_is_told_at_both_ends(path, a, b):
    """Whoever opens it: 1380 less 40 of headers and 12 of time stamps."""
    path.carries(1500)
    for guest in (a, b):
        guest.ip("link set eth0 mtu 9000")
    for source, target in ((a, b), (b, a)):
        with target.listen(target.address) as listener, \
                source.connect(*listener.getsockname()) as client, listener.accept()[0] as server:
            for end in (client, server):
                assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) == 1328
