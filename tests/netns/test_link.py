# SPDX-License-Identifier: GPL-2.0-or-later
"""Hubs at different places as one segment: a relay, members behind NATs, invitations good and bad,
revocation, a relay that is killed, a member that moves.

    guest === hub5 relay  --- 198.51.100.1  \\
    guest === hub5 office --- 198.51.100.3  -- wide (a switch)
    guest === hub5 laptop --- 10.0.0.2 -- NAT -- 198.51.100.2
"""
import contextlib
import json
import os
import re
import time

import pytest

from support.daemon import CommandFailed, Daemon, Guest
from support.namespace import Namespace, veth, wait_until

RELAY, NAT, OFFICE = "198.51.100.1", "198.51.100.2", "198.51.100.3"
RELAY_CONFIG = """\
hubs:
  hub5:
    subnet: 10.5.0.0/24
    subnet6: fd00:5::/64
    mtu: 1380
    ports:
      - {kind: dhcp}
      - {kind: link, listen: 4000, address: 198.51.100.1}
"""
MEMBER_CONFIG = """\
hubs:
  hub5:
    mtu: 1500
"""


class Wide:
    """Namespaces of three hosts and a masquerading router, and what joins them."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        names = ("wide", "relay", "office", "laptop", "nat")
        for name in names:
            setattr(self, name, self.stack.enter_context(Namespace(name)))
        self.wide.ip("link add br0 type bridge", "link set br0 up")
        for name, address in (("relay", RELAY), ("office", OFFICE), ("nat", NAT)):
            host = getattr(self, name)
            veth(host, "up0", self.wide, name)
            self.wide.ip(f"link set {name} master br0")
            host.ip(f"address add {address}/24 dev up0")
        veth(self.laptop, "up0", self.nat, "down0")
        self.nat.ip("address add 10.0.0.1/24 dev down0")
        self.laptop.ip("address add 10.0.0.2/24 dev up0", "route add default via 10.0.0.1")
        self.nat.sysctl("net.ipv4.ip_forward", 1)
        self.masquerade()

    def masquerade(self):
        self.nat.run("nft", "flush ruleset; add table ip nat; add chain ip nat post "
                     "{ type nat hook postrouting priority 100 ; }; "
                     "add rule ip nat post oifname up0 masquerade")

    def close(self):
        self.stack.close()


@pytest.fixture(scope="module")
def wide():
    made = Wide()
    yield made
    made.close()


@pytest.fixture(scope="module")
def relay(wide):
    with Daemon(wide.relay, RELAY_CONFIG) as made:
        yield made


def invite(relay, name, *words):
    return relay.lanyard("link", "invite", "hub5", "--name", name, *words).stdout.strip()


def members(relay):
    return {member["name"]: member for link in relay.json("link", "list")
            for member in link["members"]}


def is_up(relay, name):
    return members(relay).get(name, {}).get("port", {}).get("state") == "up"


@contextlib.contextmanager
def joined(relay, host, name, *words):
    with Daemon(host, MEMBER_CONFIG) as daemon:
        daemon.lanyard("link", "join", invite(relay, name, *words), "--hub", "hub5")
        wait_until(lambda: is_up(relay, name), 10, f"{name} is not up")
        yield daemon


@pytest.fixture(scope="module")
def laptop(wide, relay):
    with joined(relay, wide.laptop, "laptop") as made:
        yield made


@pytest.fixture(scope="module")
def office(wide, relay):
    with joined(relay, wide.office, "office", "--role", "bridge") as made:
        yield made


@pytest.fixture(scope="module")
def a(laptop):
    with Guest(laptop, hub="hub5", label="a") as made:
        yield made


@pytest.fixture(scope="module")
def b(office):
    with Guest(office, hub="hub5", label="b") as made:
        yield made


def test_addresses_come_from_the_relay(a, b):
    assert a.address.startswith("10.5.0.") and b.address.startswith("10.5.0.")


def test_ping_through_the_relay(a, b):
    a.run("ping", "-c", "3", "-i", "0.2", "-W", "2", b.address)
    b.run("ping", "-c", "3", "-i", "0.2", "-W", "2", a.address)


def test_what_is_too_long_arrives_whole(a, b):
    """More than the segment's MTU: cut within the session."""
    for guest in (a, b):
        guest.ip("link set eth0 mtu 1500")
    a.run("ping", "-c", "3", "-i", "0.2", "-W", "2", "-M", "dont", "-s", "1472", b.address)


