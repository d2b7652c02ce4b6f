# SPDX-License-Identifier: GPL-2.0-or-later
"""lanyardd in a namespace of its own, and guests plugged into it."""
import contextlib
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from support.compile import TOP
from support.namespace import Namespace, Process, wait_until

BUILD = pathlib.Path(os.environ.get("LANYARD_BUILD") or TOP / "build").resolve()
# For what is measured: the same folder, unless the tests run with a sanitizer's.
RELEASE = pathlib.Path(os.environ.get("LANYARD_RELEASE") or BUILD).resolve()

NAT_CONFIG = """\
hubs:
  hub8:
    subnet: 192.168.120.0/24
    subnet6: fd00:8::/64
    ports:
      - {kind: nat}
      - {kind: dhcp}
"""
GATEWAY = "192.168.120.2"
GATEWAY6 = "fd00:8::2"

# The daemon sees the machine's /etc through a layer of its own, so that a test may change
# resolv.conf in every way a real machine does, and nothing else notices. So are the sockets at which
# wg(8) looks: names on them are the machine's.
_PRIVATE = """
mount -t tmpfs layer "$1" && mkdir "$1/upper" "$1/work" &&
mount -t overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" layer /etc &&
cp "$2" /etc/resolv.conf &&
mkdir -p /run/wireguard && mount -t tmpfs -o mode=0700 sockets /run/wireguard &&
shift 2 && exec "$@"
"""
NOBODY = 65534

alive = []  # for fixtures.py, which prints their state when a test fails


class CommandFailed(AssertionError):
    pass


