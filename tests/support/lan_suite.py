# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest on a LAN must be able to do, however the NIC bridges: tests/netns/test_nic_translate.py
and test_nic_transparent.py run it. After each test, every frame that left the NIC is looked at.

    "lan" switch, router, dnsmasq ---- "host" eth0 [nic] hub0 === guests
     |-- "h1"  '-- "h2"
"""
import contextlib
import os
import pathlib
import shutil
import socket
import struct
import tempfile
import time

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.l2 import ARP, Ether

from support.lan import (FREE, H1, H1_6, H2, H2_6, Lan, LanGuest, POOL, PREFIX, PREFIX6, ROUTER,
                         ROUTER6, config, forget_neighbours, neighbour)
from support.namespace import wait_until

GUEST, GUEST6 = PREFIX + "50", PREFIX6 + "50"
OTHER, OTHER6 = PREFIX + "51", PREFIX6 + "51"
BULK = "12M"
MDNS, MDNS6, MDNS_PORT = "224.0.0.251", "ff02::fb", 5353


class World:
    """A LAN, a daemon, and two guests with addresses given by hand."""

    def __init__(self, mode):
        self.mode = mode
        self.is_translating = mode == "translate"
        self.hidden = []  # guests' MAC addresses, all that there ever were
        self.lan = Lan()
        self.lan.dnsmasq()
        if self.is_translating:
            self.lan.guard()
        self.daemon = self.lan.daemon(config(mode))
        self.guest = self.new_guest(GUEST, GUEST6)
        self.other = self.new_guest(OTHER, OTHER6, "other")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.guest.close()
        self.other.close()
        try:
            self.daemon.close()
        finally:
            self.lan.close()

    def new_guest(self, *arguments, **options):
        made = LanGuest(self.daemon, *arguments, **options)
        self.hidden.append(made.hardware)
        return made

    @property
    def nic(self):
        return self.lan.host.mac("eth0")

    def hardware_on_lan(self, guest):
        """The MAC address at which LAN hosts find it."""
        return self.nic if self.is_translating else guest.hardware

    def judge(self, wire):
        if self.is_translating:
            wire.judge({self.nic}, self.hidden)
            assert self.lan.caught() == 0
        else:
            wire.judge({self.nic, *self.hidden})


def pings(namespace, to, *words, count=2, size=56, source=None):
    """Each is answered, once."""
    words += ("-I", source) if source else ()
    done = namespace.run("ping", "-n", "-c", count, "-i", "0.05", "-W", "2", "-s", size, *words, to,
                         check=False)
    assert f"{count} received" in done.stdout and "DUP" not in done.stdout, (
        f"{namespace} to {to}:\n{done.stdout}{done.stderr}")


def bulk(client, server, address, *words):
    """iperf3 both ways; a checksum that is wrong would be found by the receiver, or by the judge."""
    process = server.start("iperf3", "-s", "-1", "--forceflush")
    try:
        process.wait_for_output("Server listening")
        client.run("iperf3", "-c", address, "-n", BULK, *words)
        process.wait(10)
    finally:
        process.stop()


@contextlib.contextmanager
def private(namespace, *argv, folders=("/run",)):
    """A program that sees empty folders where it keeps its state."""
    mounts = "".join(f"mkdir -p {folder} && mount -t tmpfs none {folder} && " for folder in folders)
    process = namespace.start("unshare", "--mount", "sh", "-c", f"{mounts}exec \"$@\"", "private", *argv)
    try:
        yield process
    finally:
        process.stop()


SCRIPT = """\
#!/bin/sh
echo "$1 $ip" >>"$SAID"
case $1 in
deconfig) ip -4 address flush dev $interface;;
bound|renew)
	ip address replace $ip/$mask dev $interface
	[ -z "$router" ] || ip route replace default via $router
