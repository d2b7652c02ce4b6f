# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP through the NAT.

    guest .10 (fd00:8::10) === hub8 [nat .2] lanyardd "host" --- "server" .10, .11
                                                                    '--- unreachable places
"""
import contextlib
import errno
import socket
import struct
import threading
import time

import pytest

from support import topology
from support.namespace import wait_until
from support.topology import SERVER, SERVER6

FAMILIES = pytest.mark.parametrize("server_address", [SERVER, SERVER6], ids=["ip4", "ip6"])


@contextlib.contextmanager
def connected(guest, network, address=SERVER):
    """(guest's end, server's end) of one connection."""
    with network.server.listen(address) as listener:
        a = guest.connect(address, listener.getsockname()[1])
        b, _ = listener.accept()
        b.settimeout(10)
        with a, b:
            yield a, b


def connect_error(guest, address, port=80, timeout=10):
    """(errno, seconds) of a connection that must fail."""
    begin = time.monotonic()
    with pytest.raises(OSError) as failure:
        guest.connect(address, port, timeout)
    return failure.value.errno, time.monotonic() - begin


def reset(sock):
    """Ends a connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def assert_reset(sock):
    with pytest.raises(ConnectionResetError):
        while sock.recv(4096):
            pass
        raise AssertionError("an orderly end, not a reset")


@FAMILIES
def test_both_ways(guest, network, server_address):
    with connected(guest, network, server_address) as (a, b):
        a.sendall(b"ping")
        assert b.recv(100) == b"ping"
        b.sendall(b"pong")
        assert a.recv(100) == b"pong"


def test_server_sees_the_host(guest, network):
    with connected(guest, network) as (_, b):
        assert b.getpeername()[0] == topology.HOST


@FAMILIES
def test_refused(guest, server_address):
    code, seconds = connect_error(guest, server_address, 9)
    assert code == errno.ECONNREFUSED
    assert seconds < 1


@pytest.mark.parametrize("address, expected", [
    (topology.HOST_UNREACHABLE, {errno.EHOSTUNREACH}),
    (topology.PROHIBITED, {errno.EHOSTUNREACH}),
    (topology.NET_UNREACHABLE, {errno.ENETUNREACH}),
    (topology.LOCAL_UNREACHABLE, {errno.EHOSTUNREACH}),
    (topology.UNREACHABLE6, {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES}),
], ids=["host", "prohibited", "net", "local", "ip6"])
def test_unreachable(guest, address, expected):
    code, seconds = connect_error(guest, address)
    assert code in expected
    assert seconds < 2


def test_silent_neighbour(guest):
    """The host's own ARP fails, which takes the kernel three seconds."""
    code, seconds = connect_error(guest, topology.NEIGHBOUR_SILENT)
    assert code == errno.EHOSTUNREACH
    assert seconds < 6


@pytest.mark.parametrize("address", [topology.BLACK_HOLE, topology.BLACK_HOLE6])
def test_black_hole_is_silent(guest, address):
    code, seconds = connect_error(guest, address, timeout=3)
    assert code is None, f"an answer out of a black hole: errno {code}"
    assert seconds >= 3


def test_black_holes_starve_nobody(guest, network):
    """A thousand connections on their way to nowhere, and one that is not."""
    lost = []
    try:
        for number in range(1000):
            sock = guest.socket()
            sock.setblocking(False)
            sock.connect_ex((f"100.64.{number // 250}.{number % 250 + 1}", 80))
            lost.append(sock)
        time.sleep(0.5)
        begin = time.monotonic()
        with connected(guest, network) as (a, b):
            a.sendall(b"hello")
            assert b.recv(10) == b"hello"
        assert time.monotonic() - begin < 0.2
    finally:
        for sock in lost:
            sock.close()


@FAMILIES
def test_half_close_by_guest(guest, network, server_address):
    with connected(guest, network, server_address) as (a, b):
        a.sendall(b"request")
        a.shutdown(socket.SHUT_WR)
        assert b.recv(100) == b"request"
        assert b.recv(100) == b""
        for _ in range(3):
            b.sendall(b"answer")
            assert a.recv(100) == b"answer"
            time.sleep(0.1)
        b.close()
        assert a.recv(100) == b""


def test_half_close_by_server(guest, network):
    with connected(guest, network) as (a, b):
        b.sendall(b"hello")
        b.shutdown(socket.SHUT_WR)
        assert a.recv(100) == b"hello"
        assert a.recv(100) == b""
        for _ in range(3):
            a.sendall(b"more")
            assert b.recv(100) == b"more"
            time.sleep(0.1)
        a.close()
        assert b.recv(100) == b""


@FAMILIES
def test_reset_by_guest(guest, network, server_address):
    with connected(guest, network, server_address) as (a, b):
        a.sendall(b"x")
        assert b.recv(1) == b"x"
        reset(a)
        assert_reset(b)


