# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions for MAC addresses that the relay knows stay at the relay.

    guests "a", "b" === hub5 relay === members: an office with guest "c"; or a thousand, in one program
"""
import contextlib
import itertools
import json
import socket
import struct
import time

import pytest

from support.daemon import Daemon, Guest, RELEASE
from support.namespace import Namespace, veth, wait_until

RELAY = "198.51.100.1"
CONFIG = """\
hubs:
  hub5:
    ports:
      - {kind: link, listen: 4000, address: %s, storm: 1000}
"""
MEMBERS = 1000
RATE = 100
SECONDS = 4


def request(mac, own, wanted):
    """An ARP request; own: 0.0.0.0 in a probe."""
    mac = bytes.fromhex(mac.replace(":", ""))
    return (b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x806, 1, 0x800, 6, 4, 1) + mac
            + socket.inet_aton(own) + bytes(6) + socket.inet_aton(wanted)).ljust(60, b"\0")


def wire(guest):
    with guest.entered():
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x806))
    made.bind(("eth0", 0))
    made.settimeout(2)
    return made


askers = itertools.count(60)


def ask(guest, wanted, own=None):
    """The MAC address that is answered, or None. Who asks the same again was not helped: so it is
    another one each time, if none is said."""
    own = own or f"10.5.0.{next(askers)}"
    with contextlib.closing(wire(guest)) as eth:
        eth.send(request(guest.mac("eth0"), own, wanted))
        with contextlib.suppress(socket.timeout):
            while True:
                frame = eth.recv(100)
                if frame[20:22] == b"\0\2" and frame[28:32] == socket.inet_aton(wanted):
                    return frame[22:28].hex(":")
    return None


def hub(relay):
    return relay.request("GET", "/v1/hubs/hub5")[1]


def questions(relay, names):
    """Frames that went out to these."""
    return sum(port["out"]["frames"] for port in hub(relay)["ports"] if port["name"] in names)


@pytest.fixture(scope="module")
def place():
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        host, office = enter(Namespace("relay")), enter(Namespace("office"))
        veth(host, "up0", office, "up0")
        host.ip(f"address add {RELAY}/24 dev up0")
        office.ip("address add 198.51.100.2/24 dev up0")
        relay = enter(Daemon(host, CONFIG % RELAY))
        member = enter(Daemon(office, "hubs:\n  hub5: {}\n"))
        text = relay.lanyard("link", "invite", "hub5", "--name", "office", "--role",
                             "bridge").stdout.strip()
        member.lanyard("link", "join", text, "--hub", "hub5")
        guests = {name: enter(Guest(daemon, f"10.5.0.{number}", hub="hub5", label=name,
                                    gateway=None))
                  for name, daemon, number in (("a", relay, 1), ("b", relay, 2),
                                               ("c", member, 3))}
        for number, one in enumerate(guests.values(), 1):
            one.ip(f"address add fd00:5::{number}/64 dev eth0 nodad")
        wait_until(lambda: any(port["name"] == "office" and port["state"] == "up"
                               for port in hub(relay)["ports"]), 10, "not up")
        for one in guests.values():
            for number in (1, 2, 3):
                one.run("ping", "-c", "1", "-W", "2", f"10.5.0.{number}")
                one.run("ping", "-c", "1", "-W", "2", f"fd00:5::{number}")
        yield relay, member, guests


def test_who_is_far_is_answered_for(place):
    relay, _, guests = place
    for name, own in (("b", "10.5.0.2"), ("c", "10.5.0.3")):
        assert ask(guests[name], "10.5.0.1", own)  # so they were heard of just now
    with contextlib.closing(wire(guests["c"])) as far:
        answers = hub(relay)["answers"]
        assert ask(guests["a"], "10.5.0.3") == guests["c"].mac("eth0")
        assert ask(guests["a"], "10.5.0.2") == guests["b"].mac("eth0")
        assert hub(relay)["answers"] == answers + 2
        far.settimeout(0.3)
        with contextlib.suppress(socket.timeout):
            while True:
                assert far.recv(100)[:6] != b"\xff" * 6, "a question came all the way"
    assert "answered here" in relay.lanyard("show", "hub5").stdout


def test_a_probe_is_the_owners(place):
    relay, _, guests = place
    answers = hub(relay)["answers"]
    assert ask(guests["a"], "10.5.0.3", own="0.0.0.0") == guests["c"].mac("eth0")
    assert ask(guests["a"], "10.5.0.99") is None
    assert hub(relay)["answers"] == answers


def test_neighbour_discovery(place):
    """The far one's advertisements pass a guard, so the relay knows it."""
    relay, _, guests = place
    answers = hub(relay)["answers"]
    for name in ("a", "b"):
        guests[name].run("ip", "-6", "neigh", "flush", "dev", "eth0")
        guests[name].run("ping", "-c", "1", "-W", "2", "fd00:5::3")
    assert hub(relay)["answers"] >= answers + 2
    assert guests["c"].mac("eth0") in guests["a"].run("ip", "-6", "neigh").stdout


