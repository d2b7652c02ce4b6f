# SPDX-License-Identifier: GPL-2.0-or-later
"""Links over paths that carry less than Ethernet, and do not say so.

    a === hub5 relay -- r1 ---- r2 -- hub5 office === b
         198.51.100.1     narrow   203.0.113.1
"""
import contextlib
import json
import os
import socket
import struct
import threading
import time

import pytest

from support.daemon import Daemon, Guest
from support.namespace import Namespace, veth, wait_until
from test_link import phone

RELAY, OFFICE = "198.51.100.1", "203.0.113.1"
RELAY6, OFFICE6 = "2001:db8:1::1", "2001:db8:2::1"
RELAY_CONFIG = """\
hubs:
  hub5:
    subnet: 10.5.0.0/24
    mtu: 9000
    ports:
      - {kind: link, listen: 4000, address: 198.51.100.1}
"""
OFFICE_CONFIG = """\
hubs:
  hub5:
    mtu: 9000
"""
SIZES = (1300, 1380, 1472, 9000)


class Path:
    """Two hosts with ordinary interfaces, and two routers that drop what is too long, silently."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        for name in ("relay", "r1", "r2", "office"):
            setattr(self, name, self.stack.enter_context(Namespace(name)))
        veth(self.relay, "up0", self.r1, "down0")
        veth(self.office, "up0", self.r2, "down0")
        veth(self.r1, "up0", self.r2, "up0", mtu=1300)
        self.relay.ip(f"address add {RELAY}/24 dev up0", "route add default via 198.51.100.254")
        self.office.ip(f"address add {OFFICE}/24 dev up0", "route add default via 203.0.113.254")
        self.r1.ip("address add 198.51.100.254/24 dev down0", "address add 192.0.2.1/24 dev up0",
                   "route add 203.0.113.0/24 via 192.0.2.2")
        self.r2.ip("address add 203.0.113.254/24 dev down0", "address add 192.0.2.2/24 dev up0",
                   "route add 198.51.100.0/24 via 192.0.2.1")
        self.relay.ip(f"address add {RELAY6}/64 dev up0", "route add default via 2001:db8:1::2")
        self.office.ip(f"address add {OFFICE6}/64 dev up0", "route add default via 2001:db8:2::2")
        self.r1.ip("address add 2001:db8:1::2/64 dev down0")
        self.r2.ip("address add 2001:db8:2::2/64 dev down0")
        for router in (self.r1, self.r2):
            router.sysctl("net.ipv4.ip_forward", 1)
            router.sysctl("net.ipv6.conf.all.forwarding", 1)
            router.run("nft", "add table inet t; add chain inet t out { type filter hook output "
                       "priority 0 ; }; add rule inet t out meta l4proto icmp drop; "
                       "add rule inet t out icmpv6 type packet-too-big drop")

    def carries(self, mtu):
        for router in (self.r1, self.r2):
            router.ip(f"link set up0 mtu {mtu}")
        if mtu >= 1280:  # with less an interface has no IPv6, and forgets its addresses
            self.r1.ip("address replace 2001:db8:3::1/64 dev up0")
            self.r2.ip("address replace 2001:db8:3::2/64 dev up0",
                       "route replace 2001:db8:1::/64 via 2001:db8:3::1")
            self.r1.ip("route replace 2001:db8:2::/64 via 2001:db8:3::2")


@pytest.fixture(scope="module")
def path():
    made = Path()
    with made.stack:
        yield made


@pytest.fixture(scope="module")
def relay(path):
    with Daemon(path.relay, RELAY_CONFIG) as made:
        yield made


def member(relay):
    found = [member for link in relay.json("link", "list") for member in link["members"]]
    return found[0]["port"]


def path_mtus(*daemons):
    """Of each; None where it is not looked for."""
    ports = [daemon.request("GET", "/v1/hubs/hub5")[1]["ports"] for daemon in daemons]
    return [port["details"].get("path_mtu") for of_hub in ports for port in of_hub
            if port["kind"] == "link"]


@contextlib.contextmanager
def joined(path, relay, mtu, config=OFFICE_CONFIG):
    path.carries(mtu)
    invite = relay.lanyard("link", "invite", "hub5", "--name", "office", "--role",
                           "bridge").stdout.strip()
    with Daemon(path.office, config.replace("INVITE", invite)) as office:
        if "INVITE" not in config:
            office.lanyard("link", "join", invite, "--hub", "hub5")
        wait_until(lambda: member(relay)["state"] == "up", 10, "office is not up")
        try:
            yield office
        finally:
            relay.lanyard("link", "revoke", "office")


@contextlib.contextmanager
def guests(relay, office, mtu=1500):
    with Guest(relay, "10.5.0.11", hub="hub5", label="a", gateway=None, mtu=mtu) as a, \
            Guest(office, "10.5.0.12", hub="hub5", label="b", gateway=None, mtu=mtu) as b:
        yield a, b


def datagram_arrives(source, target, size, tries=3):
    """As it was, with the checksum left to the hub."""
    payload = os.urandom(size - 28)
    with target.udp(target.address) as receiver, source.udp() as sender:
        receiver.settimeout(0.5)
        for _ in range(tries):
            sender.sendto(payload, receiver.getsockname())
            with contextlib.suppress(TimeoutError):
                return receiver.recv(10000) == payload
    return False


def bulk(source, target, *words):
    server = target.start("iperf3", "-s", "-1", "--forceflush")
    server.wait_for_output("Server listening")
    done = source.run("iperf3", "-c", target.address, "-t", "1", "-J", *words, check=False,
                      timeout=20)
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)["end"]["sum_received"]["bytes"]


def is_told_at_both_ends(source, target, most):
    with target.listen(target.address) as listener, \
            source.connect(*listener.getsockname()) as client, listener.accept()[0] as server:
        for end in (client, server):
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= most


@pytest.mark.parametrize("mtu", [1500, 1400, 1300, 1280, 1100])
def test_everything_passes(path, relay, mtu):
    """From the first moment on, but where it is less than the base: that takes a while."""
    with joined(path, relay, mtu) as office, guests(relay, office) as (a, b):
        if mtu < 1280:
            wait_until(lambda: max(path_mtus(relay, office)) <= mtu, 15, "not found")
        for guest_mtu in (1380, 1500, 9000):
            for guest in (a, b):
                guest.ip(f"link set eth0 mtu {guest_mtu}")
            for size in SIZES:
                assert datagram_arrives(a, b, size), (size, "from the relay")
                assert datagram_arrives(b, a, size), (size, "to the relay")
            assert bulk(a, b) > 5e6
            assert bulk(a, b, "-R") > 5e6
            # 40 bytes of headers and 12 of time stamps.
            is_told_at_both_ends(a, b, 1380 - 52)
            is_told_at_both_ends(b, a, 1380 - 52)


@pytest.mark.parametrize("mtu", [1500, 1400, 1280])
def test_over_ip6(path, mtu):
    """It promises 1280, and its routers cut nothing."""
    config = RELAY_CONFIG.replace(RELAY, f"'[{RELAY6}]'").replace("4000", f"'[{RELAY6}]:4003'")
    with Daemon(path.relay, config) as relay, joined(path, relay, mtu) as office, \
            guests(relay, office) as (a, b):
        assert member(relay)["details"]["endpoint"].startswith(f"[{OFFICE6}]")
        for size in SIZES:
            assert datagram_arrives(a, b, size) and datagram_arrives(b, a, size)
        assert bulk(a, b) > 5e6 and bulk(a, b, "-R") > 5e6
        found = min(mtu, 1480)
        wait_until(lambda: path_mtus(relay, office) == [found, found], 30, "not found")
        assert datagram_arrives(a, b, 1472) and bulk(a, b) > 5e6


def transfer(source, target, seconds):
    server = target.start("iperf3", "-s", "-1", "--forceflush")
    server.wait_for_output("Server listening")
    return source.start("iperf3", "-c", target.address, "-t", seconds, "-b", "50M", "-i", "1", "-J")


def test_a_path_that_becomes_narrow(path, relay):
    """What was found is lost: what flows goes on within seconds, and what fits is looked for."""
    with joined(path, relay, 1500) as office, guests(relay, office) as (a, b):
        wait_until(lambda: path_mtus(relay, office) == [1460, 1460], 5, "not all of it at once")
        assert "path MTU 1460" in relay.lanyard("show").stdout
        client = transfer(a, b, 12)
        time.sleep(3)
        path.carries(1300)
        assert client.wait(30) == 0, client.stdout
        sums = [interval["sum"] for interval in json.loads(client.stdout)["intervals"]]
        silent = sum(one["bytes"] == 0 for one in sums)
        assert silent <= 5 and sums[-1]["bytes"] > 1e6, sums
        assert datagram_arrives(a, b, 9000) and datagram_arrives(b, a, 9000, tries=8)
        wait_until(lambda: path_mtus(relay)[0] == 1300, 30, "not found")
        # What begins now is told of it.
        is_told_at_both_ends(a, b, 1300 - 28 - 32 - 6 - 14 - 52)


def test_members_own_interface_is_narrow(path, relay):
    """The kernel refuses what is too long; no need to wait for silence."""
    with joined(path, relay, 1500) as office, guests(relay, office) as (a, b):
        path.office.ip("link set up0 mtu 1350")
        try:
            start = time.monotonic()
            assert datagram_arrives(b, a, 1380) and datagram_arrives(b, a, 9000)
            wait_until(lambda: path_mtus(office)[0] == 1348, 5, "not found")
            assert time.monotonic() - start < 3
        finally:
            path.office.ip("link set up0 mtu 1500")


def ping(source, target, *words, size=1472):
    return source.run("ping", "-n", "-W", "2", "-s", size, *words, target, check=False)


FORGED = "Frag needed and DF set (mtu = 1380)"


def listened(station, seconds=0.5):
    """Frames that came there of late, and in that time."""
    frames = []
    station.settimeout(seconds)
    with contextlib.suppress(TimeoutError):
        while True:
            frames.append(station.recv(2000))
    station.close()
    return frames


@pytest.mark.parametrize("is_near", [True, False])
def test_senders_are_told_what_goes_through_whole(path, relay, is_near):
    """By the machine that they send to, as far as they can see. What they sent arrives as well."""
    with joined(path, relay, 1500) as office, guests(relay, office) as (a, b):
        if not is_near:
            a, b = b, a
        station = a.packet("eth0")
        done = ping(a, b.address, "-M", "do", "-c", "1")
        assert f"From {b.address} icmp_seq=1 {FORGED}" in done.stdout
        frames = listened(station)
        forged = [frame for frame in frames if frame[23] == 1 and frame[34:36] == b"\x03\x04"]
        mac = bytes.fromhex(b.mac("eth0").replace(":", ""))
        assert forged and all(frame[6:12] == mac for frame in forged)
        assert any(frame[34:36] == b"\0\0" and len(frame) == 1514 for frame in frames)
        # It heeds that; and who may be cut is cut without a word.
        assert "mtu 1380" in a.run("ip", "route", "get", b.address).stdout
        done = ping(a, b.address, "-M", "do", "-c", "1")
        assert "mtu=1380" in done.stdout + done.stderr
        assert ping(a, b.address, "-M", "do", "-c", "1", size=1352).returncode == 0
        a.ip("route flush cache")
        done = ping(a, b.address, "-M", "dont", "-c", "1")
        assert done.returncode == 0 and "Frag needed" not in done.stdout
        for guest, address in ((a, "fd00::a"), (b, "fd00::b")):
            guest.ip(f"address add {address}/64 dev eth0 nodad")
        done = ping(a, "fd00::b", "-M", "do", "-c", "1", size=1452)
        assert "From fd00::b icmp_seq=1 Packet too big: mtu=1380" in done.stdout, done.stdout


TCP_REPAIR, TCP_REPAIR_OPTIONS, TCP_OPTION_MSS = 19, 22, 2


def test_a_connection_that_was_not_told_when_it_began(path, relay):
    """As one that began before the link was there: it learns what goes through whole now."""
    with joined(path, relay, 1500) as office, guests(relay, office) as (a, b):
        with b.listen(b.address) as listener, a.connect(*listener.getsockname()) as client, \
                listener.accept()[0] as server:
            client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_OPTIONS,
                              struct.pack("II", TCP_OPTION_MSS, 1460))
            client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
            a.ip("link set eth0 mtu 1490")  # it looks at what it may send
            client.sendall(b"x")
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) == 1490 - 52
            sent = os.urandom(1000000)
            thread = threading.Thread(target=client.sendall, args=(sent,))
            thread.start()
            got = b""
            while len(got) < 1 + len(sent):
                got += server.recv(65536)
            thread.join()
            assert got == b"x" + sent
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) == 1380 - 52


def test_no_mtu_is_forged_where_that_is_unwanted(path, relay):
    """Of each link by itself: the other end does as it thinks fit."""
    quiet = OFFICE_CONFIG + "    ports: [{kind: link, forge-mtu: false, invite: 'INVITE'}]\n"
    with joined(path, relay, 1500, quiet) as office, guests(relay, office) as (a, b):
        done = ping(b, a.address, "-M", "do", "-c", "2", "-i", "0.2")
        assert done.returncode == 0 and "Frag needed" not in done.stdout
        assert FORGED in ping(a, b.address, "-M", "do", "-c", "1").stdout
        assert "forge-mtu: false" in office.lanyard("config").stdout


def mtu_of(namespace, interface):
    return namespace.ip_json("link", "show", "dev", interface)[0]["mtu"]


TELLING = """\
hubs:
  hub5:
    subnet: 10.5.0.0/24
    ports:
      - {kind: dhcp}
      - {kind: host}
