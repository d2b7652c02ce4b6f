# SPDX-License-Identifier: GPL-2.0-or-later
"""A hub for virtual machines, and what they look for outside.

    VMs ===.
           hub8 [nat .2] [dhcp .254] lanyardd "host" --- up0 "server"   web.example: nginx
    VMs ==='                                                            a name server
"""
import hashlib
import os
import shlex

from support.daemon import BUILD
from support.machine import CARDS, Machine
from support.topology import Network, SERVER

CONFIG = """\
hubs:
  hub8:
    subnet: 192.168.120.0/24
    subnet6: fd00:8::/64
    ports:
      - {kind: nat}
      - {kind: dhcp, boot-file: "http://web.example/boot.ipxe", boot-server: 192.168.120.77}
"""
KINDS = ("stream", "dgram", "vhost-user", "vde")
ROUTER, DHCP_SERVER = "192.168.120.2", "192.168.120.254"
WEB = "http://web.example"
BLOB_LEN = 20_000_000


class Outside:
    """The host's namespace and the servers, without a daemon."""

    def __init__(self):
        self.network = Network()
        self.host = self.network.host
        self.network.nginx()
        self.network.dnsmasq(f"address=/web.example/{SERVER}")
        self.web = self.network.web_root
        (self.web / "hello").write_text("hello\n", encoding="ascii")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.network.close()

    def blob(self, name="blob", length=BLOB_LEN):
        """Random bytes for the web server to offer: their SHA-256."""
        path = self.web / name
        if not path.exists():
            path.write_bytes(os.urandom(length))
        return hashlib.sha256(path.read_bytes()).hexdigest()


class Lab(Outside):
    """And a daemon."""

    def __init__(self, config=CONFIG, build=BUILD):
        super().__init__()
        self._machines = []
        try:
            self.daemon = self.network.daemon(config, build)
        except BaseException:
            super().__exit__()
            raise

    def __exit__(self, *_):
        self.end_machines()
        try:
            self.daemon.close()
        finally:
            super().__exit__()

    def end_machines(self):
        while self._machines:
            self._machines.pop().close()

    def qemu_arguments(self, kind, card="virtio", memory=160, **options):
        """What the command says to give QEMU: a list."""
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        line = self.daemon.lanyard("qemu-args", "hub8", "--kind", kind, "--model", CARDS[card],
                                   "--memory", f"{memory}M", *words).stdout
        return shlex.split(line)

    def machine(self, kind, card="virtio", memory=160, boot="kernel", label=None, **options):
        """A VM, on its way up; it ends with the lab at the latest."""
        made = Machine(self.host, *self.qemu_arguments(kind, card, memory, **options),
                       boot=boot, memory=memory, label=label or f"{kind}-{card}")
        self._machines.append(made)
        return made

    def ports(self):
        """The hub's ports as the API has them."""
        return self.daemon.request("GET", "/v1/hubs/hub8")[1]["ports"]

    def port_of(self, machine):
        """The port behind which a machine is, or None."""
        known = self.daemon.request("GET", "/v1/hubs/hub8/addresses")[1]["addresses"]
        slots = {entry["mac"]: entry["slot"] for entry in known}
        return next((port for port in self.ports() if port["slot"] == slots.get(machine.mac)), None)

    def leases(self):
        return self.daemon.request("GET", "/v1/hubs/hub8/leases")[1]["leases"]


def start_download(machine, name="blob"):
    """Fetches a file through the NAT and works out its SHA-256; for finish_download()."""
    return machine.start(f"busybox wget -q -O - {WEB}/{name} | sha256sum")


def finish_download(machine, number, timeout=120):
    return machine.finish(number, timeout).split()[0]


def download(machine, name="blob", timeout=120):
    return finish_download(machine, start_download(machine, name), timeout)