def test_tcp_both_ways(a, b):
    server = b.start("iperf3", "-s", "-1", "--forceflush")
    server.wait_for_output("Server listening")
    out = json.loads(a.run("iperf3", "-c", b.address, "-t", "2", "--bidir", "-J").stdout)
    assert out["end"]["sum_received"]["bytes"] > 1e6
    assert out["end"]["sum_received_bidir_reverse"]["bytes"] > 1e6


def test_show_tells_of_each_member(relay, laptop, a):
    row = members(relay)["laptop"]
    details = row["port"]["details"]
    assert row["mac"] == a.mac("eth0")
    assert details["endpoint"].startswith(NAT + ":")
    assert 0 < details["rtt"] < 1 and details["handshake"] < 180
    assert details["received_bytes"] > 0
    assert "laptop" in relay.lanyard("link", "list").stdout
    assert re.search(r"hub5\.\d+", relay.lanyard("show", "hub5.laptop").stdout)


def test_a_member_lists_where_it_is(laptop, office):
    for daemon, name, role in ((laptop, "laptop", "host"), (office, "office", "bridge")):
        assert re.search(rf"^hub5 +{name} +{role} +joined, up .* {RELAY}:4000 +[0-9.]+ ms ",
                         daemon.lanyard("link", "list").stdout, re.MULTILINE)
        entry, = daemon.json("link", "list")
        assert not entry["members"] and entry["joined"][0]["details"]["member"] == name


def test_a_host_has_one_address(relay, laptop, a):
    with Guest(laptop, "10.5.0.77", hub="hub5", label="c", gateway=None) as second:
        before = members(relay)["laptop"]["port"]["in"]["drops"].get("source_spoofed", 0)
        second.run("ping", "-c", "1", "-W", "1", "10.5.0.254", check=False)
        after = members(relay)["laptop"]["port"]["in"]["drops"].get("source_spoofed", 0)
        assert after > before


@contextlib.contextmanager
def phone(relay, host, name, *words):
    """Debian's wireguard-go in the host's namespace, with the addresses that it was given."""
    text = relay.lanyard("link", "wg-config", name, *words).stdout
    keys = dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)
    interface = f"phone{os.getpid() % 1000000}"
    addresses = keys["Address"].split(", ")
    process = host.start("wireguard-go", "-f", interface)
    try:
        wait_until(lambda: interface in host.interfaces(), 10, "wireguard-go")
        stripped = "".join(line + "\n" for line in text.splitlines()
                           if line.split(" = ")[0] not in ("Address", "MTU", "DNS"))
        assert "PresharedKey" in keys
        host.ip(*(f"address add {address} dev {interface} nodad" for address in addresses
                  if ":" in address),
                *(f"address add {address} dev {interface}" for address in addresses
                  if ":" not in address),
                f"link set {interface} mtu {keys['MTU']} up")
        host.run("wg", "setconf", interface, "/dev/stdin", input=stripped)
        yield [address.split("/")[0] for address in addresses]
    finally:
        process.stop()
        relay.lanyard("link", "revoke", name)


def ping(guest, address, count=2):
    guest.run("ping", "-c", count, "-i", "0.3", "-W", "2", address)


def iperf(server, client, address):
    process = server.start("iperf3", "-s", "-1", "--forceflush")
    process.wait_for_output("Server listening")
    out = json.loads(client.run("iperf3", "-c", address, "-t", "1", "-J").stdout)
    assert out["end"]["sum_received"]["bytes"] > 1e5


def port_of(relay, name):
    return members(relay)[name]["port"]


