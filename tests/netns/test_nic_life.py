# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to a NIC on a hub, and what must not happen: down and up, gone and back, another name,
MAC address, MTU; daemons that die; guests that move; loops; storms; the host itself.

    "lan" switch ---- "host" eth0 [nic] hub0 lanyardd === guests
     |     '--------- "host2" eth0 [nic] hub0 lanyardd === guests
     |-- "h1"  '-- "h2"
"""
import contextlib
import json
import os
import re
import socket
import subprocess
import time

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from support.compile import TOP
from support.daemon import BUILD
from support.lan import (H1, H1_6, H2, HOST, HOST6, Lan, LanGuest, PREFIX, PREFIX6, config,
                         forget_neighbours, neighbour, nic_of, wait_for_mode)
from support.lan_suite import DhcpClients, bulk, claim, pings
from support.namespace import wait_until
from support.stream_guest import StreamGuest
from support.wire import Wire

MODES = ("translate", "transparent")
GUEST, GUEST6 = PREFIX + "50", PREFIX6 + "50"
OTHER = PREFIX + "51"
BROADCAST = "ff:ff:ff:ff:ff:ff"
LOOP_PROBE = 0x88b5


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture(scope="module")
def lan():
    with Lan() as made:
        yield made


@contextlib.contextmanager
def guarded(lan, mode):
    """The NIC's link as the mode needs it."""
    if mode == "translate":
        lan.guard()
    try:
        yield
    finally:
        lan.unguard()


@pytest.fixture(autouse=True)
def strangers(lan):
    """Nobody remembers the guests of the test before."""
    forget_neighbours(lan.lan, lan.host, lan.h1, lan.h2)


@pytest.fixture
def bridge(lan, mode):
    with guarded(lan, mode), lan.daemon(config(mode, ports="{kind: vm}")) as made:
        yield made


@pytest.fixture
def guest(bridge):
    with LanGuest(bridge, GUEST, GUEST6) as made:
        yield made


def path_of(daemon, name="vm"):
    return daemon.request("GET", f"/v1/hubs/hub0/ports/{name}")[1]["details"]["socket"]


def answers(namespace, to, seconds=1):
    return namespace.run("ping", "-n", "-c", "1", "-W", seconds, to, check=False).returncode == 0


def wait_reachable(namespace, to, timeout=10):
    """Seconds until it answers."""
    begin = time.monotonic()
    wait_until(lambda: answers(namespace, to), timeout, f"{namespace} does not reach {to}")
    return time.monotonic() - begin


def events(watch, name):
    return [event for event in map(json.loads, watch.stdout.splitlines()) if event["event"] == name]


@contextlib.contextmanager
def watching(daemon):
    process = daemon.start_lanyard("watch", "hub0")
    time.sleep(0.3)
    try:
        yield process
    finally:
        process.stop()


def hardware_on_lan(lan, mode, guest):
    return lan.host.mac("eth0") if mode == "translate" else guest.hardware


# Which mode.

@pytest.mark.parametrize("is_guarded", [False, True], ids=["open", "guarded"])
def test_auto(lan, is_guarded):
    """The choice, and why, for people and for programs."""
    if is_guarded:
        lan.guard()
    try:
        with lan.daemon(config("auto")) as daemon, LanGuest(daemon, GUEST, GUEST6) as guest:
            mode, why = (("translate", "neighbours answer the NIC's MAC address only") if is_guarded
                         else ("transparent", "a neighbour answered a foreign MAC address"))
            wait_until(lambda: nic_of(daemon)["details"]["why"] == why, 5, nic_of(daemon)["details"])
            assert nic_of(daemon)["details"]["mode"] == mode
            assert f"{mode}: {why}" in daemon.lanyard("show", "hub0").stdout
            wait_until(lambda: f"{mode}: {why}" in daemon.stderr, 3)
            pings(guest, H1)
            forget_neighbours(lan.h1)
            pings(lan.h1, GUEST)
            assert neighbour(lan.h1, GUEST) == (lan.host.mac("eth0") if is_guarded else guest.hardware)
    finally:
        lan.unguard()


