# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual LANs in distant places and a physical one as one segment, through a relay.

    laptop, guest "a" === hub0 --- 10.0.0.2 -- NAT -- .2 \\
    relay, hub0 ---------------------------------- .1 ---- wide, 198.51.100.0/24
    phone, wireguard-go -------------------------- .4 ---/
    office, hub0 --------------------------------- .3 --/
       '--- nic eth0 --- guarded switch --- dnsmasq, h1, h2        192.168.77.0/24
"""
import contextlib
import itertools
import json
import os
import socket
import struct
import time

import pytest

from support.daemon import Daemon
from support.lan import FREE, H1, H2, Lan, POOL, PREFIX, ROUTER, config
from support.namespace import Namespace, veth, wait_until

RELAY, NAT, OFFICE, PHONE = (f"198.51.100.{n}" for n in (1, 2, 3, 4))
NEW_OFFICE = "198.51.100.33"
RELAY_CONFIG = f"""\
hubs:
  hub0:
    ports:
      - {{kind: link, listen: 4000, address: {RELAY}}}
"""
MEMBER_CONFIG = "hubs:\n  hub0: {}\n"
MDNS = "224.0.0.251"


class World:
    def __init__(self, stack):
        enter = stack.enter_context
        self.lan = enter(Lan())
        self.lan.dnsmasq()
        self.lan.guard()
        self.wide, self.nat = enter(Namespace("wide")), enter(Namespace("nat"))
        self.places = {name: enter(Namespace(name)) for name in ("relay", "laptop", "phone")}
        self.places["office"] = self.lan.host
        self._cables()
        self.relay = enter(Daemon(self.places["relay"], RELAY_CONFIG))
        self.office = enter(Daemon(self.lan.host, config("translate")))
        self.join(self.office, "office", "bridge")
        self.laptop = enter(Daemon(self.places["laptop"], MEMBER_CONFIG))
        self.join(self.laptop, "laptop", "host")
        self.a = enter(Namespace("a"))
        self.laptop.plug(self.a, hub="hub0", dhcp=True)
        self.phone = self.places["phone"]
        self._start_phone(stack)
        self.address = {"a": self.a.addresses("eth0")[0], "h1": H1, "h2": H2, "phone": FREE}
        self.who = {"a": self.a, "h1": self.lan.h1, "h2": self.lan.h2, "phone": self.phone}

    def _cables(self):
        self.wide.ip("link add br0 type bridge", "link set br0 up")
        for name, host, address in (("relay", self.places["relay"], RELAY),
                                    ("nat", self.nat, NAT), ("office", self.lan.host, OFFICE),
                                    ("phone", self.places["phone"], PHONE)):
            veth(host, "up0", self.wide, name)
            self.wide.ip(f"link set {name} master br0")
            host.ip(f"address add {address}/24 dev up0")
        veth(self.places["laptop"], "up0", self.nat, "down0")
        self.nat.ip("address add 10.0.0.1/24 dev down0")
        self.places["laptop"].ip("address add 10.0.0.2/24 dev up0",
                                 "route add default via 10.0.0.1")
        self.nat.sysctl("net.ipv4.ip_forward", 1)
        self.nat.run("nft", "add table ip nat; add chain ip nat post "
                     "{ type nat hook postrouting priority 100 ; }; "
                     "add rule ip nat post oifname up0 masquerade")

    def join(self, daemon, name, role):
        invitation = self.relay.lanyard("link", "invite", "hub0", "--name", name,
                                        "--role", role).stdout.strip()
        daemon.lanyard("link", "join", invitation, "--hub", "hub0")
        wait_until(lambda: self.is_up(name), 10, f"{name} is not up")

    def is_up(self, name):
        status, port = self.relay.request("GET", f"/v1/hubs/hub0/ports/{name}")
        return status == 200 and port["state"] == "up"

    def _start_phone(self, stack):
        text = self.relay.lanyard("link", "wg-config", "phone", "--ip", f"{FREE}/24").stdout
        name = f"lanph{os.getpid() % 1000000}"
        process = self.phone.start("wireguard-go", "-f", name)
        stack.callback(process.stop)
        wait_until(lambda: name in self.phone.interfaces(), 10, "wireguard-go")
        kept = [line for line in text.splitlines() if line.split(" ")[0] not in ("Address", "MTU")]
        self.phone.run("wg", "setconf", name, "/dev/stdin", input="\n".join(kept) + "\n")
        self.phone.ip(f"address add {FREE}/24 dev {name}", f"link set {name} mtu 1380 up")


@pytest.fixture(scope="module")
def world():
    with contextlib.ExitStack() as stack:
        yield World(stack)


def answers(world, one, other):
    return world.who[one].run("ping", "-c", "1", "-W", "1", world.address[other],
                              check=False).returncode == 0


def test_the_laptop_asks_the_office_for_an_address(world):
    assert int(world.address["a"].rpartition(".")[2]) in POOL
    leases = world.lan.leases.read_text(encoding="ascii")
    assert world.a.mac("eth0") in leases


@pytest.mark.parametrize("one, other", itertools.permutations(("a", "h1", "h2", "phone"), 2))
def test_everything_pings_everything(world, one, other):
    wait_until(lambda: answers(world, one, other), 10, f"{one} does not reach {other}")


def test_nothing_foreign_is_on_the_lan(world):
    assert world.lan.caught() == 0


@pytest.mark.parametrize("client, server", [("a", "h2"), ("h1", "a"), ("a", "phone")])
def test_tcp(world, client, server):
    process = world.who[server].start("iperf3", "-s", "-1", "--forceflush")
    process.wait_for_output("Server listening")
    out = json.loads(world.who[client].run("iperf3", "-c", world.address[server], "-t", "1",
                                           "-J").stdout)
    assert out["end"]["sum_received"]["bytes"] > 1e5


def test_mdns_crosses(world):
    """What one sends to the group the others hear, in both directions."""
    for sender, hearer in (("a", "h1"), ("h1", "a")):
        with world.who[hearer].entered():
            ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ear.bind((MDNS, 5353))
            ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
                "4s4s", socket.inet_aton(MDNS), socket.inet_aton(world.address[hearer])))
            ear.settimeout(3)
        with world.who[sender].entered():
            mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                             socket.inet_aton(world.address[sender]))
        mouth.sendto(b"who is printer.local", (MDNS, 5353))
        data, origin = ear.recvfrom(1500)
        assert data == b"who is printer.local" and origin[0] == world.address[sender]
        ear.close()
        mouth.close()


def steady(world, seconds):
    """A connection from the laptop to the LAN that must go on."""
    server = world.lan.h1.start("iperf3", "-s", "-1", "--forceflush")
    server.wait_for_output("Server listening")
    return world.a.start("iperf3", "-c", H1, "-t", seconds, "-b", "2M", "-J")


def check_steady(client):
    assert client.wait(60) == 0, client.stdout + client.stderr
    out = json.loads(client.stdout)
    assert out["intervals"][-1]["sum"]["bytes"] > 0


def test_the_relay_is_killed(world):
    client = steady(world, 10)
    time.sleep(1)
    world.relay.kill()
    world.relay.start()
    wait_until(lambda: world.is_up("laptop") and world.is_up("office"), 10, "not back")
    check_steady(client)


def test_the_office_moves(world):
    client = steady(world, 10)
    time.sleep(1)
    world.lan.host.ip(f"address del {OFFICE}/24 dev up0", f"address add {NEW_OFFICE}/24 dev up0")
    check_steady(client)
    details = world.relay.request("GET", "/v1/hubs/hub0/ports/office")[1]["details"]
    assert details["endpoint"].startswith(NEW_OFFICE + ":")
    assert ROUTER.startswith(PREFIX)
