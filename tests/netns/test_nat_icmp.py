# SPDX-License-Identifier: GPL-2.0-or-later
"""Ping, ICMP errors and fragments through the NAT.

    guest .10 (fd00:8::10) === hub8 [nat .2 ::2] lanyardd "host" --- "server" --- unreachable places
"""
import errno
import re
import socket
import struct

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import checksum

from support.fixtures import UNPRIVILEGED_PING
from support import topology
from support.daemon import GATEWAY, GATEWAY6, Guest
from support.namespace import wait_until
from support.topology import SERVER, SERVER6, SERVER_TWO


def ping(guest, address, *options, count=1):
    """(answers, whole output)"""
    done = guest.run("ping", "-n", "-c", count, "-i", "0.05", "-W", "2", *options, address,
                     check=False)
    return int(re.search(r"(\d+) received", done.stdout).group(1)), done.stdout


@pytest.fixture(scope="module", params=["ping-socket", "raw-socket"])
def host_sockets(request, network):
    """The two ways in which the host may let a program ping."""
    network.host.sysctl("net.ipv4.ping_group_range",
                        UNPRIVILEGED_PING if request.param == "ping-socket" else "1 0")


@pytest.mark.parametrize("address", [SERVER, SERVER_TWO, SERVER6])
def test_ping(host_sockets, guest, address):
    answers, output = ping(guest, address, count=5)
    assert answers == 5, output
    assert "DUP" not in output


@pytest.mark.parametrize("address", [GATEWAY, GATEWAY6])
def test_ping_the_gateway(guest, address):
    assert ping(guest, address)[0] == 1


@pytest.mark.parametrize("size", [0, 1, 1400, 1472])
def test_ping_sizes(guest, size):
    answers, output = ping(guest, SERVER, "-s", size)
    assert answers == 1, output


@pytest.mark.parametrize("size", [1473, 4000, 20000])
def test_ping_in_fragments(guest, size):
    """Longer than a frame: fragments both ways."""
    answers, output = ping(guest, SERVER, "-s", size, "-M", "dont")
    assert answers == 1, output


def test_pings_beside_each_other(guest):
    """Their identifiers keep them apart."""
    running = [guest.start("ping", "-n", "-c", "10", "-i", "0.05", "-W", "2", address)
               for address in (SERVER, SERVER_TWO, SERVER, SERVER6)]
    for process in running:
        process.wait(10)
        assert "10 received" in process.stdout, process.stdout
        assert "DUP" not in process.stdout


def test_ping_nobody(guest):
    """Where nobody is, nobody answers: the gateway does not fake it."""
    answers, output = ping(guest, topology.BLACK_HOLE)
    assert answers == 0, output


def test_ping_unreachable_host(guest):
    """The router's word reaches the guest."""
    answers, output = ping(guest, topology.HOST_UNREACHABLE)
    assert answers == 0
    assert "Unreachable" in output, output


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_udp_port_unreachable(guest, address):
    with guest.udp("::" if ":" in address else "0.0.0.0") as sock:
        sock.settimeout(2)
        sock.connect((address, 9))
        sock.send(b"anyone?")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(10)


@pytest.mark.parametrize("address, code", [
    (topology.HOST_UNREACHABLE, errno.EHOSTUNREACH), (topology.PROHIBITED, errno.EHOSTUNREACH),
    (topology.NET_UNREACHABLE, errno.ENETUNREACH)])
def test_udp_unreachable(guest, address, code):
    """IP_RECVERR, so that the guest's kernel tells the soft ones as well."""
    with guest.udp("0.0.0.0") as sock:
        sock.settimeout(2)
        sock.setsockopt(socket.IPPROTO_IP, 11, 1)
        sock.connect((address, 9))
        sock.send(b"anyone?")
        with pytest.raises(OSError) as failure:
            sock.recv(10)
        assert failure.value.errno == code


def test_error_quotes_what_the_guest_sent(guest, network):
    """RFC 5508 4: the packet inside the error has the guest's own addresses and ports."""
    with guest.packet("eth0", 0x0800) as wire, guest.udp("0.0.0.0") as sock:
        sock.sendto(b"anyone?", (SERVER, 9))
        port = sock.getsockname()[1]

        def error():
            frame = Ether(wire.recv(2000))
            return frame if ICMP in frame and frame[ICMP].type == 3 else None
        frame = wait_until(error)
    assert frame[IP].dst == guest.address
    quoted = frame[ICMP].payload
    assert (quoted.src, quoted.dst) == (guest.address, SERVER)
    assert (quoted.sport, quoted.dport) == (port, 9)


def fragments(source, destination, data, size=512, sport=4242, dport=4243):
    """A UDP datagram as a list of IP packets."""
    whole = UDP(bytes(IP(src=source, dst=destination) /
                      UDP(sport=sport, dport=dport) / data)[20:])
    pieces, payload = [], bytes(whole)
    for begin in range(0, len(payload), size):
        piece = payload[begin:begin + size]
        pieces.append(IP(src=source, dst=destination, id=777, proto=17, frag=begin // 8,
                         flags="MF" if begin + size < len(payload) else 0) / piece)
    return pieces


def send_frames(guest, packets):
    gateway_mac = wait_until(lambda: next(
        (entry["lladdr"] for entry in guest.ip_json("neighbour", "show", "dev", "eth0")
         if entry["dst"] == GATEWAY and "lladdr" in entry), None))
    head = bytes(Ether(src=guest.mac("eth0"), dst=gateway_mac, type=0x0800))
    with guest.packet("eth0") as wire:
        for packet in packets:
            wire.send(head + bytes(packet))


ORDERS = {"forwards": lambda pieces: pieces, "backwards": lambda pieces: pieces[::-1],
          "last-first": lambda pieces: pieces[-1:] + pieces[:-1],
          "doubled": lambda pieces: [pieces[0], pieces[0], *pieces[1:]]}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_fragments_in_any_order(guest, network, order):
    ping(guest, GATEWAY)
    data = bytes(range(256)) * 8
    with network.server.udp(SERVER, 4243) as sock:
        sock.settimeout(3)
        send_frames(guest, order(fragments(guest.address, SERVER, data)))
        assert sock.recv(65536) == data


def test_missing_fragment(guest, network):
    """Never half a datagram, and the rest goes on."""
    ping(guest, GATEWAY)
    pieces = fragments(guest.address, SERVER, bytes(2048))
    with network.server.udp(SERVER, 4243) as sock:
        sock.settimeout(0.5)
        send_frames(guest, pieces[:1] + pieces[2:])
        with pytest.raises(TimeoutError):
            sock.recv(65536)
    assert ping(guest, SERVER)[0] == 1


def first_fragment(source, destination, number):
    """An IP packet that promises more; made by hand, for there will be many."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1420, number, 0x2000, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + bytes(1400)


def test_flood_of_first_fragments(release_daemon):
    """Reassembly takes bounded memory."""
    with Guest(release_daemon, "192.168.120.40") as guest:
        ping(guest, GATEWAY)
        before = release_daemon.resident()
        send_frames(guest, (first_fragment(guest.address, SERVER, number)
                            for number in range(60000)))
        assert release_daemon.resident() - before < 32 << 20
        assert ping(guest, SERVER)[0] == 1
