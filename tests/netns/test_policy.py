# SPDX-License-Identifier: GPL-2.0-or-later
"""What ports may do and what their wires do: delay, loss, duplicates, reordering, rates, isolation,
links; all of it while they are there.

    guest "a" .11 ===.
                     hub8 [nat] [dhcp] lanyardd "host" --- "server"
    guest "b" .12 ===|
    tap lan8, .1  ==='
    VMs, this process -- /run/lanyard-test-PID.sock
"""
import contextlib
import json
import os
import re
import socket
import struct
import time

import pytest

from support.daemon import GATEWAY, Guest
from support.namespace import wait_until

PATH = f"/run/lanyard-test-{os.getpid()}.sock"
A, B = "192.168.120.11", "192.168.120.12"
VM_MAC = "00:0c:29:1b:85:3d"
OTHER_MAC = "00:0c:29:1b:85:3e"


def config(host="", vm=""):
    """host, vm: more keys of these ports."""
    return f"""\
hubs:
  hub8:
    subnet: 192.168.120.0/24
    subnet6: fd00:8::/64
    ports:
      - {{kind: nat}}
      - {{kind: dhcp}}
      - {{kind: host, dev: lan8{host}}}
      - {{kind: vm, socket: {PATH}{vm}}}
"""


@pytest.fixture(scope="module")
def daemon(network):
    with network.daemon(config()) as made:
        yield made


@pytest.fixture(scope="module")
def a(daemon):
    with Guest(daemon, A, label="a") as made:
        yield made


@pytest.fixture(scope="module")
def b(daemon):
    with Guest(daemon, B, label="b") as made:
        yield made


def hub8(daemon):
    return daemon.request("GET", "/v1/hubs/hub8")[1]


class Pings:
    def __init__(self, guest, to, count=20, interval=0.02, check=True):
        done = guest.run("ping", "-n", "-q", "-c", count, "-i", interval, "-W", 2, to, check=False,
                         timeout=120)
        words = re.search(r"(\d+) packets transmitted, (\d+) received(?:, \+(\d+) duplicates)?",
                          done.stdout)
        self.sent, self.received = int(words[1]), int(words[2])
        self.duplicates = int(words[3] or 0)
        times = re.search(r"= ([\d.]+)/([\d.]+)/([\d.]+)/", done.stdout)
        self.least, self.mean, self.most = map(float, times.groups()) if times else (None,) * 3
        assert not check or self.received, done.stdout + done.stderr


def answers(guest, to):
    return Pings(guest, to, count=2, interval=0.05, check=False).received > 0


def test_delay(daemon, a, b):
    assert Pings(a, B).least < 10
    with daemon.changed(a, impair="delay 20ms"):
        pings = Pings(a, B)  # once on the way in, once on the way out
        assert pings.received == pings.sent and 40 <= pings.least < 45
    with daemon.changed(a, impair_in="delay 30ms jitter 10ms"):
        pings = Pings(a, B, count=100)
        assert pings.received == pings.sent
        assert 20 <= pings.least < 26 and 35 < pings.most and 27 < pings.mean
    assert Pings(a, B).least < 10


def test_loss(daemon, a, b):
    with daemon.changed(a, impair_out="loss 10%") as port:
        before = hub8(daemon)
        pings = Pings(a, B, count=1000, interval=0.002)
        after = hub8(daemon)
    lost = pings.sent - pings.received
    assert 60 < lost < 140  # 100 +- 4 sigma
    slot = int(port.split(".")[1])
    drops = [next(p for p in hub["ports"] if p["slot"] == slot)["out"]["drops"].get("impaired", 0)
             for hub in (before, after)]
    assert abs(drops[1] - drops[0] - lost) <= 3  # an ARP may be among them


def numbers_heard(a, b, count, between=0.0005):
    """Numbers that came to b of those that a sent, in the order they came."""
    numbers = []

    def read(receiver):
        with contextlib.suppress(TimeoutError, BlockingIOError):
            while True:
                numbers.append(struct.unpack("!I", receiver.recv(100))[0])

    with b.udp(B, 7777) as receiver, a.udp(A) as sender:
        receiver.setblocking(False)
        for number in range(count):
            sender.sendto(struct.pack("!I", number), (B, 7777))
            time.sleep(between)
            read(receiver)
        receiver.settimeout(0.5)
        read(receiver)
    return numbers


