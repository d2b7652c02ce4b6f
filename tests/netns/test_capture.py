# SPDX-License-Identifier: GPL-2.0-or-later
"""What crosses a hub, as pcapng: read by tshark and capinfos, not by us.

    guest "a" .11 ===.
                     hub1 lanyardd "host"      lanyard capture hub1 ... -w FILE | tshark -r -
    guest "b" .12 ===|
    tap lan1, .1  ==='
"""
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from support.daemon import Guest
from support.namespace import wait_until

CONFIG = """\
hubs:
  hub1:
    subnet: 192.168.56.0/24
    ports:
      - {kind: host, dev: lan1}
"""
A, B = "192.168.56.11", "192.168.56.12"


@pytest.fixture(scope="module")
def daemon(network):
    with network.daemon(CONFIG) as made:
        yield made


@pytest.fixture(scope="module")
def guest(daemon):
    with Guest(daemon, A, hub="hub1", gateway=None, label="a") as made:
        yield made


@pytest.fixture(scope="module")
def other(daemon, guest):
    with Guest(daemon, B, hub="hub1", gateway=None, label="b") as made:
        yield made


class Capture:
    """lanyard capture to a file, from the moment it records until it is ended."""

    def __init__(self, daemon, path, place, *words):
        self.path = path
        path.unlink(missing_ok=True)
        self.process = daemon.start_lanyard("capture", place, "-w", path, *words)
        wait_until(lambda: path.exists() and path.stat().st_size or
                   self.process.returncode is not None, 5, "the capture does not begin")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        time.sleep(0.2)
        self.process.stop(signal.SIGINT)
        assert not self.process.stderr, self.process.stderr

    def fields(self, *names, only=""):
        return tshark(self.path, *names, only=only)