esac
"""


class DhcpClients:
    """How each client is run; has_flag: it asks for answers by broadcast."""

    def __init__(self, guest):
        self.guest = guest
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lanyard-dhcp-"))
        self.said = self.folder / "said"
        self.said.touch()
        self.script = self.folder / "script"
        self.script.write_text(SCRIPT, encoding="ascii")
        self.script.chmod(0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def udhcpc(self, has_flag):
        process = self.guest.start("udhcpc", "-f", "-i", "eth0", "-t", "10", "-T", "1", "-s", self.script,
                                   *(["-B"] if has_flag else []),
                                   env={**os.environ, "SAID": str(self.said)})
        try:
            yield process
        finally:
            process.stop()

    @contextlib.contextmanager
    def dhclient(self, has_flag):
        assert not has_flag, "ISC's has no such thing"
        process = self.guest.start("dhclient", "-d", "-v", "-lf", self.folder / "leases", "-pf",
                                   self.folder / "pid", "eth0")
        try:
            yield process
        finally:
            process.stop()

    def dhcpcd(self, has_flag):
        """It asks whether somebody has the address before it takes it (RFC 5227), which takes 5 s."""
        return private(self.guest, "dhcpcd", "-4", "-B", "-f", "/dev/null", "-C", "resolv.conf",
                       *(["-J", "--noarp"] if has_flag else []), "eth0",
                       folders=("/run", "/var/lib/dhcpcd"))


def dhcp_messages(wire, hardware, kind):
    wanted = bytes.fromhex(hardware.replace(":", ""))
    return [packet for packet in wire.packets()
            if BOOTP in packet and packet[BOOTP].chaddr[:6] == wanted and
            ("message-type", kind) in packet[DHCP].options]


class LanSuite:
    @pytest.fixture(autouse=True)
    def wire(self, world):
        with world.lan.wire() as wire:
            yield wire
            world.judge(wire)

    # IPv4.

    @pytest.mark.parametrize("client", ["udhcpc", "udhcpc broadcast", "dhclient", "dhcpcd",
                                        "dhcpcd broadcast"])
    def test_dhcp(self, world, wire, client):
        name, has_flag = client.split()[0], "broadcast" in client
        with world.new_guest(label=name) as guest, DhcpClients(guest) as clients:
            guest.ip("link set eth0 up")
            with getattr(clients, name)(has_flag) as client:
                address = wait_until(lambda: guest.addresses("eth0"), 25,
                                     f"{name}: {client.stderr}{client.stdout}")[0]
                assert int(address.split(".")[3]) in POOL
                pings(guest, H1)
                pings(world.lan.h2, address)
            # The server knows the guest, and not the NIC.
            assert f" {guest.hardware} {address} " in world.lan.leases.read_text()
        sent = dhcp_messages(wire, guest.hardware, 1)
        assert sent
        if has_flag or world.is_translating:
            assert all(packet[BOOTP].flags & 0x8000 for packet in sent)
        else:
            assert not any(packet[BOOTP].flags & 0x8000 for packet in sent)

    def test_dhcp_renewal_and_release(self, world):
        """By unicast, once there is an address."""
        with world.new_guest(label="renew") as guest, DhcpClients(guest) as clients:
            guest.ip("link set eth0 up")
            with clients.udhcpc(False) as client:
                address = wait_until(lambda: guest.addresses("eth0"), 10, "no address")[0]
                os.kill(client.pid, 10)
                wait_until(lambda: f"renew {address}" in clients.said.read_text(), 10, "no renewal")
                pings(guest, ROUTER)
                os.kill(client.pid, 12)
                wait_until(lambda: address not in world.lan.leases.read_text(), 10, "no release")

    def test_names(self, world):
        done = world.guest.run("dig", "+short", f"@{ROUTER}", "web.example")
        assert done.stdout.strip() == ROUTER

    @pytest.mark.parametrize("peer", ["h1", "h2"])
    def test_ping(self, world, peer):
        """Whoever asks first; and the LAN finds the guest where it should."""
        lan_host = getattr(world.lan, peer)
        address, address6 = {"h1": (H1, H1_6), "h2": (H2, H2_6)}[peer]
        for mine, theirs in ((GUEST, address), (GUEST6, address6)):
            forget_neighbours(world.guest, lan_host)
            pings(world.guest, theirs)
            forget_neighbours(world.guest, lan_host)
            pings(lan_host, mine)
            assert neighbour(lan_host, mine) == world.hardware_on_lan(world.guest)
            assert neighbour(world.guest, theirs) == lan_host.mac("eth0")

    def test_stale_neighbours(self, world):
        """One side has forgotten, the other has not: asks by unicast, answers to it."""
        for mine, theirs in ((GUEST, H1), (GUEST6, H1_6)):
            pings(world.guest, theirs)
            forget_neighbours(world.guest)
            pings(world.lan.h1, mine)
            forget_neighbours(world.lan.h1)
            pings(world.guest, theirs)
            entry = f"neighbour replace {mine} lladdr {world.hardware_on_lan(world.guest)} dev eth0"
            world.lan.h1.ip(f"{entry} nud probe")  # is asked whether it still is there
            wait_until(lambda: "REACHABLE" in world.lan.h1.ip_json("neighbour", "show", mine)[0]["state"],
                       5, "the guest does not answer")

    @pytest.mark.parametrize("size", [1472, 1473, 9000, 20000])
    def test_large_pings(self, world, size):
        for lan_host, address, address6 in ((world.lan.h1, H1, H1_6), (world.lan.h2, H2, H2_6)):
            pings(world.guest, address, size=size)
            pings(lan_host, GUEST, size=size)
            pings(world.guest, address6, size=size)
            pings(lan_host, GUEST6, size=size)
        if size == 1472:
            pings(world.guest, H1, "-M", "do", size=size)
            pings(world.lan.h1, GUEST, "-M", "do", size=size)

    @pytest.mark.parametrize("family", ["ip4", "ip6"])
    def test_bulk(self, world, family):
        """Both ways, with a LAN host that has offloads and with one that has none."""
        ends = ((H1, H2), GUEST) if family == "ip4" else ((H1_6, H2_6), GUEST6)
        for lan_host, theirs in zip((world.lan.h1, world.lan.h2), ends[0]):
            bulk(world.guest, lan_host, theirs)
            bulk(lan_host, world.guest, ends[1])
            bulk(world.guest, lan_host, theirs, "-R")

    def test_udp(self, world):
        """Datagrams in one piece and in several, both ways."""
        for size in (1, 17, 18, 512, 1472, 4000, 30000):
            for one, other, address in ((world.guest, world.lan.h1, H1), (world.lan.h2, world.guest, GUEST)):
                with other.udp(address, 6000) as receiver, one.udp() as sender:
                    sender.sendto(os.urandom(size), (address, 6000))
                    assert len(receiver.recv(65536)) == size

    def test_broadcasts(self, world):
        """Of a guest to the LAN, of the LAN to every guest, once each."""
        for sender, receivers in ((world.guest, (world.lan.h1, world.lan.h2, world.other)),
                                  (world.lan.h1, (world.lan.h2, world.guest, world.other))):
            with contextlib.ExitStack() as stack:
                heard = [stack.enter_context(receiver.udp("0.0.0.0", 6001)) for receiver in receivers]
                sock = stack.enter_context(sender.udp())
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sock.sendto(b"hello", (PREFIX + "255", 6001))
                for receiver in heard:
                    assert receiver.recv(100) == b"hello"
                    receiver.settimeout(0.1)
                    with pytest.raises(TimeoutError):
                        receiver.recv(100)

    def test_guests_among_themselves(self, world, wire):
        forget_neighbours(world.guest, world.other)
        pings(world.guest, OTHER)
        pings(world.other, GUEST6)
        assert neighbour(world.guest, OTHER) == world.other.hardware
        pings(world.guest, OTHER, count=5)
        echoes = [packet for packet in wire.packets() if packet.haslayer("ICMP")]
        assert not echoes, "what is between guests is on the LAN"

    # Whose address is it?

    def test_address_probes(self, world):
        """RFC 5227: nobody but the owner answers, whoever asks."""
        assert probe(world.guest, FREE) is None
        assert probe(world.guest, GUEST) is None, "it is its own"
        assert probe(world.guest, OTHER) == world.other.hardware
        assert probe(world.guest, H1) == world.lan.h1.mac("eth0")
        assert probe(world.lan.h1, FREE) is None
        assert probe(world.lan.h1, GUEST) == world.hardware_on_lan(world.guest)
        assert probe(world.lan.h1, H2) == world.lan.h2.mac("eth0")

    def test_gratuitous_arp(self, world):
        """A LAN host that moves is found; what a guest says of itself is believed."""
        pings(world.guest, H1)
        world.lan.h1.ip(f"neighbour replace {GUEST} lladdr 02:00:00:00:00:99 dev eth0 nud stale")
        world.guest.ip(f"neighbour replace {H1} lladdr 02:00:00:00:00:99 dev eth0 nud stale")
        claim(world.guest, GUEST)
        claim(world.lan.h1, H1)
        wait_until(lambda: neighbour(world.guest, H1) == world.lan.h1.mac("eth0"), 3)
        wait_until(lambda: neighbour(world.lan.h1, GUEST) == world.hardware_on_lan(world.guest), 3)

    # IPv6.

    def test_slaac(self, world):
        """Addresses made from the router's prefix, one of them of today only, each checked for."""
        with world.new_guest(label="slaac") as guest:
            guest.sysctl("net.ipv6.conf.eth0.use_tempaddr", 2)
            guest.ip("link set eth0 up")

            def made():
                found = [info for info in guest.ip_json("-6", "address", "show", "dev", "eth0")
                         [0]["addr_info"] if info["scope"] == "global"]
                settled_ones = [info for info in found if not info.get("tentative")]
                return len(settled_ones) == 2 and settled_ones
            found = wait_until(made, 15, "no two addresses")
            assert sorted(bool(info.get("temporary")) for info in found) == [False, True]
            for info in found:
                assert not info.get("dadfailed") and info["local"].startswith(PREFIX6)
                forget_neighbours(guest, world.lan.h1, world.lan.h2)
                pings(guest, H1_6, source=info["local"])
                pings(world.lan.h2, info["local"])
                assert neighbour(world.lan.h2, info["local"]) == world.hardware_on_lan(guest)
            routes = guest.ip_json("-6", "route", "show", "default")
            assert routes and routes[0]["gateway"].startswith("fe80:")
            pings(guest, ROUTER6)
            pings(guest, link_local(world.lan.h1), source="eth0")

    def test_duplicate_address_detection(self, world):
        """Of an address that somebody has, wherever he is, and of one that nobody has."""
        world.guest.ip(f"address add {H1_6}/64 dev eth0", f"address add {OTHER6}/64 dev eth0",
                       f"address add {PREFIX6}66/64 dev eth0")
        try:
            settled(world.guest, PREFIX6 + "66")
            for taken in (H1_6, OTHER6):
                wait_until(lambda a=taken: flags_of(world.guest, a).get("dadfailed"), 5,
                           f"{taken} is not refused")
        finally:
            for address in (H1_6, OTHER6, PREFIX6 + "66"):
                world.guest.ip(f"address delete {address}/64 dev eth0")
        world.lan.h1.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
        world.lan.h1.ip(f"address add {GUEST6}/64 dev eth0")
        try:
            wait_until(lambda: flags_of(world.lan.h1, GUEST6).get("dadfailed"), 5,
                       "the guest does not defend its address")
        finally:
            world.lan.h1.ip(f"address delete {GUEST6}/64 dev eth0")
            world.lan.h1.sysctl("net.ipv6.conf.eth0.accept_dad", 0)
        forget_neighbours(world.guest, world.other, world.lan.h1)
        pings(world.lan.h1, GUEST6)

    def test_dhcp6(self, world):
        with world.new_guest(label="dhcp6") as guest, DhcpClients(guest) as clients:
            guest.sysctl("net.ipv6.conf.eth0.accept_ra", 0)
            guest.ip("link set eth0 up")
            wait_until(lambda: "tentative" not in flags_of(guest, link_local(guest)), 5)
            client = guest.start("dhclient", "-6", "-d", "-v", "-lf", clients.folder / "leases",
                                 "-pf", clients.folder / "pid", "eth0")
            address = wait_until(lambda: guest.addresses("eth0", "inet6"), 15, "no address by DHCPv6")[0]
            assert address.startswith(PREFIX6 + "1"), client.stderr
            settled(guest, address)
            guest.ip(f"route add {PREFIX6}/64 dev eth0")
            pings(world.lan.h1, address)
            client.stop()

    # Multicast.

    @pytest.mark.parametrize("place", ["guest", "lan"])
    def test_mdns(self, world, place):
        """Avahi on one side is found from the other: answers to all, and to the one who asks."""
        server, client = ((world.guest, world.lan.h1) if place == "guest"
                          else (world.lan.h1, world.guest))
        address, address6 = (GUEST, GUEST6) if place == "guest" else (H1, H1_6)
        with avahi(server, f"{place}-{world.mode}") as name:
            assert ask_mdns(client, name, MDNS, 6000) == address     # answered by unicast
            assert ask_mdns(client, name, MDNS, MDNS_PORT) == address  # answered to the group
            assert ask_mdns(client, name, MDNS6, 6000, "AAAA") == address6
            assert ask_mdns(client, name, MDNS6, MDNS_PORT, "AAAA") == address6


