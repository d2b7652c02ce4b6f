# SPDX-License-Identifier: GPL-2.0-or-later
"""Leases by DHCP, with the clients people have.

    guests (bare; udhcpc, dhclient, scapy) ===.
                                              hub8 [nat .2] [dhcp .254] lanyardd "host"
    squatter (an address by hand) ============'
"""
import contextlib
import json
import os
import re
import signal
import threading
import time

import pytest

from support.daemon import configure
from support.namespace import Namespace, wait_until

CONFIG = """\
hubs:
  hub8:
    subnet: 192.168.120.0/24
    ports:
      - {{kind: nat}}
      - kind: dhcp
        pool: {pool}
        lease: {lease}
        domain: example.lan
        reservations: [{{mac: "02:00:00:00:0a:0a", ip: 192.168.120.10, name: redhat}}]
"""
POOL = "192.168.120.128-192.168.120.159"
RESERVED_MAC = "02:00:00:00:0a:0a"

# What udhcpc was told, as shell would say it, and the address, so that it can be renewed.
SCRIPT = """\
#!/bin/sh
env | sort > "$LEASE.new"; echo "event=$1" >> "$LEASE.new"
mv "$LEASE.new" "$LEASE.$1"
case $1 in
deconfig) ip address flush dev $interface; ip link set $interface up;;
bound|renew) ip address replace $ip/$mask dev $interface;;
esac
"""


def config(pool=POOL, lease="30m"):
    return CONFIG.format(pool=pool, lease=lease)


@pytest.fixture
def own_daemon(network):
    """Each test has a daemon and leases of its own."""
    with network.daemon(config()) as made:
        yield made


class Client(Namespace):
    """A guest that is plugged in, and has no address yet."""

    def __init__(self, daemon, mac=None, label="guest"):
        super().__init__(label)
        daemon.plug(self)
        if mac:
            self.ip("link set eth0 down", f"link set eth0 address {mac}")
        self.ip("link set eth0 up")
        self.hardware = self.mac("eth0")
        self.folder = daemon.folder / self.name
        self.folder.mkdir()
        self.script = self.folder / "script"
        self.script.write_text(SCRIPT, encoding="ascii")
        self.script.chmod(0o755)

    def udhcpc(self, *words, name=None):
        """udhcpc in the foreground, once it is bound."""
        names = ["-x", f"hostname:{name}"] if name else []
        return self.start("udhcpc", "-f", "-i", "eth0", "-t", "10", "-T", "1", "-s", self.script,
                          *names, *words, env={**os.environ, "LEASE": str(self.folder / "lease")})

    def told(self, event="bound", timeout=10):
        """What the client's script was told last of an event; tells of each once."""
        path = self.folder / f"lease.{event}"
        wait_until(path.exists, timeout, f"{self}: udhcpc says nothing of {event}")
        pairs = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
        path.unlink()
        return pairs

    def was_told(self, event="bound"):
        return (self.folder / f"lease.{event}").exists()

    def meet_server(self):
        """Clients take the address away as soon as they have sent their DHCPRELEASE: without a
        neighbour entry the kernel would then still be asking for the server's MAC."""
        self.run("ping", "-n", "-c", "1", "-W", "2", "192.168.120.254")

    def release(self, client):
        self.meet_server()
        client.send_signal(signal.SIGUSR2)

    def dhclient(self, *words, check=True, timeout=60):
        return self.run("dhclient", "-v", "-lf", self.folder / "leases", "-pf",
                        self.folder / "pid", *words, "eth0", check=check, timeout=timeout)


def leases(daemon, state="bound"):
    """By address."""
    answer = daemon.json("leases", "hub8")
    found = answer["leases"] if isinstance(answer, dict) else answer
    return {lease["ip"]: lease for lease in found if lease["state"] == state}


def test_udhcpc(own_daemon):
    with Client(own_daemon) as guest:
        client = guest.udhcpc("-O", "mtu", "-O", "search", name="Redhat-9")
        told = guest.told()
        assert told["ip"] == "192.168.120.128"
        assert told["mask"] == "24" and told["router"] == "192.168.120.2"
        assert told["dns"] == "192.168.120.2" and told["domain"] == "example.lan"
        assert told["broadcast"] == "192.168.120.255" and told["mtu"] == "1500"
        assert told["serverid"] == "192.168.120.254" and told["lease"] == "1800"
        lease = leases(own_daemon)["192.168.120.128"]
        assert lease["mac"] == guest.hardware and lease["name"] == "redhat-9"
        assert 1780 < lease["expires"] <= 1801

        client.send_signal(signal.SIGUSR1)  # renew now, by unicast
        assert guest.told("renew")["ip"] == "192.168.120.128"
        guest.release(client)
        wait_until(lambda: not leases(own_daemon), 5, "the lease is not released")
        assert leases(own_daemon, "expired")["192.168.120.128"]["mac"] == guest.hardware


