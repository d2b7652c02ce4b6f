# SPDX-License-Identifier: GPL-2.0-or-later
"""Two members of one relay bridge the same LAN: one does, the other stands by and takes over.

    laptop, guest "a" === hub0 --- .4 \\
    relay, hub0 ----------------- .1 ---- wide, 198.51.100.0/24
    one, hub0 --- .2 ----------------/ |
    two, hub0 --- .3 -----------------/
       '--- nic eth0, each --- LAN --- h1, h2       192.168.77.0/24
"""
import contextlib
import json
import socket
import struct
import time

import pytest

from support.daemon import Daemon
from support.lan import H1, H2, Lan, PREFIX, config
from support.namespace import Namespace, veth, wait_until

PLACES = {"relay": 1, "one": 2, "two": 3, "laptop": 4}
RELAY_CONFIG = """\
hubs:
  hub0:
    ports:
      - {kind: link, listen: 4000, address: 198.51.100.1}
"""
A = PREFIX + "70"


class World:
    def __init__(self, stack, mode):
        enter = stack.enter_context
        self.lan = enter(Lan())
        self.wide = enter(Namespace("wide"))
        self.wide.ip("link add br0 type bridge", "link set br0 up")
        self.places = {"relay": enter(Namespace("relay")), "laptop": enter(Namespace("laptop")),
                       "one": self.lan.host, "two": self.lan.machine("two", PREFIX + "6",
                                                                     "fd00:77::6", port="nic1",
                                                                     has_offloads=False)}
        for name, number in PLACES.items():
            veth(self.places[name], "up0", self.wide, name)
            self.wide.ip(f"link set {name} master br0")
            self.places[name].ip(f"address add 198.51.100.{number}/24 dev up0")
        self.relay = enter(Daemon(self.places["relay"], RELAY_CONFIG))
        self.watch = self.relay.start_lanyard("watch")
        stack.callback(self.watch.stop)
        self.daemons = {}
        for name in ("one", "two", "laptop"):
            text = "hubs:\n  hub0: {}\n" if name == "laptop" else config(mode)
            self.daemons[name] = enter(Daemon(self.places[name], text))
            self.join(name, "host" if name == "laptop" else "bridge")
        self.a = enter(Namespace("a"))
        self.daemons["laptop"].plug(self.a, hub="hub0")
        self.a.ip("link set eth0 up", f"address add {A}/24 dev eth0")

    def join(self, name, role):
        invitation = self.relay.lanyard("link", "invite", "hub0", "--name", name, "--role",
                                        role).stdout.strip()
        self.daemons[name].lanyard("link", "join", invitation, "--hub", "hub0")
        wait_until(lambda: self.relay.request("GET", f"/v1/hubs/hub0/ports/{name}")[1].get("state")
                   == "up", 10, f"{name} is not up")

    def nic(self, name):
        return self.daemons[name].request("GET", "/v1/hubs/hub0/ports/lan")[1]

    def events(self, kind):
        return [event for event in map(json.loads, self.watch.stdout.splitlines())
                if event["event"] == kind]


@pytest.fixture(scope="module", params=["transparent", "translate"])
def world(request):
    with contextlib.ExitStack() as stack:
        made = World(stack, request.param)
        yield made


def answers(one, address):
    return one.run("ping", "-c", "1", "-W", "1", address, check=False).returncode == 0


def copies(sender, hearer, count=10):
    """How often each of a few group frames is heard."""
    with hearer.entered():
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b6))
    with sender.entered():
        mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    ear.bind(("eth0", 0))
    mouth.bind(("eth0", 0))
    ear.settimeout(1.5)
    stamp = struct.pack("!I", time.monotonic_ns() & 0xffffffff)
    mac = bytes.fromhex(sender.mac("eth0").replace(":", ""))
    for _ in range(count):
        mouth.send((b"\xff" * 6 + mac + b"\x88\xb6" + stamp).ljust(60, b"\0"))
    heard = 0
    with contextlib.closing(ear), contextlib.closing(mouth), contextlib.suppress(socket.timeout):
        while True:
            heard += ear.recv(100)[14:18] == stamp
    return heard / count


def test_one_bridges_the_lan(world):
    wait_until(lambda: "blocked" in (world.nic("one")["state"], world.nic("two")["state"]), 5,
               "both bridge the LAN")
    time.sleep(6)
    # Who came first goes on; of those who came together, either.
    world.active = "one" if world.nic("one")["state"] == "up" else "two"
    world.standby = "two" if world.active == "one" else "one"
    nic = world.nic(world.standby)
    assert world.nic(world.active)["state"] == "up"
    assert nic["state"] == "blocked" and nic["standby"] == world.active
    shown = world.daemons[world.standby].lanyard("show").stdout
    assert f"STANDBY, {world.active} bridges this LAN" in shown
    assert [(event["name"], event["other"]) for event in world.events("standby")][-1] == (
        world.standby, world.active)
    assert not world.events("loop")


def test_the_laptop_reaches_the_lan_once(world):
    for address in (H1, H2):
        wait_until(lambda: answers(world.a, address), 5, f"no answer of {address}")
    assert answers(world.lan.h1, A)
    assert copies(world.lan.h1, world.a) == 1


def test_no_storm(world):
    def frames():
        return sum(world.nic(name)[way]["frames"] for name in ("one", "two")
                   for way in ("in", "out"))

    before = frames()
    time.sleep(3)
    assert frames() - before < 300


def test_the_other_takes_over(world):
    """Killed, so that nobody says goodbye, in the middle of a conversation."""
    wait_until(lambda: answers(world.a, H1), 5, "no answer")
    world.daemons[world.active].kill()
    start = time.monotonic()
    wait_until(lambda: answers(world.a, H1), 10, "nobody takes over")
    took = time.monotonic() - start
    print(f"taken over in {took:.1f} s")
    assert took < 7
    nic = world.nic(world.standby)
    assert nic["state"] == "up" and "standby" not in nic
    wait_until(lambda: answers(world.lan.h1, A), 5, "and back")
    assert copies(world.lan.h1, world.a) == 1


def test_who_comes_back_stands_by(world):
    back, other = world.active, world.standby
    world.relay.lanyard("link", "revoke", back)
    world.daemons[back].start()
    world.join(back, "bridge")
    wait_until(lambda: world.nic(back)["state"] == "blocked", 15, "both bridge the LAN")
    time.sleep(6)
    assert world.nic(other)["state"] == "up"
    assert world.nic(back)["state"] == "blocked" and world.nic(back)["standby"] == other
    wait_until(lambda: answers(world.a, H1), 5, "no answer")
    assert copies(world.lan.h1, world.a) == 1
