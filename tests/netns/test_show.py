# SPDX-License-Identifier: GPL-2.0-or-later
"""What people and programs are told: show, leases, flows, watch, metrics.

    guest "a" (DHCP) ===.
                        hub8 [nat] [dhcp] lanyardd "host" --- "server"
    guest "b" .11    ===|
    tap lan8 in "host" ='
"""
import json
import re
import time

import pytest

from support.daemon import NAT_CONFIG, Guest
from support.namespace import Namespace, wait_until
from support.topology import SERVER

CONFIG = NAT_CONFIG + "      - {kind: host, dev: lan8}\n"


@pytest.fixture(scope="module")
def daemon(network):
    with network.daemon(CONFIG) as made:
        yield made


@pytest.fixture(scope="module")
def guest(daemon):
    with Guest(daemon) as made:
        yield made


@pytest.fixture(scope="module")
def other(daemon):
    with Guest(daemon, "192.168.120.11") as made:
        yield made


def hub8(daemon):
    return daemon.request("GET", "/v1/hubs/hub8")[1]


def port_of(daemon, mac):
    return next(port for port in hub8(daemon)["ports"] if port.get("mac") == mac)


def test_hub(daemon, guest, other):
    hub = hub8(daemon)
    assert (hub["name"], hub["mtu"], hub["subnet"]) == ("hub8", 1500, "192.168.120.0/24")
    assert sorted(port["kind"] for port in hub["ports"]) == ["dhcp", "host", "nat", "netns", "netns"]
    assert len({port["slot"] for port in hub["ports"]}) == 5
    for port in hub["ports"]:
        assert port["id"] == f"hub8.{port['slot']}" and port["state"] == "up"


def test_show_is_for_people(daemon, guest):
    text = daemon.lanyard("show").stdout
    for word in ("hub8", "192.168.120.0/24", "nat", "dhcp", "netns", guest.mac("eth0"), guest.address):
        assert word in text, text
    assert "hub8.0" in text
    one = daemon.lanyard("show", port_of(daemon, guest.mac("eth0"))["id"]).stdout
    assert guest.mac("eth0") in one


def test_show_json_is_the_api(daemon, guest):
    shown = daemon.json("show", "hub8")
    assert shown["name"] == "hub8"
    assert {port["id"] for port in shown["ports"]} == {port["id"] for port in hub8(daemon)["ports"]}


def test_counters(daemon, guest, other):
    """A frame is counted where it enters and where it leaves; bytes without the FCS."""
    mac, other_mac = guest.mac("eth0"), other.mac("eth0")
    other.run("ping", "-n", "-c", "1", "-W", "2", guest.address)  # everybody knows everybody
    before, other_before = port_of(daemon, mac), port_of(daemon, other_mac)
    other.run("ping", "-n", "-c", "10", "-i", "0.01", "-s", "1000", guest.address)
    after, other_after = port_of(daemon, mac), port_of(daemon, other_mac)
    frame = 14 + 20 + 8 + 1000
    for one, two in (((before, after), "out"), ((before, after), "in")), \
            (((other_before, other_after), "in"), ((other_before, other_after), "out")):
        for (earlier, later), way in (one, two):
            assert later[way]["frames"] - earlier[way]["frames"] >= 10
            assert later[way]["bytes"] - earlier[way]["bytes"] >= 10 * frame
            assert later[way]["bytes"] - earlier[way]["bytes"] < 10 * frame + 2000
    metrics = daemon.request("GET", "/metrics")[1]
    line = next(line for line in metrics.splitlines()
                if f'port="{after["id"]}"' in line and "frames" in line)
    assert float(line.rsplit(" ", 1)[1]) >= 10


def test_drops_have_names(daemon, other):
    """A frame from a multicast address enters no hub, and is counted as what it is."""
    before = port_of(daemon, other.mac("eth0"))["in"]["drops"]
    with other.packet("eth0") as wire:
        for _ in range(7):
            wire.send(bytes.fromhex("ffffffffffff010000000001" "88b5") + bytes(46))

    def grown():
        after = port_of(daemon, other.mac("eth0"))["in"]["drops"]
        return {name: count - before.get(name, 0) for name, count in after.items()
                if count != before.get(name, 0)}
    drops = wait_until(grown, 3, "no drop is counted")
    assert list(drops.values()) == [7], drops
    assert next(iter(drops)) in daemon.lanyard("show").stdout.replace(" ", "-") or \
        next(iter(drops)) in daemon.lanyard("show").stdout


