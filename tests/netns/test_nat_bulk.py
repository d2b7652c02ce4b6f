# SPDX-License-Identifier: GPL-2.0-or-later
"""Much at once through the NAT: long transfers, bad wires, many downloads, many flows.

    guest ===================== hub8 [nat .2] lanyardd "host" --- "server": sinks, nginx, rr
    guest --- mangle "wire" ======'
    guest ------------------------------- br8, masquerade "host" (the kernel's NAT, for ratios)
"""
import contextlib
import hashlib
import json
import os
import random
import subprocess
import threading
import time

import pytest

from support.fixtures import SOAK
from support.compile import compiled
from support.daemon import RELEASE, Guest
from support.topology import BadWire, KernelNat, Network, SERVER, SERVER6

MIB = 1 << 20
AMOUNT = (1024 if SOAK else 64) * MIB


class Side(threading.Thread):
    """Sends or receives amount bytes, with naps at random places, and hashes what went by."""

    def __init__(self, work, sock, amount, seed, naps):
        super().__init__(daemon=True)
        self.work, self.sock, self.amount = work, sock, amount
        self.random = random.Random(seed)
        self.nap_at = sorted(self.random.randrange(amount) for _ in range(naps))
        self.hash = hashlib.sha1()
        self.done = 0
        self.failure = None
        self.seconds = None

    def run(self):
        begin = time.monotonic()
        try:
            self.work(self)
        except OSError as failure:
            self.failure = failure
        self.seconds = time.monotonic() - begin

    def account(self, piece):
        self.hash.update(piece)
        self.done += len(piece)
        while self.nap_at and self.done > self.nap_at[0]:
            self.nap_at.pop(0)
            time.sleep(self.random.uniform(0.05, 0.6))


def send_all(side):
    pool = side.random.randbytes(4 * MIB)
    while side.done < side.amount:
        length = min(side.random.choice((1, 1000, 16384, 65536, 262144)), side.amount - side.done)
        begin = side.random.randrange(len(pool) - length)
        piece = pool[begin:begin + length]
        side.sock.sendall(piece)
        side.account(piece)
    side.sock.shutdown(1)


def receive_all(side):
    while piece := side.sock.recv(side.random.choice((1000, 65536, MIB))):
        side.account(piece)


def transfer(guest, network, amount, naps, address=SERVER, directions=("up", "down")):
    """Both ways at once over one connection. Returns Mbit/s of the slower direction."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    with network.server.listen(address) as listener:
        a = guest.connect(address, listener.getsockname()[1])
        b, _ = listener.accept()
    a.settimeout(40)
    b.settimeout(40)
    pairs = []
    with a, b:
        for sender, receiver, direction in ((a, b, "up"), (b, a, "down")):
            length = amount if direction in directions else 1
            pairs.append((Side(send_all, sender, length, f"{seed} {direction} send", naps),
                          Side(receive_all, receiver, length, f"{seed} {direction} read", naps)))
        for pair in pairs:
            for side in pair:
                side.start()
        for pair in pairs:
            for side in pair:
                side.join()
    for sender, receiver in pairs:
        assert not sender.failure and not receiver.failure, (sender.failure, receiver.failure)
        assert receiver.done == sender.amount
        assert receiver.hash.digest() == sender.hash.digest(), f"bytes differ, seed {seed}"
    slowest = max(receiver.seconds for _, receiver in pairs)
    return amount * 8 / 1e6 / slowest


@pytest.mark.parametrize("address", [SERVER, SERVER6], ids=["ip4", "ip6"])
def test_random_stalls(guest, network, address):
    transfer(guest, network, AMOUNT, naps=8, address=address)


BAD = {"drop": {"drop": 0.01}, "duplicate": {"duplicate": 0.01}, "reorder": {"reorder": 0.01},
       "all": {"drop": 0.01, "duplicate": 0.01, "reorder": 0.01}}


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("wishes", BAD.values(), ids=BAD.keys())
def test_bad_wire(release_daemon, network, wishes, direction):
    """One frame in a hundred suffers at the guest's port: byte-exact, and at least 50 Mbit/s."""
    with BadWire(release_daemon, **wishes) as guest:
        rate = transfer(guest, network, AMOUNT, naps=0, directions=(direction,))
        print(f"{rate:.0f} Mbit/s")
        assert rate >= 50


