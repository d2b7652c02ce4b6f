# SPDX-License-Identifier: GPL-2.0-or-later
"""The DNS proxy with resolvers of every temper; test_nat_misc.py has the quiet ones.

    guest .10 === hub8 [nat .2 ::2] lanyardd "host" --- "server" .10, .11: resolvers
"""
import contextlib
import socket
import struct
import threading
import time

import pytest

from support.daemon import GATEWAY, GATEWAY6, Guest, NAT_CONFIG
from support.namespace import wait_until
from support.topology import HOST, SERVER, SERVER_TWO

TYPE_A, TYPE_TXT = 1, 16


def question(name, kind=TYPE_A, number=0x1234):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + \
        struct.pack("!HH", kind, 1)


def answer(asked, data=b"\xc0\0\2\x07", kind=TYPE_A, code=0):
    head = asked[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, 0 if code else 1, 0, 0)
    record = b"" if code else b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
    return head + asked[12:] + record


def code(message):
    return message[3] & 15


class Resolver:
    """Answers as `reply(asked, sender)` says, by UDP: a list of (message, socket or None)."""

    def __init__(self, namespace, address, reply):
        self.sock = namespace.udp(address, 53)
        self.sock.settimeout(0.05)
        self.reply = reply
        self.asked = []  # (message, from whom)
        self._is_over = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._is_over:
            with contextlib.suppress(TimeoutError, ConnectionError):
                message, peer = self.sock.recvfrom(65536)
                self.asked.append((message, peer))
                for reply, sock in self.reply(message, peer):
                    (sock or self.sock).sendto(reply, peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._is_over = True
        self._thread.join()
        self.sock.close()


def truthful(asked, _):
    return [(answer(asked), None)]


def silent(*_):
    return []


def refusing(asked, _):
    return [(answer(asked, code=5), None)]


def ask(guest, message, timeout=10, server=GATEWAY):
    with guest.udp(":" in server and "::" or "0.0.0.0") as sock:
        sock.settimeout(timeout)
        sock.sendto(message, (server, 53))
        return sock.recv(65536)


@pytest.fixture
def two(daemon):
    daemon.write_resolv_conf(f"nameserver {SERVER}\nnameserver {SERVER_TWO}\n")


@pytest.fixture
def one(daemon):
    daemon.write_resolv_conf(f"nameserver {SERVER}\n")


def counters(daemon):
    ports = daemon.request("GET", "/v1/hubs/hub8/ports")[1]
    ports = ports if isinstance(ports, list) else ports["ports"]
    nat = next(port for port in ports if port["kind"] == "nat")
    return (nat.get("details") or nat)["dns"]


def test_each_question_has_its_own_id_and_port(one, guest, network):
    """RFC 5452: what a forger would have to guess."""
    with Resolver(network.server, SERVER, truthful) as resolver:
        for _ in range(20):
            assert ask(guest, question("a.example"))[:2] == b"\x12\x34"
        assert len({message[:2] for message, _ in resolver.asked}) > 15
        assert len({peer[1] for _, peer in resolver.asked}) > 15


def test_only_the_resolver_is_believed(one, guest, network):
    """From another address, with another id, about another name: none of them is the answer."""
    stranger = network.server.udp(SERVER_TWO, 53)
    other_port = network.server.udp(SERVER, 5353)

    def lies_first(asked, _):
        lie = answer(asked, b"\xc0\0\2\x66")
        wrong_id = bytes([lie[0] ^ 1]) + lie[1:]
        wrong_name = answer(asked[:12] + question("b.example")[12:], b"\xc0\0\2\x66")
        return [(lie, stranger), (lie, other_port), (wrong_id, None), (wrong_name, None),
                (asked, None), (b"", None), (answer(asked), None)]

    with stranger, other_port, Resolver(network.server, SERVER, lies_first):
        for _ in range(5):
            assert ask(guest, question("a.example")).endswith(b"\xc0\0\2\x07")


def test_what_is_asked_goes_on_as_it_is(one, guest, network):
    """Whatever it is; only the id is changed."""
    strange = question("MiXeD.Example", 65)[:11] + b"\1" + question("MiXeD.Example", 65)[12:] + \
        b"\0" + struct.pack("!HHIH", 41, 4096, 0x8000, 4) + b"\xfd\xe9\0\0"
    with Resolver(network.server, SERVER, truthful) as resolver:
        ask(guest, strange)
        assert resolver.asked[0][0][2:] == strange[2:]


def test_silent_resolver_is_passed_over(two, daemon, guest, network):
    with Resolver(network.server, SERVER, silent) as first, \
            Resolver(network.server, SERVER_TWO, truthful) as second:
        begin = time.monotonic()
        assert code(ask(guest, question("a.example"))) == 0
        assert 1 < time.monotonic() - begin < 4
        begin = time.monotonic()
        assert code(ask(guest, question("a.example"))) == 0
        assert time.monotonic() - begin < 1
        assert (len(first.asked), len(second.asked)) == (1, 2)


def test_nobody_answers(one, daemon, guest, network):
    with Resolver(network.server, SERVER, silent) as resolver:
        before = counters(daemon)["failures"]
        begin = time.monotonic()
        reply = ask(guest, question("a.example"))
        assert 3 < time.monotonic() - begin < 6
        assert (code(reply), reply[:2]) == (2, b"\x12\x34")
        assert len(resolver.asked) == 2
        assert counters(daemon)["failures"] == before + 1


def test_closed_port_is_known_at_once(two, guest, network):
    """ICMP says that nobody listens: nobody waits."""
    with Resolver(network.server, SERVER_TWO, truthful):
        begin = time.monotonic()
        assert code(ask(guest, question("a.example"))) == 0
        assert time.monotonic() - begin < 1
    begin = time.monotonic()
    assert code(ask(guest, question("a.example"))) == 2
    assert time.monotonic() - begin < 1


def test_refusal_is_not_the_last_word(two, guest, network):
    with Resolver(network.server, SERVER, refusing), \
            Resolver(network.server, SERVER_TWO, truthful):
        assert code(ask(guest, question("a.example"))) == 0
    with Resolver(network.server, SERVER, refusing), \
            Resolver(network.server, SERVER_TWO, refusing):
        assert code(ask(guest, question("a.example"))) == 5


@pytest.mark.parametrize("server", [GATEWAY, GATEWAY6])
def test_long_answer_by_udp(one, guest, network, server):
    """A resolver may send more than a frame holds."""
    data = b"".join(bytes([200]) + b"x" * 200 for _ in range(20))

    def long(asked, _):
        return [(answer(asked, data, TYPE_TXT), None)]

    with Resolver(network.server, SERVER, long):
        assert ask(guest, question("a.example", TYPE_TXT), server=server).endswith(data)


def test_late_answer(one, guest, network):
    """To the first of two tries, from a resolver that takes its time."""
    first = []

    def late(asked, _):
        first.append(asked)
        return [] if len(first) == 1 else [(answer(first[0]), None)]

    with Resolver(network.server, SERVER, late) as resolver:
        assert code(ask(guest, question("a.example"))) == 0
        assert resolver.asked[0] == resolver.asked[1]


def test_more_questions_than_there_is_room_for(one, daemon, guest, network):
    """The oldest are given up; memory and descriptors are not."""
    with Resolver(network.server, SERVER, silent), guest.udp("0.0.0.0") as sock:
        before = counters(daemon)["overrun"]
        for number in range(1500):
            sock.sendto(question(f"n{number}.example", number=number), (GATEWAY, 53))
            if number % 50 == 0:
                time.sleep(0.01)
        wait_until(lambda: counters(daemon)["overrun"] - before > 300)
        assert counters(daemon)["waiting"] <= 1024
        assert daemon.descriptors() < 1200
    # Those that were given up waited no longer than the others.
    end = time.monotonic() + 10
    while counters(daemon)["waiting"] and time.monotonic() < end:
        time.sleep(0.1)
    assert counters(daemon)["waiting"] == 0, counters(daemon)
    with Resolver(network.server, SERVER, truthful):
        assert code(ask(guest, question("a.example"))) == 0


# By TCP.

class StreamResolver:
    """A listener that answers every question of a connection, each as the test says."""

    def __init__(self, namespace, address, reply):
        self.listener = namespace.listen(address, 53)
        self.listener.settimeout(0.05)
        self.reply = reply
        self._is_over = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while not self._is_over:
            with contextlib.suppress(TimeoutError):
                sock, _ = self.listener.accept()
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock):
        with sock, contextlib.suppress(OSError):
            sock.settimeout(5)
            asked = read_message(sock)
            self.reply(sock, asked)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._is_over = True
        for thread in self._threads:
            thread.join(6)
        self.listener.close()