def test_auto_changes_its_mind(lan):
    """Nobody answers at first; guests work all the same, and when somebody does they still do."""
    with contextlib.ExitStack() as stack:
        for machine in (lan.lan, lan.h1, lan.h2):
            interface = "br0" if machine is lan.lan else "eth0"
            machine.sysctl(f"net.ipv4.conf.{interface}.arp_ignore", 8)
            stack.callback(machine.sysctl, f"net.ipv4.conf.{interface}.arp_ignore", 0)
        daemon = stack.enter_context(lan.daemon(config("auto")))
        wait_until(lambda: "nobody" in nic_of(daemon)["details"]["why"], 5)
        guest = stack.enter_context(LanGuest(daemon, GUEST, GUEST6))
        lan.h1.sysctl("net.ipv4.conf.eth0.arp_ignore", 0)
        pings(guest, H1)  # asks; and so is asked
        assert neighbour(lan.h1, GUEST) == lan.host.mac("eth0")
        pings(guest, H1_6)
        pings(lan.h1, GUEST)
        lan.h1.run("arping", "-q", "-c", "1", "-w", "1", "-I", "eth0", H2, check=False)
        wait_for_mode(daemon, "transparent")
        for address in (GUEST, GUEST6):
            wait_until(lambda a=address: neighbour(lan.h1, a) == guest.hardware, 2,
                       "the LAN does not hear of it")
        pings(lan.h1, GUEST)


# The NIC's own life.

def test_nic_down_and_up(lan, mode, bridge, guest):
    pings(lan.h1, GUEST)
    with watching(bridge) as watch:
        lan.host.ip("link set eth0 down")
        wait_until(lambda: nic_of(bridge)["state"] == "down", 3)
        assert "DOWN" in bridge.lanyard("show").stdout
        assert not answers(guest, H1)
        assert nic_of(bridge)["out"]["drops"]["link_down"] > 0
        with lan.wire() as wire:
            lan.host.ip("link set eth0 up", f"route replace default via {PREFIX}1")
            wait_until(lambda: nic_of(bridge)["state"] == "up", 3)
            wait_reachable(lan.h1, GUEST, 5)
            if mode == "translate":
                told = [packet for packet in wire.packets() if ARP in packet and
                        packet[ARP].psrc == packet[ARP].pdst == GUEST]
                assert told and told[0][ARP].hwsrc == lan.host.mac("eth0")
        pings(guest, H1)
        states = [event["state"] for event in events(watch, "nic")]
        assert states[0] == "down" and states[-1] == "up"
    lan.lan.ip("link set nic0 down")  # the other end of the cable
    wait_until(lambda: nic_of(bridge)["state"] == "down", 3)
    lan.lan.ip("link set nic0 up")
    wait_reachable(lan.h1, GUEST, 5)


def test_nic_renamed(lan, bridge, guest):
    lan.host.ip("link set eth0 down", "link set eth0 name wan0", "link set wan0 up")
    try:
        wait_until(lambda: nic_of(bridge).get("interface") == "wan0", 3)
        wait_reachable(guest, H1)
        assert "wan0" in bridge.lanyard("show").stdout
    finally:
        lan.host.ip("link set wan0 down", "link set wan0 name eth0", "link set eth0 up",
                    f"route replace default via {PREFIX}1")
    wait_until(lambda: nic_of(bridge).get("interface") == "eth0", 3)
    wait_reachable(lan.h1, GUEST)


def test_nic_gone_and_back(lan, mode, bridge, guest):
    """As a USB card that is pulled out and put in again; the new one is another."""
    pings(guest, H1)
    lan.host.ip("link delete eth0")
    wait_until(lambda: nic_of(bridge)["state"] == "down", 3)
    assert not answers(guest, H1)
    lan.unguard()
    lan.connect(lan.host, "eth0", "nic0", has_offloads=False)
    if mode == "translate":
        lan.guard()
    lan.host.ip(f"address add {HOST}/24 dev eth0", f"address add {HOST6}/64 dev eth0 nodad",
                f"route replace default via {PREFIX}1")
    wait_until(lambda: nic_of(bridge)["state"] == "up", 3)
    wait_reachable(guest, H1)
    wait_reachable(lan.h1, GUEST)
    assert nic_of(bridge)["mac"] == lan.host.mac("eth0")
    with lan.wire() as wire:
        pings(guest, H1)
        speakers = {lan.host.mac("eth0"), guest.hardware} - ({guest.hardware} if mode == "translate" else set())
        wire.judge(speakers, [guest.hardware] if mode == "translate" else [])