def test_reorder(daemon, a, b):
    assert numbers_heard(a, b, 500) == list(range(500))
    with daemon.changed(b, impair_out="delay 10ms reorder 10%"):
        numbers = numbers_heard(a, b, 1000)
    assert sorted(numbers) == list(range(1000))
    early = sum(number > following for number, following in zip(numbers, numbers[1:]))
    assert 50 < early < 160
    with daemon.changed(b, impair_out="delay 10ms jitter 5ms"):
        assert numbers_heard(a, b, 500) == list(range(500))


def test_duplicate(daemon, a, b):
    with daemon.changed(a, impair_in="duplicate 20%"):
        numbers = numbers_heard(a, b, 1000)
    assert sorted(set(numbers)) == list(range(1000))
    assert 140 < len(numbers) - 1000 < 260


def test_isolated(daemon, network, a, b):
    with daemon.changed(a, isolated="true"), daemon.changed(b, isolated="true"):
        for guest, other in ((a, B), (b, A)):
            guest.ip("neighbour flush dev eth0")
            assert not answers(guest, other)
            assert answers(guest, GATEWAY) and answers(guest, "192.168.120.1")
        assert daemon.port_of(b)["out"]["drops"]["policy"] > 0
        with Guest(daemon, label="c") as c:  # by DHCP; is not isolated
            assert answers(c, A) and answers(c, B)
            port = daemon.port_of(c)["id"]
            daemon.lanyard("set", port, "isolated=true")
            assert answers(c, GATEWAY) and not answers(c, A)
    assert answers(a, B)


def link_of(guest):
    return guest.ip_json("link", "show", "dev", "eth0")[0]


def test_link_state(daemon, a, b):
    watch = daemon.start_lanyard("watch", "hub8")
    port = daemon.port_of(a)["id"]
    time.sleep(0.3)
    assert "NO-CARRIER" not in link_of(a)["flags"]
    daemon.lanyard("link-state", port, "down")
    wait_until(lambda: "NO-CARRIER" in link_of(a)["flags"], 5, "the carrier stayed")
    shown = daemon.port_of(a)
    assert (shown["state"], shown["link"]) == ("down", "down")
    assert f"{port} " in daemon.lanyard("show").stdout and "DOWN" in daemon.lanyard("show").stdout
    assert not answers(b, A)
    assert daemon.port_of(a)["out"]["drops"]["link_down"] > 0
    daemon.lanyard("link-state", port, "up")
    wait_until(lambda: "NO-CARRIER" not in link_of(a)["flags"], 5, "the carrier stayed away")
    assert daemon.port_of(a)["state"] == "up"
    wait_until(lambda: answers(b, A), 10, "nothing passes")
    watch.stop()
    events = [json.loads(line) for line in watch.stdout.splitlines()]
    links = [(event["port"], event["state"]) for event in events if event["event"] == "link"]
    assert links == [(port, "down"), (port, "up")]


def test_apply_changes_what_is_there(daemon, network):
    def host_port():
        return next(port for port in hub8(daemon)["ports"] if port["kind"] == "host")

    def index():
        return network.host.ip_json("link", "show", "dev", "lan8")[0]["ifindex"]

    before, interface = host_port(), index()
    text = config(host=", rate: 10mbit, isolated: true, impair-in: delay 5ms, link: down")
    said = daemon.apply(text).stdout
    assert "change" in said and "replace" not in said, said
    after = host_port()
    assert index() == interface
    assert (after["slot"], after["rate"], after["isolated"], after["impair-in"], after["link"]) == (
        before["slot"], "10mbit", True, "delay 5ms", "down")
    running = daemon.lanyard("config").stdout
    assert "impair-in: \"delay 5ms\"" in running and "rate: 10mbit" in running
    assert daemon.apply(running).stdout == "nothing to change\n"
    shown = daemon.lanyard("show", "hub8").stdout
    assert "isolated, rate 10mbit, impaired in: delay 5ms" in shown, shown
    daemon.apply(config())
    assert "rate" not in host_port() and host_port()["state"] == "up" and index() == interface


