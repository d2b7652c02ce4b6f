# SPDX-License-Identifier: GPL-2.0-or-later
"""The world around a daemon.

    guest(s) === lanyardd in "host" --- up0 ----------- up0 "server"
                 198.51.100.1              198.51.100.10, .11, the way to everywhere else
                 2001:db8:1::1             2001:db8:1::10, ::11

The server is also the router behind which some places cannot be reached, each in its own way.
"""
import os
import pathlib
import shutil
import tempfile

from support.compile import compiled
from support.daemon import BUILD, Daemon, GATEWAY, GATEWAY6, NAT_CONFIG, configure
from support.namespace import Namespace, bridge, veth

HOST, HOST6 = "198.51.100.1", "2001:db8:1::1"
SERVER, SERVER6 = "198.51.100.10", "2001:db8:1::10"
SERVER_TWO, SERVER_TWO6 = "198.51.100.11", "2001:db8:1::11"

# What a router on the way says of them:
HOST_UNREACHABLE = "203.0.113.10"   # ICMP 3/1
PROHIBITED = "203.0.113.11"         # ICMP 3/13
BLACK_HOLE = "203.0.113.12"         # nothing
BLACK_HOLES = "100.64.0.0/16"       # nothing, for each of them
NET_UNREACHABLE = "192.0.2.1"       # ICMP 3/0
# What the host itself knows:
LOCAL_UNREACHABLE = "203.0.113.20"  # its own route says so
NEIGHBOUR_SILENT = "198.51.100.77"  # on its link, but nobody there
UNREACHABLE6 = "2001:db8:bad::1"    # ICMPv6 from the router
BLACK_HOLE6 = "2001:db8:dead::1"