def test_leases(daemon, guest):
    table = daemon.json("leases", "hub8")
    leases = table["leases"] if isinstance(table, dict) else table
    mine = [lease for lease in leases if lease["mac"] == guest.mac("eth0")]
    assert len(mine) == 1
    assert (mine[0]["ip"], mine[0]["state"]) == (guest.address, "bound")
    assert 0 < mine[0]["expires"] <= 1800
    assert guest.address in daemon.lanyard("leases").stdout


def test_flows(daemon, other, network):
    with network.server.listen(SERVER) as listener, network.server.udp(SERVER) as answerer:
        remote = f"{SERVER}:{listener.getsockname()[1]}"
        with other.connect(SERVER, listener.getsockname()[1]) as a, other.udp("0.0.0.0") as sock:
            b, _ = listener.accept()
            a.sendall(bytes(1000))
            assert len(b.recv(1000)) == 1000
            b.sendall(bytes(500))
            assert len(a.recv(1000)) == 500
            sock.sendto(b"x", answerer.getsockname())
            answerer.recv(1)

            def mine():
                flows = daemon.request("GET", "/v1/hubs/hub8/flows")[1]["flows"]
                return [flow for flow in flows if flow["remote"] == remote]
            flow = wait_until(mine, 3)[0]
            assert (flow["protocol"], flow["state"]) == ("tcp", "established")
            assert flow["guest"] == "192.168.120.11:%d" % a.getsockname()[1]
            assert (flow["up"], flow["down"], flow["inbound"]) == (1000, 500, False)
            assert flow["age"] < 10
            text = daemon.lanyard("flows", "hub8").stdout
            assert remote in text and "udp" in text, text
            b.close()
        wait_until(lambda: not [flow for flow in mine() if flow["state"] == "established"], 5,
                   "a closed flow is still called established")


def test_addresses_of_a_hub(daemon, guest, other):
    entries = daemon.request("GET", "/v1/hubs/hub8/addresses")[1]["addresses"]
    known = {entry["mac"]: entry["slot"] for entry in entries}
    for mac in (guest.mac("eth0"), other.mac("eth0")):
        assert known[mac] == port_of(daemon, mac)["slot"]


def test_host_port_is_on_the_hub(daemon, guest):
    """The host itself, by its TAP lan8."""
    daemon.host.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "2", guest.address)


def events_of(process):
    return [json.loads(line) for line in process.stdout.splitlines() if line.strip()]


def test_watch(daemon):
    """One JSON object a line: a port, its lease, and its end."""
    watching = daemon.start_lanyard("watch")
    time.sleep(0.3)
    with Guest(daemon, label="watched") as guest:
        mac, address = guest.mac("eth0"), guest.address
        wait_until(lambda: any(event["event"] == "lease" and event["ip"] == address
                               for event in events_of(watching)), 5, "no lease event")
    wait_until(lambda: any(event["event"] == "port-down" for event in events_of(watching)), 5,
               "no port-down event")
    names = [event["event"] for event in events_of(watching)]
    assert names.index("port-up") < names.index("lease") < names.index("port-down")
    lease = next(event for event in events_of(watching) if event["event"] == "lease")
    assert (lease["mac"], lease["hub"], lease["state"]) == (mac, "hub8", "bound")
    watching.stop()


def test_plug_and_unplug_by_hand(daemon):
    with Namespace("plugged") as namespace:
        daemon.lanyard("plug", "hub8", "netns", f"netns={namespace.path}", "dev=web0", "name=web")
        assert "web0" in namespace.interfaces()
        assert next(port for port in hub8(daemon)["ports"] if port["name"] == "web")
        daemon.lanyard("unplug", "web", check=False).returncode and \
            daemon.lanyard("unplug", "hub8.web")
        assert not [port for port in hub8(daemon)["ports"] if port["name"] == "web"]
        wait_until(lambda: "web0" not in namespace.interfaces(), 2)


def test_metrics_are_well_formed(daemon, guest):
    name = r"[a-zA-Z_][a-zA-Z0-9_]*"
    label = name + r'="(?:[^"\\]|\\.)*"'
    sample = re.compile(rf"{name}(\{{{label}(,{label})*,?\}})? [-+0-9.eE]+|# (HELP|TYPE) {name} .*")
    text = daemon.request("GET", "/metrics")[1]
    assert text.endswith("\n")
    for line in text.splitlines():
        assert sample.fullmatch(line), line
    assert "lanyard_" in text


def test_version(daemon):
    said = daemon.request("GET", "/v1/version")[1]
    assert said["pid"] == daemon.pid
    assert said["version"] in daemon.lanyard("version").stdout