@pytest.mark.parametrize("words, message", [
    (["rate=fast"], "rate: 'fast' is not a rate from 8kbit to 1000gbit"),
    (["impair=loss"], "impair: 'loss': 'loss' has no value behind it"),
    (["mtu=1400"], "'mtu=1400' is not what can change while a port is there"),
    (["mac=02:00:00:00:00:01"], "mac: a netns port has it as long as it is there"),
    (["nothing"], "'nothing' is not KEY=VALUE"),
])
def test_refused(daemon, a, words, message):
    port = daemon.port_of(a)["id"]
    done = daemon.lanyard("set", port, "rate=10mbit", *words, check=False)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "rate" not in daemon.port_of(a)  # nothing has changed


def test_link_state_refused(daemon, a):
    done = daemon.lanyard("link-state", daemon.port_of(a)["id"], "off", check=False)
    assert done.returncode == 2 and "'off' is not up or down" in done.stderr
    done = daemon.lanyard("link-state", "nobody", "up", check=False)
    assert done.returncode == 2 and "no port has the name 'nobody'" in done.stderr


class Vm:
    """A VM's end of QEMU's -netdev stream."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(2)
        self.socket.connect(PATH)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        self.socket.sendall(struct.pack("!I", len(frame)) + frame)

    def read(self):
        header = self.socket.recv(4, socket.MSG_WAITALL)
        return self.socket.recv(struct.unpack("!I", header)[0], socket.MSG_WAITALL)

    def hears(self, frame, seconds=0.5):
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            while True:
                if self.read() == frame:
                    return True
        return False


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def arp(source, sender="192.168.120.50", target=GATEWAY):
    """A broadcast question, as a guest's first frame is."""
    body = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac_bytes(source),
                       socket.inet_aton(sender), bytes(6), socket.inet_aton(target))
    return b"\xff" * 6 + mac_bytes(source) + b"\x08\x06" + body + bytes(18)


def mld_report(source, group):
    """MLDv2 (RFC 3810 5.2) with one record: exclude nothing, which is to join."""
    to, group = (socket.inet_pton(socket.AF_INET6, text) for text in ("ff02::16", group))
    message = struct.pack("!BBHHHBBH16s", 143, 0, 0, 0, 1, 4, 0, 0, group)
    options = bytes((58, 0, 5, 2, 0, 0, 1, 0))
    header = struct.pack("!IHBB16s16s", 6 << 28, len(options) + len(message), 0, 1,
                         socket.inet_pton(socket.AF_INET6, "fe80::20c:29ff:fe1b:853d"), to)
    return b"\x33\x33\x00\x00\x00\x16" + mac_bytes(source) + b"\x86\xdd" + header + options + message


def clients(daemon):
    return [port for port in hub8(daemon)["ports"] if port["kind"] == "vm"]


def test_vm_in_the_vmnet_files(daemon):
    """Its MAC, flags and ladrf, as a guest's driver would have set them."""
    with Vm() as vm:
        port = wait_until(lambda: clients(daemon))[0]
        vm.send(arp(VM_MAC))
        vm.send(mld_report(VM_MAC, "ff02::1:ff1b:853d"))
        wait_until(lambda: clients(daemon)[0]["in"]["frames"] == 2)
        text = daemon.request("GET", f"/v1/vmnet/{port['name']}")[1]
        assert text.startswith(f"connected {port['id']} mac {VM_MAC} "
                               "ladrf 00:00:80:00:00:00:40:40 "
                               "flags IFF_RUNNING,IFF_UP,IFF_BROADCAST,IFF_MULTICAST read "), text
        assert clients(daemon)[0]["mac"] == VM_MAC
        daemon.lanyard("link-state", port["id"], "down")
        text = daemon.request("GET", f"/v1/vmnet/{port['name']}")[1]
        assert " flags IFF_RUNNING read " in text
    wait_until(lambda: not clients(daemon))