def read_bytes(sock, length):
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        assert more, f"the stream ended after {len(data)} of {length} bytes"
        data += more
    return data


def read_message(sock):
    return read_bytes(sock, int.from_bytes(read_bytes(sock, 2), "big"))


def framed(message):
    return len(message).to_bytes(2, "big") + message


def stream_truthful(sock, asked):
    sock.sendall(framed(answer(asked)))


@pytest.mark.parametrize("server", [GATEWAY, GATEWAY6])
def test_many_questions_on_a_connection(one, guest, network, server):
    """RFC 7766 6.2.1.1: more than are passed on at once, none waiting for the answer before."""
    with StreamResolver(network.server, SERVER, stream_truthful), \
            guest.connect(server, 53) as sock:
        sock.sendall(b"".join(framed(question("a.example", number=n)) for n in range(100)))
        got = {read_message(sock)[:2] for _ in range(100)}
        assert got == {n.to_bytes(2, "big") for n in range(100)}


def test_questions_in_crumbs(one, guest, network):
    with StreamResolver(network.server, SERVER, stream_truthful), \
            guest.connect(GATEWAY, 53) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in framed(question("a.example")) * 2:
            sock.sendall(bytes([byte]))
        assert read_message(sock) == read_message(sock)


def test_longest_answer_by_tcp(one, guest, network):
    """64 KiB, in crumbs from the resolver, and to a guest that closes its side early."""
    data = b"".join(bytes([255]) + b"x" * 255 for _ in range(254))

    def long(sock, asked):
        whole = framed(answer(asked, data, TYPE_TXT))
        for at in range(0, len(whole), 5000):
            sock.sendall(whole[at:at + 5000])

    with StreamResolver(network.server, SERVER, long), guest.connect(GATEWAY, 53) as sock:
        sock.sendall(framed(question("a.example", TYPE_TXT)) * 3)
        sock.shutdown(socket.SHUT_WR)
        for _ in range(3):
            assert read_message(sock).endswith(data)
        assert sock.recv(1) == b""


