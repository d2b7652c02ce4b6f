# SPDX-License-Identifier: GPL-2.0-or-later
"""WireGuard as others have it: src/wg, on an interface by bench/wg_bench, and Debian's wireguard-go.

    "ours"  wg_bench -- 198.51.100.1 ===== 198.51.100.2 -- wireguard-go  "theirs"
            10.8.0.1, fd00:8::1 inside                     10.8.0.2, fd00:8::2 inside
"""
import hashlib
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import BUILD
from support.namespace import Namespace, veth, wait_until

BENCH = pathlib.Path(BUILD) / "bench" / "wg_bench"
PORT = 51820
INSIDE = [("10.8.0.1", "fd00:8::1"), ("10.8.0.2", "fd00:8::2")]
OUTSIDE = [("198.51.100.1", "2001:db8::1"), ("198.51.100.2", "2001:db8::2")]


def wg_text(*words, text=None):
    return subprocess.run(["wg", *words], input=text, capture_output=True, text=True,
                          check=True).stdout.strip()


class End:
    """An interface of WireGuard's in a namespace of its own."""

    def __init__(self, number, label):
        self.number = number
        self.namespace = Namespace(label)
        self.private = wg_text("genkey")
        self.public = wg_text("pubkey", text=self.private)
        self.device = f"wg{os.getpid()}{number}"
        self.process = None

    def start(self, *argv, ready, up=None):
        """ready, up: what it says when wg(8) may speak to it, and when it hears its interface."""
        os.environ["LOG_LEVEL"] = "verbose"
        self.process = self.namespace.start(*argv)
        self.process.wait_for_output(ready)
        wait_until(lambda: os.path.exists(f"/var/run/wireguard/{self.device}.sock"))
        self.set(f"listen-port {PORT} private-key", secret=self.private)
        for address, length in zip(INSIDE[self.number], (24, 64)):
            self.namespace.ip(f"address add {address}/{length} dev {self.device}"
                              + (" nodad" if ":" in address else ""))
        self.namespace.ip(f"link set {self.device} up mtu 1400")
        if up:
            self.process.wait_for_output(up)

    def set(self, words, secret=None):
        """wg(8) set; a secret comes as a file that is its last word."""
        argv = ["wg", "set", self.device, *words.split()]
        if secret is None:
            self.namespace.run(*argv)
        else:
            self.namespace.run(*argv, "/dev/stdin", input=secret)

    def meet(self, other, endpoint=None, preshared=None):
        ips = ",".join(INSIDE[other.number])
        self.set(f"peer {other.public} allowed-ips {ips}"
                 + (f" endpoint {endpoint}" if endpoint else ""))
        if preshared:
            self.set(f"peer {other.public} preshared-key", secret=preshared)

    def show(self, what):
        """The value for the one peer."""
        return self.namespace.run("wg", "show", self.device, what).stdout.split()[1:]

    def pings(self, other, *options, family=0):
        """The answers, and how many remained without one."""
        output = self.namespace.run("ping", "-n", *options, INSIDE[other.number][family],
                                    check=False, timeout=300).stdout
        sent, received = map(int, re.search(r"(\d+) packets.* (\d+) received", output).groups())
        return received, sent - received

    def reach(self, other, count=3, every=0.2, size=56, family=0):
        """And lose nothing. With a deadline, ping waits for late answers: at the end one more may be
        on its way."""
        received, lost = self.pings(other, f"-c{count}", f"-i{every}", f"-s{size}",
                                    f"-w{count * every + 10:.0f}", family=family)
        assert received >= count and lost <= 1, f"{received} answers, {lost} lost"

    def close(self):
        self.namespace.close()


@pytest.fixture
def ends(request):
    """Ours and theirs, on a wire; ours with the scale and load that the test is marked with."""
    marker = request.node.get_closest_marker("wg")
    scale, load = marker.args if marker else (1, 500)
    both = End(0, "ours"), End(1, "theirs")
    ours, theirs = both
    try:
        veth(ours.namespace, "wire", theirs.namespace, "wire")
        for end in both:
            for address, length in zip(OUTSIDE[end.number], (24, 64)):
                end.namespace.ip(f"address add {address}/{length} dev wire"
                                 + (" nodad" if ":" in address else ""))
        ours.start(BENCH, ours.device, scale, load, ready="ready")
        theirs.start("wireguard-go", "-f", theirs.device, ready="UAPI listener started",
                     up="requested Up, now Up")
        yield both
    finally:
        for end in both:
            end.close()


