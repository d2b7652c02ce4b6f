# SPDX-License-Identifier: GPL-2.0-or-later
"""UDP and DNS through the NAT, and what the NAT leaves alone.

    guest .10 (fd00:8::10) === hub8 [nat .2 ::2] lanyardd "host" --- "server" .10, .11: dnsmasq
"""
import errno
import time

import pytest

from support.fixtures import UNPRIVILEGED_PING
from support import topology
from support.daemon import GATEWAY, GATEWAY6, Guest
from support.namespace import Namespace, wait_until
from support.topology import HOST, HOST6, SERVER, SERVER6, SERVER_TWO

FAMILIES = pytest.mark.parametrize("address", [SERVER, SERVER6], ids=["ip4", "ip6"])


def any_address(address):
    return "::" if ":" in address else "0.0.0.0"


# UDP.

@FAMILIES
def test_udp_both_ways(guest, network, address):
    with network.server.udp(address) as b, guest.udp(any_address(address)) as a:
        a.sendto(b"ping", b.getsockname())
        data, seen = b.recvfrom(100)
        assert (data, seen[0]) == (b"ping", HOST6 if ":" in address else HOST)
        for number in range(5):
            b.sendto(b"pong%d" % number, seen)
            data, source = a.recvfrom(100)
            assert data == b"pong%d" % number
            assert source[:2] == (address, b.getsockname()[1])


@FAMILIES
@pytest.mark.parametrize("size", [0, 1, 1472, 1473, 4000, 9000, 65507])
def test_udp_sizes(guest, network, address, size):
    """Zero bytes are a datagram too, and what does not fit a frame comes in fragments."""
    data = bytes(n & 255 for n in range(size))
    with network.server.udp(address) as b, guest.udp(any_address(address)) as a:
        a.sendto(data, b.getsockname())
        got, seen = b.recvfrom(70000)
        assert got == data
        b.sendto(data[::-1], seen)
        assert a.recv(70000) == data[::-1]


def test_udp_mapping_does_not_depend_on_the_destination(guest, network):
    """RFC 4787 REQ-1: one guest socket is one host port, wherever it sends."""
    with guest.udp("0.0.0.0") as a:
        seen = set()
        for address in (SERVER, SERVER_TWO, SERVER):
            with network.server.udp(address) as b:
                a.sendto(b"x", b.getsockname())
                seen.add(b.recvfrom(10)[1])
        assert len(seen) == 1


def test_udp_guests_sockets_are_kept_apart(guest, network):
    with network.server.udp(SERVER) as b, guest.udp("0.0.0.0") as first, \
            guest.udp("0.0.0.0") as second:
        first.sendto(b"first", b.getsockname())
        _, seen_first = b.recvfrom(10)
        second.sendto(b"second", b.getsockname())
        _, seen_second = b.recvfrom(10)
        assert seen_first != seen_second
        b.sendto(b"2", seen_second)
        b.sendto(b"1", seen_first)
        assert (first.recv(10), second.recv(10)) == (b"1", b"2")


def test_udp_answer_comes_from_who_sent_it(guest, network):
    """Two servers know the guest's port; each answer has its own sender."""
    with guest.udp("0.0.0.0") as a, network.server.udp(SERVER) as b, \
            network.server.udp(SERVER_TWO) as c:
        a.sendto(b"x", b.getsockname())
        a.sendto(b"x", c.getsockname())
        seen = b.recvfrom(10)[1]
        c.recvfrom(10)
        for server in (c, b, c):
            server.sendto(b"answer", seen)
            assert a.recvfrom(10)[1] == server.getsockname()


def test_udp_survives_a_refusal(guest, network):
    """An ICMP error for one destination ends neither the mapping nor the socket."""
    with guest.udp("0.0.0.0") as a, network.server.udp(SERVER) as b:
        for _ in range(3):
            a.sendto(b"x", (SERVER, 9))
            time.sleep(0.05)
            a.sendto(b"good", b.getsockname())
            assert b.recv(10) == b"good"


def test_udp_order(guest, network):
    with network.server.udp(SERVER) as b, guest.udp("0.0.0.0") as a:
        b.setsockopt(1, 33, 8 << 20)  # SO_RCVBUFFORCE
        for number in range(500):
            a.sendto(b"%d" % number, b.getsockname())
            if number % 50 == 49:
                time.sleep(0.005)
        got = [int(b.recv(10)) for _ in range(500)]
        assert got == sorted(got)


def test_source_outside_the_subnet_goes_nowhere(guest, network):
    guest.ip("address add 10.9.9.9/32 dev eth0")
    try:
        with network.server.udp(SERVER) as b, guest.udp("10.9.9.9") as a:
            b.settimeout(0.5)
            a.sendto(b"spoofed", b.getsockname())
            with pytest.raises(TimeoutError):
                b.recv(10)
    finally:
        guest.ip("address delete 10.9.9.9/32 dev eth0")