def test_another_mac(lan, mode, bridge, guest):
    """The LAN hears of it before anybody asks."""
    pings(lan.h1, GUEST)
    pings(lan.h1, GUEST6)
    before = lan.host.mac("eth0")
    new = "02:00:00:00:77:05"
    if mode == "translate":
        lan.guard(new)
    lan.host.ip(f"link set eth0 address {new}")
    try:
        wait_until(lambda: nic_of(bridge)["mac"] == new, 3)
        if mode == "translate":
            for address in (GUEST, GUEST6):
                wait_until(lambda a=address: neighbour(lan.h1, a) == new, 3, "the LAN is not told")
        pings(lan.h1, GUEST)
        pings(guest, H1_6)
        if mode == "translate":
            assert lan.caught() <= 1  # what was on its way
    finally:
        lan.host.ip(f"link set eth0 address {before}")


def test_another_address(lan, mode):
    """What is for the host is not for a guest, whatever it is today."""
    new = PREFIX + "6"
    with guarded(lan, mode), lan.daemon(config(mode, ", host: true")) as daemon, \
            LanGuest(daemon, GUEST) as guest:
        pings(guest, HOST)
        lan.host.ip("address flush dev eth0 scope global", f"address add {new}/24 dev eth0",
                    f"route replace default via {PREFIX}1")
        try:
            pings(guest, new)
            pings(lan.h1, new)
            if mode == "translate":  # nobody takes the host's
                with lan.wire() as wire:
                    claim(guest, new)
                    claim(guest, GUEST)
                    wait_until(lambda: [packet for packet in wire.packets() if ARP in packet and
                                        packet[ARP].psrc == GUEST], 3)
                    assert not [packet for packet in wire.packets() if ARP in packet and
                                packet[ARP].psrc == new]
            guest.ip(f"address add {HOST}/24 dev eth0")  # free to be had
            forget_neighbours(lan.h1)
            pings(lan.h1, HOST)
            if mode == "translate":
                assert {entry["ip"] for entry in nic_of(daemon)["details"]["guests"]} >= {GUEST, HOST}
        finally:
            guest.ip(f"address delete {HOST}/24 dev eth0")
            lan.host.ip("address flush dev eth0 scope global", f"address add {HOST}/24 dev eth0",
                        f"address add {HOST6}/64 dev eth0 nodad",
                        f"route replace default via {PREFIX}1")


def test_mtu(lan, bridge, guest):
    """Followed; what is too long is counted, on either side."""
    lan.host.ip("link set eth0 mtu 1300")
    try:
        wait_until(lambda: nic_of(bridge)["mtu"] == 1300, 3)
        assert not answers_large(guest, H1, 1400)
        assert nic_of(bridge)["out"]["drops"]["giant"] > 0
        pings(guest, H1, size=1272)
    finally:
        lan.host.ip("link set eth0 mtu 1500")
    wait_until(lambda: nic_of(bridge)["mtu"] == 1500, 3)
    for machine, interface in ((lan.lan, "nic0"), (lan.host, "eth0"), (lan.lan, "br0"), (lan.h1, "eth0")):
        machine.ip(f"link set {interface} mtu 4000")
    port = bridge.request("GET", "/v1/hubs/hub0/ports")[1]["ports"]
    try:
        lan.lan.ip("link set p1 mtu 4000")
        assert not answers_large(lan.h1, GUEST, 3000)
        port = next(port for port in bridge.request("GET", "/v1/hubs/hub0/ports")[1]["ports"]
                    if port["kind"] == "netns")
        assert port["out"]["drops"]["giant"] > 0
    finally:
        for machine, interface in ((lan.h1, "eth0"), (lan.lan, "p1"), (lan.lan, "br0"), (lan.host, "eth0"),
                                   (lan.lan, "nic0")):
            machine.ip(f"link set {interface} mtu 1500")


def answers_large(namespace, to, size):
    return namespace.run("ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", size, to,
                         check=False).returncode == 0


# Daemons and guests come, go and move.

def test_daemon_killed(lan, mode, bridge):
    """Its guests are reachable again when the next one runs, and their connections live on."""
    with StreamGuest(path_of(bridge), GUEST, GUEST6) as guest:
        pings(lan.h1, GUEST)
        pings(lan.h1, GUEST6)
        with lan.h1.listen(H1) as listener, \
                guest.connect(H1, listener.getsockname()[1]) as one:
            other, _ = listener.accept()
            with other:
                bridge.kill()
                other.sendall(b"while it is away")
                bridge.start()
                wait_reachable(lan.h1, GUEST, 5)
                wait_reachable(lan.h1, GUEST6, 5)
                assert one.recv(100) == b"while it is away"
                one.sendall(b"and back")
                other.settimeout(10)
                assert other.recv(100) == b"and back"
        with lan.wire() as wire:
            pings(guest, H2)
            if mode == "translate":
                wire.judge({lan.host.mac("eth0")}, [guest.hardware])