def test_spoofed_source(daemon, a):
    daemon.apply(config(vm=f', mac: "{VM_MAC}"'))
    with Vm() as vm:
        wait_until(lambda: clients(daemon))
        vm.send(arp(OTHER_MAC))
        vm.send(arp(VM_MAC))
        wait_until(lambda: clients(daemon)[0]["in"]["frames"] == 1)
        port = clients(daemon)[0]
        assert port["in"]["drops"] == {"source_spoofed": 1} and port["mac"] == VM_MAC
        daemon.lanyard("set", port["id"], f"mac={OTHER_MAC}")
        vm.send(arp(OTHER_MAC))
        wait_until(lambda: clients(daemon)[0]["in"]["frames"] == 2)
        daemon.apply(config())  # any address again, and the client stays
        vm.send(arp(VM_MAC))
        wait_until(lambda: clients(daemon)[0]["in"]["frames"] == 3)
        assert clients(daemon)[0]["slot"] == port["slot"]
    wait_until(lambda: not clients(daemon))


def test_clients_follow_their_entrance(daemon):
    with Vm() as first:
        wait_until(lambda: clients(daemon))
        daemon.lanyard("set", clients(daemon)[0]["id"], "rate=5mbit")
        daemon.lanyard("set", "vm", "isolated=true", "impair=delay 1ms")
        with Vm() as second:
            wait_until(lambda: len(clients(daemon)) == 2)
            for port in clients(daemon):
                assert port["isolated"] and port["impair"] == "delay 1ms"
            assert [port.get("rate") for port in clients(daemon)] == ["5mbit", None]
            first.send(arp(VM_MAC))
            assert not second.hears(arp(VM_MAC))
            daemon.lanyard("set", "hub8.vm", "isolated=false", "impair=none")
            first.send(arp(VM_MAC))
            assert second.hears(arp(VM_MAC))
            daemon.lanyard("link-state", "vm", "down")
            assert {port["state"] for port in clients(daemon)} == {"down"}
            daemon.apply(config(vm=", link: up"))
            assert {port["state"] for port in clients(daemon)} == {"up"}
            assert [port.get("rate") for port in clients(daemon)] == ["5mbit", None]
    wait_until(lambda: not clients(daemon))


def vmnet_sums(daemon, guest):
    """What a userif's numbers add up to, what its wire lost, and what entered at all other slots."""
    files = daemon.request("GET", "/v1/vmnet")[1]["files"]
    name, text = next((name, text) for name, text in files.items()
                      if name.startswith("userif") and f" mac {guest.mac('eth0')} " in text)
    words = text.split()
    numbers = {word: int(value) for word, value in zip(words, words[1:]) if value.isdigit()}
    received = numbers["queued"] + sum(value for word, value in numbers.items()
                                       if word.startswith("dropped."))
    entered = sum(int(text.split()[-1]) for slot, text in files.items()
                  if slot.startswith("hub8.") and text.split()[1] != name)
    return received, numbers["dropped.overflow"], entered


def test_vmnet_sums_come_out(daemon, a, b):
    """queued and all drops = what entered elsewhere, whatever the wires did."""
    with daemon.changed(b, impair_out="loss 20% duplicate 20%"), \
            daemon.changed(a, impair_in="loss 20% duplicate 20%"):
        before = vmnet_sums(daemon, b)
        Pings(a, B, count=300, interval=0.002)
        time.sleep(0.3)
        after = vmnet_sums(daemon, b)
    assert after[1] > before[1]
    assert after[0] - before[0] == after[2] - before[2] > 200


def test_a_full_wire_is_bounded(daemon, a, b):
    """And taken away under load."""
    before = daemon.resident()
    server = b.start("iperf3", "-s", "--forceflush")
    server.wait_for_output("Server listening")
    with daemon.changed(a, impair="delay 2s"):
        process = a.start("iperf3", "-u", "-b", "200M", "-c", B, "-t", 30)
        time.sleep(8)
        held = daemon.resident() - before
    process.stop()
    server.stop()
    assert held < 100 * 2 ** 20  # 32 MiB each way, and what a sanitizer makes of it
    wait_until(lambda: answers(a, B), 10, "nothing passes")
