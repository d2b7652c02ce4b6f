# SPDX-License-Identifier: GPL-2.0-or-later
"""UDP in all its moods: runs, sizes, hops, forwards, neighbours who meet outside.

    guest .10 (fd00:8::10) === hub8 [nat .2 ::2] lanyardd "host" --- "server" --(MTU 1300)-- "far"
    198.51.100.1 is the host, .10 the server, 203.0.113.130 and 2001:db8:2::2 are far
"""
import errno
import re
import shutil
import socket
import struct
import time

import pytest

from support.fixtures import UNPRIVILEGED_PING
from support.daemon import GATEWAY, GATEWAY6, Guest
from support.namespace import Namespace, veth, wait_until
from support.topology import HOST, HOST6, SERVER, SERVER6, SERVER_TWO, SERVER_TWO6

FAR, FAR6, FAR_MTU = "203.0.113.130", "2001:db8:2::2", 1300
HOST_TWO = "198.51.100.2"
SOL_UDP, UDP_SEGMENT = 17, 103
IP_MTU_DISCOVER, IP_MTU, IP_RECVTOS, IP_RECVTTL = 10, 14, 13, 12
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24
FAMILIES = pytest.mark.parametrize("address", [SERVER, SERVER6], ids=["ip4", "ip6"])


def any_address(address):
    return "::" if ":" in address else "0.0.0.0"


@pytest.fixture(scope="module")
def far(network):
    with Namespace("far") as made:
        veth(network.server, "far0", made, "far0", FAR_MTU)
        network.server.ip("address add 203.0.113.129/30 dev far0",
                          "address add 2001:db8:2::1/64 dev far0 nodad")
        made.ip(f"address add {FAR}/30 dev far0", f"address add {FAR6}/64 dev far0 nodad",
                "route add default via 203.0.113.129", "route add default via 2001:db8:2::1")
        yield made


# The port, and who may speak to it.

def test_port_is_kept(guest, network):
    with network.server.udp(SERVER) as b, guest.udp("0.0.0.0", 40010) as a:
        a.sendto(b"x", b.getsockname())
        assert b.recvfrom(10)[1] == (HOST, 40010)


def test_port_that_is_taken(guest, network):
    """By the host itself: the guest's datagrams go out all the same."""
    with network.host.udp("0.0.0.0", 40011), network.server.udp(SERVER) as b, \
            guest.udp("0.0.0.0", 40011) as a:
        a.sendto(b"x", b.getsockname())
        seen = b.recvfrom(10)[1]
        assert seen[0] == HOST and seen[1] != 40011
        b.sendto(b"y", seen)
        assert a.recv(10) == b"y"


def test_strangers_are_filtered(guest, network):
    """RFC 4787 REQ-8: by address, whatever the port."""
    with network.server.udp(SERVER) as b, network.server.udp(SERVER) as same, \
            network.server.udp(SERVER_TWO) as stranger, guest.udp("0.0.0.0") as a:
        a.sendto(b"x", b.getsockname())
        seen = b.recvfrom(10)[1]
        stranger.sendto(b"stranger", seen)
        same.sendto(b"same", seen)
        assert a.recv(100) == b"same"
        a.settimeout(0.3)
        with pytest.raises(TimeoutError):
            a.recv(100)


def test_hairpin(daemon, guest, network):
    """RFC 4787 REQ-9: two guests that know each other by their outside names only."""
    with Guest(daemon, "192.168.120.11") as other, network.server.udp(SERVER) as server, \
            guest.udp("0.0.0.0") as a, other.udp("0.0.0.0") as b:
        names = {}
        for sock in (a, b):
            sock.sendto(b"x", server.getsockname())
            names[sock] = server.recvfrom(10)[1]
            sock.settimeout(1)

        def meet():
            a.sendto(b"from a", names[b])
            b.sendto(b"from b", names[a])
            try:
                return a.recvfrom(100), b.recvfrom(100)
            except OSError:
                return None
        at_a, at_b = wait_until(meet)
        assert at_a == (b"from b", names[b])
        assert at_b == (b"from a", names[a])


# What they look like.