def endpoint(end, family=0):
    address = OUTSIDE[end.number][family]
    return f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"


@pytest.mark.parametrize("family", [0, 1], ids=["ip4", "ip6"])
@pytest.mark.parametrize("starter", [0, 1], ids=["ours", "theirs"])
def test_either_begins(ends, starter, family):
    """With a preshared key, over either family, both families inside."""
    begins, waits = ends[starter], ends[1 - starter]
    preshared = wg_text("genpsk")
    begins.meet(waits, endpoint(waits, family), preshared)
    waits.meet(begins, None, preshared)
    for inside in (0, 1):
        begins.reach(waits, family=inside)
        waits.reach(begins, family=inside)
    for end in ends:
        received, sent = map(int, end.show("transfer"))
        assert received > 6 * 128 and sent > 6 * 128
        assert time.time() - int(end.show("latest-handshakes")[0]) < 30
        assert end.show("preshared-keys") == [preshared]
    assert waits.show("endpoints") == [endpoint(begins, family)]


def test_preshared_keys_that_differ(ends):
    ours, theirs = ends
    ours.meet(theirs, endpoint(theirs), wg_text("genpsk"))
    theirs.meet(ours, endpoint(ours), wg_text("genpsk"))
    assert ours.pings(theirs, "-c2", "-i0.2", "-W1")[0] == 0
    assert theirs.pings(ours, "-c2", "-i0.2", "-W1")[0] == 0
    assert ours.show("latest-handshakes") == ["0"]
    assert theirs.show("latest-handshakes") == ["0"]


def test_packets_of_all_sizes(ends):
    ours, theirs = ends
    ours.meet(theirs, endpoint(theirs))
    theirs.meet(ours, endpoint(ours))
    for size in [1, 15, 16, 17, 500, 1355, 1356, 1357, 1371, 1372]:
        ours.reach(theirs, 2, 0.01, size)


@pytest.mark.wg(20, 500)
def test_sessions_are_renewed(ends):
    """Ours, whose clock is 20 times as fast: every 6 s, and no packet is lost on the way."""
    ours, theirs = ends
    ours.meet(theirs, endpoint(theirs))
    theirs.meet(ours, endpoint(ours))
    ours.reach(theirs, 200, 0.1)
    assert ours.process.stdout.count("handshake ") in (3, 4, 5)


@pytest.mark.soak
def test_sessions_are_renewed_by_them(ends):
    ours, theirs = ends
    ours.meet(theirs)
    theirs.meet(ours, endpoint(ours))
    theirs.reach(ours, 500, 0.5)
    assert ours.process.stdout.count("handshake ") == 3


@pytest.mark.wg(1, 0)
def test_they_are_asked_for_a_cookie(ends):
    """By ours, which is always under load; theirs has it the second time."""
    ours, theirs = ends
    ours.meet(theirs)
    theirs.meet(ours, endpoint(ours))
    assert theirs.pings(ours, "-c1", "-W2")[0] == 0
    assert theirs.process.stdout.count("Receiving cookie response") == 1
    time.sleep(4.5)
    theirs.reach(ours)
    assert theirs.process.stdout.count("Receiving cookie response") == 1


class Flood(threading.Thread):
    """Initiations with a good mac1, and nothing else that is good, from many ports."""

    def __init__(self, source, target, public, per_second):
        super().__init__()
        self.per_second = per_second
        key = hashlib.blake2s(b"mac1----" + public).digest()
        self.over = threading.Event()
        self.sockets = [source.udp("0.0.0.0") for _ in range(200)]
        self.target = (target, PORT)
        self.messages = []
        for number in range(2000):
            message = struct.pack("<II", 1, number) + os.urandom(108)
            message += hashlib.blake2s(message, key=key, digest_size=16).digest() + bytes(16)
            self.messages.append(message)

    def run(self):
        begin, sent = time.monotonic(), 0
        while not self.over.is_set():
            while sent < (time.monotonic() - begin) * self.per_second and not self.over.is_set():
                self.sockets[sent % len(self.sockets)].sendto(
                    self.messages[sent % len(self.messages)], self.target)
                sent += 1
            self.over.wait(0.001)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        for sock in self.sockets:
            sock.close()


