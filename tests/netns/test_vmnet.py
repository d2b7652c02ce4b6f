# SPDX-License-Identifier: GPL-2.0-or-later
"""The vmnet files: names and text to the letter, live, gone with their port; and their arithmetic.

    guest "a" .11 ===.
                     hub1 lanyardd "host"   RUNTIME/vmnet/{hub1.0,netif0,userif0,...} (FUSE),
    guest "b" .12 ===|                      lanyard show --vmnet, GET /v1/vmnet
    tap lan1, .1  ==='
                     hub8 [dhcp]
"""
import errno
import os
import pathlib
import re
import socket
import struct
import time
import zlib

import pytest

from support.daemon import BUILD, RELEASE, Guest
from support.namespace import wait_until

CONFIG = """\
hubs:
  hub1:
    subnet: 192.168.56.0/24
    ports:
      - {kind: host, dev: lan1}
  hub8:
    subnet: 192.168.120.0/24
    ports:
      - {kind: dhcp}
"""
A, B = "192.168.56.11", "192.168.56.12"
FLAGS = "IFF_RUNNING(,IFF_(UP|BROADCAST|DEBUG|PROMISC|MULTICAST|ALLMULTI))*"
MAC, LADRF = "[0-9a-f]{2}(:[0-9a-f]{2}){5}", "[0-9a-f]{2}(:[0-9a-f]{2}){7}"
TEXTS = {
    "hub": r"connected (userif|netif|bridge)\d+ tx \d+ \n",
    "netif": rf"connected hub\d+\.\d+ mac {MAC} ladrf {LADRF} flags {FLAGS} dev \S+ \n",
    "userif": rf"connected hub\d+\.\d+ mac {MAC} ladrf {LADRF} flags {FLAGS} read \d+ written \d+ "
              r"queued \d+ dropped\.down \d+ dropped\.mismatch \d+ dropped\.overflow \d+ "
              r"dropped\.largePacket \d+\n",
}


@pytest.fixture(scope="module")
def daemon(network):
    with network.daemon(CONFIG) as made:
        yield made


@pytest.fixture(scope="module")
def guest(daemon):
    with Guest(daemon, A, hub="hub1", gateway=None, label="a") as made:
        yield made


@pytest.fixture(scope="module")
def other(daemon, guest):
    with Guest(daemon, B, hub="hub1", gateway=None, label="b") as made:
        yield made


def folder(daemon):
    """As the daemon sees it: it has mounts of its own."""
    return pathlib.Path(f"/proc/{daemon.pid}/root{daemon.folder}/vmnet")


def files(daemon):
    return daemon.request("GET", "/v1/vmnet")[1]["files"]


def userif_of(daemon, guest):
    """(name, slot's name) of a guest's files."""
    return next((name, text.split()[1]) for name, text in files(daemon).items()
                if name.startswith("userif") and f" mac {guest.mac('eth0')} " in text)


def numbers(text):
    """What follows each word in a userif's or a slot's text."""
    words = text.split()
    return {word: int(value) for word, value in zip(words, words[1:]) if value.isdigit()}


def test_names(daemon, guest, other):
    """As ls shows them: one for each slot, one for each port, numbered by kind."""
    expected = ["hub1.0", "hub1.1", "hub1.2", "hub8.0", "netif0", "userif0", "userif1", "userif2"]
    assert list(files(daemon)) == expected
    assert sorted(os.listdir(folder(daemon))) == expected
    listing = daemon.host.run("ls", "-l", folder(daemon)).stdout
    assert listing.count("\n-r--r-----") == len(expected), listing


def test_texts(daemon, guest, other):
    for name, text in files(daemon).items():
        assert re.fullmatch(TEXTS[re.match("[a-z]+", name)[0]], text), (name, text)
        assert re.fullmatch(TEXTS[re.match("[a-z]+", name)[0]], (folder(daemon) / name).read_text())


def test_both_ends_of_a_cable(daemon, guest, other):
    texts = files(daemon)
    for name, text in texts.items():
        assert texts[text.split()[1]].split()[1] == name
    name, slot = userif_of(daemon, guest)
    assert slot.startswith("hub1.")
    assert texts[slot].split()[1] == name


def test_command_line_says_the_same(daemon):
    said = daemon.lanyard("show", "--vmnet").stdout
    assert [line.split(": ")[0] for line in said.splitlines()] == list(files(daemon))
    netif = files(daemon)["netif0"]
    assert f"netif0: {netif}" in said
    assert daemon.lanyard("show", "--vmnet", "netif0").stdout == netif
    for name in ("userif99", "userif00", "hub1.01", "hub1", "hub1.0x", "bridge0", "hub99.0"):
        done = daemon.lanyard("show", "--vmnet", name, check=False)
        assert done.returncode == 2 and name in done.stderr, done
        assert daemon.request("GET", f"/v1/vmnet/{name}")[0] == 404
        assert not (folder(daemon) / name).exists()


def frame(to, source):
    return bytes.fromhex(to.replace(":", "") + source.replace(":", "") + "88b5") + bytes(46)