@FAMILIES
def test_runs_of_datagrams(guest, network, address):
    """UDP_SEGMENT both ways: every datagram arrives, whole and in order."""
    size, count = 1200, 40
    data = b"".join(struct.pack("!I", n) * (size // 4) for n in range(count))
    expected = [data[n * size:(n + 1) * size] for n in range(count)]
    with network.server.udp(address) as b, guest.udp(any_address(address)) as a:
        for sock in (a, b):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.setsockopt(SOL_UDP, UDP_SEGMENT, size)
        a.sendto(data, b.getsockname())
        arrived = [b.recvfrom(2000) for _ in range(count)]
        assert [one[0] for one in arrived] == expected
        b.sendto(data[:-700], arrived[0][1])
        assert [a.recv(2000) for _ in range(count)] == [*expected[:-1], expected[-1][:-700]]


def control_numbers(sock, level, kinds):
    """What the next datagram's control messages say of these."""
    _, ancillary, _, peer = sock.recvmsg(100, 256)
    found = {kind: int.from_bytes(data, "little") for at, kind, data in ancillary if at == level}
    return [found.get(kind) for kind in kinds], peer


def test_ttl_and_tos(guest, network):
    """As the guest chose them, one hop further; and back."""
    with network.server.udp(SERVER) as b, guest.udp("0.0.0.0") as a:
        for sock in (a, b):
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xb8)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
        a.sendto(b"x", b.getsockname())
        numbers, seen = control_numbers(b, socket.IPPROTO_IP, (2, 1))
        assert numbers == [32, 0xb8]
        b.sendto(b"y", seen)
        assert control_numbers(a, socket.IPPROTO_IP, (2, 1))[0] == [32, 0xb8]


# Sizes that do not fit the way.

@pytest.mark.parametrize("address", [FAR, FAR6], ids=["ip4", "ip6"])
def test_path_mtu_is_told(far, guest, address):
    """RFC 4787 REQ-13: what may not be cut is not, and the guest learns what fits."""
    is_v6 = ":" in address
    level = socket.IPPROTO_IPV6 if is_v6 else socket.IPPROTO_IP
    with far.udp(address) as b, guest.udp(any_address(address)) as a:
        a.setsockopt(level, IPV6_MTU_DISCOVER if is_v6 else IP_MTU_DISCOVER, 2)
        a.connect(b.getsockname()[:2])

        def refused():
            try:
                a.send(bytes(1400))
            except OSError as failure:
                return failure.errno == errno.EMSGSIZE
            return False
        wait_until(refused)
        assert a.getsockopt(level, IPV6_MTU if is_v6 else IP_MTU) == FAR_MTU
        time.sleep(0.2)  # what was sent meanwhile is refused, too
        a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        a.send(bytes(1200))
        assert len(b.recv(2000)) == 1200


def test_what_may_be_cut_arrives(far, guest):
    with far.udp(FAR) as b, guest.udp("0.0.0.0") as a:
        a.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, 0)
        a.sendto(bytes(1400), b.getsockname())
        assert len(b.recv(2000)) == 1400


# The way itself.

def hops(guest, address, *options):
    done = guest.run("traceroute", "-n", "-q", "2", "-w", "3", "-m", "6", *options, address)
    return [re.findall(r"[0-9a-f]*[.:][0-9a-f.:]*[0-9a-f](?= )", line)[:1]
            for line in done.stdout.splitlines()[1:]]


@pytest.fixture(scope="module", params=["ping-socket", "raw-socket"])
def host_sockets(request, network):
    network.host.sysctl("net.ipv4.ping_group_range",
                        UNPRIVILEGED_PING if request.param == "ping-socket" else "1 0")


needs_traceroute = pytest.mark.skipif(not shutil.which("traceroute"), reason="no traceroute")
WAY = [[GATEWAY], [SERVER], [FAR]]


def is_way6(found):
    """The router chooses which of its addresses it speaks from."""
    return len(found) == 3 and found[0] == [GATEWAY6] and found[2] == [FAR6] and \
        found[1][0] in (SERVER6, SERVER_TWO6)


@needs_traceroute
def test_traceroute_by_echo(host_sockets, far, guest):
    assert hops(guest, FAR, "-I") == WAY
    assert is_way6(hops(guest, FAR6, "-6", "-I"))


@needs_traceroute
def test_traceroute_by_udp(far, guest):
    assert hops(guest, FAR) == WAY
    assert is_way6(hops(guest, FAR6, "-6"))
    assert hops(guest, FAR, "-U")[:2] == WAY[:2]


# Forwards.