def test_dhclient(own_daemon):
    with Client(own_daemon) as guest:
        guest.dhclient("-1")
        assert guest.addresses("eth0") == ["192.168.120.128"]
        routes = guest.ip_json("route", "show", "default")
        assert routes[0]["gateway"] == "192.168.120.2"
        with open(guest.resolv_conf, encoding="ascii") as file:
            assert re.search(r"nameserver\s+192\.168\.120\.2", file.read())
        assert leases(own_daemon)["192.168.120.128"]["mac"] == guest.hardware
        guest.meet_server()
        guest.dhclient("-r")
        wait_until(lambda: not leases(own_daemon), 5, "the lease is not released")
        guest.dhclient("-1")  # and gets its old address back
        assert guest.addresses("eth0") == ["192.168.120.128"]
        guest.dhclient("-x")


def test_dhclient_comes_from_another_network(own_daemon):
    """It asks for what it had elsewhere, is told no, and starts anew without waiting."""
    with Client(own_daemon) as guest:
        (guest.folder / "leases").write_text("""\
lease {
  interface "eth0";
  fixed-address 10.1.2.3;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 86400;
  option dhcp-message-type 5;
  option dhcp-server-identifier 10.1.2.1;
  renew 0 2037/01/04 00:00:00;
  rebind 0 2037/01/04 00:00:00;
  expire 0 2037/01/04 00:00:00;
}
""", encoding="ascii")
        done = guest.dhclient("-1")
        assert "DHCPNAK" in done.stderr, done.stderr
        assert guest.addresses("eth0") == ["192.168.120.128"]
        guest.dhclient("-x")


def test_reservation_and_names(own_daemon):
    with Client(own_daemon, RESERVED_MAC) as one, Client(own_daemon) as two, \
            Client(own_daemon) as three:
        for guest, name in ((two, "redhat"), (one, "whatever"), (three, "REDHAT.example.lan")):
            guest.udhcpc("-q", name=name)
            guest.told()
        found = leases(own_daemon)
        assert found["192.168.120.10"]["mac"] == RESERVED_MAC
        assert found["192.168.120.10"]["name"] == "redhat"
        assert {lease["name"] for lease in found.values()} == {"redhat", "redhat-2", "redhat-2-2"}


def test_survives_kill(own_daemon):
    """What was acknowledged is remembered, at whatever moment the daemon is killed."""
    had = {}
    for delay in (0.3, 0.32, 0.35, 0.4, 0.5):  # a probe takes 0.3 s
        with contextlib.ExitStack() as stack:
            guests = [stack.enter_context(Client(own_daemon)) for _ in range(3)]
            for guest in guests:
                guest.udhcpc("-q", "-n")
            time.sleep(delay)
            own_daemon.kill()
            for guest in guests:
                if guest.was_told():
                    had[guest.hardware] = guest.told()["ip"]
            own_daemon.start()
            found = {lease["mac"]: ip for ip, lease in leases(own_daemon).items()}
            assert {mac: found.get(mac) for mac in had} == had
            assert len(set(had.values())) == len(had)
    assert had, "none was quick enough"


def test_survives_a_broken_file(own_daemon):
    with Client(own_daemon) as guest:
        guest.udhcpc("-q")
        ip, hardware = guest.told()["ip"], guest.hardware
        own_daemon.stop()
        path = next(own_daemon.state.glob("*.leases"))
        whole = path.read_bytes()
        path.write_bytes(whole + whole.splitlines(True)[-1][:25])  # killed in mid-write
        own_daemon.start()
        assert leases(own_daemon)[ip]["mac"] == hardware


def test_address_in_use_is_not_offered(own_daemon):
    """Somebody took an address of the pool by hand."""
    with Namespace("squatter") as squatter, Client(own_daemon) as guest:
        own_daemon.plug(squatter)
        configure(squatter, "eth0", "192.168.120.128")
        guest.udhcpc("-q")
        assert guest.told()["ip"] == "192.168.120.129"
        held = leases(own_daemon, "declined")["192.168.120.128"]
        assert held["mac"] == squatter.mac("eth0")
        assert 500 < held["expires"] <= 601