def test_arithmetic(daemon, guest, other):
    """queued and every receive drop are the frames that entered through all other slots."""
    def check():
        texts = files(daemon)
        for hub in ("hub1", "hub8"):
            sent = {name: numbers(text)["tx"] for name, text in texts.items()
                    if name.startswith(hub + ".")}
            for text in texts.values():
                slot = text.split()[1]
                if slot not in sent or "queued" not in text:
                    continue
                n = numbers(text)
                got = n["queued"] + sum(n[word] for word in n if word.startswith("dropped"))
                others = sum(sent.values()) - sent[slot]
                yield slot, got - others
        # what was there before a port came is not its own

    before = dict(check())
    mine, others = guest.mac("eth0"), other.mac("eth0")
    name, slot = userif_of(daemon, guest)
    was = numbers(files(daemon)[slot])["tx"]
    with guest.packet("eth0") as a, other.packet("eth0") as b:
        for _ in range(50):
            a.send(frame(others, mine))
            b.send(frame(mine, others))
            a.send(frame("ff:ff:ff:ff:ff:ff", mine))
            a.send(frame("02:00:00:00:00:99", mine))  # nobody's
            a.send(frame("01:80:c2:00:00:00", mine))  # for no bridge to forward
        wait_until(lambda: numbers(files(daemon)[slot])["tx"] >= was + 150, 5)
    assert dict(check()) == before
    text = files(daemon)[name]
    assert numbers(text)["written"] == numbers(files(daemon)[slot])["tx"]
    assert numbers(text)["queued"] >= 50


def test_mismatch_is_what_was_for_somebody_else(daemon, guest, other):
    """The host's tap hears nothing of a talk between two guests; the third port counts it."""
    with Guest(daemon, "192.168.56.13", hub="hub1", gateway=None, label="c") as third:
        guest.run("ping", "-n", "-c", "1", "-W", "2", B)
        name, _ = userif_of(daemon, third)
        before = numbers(files(daemon)[name])
        guest.run("ping", "-n", "-c", "20", "-i", "0.01", "-W", "2", B)
        after = numbers(files(daemon)[name])
        assert after["dropped.mismatch"] - before["dropped.mismatch"] >= 40
        assert after["queued"] - before["queued"] < 20


def test_frames_for_an_interface_that_is_down(daemon, guest, other):
    with Guest(daemon, "192.168.56.14", hub="hub1", gateway=None, label="d") as down:
        name, _ = userif_of(daemon, down)
        down.ip("link set eth0 down")
        before = numbers(files(daemon)[name])
        with guest.packet("eth0") as wire:
            for _ in range(7):
                wire.send(frame("ff:ff:ff:ff:ff:ff", guest.mac("eth0")))

        def grown():
            after = numbers(files(daemon)[name])
            return after["dropped.down"] - before["dropped.down"] >= 7 and after
        assert wait_until(grown, 3)["queued"] == before["queued"]


def test_host_shows_what_its_interface_is(daemon):
    def flags():
        return re.search(r"flags (\S+) dev lan1", (folder(daemon) / "netif0").read_text())[1]
    host = daemon.host
    assert flags() == "IFF_RUNNING,IFF_UP,IFF_BROADCAST,IFF_MULTICAST"
    host.ip("link set lan1 promisc on", "link set lan1 allmulticast on")
    assert flags() == "IFF_RUNNING,IFF_UP,IFF_BROADCAST,IFF_PROMISC,IFF_MULTICAST,IFF_ALLMULTI"
    host.ip("link set lan1 promisc off", "link set lan1 allmulticast off", "link set lan1 down")
    assert flags() == "IFF_RUNNING,IFF_BROADCAST,IFF_MULTICAST"
    host.ip("link set lan1 up")


def test_host_shows_the_groups_it_joined(daemon):
    def groups():
        with daemon.host.entered(), open("/proc/thread-self/net/dev_mcast", encoding="ascii") as file:
            return {line.split()[4] for line in file if line.split()[1] == "lan1"}

    def expected():
        bits = bytearray(8)
        for group in groups():
            number = (zlib.crc32(bytes.fromhex(group)) ^ 0xffffffff) >> 26
            bits[number >> 3] |= 1 << (number & 7)
        return bits.hex(":")

    def shown():
        return re.search(r"ladrf (\S+)", (folder(daemon) / "netif0").read_text())[1]
    assert "01005e000001" in groups() and shown() == expected()
    with daemon.host.socket(kind=socket.SOCK_DGRAM) as sock:
        index = daemon.host.ip_json("link", "show", "dev", "lan1")[0]["ifindex"]
        for i in range(5):
            group = socket.inet_aton(f"224.1.2.{i}")
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                            struct.pack("4s4si", group, bytes(4), index))
        assert "01005e010204" in groups() and shown() == expected()


