# SPDX-License-Identifier: GPL-2.0-or-later
"""Hubs with different subnets, joined by a router.

    near .10 ==== hub1 10.1.0.0/24, MTU 1500 [r1 .3] ---.
    stub .9 ====='                                       |
      '--- 172.20.0.0/16, fd20::/32 (its own addresses)  +-- r1
    far .10 ===== hub2 10.2.0.0/24, MTU 1380 [r1 .3] ---|
                  hub3 10.3.0.0/24 [r1 .3] [nat .2] ----'  --- "host" --- "server"
"""
import json
import re
import socket
import threading

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import Ether

from support.daemon import CommandFailed, Guest, RELEASE
from support.namespace import Namespace, veth, wait_until
from support.topology import SERVER

CONFIG = """\
hubs:
  hub1:
    subnet: 10.1.0.0/24
    subnet6: fd01::/64
    ports:
      - {kind: dhcp}
      - kind: router
        router: r1
        routes: ["172.20.0.0/16 via 10.1.0.9", "fd20::/32 via fd01::9"]
  hub2:
    subnet: 10.2.0.0/24
    subnet6: fd02::/64
    mtu: 1380
    ports:
      - {kind: router, router: r1}
      - {kind: dhcp}
  hub3:
    subnet: 10.3.0.0/24
    ports:
      - {kind: nat}
      - {kind: dhcp}
      - {kind: router, router: r1, routes: ["0.0.0.0/0 via 10.3.0.2"]}
"""
NEAR, FAR, STUB, BEHIND = "10.1.0.10", "10.2.0.10", "10.1.0.9", "172.20.7.7"
NEAR6, FAR6, STUB6, BEHIND6 = "fd01::10", "fd02::10", "fd01::9", "fd20::7"
LEG1, LEG2, LEG3 = "10.1.0.3", "10.2.0.3", "10.3.0.3"
LEG1_6, LEG2_6 = "fd01::3", "fd02::3"


def guest_on(daemon, number, host, label, mtu=None):
    return Guest(daemon, f"10.{number}.0.{host}", f"fd0{number}::{host}", hub=f"hub{number}",
                 gateway=f"10.{number}.0.3", gateway6=f"fd0{number}::3", label=label, mtu=mtu)


@pytest.fixture(scope="module", name="daemon")
def routed(network):
    with network.daemon(CONFIG) as made:
        yield made


@pytest.fixture(scope="module")
def near(daemon):
    with guest_on(daemon, 1, 10, "near") as made:
        yield made


@pytest.fixture(scope="module")
def far(daemon):
    with guest_on(daemon, 2, 10, "far", mtu=1380) as made:
        yield made


@pytest.fixture(scope="module")
def stub(daemon):
    """A guest that is a router itself; the network behind it is on its loopback."""
    with guest_on(daemon, 1, 9, "stub") as made:
        made.ip(f"address add {BEHIND}/16 dev lo", f"address add {BEHIND6}/32 dev lo nodad")
        yield made


def ping(guest, address, *options, count=1):
    """(answers, whole output)"""
    done = guest.run("ping", "-n", "-c", count, "-i", "0.05", "-W", "2", *options, address,
                     check=False)
    return int(re.search(r"(\d+) received", done.stdout).group(1)), done.stdout


def router_port(daemon, hub):
    ports = daemon.request("GET", f"/v1/hubs/{hub}")[1]["ports"]
    return next(port for port in ports if port["kind"] == "router")


@pytest.mark.parametrize("address", [FAR, FAR6])
def test_ping(near, far, address):
    answers, output = ping(near, address, count=5)
    assert answers == 5, output
    assert "ttl=63" in output


@pytest.mark.parametrize("address", [NEAR, NEAR6])
def test_ping_back(near, far, address):
    answers, output = ping(far, address, count=5)
    assert answers == 5, output


@pytest.mark.parametrize("address", [LEG1, LEG2, LEG3, LEG1_6, LEG2_6])
def test_all_its_addresses_answer(near, address):
    answers, output = ping(near, address, "-s", "3000", "-M", "dont")
    assert answers == 1, output


@pytest.mark.parametrize("address", [BEHIND, BEHIND6])
def test_third_network(near, far, stub, address):
    """Behind a guest: from another hub, and from the hub the guest is on."""
    for guest in (far, near):
        answers, output = ping(guest, address, count=3)
        assert answers == 3, output


