# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM on each kind of port, all on one hub: each gets its address, finds names, fetches 20 MB through
the NAT, and reaches every other.

    VM -netdev stream      ===.
    VM -netdev dgram       ===|  hub8 [nat] [dhcp] lanyardd --- "server" web.example
    VM -netdev vhost-user  ===|
    VM -netdev vde         ==='
"""
import itertools

import pytest

from support.fixtures import SOAK
from support.lab import DHCP_SERVER, KINDS, ROUTER, WEB, download

PAIRS = list(itertools.permutations(KINDS, 2))
PAIR_NAMES = [" to ".join(pair) for pair in PAIRS]
TEXT_LEN = 3_000_000
TRANSFER_LEN = 500_000_000 if SOAK else 20_000_000


@pytest.fixture(scope="module")
def machines(lab):
    """One of each kind, with a lease. They come up beside each other."""
    made = {kind: lab.machine(kind) for kind in KINDS}
    for machine in made.values():
        machine.wait_ready()
        machine.address = machine.lease()["ip"]
    return made


@pytest.fixture(params=KINDS)
def machine(machines, request):
    return machines[request.param]


def test_lease(lab, machine):
    told = machine.leases()[-1]
    assert told["event"] == "bound" and told["server"] == DHCP_SERVER
    assert (told["router"], told["dns"]) == (ROUTER, ROUTER)
    assert (machine.mac, told["ip"]) in [(lease["mac"], lease["ip"]) for lease in lab.leases()]
    assert lab.port_of(machine)["state"] == "up"


def test_names(machine):
    assert machine.run(f"busybox wget -q -O - {WEB}/hello") == "hello"
    assert not machine.succeeds("ping -c 1 -W 5 nobody.example")
    assert "bad address" in machine.run("ping -c 1 -W 5 nobody.example", check=False)


def test_download(lab, machine):
    expected = lab.blob("transfer", TRANSFER_LEN)
    assert download(machine, "transfer", 600) == expected
    port = lab.port_of(machine)
    assert port["out"]["bytes"] > TRANSFER_LEN and not port["in"]["drops"], port


@pytest.mark.parametrize("pair", PAIRS, ids=PAIR_NAMES)
def test_pair(machines, pair):
    """By IPv4, IPv6 and TCP, and frames of every size."""
    one, other = (machines[kind] for kind in pair)
    one.run(f"ping -c 2 -W 5 {other.address}")
    one.run(f"ping -c 1 -W 5 -s 1472 {other.address}")
    one.run(f"ping6 -c 1 -W 5 {link_local(other)}%eth0")
    listening = other.start("nc -l -p 5001 -e sha256sum")
    heard, sent = one.run(
        f"head -c {TEXT_LEN} /dev/urandom >/run/text; "
        f"until nc -w 20 {other.address} 5001 </run/text; do sleep 1; done 2>/dev/null; "
        "sha256sum </run/text; rm /run/text").splitlines()
    other.finish(listening)
    assert heard == sent


def link_local(machine):
    said = machine.run("ip -6 address show dev eth0 scope link")
    return next(word.split("/")[0] for word in said.split() if word.startswith("fe80:"))