def test_a_phone_is_a_member(wide, relay, a, b):
    """A stock WireGuard client: routed, behind a MAC address that the relay made up."""
    with phone(relay, wide.office, "phone") as (address, _):
        wait_until(lambda: wide.office.run("ping", "-c", "1", "-W", "1", b.address,
                                           check=False).returncode == 0, 15, "no answer")
        ping(wide.office, a.address)
        ping(a, address)
        ping(b, address)
        iperf(a, wide.office, a.address)
        # It is told of as any member, though it knows no frames.
        a.ip("link set eth0 mtu 1500", "route flush cache")
        done = a.run("ping", "-M", "do", "-s", "1472", "-c", "1", "-W", "1", address, check=False)
        assert f"From {address} icmp_seq=1 Frag needed and DF set (mtu = 1380)" in done.stdout
        ping(a, address)
        assert "lladdr 02:" in a.run("ip", "neigh", "show", address).stdout
        assert f"{address}/32" in wg(relay, "show", "hub5.link", "allowed-ips").stdout
        # From another address it is not heard.
        wide.office.ip(f"address add 10.5.0.99/32 dev phone{os.getpid() % 1000000}")
        wide.office.run("ping", "-I", "10.5.0.99", "-c", "1", "-W", "1", a.address, check=False)
        assert port_of(relay, "phone")["in"]["drops"]["source_spoofed"] > 0
        # The relay comes back, the phone knows nothing of it.
        relay.kill()
        relay.start()
        wait_until(lambda: wide.office.run("ping", "-c", "1", "-W", "1", a.address,
                                           check=False).returncode == 0, 40, "not back")


def test_a_phone_speaks_ipv6_and_loses_no_first_packet(wide, relay, a, b):
    """Of either family, both ways, to a neighbour that nobody has heard of before."""
    for number, guest in enumerate((a, b)):
        guest.ip(f"address add fd00:5::{100 + number:x}/64 dev eth0 nodad")
    names = (a.address, b.address, "fd00:5::64", "fd00:5::65")
    with phone(relay, wide.office, "phone6") as own:
        assert own[1].startswith("fd00:5::")
        wait_until(lambda: port_of(relay, "phone6")["state"] == "up", 15, "not up")
        for address in names:
            assert wide.office.run("ping", "-c", "1", "-W", "3", address).returncode == 0
        for guest in (a, b):
            guest.run("ip", "neigh", "flush", "dev", "eth0")
            for address in own:
                assert guest.run("ping", "-c", "1", "-W", "3", address).returncode == 0
        iperf(a, wide.office, names[2])
        iperf(wide.office, b, own[1])
        iperf(b, wide.office, names[1])
        assert "unreachable" not in port_of(relay, "phone6")["in"]["drops"]
        # More than waits for a neighbour that is not there is lost, and all that waited.
        wide.office.run("ping", "-6", "-c", "6", "-i", "0.01", "-W", "4", "fd00:5::dead",
                        check=False)
        wait_until(lambda: port_of(relay, "phone6")["in"]["drops"].get("unreachable") == 4, 6,
                   "what waits is let go")
        assert port_of(relay, "phone6")["in"]["drops"]["queue_full"] == 2
        # From another address it is not heard.
        interface = f"phone{os.getpid() % 1000000}"
        wide.office.ip(f"address add fd00:5::99/128 dev {interface} nodad")
        wide.office.run("ping", "-I", "fd00:5::99", "-c", "1", "-W", "1", names[2], check=False)
        assert port_of(relay, "phone6")["in"]["drops"]["source_spoofed"] > 0
        # Nobody else gets its address: it defends it.
        b.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
        b.sysctl("net.ipv6.conf.all.accept_dad", 1)
        b.ip(f"address add {own[1]}/64 dev eth0")
        wait_until(lambda: "dadfailed" in b.run("ip", "-6", "address", "show").stdout, 5, "no DAD")
        b.ip(f"address del {own[1]}/64 dev eth0")


def test_which_addresses_a_phone_may_have(relay):
    def made(*words):
        text = relay.lanyard("link", "wg-config", "picky", *words).stdout
        relay.lanyard("link", "revoke", "picky")
        return dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)

    keys = made("--ip", "10.5.0.9/24,fd00:5::9/64")
    assert keys["Address"] == "10.5.0.9/24, fd00:5::9/64"
    assert keys["AllowedIPs"] == "10.5.0.0/24, fd00:5::/64"
    assert made("--ip", "fd00:5::9/64")["Address"] == "10.5.0.3/24, fd00:5::9/64"
    for words, match in (("10.5.0.9", "subnet's length"), ("10.5.0.9/24,10.5.0.8/24", "second"),
                         ("fd00::1/64,", "subnet's length"), ("ff02::1/64", "subnet's length")):
        with pytest.raises(CommandFailed, match=match):
            made("--ip", words)