def tshark(path, *names, only=""):
    """One tuple of the fields for each packet; nothing may be wrong with the file."""
    words = [word for name in names for word in ("-e", name)]
    done = subprocess.run(["tshark", "-n", "-r", path, "-Y", only, "-T", "fields", *words],
                          capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Running as user")]
    assert done.returncode == 0 and not complaints, done.stderr
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def ping(guest, address, count=3, *words):
    guest.run("ping", "-n", "-c", count, "-i", "0.01", "-W", "2", *words, address)


def port_id(daemon, guest):
    ports = daemon.request("GET", "/v1/hubs/hub1")[1]["ports"]
    return next(port["id"] for port in ports if port.get("mac") == guest.mac("eth0"))


def test_whole_hub_shows_each_frame_once(daemon, guest, other, tmp_path):
    ping(guest, B)
    with Capture(daemon, tmp_path / "hub.pcapng", "hub1") as capture:
        ping(guest, B)
    echoes = capture.fields("icmp.type", "icmp.seq", "frame.interface_name", "frame.packet_flags_direction",
                            "ip.src", only="icmp")
    mine, others = port_id(daemon, guest), port_id(daemon, other)
    inbound = "0x00000001"
    assert echoes == [echo for seq in ("1", "2", "3") for echo in
                      (("8", seq, mine, inbound, A), ("0", seq, others, inbound, B))]


def test_capinfos_finds_nothing_wrong(daemon, guest, other, tmp_path):
    before = time.time()
    with Capture(daemon, tmp_path / "hub.pcapng", "hub1", "icmp") as capture:
        ping(guest, B)
    done = subprocess.run(["capinfos", "-M", "-S", capture.path], capture_output=True, text=True,
                          check=True, env={**os.environ, "LC_ALL": "C"})
    said = dict(map(str.strip, line.split(":", 1)) for line in done.stdout.splitlines()
                if ":" in line and not line.startswith(" "))
    assert said["File type"].endswith("pcapng")
    assert said["File encapsulation"] == "ether"
    assert "nanoseconds" in said["File timestamp precision"]
    assert said["Number of packets"] == "6"
    assert "lanyardd" in said["Capture application"]
    assert "Capture filter" in done.stdout or "icmp" in done.stdout, done.stdout
    assert before - 1 < float(said["First packet time"].split()[0]) < time.time()


def test_one_port_shows_both_ways(daemon, guest, other, tmp_path):
    ping(guest, B)
    mine = port_id(daemon, guest)
    with Capture(daemon, tmp_path / "port.pcapng", mine) as capture:
        ping(guest, B)
        ping(other, "192.168.56.1")  # nothing of this
    echoes = capture.fields("icmp.type", "frame.interface_name", "frame.packet_flags_direction",
                            only="icmp")
    assert echoes == 3 * [("8", mine, "0x00000001"), ("0", mine, "0x00000002")]


def test_port_by_name(daemon, guest, tmp_path):
    with Capture(daemon, tmp_path / "port.pcapng", "hub1.host0") as capture:
        ping(guest, "192.168.56.1")
    assert capture.fields("frame.interface_description", only="icmp")[0] == ("host0 (host)",)


def test_into_a_pipe(daemon, guest, other):
    """lanyard capture hub1 icmp | tshark -r -"""
    with subprocess.Popen([daemon.build / "lanyard", "--api", daemon.api, "capture", "hub1", "icmp"],
                          stdout=subprocess.PIPE) as source, \
            subprocess.Popen(["tshark", "-n", "-l", "-r", "-", "-c", "6"], stdin=source.stdout,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sink:
        try:
            time.sleep(1)
            ping(guest, B)
            lines, complaints = sink.communicate(timeout=20)
        finally:
            source.terminate()
    assert lines.count("Echo (ping)") == 6, lines + complaints


def test_filter(daemon, guest, other, tmp_path):
    with Capture(daemon, tmp_path / "some.pcapng", "hub1", "icmp[icmptype]", "==", "icmp-echo",
                 "and", "src", "host", A) as capture:
        ping(guest, B)
        ping(other, A)
    assert capture.fields("ip.src", "icmp.type") == 3 * [(A, "8")]


@pytest.mark.parametrize("words", ["not a filter", "port 99999", "ip host", "wlan type mgt", "(("])
def test_bad_filter_in_libpcaps_words(daemon, words, tmp_path):
    done = daemon.lanyard("capture", "hub1", "-w", tmp_path / "file", *words.split(), check=False)
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1 and f"filter '{words}': " in done.stderr, done.stderr


def test_no_such_port(daemon):
    status, problem = daemon.request("GET", "/v1/hubs/hub1/capture?port=77")
    assert (status, problem["detail"]) == (404, "hub1 has no port '77'")
    assert daemon.request("GET", "/v1/hubs/hub77/capture")[0] == 404


def test_drops_have_their_reason_as_a_comment(daemon, guest, tmp_path):
    """A frame whose source is a group: shown as it came, and again as lost."""
    with Capture(daemon, tmp_path / "drops.pcapng", "hub1") as capture:
        with guest.packet("eth0") as wire:
            wire.send(bytes.fromhex("ffffffffffff010000000001" "88b5") + bytes(46))
    seen = capture.fields("frame.comment", "frame.interface_name", only="eth.type == 0x88b5")
    assert seen == [("", port_id(daemon, guest)), ("dropped: source_group", port_id(daemon, guest))]


def test_super_frames_in_one_piece(daemon, guest, other, tmp_path):
    """As they cross the hub: a TCP stream is shown in pieces far above the MTU."""
    with Capture(daemon, tmp_path / "tcp.pcapng", "hub1", "tcp") as capture, \
            other.listen(B) as listener, \
            guest.connect(B, listener.getsockname()[1]) as a:
        b, _ = listener.accept()
        sent = os.urandom(1000000)
        thread = threading.Thread(target=a.sendall, args=(sent,))
        thread.start()
        got = b""
        while len(got) < len(sent):
            got += b.recv(1 << 20)
        thread.join()
        b.close()
        assert got == sent
    lengths = [int(length) for length, in capture.fields("frame.len")]
    assert max(lengths) > 10000, lengths
    payload = "".join(data for data, in capture.fields("tcp.payload", only=f"ip.src == {A}"))
    assert bytes.fromhex(payload) == sent


def test_a_port_that_comes_later(daemon, guest, tmp_path):
    with Capture(daemon, tmp_path / "later.pcapng", "hub1", "icmp") as capture:
        with Guest(daemon, "192.168.56.13", hub="hub1", gateway=None, label="c") as later:
            later_id = port_id(daemon, later)
            ping(later, A, 1)
    assert capture.fields("frame.interface_name", only="icmp.type == 8") == [(later_id,)]


def rings(daemon):
    """Captures that hold memory."""
    with open(f"/proc/{daemon.pid}/maps", encoding="ascii") as file:
        return sum("memfd:capture" in line for line in file) // 2


def test_ends_with_its_client(daemon, guest, tmp_path):
    """Also with one that is killed while nothing happens."""
    descriptors = daemon.descriptors()
    for number in (signal.SIGINT, signal.SIGKILL):
        capture = Capture(daemon, tmp_path / "end.pcapng", "hub1", "ip6[0] = 0")
        assert rings(daemon) == 1
        capture.process.stop(number)
        wait_until(lambda: not rings(daemon), 3, "the capture goes on")
    assert daemon.descriptors() <= descriptors


def test_sleeps_while_nothing_passes(daemon, tmp_path):
    with Capture(daemon, tmp_path / "idle.pcapng", "hub1", "ip[8] = 77"):
        def wakeups():
            before = daemon.wakeups()
            time.sleep(2)
            return daemon.wakeups() - before
        wait_until(lambda: wakeups() <= 1, 20, "it does not come to rest")


def test_not_more_than_there_is_memory_for(daemon):
    clients = []
    try:
        for _ in range(16):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(daemon.api)
            sock.sendall(b"GET /v1/hubs/hub1/capture HTTP/1.1\r\nHost: lanyard\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 200")
            clients.append(sock)
        status, problem = daemon.request("GET", "/v1/hubs/hub1/capture")
        assert status == 503 and "16" in problem["detail"]
    finally:
        for sock in clients:
            sock.close()
    wait_until(lambda: not rings(daemon), 3, "captures without clients")


@pytest.mark.parametrize("how", ["unplug", "apply"])
def test_what_it_watches_may_go(network, how, tmp_path):
    """A port: the capture goes on. The hub: it ends, with statistics."""
    more = CONFIG + "  hub2:\n    ports: []\n"
    with network.daemon(more.replace("lan1", "lan2").replace("192.168.56", "192.168.57")) as daemon:
        with Guest(daemon, "192.168.57.11", hub="hub1", gateway=None, label="going") as guest:
            path = tmp_path / "going.pcapng"
            capture = Capture(daemon, path, "hub1", "icmp")
            ping(guest, "192.168.57.1")
            if how == "unplug":
                daemon.lanyard("unplug", "hub1.0")
                time.sleep(0.2)
                assert capture.process.returncode is None
                capture.process.stop(signal.SIGINT)
            else:
                daemon.apply("hubs:\n  hub2:\n    ports: []\n")
                wait_until(lambda: capture.process.returncode is not None, 5, "no end")
                assert capture.process.returncode == 0, capture.process.stderr
            assert len(tshark(path, "ip.src", only="icmp")) == 6


def flood(daemon, guest, source, to):
    """Until 7 MB have entered the hub: more than the 4 that wait for a client."""
    def entered():
        ports = daemon.request("GET", "/v1/hubs/hub1")[1]["ports"]
        return next(p["in"]["frames"] for p in ports if p.get("mac") == guest.mac("eth0"))
    begin, sent = entered(), 0
    while entered() < begin + 5000:
        for _ in range(500):
            source.sendto(bytes(1400), to)
        sent += 500
    return sent


def statistics(capture):
    """(interface, frames, lost) of each Interface Statistics Block."""
    found, at = [], 0
    while at < len(capture):
        kind, length = struct.unpack_from("=II", capture, at)
        if kind == 5:
            found.append(struct.unpack_from("=I12xQ4xQ", capture, at + 8))
        at += length
    return found


def test_a_slow_client_delays_nobody_and_hears_what_it_missed(daemon, guest, other, tmp_path):
    path = tmp_path / "slow.pcapng"
    with socket.socket(socket.AF_UNIX) as sock, other.udp(B) as sink, guest.udp() as source:
        sock.connect(daemon.api)
        sock.sendall(b"GET /v1/hubs/hub1/capture?filter=udp HTTP/1.0\r\nHost: lanyard\r\n\r\n")
        sock.settimeout(5)
        answer = sock.recv(4096)
        assert answer.startswith(b"HTTP/1."), answer
        sent = flood(daemon, guest, source, sink.getsockname())
        ping(guest, B)
        sock.settimeout(1)
        try:
            while chunk := sock.recv(1 << 20):
                answer += chunk
        except TimeoutError:
            pass
    path.write_bytes(answer.partition(b"\r\n\r\n")[2])
    shown = len(tshark(path, "udp.length"))
    interface, frames, lost = statistics(path.read_bytes())[-1]
    assert shown > 1000 and lost > 0
    assert (interface, frames) == (0, shown + lost) and frames <= sent
    wait_until(lambda: not rings(daemon), 3, "the capture goes on")


def test_loss_is_said_with_the_next_frame(daemon, guest, other, tmp_path):
    with Capture(daemon, tmp_path / "stopped.pcapng", "hub1", "udp") as capture, \
            other.udp(B) as sink, guest.udp() as source:
        source.sendto(b"first", sink.getsockname())
        time.sleep(0.2)
        capture.process.send_signal(signal.SIGSTOP)
        flood(daemon, guest, source, sink.getsockname())
        capture.process.send_signal(signal.SIGCONT)
        time.sleep(1)
        source.sendto(b"last", sink.getsockname())
    counts = capture.fields("frame.drop_count", "udp.length")
    assert counts[0] == ("", "13") and counts[-1][1] == "12"
    assert sum(int(count or 0) for count, _ in counts) > 0