"""


def leased_mtu(daemon):
    """Of a guest that asks, and does as it is told."""
    with Guest(daemon, hub="hub5", label="asks") as guest:
        return mtu_of(guest, "eth0")


def test_guests_are_told_of_the_links_mtu(path, relay):
    """Unless somebody says what it is to be; links may come and go."""
    path.carries(1500)
    with Namespace("early") as early, Daemon(path.office, TELLING) as daemon:
        daemon.lanyard("plug", "hub5", "netns", f"netns={early.path}")
        assert mtu_of(path.office, "lan5") == 1500 and leased_mtu(daemon) == 1500
        daemon.lanyard("link", "listen", "hub5", "--port", "4001", "--address", OFFICE)
        assert mtu_of(path.office, "lan5") == 1380 and leased_mtu(daemon) == 1380
        assert mtu_of(early, "eth0") == 1380
        hub = daemon.request("GET", "/v1/hubs/hub5")[1]
        assert hub["guest_mtu"] == 1380 and hub["mtu"] == 1500
        with Guest(daemon, "10.5.0.77", hub="hub5", label="by-hand", gateway=None) as guest:
            assert mtu_of(guest, "eth0") == 1380
        early.ip("link set eth0 mtu 1400")
        daemon.lanyard("unplug", "hub5.link")
        assert mtu_of(path.office, "lan5") == 1500 and leased_mtu(daemon) == 1500
        assert mtu_of(early, "eth0") == 1400  # somebody's wish
    listening = TELLING + "      - {kind: link, listen: 4001, mtu: 1300}\n"
    with Daemon(path.office, listening) as daemon:
        assert mtu_of(path.office, "lan5") == 1300 and leased_mtu(daemon) == 1300
        daemon.apply(listening.replace("    ports", "    mtu: 1500\n    ports"))
        assert mtu_of(path.office, "lan5") == 1500 and leased_mtu(daemon) == 1500
    given = listening.replace("    ports", "    mtu: 1500\n    ports")
    with Daemon(path.office, given) as daemon:
        assert mtu_of(path.office, "lan5") == 1500 and leased_mtu(daemon) == 1500


def test_guests_of_a_member_are_told_of_the_relays_mtu(path):
    config = RELAY_CONFIG.replace("listen: 4000", "listen: 4002, mtu: 1320")
    telling = TELLING.replace("10.5.0.0", "10.6.0.0")
    with Daemon(path.relay, config) as relay, Daemon(path.office, telling) as office:
        invite = relay.lanyard("link", "invite", "hub5", "--name", "office", "--role", "bridge")
        office.lanyard("link", "join", invite.stdout.strip(), "--hub", "hub5")
        wait_until(lambda: member(relay)["state"] == "up", 10, "office is not up")
        assert leased_mtu(office) == 1320


def test_a_phone_behind_a_narrow_path(path, relay):
    """It helps nobody to find what the path carries; routers may cut what it is sent, as ever.
    (What it sends itself, its kernel forbids them to cut.)"""
    path.carries(1300)
    with phone(relay, path.office, "phone") as addresses, \
            Guest(relay, "10.5.0.11", hub="hub5", label="a", gateway=None, mtu=1500) as a:
        wait_until(lambda: ping(path.office, a.address, "-c", "1", size=56).returncode == 0, 15,
                   "no answer")
        path.office.address = addresses[0]
        for size in (1380, 1500):
            assert datagram_arrives(a, path.office, size)
        assert path_mtus(relay) == [None]
