# SPDX-License-Identifier: GPL-2.0-or-later
"""GET /metrics, read as strictly as the text format (0.0.4) is written.

    guest .10 === hub8 [nat] [dhcp] lanyardd "host" --- "server"
"""
import re
import socket

import pytest

from support.daemon import NAT_CONFIG, Daemon, Guest
from support.namespace import Namespace, wait_until
from support.topology import SERVER

CONFIG = NAT_CONFIG.replace("{kind: dhcp}", "{kind: dhcp, name: \"leases\"}")

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ([0-9.e+-]+)")


@pytest.fixture(scope="module")
def daemon(network):
    with network.daemon(CONFIG) as made:
        yield made


@pytest.fixture(scope="module")
def guest(daemon):
    with Guest(daemon, "192.168.120.10", "fd00:8::10") as made:
        yield made


def parse(text):
    """{name: (type, {labels: value})}; fails on everything that the format does not allow."""
    families, name = {}, None
    assert text.endswith("\n") and "\r" not in text
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split()[2]
            assert name not in families, f"{name} comes in two places"
            assert re.fullmatch(NAME, name) and len(line.split(" ", 3)[3]) > 5, line
            families[name] = (None, {})
        elif line.startswith("# TYPE "):
            assert line.split()[2] == name and families[name] == (None, {}), line
            assert line.split()[3] in ("counter", "gauge"), line
            families[name] = (line.split()[3], {})
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == name and families[name][0], line
            pairs = re.findall(LABEL, match[2] or "")
            labels = frozenset(pairs)
            assert len({key for key, _ in pairs}) == len(pairs), line
            assert labels not in families[name][1], f"twice: {line}"
            families[name][1][labels] = float(match[match.lastindex])
    return families


def metrics(daemon):
    status, text = daemon.request("GET", "/metrics")
    assert status == 200
    return parse(text)


def value(families, name, /, **labels):
    """The one sample that has these labels, among others."""
    found = [number for sample, number in families[name][1].items()
             if set(labels.items()) <= set(sample)]
    assert len(found) == 1, (name, labels, families[name])
    return found[0]


def test_format(daemon, guest):
    families = metrics(daemon)
    for name, (kind, samples) in families.items():
        assert (kind == "counter") == name.endswith("_total"), name
        for labels, number in samples.items():
            assert number >= 0, (name, labels)
            keys = {key for key, _ in labels}
            if name.startswith(("lanyard_port_", "lanyard_router_")):
                assert {"hub", "slot", "port", "name", "kind"} <= keys, (name, labels)
            elif not name.startswith(("process_", "lanyard_build_")):
                assert "hub" in keys, (name, labels)


def test_content_type(daemon):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(daemon.api)
        sock.sendall(b"GET /metrics HTTP/1.0\r\nHost: lanyard\r\n\r\n")
        assert b"\r\nContent-Type: text/plain; version=0.0.4" in sock.recv(4096)


def test_ports_are_those_of_show(daemon, guest):
    families = metrics(daemon)
    for port in daemon.request("GET", "/v1/hubs/hub8")[1]["ports"]:
        labels = {key: str(port[key]) for key in ("hub", "slot", "name", "kind")}
        labels["port"] = port["id"]
        assert value(families, "lanyard_port_up", **labels) == 1
        for way in ("in", "out"):
            for unit in ("frames", "bytes"):
                number = value(families, f"lanyard_port_{way}_{unit}_total", **labels)
                assert number <= port[way][unit]
    assert value(families, "lanyard_hub_ports", hub="hub8") == 3
    assert value(families, "lanyard_port_up", name="leases", kind="dhcp") == 1


def test_frames_and_addresses(daemon, guest):
    before = metrics(daemon)
    guest.run("ping", "-n", "-c", "10", "-i", "0.01", "-W", "2", "192.168.120.2")
    after = metrics(daemon)
    mine = {"kind": "netns"}
    for name in ("lanyard_port_in_frames_total", "lanyard_port_out_frames_total"):
        assert value(after, name, **mine) - value(before, name, **mine) >= 10
    assert value(after, "lanyard_hub_frames_total", hub="hub8") - \
        value(before, "lanyard_hub_frames_total", hub="hub8") >= 20
    assert value(after, "lanyard_hub_addresses", hub="hub8") >= 2
    total = sum(after["lanyard_port_in_frames_total"][1].values())
    assert value(after, "lanyard_hub_frames_total", hub="hub8") == total


def test_drops(daemon, guest):
    """By reason and way; the sums are those that show has."""
    with guest.packet("eth0") as wire:
        for _ in range(7):
            wire.send(bytes.fromhex("ffffffffffff010000000001" "88b5") + bytes(46))
    labels = {"kind": "netns", "direction": "in", "reason": "source_group"}
    wait_until(lambda: metrics(daemon)["lanyard_port_drops_total"][1] and
               value(metrics(daemon), "lanyard_port_drops_total", **labels) == 7, 3)


