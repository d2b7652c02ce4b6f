# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands as guests (exec), and namespaces that exist (attach).

    lanyard exec -- COMMAND: eth0 ===.
                                     hub8 [nat] [dhcp] lanyardd "host" --- "server" [nginx, dnsmasq]
    lanyard attach: namespace    ===|
                                     hub1 (nothing on it)

Ordinary users are played by uid 65534 with a /dev/net/tun that anybody may open, as on most systems.
"""
import contextlib
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import tempfile
import time

import pytest

from support.daemon import BUILD, GATEWAY, NAT_CONFIG
from support.namespace import Namespace, wait_until
from support.topology import SERVER

CONFIG = NAT_CONFIG.replace("{kind: dhcp}", "{kind: dhcp, lease: 4s}") + "  hub1: {}\n"
NAME = "www.example"

# Arguments: the files' folder, then a command.
AS_USER = """
mount -t tmpfs devices "$1" && mknod "$1/tun" c 10 200 && chmod 666 "$1/tun" &&
mount --bind "$1/tun" /dev/net/tun && shift &&
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
"""


@pytest.fixture(scope="module")
def daemon(network):
    with network.daemon(CONFIG) as made:
        yield made


@pytest.fixture(scope="module")
def servers(network):
    network.web_root.mkdir(exist_ok=True)
    (network.web_root / "index.html").write_text("a page\n")
    network.nginx()
    network.dnsmasq(f"address=/{NAME}/{SERVER}")


@pytest.fixture
def his_folder():
    """A folder of the ordinary user's; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory(prefix="lanyard-test-") as folder:
        os.chown(folder, 65534, 65534)
        yield pathlib.Path(folder)


@pytest.fixture
def user(daemon, his_folder):
    """Runs the command line tool as an ordinary user in the host's namespace."""
    folder, runtime = his_folder / "dev", his_folder / "runtime"
    folder.mkdir()
    runtime.mkdir()
    os.chown(runtime, 65534, 65534)
    os.chmod(daemon.api, 0o666)
    daemon.folder.chmod(0o755)

    def run(*words, api=daemon.api, **options):
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "HOME": "/nonexistent"}
        environment.pop("LANYARD_API", None)
        if api:
            environment["LANYARD_API"] = api
        return daemon.host.run("unshare", "--mount", "sh", "-c", AS_USER, "user", folder,
                               *words, check=False, env=environment, **options)
    return run


@pytest.fixture(autouse=True)
def untouched_resolv_conf(daemon):
    """Whatever happens in here, the file of those outside is theirs."""
    with open(daemon.host.resolv_conf, "w", encoding="ascii") as file:
        file.write("nameserver 192.0.2.53\n")
    machine = open("/etc/resolv.conf", encoding="utf-8").read()
    yield
    assert open(daemon.host.resolv_conf, encoding="ascii").read() == "nameserver 192.0.2.53\n"
    assert open("/etc/resolv.conf", encoding="utf-8").read() == machine


@pytest.fixture
def start(daemon):
    """daemon.start_lanyard(), with an end that comes also when the test fails."""
    started = []

    def run(*words):
        started.append(daemon.start_lanyard(*words))
        return started[-1]
    yield run
    for process in started:
        process.stop()


def ports(daemon, hub="hub8"):
    return daemon.request("GET", f"/v1/hubs/{hub}")[1]["ports"]


def guests(daemon):
    return [port for port in ports(daemon) if port["kind"] == "netns"]


