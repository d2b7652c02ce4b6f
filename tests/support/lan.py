# SPDX-License-Identifier: GPL-2.0-or-later
"""A physical LAN with machines on it, one of which runs lanyardd and has a NIC in a hub.

    "lan"   br0 .1  the switch, which also is router, DHCP server and name server (dnsmasq)
             |-- nic0 --- eth0 .5  "host": lanyardd, and guests behind it
             |-- p1 ----- eth0 .11 "h1"
             '-- p2 ----- eth0 .12 "h2": no offloads, so what it sends is as on a wire

guard() makes the port nic0 one where only the NIC's own MAC address may speak, as an access point, a
cloud or a guarded switch does; wire() notes every frame that leaves the NIC.
"""
import json
import pathlib
import shutil
import tempfile

from support.daemon import BUILD, Daemon
from support.namespace import Namespace, bridge, veth, wait_until
from support.wire import Wire

PREFIX, PREFIX6 = "192.168.77.", "fd00:77::"
ROUTER, ROUTER6 = PREFIX + "1", PREFIX6 + "1"
HOST, HOST6 = PREFIX + "5", PREFIX6 + "5"
H1, H1_6 = PREFIX + "11", PREFIX6 + "11"
H2, H2_6 = PREFIX + "12", PREFIX6 + "12"
FREE = PREFIX + "66"  # nobody's
POOL = range(100, 200)


def config(mode="auto", more="", ports="", dev="eth0"):
    """hub0 with a NIC; more: of its keys; ports: other ports, each a line."""
    lines = "".join(f"      - {line}\n" for line in ports.splitlines() if line)
    return ("hubs:\n  hub0:\n    ports:\n"
            f"      - {{kind: nic, name: lan, dev: {dev}, mode: {mode}{more}}}\n{lines}")


class Lan:
    def __init__(self, mtu=1500, has_offloads=False):
        """has_offloads: of the host's NIC. Without, frames on its link are what they would be on a
        cable."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lanyard-lan-"))
        self.mtu = mtu
        self._machines = []
        self._ports = 0
        self.lan = self._namespace("lan")
        bridge(self.lan, "br0", mtu=mtu)
        self.lan.ip(f"address add {ROUTER}/24 dev br0",
                    f"address add {ROUTER6}/64 dev br0 nodad")
        # A LAN of its own ends here: what is for elsewhere gets an answer.
        self.lan.sysctl("net.ipv4.ip_forward", 1)
        self.lan.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.lan.ip("route add unreachable default", "route add unreachable ::/0")
        self.host = self.machine("host", HOST, HOST6, port="nic0", has_offloads=has_offloads)
        self.h1 = self.machine("h1", H1, H1_6)
        self.h2 = self.machine("h2", H2, H2_6, has_offloads=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for machine in reversed(self._machines):
            machine.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _namespace(self, label):
        made = Namespace(label)
        self._machines.append(made)
        return made

    def machine(self, label, address=None, address6=None, port=None, has_offloads=True):
        """A namespace whose eth0 is on the LAN."""
        made = self._namespace(label)
        # Router advertisements are for guests: what a machine here has, it was given.
        made.sysctl("net.ipv6.conf.default.accept_ra", 0)
        self.connect(made, "eth0", port, has_offloads)
        if address:
            made.ip(f"address add {address}/24 dev eth0", f"address add {address6}/64 dev eth0 nodad",
                    f"route add default via {ROUTER}", f"route add default via {ROUTER6}")
        return made

    def connect(self, machine, interface, port=None, has_offloads=True):
        """A cable to the switch; returns the switch's end."""
        if not port:
            self._ports += 1
            port = f"p{self._ports}"
        veth(machine, interface, self.lan, port, self.mtu)
        if not has_offloads:
            machine.offloads_off(interface)
        self.lan.ip(f"link set {port} master br0")
        return port

    # What the LAN does.

    def dnsmasq(self, *options):
        """DHCP for both families, router advertisements, and names."""
        config_file = self.folder / "dnsmasq.conf"
        self.leases = self.folder / "leases"
        config_file.write_text("\n".join([
            "no-resolv", "no-hosts", "no-daemon", "user=root", "interface=br0", "bind-interfaces",
            f"dhcp-leasefile={self.leases}", "no-ping", "dhcp-authoritative", "log-dhcp",
            f"dhcp-range={PREFIX}{POOL[0]},{PREFIX}{POOL[-1]},255.255.255.0,10m",
            f"dhcp-range={PREFIX6}1000,{PREFIX6}1fff,slaac,64,10m", "enable-ra",
            f"address=/web.example/{ROUTER}", *options, ""]), encoding="ascii")
        process = self.lan.start("dnsmasq", "-C", config_file)
        process.wait_for_output("started")
        return process

    def guard(self, mac=None, port="nic0"):
        """Frames from the port with any other source address are lost from here on."""
        mac = mac or self.host.mac("eth0")
        self.unguard(port)
        self.lan.run("nft", f"add table netdev guard-{port}; add chain netdev guard-{port} in "
                     f"{{ type filter hook ingress device {port} priority 0; }}; "
                     f"add rule netdev guard-{port} in ether saddr != {mac} counter drop")

    def unguard(self, port="nic0"):
        self.lan.run("nft", f"delete table netdev guard-{port}", check=False)

    def caught(self, port="nic0"):
        """How many frames with another source address the guard has seen."""
        rules = json.loads(self.lan.run("nft", "-j", "list", "table", "netdev", f"guard-{port}").stdout)
        return sum(expression["counter"]["packets"]
                   for entry in rules["nftables"] for expression in entry.get("rule", {}).get("expr", [])
                   if "counter" in expression)

    def reflect(self, is_on, port="nic0"):
        """As access points do, the port sends broadcasts back to where they came from."""
        self.lan.run("bridge", "link", "set", "dev", port, "hairpin", "on" if is_on else "off")

    def wire(self, port="nic0"):
        """All that comes from the cable at that port from here on."""
        return Wire(self.lan, port)

    def daemon(self, text, host=None, build=BUILD, **options):
        return Daemon(host or self.host, text, build, **options)


class LanGuest(Namespace):
    """A guest plugged into hub0, bare; with an address, it is given by hand."""

    def __init__(self, daemon, address=None, address6=None, label="guest", hub="hub0", mtu=None):
        super().__init__(label)
        self.sysctl("net.ipv6.conf.default.accept_dad", 1)
        self.sysctl("net.ipv6.conf.all.accept_dad", 1)
        self.address, self.address6 = address, address6
        daemon.plug(self, "eth0", hub, mtu)
        self.hardware = self.mac("eth0")
        if address:
            self.ip("link set eth0 up", f"address add {address}/24 dev eth0",
                    f"route add default via {ROUTER}")
        if address6:
            self.ip("link set eth0 up", f"address add {address6}/64 dev eth0 nodad")


def nic_of(daemon, name="lan", hub="hub0"):
    return daemon.request("GET", f"/v1/hubs/{hub}/ports/{name}")[1]


def forget_neighbours(*namespaces):
    for namespace in namespaces:
        namespace.ip("neighbour flush all")


def neighbour(namespace, address):
    """The MAC address that it believes an IP address to be at, or None."""
    entries = namespace.ip_json("neighbour", "show", address)
    return next((entry["lladdr"] for entry in entries if "lladdr" in entry), None)


def wait_for_mode(daemon, mode, timeout=10):
    return wait_until(lambda: nic_of(daemon)["details"]["mode"] == mode and nic_of(daemon), timeout,
                      f"the mode is not {mode}")
