# SPDX-License-Identifier: GPL-2.0-or-later
"""The kind vm: who speaks QEMU's stream is a port.

    client (this process) --- socket --- entrance "vm" === hub8 [nat .2] [dhcp .254] lanyardd
    client                --- socket --- entrance "vm" ===
"""
import json
import os
import select
import socket
import struct
import time

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

from support.daemon import GATEWAY, NAT_CONFIG
from support.namespace import wait_until

VM_CONFIG = NAT_CONFIG + "      - {kind: vm}\n"


@pytest.fixture(scope="module")
def daemon(network):
    with network.daemon(VM_CONFIG) as made:
        yield made


class StreamClient:
    """A network card behind a socket: a 4-byte length, most significant byte first, and a frame."""

    def __init__(self, place, mac="52:54:00:00:00:01", address="192.168.120.20"):
        family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
        self.socket = place if isinstance(place, socket.socket) else socket.socket(family)
        if not isinstance(place, socket.socket):
            self.socket.connect(place)
        self.socket.settimeout(5)
        self.mac, self.address, self.buffer = mac, address, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        frame = bytes(frame)
        self.socket.sendall(struct.pack(">I", len(frame)) + frame)

    def receive(self, seconds=3):
        """The next frame, or None."""
        end = time.monotonic() + seconds
        while len(self.buffer) < 4 or len(self.buffer) < 4 + self._length():
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                return None
            more = self.socket.recv(65536)
            if not more:
                return None
            self.buffer += more
        frame, self.buffer = self.buffer[4:4 + self._length()], self.buffer[4 + self._length():]
        return Ether(frame)

    def _length(self):
        return struct.unpack(">I", self.buffer[:4])[0]

    def expect(self, is_wanted, seconds=3):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = self.receive(end - time.monotonic())
            if frame is not None and is_wanted(frame):
                return frame
        raise AssertionError("the frame did not come")

    def is_closed(self):
        """The other side hung up."""
        while select.select([self.socket], [], [], 2)[0]:
            try:
                if not self.socket.recv(65536):
                    return True
            except ConnectionResetError:
                return True
        return False

    def ask_for(self, address):
        """The MAC address of who has it."""
        self.send(Ether(src=self.mac, dst="ff:ff:ff:ff:ff:ff") /
                  ARP(op=1, hwsrc=self.mac, psrc=self.address, pdst=address))
        return self.expect(lambda f: ARP in f and f[ARP].op == 2 and f[ARP].psrc == address).hwsrc


def socket_of(daemon, name="vm"):
    return daemon.request("GET", f"/v1/hubs/hub8/ports/{name}")[1]["details"]["socket"]


def clients(daemon, kind="vm"):
    return [port for port in daemon.request("GET", "/v1/hubs/hub8/ports")[1]["ports"]
            if port["kind"] == kind]


@pytest.fixture
def client(daemon):
    with StreamClient(socket_of(daemon)) as made:
        wait_until(lambda: clients(daemon), 5, "no port")
        yield made
    wait_until(lambda: not clients(daemon), 5, "the port stays")


def test_entrance_is_shown(daemon):
    hub = daemon.request("GET", "/v1/hubs/hub8")[1]
    entrance = hub["entrances"][0]
    assert entrance["id"] == "hub8.vm" and entrance["clients"] == 0
    assert entrance["details"]["protocol"] == "stream"
    assert os.path.dirname(entrance["details"]["socket"]) == os.path.dirname(daemon.api)
    assert "vm" not in [port["kind"] for port in hub["ports"]]
    assert f"listens at {entrance['details']['socket']}" in daemon.lanyard("show").stdout


def test_client_is_a_port(daemon, client):
    assert client.ask_for(GATEWAY) == client.ask_for(GATEWAY)
    port = clients(daemon)[0]
    assert port["entrance"] == "vm" and port["in"]["frames"] == 2 and port["out"]["frames"] >= 2
    assert port["name"].startswith("userif")
    assert f"{port['name']}: connected hub8.{port['slot']} " in daemon.lanyard("show", "--vmnet").stdout