def test_everything_is_there(daemon):
    """Address, route, MTU and names, before the command starts; the machine's file is untouched."""
    done = daemon.lanyard("exec", "--", "sh", "-c",
                          "ip -json address; ip -json route; cat /etc/resolv.conf")
    addresses, routes, *resolv_conf = done.stdout.splitlines()
    links = {link["ifname"]: link for link in json.loads(addresses)}
    assert set(links) == {"lo", "eth0"}
    assert "UP" in links["lo"]["flags"] and "UP" in links["eth0"]["flags"]
    assert links["eth0"]["mtu"] == 1500
    inet = [entry for entry in links["eth0"]["addr_info"] if entry["family"] == "inet"]
    assert [entry["prefixlen"] for entry in inet] == [24]
    assert inet[0]["local"].startswith("192.168.120.")
    default = next(route for route in json.loads(routes) if route["dst"] == "default")
    assert (default["gateway"], default["dev"]) == (GATEWAY, "eth0")
    assert f"nameserver {GATEWAY}" in resolv_conf
    assert "nameserver 192.0.2.53" not in resolv_conf


def test_says_nothing_and_is_quick(daemon):
    times = []
    for _ in range(3):
        began = time.monotonic()
        done = daemon.lanyard("exec", "--", "true")
        times.append(time.monotonic() - began)
        assert (done.stdout, done.stderr) == ("", "")
    assert min(times) < 1, times
    assert guests(daemon) == []


def test_gives_its_lease_back(daemon):
    address = daemon.lanyard("exec", "--", "hostname", "-I").stdout.split()[0]

    def state():
        leases = daemon.request("GET", "/v1/hubs/hub8/leases")[1]["leases"]
        return [lease for lease in leases if lease["ip"] == address and lease["state"] == "bound"]
    wait_until(lambda: not state(), 2, f"{address} is still leased")


def test_page_by_name(daemon, servers):
    assert daemon.lanyard("exec", "--", "curl", "-sS", "-m", "10",
                          f"http://{NAME}/").stdout == "a page\n"


@pytest.mark.parametrize("command, status", [
    (["true"], 0), (["sh", "-c", "exit 42"], 42), (["sh", "-c", "kill -SEGV $$"], 128 + 11),
    (["no-such-command-here"], 127), (["/etc/passwd"], 126)])
def test_exit_status(daemon, command, status):
    assert daemon.lanyard("exec", "--no-dhcp", "--", *command, check=False).returncode == status


def test_words_of_the_command_stay(daemon):
    done = daemon.lanyard("exec", "--no-dhcp", "echo", "--json", "--", "-w", "--no-dhcp")
    assert done.stdout == "--json -- -w --no-dhcp\n"


def test_options(daemon, start):
    words = ["--name", "web", "--mac", "02:00:00:00:00:77", "--mtu", "1280"]
    running = start("exec", *words, "--", "sh", "-c",
                                   "ip -json link show eth0; exec sleep 60")
    running.wait_for_output("eth0")
    link = json.loads(running.stdout)[0]
    assert (link["address"], link["mtu"]) == ("02:00:00:00:00:77", 1280)
    port = guests(daemon)[0]
    assert (port["name"], port["mac"], port["mtu"]) == ("web", "02:00:00:00:00:77", 1280)
    leases = daemon.request("GET", "/v1/hubs/hub8/leases")[1]["leases"]
    assert ("02:00:00:00:00:77", "web") in [(one["mac"], one.get("name")) for one in leases]
    assert running.stop() == 128 + signal.SIGTERM
    assert guests(daemon) == []


def test_without_dhcp(daemon):
    """Nothing is configured, and a DHCP client of the command's own may write its resolv.conf."""
    done = daemon.lanyard("exec", "--no-dhcp", "--", "sh", "-c",
                          "ip -json address show eth0; ip route; cat /etc/resolv.conf; "
                          "echo nameserver 192.0.2.1 >/etc/resolv.conf && cat /etc/resolv.conf")
    link = json.loads(done.stdout.splitlines()[0])[0]
    assert "UP" in link["flags"]
    assert not [entry for entry in link["addr_info"] if entry["family"] == "inet"]
    assert done.stdout.splitlines()[1:] == ["nameserver 192.0.2.1"]


def test_hub_without_a_dhcp_server(daemon):
    done = daemon.lanyard("exec", "--hub", "hub1", "--", "true", check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"lanyard: hub1: no DHCP server .*--no-dhcp\n", done.stderr)
    assert ports(daemon, "hub1") == []