def test_nobody_answers_for_others(guest):
    """ARP: the gateway has its own address and no other."""
    with guest.udp("0.0.0.0") as sock:
        sock.sendto(b"x", ("192.168.120.77", 9))
    wait_until(lambda: any(entry["dst"] == "192.168.120.77" and "FAILED" in entry["state"]
                           for entry in guest.ip_json("neighbour", "show", "dev", "eth0")), 6,
               "somebody answered for 192.168.120.77")


# DNS.

TEN = "address=/ten.example/192.0.2.10"
ELEVEN = "address=/ten.example/192.0.2.11"
LONG = [f"txt-record=long.example,{number:02}{'x' * 198}" for number in range(30)]


@pytest.fixture(scope="module")
def resolvers(network):
    """Two that disagree, so that one sees who answered."""
    network.dnsmasq(TEN, "address=/ten.example/2001:db8::10", "ptr-record=10.2.0.192.in-addr.arpa,x",
                    *LONG)
    network.dnsmasq(ELEVEN, address=SERVER_TWO)


def dig(guest, *words, server=GATEWAY):
    done = guest.run("dig", f"@{server}", "+tries=2", "+time=3", *words, check=False)
    return done.stdout


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("server", [GATEWAY, GATEWAY6])
def test_dns(resolvers, guest, server, transport):
    assert dig(guest, "+short", transport, "ten.example", server=server) == "192.0.2.10\n"
    assert dig(guest, "+short", transport, "ten.example", "AAAA", server=server) == "2001:db8::10\n"
    assert dig(guest, "+short", transport, "-x", "192.0.2.10", server=server) == "x.\n"


def test_dns_passes_the_resolvers_words(resolvers, guest):
    """Neither an unknown name's status nor the answer's order is ours to change."""
    assert "status: REFUSED" in dig(guest, "nobody.invalid") or \
        "status: NXDOMAIN" in dig(guest, "nobody.invalid")
    assert "EDNS: version: 0" in dig(guest, "+edns=0", "ten.example")


def test_dns_long_answer(resolvers, guest):
    """Truncated over UDP, whole over TCP."""
    short = dig(guest, "+notcp", "+ignore", "+bufsize=512", "long.example", "TXT")
    assert " tc " in short.split("flags:")[1].split(";")[0]
    whole = dig(guest, "+short", "long.example", "TXT")
    assert len(whole.splitlines()) == len(LONG)


def test_dns_in_parallel(resolvers, guest):
    lines = "ten.example\n" * 300
    done = guest.run("dig", f"@{GATEWAY}", "+short", "+tries=1", "-f", "-", input=lines)
    assert done.stdout.split() == ["192.0.2.10"] * 300
    running = [guest.start("dig", f"@{GATEWAY}", "+short", "+tries=1", "ten.example")
               for _ in range(30)]
    for process in running:
        process.wait(10)
        assert process.stdout == "192.0.2.10\n"


@pytest.mark.parametrize("by_rename", [False, True], ids=["in-place", "by-rename"])
def test_dns_follows_resolv_conf(resolvers, daemon, guest, by_rename):
    for server, answer in ((SERVER_TWO, "192.0.2.11\n"), (SERVER, "192.0.2.10\n")):
        daemon.write_resolv_conf(f"nameserver {server}\n", by_rename)
        wait_until(lambda a=answer: dig(guest, "+short", "ten.example") == a, 3,
                   f"{server} is not asked")


def test_dns_second_resolver_is_asked(resolvers, daemon, guest):
    """The first one is silent."""
    daemon.write_resolv_conf(f"nameserver {topology.BLACK_HOLE}\nnameserver {SERVER_TWO}\n")
    try:
        wait_until(lambda: dig(guest, "+short", "ten.example") == "192.0.2.11\n", 12)
        begin = time.monotonic()
        assert dig(guest, "+short", "ten.example") == "192.0.2.11\n"
        assert time.monotonic() - begin < 4
    finally:
        daemon.write_resolv_conf(f"nameserver {SERVER}\n")
    wait_until(lambda: dig(guest, "+short", "ten.example") == "192.0.2.10\n", 3)


def test_dns_without_resolvers(resolvers, daemon, guest):
    """An empty file is no reason to fall over, and the next one is taken."""
    daemon.write_resolv_conf("# nobody\n")
    assert dig(guest, "+short", "+tries=1", "+time=1", "ten.example") != "192.0.2.10\n"
    daemon.write_resolv_conf(f"nameserver {SERVER}\n")
    wait_until(lambda: dig(guest, "+short", "ten.example") == "192.0.2.10\n", 3)