def test_two_clients_reach_each_other(daemon, client):
    with StreamClient(socket_of(daemon), "52:54:00:00:00:02", "192.168.120.21") as other:
        wait_until(lambda: len(clients(daemon)) == 2, 5, "no second port")
        for _ in range(3):
            client.send(Ether(src=client.mac, dst=other.mac) /
                        IP(src=client.address, dst=other.address) / ICMP() / bytes(1000))
        assert len(other.expect(lambda f: ICMP in f)) == 1042


def test_frames_cut_anywhere(client):
    """A byte a write, and many frames a write."""
    frame = bytes(Ether(src=client.mac, dst="ff:ff:ff:ff:ff:ff") /
                  ARP(op=1, hwsrc=client.mac, psrc=client.address, pdst=GATEWAY))
    for byte in struct.pack(">I", len(frame)) + frame:
        client.socket.sendall(bytes([byte]))
    client.expect(lambda f: ARP in f and f[ARP].op == 2)
    client.socket.sendall((struct.pack(">I", len(frame)) + frame) * 50)
    for _ in range(50):
        client.expect(lambda f: ARP in f and f[ARP].op == 2)


@pytest.mark.parametrize("length", [0xffffffff, 0x80000000, 0x00ffffff, 0])
def test_bad_length_ends_the_client_alone(daemon, client, length):
    watch = daemon.start_lanyard("watch", "hub8")
    time.sleep(0.3)
    with StreamClient(socket_of(daemon), "52:54:00:00:00:03") as bad:
        wait_until(lambda: len(clients(daemon)) == 2, 5, "no port")
        bad.socket.sendall(struct.pack(">I", length) + bytes(100))
        assert bad.is_closed()
    wait_until(lambda: len(clients(daemon)) == 1, 5, "its port stays")
    wait_until(lambda: "port-down" in watch.stdout, 5, "no event")
    watch.stop()
    down = [json.loads(line) for line in watch.stdout.splitlines() if "port-down" in line][0]
    assert str(length) in down["why"]
    client.ask_for(GATEWAY)


def test_stuck_client_delays_nobody(daemon, client):
    with StreamClient(socket_of(daemon), "52:54:00:00:00:04", "192.168.120.24") as stuck:
        stuck.ask_for(GATEWAY)
        frame = Ether(src=client.mac, dst=stuck.mac) / bytes(1400)
        for _ in range(4000):
            client.send(frame)
        begin = time.monotonic()
        client.ask_for(GATEWAY)
        assert time.monotonic() - begin < 1
        port = [p for p in clients(daemon) if p["out"]["drops"]][0]
        assert port["out"]["drops"]["queue_full"] > 0
        received = 0
        while stuck.receive(0.3) is not None:
            received += 1
        # Whole frames: what was not dropped.
        assert received + port["out"]["drops"]["queue_full"] >= 4000


def test_unplugged_entrance_takes_clients_along(daemon):
    daemon.lanyard("plug", "hub8", "vm", "name=more", f"socket={daemon.folder}/more.sock")
    with StreamClient(f"{daemon.folder}/more.sock") as one, \
            StreamClient(f"{daemon.folder}/more.sock") as two:
        wait_until(lambda: len(clients(daemon)) == 2, 5, "no ports")
        daemon.lanyard("unplug", "more")
        assert one.is_closed() and two.is_closed()
    assert not clients(daemon)
    assert not os.path.exists(f"{daemon.folder}/more.sock")


def test_unplugged_client(daemon):
    with StreamClient(socket_of(daemon)) as client:
        wait_until(lambda: clients(daemon), 5, "no port")
        daemon.lanyard("unplug", clients(daemon)[0]["id"])
        assert client.is_closed()
    with StreamClient(socket_of(daemon)) as client:
        client.ask_for(GATEWAY)


def test_apply_leaves_clients_alone(daemon):
    with StreamClient(socket_of(daemon)) as client:
        client.ask_for(GATEWAY)
        before = clients(daemon)[0]["age"]
        daemon.apply(VM_CONFIG + "  hub3: {ports: [{kind: vm}]}\n")
        client.ask_for(GATEWAY)
        assert clients(daemon)[0]["age"] > before
        assert os.path.exists(os.path.join(os.path.dirname(daemon.api), "hub3.sock"))
        daemon.apply(VM_CONFIG)
        assert not os.path.exists(os.path.join(os.path.dirname(daemon.api), "hub3.sock"))
        client.ask_for(GATEWAY)
    running = daemon.lanyard("config").stdout
    assert running.count("kind: vm") == 1