def test_lease_is_renewed(daemon, start):
    """The lease is 4 s; the command runs for two of them, and asks before each ends."""
    running = start("exec", "--name", "long", "--", "sleep", "60")
    wait_until(lambda: guests(daemon), 5)

    def mine():
        leases = daemon.request("GET", "/v1/hubs/hub8/leases")[1]["leases"]
        return [lease["ip"] for lease in leases
                if lease.get("name") == "long" and lease["state"] == "bound"]

    def counters():
        dhcp = next(port for port in ports(daemon) if port["kind"] == "dhcp")
        return dhcp["details"]["counters"]
    first, before = wait_until(mine, 5), counters()
    time.sleep(8)
    # A machine that stood still meanwhile has lost the lease, and its client got it again.
    assert wait_until(mine, 5) == first
    assert counters()["ack"] - before["ack"] >= 3
    assert running.stop() == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_signals_reach_the_command(daemon, start, number):
    name = signal.Signals(number).name[3:]
    running = start("exec", "--no-dhcp", "--", "sh", "-c",
                                   f"trap 'echo heard; exit 9' {name}; echo set; "
                                   "while :; do sleep 0.05; done")
    running.wait_for_output("set")
    running.send_signal(number)
    assert running.wait(5) == 9
    assert running.stdout.count("heard") == 1


def test_interrupt_of_the_terminal_comes_once(daemon):
    """The command is in the terminal's foreground: Ctrl-C reaches it without our help."""
    script = ("trap 'count=${count}x; echo interrupt $count' INT; echo set; "
              "for i in $(seq 40); do sleep 0.05; done; exit 5")
    pid, terminal = pty.fork()
    if not pid:
        os.environ["LANYARD_API"] = daemon.api
        argv = daemon.host.command([BUILD / "lanyard", "exec", "--no-dhcp", "--", "sh", "-c", script])
        os.execvp(argv[0], argv)
    said = b""

    def read_until(word):
        nonlocal said
        while word not in said:
            said += os.read(terminal, 1000)
    read_until(b"set")
    os.write(terminal, b"\x03")
    read_until(b"interrupt x")
    _, status = os.waitpid(pid, 0)
    with open(terminal, "rb", closefd=True) as rest:
        try:
            said += rest.read()
        except OSError:
            pass  # the terminal's other end is gone
    assert os.waitstatus_to_exitcode(status) == 5
    assert b"interrupt xx" not in said


