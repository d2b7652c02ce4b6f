# SPDX-License-Identifier: GPL-2.0-or-later
"""Relays linked with each other: each a hub on a host of its own, with a guest.

    guest "1" === hub5 relay 1 --- relay 2 --- relay 3, in a row or a ring
"""
import contextlib
import socket
import struct
import time

import pytest

from support.daemon import Daemon, Guest
from support.namespace import Namespace, veth, wait_until

LISTENS = """\
hubs:
  hub5:
    ports:
      - {kind: link, name: relays, listen: 4000, address: 198.51.100.%d, storm: 1000}
"""
GROUP = b"\x01\x00\x5e\x00\x00\xfb"


class Relays:
    """Three of them; join(1, 2): 1 becomes a member of 2."""

    def __init__(self, stack):
        enter = stack.enter_context
        self.wide = enter(Namespace("wide"))
        self.wide.ip("link add br0 type bridge", "link set br0 up")
        self.hosts, self.daemons, self.guests = {}, {}, {}
        for number in (1, 2, 3):
            host = self.hosts[number] = enter(Namespace(f"relay{number}"))
            veth(host, "up0", self.wide, f"r{number}")
            self.wide.ip(f"link set r{number} master br0")
            host.ip(f"address add 198.51.100.{number}/24 dev up0")
            daemon = self.daemons[number] = enter(Daemon(host, LISTENS % number))
            self.guests[number] = enter(Guest(daemon, f"10.5.0.{number}", hub="hub5",
                                              label=f"g{number}", gateway=None))

    def join(self, one, other, role="bridge"):
        text = self.daemons[other].lanyard("link", "invite", "hub5", "--name", f"from{one}",
                                           "--role", role).stdout.strip()
        self.daemons[one].lanyard("link", "join", text, "--hub", "hub5", "--name", f"to{other}")
        wait_until(lambda: all(self.port(*place).get("state") in ("up", "blocked") for place in
                               ((one, f"to{other}"), (other, f"from{one}"))), 10, "not up")

    def port(self, number, name):
        return next((port for port in self.ports(number) if port["name"] == name), {})

    def ports(self, number):
        return self.daemons[number].request("GET", "/v1/hubs/hub5/ports")[1]["ports"]

    def links(self):
        return [(number, port) for number in self.daemons for port in self.ports(number)
                if port["kind"] == "link"]

    def drops(self, reason):
        return sum(port[way]["drops"].get(reason, 0) for _, port in self.links()
                   for way in ("in", "out"))

    def all_reach_all(self):
        return all(self.guests[one].run("ping", "-c", "1", "-W", "1", f"10.5.0.{other}",
                                        check=False).returncode == 0
                   for one in self.guests for other in self.guests if one != other)

    def copies(self, sender, hearer, count=5):
        """How often each of a few group frames of the one is heard by the other."""
        marks = [struct.pack("!HI", 0x88b6, time.monotonic_ns() + n & 0xffffffff)
                 for n in range(count)]
        with self.guests[hearer].entered():
            ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b6))
        with self.guests[sender].entered():
            mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        ear.bind(("eth0", 0))
        mouth.bind(("eth0", 0))
        ear.settimeout(1.5)
        mac = bytes.fromhex(self.guests[sender].mac("eth0").replace(":", ""))
        for mark in marks:
            mouth.send((GROUP + mac + mark).ljust(60, b"\0"))
        heard = 0
        with contextlib.closing(ear), contextlib.closing(mouth), \
                contextlib.suppress(socket.timeout):
            while True:
                heard += ear.recv(100)[12:18] in marks
        return heard / count


@pytest.fixture
def relays():
    with contextlib.ExitStack() as stack:
        yield Relays(stack)


def test_a_row(relays):
    relays.join(1, 2)
    relays.join(3, 2)
    wait_until(relays.all_reach_all, 10, "they do not reach each other")
    assert relays.copies(1, 3) == 1
    assert relays.copies(3, 2) == 1
    assert relays.drops("ttl") == 0


def test_a_ring_that_nobody_looks_at_ends(relays):
    """With no guard, a frame goes round until it has crossed sixteen links."""
    for one, other in ((1, 2), (2, 3)):
        relays.join(one, other)
        relays.daemons[other].lanyard("set", f"hub5.from{one}", "loop-guard=false")
    relays.daemons[1].lanyard("set", "hub5.relays", "loop-guard=false")
    relays.join(3, 1)
    relays.daemons[1].lanyard("set", "hub5.from3", "loop-guard=false")
    time.sleep(5)
    before = relays.drops("ttl")
    assert 2 < relays.copies(1, 2, 1) <= 12
    after = relays.drops("ttl")
    assert after > before
    time.sleep(2)
    assert relays.drops("ttl") < after + 20


def test_a_ring_is_found(relays):
    """Three ways round: one port is blocked within seconds, and what is cut elsewhere heals."""
    for one, other in ((1, 2), (2, 3), (3, 1)):
        relays.join(one, other)
    start = time.monotonic()
    blocked = wait_until(lambda: [(number, port["name"]) for number, port in relays.links()
                                  if port["state"] == "blocked"], 8, "no loop found")
    print(f"found in {time.monotonic() - start:.1f} s: {blocked}")
    time.sleep(6)
    assert [(number, port["name"]) for number, port in relays.links()
            if port["state"] == "blocked"] == blocked
    wait_until(relays.all_reach_all, 10, "they do not reach each other")
    assert relays.copies(1, 3) == 1 and relays.copies(3, 2) == 1
    before = sum(port["in"]["frames"] for _, port in relays.links())
    time.sleep(3)
    assert sum(port["in"]["frames"] for _, port in relays.links()) - before < 300
    # Another way of the ring goes away.
    number = blocked[0][0] % 3 + 1
    name = next(port["name"] for owner, port in relays.links()
                if owner == number and port["name"].startswith("from"))
    relays.daemons[number].lanyard("link", "revoke", name)
    wait_until(relays.all_reach_all, 12, "it does not heal")


def test_a_mesh_has_no_loop(relays):
    """All linked with each other: what came by such a link leaves by none."""
    for one, other in ((1, 2), (2, 3), (3, 1)):
        relays.join(one, other, "relay")
    wait_until(relays.all_reach_all, 10, "they do not reach each other")
    time.sleep(5)
    assert not [port for _, port in relays.links() if port["state"] != "up"]
    for one, other in ((1, 3), (3, 2), (2, 1)):
        assert relays.copies(one, other) == 1
    assert relays.drops("ttl") == 0 and relays.drops("policy") > 0
    # Each frame takes the direct way.
    before = relays.port(2, "from1")["in"]["frames"]
    relays.guests[3].run("ping", "-c", "5", "-i", "0.2", "-W", "1", "10.5.0.1")
    assert relays.port(2, "from1")["in"]["frames"] - before < 5