def test_restart_finds_a_stale_socket(network):
    with network.daemon(VM_CONFIG) as daemon:
        path = socket_of(daemon)
        daemon.kill()
        assert os.path.exists(path)
        daemon.start()
        with StreamClient(path) as client:
            client.ask_for(GATEWAY)


def test_dials(daemon):
    """QEMU's server=on: the hub calls, and calls again when the VM has gone."""
    path = f"{daemon.folder}/qemu.sock"
    daemon.lanyard("plug", "hub8", "vm", "name=dialled", f"connect={path}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(5)
        for _ in range(2):
            with StreamClient(listener.accept()[0]) as client:
                client.ask_for(GATEWAY)
    daemon.lanyard("unplug", "dialled")


def test_tcp(daemon, network):
    daemon.lanyard("plug", "hub8", "vm", "name=tcp", "socket=127.0.0.1:5558")
    sock = network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.connect(("127.0.0.1", 5558))
    with StreamClient(sock) as client:
        client.ask_for(GATEWAY)
    daemon.lanyard("unplug", "tcp")


def plug_descriptor(daemon, sock, wish):
    body = json.dumps(wish).encode()
    with socket.socket(socket.AF_UNIX) as api:
        api.connect(daemon.api)
        socket.send_fds(api, [b"\r\n"], [sock.fileno()])
        api.sendall(b"POST /v1/hubs/hub8/ports HTTP/1.1\r\nHost: l\r\nConnection: close\r\n"
                    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert b" 201 " in api.recv(65536)


def test_descriptor_over_the_api(daemon):
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    plug_descriptor(daemon, theirs, {"kind": "vm", "fd": True, "name": "passed"})
    theirs.close()
    with StreamClient(ours) as client:
        client.ask_for(GATEWAY)
        assert "passed" not in daemon.lanyard("config").stdout
        daemon.apply(VM_CONFIG + f"      - {{kind: vm, protocol: stream, socket: {daemon.folder}/b.sock}}\n")
        daemon.apply(VM_CONFIG)
        client.ask_for(GATEWAY)
    wait_until(lambda: not clients(daemon), 5, "the port stays")


def test_many_clients(daemon):
    """They come, speak and go: nothing is left of them."""
    before = daemon.descriptors()
    for _ in range(5):
        crowd = [StreamClient(socket_of(daemon), f"52:54:00:00:01:{i:02x}") for i in range(50)]
        crowd[0].ask_for(GATEWAY)
        for one in crowd:
            one.socket.close()
        wait_until(lambda: not clients(daemon), 10, "ports stay")
    assert daemon.descriptors() <= before + 2


class DatagramClient(StreamClient):
    """A datagram for each frame, from a path of its own."""

    def __init__(self, place, folder, number):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = f"{folder}/vm{number}.dgram"
        sock.bind(self.path)
        sock.connect(place)
        super().__init__(sock, f"52:54:00:00:02:{number:02x}", f"192.168.120.{30 + number}")

    def __exit__(self, *_):
        self.socket.close()
        os.unlink(self.path)

    def send(self, frame):
        self.socket.send(bytes(frame))

    def receive(self, seconds=3):
        if not select.select([self.socket], [], [], max(0, seconds))[0]:
            return None
        return Ether(self.socket.recv(65536))


@pytest.fixture
def datagrams(daemon):
    """The path of an entrance for datagrams."""
    daemon.lanyard("plug", "hub8", "vm", "protocol=dgram", "name=dgram")
    yield socket_of(daemon, "dgram")
    daemon.lanyard("unplug", "dgram")


def test_datagrams(daemon, datagrams):
    """Each peer is a port, from the first frame on; it goes with its socket."""
    with DatagramClient(datagrams, daemon.folder, 1) as one, \
            DatagramClient(datagrams, daemon.folder, 2) as two:
        one.ask_for(GATEWAY)
        two.ask_for(GATEWAY)
        assert len(clients(daemon)) == 2
        assert {port["entrance"] for port in clients(daemon)} == {"dgram"}
        one.send(Ether(src=one.mac, dst=two.mac) / bytes(1400))
        assert len(two.expect(lambda f: f.src == one.mac and len(f) > 1000)) == 1414
    with DatagramClient(datagrams, daemon.folder, 3) as three:
        three.ask_for(GATEWAY)  # and whoever is gone refuses what is flooded to him
        wait_until(lambda: len(clients(daemon)) == 1, 5, "ports of the dead stay")


def test_stuck_datagram_client_delays_nobody(daemon, datagrams):
    with DatagramClient(datagrams, daemon.folder, 4) as stuck, \
            DatagramClient(datagrams, daemon.folder, 5) as other, \
            StreamClient(socket_of(daemon)) as sender:
        stuck.ask_for(GATEWAY)
        other.ask_for(GATEWAY)
        for _ in range(4000):
            sender.send(Ether(src=sender.mac, dst=stuck.mac) / bytes(1400))
        begin = time.monotonic()
        other.ask_for(GATEWAY)
        assert time.monotonic() - begin < 1
        assert any(port["out"]["drops"].get("queue_full") for port in clients(daemon))


def test_datagram_descriptor_over_the_api(daemon):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    plug_descriptor(daemon, theirs, {"kind": "vm", "fd": True})
    theirs.close()
    ours.send(bytes(Ether(src="52:54:00:00:03:01", dst="ff:ff:ff:ff:ff:ff") /
                    ARP(op=1, hwsrc="52:54:00:00:03:01", psrc="192.168.120.40", pdst=GATEWAY)))
    ours.settimeout(3)
    assert ARP in Ether(ours.recv(65536))
    ours.close()
    daemon.lanyard("unplug", clients(daemon)[0]["id"])


@pytest.mark.parametrize("words, says", [
    (["socket=hub8.sock"], "vm.socket: 'hub8.sock' is not a path"),
    (["socket=/x", "connect=/y"], "vm.connect: either this or socket, not both"),
    (["protocol=tcp"], "vm.protocol: 'tcp' is not a protocol for VMs; stream and dgram are"),
    (["protocol=dgram", "socket=127.0.0.1:5555"], "vm.socket: '127.0.0.1:5555' is a TCP address"),
    (["protocol=dgram", "connect=/x"], "vm.connect: datagrams need no connection"),
    (["connect=fd:x"], "vm.connect: 'fd:x' is neither a path nor ADDRESS:PORT"),
])
def test_bad_wishes(daemon, words, says):
    before = daemon.lanyard("config").stdout
    done = daemon.lanyard("plug", "hub8", "vm", *words, check=False)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1
    assert daemon.lanyard("config").stdout == before


def test_taken_socket_changes_nothing(daemon):
    done = daemon.lanyard("plug", "hub8", "vm", check=False)
    assert done.returncode == 1 and "somebody uses this socket already" in done.stderr
    with StreamClient(socket_of(daemon)) as client:
        client.ask_for(GATEWAY)


def test_entrance_has_no_frames_to_capture(daemon):
    done = daemon.lanyard("capture", "hub8.vm", check=False)
    assert done.returncode == 1 and "is an entrance" in done.stderr


def test_qemu_args(daemon):
    words = daemon.lanyard("qemu-args", "hub8").stdout.split()
    assert words[0] == "-netdev" and words[2] == "-device"
    assert f"addr.path={socket_of(daemon)}" in words[1] and words[1].startswith("stream,")
    again = daemon.lanyard("qemu-args", "hub8").stdout.split()
    assert words[3] != again[3], "two VMs with one MAC address"
    words = daemon.json("qemu-args", "hub8", "--mac", "52:54:00:12:34:56", "--model", "e1000")
    assert words[3].startswith("e1000,") and words[3].endswith("mac=52:54:00:12:34:56")
    words = daemon.json("qemu-args", "hub8", "--kind", "vhost-user")
    assert words[-1].endswith(",vectors=0") and "-accel" not in words
    words = daemon.json("qemu-args", "hub8", "--kind", "vhost-user", "--accel", "kvm")
    assert words[:2] == ["-accel", "kvm"] and "vectors" not in words[-1]
    done = daemon.lanyard("qemu-args", "hub8", "--kind", "slirp", check=False)
    assert done.returncode == 2 and "stream, dgram, vhost-user and vde" in done.stderr
    assert daemon.lanyard("qemu-args", "hub77", check=False).returncode == 2