def test_leases(daemon, guest):
    def bound():
        return value(metrics(daemon), "lanyard_dhcp_leases", hub="hub8", state="bound")
    before = bound()
    acks = value(metrics(daemon), "lanyard_dhcp_sent_total", hub="hub8", type="ack")
    with Guest(daemon, label="leased"):
        assert bound() == before + 1
        assert value(metrics(daemon), "lanyard_dhcp_sent_total", hub="hub8", type="ack") == acks + 1
    wait_until(lambda: value(metrics(daemon), "lanyard_hub_ports", hub="hub8") == 3, 5)


def test_flows(daemon, guest, network):
    def tcp(name):
        return value(metrics(daemon), name, hub="hub8", protocol="tcp")
    opened, refused = (value(metrics(daemon), name, hub="hub8", **labels) for name, labels in
                       (("lanyard_nat_flows_opened_total", {"protocol": "tcp"}),
                        ("lanyard_nat_connect_failures_total", {"reason": "refused"})))
    with network.server.listen(SERVER) as listener:
        port = listener.getsockname()[1]
        with guest.connect(SERVER, port) as sock:
            sock.sendall(bytes(10000))
            assert tcp("lanyard_nat_flows") == 1
            assert tcp("lanyard_nat_flows_opened_total") == opened + 1
            assert value(metrics(daemon), "lanyard_nat_memory_bytes", hub="hub8",
                         state="reserved") > 0
    with pytest.raises(ConnectionRefusedError):
        guest.connect(SERVER, port)
    assert value(metrics(daemon), "lanyard_nat_connect_failures_total", hub="hub8",
                 reason="refused") == refused + 1


ROUTED = """\
hubs:
  hub1: {subnet: 192.168.56.0/24, ports: [{kind: router, router: r1}]}
  hub2: {subnet: 192.168.57.0/24, ports: [{kind: router, router: r1}]}
"""


def test_legs(network):
    with network.daemon(ROUTED) as daemon:
        details = {hub: daemon.request("GET", f"/v1/hubs/{hub}/ports")[1]["ports"][0]["details"]
                   for hub in ("hub1", "hub2")}
        legs = {hub: detail["address"] for hub, detail in details.items()}
        with Guest(daemon, "192.168.56.10", hub="hub1", gateway=legs["hub1"]) as one, \
                Guest(daemon, "192.168.57.10", hub="hub2", gateway=legs["hub2"]):
            one.run("ping", "-c", "3", "-i", "0.1", "-W", "2", "192.168.57.10")
            one.run("ping", "-c", "1", "-t", "1", "-W", "1", "192.168.57.10", check=False)
            one.run("ping", "-c", "1", "-W", "1", "203.0.113.1", check=False)
            families = metrics(daemon)
            for hub in ("hub1", "hub2"):
                assert value(families, "lanyard_router_forwarded_total", hub=hub) >= 3
            for reason in ("time_exceeded", "no_route"):
                assert value(families, "lanyard_router_refused_total", hub="hub1",
                             reason=reason) == 1
            assert value(families, "lanyard_router_errors_total", hub="hub1") == 2
            assert value(families, "lanyard_router_errors_total", hub="hub2") == 0


def test_members():
    """Of a relay and one member, who says nonsense as well."""
    config = "hubs: {hub1: {ports: [{kind: link, listen: 4000, address: 127.0.0.1}]}}\n"
    with Namespace("host") as host, Daemon(host, config) as relay, \
            Daemon(host, "hubs: {hub2: {}}\n") as member:
        invitation = relay.lanyard("link", "invite", "hub1", "--name", "one").stdout.strip()
        member.lanyard("link", "join", invitation, "--hub", "hub2")
        with host.udp() as sock:
            for _ in range(7):
                sock.sendto(bytes([1, 0, 0, 0]) + bytes(144), ("127.0.0.1", 4000))
                sock.sendto(b"nonsense", ("127.0.0.1", 4000))
        wait_until(lambda: metrics(relay)["lanyard_link_round_trip_seconds"][1], 5, "no answer")
        families = metrics(relay)
        labels = {"hub": "hub1", "name": "one", "kind": "link"}
        for name in ("received", "sent"):
            assert value(families, f"lanyard_link_{name}_bytes_total", **labels) > 100
        assert 0 <= value(families, "lanyard_link_handshake_age_seconds", **labels) < 10
        # On one host it may be less than the microsecond that is written.
        assert 0 <= value(families, "lanyard_link_round_trip_seconds", **labels) < 1
        for reason in ("forged", "malformed"):
            assert value(families, "lanyard_link_strangers_total", hub="hub1", reason=reason) == 7
        theirs = metrics(member)
        assert value(theirs, "lanyard_link_sent_bytes_total", kind="link") > 100
        assert not theirs["lanyard_link_strangers_total"][1]


def test_process(daemon):
    families = metrics(daemon)
    assert abs(value(families, "process_resident_memory_bytes") - daemon.resident()) < 1 << 20
    assert value(families, "process_cpu_seconds_total") > 0
    version = daemon.request("GET", "/v1/version")[1]["version"]
    assert value(families, "lanyard_build_info", version=version) == 1