def test_a_code_for_a_phones_camera(wide, relay, tmp_path):
    """What qrencode is given is the configuration, and nobody sees it among its arguments."""
    def wg_config(path, check=True):
        return wide.relay.run("env", f"PATH={path}", f"LANYARD_API={relay.api}",
                              relay.build / "lanyard", "link", "wg-config", "camera", "--qr",
                              check=check)

    missing = wg_config(tmp_path, check=False)
    assert missing.returncode == 1 and "package qrencode is needed" in missing.stderr
    assert len(missing.stderr.splitlines()) == 1 and "camera" not in members(relay)
    fake = tmp_path / "qrencode"
    fake.write_text('#!/bin/sh\necho "arguments: $*"\nexec /bin/cat\n')
    fake.chmod(0o755)
    lines = wg_config(tmp_path).stdout.splitlines()
    assert lines[0] == "arguments: -t ansiutf8" and lines[1] == "[Interface]"
    assert "PrivateKey = " in lines[2]
    relay.lanyard("link", "revoke", "camera")
    fake.write_text("#!/bin/sh\nexit 1\n")
    broken = wg_config(tmp_path, check=False)
    assert broken.returncode == 1 and "PrivateKey" in broken.stdout
    relay.lanyard("link", "revoke", "camera")
    assert "\u2588" in wg_config(os.environ["PATH"]).stdout
    relay.lanyard("link", "revoke", "camera")


def wg(daemon, *words, check=True, **options):
    """Debian's wg where the daemon's sockets are."""
    return daemon.host.run("nsenter", "-t", daemon.pid, "-m", "wg", *words, check=check, **options)


def test_wg_sees_a_link(wide, relay, laptop, a):
    """Both ends, with Debian's own tool."""
    for daemon in (relay, laptop):
        assert "hub5.link" in wg(daemon, "show", "interfaces").stdout.split()
    key = members(relay)["laptop"]["key"]
    shown = wg(relay, "show", "hub5.link").stdout
    assert f"peer: {key}" in shown and "listening port: 4000" in shown
    assert "preshared key: (hidden)" in shown and "latest handshake" in shown
    rows = [line.split("\t") for line in wg(relay, "show", "hub5.link", "dump").stdout.splitlines()]
    assert rows[0][1] == relay.request("GET", "/v1/hubs/hub5/link")[1]["key"]
    peers = {row[0]: row for row in rows[1:]}
    assert set(peers) == {member["key"] for member in members(relay).values()}
    assert peers[key][2] == members(relay)["laptop"]["port"]["details"]["endpoint"]
    assert int(peers[key][5]) > 0 and int(peers[key][6]) > 0
    other = wg(laptop, "show", "hub5.link", "preshared-keys").stdout.split()
    assert other == [rows[0][1], peers[key][1]]
    # Nobody else may ask.
    modes = wide.relay.run("nsenter", "-t", relay.pid, "-m", "stat", "-c", "%a",
                           "/run/wireguard/hub5.link.sock").stdout
    assert modes.strip() == "600"


ASK = """
import socket, time
def visit():
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(5)
    made.connect("/run/wireguard/hub5.link.sock")
    return made
def answer(made):
    got = b""
    while not got.endswith(b"\\n\\n"):
        part = made.recv(65536)
        if not part:
            return got + b"END"
        got += part
    return got
idle = [visit() for _ in range(7)]
one = visit()
for byte in b"get=1\\n\\n":
    one.send(bytes([byte]))
    time.sleep(0.01)
print(b"private_key=" in answer(one))
one.send(b"set=1\\nnonsense=1\\n\\n")
print(answer(one))
one.send(b"put=1\\n\\n")
print(answer(one))
many = visit()
many.settimeout(0.5)
many.send(b"get=1\\n\\n")
try:
    print(answer(many))
except TimeoutError:
    print("no room")
idle.pop().close()
many.settimeout(5)
print(b"private_key=" in answer(many))
try:
    while True:
        many.send(b"x" * 65536)
except OSError:
    print("too much")
idle.pop().send(b"get=1\\n")
"""


def test_whoever_asks_in_wgs_place(wide, relay, laptop):
    """Slowly, wrongly, too often, too much, and going away half-way: the daemon stays what it was."""
    out = wide.relay.run("nsenter", "-t", relay.pid, "-m", "python3", "-c", ASK).stdout
    assert out.splitlines() == ["True", r"b'errno=-22\n\n'", r"b'errno=-71\n\n'", "no room", "True",
                                "too much"]
    assert "hub5.link" in wg(relay, "show", "hub5.link").stdout