@pytest.fixture(scope="module")
def host2(lan):
    return lan.machine("host2", PREFIX + "7", PREFIX6 + "7", port="nic1", has_offloads=False)


def test_guest_moves(lan, mode, bridge, host2):
    """To another bridge on the LAN, and back, in the middle of a conversation: only the guest speaks."""
    if mode == "translate":
        lan.guard(host2.mac("eth0"), "nic1")
    try:
        with lan.daemon(config(mode, ports="{kind: vm}"), host=host2) as daemon2, \
                StreamGuest(path_of(bridge), GUEST, GUEST6) as guest, \
                lan.h1.listen(H1) as listener, guest.connect(H1, listener.getsockname()[1]) as one:
            other, _ = listener.accept()
            with other:
                pings(lan.h2, GUEST)
                for where, nic in ((daemon2, host2.mac("eth0")), (bridge, lan.host.mac("eth0"))):
                    guest.move(path_of(where))
                    wait_until(lambda d=where: clients(d), 3)
                    one.sendall(b"here now")
                    other.settimeout(3)
                    assert other.recv(100) == b"here now"
                    other.sendall(b"there")
                    assert one.recv(100) == b"there"
                    # Who does not talk to it hears of it, too.
                    wanted = nic if mode == "translate" else guest.hardware
                    wait_until(lambda w=wanted: neighbour(lan.h2, GUEST) == w, 3, "h2 is not told")
                    pings(lan.h2, GUEST)
    finally:
        lan.unguard("nic1")


def clients(daemon):
    return [port for port in daemon.request("GET", "/v1/hubs/hub0/ports")[1]["ports"]
            if port["kind"] == "vm"]


# Loops.

def frames_in(wire, seconds):
    """How many come while nobody has anything to say."""
    before = len(wire.frames())
    time.sleep(seconds)
    return len(wire.frames()) - before


def blocked(*daemons):
    return [port["name"] for daemon in daemons
            for port in daemon.request("GET", "/v1/hubs/hub0/ports")[1]["ports"]
            if port["state"] == "blocked"]


def check_no_storm(lan, guest, *ports):
    """One forwards: a broadcast arrives once, a ping is answered once, and silence is silence."""
    forget_neighbours(lan.h1, lan.h2, guest)
    pings(guest, H1, count=3)
    pings(lan.h2, guest.address, count=3)
    with lan.h1.udp("0.0.0.0", 6100) as heard, guest.udp() as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.sendto(b"once", (PREFIX + "255", 6100))
        assert heard.recv(100) == b"once"
        heard.settimeout(0.3)
        with pytest.raises(TimeoutError):
            heard.recv(100)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(lan.wire(port)) for port in ports]
        assert sum(frames_in(wire, 1) for wire in wires) < 60


def test_two_nics_of_one_hub(lan, mode):
    """On one LAN. The second is blocked, and takes over when the first is gone."""
    lan.connect(lan.host, "eth1", "nic2", has_offloads=False)
    lan.host.sysctl("net.ipv4.conf.all.arp_ignore", 1)  # of eth0's address only eth0 speaks
    if mode == "translate":
        lan.guard()
        lan.guard(lan.host.mac("eth1"), "nic2")
    try:
        text = config(mode, ports=f"{{kind: nic, name: second, dev: eth1, mode: {mode}}}")
        with lan.wire() as wire, lan.daemon(text) as daemon, LanGuest(daemon, GUEST) as guest:
            with watching(daemon) as watch:
                wait_until(lambda: blocked(daemon), 5, "no loop is found")
                assert blocked(daemon) == ["second"]
                check_no_storm(lan, guest, "nic0", "nic2")
                daemon.lanyard("unplug", "lan")
                wait_until(lambda: not blocked(daemon), 8)
                wait_reachable(guest, H1)
                wait_until(lambda: events(watch, "loop"), 3)
            assert len(wire.frames()) < 300  # it was found at once
    finally:
        lan.unguard()
        lan.unguard("nic2")
        lan.host.ip("link delete eth1")
        lan.host.sysctl("net.ipv4.conf.all.arp_ignore", 0)