class Daemon:
    """lanyardd with a configuration text, its own API socket and state, inside a namespace."""

    def __init__(self, host, config=NAT_CONFIG, build=BUILD, resolv_conf="",
                 is_privileged=True, files_max=None):
        self.host = host
        self.build = pathlib.Path(build)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lanyard-test-"))
        self.config_file = self.folder / "lanyard.yaml"
        self.api = str(self.folder / "api.sock")
        self.state = self.folder / "state"
        self.process = None
        self.ready_seconds = None
        self.config_file.write_text(config, encoding="utf-8")
        (self.folder / "resolv.conf").write_text(resolv_conf, encoding="ascii")
        (self.folder / "etc").mkdir()
        self.state.mkdir()
        self.is_privileged = is_privileged
        self.files_max = files_max
        if not is_privileged:
            for path in (self.folder, self.state):
                os.chown(path, NOBODY, NOBODY)
        self._earlier_stderr = ""
        try:
            self.start()
        except BaseException:
            self._forget()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Its life.

    def start(self):
        """Returns when it says that it is ready; ready_seconds is how long that took."""
        notify_path = self.folder / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify_path.unlink(missing_ok=True)
            notify.bind(str(notify_path))
            notify_path.chmod(0o666)
            self.process = self._launch({"NOTIFY_SOCKET": str(notify_path)})
            if self not in alive:
                alive.append(self)
            self._await_ready(notify)

    def _launch(self, environment):
        # It must raise the soft limit by itself, as on any machine.
        def limits():
            hard = self.files_max or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
        drop = [] if self.is_privileged else [
            "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            "--inh-caps=-all", "--bounding-set=-all"]
        argv = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", _PRIVATE, "private",
                self.folder / "etc", self.folder / "resolv.conf",
                *drop, self.build / "lanyardd", "-c", self.config_file, "--api", self.api,
                "--state", self.state]
        return Process(self.host.command(argv), env={**os.environ, **environment},
                       preexec_fn=limits)

    def _await_ready(self, notify):
        """Counts from the moment the program itself was executed: the set-up before is ours."""
        binary, begin = os.path.realpath(self.build / "lanyardd"), None
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if begin is None and self._executable() == binary:
                begin = time.monotonic()
            if select.select([notify], [], [], 0.002 if begin is None else 0.1)[0]:
                if b"READY=1" in notify.recv(4096).split(b"\n"):
                    self.ready_seconds = time.monotonic() - (begin or time.monotonic())
                    return
            assert self.process.returncode is None, (
                f"lanyardd ended with {self.process.returncode}: {self.process.stderr}")
        raise AssertionError(f"lanyardd did not become ready: {self.process.stderr}")

    def _executable(self):
        try:
            return os.readlink(f"/proc/{self.pid}/exe")
        except OSError:
            return None

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        return self._earlier_stderr + self.process.stderr

    def stop(self):
        """SIGTERM; it must end by itself, with status 0, and no sanitizer may have complained."""
        where = ""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            where = self.where()
        status = self.process.stop(signal.SIGKILL)
        self._earlier_stderr += self.process.stderr
        assert status == 0, f"SIGTERM ended it with {status}: {where}{self._earlier_stderr}"
        self.check_sanitizers()

    def kill(self):
        """As the kernel's out-of-memory killer would."""
        self.process.stop(signal.SIGKILL)
        self._earlier_stderr += self.process.stderr

    def close(self):
        try:
            if self.process.returncode is None:
                self.stop()
            else:
                self.check_sanitizers()
        finally:
            self._forget()

    def _forget(self):
        if self.process:
            self.process.stop(signal.SIGKILL)
        if self in alive:
            alive.remove(self)
        shutil.rmtree(self.folder, ignore_errors=True)

    def check_sanitizers(self):
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"):
            assert mark not in self.stderr, self.stderr

    def is_running(self):
        return self.process.returncode is None

    # Talking to it.

    def lanyard(self, *words, check=True, timeout=60, **options):
        """The command line tool, in the host's namespace: .stdout, .stderr, .returncode."""
        environment = {**os.environ, "LANYARD_API": self.api, **options.pop("env", {})}
        done = self.host.run(self.build / "lanyard", *words, check=False, timeout=timeout,
                             env=environment, **options)
        if check and done.returncode:
            raise CommandFailed(f"lanyard {' '.join(map(str, words))}: exit {done.returncode}\n"
                                f"{done.stdout}{done.stderr}")
        return done

    def start_lanyard(self, *words, **options):
        """The command line tool beside the test, as a Process."""
        environment = {**os.environ, "LANYARD_API": self.api}
        return self.host.start(self.build / "lanyard", *words, env=environment, **options)

    def json(self, *words):
        return json.loads(self.lanyard(*words, "--json").stdout)

    def request(self, method, path, body=None, content_type="application/json"):
        """(status, body) of a bare HTTP request; the body is parsed where it is JSON."""
        data = body.encode() if isinstance(body, str) else body or b""
        head = (f"{method} {urllib.parse.quote(path, safe='/?=&%:')} HTTP/1.1\r\nHost: lanyard\r\n"
                f"Connection: close\r\nContent-Type: {content_type}\r\n"
                f"Content-Length: {len(data)}\r\n\r\n").encode()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(self.api)
            with contextlib.suppress(BrokenPipeError):  # it may have heard enough already
                sock.sendall(head + data)
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        head, _, text = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        if b"chunked" in head.lower():
            text = _unchunk(text)
        is_json = b"json" in head.lower()
        return status, json.loads(text) if is_json and text else text.decode()

    def plug(self, namespace, interface="eth0", hub="hub8", mtu=None, dhcp=False):
        """An interface in the namespace, plugged into a hub; without dhcp it is left bare."""
        words = ["attach", hub, "--netns", namespace.path, "--ifname", interface]
        words += [] if dhcp else ["--no-dhcp"]
        words += ["--mtu", mtu] if mtu else []
        self.lanyard(*words)

    def apply(self, config):
        self.config_file.write_text(config, encoding="utf-8")
        return self.lanyard("apply", self.config_file)

    def write_resolv_conf(self, text, by_rename=False):
        """Changes the /etc/resolv.conf that the daemon sees: in place, or as a new file."""
        path = pathlib.Path(f"/proc/{self.pid}/root/etc/resolv.conf")
        if not by_rename:
            path.write_text(text, encoding="ascii")
            return
        new = path.with_name("resolv.conf.new")
        new.write_text(text, encoding="ascii")
        # As mv would, inside the daemon's mounts: a rename cannot leave them.
        subprocess.run(["nsenter", "-t", str(self.pid), "-m", "mv", "/etc/resolv.conf.new",
                        "/etc/resolv.conf"], check=True)

    def port_of(self, guest, hub="hub8"):
        """The API's object of the port that a guest's eth0 is plugged into, as it is now."""
        mac = guest.mac("eth0")
        ports = self.request("GET", f"/v1/hubs/{hub}")[1]["ports"]
        return next(port for port in ports if port.get("mac") == mac)

    @contextlib.contextmanager
    def changed(self, guest, **settings):
        """The guest's port, by its id, with other settings for a while: impair_in="loss 1%"."""
        port = self.port_of(guest)["id"]
        keys = {key.replace("_", "-"): value for key, value in settings.items()}
        usual = {"link": "up", "isolated": "false"}
        self.lanyard("set", port, *(f"{key}={value}" for key, value in keys.items()))
        try:
            yield port
        finally:
            self.lanyard("set", port, *(f"{key}={usual.get(key, 'none')}" for key in keys))

    # What it uses.

    def _status(self, key, task=None):
        path = f"/proc/{self.pid}/status" if task is None else f"/proc/{self.pid}/task/{task}/status"
        for line in open(path, encoding="ascii"):
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise KeyError(key)

    def resident(self):
        """Bytes of memory, its own and shared."""
        return self._status("VmRSS") * 1024

    def wakeups(self):
        """How often its threads were taken off the processor because they waited."""
        return sum(self._status("voluntary_ctxt_switches", task)
                   for task in os.listdir(f"/proc/{self.pid}/task"))

    def flow_count(self, hub):
        return self.request("GET", f"/v1/hubs/{hub}/flows?limit=1")[1]["total"]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def where(self):
        """Where its threads are; with gdb installed, to the line."""
        if shutil.which("gdb"):
            return subprocess.run(["gdb", "-p", str(self.pid), "-batch", "-ex",
                                   "thread apply all backtrace"], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, check=False).stdout
        return subprocess.run(["ps", "-L", "-o", "comm,stat,time,wchan:30", "-p", str(self.pid)],
                              capture_output=True, text=True, check=False).stdout

    def report(self):
        """For a test that failed."""
        lines = [f"lanyardd {self.pid}, stderr:", self.stderr.strip()[-8000:]]
        if self.is_running():
            try:
                lines += ["lanyard show:", self.lanyard("show", check=False, timeout=10).stdout]
            except subprocess.TimeoutExpired:
                lines += ["lanyard show does not answer:", self.where()]
        else:
            lines.append(f"it has ended, with {self.process.returncode}")
        return "\n".join(lines)


