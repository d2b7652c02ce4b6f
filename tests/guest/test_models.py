# SPDX-License-Identifier: GPL-2.0-or-later
"""Network cards of other makes: how a driver fills its rings must make no difference.

    VM virtio-net  ===.
    VM e1000       ===|  hub8 [nat] [dhcp] lanyardd --- "server" web.example
    VM rtl8139     ==='
"""
import pytest

from support.fixtures import SOAK
from support.lab import KINDS, download
from support.machine import CARDS

# The card is between guest and QEMU, the kind between QEMU and us; vhost-user is virtio alone.
WAYS = [kind for kind in KINDS if kind != "vhost-user"] if SOAK else ["stream"]
DRIVERS = {"virtio": "virtio_net", "e1000": "e1000", "rtl8139": "8139cp"}


@pytest.fixture(scope="module", params=WAYS)
def machines(lab, request):
    made = {card: lab.machine(request.param, card) for card in CARDS}
    for machine in made.values():
        machine.wait_ready()
    yield made
    for machine in made.values():
        machine.close()


@pytest.mark.parametrize("card", CARDS)
def test_card(lab, machines, card):
    machine = machines[card]
    driver = machine.run("readlink /sys/class/net/eth0/device/driver")
    assert driver.endswith("/" + DRIVERS[card])
    machine.lease()
    expected = lab.blob()
    assert download(machine) == expected
    machine.run("ping -c 1 -W 5 -s 1472 192.168.120.2")