def test_third_network_opens(far, stub):
    """Its packets come from addresses of no hub."""
    with far.listen(FAR) as listener:
        client = stub.socket()
        client.bind((BEHIND, 0))
        client.connect(listener.getsockname())
        server, (address, _) = listener.accept()
        client.sendall(b"hello")
        assert server.recv(10) == b"hello" and address == BEHIND
        client.close()
        server.close()


@pytest.mark.parametrize("source, target, listen_at", [
    ("near", "far", FAR), ("far", "near", NEAR), ("near", "far", FAR6), ("far", "near", NEAR6)])
def test_tcp(request, near, far, source, target, listen_at):
    """A few MB both ways, where one side's MTU is the smaller one."""
    source, target = request.getfixturevalue(source), request.getfixturevalue(target)
    blob = bytes(range(256)) * 16384
    with target.listen(listen_at) as listener:
        client = source.connect(listen_at, listener.getsockname()[1])
        server, _ = listener.accept()
        for one, other in ((client, server), (server, client)):
            sender = threading.Thread(target=one.sendall, args=(blob,))
            sender.start()
            got = bytearray()
            while len(got) < len(blob):
                got += other.recv(1 << 20)
            sender.join()
            assert got == blob
        client.close()
        server.close()


@pytest.mark.parametrize("words, hops", [
    (("-4", FAR), [LEG1, FAR]), (("-6", FAR6), [LEG1_6, FAR6]),
    (("-4", "-I", FAR), [LEG1, FAR]), (("-4", LEG2), [LEG2])])
def test_traceroute(near, far, words, hops):
    done = near.run("traceroute", "-n", "-q", "1", "-w", "2", *words)
    seen = re.findall(r"^ *\d+ +(\S+)", done.stdout, re.MULTILINE)
    assert seen == hops, done.stdout


def test_ttl_of_one_goes_no_further(near, far):
    answers, output = ping(near, FAR, "-t", "1")
    assert not answers and f"From {LEG1}" in output and "Time to live exceeded" in output
    answers, output = ping(near, FAR6, "-t", "1")
    assert not answers and f"From {LEG1_6}" in output and "Hop limit" in output


def test_no_route(daemon, near):
    """IPv6: no leg has a way to everywhere."""
    answers, output = ping(near, "2001:db8::1")
    assert not answers and f"From {LEG1_6}" in output, output
    assert "No route" in output, output
    assert router_port(daemon, "hub1")["details"]["counters"]["no_route"] >= 1


@pytest.mark.parametrize("address, word", [
    ("10.2.0.77", "Destination Host Unreachable"), ("fd02::77", "Address unreachable")])
def test_nobody_there(near, far, address, word):
    """After three questions on the other hub; told by the leg on this one."""
    done = near.run("ping", "-n", "-c", "1", "-W", "8", address, check=False)
    assert word in done.stdout, done.stdout
    assert f"From {LEG1_6 if ':' in address else LEG1} " in done.stdout


def test_packet_too_big(near, far):
    """1500 to 1380: who asks for it hears so, and what his kernel learns is right."""
    answers, output = ping(near, FAR, "-s", "1472", "-M", "do", count=2)
    assert not answers and ("mtu = 1380" in output or "mtu=1380" in output), output
    assert "mtu 1380" in near.run("ip", "route", "get", FAR).stdout
    answers, output = ping(near, FAR6, "-s", "1452", count=2)
    assert "mtu 1380" in near.run("ip", "-6", "route", "get", FAR6).stdout
    assert answers >= 1, output  # the second one, in fragments
    near.run("ip", "route", "flush", "cache")
    near.run("ip", "-6", "route", "flush", "cache")


def test_error_says_what_was_said(near, far):
    """Scapy's eyes: addresses, MTU, and the packet that is quoted."""
    with near.packet("eth0") as wire:
        mac = near.mac("eth0")
        ping(near, LEG1)
        leg = near.run("ip", "neigh", "show", LEG1).stdout.split()[4]
        wire.settimeout(3)
        wire.send(bytes(Ether(src=mac, dst=leg) / IP(src=NEAR, dst=FAR, flags="DF", id=4711) /
                        UDP(sport=1, dport=2) / (b"x" * 1400)))
        error = next(frame for frame in iter(lambda: Ether(wire.recv(2000)), None)
                     if ICMP in frame and frame[ICMP].type == 3)
        assert (error[IP].src, error[IP].dst, error[ICMP].code) == (LEG1, NEAR, 4)
        assert error[ICMP].nexthopmtu == 1380 and error[ICMP].payload.id == 4711
        assert len(error[IP]) == 576
        wire.send(bytes(Ether(src=mac, dst=leg) / IPv6(src=NEAR6, dst=FAR6) /
                        UDP(sport=1, dport=2) / (b"x" * 1400)))
        error = next(frame for frame in iter(lambda: Ether(wire.recv(2000)), None)
                     if ICMPv6PacketTooBig in frame)
        assert error[ICMPv6PacketTooBig].mtu == 1380 and error[IPv6].src == LEG1_6


