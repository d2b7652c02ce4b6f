# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces as objects: programs and sockets inside, wires between, nothing left behind.

Names hold the pid of the process that made them, so a later run can tell what a crashed one left.
"""
import atexit
import contextlib
import ctypes
import fcntl
import itertools
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

CLONE_NEWNET = 0x40000000
PREFIX = "ly"
_libc = ctypes.CDLL(None, use_errno=True)
_alive = []
_counter = itertools.count()


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _allow_cubic():
    """A namespace may only choose what the machine allows; this changes nobody's default."""
    path = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
    with open(path, encoding="ascii") as file:
        allowed = file.read().split()
    if "cubic" not in allowed:
        with open(path, "w", encoding="ascii") as file:
            file.write(" ".join([*allowed, "cubic"]))


class Process:
    """A program that runs beside the test; its output goes to files, so it never blocks on us."""

    def __init__(self, argv, **options):
        self.argv = [str(word) for word in argv]
        self._out = tempfile.TemporaryFile()
        self._err = tempfile.TemporaryFile()
        self._popen = subprocess.Popen(
            self.argv, stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=options.pop("stdout", self._out),
            stderr=self._err, **options)
        self.pid = self._popen.pid
        self.stdin = self._popen.stdin

    @staticmethod
    def _text(file):
        length = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), length, 0).decode(errors="replace")

    @property
    def stdout(self):
        return self._text(self._out)

    @property
    def stderr(self):
        return self._text(self._err)

    @property
    def returncode(self):
        return self._popen.poll()

    def wait(self, timeout=60):
        return self._popen.wait(timeout)

    def wait_for_output(self, text, timeout=10):
        """Until text appears on stdout or stderr."""
        wait_until(lambda: text in self.stdout or text in self.stderr or self.returncode is not None,
                   timeout, f"{self.argv[-1]}: no {text!r} in its output")
        assert text in self.stdout or text in self.stderr, f"{self.argv}: {self.stdout}{self.stderr}"

    def send_signal(self, number):
        if self.returncode is None:
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, grace=5):
        """Asks, waits, then insists. Returns the exit status."""
        self.send_signal(number)
        try:
            return self._popen.wait(grace)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait()