def test_live_and_gone_with_the_port(daemon, guest):
    """Numbers of ports are never given twice; slots are."""
    with Guest(daemon, "192.168.56.15", hub="hub1", gateway=None, label="e") as going:
        name, slot = userif_of(daemon, going)
        with open(folder(daemon) / slot, encoding="ascii") as file:
            first = file.read()
            going.run("ping", "-n", "-c", "3", "-i", "0.01", "-W", "2", "192.168.56.1")
            file.seek(0)
            assert numbers(file.read())["tx"] >= numbers(first)["tx"] + 3
        still_open = os.open(folder(daemon) / name, os.O_RDONLY)
        sent = numbers(files(daemon)[slot])["tx"]
    try:
        wait_until(lambda: not (folder(daemon) / name).exists(), 5, "the file stays")
        assert not (folder(daemon) / slot).exists()
        assert {name, slot} & {*files(daemon), *os.listdir(folder(daemon))} == set()
        with pytest.raises(OSError) as caught:
            os.read(still_open, 100)
        assert caught.value.errno == errno.ENODEV
    finally:
        os.close(still_open)
    with Guest(daemon, "192.168.56.15", hub="hub1", gateway=None, label="f") as coming:
        new_name, new_slot = userif_of(daemon, coming)
        assert new_slot == slot and int(new_name[6:]) > int(name[6:])
        assert numbers(files(daemon)[slot])["tx"] >= sent  # inherited


def test_nothing_can_be_written(daemon):
    for path in (folder(daemon) / "netif0", folder(daemon) / "new"):
        with pytest.raises(OSError):
            os.open(path, os.O_WRONLY | os.O_CREAT)


def test_many_readers_at_once(daemon, guest):
    script = (f"cd {folder(daemon)} && for i in $(seq 200); do "
              f"cat netif0 hub1.0 hub1.1 userif1 hub8.0 > /dev/null || exit 1; done")
    readers = [daemon.host.start("sh", "-c", script) for _ in range(4)]
    guest.run("ping", "-n", "-c", "20", "-i", "0.02", "-W", "2", "192.168.56.1")
    for reader in readers:
        assert reader.wait(60) == 0, reader.stderr


def test_costs_nothing_while_nobody_looks(network):
    with network.daemon("hubs: {hub3: {ports: []}}\n", build=RELEASE) as daemon:
        assert not list(folder(daemon).iterdir())
        wait_until(lambda: no_wakeups(daemon, 3), 20)


def no_wakeups(daemon, seconds):
    before = daemon.wakeups()
    time.sleep(seconds)
    return daemon.wakeups() == before


# A shell in a mount namespace of its own sees what daemons leave behind.
LIFE = r"""
set -eu
cd "$1"
trap 'kill -9 $pid 2>/dev/null' EXIT
if [ "$AS" ]; then  # as on any machine with udev
	mknod -m 666 fuse c 10 229
	mount --bind fuse /dev/fuse
fi
start() { $AS "$LANYARDD" -c config --api "$PWD/api.sock" --state "$PWD/state" 2>>log & pid=$!
	i=0; until grep -q "^ready" log; do i=$((i+1)); [ $i -lt 200 ] || exit 9; sleep 0.05; done; }
is_mounted() { grep -q " $PWD/vmnet " /proc/self/mounts; }
await_unmounted() { i=0; while is_mounted; do i=$((i+1)); [ $i -lt 100 ] || exit 8; sleep 0.05; done; }
start
$AS grep -q "connected userif0 tx" vmnet/hub1.0
kill -9 $pid; wait $pid || true
: >log
if [ "$AS" ]; then  # fusermount3 takes it away
	await_unmounted
else
	is_mounted
	! ls vmnet 2>/dev/null
fi
start
$AS grep -q "connected userif0 tx" vmnet/hub1.0
kill $pid; wait $pid
await_unmounted
echo good
"""


@pytest.mark.parametrize("who", ["root", "user"])
def test_unmounted_at_the_end_and_after_a_kill(network, tmp_path_factory, who):
    place = tmp_path_factory.mktemp("life")
    place.chmod(0o755)
    run = place / "run"
    run.mkdir()
    (run / "config").write_text("hubs: {hub1: {subnet: 192.168.56.0/24, ports: [{kind: dhcp}]}}\n")
    os.chown(run, 65534 if who == "user" else 0, 65534 if who == "user" else 0)
    for parent in (place, *place.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o055)
    as_user = "setpriv --reuid=65534 --regid=65534 --clear-groups" if who == "user" else ""
    done = network.host.run("unshare", "--mount", "--propagation", "slave", "sh", "-c", LIFE, "life",
                            run, check=False,
                            env={**os.environ, "LANYARDD": str(BUILD / "lanyardd"), "AS": as_user})
    log = (run / "log").read_text()
    assert done.stdout == "good\n", f"{done.returncode}\n{done.stdout}{done.stderr}{log}"


def test_without_the_right_to_mount(network):
    """It runs all the same, and says why there are no files."""
    with network.daemon(CONFIG.replace("host, dev: lan1", "dhcp"), is_privileged=False) as daemon:
        assert "no vmnet files: " in daemon.stderr
        assert "hub8.0" in files(daemon)