def test_fragments(near, far):
    """Without DF the router cuts, fragments too; the other side puts them together."""
    for size in (1400, 1472, 4000, 20000):
        answers, output = ping(near, FAR, "-s", size, "-M", "dont")
        assert answers == 1, output
        answers, output = ping(near, FAR6, "-s", size, count=2)
        assert answers >= 1, output


def test_options_pass(near, far):
    """A record route and a timestamp: the router writes nothing into them, and passes them on."""
    for option in (("-R",), ("-T", "tsonly")):
        answers, output = ping(near, FAR, *option)
        assert answers == 1, output


def test_out_by_the_nat(network, near):
    """The default route of hub3's leg: the gateway there serves guests of the other hubs."""
    answers, output = ping(near, SERVER)
    assert answers == 1, output
    with network.server.listen(SERVER) as listener:
        client = near.connect(SERVER, listener.getsockname()[1])
        server, _ = listener.accept()
        client.sendall(b"hello")
        assert server.recv(10) == b"hello"
        client.close()
        server.close()


def test_download_by_the_nat(network, far):
    """Through the gateway and the router, to the hub with the smaller MTU."""
    blob = bytes(range(256)) * 8192
    with network.server.listen(SERVER) as listener:
        client = far.connect(SERVER, listener.getsockname()[1])
        server, _ = listener.accept()
        sender = threading.Thread(target=server.sendall, args=(blob,))
        sender.start()
        got = bytearray()
        while len(got) < len(blob):
            got += client.recv(1 << 20)
        sender.join()
        assert got == blob
        client.close()
        server.close()


def test_no_spoofing(daemon, near, far):
    """Neither from addresses of nobody, nor from the router's own."""
    before = router_port(daemon, "hub1")["out"]["drops"].get("source_spoofed", 0)
    with near.packet("eth0") as wire, far.packet("eth0") as other:
        leg = near.run("ip", "neigh", "show", LEG1).stdout.split()[4]
        for source in ("127.0.0.1", LEG2, "0.0.0.0", "224.0.0.1", "10.2.0.255"):
            wire.send(bytes(Ether(src=near.mac("eth0"), dst=leg) / IP(src=source, dst=FAR) /
                            UDP(sport=1, dport=2) / b"mallory"))
        ping(near, FAR)
        other.settimeout(0.2)
        heard = []
        try:
            while True:
                heard.append(other.recv(2000))
        except socket.timeout:
            pass
    assert not [frame for frame in heard if b"mallory" in frame]
    assert router_port(daemon, "hub1")["out"]["drops"]["source_spoofed"] == before + 5


SCRIPT = """\
#!/bin/sh
env | sort > "$LEASE.new"; echo "event=$1" >> "$LEASE.new"
mv "$LEASE.new" "$LEASE.$1"
"""


def told_by_dhcp(daemon, hub, folder):
    """What udhcpc hears on a hub: {variable: value}."""
    script, lease = folder / "script", folder / f"lease-{hub}"
    script.write_text(SCRIPT, encoding="ascii")
    script.chmod(0o755)
    with Namespace("dhcp") as guest:
        daemon.plug(guest, "eth0", hub)
        guest.ip("link set eth0 up")
        guest.run("env", f"LEASE={lease}", "udhcpc", "-f", "-q", "-i", "eth0", "-t", "10", "-T", "1",
                  "-O", "staticroutes", "-s", script)
    lines = (folder / f"lease-{hub}.bound").read_text(encoding="ascii").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def routes_told(told):
    words = told["staticroutes"].split()
    return dict(zip(words[::2], words[1::2]))