def wait_until(condition, timeout=10, message="nothing happened"):
    """condition()'s first true value, or a failed assertion after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{message} within {timeout} s"
        time.sleep(0.01)


class Namespace:
    def __init__(self, label):
        self.name = f"{PREFIX}{os.getpid()}-{next(_counter)}-{label}"
        self.path = f"/run/netns/{self.name}"
        self._processes = []
        # "ip netns exec" puts this over /etc/resolv.conf, so no DHCP client reaches the machine's.
        os.makedirs(f"/etc/netns/{self.name}", exist_ok=True)
        self.resolv_conf = f"/etc/netns/{self.name}/resolv.conf"
        with open(self.resolv_conf, "w", encoding="ascii"):
            pass
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        _alive.append(self)
        # With another congestion control as the machine's default, numbers become noise.
        _allow_cubic()
        self.sysctl("net.ipv4.tcp_congestion_control", "cubic")
        self.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.ip("link set lo up")

    def __repr__(self):
        return self.name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self not in _alive:
            return
        _alive.remove(self)
        for process in reversed(self._processes):
            process.stop()
        os.close(self._fd)
        _remove(self.name)

    # Inside it, in this process.

    @contextlib.contextmanager
    def entered(self):
        """This thread, and only this thread, is in the namespace."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(self._fd)
            try:
                yield self
            finally:
                _setns(before)
        finally:
            os.close(before)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        with self.entered():
            sock = socket.socket(family, kind, protocol)
        sock.settimeout(10)
        return sock

    def listen(self, address, port=0, backlog=1024):
        """A listening TCP socket; its port is in getsockname()[1]."""
        sock = self.socket(_family(address))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(backlog)
        return sock

    def connect(self, address, port, timeout=10):
        sock = self.socket(_family(address))
        sock.settimeout(timeout)
        try:
            sock.connect((address, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def udp(self, address=None, port=0):
        sock = self.socket(_family(address or "0.0.0.0"), socket.SOCK_DGRAM)
        if address:
            sock.bind((address, port))
        return sock

    def packet(self, interface, protocol=0x0003):
        """A raw socket that sends and sees whole frames on an interface."""
        with self.entered():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
            sock.bind((interface, protocol))
        sock.settimeout(10)
        return sock

    def sysctl(self, name, value=None):
        """Sets it, or tells it."""
        path = "/proc/sys/" + name.replace(".", "/")
        with self.entered():
            if value is None:
                with open(path, encoding="ascii") as file:
                    return file.read().strip()
            with open(path, "w", encoding="ascii") as file:
                file.write(str(value))
        return None

    # Inside it, in another process.

    def command(self, argv):
        return ["ip", "netns", "exec", self.name, *map(str, argv)]

    def run(self, *argv, check=True, timeout=60, **options):
        """Runs to its end; the result has .stdout, .stderr and .returncode."""
        done = subprocess.run(self.command(argv), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL if "input" not in options else None,
                              check=False, **options)
        assert not check or done.returncode == 0, (
            f"{' '.join(map(str, argv))} in {self.name}: exit {done.returncode}\n"
            f"{done.stdout}{done.stderr}")
        return done

    def start(self, *argv, **options):
        """Runs beside the test until it is stopped or the namespace goes."""
        process = Process(self.command(argv), **options)
        self._processes.append(process)
        return process

    def ip(self, *lines):
        """ip(8) commands, in order, without the word ip."""
        done = subprocess.run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(lines),
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"ip in {self.name}: {lines}\n{done.stderr}"

    def ip_json(self, *words):
        done = subprocess.run(["ip", "-n", self.name, "-json", *words], capture_output=True,
                              text=True, check=True)
        return json.loads(done.stdout or "[]")

    def addresses(self, interface, family="inet"):
        """Of global scope, as text."""
        found = self.ip_json("address", "show", "dev", interface)
        return [info["local"] for link in found for info in link.get("addr_info", [])
                if info["family"] == family and info["scope"] == "global"]

    def mac(self, interface):
        return self.ip_json("link", "show", "dev", interface)[0]["address"]

    def interfaces(self):
        return [link["ifname"] for link in self.ip_json("link", "show")]

    def offloads_off(self, interface):
        """Frames on the interface are then as on a wire: one MTU each, checksums filled in."""
        with self.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for ethtool_set in (0x1f, 0x24, 0x2c, 0x17):  # TSO, GSO, GRO, TX checksums
                value = ctypes.create_string_buffer(struct.pack("II", ethtool_set, 0))
                request = struct.pack("16sP8x", interface.encode(), ctypes.addressof(value))
                fcntl.ioctl(sock, 0x8946, request)  # SIOCETHTOOL


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def veth(a, name_a, b, name_b, mtu=1500):
    """A wire between two namespaces, both ends up."""
    a.ip(f"link add {name_a} mtu {mtu} txqueuelen 10000 type veth "
         f"peer name {name_b} mtu {mtu} netns {b.name}",
         f"link set {name_a} up")
    b.ip(f"link set {name_b} txqueuelen 10000 up")


def bridge(namespace, name, *members, mtu=1500):
    namespace.ip(f"link add {name} mtu {mtu} type bridge forward_delay 0 mcast_snooping 0",
                 *(f"link set {member} master {name} up" for member in members),
                 f"link set {name} up")
    # A bridge only: its frames do not go through the IP packet filter as well.
    for family in ("iptables", "ip6tables", "arptables"):
        with contextlib.suppress(FileNotFoundError):
            namespace.sysctl(f"net.bridge.bridge-nf-call-{family}", 0)


def _remove(name):
    subprocess.run(["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)
    with contextlib.suppress(OSError):
        os.rmdir("/etc/netns")  # ours if nothing else is in it


def remove_all():
    for namespace in reversed(list(_alive)):
        namespace.close()


def remove_leftovers():
    """Namespaces, and what still runs in them, of earlier runs that were killed."""
    names = set()
    for folder in ("/run/netns", "/etc/netns"):
        with contextlib.suppress(FileNotFoundError):
            names.update(os.listdir(folder))
    for name in sorted(names):
        match = re.match(PREFIX + r"(\d+)-", name)
        if not match or os.path.exists(f"/proc/{match.group(1)}"):
            continue
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True,
                              check=False).stdout.split()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _remove(name)


atexit.register(remove_all)
