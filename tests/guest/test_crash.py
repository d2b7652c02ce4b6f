# SPDX-License-Identifier: GPL-2.0-or-later
"""What is killed takes nobody else along.

    VM, SIGKILL in the middle of a download  ===.
                                                hub8 [nat] [dhcp] lanyardd, SIGKILL --- "server"
    VM, or a client that connects again      ==='
"""
import itertools
import os
import signal

import pytest
from scapy.layers.l2 import Ether

from support.fixtures import SOAK
from support.lab import CONFIG, KINDS, Lab, download, finish_download, start_download
from support.namespace import wait_until
from support.stream_client import BROADCAST, StreamClient

# The killed VM is one kind, the other is the next; in the long form, any.
NEIGHBOURS = (list(itertools.product(KINDS, KINDS)) if SOAK else
              [(kind, KINDS[(i + 1) % len(KINDS)]) for i, kind in enumerate(KINDS)])
ENTRANCES = """\
      - {kind: vm}
      - {kind: vm, protocol: dgram}
      - {kind: vhost-user}
      - {kind: vde}
"""
BIG_LEN = 60_000_000


@pytest.fixture(scope="module")
def lab():
    with Lab(CONFIG + ENTRANCES) as made:
        yield made


@pytest.fixture(autouse=True)
def end_machines(lab):
    """Also when the test has failed: a VM takes a processor to itself."""
    yield
    lab.end_machines()


def bring_up(*machines):
    for machine in machines:
        machine.wait_ready()
        machine.address = machine.lease()["ip"]


@pytest.mark.parametrize("kinds", NEIGHBOURS, ids="-beside-".join)
def test_machine_killed(lab, kinds):
    """Its port goes, with a reason; a neighbour's transfer does not notice; it may come back."""
    victim, neighbour = lab.machine(kinds[0], label="victim"), lab.machine(kinds[1])
    expected = lab.blob("big", BIG_LEN)
    bring_up(victim, neighbour)
    watch = lab.daemon.start_lanyard("watch")
    transfers = [(machine, start_download(machine, "big")) for machine in (victim, neighbour)]
    port = wait_until(lambda: received(lab, victim) > BIG_LEN // 20 and
                      received(lab, neighbour) > BIG_LEN // 20 and lab.port_of(victim), 60)
    victim.process.stop(signal.SIGKILL)
    wait_until(lambda: f'"port": "{port["id"]}"' in watch.stdout, 10, "the port stays")
    event = next(line for line in watch.stdout.splitlines() if f'"port": "{port["id"]}"' in line)
    assert '"event": "port-down"' in event and '"why": "' in event, event
    assert port["slot"] not in [other["slot"] for other in lab.ports()]
    assert finish_download(*transfers[1]) == expected
    watch.stop()

    again = lab.machine(kinds[0], label="again", mac=victim.mac)
    bring_up(again)
    assert again.address == victim.address
    assert download(again, "hello")


def received(lab, machine):
    port = lab.port_of(machine)
    return port["out"]["bytes"] if port else 0


def ping_answers(machine):
    return machine.run("grep -c seq= /run/ping", check=False)


@pytest.mark.parametrize("kind", ["vhost-user", "dgram"])
def test_daemon_killed(lab, kind):
    """Guests find the new one by themselves, keep their leases, and what they say to each other
    goes on."""
    one, other = lab.machine(kind, label="one"), lab.machine(kind, label="other")
    bring_up(one, other)
    one.run(f"ping {other.address} >/run/ping 2>&1 & sleep 3; grep seq= /run/ping")
    before = [machine.address for machine in (one, other)]

    lab.daemon.kill()
    lab.daemon.start()
    assert set(before) <= {lease["ip"] for lease in lab.leases() if lease["state"] == "bound"}
    heard = int(ping_answers(one))
    wait_until(lambda: int(ping_answers(one)) > heard + 2, 30, "the ping has not come back")
    for machine in (one, other):
        machine.run("kill -USR1 $(cat /run/udhcpc.pid)")
        wait_until(lambda m=machine: m.leases()[-1]["event"] == "renew", 20, "no renewal")
    assert [machine.leases()[-1]["ip"] for machine in (one, other)] == before
    expected = lab.blob()
    assert download(one) == expected


def test_daemon_killed_under_stream(lab):
    path = next(word.split("addr.path=")[1] for word in lab.qemu_arguments("stream")
                if "addr.path=" in word)
    with StreamClient(path) as one, StreamClient(path) as other:
        addresses = [one.lease(), other.lease()]
        exchange(one, other)
        lab.daemon.kill()
        lab.daemon.start()
        exchange(one, other)
        assert (one.connections, other.connections) == (2, 2)
        assert one.renew() and other.renew()
        assert addresses == [one.address, other.address]


_numbers = itertools.count()


def exchange(one, other):
    """A frame each way gets through, sooner or later."""
    for sender, receiver in ((one, other), (other, one)):
        for _ in range(20):
            text = f"frame {next(_numbers)} {os.getpid()}".encode()
            sender.send(Ether(src=sender.mac, dst=BROADCAST, type=0x88b5) / text)
            if receiver.wait_for(lambda frame, text=text: text in bytes(frame), 1) is not None:
                break
        else:
            pytest.fail(f"nothing from {sender.mac} reaches {receiver.mac}")