def test_two_daemons_joined(lan, mode, host2):
    """Each with a NIC on the LAN, their hubs joined by a wire: one NIC forwards, the other takes over."""
    if mode == "translate":
        lan.guard()
        lan.guard(host2.mac("eth0"), "nic1")
    wire_path = f"{lan.folder}/wire.sock"
    ours = config(mode, ports=f"{{kind: vm, name: wire, socket: {wire_path}}}")
    theirs = config(mode, ports=f"{{kind: vm, name: wire, connect: {wire_path}}}")
    try:
        with lan.daemon(ours) as one, lan.daemon(theirs, host=host2) as two:
            wait_until(lambda: clients(one) and clients(two), 5, "the hubs are not joined")
            with LanGuest(one, GUEST) as guest, LanGuest(two, OTHER, label="other") as other:
                wait_until(lambda: blocked(one, two), 8, "no loop is found")
                check_no_storm(lan, guest, "nic0", "nic1")
                assert blocked(one, two) == ["lan"]
                pings(other, H1)
                pings(lan.h2, OTHER)
                pings(guest, OTHER)
                waiting, forwarding = (one, two) if blocked(one) else (two, one)
                # The one that forwards loses its NIC.
                forwarding.lanyard("link-state", "lan", "down")
                wait_until(lambda: not blocked(waiting), 10, "it stays blocked")
                for machine in (guest, other):
                    wait_reachable(machine, H1)
                    wait_reachable(lan.h2, machine.address)
    finally:
        lan.unguard()
        lan.unguard("nic1")


# What may cross.

def test_what_bridges_say_never_crosses(lan, bridge, guest):
    """IEEE 802.1D 7.12.6: spanning tree, pause, LACP, 802.1X, LLDP."""
    with guest.packet("eth0") as inside, lan.h1.packet("eth0") as outside, lan.wire() as wire:
        pings(guest, H1)
        for last in range(16):
            for sock, mac in ((inside, guest.hardware), (outside, lan.h1.mac("eth0"))):
                sock.send(bytes(Ether(src=mac, dst=f"01:80:c2:00:00:{last:02x}") / bytes(60)))
                sock.send(bytes(Ether(src=mac, dst=f"01:80:c2:00:00:{last:02x}", type=0x88cc) / bytes(60)))
        pings(guest, H1)
        assert not [packet for packet in wire.packets() if packet.dst.startswith("01:80:c2:00:00:0")]
        inside.settimeout(0.1)
        assert not [frame for frame in all_of(inside) if frame.startswith(b"\x01\x80\xc2\0\0")]


def all_of(sock):
    """Frames that have arrived."""
    with contextlib.suppress(TimeoutError):
        while True:
            frame, about = sock.recvfrom(70000)
            if about[2] != socket.PACKET_OUTGOING:
                yield frame


def test_tags_are_kept(lan, mode, bridge, guest):
    """Both ways; behind the NIC's address a tag's machines are found by their own addresses."""
    nic, h1 = lan.host.mac("eth0"), lan.h1.mac("eth0")
    shown = hardware_on_lan(lan, mode, guest)
    ours, theirs = "10.7.7.50", "10.7.7.11"

    def tagged(source, to, rest, priority=5):
        return bytes(Ether(src=source, dst=to) / Dot1Q(vlan=7, prio=priority) / rest)

    with lan.wire() as wire, inside_of(guest) as inside, \
            guest.packet("eth0") as guest_sock, lan.h1.packet("eth0") as h1_sock:
        guest_sock.send(tagged(guest.hardware, BROADCAST,
                               ARP(hwsrc=guest.hardware, psrc=ours, pdst=theirs) / bytes(18)))
        asked = wait_until(lambda: [p for p in wire.packets() if Dot1Q in p and ARP in p], 3)[0]
        assert (asked.src, asked[Dot1Q].vlan, asked[Dot1Q].prio) == (shown, 7, 5)
        assert asked[ARP].hwsrc == shown
        h1_sock.send(tagged(h1, shown, ARP(op=2, hwsrc=h1, psrc=theirs, hwdst=shown, pdst=ours) / bytes(18)))
        answer = wait_until(lambda: [p for p in inside.packets() if Dot1Q in p and ARP in p and
                                     p[ARP].op == 2], 3)[0]
        assert answer.dst == answer[ARP].hwdst == guest.hardware and answer[Dot1Q].vlan == 7
        guest_sock.send(tagged(guest.hardware, h1, IP(src=ours, dst=theirs) / ICMP() / bytes(40)))
        h1_sock.send(tagged(h1, shown, IP(src=theirs, dst=ours) / ICMP(type=0) / bytes(1472), 3))
        out = wait_until(lambda: [p for p in wire.packets() if Dot1Q in p and ICMP in p], 3)[0]
        assert (out.src, out.dst, out[Dot1Q].vlan) == (shown, h1, 7)
        back = wait_until(lambda: [p for p in inside.packets() if Dot1Q in p and ICMP in p], 3)[0]
        assert (back.dst, back[Dot1Q].vlan, back[Dot1Q].prio, len(back)) == (
            guest.hardware, 7, 3, 14 + 4 + 20 + 8 + 1472)
        # The same address without a tag is nobody's.
        h1_sock.send(bytes(Ether(src=h1, dst=nic) / IP(src=theirs, dst=ours) / ICMP() / bytes(40)))
        time.sleep(0.3)
        assert not [p for p in inside.packets() if ICMP in p and Dot1Q not in p]