def test_dhcp_tells_the_routes(daemon, tmp_path):
    """Option 121. On hub3 the gateway stays everybody's default router."""
    told = told_by_dhcp(daemon, "hub1", tmp_path)
    assert routes_told(told) == {
        "10.2.0.0/24": LEG1, "10.3.0.0/24": LEG1, "172.20.0.0/16": STUB, "0.0.0.0/0": LEG1}
    assert "router" not in told
    told = told_by_dhcp(daemon, "hub3", tmp_path)
    assert routes_told(told) == {
        "10.1.0.0/24": LEG3, "10.2.0.0/24": LEG3, "172.20.0.0/16": LEG3, "0.0.0.0/0": "10.3.0.2"}
    assert told["router"] == "10.3.0.2"


def test_show(daemon, near):
    text = daemon.lanyard("show").stdout
    assert "router r1" in text and "route 172.20.0.0/16 via 10.1.0.9 on hub1" in text
    details = router_port(daemon, "hub2")["details"]
    assert details["router"] == "r1" and details["address"] == LEG2
    assert [leg["hub"] for leg in details["legs"]] == ["hub1", "hub2", "hub3"]
    assert [leg["mtu"] for leg in details["legs"]] == [1500, 1380, 1500]
    assert "10.1.0.0/24 on hub1" in details["routes"]


@pytest.fixture
def own_daemon(network):
    with network.daemon(CONFIG) as made:
        yield made


def test_apply_changes_it_live(own_daemon, tmp_path):
    """Another route while a flow runs: nothing is disturbed, and DHCP tells it."""
    with guest_on(own_daemon, 1, 10, "near") as near, guest_on(own_daemon, 2, 10, "far") as far:
        flow = near.start("ping", "-n", "-i", "0.02", "-W", "1", FAR)
        leg = router_port(own_daemon, "hub2")
        answer = own_daemon.apply(CONFIG.replace(
            "{kind: router, router: r1}",
            '{kind: router, router: r1, routes: ["192.0.2.0/24 via 10.2.0.10"]}'))
        assert "change" in answer.stdout, answer.stdout
        far.ip("address add 192.0.2.1/24 dev lo")
        assert ping(near, "192.0.2.1")[0] == 1
        assert router_port(own_daemon, "hub2")["age"] > leg["age"]  # the same port
        assert routes_told(told_by_dhcp(own_daemon, "hub1", tmp_path))["192.0.2.0/24"] == LEG1
        own_daemon.apply(CONFIG)
        answers, output = ping(near, "192.0.2.1")
        assert not answers, output
        flow.stop(2)
        sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received",
                                            flow.stdout).groups())
        assert sent == received, flow.stdout[-300:]


def test_a_second_subnet_on_a_hub(own_daemon, tmp_path):
    """Its guests know the leg by the address it has; everybody else finds them by the leg."""
    own_daemon.apply(CONFIG.replace(
        "{kind: router, router: r1}",
        '{kind: router, router: r1, routes: ["10.77.0.0/24 via leg", "fd77::/64 via leg"]}'))
    with guest_on(own_daemon, 1, 10, "near") as near, guest_on(own_daemon, 2, 10, "far") as far, \
            Guest(own_daemon, "10.77.0.5", "fd77::5", hub="hub2", gateway=None, gateway6=None,
                  label="second") as second:
        second.ip(f"route add {LEG2} dev eth0", f"route add default via {LEG2}",
                  f"route add {LEG2_6} dev eth0", f"route add default via {LEG2_6}")
        for address, back in (("10.77.0.5", NEAR), ("fd77::5", NEAR6)):
            assert ping(near, address)[0] == 1
            assert ping(second, back)[0] == 1
        for guest, address in ((far, "10.77.0.5"), (second, FAR), (second, LEG2), (second, LEG1)):
            assert ping(guest, address)[0] == 1
        answers, output = ping(near, "10.77.0.6", "-W", "5")
        assert not answers and "Host Unreachable" in output, output
        for hub, leg in (("hub1", LEG1), ("hub2", LEG2)):
            assert routes_told(told_by_dhcp(own_daemon, hub, tmp_path))["10.77.0.0/24"] == leg
        assert "10.77.0.0/24 on hub2" in router_port(own_daemon, "hub1")["details"]["routes"]
        assert "10.77.0.0/24 via leg" in own_daemon.lanyard("config").stdout