def test_stream_that_breaks(two, guest, network):
    """One that hangs up, one that sends half: the next resolver is asked."""
    def half(sock, asked):
        sock.sendall(framed(answer(asked))[:9])

    for reply in (half, lambda sock, asked: None):
        with StreamResolver(network.server, SERVER, reply), \
                StreamResolver(network.server, SERVER_TWO, stream_truthful), \
                guest.connect(GATEWAY, 53) as sock:
            sock.sendall(framed(question("a.example")))
            assert code(read_message(sock)) == 0


def test_stream_nobody_takes(one, guest, network):
    with guest.connect(GATEWAY, 53) as sock:
        sock.sendall(framed(question("a.example")))
        assert code(read_message(sock)) == 2


def test_connections_are_bounded(one, guest, network):
    """Those who are served are; the others may come again."""
    with StreamResolver(network.server, SERVER, stream_truthful), contextlib.ExitStack() as stack:
        socks = [stack.enter_context(guest.connect(GATEWAY, 53)) for _ in range(64)]
        with pytest.raises(TimeoutError):
            guest.connect(GATEWAY, 53, timeout=0.5)
        for sock in socks[:5]:
            sock.sendall(framed(question("a.example")))
            assert code(read_message(sock)) == 0
        for sock in socks[:10]:
            sock.close()
        guest.connect(GATEWAY, 53).close()


# Settings.

def test_resolvers_of_the_configuration(network):
    """Instead of the host's; and others from now on, while the gateway lives on."""
    config = NAT_CONFIG.replace("{kind: nat}", f"{{kind: nat, dns: ['{SERVER_TWO}:5353']}}")
    sock = network.server.udp(SERVER_TWO, 5353)
    with sock, network.daemon(config) as daemon, Guest(daemon, "192.168.120.60") as guest, \
            guest.udp("0.0.0.0") as asker:
        asker.sendto(question("a.example"), (GATEWAY, 53))
        asked, seen = sock.recvfrom(1000)
        assert seen[0] == HOST
        sock.sendto(answer(asked), seen)
        assert code(asker.recv(1000)) == 0
        daemon.apply(NAT_CONFIG)
        with Resolver(network.server, SERVER, truthful):
            assert code(ask(guest, question("a.example"))) == 0