def _unchunk(text):
    out = b""
    while text:
        size, _, rest = text.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if not length:
            break
        out, text = out + rest[:length], rest[length + 2:]
    return out


class Guest(Namespace):
    """A namespace with one interface, eth0, plugged into a hub.

    With an address it is given by hand, as the route through the gateway is; without one the
    guest asks the hub's DHCP server.
    """

    def __init__(self, daemon, address=None, address6=None, hub="hub8", gateway=GATEWAY,
                 gateway6=GATEWAY6, label="guest", mtu=None):
        super().__init__(label)
        by_hand = bool(address or address6)
        daemon.plug(self, "eth0", hub, mtu, dhcp=not by_hand)
        if by_hand:
            configure(self, "eth0", address, address6, gateway, gateway6)
        else:
            wait_until(lambda: self.addresses("eth0"), 10, f"{self}: no address by DHCP")
        self.address = address or self.addresses("eth0")[0]
        self.address6 = address6


def configure(namespace, interface, address=None, address6=None, gateway=GATEWAY,
              gateway6=GATEWAY6):
    """Gives an interface its addresses and routes by hand."""
    lines = [f"link set {interface} up"]
    if address:
        lines += [f"address add {address}/24 dev {interface}"]
        lines += [f"route add default via {gateway}"] if gateway else []
    if address6:
        lines += [f"address add {address6}/64 dev {interface} nodad"]
        lines += [f"route add default via {gateway6}"] if gateway6 else []
    namespace.ip(*lines)