def test_a_leg_unplugged_and_back(own_daemon):
    with guest_on(own_daemon, 1, 10, "near") as near, guest_on(own_daemon, 2, 10, "far") as far:
        assert ping(near, FAR)[0] == 1
        own_daemon.lanyard("unplug", router_port(own_daemon, "hub2")["id"])
        assert len(router_port(own_daemon, "hub1")["details"]["legs"]) == 2
        answers, output = ping(near, FAR6)
        assert not answers and "No route" in output, output
        assert ping(near, LEG3)[0] == 1
        own_daemon.lanyard("plug", "hub2", "router", "router=r1")
        assert ping(near, FAR)[0] == 1
        assert ping(far, NEAR6)[0] == 1


def test_a_hub_that_goes(own_daemon):
    """With its leg, while packets are on their way to it."""
    with guest_on(own_daemon, 1, 10, "near") as near:
        flood = near.start("ping", "-q", "-n", "-f", "10.2.0.254")
        wait_until(lambda: router_port(own_daemon, "hub2")["in"]["frames"] > 100, 10)
        own_daemon.apply(re.sub(r"  hub2:.*?(?=  hub3:)", "", CONFIG, flags=re.DOTALL))
        assert len(router_port(own_daemon, "hub1")["details"]["legs"]) == 2
        own_daemon.apply(CONFIG)
        assert ping(near, LEG2)[0] == 1
        flood.stop(2)


@pytest.mark.parametrize("words, complaint", [
    (("router=r1",), "'r1' has a leg on hub1 already"),
    (("router=r2",), "10.1.0.3 is the address of ports"),
    (("router=r2", "address=10.9.0.3"), "10.9.0.3 is outside 10.1.0.0/24"),
    (("router=r2", "address=10.1.0.2"), "10.1.0.2 is the gateway's address"),
    (("router=r2", "address=10.1.0.200"), "10.1.0.200 is in the pool"),
    (("router=r2", "address=10.1.0.4", "address6=fd01::4", "routes=10.0.0.0/8 via 10.9.9.9"),
     "10.9.9.9 is outside 10.1.0.0/24"),
    (("router=r2", "address=10.1.0.4", "routes=10.0.0.1/8 via 10.1.0.9"),
     "10.0.0.0/8 would be right"),
    (("router=r2", "address=10.1.0.4", "address6=none", "routes=0.0.0.0/0 via leg"),
     "0.0.0.0/0 is everywhere, and no hub is"),
    (("address=10.1.0.4",), "key 'router' is missing")])
def test_complaints(daemon, words, complaint):
    with pytest.raises(CommandFailed, match=re.escape(complaint)):
        daemon.lanyard("plug", "hub1", "router", *words)


class KernelRouter:
    """Two guests and the kernel between them: what Lanyard is measured against."""

    def __init__(self):
        self.near, self.router, self.far = (Namespace(label) for label in ("near", "r", "far"))
        self.router.sysctl("net.ipv4.ip_forward", 1)
        for number, guest in ((1, self.near), (2, self.far)):
            veth(guest, "eth0", self.router, f"leg{number}")
            self.router.ip(f"address add 10.{number}.0.3/24 dev leg{number}")
            guest.ip(f"address add 10.{number}.0.10/24 dev eth0",
                     f"route add default via 10.{number}.0.3")

    def close(self):
        for namespace in (self.near, self.router, self.far):
            namespace.close()


def gigabits(source, target):
    """Of bulk TCP, the best of three: the machine has others to serve."""
    server = target.start("iperf3", "-s", "--forceflush")
    server.wait_for_output("Server listening")
    best = 0
    for _ in range(3):
        done = source.run("iperf3", "-J", "-c", FAR, "-t", "2")
        best = max(best, json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"])
    server.stop()
    return best / 1e9


def test_bulk(network):
    """Beside the kernel's router in the same run; super-frames stay whole, or it is a tenth."""
    kernel = KernelRouter()
    try:
        theirs = gigabits(kernel.near, kernel.far)
    finally:
        kernel.close()
    with network.daemon(CONFIG.replace("    mtu: 1380\n", ""), build=RELEASE) as daemon, \
            guest_on(daemon, 1, 10, "near") as near, guest_on(daemon, 2, 10, "far") as far:
        ours = gigabits(near, far)
        sizes = router_port(daemon, "hub2")["in"]
    print(f"TCP through the router: {ours:.1f} gbit/s; the kernel's: {theirs:.1f}")
    assert sizes["bytes"] / sizes["frames"] < 1600  # counted as the frames they stand for
    assert ours > theirs / 6
