# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM that is a machine of the LAN, behind a NIC that may speak with one MAC address only.

    VM ===.
          hub0 [nic eth0] lanyardd "host" -- guarded port -- "lan" switch, dnsmasq -- "h1" web server
    VM ==='
"""
import hashlib
import os
import shlex

import pytest

from support.lan import H1, POOL, PREFIX, ROUTER, Lan, config, nic_of
from support.lan_suite import pings
from support.machine import CARDS, Machine
from support.namespace import wait_until

KINDS = {"stream": "virtio", "vhost-user": "virtio", "dgram": "e1000"}
WITHOUT_MSI = ("-global", "virtio-net-pci.vectors=0")  # see support/lab.py
BLOB_LEN = 20_000_000


@pytest.fixture(scope="module")
def lan():
    with Lan() as made:
        made.dnsmasq()
        made.guard()
        yield made


@pytest.fixture(scope="module")
def daemon(lan):
    with lan.daemon(config("auto")) as made:
        wait_until(lambda: "answer the NIC's MAC address only" in nic_of(made)["details"]["why"], 10)
        yield made


@pytest.fixture(scope="module")
def blob(lan):
    """What the web server of the LAN offers: its SHA-256."""
    folder = lan.folder / "web"
    folder.mkdir()
    (folder / "blob").write_bytes(os.urandom(BLOB_LEN))
    server = lan.h1.start("/usr/bin/python3", "-m", "http.server", "--directory", folder, "80")
    wait_until(lambda: lan.h1.run("ss", "-Hltn", "sport", "=", "80").stdout, 10)
    yield hashlib.sha256((folder / "blob").read_bytes()).hexdigest()
    server.stop()


@pytest.fixture(scope="module")
def machines(lan, daemon):
    """One of each kind, on their way up beside each other."""
    made = {}
    for kind, card in KINDS.items():
        line = daemon.lanyard("qemu-args", "hub0", "--kind", kind, "--model", CARDS[card], "--memory",
                              "160M").stdout
        made[kind] = Machine(lan.host, *shlex.split(line), *(WITHOUT_MSI if kind == "vhost-user" else ()),
                             label=f"{kind}-{card}")
    yield made
    for machine in made.values():
        machine.close()


@pytest.mark.parametrize("kind", KINDS)
def test_machine_on_the_lan(lan, daemon, machines, blob, kind):
    machine = machines[kind].wait_ready()
    with lan.wire() as wire:
        told = machine.lease()
        assert told["server"] == told["router"] == ROUTER
        assert told["ip"].startswith(PREFIX) and int(told["ip"].split(".")[3]) in POOL
        assert f" {machine.mac} {told['ip']} " in lan.leases.read_text()
        fetched = machine.run(f"busybox wget -q -O - http://{H1}/blob | sha256sum", 120)
        assert fetched.split()[0] == blob
        machine.run(f"ping -c 2 -W 5 {H1}")
        pings(lan.h2, told["ip"])
        pings(lan.h2, told["ip"], size=4000)
        assert (told["ip"], machine.mac) in [(entry["ip"], entry["mac"])
                                             for entry in nic_of(daemon)["details"]["guests"]]
        wire.judge({lan.host.mac("eth0")}, [machine.mac])


def test_machines_reach_each_other(machines):
    addresses = [machine.leases()[-1]["ip"] for machine in machines.values()]
    for machine in machines.values():
        for address in addresses:
            machine.run(f"ping -c 1 -W 5 {address}")