def test_bad_wire_with_stalls(daemon, network):
    with BadWire(daemon, address="192.168.120.31", **BAD["all"]) as guest:
        transfer(guest, network, AMOUNT // 4, naps=4)


def test_a_thousand_downloads(guest, network, tmp_path):
    """Real clients, a real server, each file checked by its hash."""
    network.nginx()
    content = os.urandom(300_000)
    (network.web_root / "file").write_bytes(content)
    wanted = hashlib.sha256(content).hexdigest()
    urls = "".join(f'url = "http://{SERVER}/file?{n}"\noutput = "{tmp_path}/{n}"\n'
                   for n in range(1000))
    (tmp_path / "urls").write_text(urls, encoding="ascii")
    guest.run("curl", "--silent", "--show-error", "--fail", "--no-keepalive", "--parallel",
              "--parallel-immediate", "--parallel-max", "300", "--header", "Connection: close",
              "--config", tmp_path / "urls", timeout=120)
    hashes = {hashlib.sha256((tmp_path / str(n)).read_bytes()).hexdigest() for n in range(1000)}
    assert hashes == {wanted}


# Ten thousand flows, beside the kernel's.

FLOWS = 10000
RR_PORT = 7000


@contextlib.contextmanager
def flows_held(guest, count):
    """Opens them; yields how many seconds that took."""
    opener = guest.start(compiled("bench/rr.c"), "open", SERVER, RR_PORT, count,
                         stdin=subprocess.PIPE)
    try:
        opener.wait_for_output("seconds", 60)
        yield json.loads(opener.stdout)["seconds"]
    finally:
        opener.stop()


def ask(guest, rounds=10):
    """Median microseconds of a question and its answer, in the best of several rounds: where the
    scheduler puts the three threads makes them differ by a factor of two."""
    return min(json.loads(guest.run(compiled("bench/rr.c"), "ask", SERVER, RR_PORT, 0.4).stdout)["p50"]
               for _ in range(rounds))


@pytest.fixture(scope="module")
def rr_server(network):
    network.rr(RR_PORT)


@pytest.fixture(scope="module")
def kernel_open_seconds():
    """The kernel's time for the same, in its own world, in this run."""
    with Network() as other, KernelNat(other) as nat, Guest(nat, "192.168.120.10") as guest:
        other.rr(RR_PORT)
        with flows_held(guest, 100):
            pass
        with flows_held(guest, FLOWS) as seconds:
            return seconds


def test_ten_thousand_flows(network, rr_server, kernel_open_seconds):
    """In a daemon of its own: memory that an earlier test has left would hide what a flow takes."""
    with network.daemon(build=RELEASE) as daemon, Guest(daemon, "192.168.120.40") as guest:
        many_flows(daemon, guest, kernel_open_seconds)


def many_flows(daemon, guest, kernel_open_seconds):
    ask(guest, 1)
    alone = ask(guest)
    resident = daemon.resident()
    with flows_held(guest, FLOWS) as seconds:
        print(f"open: {seconds:.2f} s, kernel {kernel_open_seconds:.2f} s")
        time.sleep(1)
        per_flow = (daemon.resident() - resident) / FLOWS
        beside = ask(guest)
        print(f"per flow: {per_flow:.0f} bytes; p50: {alone:.1f} us alone, {beside:.1f} us beside")
        assert daemon.flow_count("hub8") >= FLOWS
    assert seconds <= 3 * kernel_open_seconds
    assert beside < 1.25 * alone
    assert per_flow < 2048