def test_wg_changes_what_is_harmless(wide, relay, laptop):
    """Where a member is and how often it is spoken to; who is one, and with what key, is not wg's."""
    with joined(relay, wide.office, "tuned") as daemon:
        key = members(relay)["tuned"]["key"]
        place = members(relay)["tuned"]["port"]["details"]["endpoint"]
        wg(relay, "set", "hub5.link", "peer", key, "persistent-keepalive", "7",
           "endpoint", f"{OFFICE}:9")
        row = [line.split("\t") for line in wg(relay, "show", "hub5.link", "dump").stdout
               .splitlines() if line.startswith(key)][0]
        assert row[2] == f"{OFFICE}:9" and row[7] == "7"
        wg(relay, "set", "hub5.link", "peer", key, "endpoint", place)
        for words in (("listen-port", "4001"), ("private-key", "/dev/stdin"), ("fwmark", "1"),
                      ("peer", key, "allowed-ips", "10.0.0.0/8"),
                      ("peer", key, "preshared-key", "/dev/stdin"),
                      ("peer", "A" * 42 + "E=", "persistent-keepalive", "5")):
            done = wg(relay, "set", "hub5.link", *words, check=False, input="A" * 42 + "E=\n")
            assert done.returncode and "not permitted" in done.stderr, words
        relay_key = relay.request("GET", "/v1/hubs/hub5/link")[1]["key"]
        done = wg(daemon, "set", "hub5.link", "peer", relay_key, "remove", check=False)
        assert done.returncode and "not permitted" in done.stderr
        wg(relay, "set", "hub5.link", "peer", key, "remove")
        assert "tuned" not in members(relay)
        assert key not in wg(relay, "show", "hub5.link").stdout
        wait_until(lambda: link_details(daemon)["state"] == "refused", 5, "it was not told")
    assert is_up(relay, "laptop")
    # The socket goes with the link, and what a killed daemon left behind is no hindrance.
    relay.kill()
    relay.start()
    wait_until(lambda: is_up(relay, "laptop"), 10, "not back")
    assert "hub5.link" in wg(relay, "show", "interfaces").stdout.split()


def refusal(wide, invitation):
    with Daemon(wide.office, MEMBER_CONFIG) as daemon:
        done = daemon.lanyard("link", "join", invitation, "--hub", "hub5", check=False)
        assert done.returncode and len(done.stderr.strip().splitlines()) == 1
        left = daemon.request("GET", "/v1/hubs/hub5")[1]
        assert not left["entrances"] and not left["ports"]
        return done.stderr


def test_an_invitation_is_good_once(wide, relay, laptop):
    text = invite(relay, "once")
    with Daemon(wide.office, MEMBER_CONFIG) as first:
        first.lanyard("link", "join", text, "--hub", "hub5")
    watch = relay.start_lanyard("watch")
    time.sleep(0.3)
    assert "used already" in refusal(wide, text)
    wait_until(lambda: '"link-refused"' in watch.stdout, 5, "no event at the relay")
    watch.stop()
    relay.lanyard("link", "revoke", "once")


def test_an_invitation_joins_once(wide, relay):
    """Two ports with one key would be heard in turns."""
    text = invite(relay, "twice")
    with Daemon(wide.office, MEMBER_CONFIG) as daemon:
        daemon.lanyard("link", "join", text, "--hub", "hub5")
        done = daemon.lanyard("link", "join", text, "--hub", "hub5", check=False)
        assert done.returncode == 2 and "hub5 has joined by this invitation already" in done.stderr
    relay.lanyard("link", "revoke", "twice")


def test_invitations_name_the_host_by_themselves(wide):
    """Without a default route too; what is the hub's own is nowhere that a member could start from."""
    with Daemon(wide.office, """\
hubs:
  hub5:
    subnet: 10.6.0.0/24
    ports:
      - {kind: host}
      - {kind: link, listen: 4003}
""") as daemon:
        assert invite(daemon, "near").startswith(f"lanyard://{OFFICE}:4003/#")
        wide.office.ip("route add default via 198.51.100.1 src 198.51.100.3")
        assert invite(daemon, "far").startswith(f"lanyard://{OFFICE}:4003/#")
        wide.office.ip("route del default")