def probe(namespace, address, seconds=0.6):
    """Asks for an address as who has none (RFC 5227 1.1): the MAC address of who has it, or None."""
    mac = namespace.mac("eth0")
    hardware = bytes.fromhex(mac.replace(":", ""))
    end = time.monotonic() + seconds
    with namespace.packet("eth0", 0x0806) as sock:
        sock.send(b"\xff" * 6 + hardware + b"\x08\x06" +
                  bytes(ARP(hwsrc=mac, psrc="0.0.0.0", hwdst="00:00:00:00:00:00", pdst=address)))
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            with contextlib.suppress(TimeoutError):
                frame, about = sock.recvfrom(2000)
                arp = ARP(frame[14:])
                if about[2] == socket.PACKET_OUTGOING:
                    continue
                # Somebody has it, or wants it too.
                if arp.psrc == address or (arp.psrc == "0.0.0.0" and arp.pdst == address):
                    return arp.hwsrc
    return None


def claim(namespace, address):
    """Says to everybody that it has an address (RFC 5227 2.3)."""
    mac = namespace.mac("eth0")
    with namespace.packet("eth0") as sock:
        sock.send(bytes(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") /
                        ARP(hwsrc=mac, psrc=address, pdst=address) / bytes(18)))


def flags_of(namespace, address):
    infos = namespace.ip_json("-6", "address", "show", "dev", "eth0")[0]["addr_info"]
    return next((info for info in infos if info["local"] == address), {})