def forward(daemon, outside, inside):
    daemon.lanyard("forward", "add", "hub8", "udp", outside, inside)


def talk(client, guest_socket, to, seen_as=None):
    """A client knocks, the guest answers; returns whom the guest saw."""
    client.sendto(b"knock", to)
    data, seen = guest_socket.recvfrom(100)
    assert data == b"knock"
    if seen_as:
        assert seen[:2] == seen_as
    for number in range(3):
        guest_socket.sendto(b"answer%d" % number, seen)
        data, source = client.recvfrom(100)
        assert (data, source[:2]) == (b"answer%d" % number, to)
    return seen


def test_forward_keeps_the_clients_address(daemon, guest, network):
    forward(daemon, f"{HOST}:5300", f"{guest.address}:5400")
    with guest.udp(guest.address, 5400) as inside:
        for address in (SERVER, SERVER_TWO):
            with network.server.udp(address) as client:
                talk(client, inside, (HOST, 5300), client.getsockname())
        # What the guest says to others through the same port goes through a mapping of its own.
        with network.server.udp(SERVER) as other:
            inside.sendto(b"x", other.getsockname())
            assert other.recvfrom(10)[1][1] != 5300


def test_forward_answers_from_the_address_asked(daemon, guest, network):
    """A host with two addresses, one listener for all."""
    network.host.ip(f"address add {HOST_TWO}/24 dev up0")
    forward(daemon, "0.0.0.0:5301", f"{guest.address}:5401")
    with guest.udp(guest.address, 5401) as inside, network.server.udp(SERVER) as client:
        for address in (HOST_TWO, HOST, HOST_TWO):
            talk(client, inside, (address, 5301), client.getsockname())


def test_forward_for_the_host_itself(daemon, guest, network):
    """The guest could not answer 127.0.0.1: it sees the gateway."""
    forward(daemon, "127.0.0.1:5302", f"{guest.address}:5402")
    with guest.udp(guest.address, 5402) as inside, network.host.udp("127.0.0.1", 6000) as one, \
            network.host.udp("127.0.0.2", 6000) as two:
        first = talk(one, inside, ("127.0.0.1", 5302), (GATEWAY, 6000))
        second = talk(two, inside, ("127.0.0.1", 5302))
        assert second[0] == GATEWAY and second != first


def test_forward_ip6(daemon, guest, network):
    forward(daemon, "[::]:5303", "[fd00:8::10]:5403")
    with guest.udp("fd00:8::10", 5403) as inside, network.server.udp(SERVER6) as client:
        talk(client, inside, (HOST6, 5303), client.getsockname()[:2])


def test_forward_finds_a_guest_that_has_never_spoken(daemon, guest, network):
    with Guest(daemon, "192.168.120.12") as quiet:
        quiet.ip("neighbour flush dev eth0")
        forward(daemon, f"{HOST}:5304", "192.168.120.12:5404")
        with quiet.udp("192.168.120.12", 5404) as inside, network.server.udp(SERVER) as client:
            talk(client, inside, (HOST, 5304), client.getsockname())


def test_forward_carries_runs(daemon, guest, network):
    forward(daemon, f"{HOST}:5305", f"{guest.address}:5405")
    data = bytes(n & 255 for n in range(24000))
    with guest.udp(guest.address, 5405) as inside, network.server.udp(SERVER) as client:
        talk(client, inside, (HOST, 5305))
        for sock in (inside, client):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.setsockopt(SOL_UDP, UDP_SEGMENT, 1000)
        client.sendto(data, (HOST, 5305))
        assert b"".join(inside.recv(2000) for _ in range(24)) == data
        inside.sendto(data, client.getsockname())
        assert b"".join(client.recv(2000) for _ in range(24)) == data


def test_forward_that_is_removed(daemon, guest, network):
    forward(daemon, f"{HOST}:5306", f"{guest.address}:5406")
    with guest.udp(guest.address, 5406) as inside, network.server.udp(SERVER) as client:
        talk(client, inside, (HOST, 5306))
        daemon.lanyard("forward", "rm", "hub8", "udp", f"{HOST}:5306")
        client.connect((HOST, 5306))

        def refused():
            try:
                client.send(b"knock")
                client.settimeout(0.2)
                client.recv(10)
            except ConnectionRefusedError:
                return True
            except TimeoutError:
                pass
            return False
        wait_until(refused)