def test_killed(daemon, start):
    """With SIGKILL nothing can be put in order, and nothing stays all the same."""
    running = start("exec", "--no-dhcp", "--", "sleep", "4711")
    sleeping = wait_until(lambda: subprocess.run(["pgrep", "-f", "^sleep 4711"], check=False,
                                                 capture_output=True, text=True).stdout.split(), 5)
    running.stop(signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{sleeping[0]}"), 2, "the command lives on")
    wait_until(lambda: not guests(daemon), 5, "its port is still there")


def test_ordinary_user(user, daemon, his_folder):
    """He becomes root of a user namespace, and his files are still his."""
    done = user(BUILD / "lanyard", "exec", "--", "sh", "-c",
                f"id -u; ip -json address show eth0; touch {his_folder}/file")
    assert (done.returncode, done.stderr) == (0, "")
    uid, link = done.stdout.splitlines()
    assert uid == "0"
    assert [entry for entry in json.loads(link)[0]["addr_info"] if entry["family"] == "inet"]
    assert (his_folder / "file").stat().st_uid == 65534
    assert guests(daemon) == []


def private_daemons():
    """Folders and processes of daemons that exec started by itself, for an ordinary user."""
    found = []
    for folder in pathlib.Path("/tmp").glob("lanyard-??????"):
        with contextlib.suppress(FileNotFoundError):  # it is just going
            if folder.stat().st_uid == 65534:
                found.append(folder.name)
    done = subprocess.run(["pgrep", "-u", "65534", "-f", f"^lanyardd --user|^{BUILD}/lanyard exec"],
                          check=False, capture_output=True, text=True)
    return found + done.stdout.split()


def test_private_daemon(user, servers):
    """Without a daemon one is started, with the default network, for as long as it takes."""
    began = time.monotonic()
    done = user(BUILD / "lanyard", "exec", "--", "sh", "-c", "ip route; cat /etc/resolv.conf", api=None)
    assert time.monotonic() - began < 2
    assert (done.returncode, done.stderr) == (0, "")
    assert "default via 192.168.120.2" in done.stdout
    assert private_daemons() == []


def test_private_daemon_serves_pages(user, servers):
    done = user(BUILD / "lanyard", "exec", "--", "curl", "-sS", "-m", "10", f"http://{SERVER}/",
                api=None)
    assert done.stdout == "a page\n", done.stderr


def test_private_daemon_ends_with_us(user):
    done = user("sh", "-c", f"{BUILD}/lanyard exec -- sh -c 'echo ready; exec sleep 60' & pid=$!; sleep 2; "
                "kill -KILL $pid; wait $pid", api=None)
    assert "ready" in done.stdout
    wait_until(lambda: not private_daemons(), 5, "something of the private daemon is left")


def test_a_daemon_that_was_asked_for_is_not_replaced(user, tmp_path):
    done = user(BUILD / "lanyard", "exec", "--", "true", api=str(tmp_path / "nobody.sock"))
    assert done.returncode == 3
    assert re.fullmatch(r"lanyard: .*nobody\.sock.*lanyardd.*\n", done.stderr)


RESOLV_CONFS = {
    "file": "echo nameserver 127.0.0.53 >/etc/resolv.conf",
    "linked": "echo nameserver 127.0.0.53 >/run/it; ln -sf ../run/it /etc/resolv.conf",
    "missing": "rm /etc/resolv.conf",
    "dangling": "ln -sf /run/nowhere/resolv.conf /etc/resolv.conf",
    "systemd": "mkdir -p /run/systemd/resolve; echo nameserver 127.0.0.53 >"
               "/run/systemd/resolve/stub-resolv.conf; touch /run/systemd/resolve/io.systemd.Resolve; "
               "ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf",
}
PRIVATE_ETC = """
mount -t tmpfs layer "$1" && mkdir "$1/upper" "$1/work" &&
mount -t overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" layer /etc &&
mount -t tmpfs run /run && mknod /run/tun c 10 200 && chmod 666 /run/tun &&
mount --bind /run/tun /dev/net/tun && eval "$2" && shift 2 && "$@"
"""


LOOK = "ls -l /etc/resolv.conf /run/systemd/resolve 2>&1; cat /etc/resolv.conf 2>&1"


@pytest.mark.parametrize("who", ["root", "user"])
@pytest.mark.parametrize("state", RESOLV_CONFS)
def test_any_resolv_conf_is_covered(user, daemon, tmp_path, state, who):
    """Whatever kind of file the machine has; and it still has it afterwards."""
    done = daemon.host.run(
        "unshare", "--mount", "sh", "-c", PRIVATE_ETC, "private", tmp_path, RESOLV_CONFS[state],
        *([] if who == "root" else ["setpriv", "--reuid", "65534", "--clear-groups"]), "sh", "-c", f'before=$({LOOK}); '
        f'{BUILD}/lanyard exec -- sh -c "cat /etc/resolv.conf; ls /run/systemd/resolve/; cat /etc/passwd" 2>&1; '
        f'[ "$before" = "$({LOOK})" ] && echo as before',
        env={**os.environ, "LANYARD_API": daemon.api})
    assert f"nameserver {GATEWAY}" in done.stdout
    assert "127.0.0.53" not in done.stdout
    assert "io.systemd.Resolve" not in done.stdout
    assert "root:x:0:0:" in done.stdout
    assert done.stdout.endswith("as before\n"), done.stdout


def test_attach_keeps_the_lease(daemon):
    """By name, by path and by PID; the lease of 4 s is renewed in the background."""
    with Namespace("attached") as namespace:
        sleeping = namespace.start("sleep", "60")
        said = [daemon.lanyard("attach", "hub8", "--netns", where, "--ifname", f"lan{i}").stdout
                for i, where in enumerate((namespace.name, namespace.path, sleeping.pid))]
        addresses = [namespace.addresses(f"lan{i}")[0] for i in range(3)]
        assert [line.split()[1] for line in said] == addresses
        assert len(set(addresses)) == 3
        assert {line.split()[0] for line in said} == {port["id"] for port in guests(daemon)}
        time.sleep(6)

        def all_bound():
            leases = daemon.request("GET", "/v1/hubs/hub8/leases")[1]["leases"]
            return {lease["ip"] for lease in leases if lease["state"] == "bound"} >= set(addresses)
        wait_until(all_bound, 5, "a lease ran out")


def test_attached_ports_end_with_their_namespace(daemon):
    with Namespace("ending") as namespace:
        daemon.lanyard("attach", "hub8", "--netns", namespace.path)
        renewers = renewers_of(namespace)
        assert len(renewers) == 1
        assert len(guests(daemon)) == 1
    wait_until(lambda: not guests(daemon), 5, "the port is still there")
    wait_until(lambda: not os.path.exists(f"/proc/{renewers[0]}"), 5, "somebody renews its lease")


def renewers_of(namespace):
    return subprocess.run(["pgrep", "-f", f"lanyard attach .*{namespace.name}"], check=False,
                          capture_output=True, text=True).stdout.split()


def test_unplugging_ends_the_renewal(daemon):
    with Namespace("unplugged") as namespace:
        port = daemon.lanyard("attach", "hub8", "--netns", namespace.path, "--name", "gone").stdout
        assert len(renewers_of(namespace)) == 1
        daemon.lanyard("unplug", port.split()[0])
        wait_until(lambda: not renewers_of(namespace), 5, "somebody renews its lease")
        assert "eth0" not in namespace.interfaces()


def test_attach_without_dhcp_leaves_nobody_behind(daemon):
    with Namespace("bare") as namespace:
        done = daemon.lanyard("attach", "hub1", "--netns", namespace.path, "--no-dhcp",
                              "--mac", "02:00:00:00:00:78")
        assert re.fullmatch(r"hub1\.\d+\n", done.stdout)
        assert namespace.mac("eth0") == "02:00:00:00:00:78"
        assert not renewers_of(namespace)


def test_attach_fails_whole(daemon):
    """An interface that is there already: nothing is plugged, and what is there stays."""
    with Namespace("taken") as namespace:
        namespace.ip("link add eth0 type veth peer name far0")
        done = daemon.lanyard("attach", "hub8", "--netns", namespace.path, check=False)
        assert (done.returncode, done.stderr) == (1, "lanyard: interface 'eth0' exists already\n")
        done = daemon.lanyard("attach", "hub1", "--netns", namespace.path, "--ifname", "lan0",
                              check=False)
        assert done.returncode == 1 and "DHCP" in done.stderr
        assert sorted(namespace.interfaces()) == ["eth0", "far0", "lo"]
        assert ports(daemon, "hub1") == [] and guests(daemon) == []


def test_attach_as_an_ordinary_user(user, daemon):
    """A namespace that he made, in a user namespace of his."""
    done = user("sh", "-c", "unshare --user --map-root-user --net sleep 10 & sleep 0.5; "
                f"{BUILD}/lanyard attach hub8 --netns $! && "
                "nsenter -t $! --user --preserve-credentials --net ip -json address show eth0; "
                f"{BUILD}/lanyard attach hub8 --netns 1; kill $!")
    said, link = done.stdout.splitlines()
    inet = [entry["local"] for entry in json.loads(link)[0]["addr_info"] if entry["family"] == "inet"]
    assert inet == [said.split()[1]]
    assert "process 1 needs its user" in done.stderr
    wait_until(lambda: not guests(daemon), 5)