def settled(namespace, address):
    """The address is there, and nobody objects."""
    wait_until(lambda: flags_of(namespace, address) and not flags_of(namespace, address).get("tentative"),
               8, f"{address} is not there")
    assert not flags_of(namespace, address).get("dadfailed")


def link_local(namespace):
    infos = namespace.ip_json("-6", "address", "show", "dev", "eth0")[0]["addr_info"]
    return next(info["local"] for info in infos if info["scope"] == "link")


@contextlib.contextmanager
def avahi(namespace, name):
    """Says what the machine's name is; yields it."""
    text = (f"[server]\nhost-name={name}\nenable-dbus=no\nallow-interfaces=eth0\n"
            "ratelimit-interval-usec=0\n[publish]\npublish-workstation=no\npublish-hinfo=no\n"
            "[reflector]\n[rlimits]\n")
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        with private(namespace, "avahi-daemon", "-f", file.name, "--no-drop-root", "--no-chroot",
                     "--no-rlimits", folders=("/run/avahi-daemon",)) as process:
            process.wait_for_output("Server startup complete", 15)
            yield f"{name}.local"


def ask_mdns(namespace, name, group, port, kind="A", seconds=5):
    """RFC 6762: from port 5353 it is answered to the group, from another one to the asker."""
    is_v6 = ":" in group
    index = namespace.ip_json("link", "show", "eth0")[0]["ifindex"]
    sock = namespace.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", port))
        if is_v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                            socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index))
        else:
            member = struct.pack("=4s4si", socket.inet_aton(group), bytes(4), index)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, member)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        query, end = bytes(DNS(rd=0, qd=DNSQR(qname=name, qtype=kind))), time.monotonic() + seconds
        while time.monotonic() < end:
            sock.sendto(query, (group, MDNS_PORT))
            sock.settimeout(1)
            with contextlib.suppress(TimeoutError):
                while True:
                    answer = DNS(sock.recv(9000))
                    for i in range(answer.ancount):
                        if answer.qr and answer.an[i].rrname.decode().rstrip(".") == name and \
                                answer.an[i].type == {"A": 1, "AAAA": 28}[kind]:
                            return answer.an[i].rdata
    raise AssertionError(f"{namespace}: nobody answers for {name} in {group}")