def test_a_used_invitation_says_nothing_more(wide, relay):
    """Not even with the member's key: its preshared key was told, and it has come."""
    text = invite(relay, "again")
    with Daemon(wide.office, MEMBER_CONFIG) as daemon:
        daemon.lanyard("link", "join", text, "--hub", "hub5")
        wait_until(lambda: is_up(relay, "again"), 10, "not up")
        config = daemon.lanyard("config").stdout
        daemon.kill()
        for file in (daemon.state / "link").glob("*.json"):
            file.unlink()
        daemon.config_file.write_text(config)
        daemon.start()
        wait_until(lambda: link_details(daemon)["state"] in ("refused", "joined"), 10, "no answer")
        assert "used already" in link_details(daemon).get("why", "")
        assert not list((daemon.state / "link").glob("*.json"))
    relay.lanyard("link", "revoke", "again")


def test_a_revoked_invitation(wide, relay):
    text = invite(relay, "early")
    relay.lanyard("link", "revoke", "early")
    assert "revoked" in refusal(wide, text)


def test_an_expired_invitation(wide, relay):
    status, made = relay.request("POST", "/v1/hubs/hub5/link/invites",
                                 json.dumps({"name": "late", "expires": 1}))
    assert status == 201
    time.sleep(1.5)
    assert "expired" in refusal(wide, made["invite"])


@pytest.mark.parametrize("change, words", [
    (lambda text: text[:-1], "its end is missing"),
    (lambda text: text + "A", "behind its end"),
    (lambda text: text[:-9] + ("A" if text[-9] != "A" else "B") + text[-8:], "wrong"),
    (lambda text: text.split("#")[0], "token is missing"),
])
def test_a_garbled_invitation(wide, relay, change, words):
    if "garbled" not in str(relay.json("link", "list")):
        relay.garbled = invite(relay, "garbled")
    assert words in refusal(wide, change(relay.garbled))


def test_an_invitation_of_another_relay(wide, relay):
    text = invite(relay, "lost").replace("198.51.100.1:4000", f"{NAT}:4000")
    assert "is the relay running" in refusal(wide, text)


def test_a_hub_with_another_subnet_is_told(wide, relay):
    watch = relay.start_lanyard("watch")
    config = "hubs:\n  hub5:\n    subnet: 10.6.0.0/24\n"
    with Daemon(wide.office, config) as daemon:
        daemon.lanyard("link", "join", invite(relay, "alien", "--role", "bridge"), "--hub", "hub5")
        wait_until(lambda: "10.6.0.0/24" in daemon.request(
            "GET", "/v1/hubs/hub5/ports/link")[1]["details"].get("notice", ""), 5, "no notice")
    wait_until(lambda: '"link-clash"' in watch.stdout, 5, "no event at the relay")
    watch.stop()
    relay.lanyard("link", "revoke", "alien")


def test_two_hosts_with_one_mac_are_told(wide, relay, laptop, a):
    watch = relay.start_lanyard("watch")
    with joined(relay, wide.office, "twin") as daemon, Namespace("twin") as guest:
        daemon.lanyard("attach", "hub5", "--netns", guest.path, "--mac", a.mac("eth0"),
                       "--no-dhcp")
        guest.ip("address add 10.5.0.66/24 dev eth0", "link set eth0 up")
        guest.run("ping", "-c", "1", "-W", "1", "10.5.0.254", check=False)
        wait_until(lambda: "laptop" in daemon.request(
            "GET", "/v1/hubs/hub5/ports/link")[1]["details"].get("notice", ""), 5, "no notice")
    wait_until(lambda: '"link-clash"' in watch.stdout, 5, "no event at the relay")
    watch.stop()
    relay.lanyard("link", "revoke", "twin")
    a.run("ping", "-c", "1", "-W", "1", "10.5.0.254", check=False)


@contextlib.contextmanager
def picky(wide):
    """A relay on the office's host whose owner looks at everybody."""
    with Daemon(wide.office, "hubs:\n  hub5:\n    subnet: 10.7.0.0/24\n") as made:
        made.lanyard("link", "listen", "hub5", "--address", OFFICE, "--approve")
        yield made


def states(relay):
    rows = [line.split() for line in relay.lanyard("link", "list").stdout.splitlines()[1:]]
    return {row[1]: row[3] for row in rows}


def link_details(daemon):
    return daemon.request("GET", "/v1/hubs/hub5/ports/link")[1].get("details", {})


def written(daemon):
    """What it keeps of its links, a text; nobody else may read it."""
    files = list((daemon.state / "link").iterdir())
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    return {file: file.read_text() for file in files}


