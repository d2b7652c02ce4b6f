# SPDX-License-Identifier: GPL-2.0-or-later
"""Guards, storm caps and loops.

    good, bad, two of them bridged: namespaces === hub8 [nat .2] [dhcp .254] lanyardd
"""
import json
import time

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_RA, IPv6
from scapy.layers.l2 import ARP, Ether

from support.daemon import Guest
from support.namespace import Namespace, wait_until


def port_of(daemon, mac):
    addresses = daemon.request("GET", "/v1/hubs/hub8/addresses")[1]["addresses"]
    slot = [a["slot"] for a in addresses if a["mac"] == mac][0]
    return daemon.request("GET", f"/v1/hubs/hub8/ports/{slot}")[1]


@pytest.fixture(scope="module")
def good(daemon):
    with Guest(daemon, "192.168.120.20") as made:
        made.run("ping", "-c", "1", "-W", "2", "192.168.120.2")
        yield made


@pytest.fixture
def bad(daemon):
    """(namespace, its packet socket)."""
    with Guest(daemon, "192.168.120.21") as made:
        made.run("ping", "-c", "1", "-W", "2", "192.168.120.20", check=False)
        yield made


def dropped(daemon, guest, reason):
    return port_of(daemon, guest.mac("eth0"))["in"]["drops"].get(reason, 0)


def events(watch):
    return [json.loads(line) for line in watch.stdout.splitlines() if line.strip()]


@pytest.mark.parametrize("guard, frame", [
    ("dhcp", IP(src="192.168.120.21", dst="255.255.255.255") / UDP(sport=67, dport=68) /
     BOOTP(op=2) / DHCP(options=[("message-type", "offer"), "end"])),
    ("ra", IPv6(src="fe80::1", dst="ff02::1") / ICMPv6ND_RA()),
    ("arp", ARP(op=2, psrc="192.168.120.20", pdst="192.168.120.20")),
])
def test_guard(daemon, good, bad, guard, frame):
    """Passes while there is no guard, is dropped with one, and passes again without."""
    port = port_of(daemon, bad.mac("eth0"))["id"]
    frame = Ether(src=bad.mac("eth0"), dst="ff:ff:ff:ff:ff:ff") / frame
    with bad.packet("eth0") as sock:
        sock.send(bytes(frame))
        time.sleep(0.2)
        assert dropped(daemon, bad, "policy") == 0
        # What was claimed then is unsaid by its owner, who asks for nobody that he still waits for.
        good.run("ping", "-c", "1", "-W", "2", f"192.168.120.{90 + len(guard)}", check=False)
        daemon.lanyard("set", port, f"guard={guard}")
        sock.send(bytes(frame))
        wait_until(lambda: dropped(daemon, bad, "policy") == 1, 3, "it passes")
        bad.run("ping", "-c", "1", "-W", "2", "192.168.120.20")
        assert dropped(daemon, bad, "policy") == 1
        daemon.lanyard("set", port, "guard=none")
        sock.send(bytes(frame))
        time.sleep(0.2)
        assert dropped(daemon, bad, "policy") == 1


def test_claim_is_told(daemon, good, bad):
    port = port_of(daemon, bad.mac("eth0"))
    daemon.lanyard("set", port["id"], "guard=arp")
    watch = daemon.start_lanyard("watch", "hub8")
    time.sleep(0.3)
    good.run("ping", "-c", "1", "-W", "2", "192.168.120.98", check=False)
    with bad.packet("eth0") as sock:
        for _ in range(20):
            sock.send(bytes(Ether(src=bad.mac("eth0"), dst="ff:ff:ff:ff:ff:ff") /
                            ARP(op=2, psrc="192.168.120.20", pdst="192.168.120.20")))
        wait_until(lambda: [e for e in events(watch) if e["event"] == "claim"], 3, "nobody is told")
    time.sleep(0.3)
    watch.stop()
    told = [e for e in events(watch) if e["event"] == "claim"]
    assert len(told) == 1 and told[0]["ip"] == "192.168.120.20" and told[0]["name"] == port["name"]


def test_storm(daemon, good, bad):
    port = port_of(daemon, bad.mac("eth0"))["id"]
    daemon.lanyard("set", port, "storm=20")
    before = port_of(daemon, good.mac("eth0"))["out"]["frames"]
    with bad.packet("eth0") as sock:
        for _ in range(1000):
            sock.send(bytes(Ether(src=bad.mac("eth0"), dst="ff:ff:ff:ff:ff:ff") / bytes(46)))
    wait_until(lambda: dropped(daemon, bad, "storm") >= 500, 20, "the storm passes")
    assert port_of(daemon, good.mac("eth0"))["out"]["frames"] - before < 400
    bad.run("ping", "-c", "3", "-i", "0.2", "-W", "2", "192.168.120.20")


def test_loop(daemon, good):
    """A namespace that bridges two ports: one is blocked, nobody else notices, and it comes back."""
    watch = daemon.start_lanyard("watch", "hub8")
    with Namespace("bridge") as bridge:
        for name in ("eth0", "eth1"):
            daemon.lanyard("plug", "hub8", "netns", f"netns={bridge.path}", f"dev={name}",
                           "loop-guard=true", f"name={name}", "storm=200")
        bridge.ip("link add br0 type bridge", "link set eth0 master br0", "link set eth1 master br0",
                  "link set eth0 up", "link set eth1 up", "link set br0 up")
        wait_until(lambda: daemon.request("GET", "/v1/hubs/hub8/ports/eth1")[1]["state"] == "blocked",
                   5, "no loop found")
        assert daemon.request("GET", "/v1/hubs/hub8/ports/eth0")[1]["state"] == "up"
        assert "BLOCKED" in daemon.lanyard("show").stdout
        good.run("ping", "-c", "3", "-i", "0.2", "-W", "2", "192.168.120.2")
        bridge.ip("link set eth0 nomaster")
        wait_until(lambda: daemon.request("GET", "/v1/hubs/hub8/ports/eth1")[1]["state"] == "up",
                   10, "it stays blocked")
    watch.stop()
    states = [(e["name"], e["state"]) for e in events(watch) if e["event"] == "loop"]
    assert states == [("eth1", "blocked"), ("eth1", "free")]