def test_dns_stub_on_the_host(resolvers, network, daemon, guest, tmp_path):
    """A loopback stub (systemd-resolved) is asked by us, never by the guest: who asks by DHCP is
    sent to the gateway."""
    stub = network.host.start("dnsmasq", "--no-daemon", "--user=root", "--no-resolv",
                                "--no-hosts", "--bind-interfaces", "--conf-file=/dev/null",
                                "--listen-address=127.0.0.53", "--address=/ten.example/192.0.2.53")
    stub.wait_for_output("started")
    daemon.write_resolv_conf("nameserver 127.0.0.53\noptions edns0\n")
    try:
        wait_until(lambda: dig(guest, "+short", "ten.example") == "192.0.2.53\n", 3)
        script = tmp_path / "script"
        script.write_text("#!/bin/sh\necho $1 dns=$dns\n", encoding="ascii")
        script.chmod(0o755)
        with Namespace("guest") as other:
            daemon.plug(other)
            other.ip("link set eth0 up")
            done = other.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", script)
            assert f"bound dns={GATEWAY}\n" in done.stdout, done.stdout + done.stderr
    finally:
        daemon.write_resolv_conf(f"nameserver {SERVER}\n")
        stub.stop()


@pytest.mark.parametrize("garbage", [b"", b"\0", b"\xff" * 11, bytes(12), b"\xc0" * 512,
                                     bytes(65000)], ids=len)
def test_dns_garbage(resolvers, daemon, guest, garbage):
    with guest.udp("0.0.0.0") as sock:
        sock.sendto(garbage, (GATEWAY, 53))
    with guest.connect(GATEWAY, 53) as sock:
        sock.sendall(len(garbage).to_bytes(2, "big") + garbage)
    assert dig(guest, "+short", "ten.example") == "192.0.2.10\n"
    assert daemon.is_running()


def test_gateway_has_no_other_services(guest):
    """Its control plane above all is not on the guests' network."""
    for port in (22, 80, 443, 8080):
        with pytest.raises(OSError) as failure:
            guest.connect(GATEWAY, port)
        assert failure.value.errno == errno.ECONNREFUSED


def test_host_loopback_is_not_reachable(guest, network):
    """Unless somebody asked for it."""
    with network.host.listen("127.0.0.1") as listener:
        for address in (GATEWAY, "127.0.0.1"):
            with pytest.raises(OSError):
                guest.connect(address, listener.getsockname()[1], timeout=1)


# What it leaves alone.

def host_state(host):
    words = (("sysctl", "-a", "--pattern", "net.ipv[46].*(forward|rp_filter|redirects)"),
             ("nft", "list", "ruleset"), ("ip", "-o", "link"), ("ip", "route"), ("ip", "-6", "route"))
    return [host.run(*line).stdout for line in words]


def test_host_is_not_touched(network, tmp_path):
    """No sysctl, no packet filter rule, no interface, no route; the machine's resolv.conf stays."""
    with topology.Network() as fresh:
        before = host_state(fresh.host)
        with open("/etc/resolv.conf", encoding="utf-8") as file:
            resolv_conf = file.read()
        with fresh.daemon() as daemon, Guest(daemon) as guest:
            with fresh.server.listen(SERVER) as listener:
                guest.connect(SERVER, listener.getsockname()[1]).close()
            during = host_state(fresh.host)
        assert before == during
        assert host_state(fresh.host) == before
        with open("/etc/resolv.conf", encoding="utf-8") as file:
            assert file.read() == resolv_conf


def test_rp_filter_and_forwarding_do_not_matter(network, guest):
    for strict in (1, 0):
        network.host.sysctl("net.ipv4.conf.all.rp_filter", strict)
        network.host.sysctl("net.ipv4.ip_forward", 0)
        with network.server.listen(SERVER) as listener:
            guest.connect(SERVER, listener.getsockname()[1]).close()


def test_no_privilege_is_needed(resolvers, network):
    """The same NAT, held by nobody, without a single capability."""
    network.host.sysctl("net.ipv4.ping_group_range", UNPRIVILEGED_PING)
    with network.daemon(is_privileged=False) as daemon, \
            Guest(daemon, "192.168.120.50", "fd00:8::50") as guest:
        with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
            assert "CapEff:\t0000000000000000" in file.read()
        for address in (SERVER, SERVER6):
            with network.server.listen(address) as listener:
                guest.connect(address, listener.getsockname()[1]).close()
            guest.run("ping", "-n", "-c", "1", "-W", "2", address)
        assert dig(guest, "+short", "ten.example") == "192.0.2.10\n"
