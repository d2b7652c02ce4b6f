# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests behind a NIC that may speak with its own MAC address only: the switch drops every other one.
What each test does is in support/lan_suite.py.
"""
import pytest

from support.lan import H1, PREFIX6
from support.lan_suite import DhcpClients, LanSuite, World, pings, settled
from support.namespace import wait_until


@pytest.fixture(scope="module")
def world():
    with World("translate") as made:
        yield made


class TestTranslate(LanSuite):
    def test_on_the_air(self, world):
        """Broadcasts come back to the NIC: no guest takes its own for another's."""
        world.lan.reflect(True)
        try:
            for guest in (world.guest, world.other):
                guest.sysctl("net.ipv6.conf.eth0.enhanced_dad", 0)
            self.test_address_probes(world)
            self.test_ping(world, "h1")
            with world.new_guest(label="air") as guest, DhcpClients(guest) as clients:
                guest.sysctl("net.ipv6.conf.eth0.enhanced_dad", 0)
                guest.ip("link set eth0 up", f"address add {PREFIX6}77/64 dev eth0")
                with clients.udhcpc(False):
                    wait_until(lambda: guest.addresses("eth0"), 10, "no address")
                    pings(guest, H1)
                settled(guest, PREFIX6 + "77")
                pings(world.lan.h1, PREFIX6 + "77")
        finally:
            world.lan.reflect(False)
