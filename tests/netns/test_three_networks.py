# SPDX-License-Identifier: GPL-2.0-or-later
"""One machine with three network cards: on the LAN, on the host's own network, and behind the NAT.

    machine eth0 === hub0 [nic] -------- eth0 "host" --- LAN: "h1", router, far.example behind it
            eth1 === hub1 [dhcp] [host lan1 .1]  |
            eth2 === hub8 [nat .2] [dhcp] -------'
"""
import os
import re

import pytest

from support.lan import H1, HOST, Lan, POOL, PREFIX, ROUTER
from support.lan_suite import DhcpClients, pings
from support.namespace import Namespace, wait_until

CONFIG = """\
hubs:
  hub0:
    ports:
      - {{kind: nic, dev: eth0, mode: {mode}}}
  hub1:
    subnet: 192.168.56.0/24
    ports:
      - {{kind: host, dev: lan1}}
      - {{kind: dhcp}}
  hub8:
    subnet: 192.168.120.0/24
    ports:
      - {{kind: nat}}
      - {{kind: dhcp}}
"""
HUBS = {"eth0": "hub0", "eth1": "hub1", "eth2": "hub8"}
FAR = "203.0.113.9"  # beyond the LAN's router
TEXT = b"all three at once"
MAC, LADRF = "[0-9a-f]{2}(:[0-9a-f]{2}){5}", "[0-9a-f]{2}(:[0-9a-f]{2}){7}"
FLAGS = "IFF_RUNNING(,IFF_(UP|BROADCAST|DEBUG|PROMISC|MULTICAST|ALLMULTI))*"
TEXTS = {
    "hub": r"connected (userif|netif|bridge)\d+ tx \d+ \n",
    "netif": rf"connected hub1\.0 mac {MAC} ladrf {LADRF} flags {FLAGS} dev lan1 \n",
    "bridge": rf"connected hub0\.0 mac {MAC} ladrf {LADRF} flags {FLAGS} dev eth0 \n",
    "userif": rf"connected hub\d+\.\d+ mac {MAC} ladrf {LADRF} flags {FLAGS} read \d+ written \d+ "
              r"queued \d+ dropped\.down \d+ dropped\.mismatch \d+ dropped\.overflow \d+ "
              r"dropped\.largePacket \d+\n",
}


@pytest.fixture(scope="module", params=["translate", "transparent"])
def world(request):
    """(LAN, daemon, the machine)."""
    with Lan() as lan:
        lan.dnsmasq(f"address=/far.example/{FAR}")
        lan.lan.ip(f"address add {FAR}/32 dev lo")
        if request.param == "translate":
            lan.guard()
        with lan.daemon(CONFIG.format(mode=request.param), resolv_conf=f"nameserver {ROUTER}\n") as made, \
                Namespace("machine") as machine:
            for interface, hub in HUBS.items():
                made.plug(machine, interface, hub)
                machine.ip(f"link set {interface} up")
            yield lan, made, machine


def test_all_three_at_once(world):
    lan, daemon, machine = world
    with DhcpClients(machine) as clients:
        for interface in HUBS:
            machine.run("udhcpc", "-q", "-n", "-i", interface, "-t", "10", "-T", "1", "-s", clients.script,
                        env={**os.environ, "SAID": str(clients.said)})
    addresses = {interface: machine.addresses(interface)[0] for interface in HUBS}
    assert addresses["eth0"].startswith(PREFIX) and int(addresses["eth0"].split(".")[3]) in POOL
    assert addresses["eth1"].startswith("192.168.56.")
    assert addresses["eth2"].startswith("192.168.120.")
    # One way out: the NAT's.
    machine.ip("route replace default via 192.168.120.2")
    pings(machine, H1)
    pings(lan.h1, addresses["eth0"])
    pings(machine, "192.168.56.1")
    pings(lan.host, addresses["eth1"])
    assert machine.run("dig", "+short", "@192.168.120.2", "far.example").stdout.strip() == FAR
    conversations = [(lan.h1, H1, addresses["eth0"]), (lan.host, "192.168.56.1", addresses["eth1"]),
                     (lan.lan, FAR, HOST)]
    opened = []
    for server, address, _ in conversations:
        listener = server.listen(address)
        opened.append((listener, machine.connect(address, listener.getsockname()[1])))
    for (listener, client), (_, address, seen) in zip(opened, conversations):
        peer, about = listener.accept()
        assert about[0] == seen, f"{address} sees {about}"  # the LAN the machine itself; beyond, the host
        with listener, client, peer:
            client.sendall(TEXT)
            assert peer.recv(100) == TEXT
            peer.sendall(TEXT)
            assert client.recv(100) == TEXT
    if daemon.request("GET", "/v1/hubs/hub0/ports/0")[1]["details"]["mode"] == "translate":
        assert lan.caught() == 0


def test_files(world):
    """As a person sees them: the NIC is bridge0, the host's interface netif0, all else a userif."""
    lan, daemon, machine = world
    texts = daemon.request("GET", "/v1/vmnet")[1]["files"]
    assert list(texts) == ["bridge0", "hub0.0", "hub0.1", "hub1.0", "hub1.1", "hub1.2", "hub8.0",
                           "hub8.1", "hub8.2", "netif0", *(f"userif{i}" for i in range(6))]
    for name, text in texts.items():
        assert re.fullmatch(TEXTS[re.match("[a-z]+", name)[0]], text), (name, text)
        assert texts[text.split()[1]].split()[1] == name  # the other end of its cable
    assert texts["hub0.0"].startswith("connected bridge0 tx ")
    assert f" mac {lan.host.mac('eth0')} " in texts["bridge0"]
    for interface, hub in HUBS.items():
        mine = [text for name, text in texts.items() if name.startswith("userif") and
                f" mac {machine.mac(interface)} " in text]
        assert len(mine) == 1 and mine[0].startswith(f"connected {hub}.")
    said = daemon.lanyard("show", "--vmnet").stdout
    assert [line.split(": ")[0] for line in said.splitlines()] == list(texts)


def test_one_goes_two_stay(world):
    """Holes are kept, and the others do not notice."""
    _, daemon, machine = world
    machine.ip("link delete eth1")
    wait_until(lambda: "hub1.2" not in daemon.request("GET", "/v1/vmnet")[1]["files"], 3)
    pings(machine, H1)
    pings(machine, FAR)
    assert "bridge0" in daemon.request("GET", "/v1/vmnet")[1]["files"]