def inside_of(guest):
    """What arrives in a guest, with its tags."""
    return Wire(guest, "eth0", may_be_unfinished=True)


def test_storm(lan, bridge, guest):
    """Of the LAN, capped where it comes in; of a guest, where it is asked for; others are not hit."""
    frame = bytes(Ether(src=lan.h1.mac("eth0"), dst=BROADCAST, type=0x9000) / bytes(60))
    before = nic_of(bridge)
    with lan.h1.packet("eth0") as sock:
        for _ in range(8000):
            sock.send(frame)
    after = wait_until(lambda: nic_of(bridge) if nic_of(bridge)["in"]["drops"].get("storm") else None, 5,
                       "the storm passes")
    time.sleep(0.3)
    after = nic_of(bridge)
    dropped = after["in"]["drops"]["storm"] - before["in"]["drops"].get("storm", 0)
    assert dropped > 3000 and "storm" in bridge.lanyard("show").stdout
    pings(guest, H2)
    netns = next(port for port in bridge.request("GET", "/v1/hubs/hub0/ports")[1]["ports"]
                 if port["kind"] == "netns")
    bridge.lanyard("set", netns["id"], "storm=50")
    with guest.packet("eth0") as sock, lan.wire() as wire:
        for _ in range(1000):
            sock.send(bytes(Ether(src=guest.hardware, dst=BROADCAST, type=0x9000) / bytes(60)))
        wait_until(lambda: nic_of(bridge, netns["name"])["in"]["drops"].get("storm", 0) > 500, 5)
        assert len([packet for packet in wire.packets() if packet.type == 0x9000]) < 300
    pings(guest, H2)


@pytest.mark.parametrize("mode", ["translate"])
def test_second_claimant(lan, mode, bridge, guest):
    """Who has an address keeps it; the other is told of, once."""
    with LanGuest(bridge, OTHER, label="thief") as thief, watching(bridge) as watch:
        pings(lan.h1, GUEST)
        for _ in range(3):
            claim(thief, GUEST)
        told = wait_until(lambda: events(watch, "claim"), 3)
        assert (told[0]["ip"], told[0]["owner"], told[0]["claimant"]) == (
            GUEST, guest.hardware, thief.hardware)
        forget_neighbours(lan.h1)
        pings(lan.h1, GUEST)
        assert [entry["mac"] for entry in nic_of(bridge)["details"]["guests"]
                if entry["ip"] == GUEST] == [guest.hardware]
        assert len(events(watch, "claim")) == 1


@pytest.mark.parametrize("mode", ["translate"])
def test_successor(lan, mode, bridge):
    """A container that is made anew has its address at once, and another MAC address."""
    for _ in range(3):
        with LanGuest(bridge, GUEST, GUEST6) as guest:
            pings(guest, H1)
            pings(guest, H1_6)
            pings(lan.h2, GUEST)
            pings(lan.h1, GUEST6)
            assert {entry["mac"] for entry in nic_of(bridge)["details"]["guests"]} == {guest.hardware}
    wait_until(lambda: not nic_of(bridge)["details"]["guests"], 3)