def test_both_ends_have_a_preshared_key(wide, relay):
    """Made for the member, the same at both ends, and of use: with another one there is silence."""
    with joined(relay, wide.office, "shared") as daemon:
        line = [json.loads(line) for line in written(relay)[
            relay.state / "link" / "hub5.json"].splitlines() if '"shared"' in line][-1]
        key = [member for member in line["members"] if member["name"] == "shared"][0]["preshared"]
        file, text = [item for item in written(daemon).items() if key in item[1]][0]
        config = daemon.lanyard("config").stdout
        daemon.kill()
        daemon.config_file.write_text(config)
        file.write_text(text.replace(key, "A" * 42 + "E="))
        daemon.start()
        time.sleep(3)
        assert not link_details(daemon)["up"]
        daemon.kill()
        file.write_text(text)
        daemon.start()
        wait_until(lambda: link_details(daemon)["up"], 10, "it does not come up with its key")
    relay.lanyard("link", "revoke", "shared")
    assert "preshared" not in relay.lanyard("link", "list", "--json").stdout


def test_who_waits_is_let_in(wide):
    """Neither side loses it in a restart."""
    with picky(wide) as relay, Daemon(wide.relay, MEMBER_CONFIG) as daemon:
        watch = relay.start_lanyard("watch")
        time.sleep(0.3)
        text = invite(relay, "desk", "--role", "bridge")
        done = daemon.lanyard("link", "join", text, "--hub", "hub5")
        assert "waits for the relay's owner" in done.stdout
        assert states(relay) == {"desk": "waits"}
        assert not relay.request("GET", "/v1/hubs/hub5/ports")[1]["ports"]
        assert "waiting to be let in: 1" in relay.lanyard("show").stdout
        wait_until(lambda: '"link-waits"' in watch.stdout, 5, "no event of the request")
        for either in (relay, daemon):
            config = either.lanyard("config").stdout
            either.kill()
            either.config_file.write_text(config)
            either.start()
        wait_until(lambda: link_details(daemon).get("state") == "waits", 10, "it waits no more")
        assert states(relay) == {"desk": "waits"}
        watch = relay.start_lanyard("watch")
        time.sleep(0.3)
        relay.lanyard("link", "approve", "desk")
        wait_until(lambda: is_up(relay, "desk"), 10, "it was not let in")
        wait_until(lambda: '"link-approved"' in watch.stdout, 5, "no event of the decision")
        assert link_details(daemon)["state"] == "joined"
        with pytest.raises(CommandFailed, match="a member already"):
            relay.lanyard("link", "approve", "desk")
        wait_until(lambda: "endpoint" in (relay.state / "link" / "hub5.json").read_text(), 5,
                   "it is not written down where it is")
        relay.kill()
        relay.start()
        wait_until(lambda: is_up(relay, "desk"), 10, "a restart forgot it")


def test_approval_is_switched_while_members_are_there(wide, tmp_path):
    with picky(wide) as relay, Daemon(wide.relay, MEMBER_CONFIG) as daemon:
        daemon.lanyard("link", "join", invite(relay, "desk"), "--hub", "hub5")
        relay.lanyard("link", "approve", "desk")
        wait_until(lambda: is_up(relay, "desk"), 10, "it was not let in")
        handshake = members(relay)["desk"]["port"]["details"]["handshake"]
        file = tmp_path / "lanyard.yaml"
        file.write_text(relay.lanyard("config").stdout.replace("approve: true", "approve: false"))
        assert "approve: false" in file.read_text()
        relay.lanyard("apply", file)
        assert is_up(relay, "desk")
        assert members(relay)["desk"]["port"]["details"]["handshake"] >= handshake
        daemon.lanyard("unplug", "hub5.link")
        assert "waits" not in daemon.lanyard(
            "link", "join", invite(relay, "more"), "--hub", "hub5").stdout


def test_who_waits_is_refused(wide):
    with picky(wide) as relay, Daemon(wide.relay, MEMBER_CONFIG) as daemon:
        text = invite(relay, "desk")
        daemon.lanyard("link", "join", text, "--hub", "hub5")
        relay.lanyard("link", "revoke", "desk")
        wait_until(lambda: link_details(daemon)["state"] == "refused", 10, "it was not told")
        assert "not let in" in link_details(daemon)["why"]
        assert states(relay) == {}
        daemon.kill()
        daemon.start()
        done = daemon.lanyard("link", "join", text, "--hub", "hub5", check=False)
        assert "revoked" in done.stderr
        with pytest.raises(CommandFailed, match="nobody named"):
            relay.lanyard("link", "approve", "desk")