def public_bytes(end):
    return bytes.fromhex(subprocess.run(["base64", "-d"], input=end.public.encode(),
                                        capture_output=True, check=True).stdout.hex())


def test_they_ask_for_a_cookie(ends):
    """Theirs is flooded with initiations, ours gets through all the same."""
    ours, theirs = ends
    with Flood(ours.namespace, OUTSIDE[1][0], public_bytes(theirs), 1000000):
        time.sleep(1)
        ours.meet(theirs, endpoint(theirs))
        theirs.meet(ours)
        assert ours.pings(theirs, "-c3", "-i0.5", "-w40")[0] >= 3
    assert f"Sending cookie response for denied handshake message for {endpoint(ours)}" in \
        theirs.process.stdout


@pytest.mark.wg(1, 500)
def test_a_flood_leaves_conversations_alone(ends):
    """Ours is flooded: what it carries goes on, and a peer that is new gets in."""
    ours, theirs = ends
    ours.meet(theirs)
    theirs.meet(ours, endpoint(ours))
    theirs.reach(ours, 1)
    with Flood(theirs.namespace, OUTSIDE[0][0], public_bytes(ours), 10000):
        time.sleep(0.5)
        theirs.reach(ours, 100, 0.05)
        theirs.set(f"peer {ours.public} remove")
        theirs.meet(ours, endpoint(ours))
        assert theirs.pings(ours, "-c3", "-i0.5", "-w40")[0] >= 3


@pytest.mark.parametrize("mover", [0, 1], ids=["ours", "theirs"])
def test_roaming(ends, mover):
    moves, stays = ends[mover], ends[1 - mover]
    for end, other in ((moves, stays), (stays, moves)):
        end.meet(other, endpoint(other))
    stays.reach(moves, 1)
    old = OUTSIDE[moves.number][0]
    moves.namespace.ip(f"address del {old}/24 dev wire", "address add 198.51.100.77/24 dev wire")
    # wireguard-go goes on from the address that is gone until it is in doubt, after 15 s.
    moves.pings(stays, "-c1", "-w40")
    moves.reach(stays)
    assert stays.show("endpoints") == [f"198.51.100.77:{PORT}"]
    stays.reach(moves)
    moves.set("listen-port 9000")
    moves.reach(stays)
    assert stays.show("endpoints") == ["198.51.100.77:9000"]


def packets_in(end):
    return end.namespace.ip_json("-stats", "link", "show", "dev",
                                 end.device)[0]["stats64"]["rx"]["packets"]


def test_replayed_by_whoever_is_on_the_wire(ends):
    """All that theirs said comes again; nothing of it comes out of our interface."""
    ours, theirs = ends
    ours.meet(theirs, endpoint(theirs))
    theirs.meet(ours, endpoint(ours))
    with theirs.namespace.packet("wire", 0x0003) as wire:
        ours.reach(theirs, 20, 0.05)
        wire.settimeout(0.5)
        frames = []
        try:
            while True:
                frames.append(wire.recv(2048))
        except (socket.timeout, BlockingIOError):
            pass
        said = [f for f in frames if f[6:12].hex(":") == theirs.namespace.mac("wire")
                and f[12:14] == b"\x08\x00" and f[23] == 17 and f[42] in (1, 2, 3, 4)]
        assert len(said) >= 21
        before, handshakes = packets_in(ours), ours.process.stdout.count("handshake ")
        for _ in range(3):
            for frame in said:
                wire.send(frame)
        time.sleep(0.5)
    assert packets_in(ours) == before
    assert ours.process.stdout.count("handshake ") == handshakes
    ours.reach(theirs)