def test_whoever_came_in_its_place_is_found(place):
    """With another MAC address, and without a word."""
    relay, member, guests = place
    with Guest(member, "10.5.0.9", hub="hub5", label="old", gateway=None) as old:
        old.run("ping", "-c", "1", "-W", "2", "10.5.0.1")
    with Guest(member, "10.5.0.9", hub="hub5", label="new", gateway=None) as new:
        time.sleep(3)  # until then the hub itself would have answered
        guests["a"].run("ip", "neigh", "flush", "dev", "eth0")
        guests["a"].run("ping", "-c", "1", "-W", "2", "10.5.0.9")
        assert new.mac("eth0") in guests["a"].run("ip", "neigh", "show", "10.5.0.9").stdout


def test_it_can_be_switched_off(place):
    relay, _, guests = place
    relay.lanyard("set", "hub5.link", "spared=false")
    answers = hub(relay)["answers"]
    assert ask(guests["a"], "10.5.0.3") == guests["c"].mac("eth0")
    assert hub(relay)["answers"] == answers
    relay.lanyard("set", "hub5.link", "spared=true")
    assert ask(guests["a"], "10.5.0.3") == guests["c"].mac("eth0")
    assert hub(relay)["answers"] == answers + 1


def test_who_went_away_is_asked_for(place):
    relay, member, guests = place
    member.lanyard("unplug", member.port_of(guests["c"], hub="hub5")["id"])
    relay.lanyard("link", "revoke", "office")
    answers = hub(relay)["answers"]
    assert ask(guests["a"], "10.5.0.3") is None
    assert hub(relay)["answers"] == answers


def invitations(relay):
    made = [relay.request("POST", "/v1/hubs/hub5/link/invites", json.dumps(
        {"name": f"m{number}", "expires": 600}))[1]["invite"] for number in range(MEMBERS)]
    return "\n".join(made) + "\n"


def ask_often(guest):
    """RATE a second for a while; returns how many."""
    with contextlib.closing(wire(guest)) as eth:
        frame = request(guest.mac("eth0"), "10.5.0.1", "10.5.0.2")
        for _ in range(RATE * SECONDS):
            eth.send(frame)
            time.sleep(1 / RATE)
    return RATE * SECONDS


@pytest.mark.seconds(300)
def test_a_thousand_members_are_spared(tmp_path):
    names = {f"m{number}" for number in range(MEMBERS)}
    sent = {}
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(Namespace("relay"))
        host.ip("link set lo up")
        relay = stack.enter_context(Daemon(host, CONFIG % "127.0.0.1", build=RELEASE))
        (tmp_path / "invitations").write_text(invitations(relay))
        load = host.start("sh", "-c", f"exec {RELEASE}/bench/link_load 120 0 < {tmp_path}/invitations")
        stack.callback(load.stop)
        a, b = (stack.enter_context(Guest(relay, f"10.5.0.{number}", hub="hub5", label=name,
                                          gateway=None)) for number, name in ((1, "a"), (2, "b")))
        load.wait_for_output("enrolled", 100)
        for spared in ("true", "false"):
            relay.lanyard("set", "hub5.link", f"spared={spared}")
            b.run("ping", "-c", "1", "-W", "2", "10.5.0.1")
            b.run("ip", "neigh", "flush", "dev", "eth0")
            b.run("ping", "-c", "1", "-W", "2", "10.5.0.1")
            before, start = questions(relay, names), host.run("cat", f"/proc/{relay.pid}/stat").stdout
            count = ask_often(a)
            sent[spared] = questions(relay, names) - before
            end = host.run("cat", f"/proc/{relay.pid}/stat").stdout
            ticks = [sum(map(int, text.split()[13:15])) for text in (start, end)]
            print(f"spared={spared}: {count} questions, {sent[spared]} frames to members, "
                  f"{(ticks[1] - ticks[0]) / 100:.2f} s of CPU")
    assert sent["false"] >= 0.9 * count * MEMBERS
    assert sent["true"] < sent["false"] / 50