def test_strangers_are_told_of(wide, relay, laptop):
    """A key that nobody knows: no answer, and an event."""
    watch = relay.start_lanyard("watch")
    interface = f"x{os.getpid() % 1000000}"
    process = wide.office.start("wireguard-go", "-f", interface)
    wait_until(lambda: interface in wide.office.interfaces(), 10, "wireguard-go")
    key = relay.request("GET", "/v1/hubs/hub5/link")[1]["key"]
    private = wide.office.run("wg", "genkey").stdout
    wide.office.run("wg", "setconf", interface, "/dev/stdin", input=(
        f"[Interface]\nPrivateKey = {private}[Peer]\nPublicKey = {key}\n"
        f"AllowedIPs = 10.5.0.0/24\nEndpoint = {RELAY}:4000\nPersistentKeepalive = 1\n"))
    wide.office.ip(f"link set {interface} up")
    wait_until(lambda: '"link-strangers"' in watch.stdout, 70, "no event")
    process.stop()
    watch.stop()


def test_names_are_taken_once(relay, laptop):
    for name in ("laptop", "twice"):
        if name == "twice":
            invite(relay, name)
        with pytest.raises(CommandFailed, match="already"):
            invite(relay, name)


def test_the_relay_is_killed_and_comes_back(relay, a, b):
    """Without a restart of anything else; a connection within goes on."""
    server = b.start("iperf3", "-s", "-1", "--forceflush")
    server.wait_for_output("Server listening")
    client = a.start("iperf3", "-c", b.address, "-t", "14", "-b", "5M", "-J")
    time.sleep(3)
    relay.kill()
    time.sleep(1)
    relay.start()
    start = time.monotonic()
    wait_until(lambda: is_up(relay, "laptop") and is_up(relay, "office"), 10, "they are not back")
    assert time.monotonic() - start < 5
    assert client.wait(60) == 0, client.stdout
    out = json.loads(client.stdout)
    assert out["intervals"][-1]["sum"]["bytes"] > 0
    assert out["end"]["sum_received"]["bytes"] > 14 * 5e6 / 8 * 0.5
    a.run("ping", "-c", "2", "-i", "0.2", "-W", "2", b.address)


def test_the_member_moves(wide, relay, a, b):
    """The router's public address is another one, and it has forgotten who spoke through it."""
    new = "198.51.100.22"
    wide.nat.ip(f"address del {NAT}/24 dev up0", f"address add {new}/24 dev up0")
    wide.masquerade()
    wide.nat.run("conntrack", "-F", check=False)
    wait_until(lambda: a.run("ping", "-c", "1", "-W", "1", b.address, check=False).returncode == 0,
               30, "it is not heard of from its new address")
    assert members(relay)["laptop"]["port"]["details"]["endpoint"].startswith(new + ":")


def test_members_restart_without_their_invitation(wide, relay):
    """What the file says is enough: the key is kept."""
    text = invite(relay, "desk", "--role", "bridge")
    with Daemon(wide.office, MEMBER_CONFIG
                + f"    ports:\n      - {{kind: link, invite: '{text}'}}\n") as daemon:
        wait_until(lambda: is_up(relay, "desk"), 10, "not up")
        daemon.kill()
        daemon.start()
        handshake = members(relay)["desk"]["port"]["details"]["handshake"]
        wait_until(lambda: is_up(relay, "desk") and members(relay)["desk"]["port"]["details"][
            "handshake"] < handshake + 5, 10, "not up again")
        assert text in daemon.lanyard("config").stdout
    relay.lanyard("link", "revoke", "desk")


def test_revocation_ends_a_session_at_once(wide, relay, laptop, a, b):
    watch = laptop.start_lanyard("watch")
    time.sleep(0.3)
    relay.lanyard("link", "revoke", "laptop")
    assert "laptop" not in members(relay)
    assert a.run("ping", "-c", "1", "-W", "1", b.address, check=False).returncode
    wait_until(lambda: '"link-refused"' in watch.stdout, 10, "the member was not told")
    watch.stop()
    details = laptop.request("GET", "/v1/hubs/hub5/ports/link")[1]["details"]
    assert details["state"] == "refused" and "revoked" in details["why"]
