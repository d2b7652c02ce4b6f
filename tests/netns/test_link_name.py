# SPDX-License-Identifier: GPL-2.0-or-later
"""A relay that is found by its name, and is elsewhere one day.

    guest === hub5 member --- 198.51.100.3
                                            -- wide (a switch)
    guest === hub5 relay ---- 198.51.100.1, then .11, behind a firewall that lets answers out only
"""
import contextlib
import pathlib
import time

import pytest

from support.daemon import Daemon, Guest
from support.namespace import Namespace, bridge, veth, wait_until

OLD, NEW, MEMBER = "198.51.100.1", "198.51.100.11", "198.51.100.3"
NAME = "relay.test"
RELAY_CONFIG = "hubs: {hub5: {ports: [{kind: link, listen: 4000}]}}\n"


def name_is_at(daemon, address):
    hosts = pathlib.Path(f"/proc/{daemon.pid}/root/etc/hosts")
    hosts.write_text(f"127.0.0.1 localhost\n{address} {NAME}\n", encoding="ascii")


class World:
    def __init__(self, stack):
        enter = stack.enter_context
        wide = enter(Namespace("wide"))
        bridge(wide, "br0")
        self.hosts = [enter(Namespace(name)) for name in ("relay", "member")]
        for number, (host, address) in enumerate(zip(self.hosts, (OLD, MEMBER))):
            veth(host, "up0", wide, f"h{number}")
            wide.ip(f"link set h{number} master br0")
            host.ip(f"address add {address}/24 dev up0")
        self.hosts[0].run("nft", "add table ip f; add chain ip f out { type filter hook output "
                          "priority 0 ; }; add rule ip f out oifname up0 ct state new drop")
        self.relay = enter(Daemon(self.hosts[0], RELAY_CONFIG))
        self.member = enter(Daemon(self.hosts[1], "hubs: {hub5: {}}\n"))
        name_is_at(self.member, OLD)
        invitation = self.relay.lanyard("link", "invite", "hub5", "--name", "one").stdout.strip()
        begin, _, token = invitation.partition("#")
        assert begin.startswith("lanyard://")
        self.member.lanyard("link", "join", f"lanyard://{NAME}:4000/#{token}", "--hub", "hub5")
        self.guest, self.other = (
            enter(Guest(at, address, hub="hub5", gateway=None, mtu=1380))
            for at, address in ((self.member, "10.9.0.1"), (self.relay, "10.9.0.2")))

    def answers(self, wait=1):
        return self.guest.run("ping", "-c", "1", "-W", wait, "10.9.0.2",
                              check=False).returncode == 0

    def move(self, old, new):
        self.hosts[0].ip(f"address del {old}/24 dev up0", f"address add {new}/24 dev up0")
        self.hosts[0].run("conntrack", "-F")
        name_is_at(self.member, new)


@pytest.fixture(scope="module")
def world():
    with contextlib.ExitStack() as stack:
        yield World(stack)


@pytest.mark.seconds(40)
def test_the_relay_moves_behind_its_name(world):
    """There and back again: long before the silence that ends a link."""
    wait_until(world.answers, 10, "no way")
    for old, new in ((OLD, NEW), (NEW, OLD)):
        world.move(old, new)
        begin = time.monotonic()
        wait_until(world.answers, 20, f"the relay is not found at {new}")
        print(f"found at {new} after {time.monotonic() - begin:.1f} s")
        assert time.monotonic() - begin < 10
        details = world.member.request("GET", "/v1/hubs/hub5/ports/link")[1]["details"]
        assert details["up"]
        port = next(port for port in world.member.request("GET", "/v1/hubs/hub5/ports")[1]["ports"]
                    if port["kind"] == "link")
        assert port["details"]["endpoint"] == f"{new}:4000"


@pytest.mark.seconds(20)
def test_a_name_that_is_nobody_s_for_a_while(world):
    """What cannot be looked up is no trouble while the old address still is right."""
    hosts = pathlib.Path(f"/proc/{world.member.pid}/root/etc/hosts")
    hosts.write_text("127.0.0.1 localhost\n", encoding="ascii")
    world.hosts[0].ip("link set up0 down")
    until = time.monotonic() + 8
    while time.monotonic() < until:
        world.answers()
    world.hosts[0].ip("link set up0 up")
    wait_until(world.answers, 7, "not back")
    details = world.member.request("GET", "/v1/hubs/hub5/ports/link")[1]["details"]
    assert details["up"] and "why" not in details