@pytest.mark.parametrize("mode", ["transparent"])
def test_guard_of_the_lan(lan, mode, bridge):
    """No DHCP server of the LAN is heard where the port says so."""
    server = lan.dnsmasq()
    try:
        bridge.lanyard("set", "lan", "guard=dhcp")
        with LanGuest(bridge) as guest, DhcpClients(guest) as clients_of:
            guest.ip("link set eth0 up")
            ask = ["udhcpc", "-q", "-n", "-i", "eth0", "-t", "2", "-T", "1", "-s", clients_of.script]
            environment = {**os.environ, "SAID": str(clients_of.said)}
            assert guest.run(*ask, env=environment, check=False).returncode == 1
            assert nic_of(bridge)["in"]["drops"]["policy"] > 0
            bridge.lanyard("set", "lan", "guard=none")
            guest.run(*ask, env=environment)
    finally:
        server.stop()


def test_server_that_checks_the_client(lan):
    """DHCP snooping: a request has to be of the address that it comes from."""
    nic = lan.host.mac("eth0")
    lan.guard()
    lan.lan.run("nft", "add rule netdev guard-nic0 in udp dport 67 "
                f"@th,288,48 != 0x{nic.replace(':', '')} counter drop")
    server = lan.dnsmasq()
    try:
        with lan.daemon(config("translate", ", dhcp: proxy")) as daemon, \
                LanGuest(daemon, label="a") as a, LanGuest(daemon, label="b") as b:
            addresses = []
            for guest in (a, b):
                guest.ip("link set eth0 up")
                with DhcpClients(guest) as clients_of, clients_of.udhcpc(False):
                    addresses.append(wait_until(lambda g=guest: g.addresses("eth0"), 10, "no address")[0])
                    pings(guest, H1)
                    pings(lan.h2, addresses[-1])
            assert len(set(addresses)) == 2 and lan.caught() == 0
    finally:
        lan.unguard()
        server.stop()


# The host itself.

def test_host_and_guests(lan, mode):
    with guarded(lan, mode), lan.daemon(config(mode, ", host: true")) as daemon, \
            LanGuest(daemon, GUEST, GUEST6) as guest, lan.wire() as wire:
        tap = nic_of(daemon)["details"]["host"]
        assert tap in lan.host.interfaces()
        assert f"the host is reached by {tap}" in daemon.lanyard("show").stdout
        for mine, theirs in ((GUEST, HOST), (GUEST6, HOST6)):
            forget_neighbours(guest, lan.host)
            pings(guest, theirs)
            forget_neighbours(guest, lan.host)
            pings(lan.host, mine)
            pings(guest, theirs, size=9000)
        bulk(guest, lan.host, HOST)
        bulk(lan.host, guest, GUEST)
        pings(guest, H1)
        pings(lan.host, H1)
        pings(lan.h1, HOST)
        if mode == "translate":
            assert not lan.caught()
            assert guest.hardware.replace(":", "") not in "".join(
                frame.hex() for frame in wire.frames()[:2000])
    assert tap not in lan.host.interfaces()


def test_host_is_not_reached_unasked(lan, bridge, guest):
    assert not answers(guest, HOST)
    assert nic_of(bridge)["details"]["host"] is False
    assert lan.host.interfaces() == ["lo", "eth0"]


@pytest.fixture
def forwarding(lan):
    """As with Docker on it."""
    lan.host.sysctl("net.ipv4.ip_forward", 1)
    lan.host.sysctl("net.ipv6.conf.all.forwarding", 1)
    yield
    lan.host.sysctl("net.ipv4.ip_forward", 0)
    lan.host.sysctl("net.ipv6.conf.all.forwarding", 0)
    lan.host.ip("link set eth0 down", "link set eth0 up", f"address replace {HOST6}/64 dev eth0 nodad",
                f"route replace default via {PREFIX}1")


def test_host_that_forwards(lan, mode, forwarding):
    """It does not also route what is for guests: each packet arrives once, and nobody complains."""
    with guarded(lan, mode), lan.daemon(config(mode, ", host: true")) as daemon, \
            LanGuest(daemon, GUEST, GUEST6) as guest, lan.wire() as wire, inside_of(guest) as inside:
        lan.h1.run("ping", "-n", "-c", "5", "-i", "0.2", GUEST)
        lan.h1.run("ping", "-n", "-c", "5", "-i", "0.2", GUEST6)
        bulk(lan.h1, guest, GUEST)
        requests = [packet[ICMP].seq for packet in inside.packets()[:400]
                    if ICMP in packet and packet[ICMP].type == 8]
        assert sorted(requests) == [1, 2, 3, 4, 5]
        complaints = [packet for packet in wire.packets()[:2000] if packet.src == lan.host.mac("eth0") and (
            (ICMP in packet and packet[ICMP].type in (3, 5)) or "Redirect" in packet.summary())]
        assert not complaints, complaints[0].show(dump=True)
        if mode == "translate":
            assert nic_of(daemon)["details"]["host_guarded"]
            assert "not to forward" in daemon.lanyard("show").stdout
        pings(guest, HOST)
        daemon.kill()
        daemon.start()
    assert "blackhole" not in lan.host.run("ip", "rule").stdout + lan.host.run("ip", "-6", "rule").stdout


