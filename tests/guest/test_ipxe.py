# SPDX-License-Identifier: GPL-2.0-or-later
"""iPXE, as it is in the boot ROM of QEMU's cards, over each kind of port: it gets an address and the
name of a boot script by DHCP, fetches script, kernel and initrd through the NAT, and starts them.

    VM iPXE -netdev stream      ===.
    VM iPXE -netdev dgram       ===|  hub8 [nat] [dhcp boot-file] lanyardd --- "server" web.example
    VM iPXE -netdev vhost-user  ===|                                           boot.ipxe linux initrd
    VM iPXE -netdev vde         ==='

The long form boots the whole of Debian's initrd, and by the ROMs of other cards.
"""
import pytest

from support import image
from support.fixtures import SOAK
from support.lab import KINDS, WEB, download
from support.machine import CARDS

# A real card's turn is slow enough: each is once over another kind.
WAYS = [(kind, "virtio") for kind in KINDS]
if SOAK:
    WAYS += [(kind, card) for kind in KINDS for card in CARDS
             if card != "virtio" and kind != "vhost-user"]
MEMORY = 640 if SOAK else 160


@pytest.fixture(scope="module")
def machines(lab):
    """All of them boot beside each other, but in the long form a few at a time."""
    offer(lab)
    return {} if SOAK else {way: boot(lab, *way) for way in WAYS}


def offer(lab):
    (lab.web / "linux").symlink_to(image.KERNEL)
    initrds = [image.INITRD, image.appendix()] if SOAK else [image.small_initrd()]
    for i, path in enumerate(initrds):
        (lab.web / f"initrd{i}").symlink_to(path)
    lines = ["#!ipxe", "echo filename ${filename} next-server ${next-server}",
             f"kernel {WEB}/linux console=ttyS0 quiet rdinit=/guest-init",
             *(f"initrd {WEB}/initrd{i}" for i in range(len(initrds))), "boot", ""]
    (lab.web / "boot.ipxe").write_text("\n".join(lines), encoding="ascii")


def boot(lab, kind, card):
    return lab.machine(kind, card, MEMORY, boot="network")


@pytest.mark.parametrize("way", WAYS, ids=["-".join(way) for way in WAYS])
def test_chain(lab, machines, way):
    machine = machines.get(way) or boot(lab, *way)
    machine.wait_for_console(f"{WEB}/boot.ipxe... ok", 90)
    machine.wait_ready(180)
    assert f"filename {WEB}/boot.ipxe next-server 192.168.120.77" in machine.console
    # Kernel and boot ROM are one machine to the DHCP server: it is told the same address.
    address = machine.lease()["ip"]
    assert f"net0: {address}/255.255.255.0 gw 192.168.120.2" in machine.console
    assert download(machine, "hello", 30)
    machine.close()