@FAMILIES
def test_reset_by_server(guest, network, server_address):
    with connected(guest, network, server_address) as (a, b):
        a.sendall(b"x")
        assert b.recv(1) == b"x"
        reset(b)
        assert_reset(a)


def test_data_before_a_reset_is_not_forgotten(guest, network):
    """What the server sent before its RST, and the guest's stack has acknowledged, is there."""
    with connected(guest, network) as (a, b):
        b.sendall(b"last words")
        assert a.recv(4, socket.MSG_PEEK) == b"last"
        reset(b)
        time.sleep(0.1)
        assert a.recv(100) == b"last words"
        assert_reset(a)


def test_large_write_then_close(guest, network):
    """All of it arrives, though the sender has gone long before."""
    amount = 8 << 20
    for from_guest in (True, False):
        with connected(guest, network) as ends:
            sender, receiver = ends if from_guest else ends[::-1]
            thread = threading.Thread(target=lambda s=sender: (s.sendall(bytes(amount)), s.close()))
            thread.start()
            time.sleep(0.2)
            got = 0
            while piece := receiver.recv(1 << 16):
                got += len(piece)
            thread.join()
            assert got == amount


def test_slow_reader_stops_the_writer(guest, network):
    """Back-pressure: what nobody reads is not taken without end, and nothing is lost of it."""
    for from_guest in (True, False):
        with connected(guest, network) as ends:
            sender, receiver = ends if from_guest else ends[::-1]
            sender.setblocking(False)
            sent, idle_since = 0, time.monotonic()
            while time.monotonic() - idle_since < 0.5:
                try:
                    sent += sender.send(bytes(1 << 16))
                    idle_since = time.monotonic()
                except BlockingIOError:
                    time.sleep(0.01)
                assert sent < 256 << 20, "nothing ever said stop"
            sender.setblocking(True)
            sender.shutdown(socket.SHUT_WR)
            got = 0
            while piece := receiver.recv(1 << 20):
                got += len(piece)
            assert got == sent


def test_zero_window_reopens(guest, network):
    """The reader sleeps past several probes of a closed window, then all goes on."""
    with connected(guest, network) as (a, b):
        a.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        amount = 4 << 20
        thread = threading.Thread(target=b.sendall, args=(bytes(amount),))
        thread.start()
        time.sleep(3)
        begin, got = time.monotonic(), 0
        while got < amount:
            got += len(a.recv(1 << 16))
        thread.join()
        assert time.monotonic() - begin < 20


def test_urgent_byte_is_not_lost(guest, network):
    with connected(guest, network) as (a, b):
        for sender, receiver in ((a, b), (b, a)):
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
            sender.sendall(b"ab")
            sender.send(b"!", socket.MSG_OOB)
            sender.sendall(b"cd")
            got = b""
            while len(got) < 5:
                got += receiver.recv(100)
            assert got == b"ab!cd"


def connects(sock, port):
    """False while the guest's own last connection is on its way out."""
    try:
        sock.connect((SERVER, port))
        return True
    except OSError as failure:
        assert failure.errno == errno.EADDRNOTAVAIL
        return False


def test_source_port_can_be_used_again(guest, network):
    """Same four addresses right after a close: no ghost of the old flow answers."""
    with network.server.listen(SERVER) as listener:
        server_port, source = listener.getsockname()[1], None
        for _ in range(20):
            with guest.socket() as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if source:
                    sock.bind(("0.0.0.0", source))
                wait_until(lambda s=sock: connects(s, server_port), 2, "the port stays in use")
                source = sock.getsockname()[1]
                served, _ = listener.accept()
                with served:
                    sock.sendall(b"again")
                    assert served.recv(10) == b"again"
                    served.shutdown(socket.SHUT_WR)
                    assert sock.recv(10) == b""


def test_keepalive_of_the_guest_is_answered(guest, network):
    with connected(guest, network) as (a, b):
        a.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1),
                              (socket.TCP_KEEPCNT, 2)):
            a.setsockopt(socket.IPPROTO_TCP, option, value)
        time.sleep(5)
        a.sendall(b"alive")
        assert b.recv(10) == b"alive"


def test_closed_flows_are_forgotten(daemon, guest, network):
    """Neither descriptors nor flows pile up."""
    if not hasattr(daemon, "descriptors"):
        return
    before = wait_until(daemon.descriptors)
    with network.server.listen(SERVER) as listener:
        for _ in range(300):
            with guest.connect(SERVER, listener.getsockname()[1]) as a:
                listener.accept()[0].close()
                assert a.recv(1) == b""
    wait_until(lambda: daemon.descriptors() <= before + 10, 20, "descriptors are not closed")