def test_host_that_forwards_is_told_of(lan, forwarding):
    lan.guard()
    with lan.daemon(config("translate")) as daemon:
        assert "THE HOST FORWARDS" in daemon.lanyard("show").stdout
        assert nic_of(daemon)["details"]["host_forwards"] is True
    lan.unguard()


def test_promiscuous_only_in_company(lan, mode):
    def promiscuity():
        return lan.host.ip_json("-d", "link", "show", "eth0")[0]["promiscuity"]

    with guarded(lan, mode), lan.daemon(config(mode)) as daemon:
        assert promiscuity() == 0 and nic_of(daemon)["details"]["promiscuous"] is False
        with LanGuest(daemon, GUEST) as guest:
            pings(guest, H1)
            assert promiscuity() == (mode == "transparent")
            assert nic_of(daemon)["details"]["promiscuous"] is (mode == "transparent")
        wait_until(lambda: promiscuity() == 0, 3)
        assert nic_of(daemon)["details"]["promiscuous"] is False


def dump(host):
    """All of the host's network that is anybody's to see, but what counts or passes."""
    fields = ("promiscuity", "allmulti", "stats", "stats64")
    links = [{key: value for key, value in link.items() if key not in fields}
             for link in host.ip_json("-d", "address", "show")]
    for link in links:
        link["flags"] = sorted(set(link["flags"]) - {"PROMISC", "ALLMULTI"})
        for info in link["addr_info"]:
            info.pop("valid_life_time", None)
            info.pop("preferred_life_time", None)
    return {
        "links": links,
        "routes": [host.ip_json(*words) for words in (
            ("route", "show", "table", "all"), ("-6", "route", "show", "table", "all"), ("rule",),
            ("-6", "rule"))],
        "qdiscs": host.run("tc", "qdisc").stdout,
        "nft": host.run("nft", "list", "ruleset").stdout,
        "sysctls": [line for line in host.run("sysctl", "-a", check=False).stdout.splitlines()
                    if line.startswith("net.") and not line.startswith(("net.netfilter.nf_conntrack_count",
                                                                        "net.ipv4.tcp_fastopen_key"))],
    }


def test_nothing_of_the_host_is_changed(lan, mode):
    before = dump(lan.host)
    with guarded(lan, mode):
        with lan.daemon(config(mode)) as daemon, LanGuest(daemon, GUEST, GUEST6) as guest:
            pings(guest, H1)
            during = dump(lan.host)
        with lan.daemon(config(mode, ", host: true")) as daemon, LanGuest(daemon, GUEST, GUEST6) as guest:
            pings(guest, HOST)
    assert during == before
    after = dump(lan.host)
    assert after == before


def test_one_nic_one_hub(lan):
    with lan.daemon(config("translate") + "  hub1:\n    ports: []\n") as daemon:
        done = daemon.lanyard("plug", "hub1", "nic", "dev=eth0", check=False)
        assert done.returncode == 2 and "'eth0' is the interface of hub0.ports[0] already" in done.stderr
        done = daemon.lanyard("plug", "hub1", "nic", "dev=nosuch", check=False)
        assert done.returncode == 1 and "there is no interface 'nosuch'" in done.stderr
        done = daemon.lanyard("plug", "hub1", "nic", "dev=lo", check=False)
        assert done.returncode == 2 and "is not an Ethernet" in done.stderr
        done = daemon.lanyard("plug", "hub1", "nic", "dev=eth0", "mode=promiscuous", check=False)
        assert done.returncode == 2 and "auto, transparent and translate are" in done.stderr


def test_what_the_page_says(tmp_path):
    """docs/bridging.md, as far as it is a file."""
    page = (TOP / "docs/bridging.md").read_text(encoding="utf-8")
    texts = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert texts
    for text in texts:
        (tmp_path / "lanyard.yaml").write_text(text, encoding="utf-8")
        done = subprocess.run([BUILD / "lanyard", "check", tmp_path / "lanyard.yaml"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