def test_silent_when_the_pool_is_empty(own_daemon):
    own_daemon.apply(config("192.168.120.128-192.168.120.129"))
    with contextlib.ExitStack() as stack:
        guests = [stack.enter_context(Client(own_daemon)) for _ in range(3)]
        clients = [guest.udhcpc("-n", "-t", "2") for guest in guests[:2]]
        assert sorted(guest.told()["ip"][-3:] for guest in guests[:2]) == ["128", "129"]
        assert guests[2].udhcpc("-n", "-t", "2").wait(20) != 0
        # The first one leaves; the third one has its address then.
        guests[0].release(clients[0])
        wait_until(lambda: len(leases(own_daemon)) == 1, 5, "the lease is not released")
        guests[2].udhcpc("-q")
        guests[2].told()
        assert len(leases(own_daemon)) == 2


def test_other_settings_while_it_runs(own_daemon):
    with Client(own_daemon) as one, Client(own_daemon) as two:
        client = one.udhcpc()
        assert one.told()["ip"] == "192.168.120.128"
        own_daemon.apply(config("192.168.120.200-192.168.120.210", "10m"))
        assert "192.168.120.128" in leases(own_daemon)
        two.udhcpc("-q")
        told = two.told()
        assert told["ip"] == "192.168.120.200" and told["lease"] == "600"
        client.send_signal(signal.SIGUSR1)  # no longer in the pool, but promised
        assert one.told("renew")["ip"] == "192.168.120.128"


def test_unplugged_it_disturbs_nothing(own_daemon):
    with Client(own_daemon) as one, Client(own_daemon) as two:
        for guest in (one, two):
            guest.udhcpc("-q")
            guest.told()
        port = next(port for port in own_daemon.request("GET", "/v1/hubs/hub8/ports")[1]["ports"]
                    if port["kind"] == "dhcp")
        ping = one.start("ping", "-n", "-i", "0.02", "-c", "50", two.addresses("eth0")[0])
        own_daemon.lanyard("unplug", port["id"])
        assert ping.wait(20) == 0 and " 0% packet loss" in ping.stdout
        assert one.run("ping", "-n", "-c", "1", "-W", "1", "192.168.120.254",
                       check=False).returncode


def test_events(own_daemon):
    watch = own_daemon.start_lanyard("watch")
    time.sleep(0.3)
    with Client(own_daemon) as guest:
        client = guest.udhcpc()
        ip = guest.told()["ip"]
        guest.release(client)

        def states():
            events = [json.loads(line) for line in watch.stdout.splitlines() if line.strip()]
            return [event["state"] for event in events if event.get("ip") == ip]
        wait_until(lambda: states() == ["bound", "released"], 5, f"watch: {watch.stdout}")
    watch.stop()


def flood(guest, stop):
    """DISCOVERs of machines that do not exist, as fast as one can."""
    head = bytes.fromhex("ffffffffffff")
    with guest.packet("eth0") as sock:
        number = 0
        while not stop.is_set():
            number += 1
            mac = b"\x02\x66" + number.to_bytes(4, "big")
            boot = (b"\x01\x01\x06\x00" + number.to_bytes(4, "big") + bytes(20) + mac + bytes(202) +
                    b"\x63\x82\x53\x63\x35\x01\x01\xff").ljust(300, b"\0")
            udp = b"\x00\x44\x00\x43" + (8 + len(boot)).to_bytes(2, "big") + b"\0\0" + boot
            ip = bytearray(b"\x45\0" + (20 + len(udp)).to_bytes(2, "big") + bytes(4) +
                           b"\x40\x11\0\0" + bytes(4) + b"\xff\xff\xff\xff")
            total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
            total = (total & 0xffff) + (total >> 16)
            ip[10:12] = (0xffff - (total & 0xffff) - (total >> 16)).to_bytes(2, "big")
            with contextlib.suppress(OSError):
                sock.send(head + mac + b"\x08\0" + bytes(ip) + udp)
            if number % 20 == 0:
                time.sleep(0.005)


def test_a_flood_does_not_starve_a_guest(own_daemon):
    """Two thousand invented machines a second, and one real client that wants an address."""
    own_daemon.apply(config("192.168.120.20-192.168.120.250"))
    stop = threading.Event()
    with Client(own_daemon) as bad, Client(own_daemon) as good:
        thread = threading.Thread(target=flood, args=(bad, stop))
        thread.start()
        try:
            time.sleep(1)
            good.udhcpc("-q")
            good.told(timeout=20)
        finally:
            stop.set()
            thread.join()
        assert len(leases(own_daemon, "offered")) <= 64
        assert [lease["mac"] for lease in leases(own_daemon).values()] == [good.hardware]
    assert own_daemon.resident() < 200 << 20