class Network:
    """The host's and the server's namespaces; servers start when they are asked for."""

    def __init__(self, mtu=1500):
        self.host = Namespace("host")
        self.server = Namespace("server")
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="lanyard-server-"))
        for name, value in (("ipv4.ip_forward", 1), ("ipv6.conf.all.forwarding", 1),
                            ("ipv4.icmp_ratemask", 0), ("ipv6.icmp.ratelimit", 0),
                            ("core.somaxconn", 16384)):
            self.server.sysctl("net." + name, value)
        veth(self.host, "up0", self.server, "up0", mtu)
        self.host.ip(f"address add {HOST}/24 dev up0", f"address add {HOST6}/64 dev up0 nodad",
                     f"route add default via {SERVER}", f"route add default via {SERVER6}",
                     f"route add unreachable {LOCAL_UNREACHABLE}")
        self.server.ip(
            *(f"address add {address}/24 dev up0" for address in (SERVER, SERVER_TWO)),
            *(f"address add {address}/64 dev up0 nodad" for address in (SERVER6, SERVER_TWO6)),
            f"route add unreachable {HOST_UNREACHABLE}", f"route add prohibit {PROHIBITED}",
            f"route add blackhole {BLACK_HOLE}", f"route add blackhole {BLACK_HOLES}",
            f"route add unreachable {UNREACHABLE6}", f"route add blackhole {BLACK_HOLE6}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.server.close()
        self.host.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def daemon(self, config=NAT_CONFIG, build=BUILD, dns=(SERVER,), **options):
        resolv_conf = "".join(f"nameserver {address}\n" for address in dns)
        return Daemon(self.host, config, build, resolv_conf=resolv_conf, **options)

    # Servers, nobody's but their makers': each returns the Process.

    def iperf3(self, port=5201):
        process = self.server.start("iperf3", "-s", "-p", port, "--forceflush")
        process.wait_for_output("Server listening")
        return process

    def rr(self, port=7000, address=SERVER):
        """bench/rr.c's server: echo on port, one answer and close on the next one."""
        process = self.server.start(compiled("bench/rr.c"), "serve", address, port)
        process.wait_for_output("listening")
        return process

    def nginx(self, port=80):
        """Serves self.web_root on both address families."""
        self.web_root.mkdir(exist_ok=True)
        os.chmod(self._folder, 0o755)
        config = self._folder / "nginx.conf"
        config.write_text(f"""
daemon off; master_process off; pid {self._folder}/nginx.pid; error_log stderr;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; keepalive_timeout 5;
  client_body_temp_path {self._folder}/body; proxy_temp_path {self._folder}/proxy;
  fastcgi_temp_path {self._folder}/fastcgi; uwsgi_temp_path {self._folder}/uwsgi;
  scgi_temp_path {self._folder}/scgi;
  server {{ listen {port} backlog=4096; listen [::]:{port} backlog=4096; root {self.web_root}; }}
}}
""", encoding="ascii")
        process = self.server.start("nginx", "-c", config, "-p", self._folder)
        self._await_listener(port)
        return process

    @property
    def web_root(self):
        return self._folder / "web"

    def dnsmasq(self, *records, address=SERVER):
        """A resolver at one address that knows these options, as "address=/name/1.2.3.4"."""
        config = self._folder / f"dnsmasq-{address}.conf"
        config.write_text("\n".join(["no-resolv", "no-hosts", "bind-interfaces", "no-daemon",
                                     "user=root", f"listen-address={address}", "port=53",
                                     "edns-packet-max=4096", *records, ""]), encoding="ascii")
        process = self.server.start("dnsmasq", "-C", config)
        process.wait_for_output("started")
        return process

    def _await_listener(self, port, address=SERVER):
        for _ in range(500):
            try:
                self.server.connect(address, port).close()
                return
            except OSError:
                self.server.run("sleep", "0.01")
        raise AssertionError(f"nobody listens on {address}:{port}")


class KernelNat:
    """The kernel in the gateway's place: what Lanyard is measured against, and a check that the
    tests themselves are right.

        guest(s) eth0 --- br8 (.2) "host", nft masquerade --- up0
    """

    def __init__(self, network, mtu=1500):
        self.host = network.host
        self.mtu = mtu
        self.host.sysctl("net.ipv4.ip_forward", 1)
        self.host.sysctl("net.ipv6.conf.all.forwarding", 1)
        bridge(self.host, "br8", mtu=mtu)
        self.host.ip(f"address add {GATEWAY}/24 dev br8", f"address add {GATEWAY6}/64 dev br8 nodad",
                     f"route replace default via {SERVER}", f"route replace default via {SERVER6}")
        self.host.run("nft", "add table inet nat; add chain inet nat out "
                      "{ type nat hook postrouting priority 100; }; "
                      "add rule inet nat out oifname up0 masquerade")
        # Or what is out of its window (after a loss, say) is not translated back, and the host's
        # own stack answers it with RST.
        self.host.sysctl("net.netfilter.nf_conntrack_tcp_be_liberal", 1)
        self._ports = 0

    def plug(self, namespace, interface="eth0", hub=None, mtu=None, dhcp=False):
        """As Daemon.plug(); there is one hub, and no DHCP server."""
        assert not hub or hub == "hub8" and not dhcp
        end = f"g{self._ports}"
        self._ports += 1
        veth(namespace, interface, self.host, end, mtu or self.mtu)
        self.host.ip(f"link set {end} master br8")

    def close(self):
        """The host is as it was."""
        self.host.run("nft", "delete table inet nat")
        self.host.ip("link delete br8")
        self.host.sysctl("net.ipv4.ip_forward", 0)
        self.host.sysctl("net.ipv6.conf.all.forwarding", 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class BadWire:
    """A guest whose wire to the hub loses, doubles and reorders frames.

        guest eth0 ---- g1 [mangle] w2 ---- w1 br0 eth0 === lanyardd
                        '-------- "wire" namespace ----'

    The veths have no offloads, so each frame on the bad part is one MTU and has its checksum.
    """

    def __init__(self, gateway, address="192.168.120.30", address6=None, **wishes):
        self.wire = Namespace("wire")
        self.guest = Namespace("guest")
        gateway.plug(self.wire, "eth0")
        veth(self.guest, "eth0", self.wire, "g1")
        veth(self.wire, "w1", self.wire, "w2")
        for namespace, name in ((self.guest, "eth0"), (self.wire, "g1"), (self.wire, "w1"),
                                (self.wire, "w2")):
            namespace.offloads_off(name)
            namespace.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", int(namespace is self.wire))
        bridge(self.wire, "br0", "eth0", "w1")
        self.process = self.wire.start(compiled("tests/support/mangle.c"), "w2", "g1",
                                       *(f"{name}={value}" for name, value in wishes.items()))
        self.process.wait_for_output("seed=")
        configure(self.guest, "eth0", address, address6)

    def __enter__(self):
        return self.guest

    def __exit__(self, *_):
        self.process.stop()
        print("mangle:", self.process.stdout.replace("\n", " "))
        self.guest.close()
        self.wire.close()

