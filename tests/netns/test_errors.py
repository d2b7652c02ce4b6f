# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong is said in one line, with the promised exit status, and changes nothing.

    hub8 [nat] [dhcp] lanyardd "host", and everything anybody may type wrong
"""
import json
import os
import re
import socket

import pytest

from support.compile import TOP
from support.daemon import NAT_CONFIG

FAILED, BAD_INPUT, UNREACHABLE = 1, 2, 3
EXAMPLE = str(TOP / "packaging" / "lanyard.yaml")

# A text after "ports:" of hub8, and what is said about it.
BAD_PORTS = {
    "unknown-kind": ("- {kind: natt}", r"5:\d+: hubs\.hub8\.ports\[0\]\.kind: .*natt.*nat"),
    "unknown-key": ("- {kind: nat, forwardz: []}", r"5:\d+: hubs\.hub8\.ports\[0\].*forwardz"),
    "pool-outside": ("- kind: dhcp\n        pool: 192.168.120.9-192.168.121.9",
                     r"6:9: hubs\.hub8\.ports\[0\]\.dhcp\.pool: 192\.168\.121\.9 is outside "
                     r"192\.168\.120\.0/24"),
    "bad-mac": ("- {kind: nat, mac: 02:00:00:00:00}", r"5:\d+: hubs\.hub8\.ports\[0\].*mac: .*"),
    "group-mac": ("- {kind: nat, mac: '01:00:00:00:00:01'}", r"5:\d+: hubs\.hub8\.ports\[0\].*mac"),
    "bad-forward": ("- {kind: nat, forwards: ['tcp 1.2.3.4 5.6.7.8:9']}",
                    r"5:\d+: hubs\.hub8\.ports\[0\]\.nat\.forwards\[0\]: .*"),
    "bad-lease": ("- {kind: dhcp, lease: soon}", r"5:\d+: hubs\.hub8\.ports\[0\]\.dhcp\.lease: .*"),
    "two-nats": ("- {kind: nat}\n      - {kind: nat}", r"6:\d+: hubs\.hub8\.ports\[1\]\.nat: .*"),
    "bad-mtu": ("- {kind: nat, mtu: 12}", r"5:\d+: hubs\.hub8\.ports\[0\].*mtu: .*12.*"),
    "yaml": ("- {kind: nat", r"\d+:\d+: .*"),
}
# Whole texts.
BAD_FILES = {
    "empty-value": ("hubs: 7\n", r"1:\d+: hubs: .*"),
    "unknown-top": ("hubz: {}\n", r"1:1: hubz: .*hubs.*"),
    "bad-name": ("hubs:\n  switch1: {}\n", r"2:3: hubs\.switch1: .*"),
    "bad-subnet": ("hubs:\n  hub1: {subnet: 192.168.1.0/33}\n", r"2:\d+: hubs\.hub1\.subnet: .*/33.*"),
    "same-subnet": ("hubs:\n  hub1: {subnet: 10.1.0.0/24}\n  hub2: {subnet: 10.1.0.0/24}\n",
                    r"3:\d+: hubs\.hub2.*10\.1\.0\.0/24.*"),
    "twice": ("hubs:\n  hub1: {}\n  hub1: {}\n", r"3:\d+: hubs\.hub1.*"),
    "not-utf8": (b"hubs: \xff\xfe\n", r".*"),
    "binary": (bytes(range(256)), r".*"),
    "deep": ("hubs: " + "[" * 5000 + "\n", r".*"),
}


def snapshot(daemon):
    """All that a mistake must leave alone."""
    def steady(value):
        if isinstance(value, dict):
            return {key: steady(inner) for key, inner in value.items()
                    if key not in ("age", "in", "out", "frames", "counters", "idle")}
        return [steady(inner) for inner in value] if isinstance(value, list) else value
    return daemon.lanyard("config").stdout, steady(daemon.request("GET", "/v1/hubs")[1])


@pytest.fixture(autouse=True)
def nothing_changes(daemon):
    before = snapshot(daemon)
    yield
    assert snapshot(daemon) == before


def assert_refused(done, status, pattern):
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert re.search(pattern, lines[0]), lines[0]
    assert done.stdout == ""


def ids_and_values(*tables):
    return [pytest.param(*value, id=key) for table in tables for key, value in table.items()]


def whole(text):
    return NAT_CONFIG.split("      - {kind: nat}")[0].replace("    subnet6: fd00:8::/64\n", "") + \
        f"      {text}\n"


FILES = ids_and_values(BAD_FILES, {key: (whole(text), pattern)
                                   for key, (text, pattern) in BAD_PORTS.items()})


@pytest.mark.parametrize("command", ["check", "apply"])
@pytest.mark.parametrize("text, pattern", FILES)
def test_bad_file(daemon, text, pattern, command, tmp_path):
    path = tmp_path / "lanyard.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = daemon.lanyard(command, path, check=False)
    assert_refused(done, BAD_INPUT, f"^{re.escape(str(path))}:{pattern}")


@pytest.mark.parametrize("command", ["check", "apply"])
def test_missing_file(daemon, command):
    done = daemon.lanyard(command, "/nowhere/lanyard.yaml", check=False)
    assert done.returncode in (FAILED, BAD_INPUT)
    assert re.fullmatch(r".*/nowhere/lanyard\.yaml.*[Nn]o such file.*\n", done.stderr)


WORDS = {
    "nothing": ([], "command"),
    "unknown-command": (["shwo"], "shwo"),
    "unknown-option": (["show", "--colour"], "colour"),
    "value-missing": (["show", "--api"], "api"),
    "too-many": (["version", "extra"], "extra|no argument|too many"),
    "no-such-hub": (["show", "hub77"], "hub77"),
    "no-such-port": (["show", "hub8.77"], r"hub8\.77|77"),
    "leases-of-nothing": (["leases", "hub77"], "hub77"),
    "plug-kind": (["plug", "hub8", "natt"], "natt"),
    "plug-key": (["plug", "hub8", "netns", "colour=red"], "colour"),
    "plug-no-value": (["plug", "hub8", "netns", "netns"], "netns"),
    "plug-no-hub": (["plug", "hub77", "netns"], "hub77"),
    "unplug": (["unplug", "hub8.77"], r"hub8\.77|77"),
    "attach-no-netns": (["attach", "hub8"], "netns"),
    "attach-bad-netns": (["attach", "hub8", "--netns", "/nowhere/net"], "/nowhere/net"),
    "attach-bad-mac": (["attach", "hub8", "--netns", "1", "--mac", "zz"], "zz"),
    "attach-bad-mtu": (["attach", "hub8", "--netns", "1", "--mtu", "7"], "7"),
    "attach-bad-name": (["attach", "hub8", "--netns", "1", "--ifname", "name-far-too-long"],
                        "name-far-too-long"),
    "forward-words": (["forward", "add", "hub8", "tcp"], "forward"),
    "forward-protocol": (["forward", "add", "hub8", "sctp", "127.0.0.1:1", "192.168.120.9:1"],
                         "sctp"),
    "forward-port": (["forward", "add", "hub8", "tcp", "127.0.0.1:99999", "192.168.120.9:1"],
                     "99999"),
    "forward-outside": (["forward", "add", "hub8", "tcp", "127.0.0.1:1234", "10.9.9.9:1"],
                        r"10\.9\.9\.9"),
    "forward-ranges": (["forward", "add", "hub8", "tcp", "127.0.0.1:80-90", "192.168.120.9:80-81"],
                       "80-"),
    "forward-rm": (["forward", "rm", "hub8", "tcp", "127.0.0.1:4"], r"127\.0\.0\.1:4"),
    "capture-filter": (["capture", "hub8", "-w", "/dev/null", "not a filter"], "not a filter|filter"),
    "capture-hub": (["capture", "hub77", "-w", "/dev/null"], "hub77"),
}


@pytest.mark.parametrize("words, pattern", ids_and_values(WORDS))
def test_bad_words(daemon, words, pattern):
    assert_refused(daemon.lanyard(*words, check=False, timeout=10), BAD_INPUT,
                   rf"^lanyard: .*({pattern})")


@pytest.mark.parametrize("words", [["show"], ["leases"], ["flows", "hub8"], ["config"],
                                   ["plug", "hub8", "netns"], ["apply", EXAMPLE], ["watch"],
                                   ["attach", "hub8", "--netns", "1"], ["capture", "hub8"],
                                   ["forward", "list"]], ids=lambda words: words[0])
def test_no_daemon(daemon, words, tmp_path):
    """Exit 3, and how to start one."""
    done = daemon.lanyard(*words, "--api", tmp_path / "nobody.sock", check=False, timeout=10)
    assert_refused(done, UNREACHABLE, r"nobody\.sock.*lanyardd")


def test_forward_on_a_port_in_use(daemon, network):
    with network.host.listen("127.0.0.1") as listener:
        port = listener.getsockname()[1]
        done = daemon.lanyard("forward", "add", "hub8", "tcp", f"127.0.0.1:{port}",
                              "192.168.120.9:1", check=False)
        assert_refused(done, FAILED, rf"127\.0\.0\.1:{port}.*in use")


DAEMON_WORDS = {
    "option": (["--colour"], "colour"),
    "extra": (["extra"], "extra"),
    "config": (["-c", "/nowhere/lanyard.yaml"], "/nowhere/lanyard.yaml"),
    "value": (["--api"], "--api"),
    "long-api": (["--api", "/" + "x" * 200], "107"),
}


@pytest.mark.parametrize("words, pattern", ids_and_values(DAEMON_WORDS))
def test_bad_words_for_the_daemon(daemon, words, pattern, tmp_path):
    defaults = ["--state", tmp_path / "state", "--api", tmp_path / "api.sock"]
    done = daemon.host.run(daemon.build / "lanyardd", *defaults, *words, check=False, timeout=10)
    assert_refused(done, done.returncode, pattern)
    assert done.returncode in (FAILED, BAD_INPUT)


def test_daemon_with_a_bad_file(daemon, tmp_path):
    """The same words as from "check", from a daemon that does not start."""
    path = tmp_path / "lanyard.yaml"
    path.write_text(whole("- kind: dhcp\n        pool: 192.168.120.9-192.168.121.9"))
    done = daemon.host.run(daemon.build / "lanyardd", "-c", path, "--api", tmp_path / "api.sock",
                           "--state", tmp_path, check=False, timeout=10)
    assert done.returncode == BAD_INPUT
    assert f"{path}:6:9: hubs.hub8.ports[0].dhcp.pool: 192.168.121.9 is outside 192.168.120.0/24" \
        in done.stderr


# Bodies and paths of the API: method, path, body, the status that is right.
REQUESTS = {
    "path": ("GET", "/v1/nothing", None, 404),
    "root": ("GET", "/", None, 404),
    "hub": ("GET", "/v1/hubs/hub77", None, 404),
    "port": ("GET", "/v1/hubs/hub8/ports/77", None, 404),
    "port-number": ("GET", "/v1/hubs/hub8/ports/99999999999999999999", None, 404),
    "method": ("DELETE", "/v1/hubs", None, 405),
    "no-body": ("POST", "/v1/hubs/hub8/ports", None, 400),
    "not-json": ("POST", "/v1/hubs/hub8/ports", "{", 400),
    "not-object": ("POST", "/v1/hubs/hub8/ports", "[1]", 400),
    "no-kind": ("POST", "/v1/hubs/hub8/ports", "{}", 400),
    "bad-kind": ("POST", "/v1/hubs/hub8/ports", '{"kind": "natt"}', 400),
    "kind-type": ("POST", "/v1/hubs/hub8/ports", '{"kind": 7}', 400),
    "bad-key": ("POST", "/v1/hubs/hub8/ports", '{"kind": "netns", "colour": "red"}', 400),
    "bad-mac": ("POST", "/v1/hubs/hub8/ports", '{"kind": "netns", "mac": "zz"}', 400),
    "second-nat": ("POST", "/v1/hubs/hub8/ports", '{"kind": "nat"}', (400, 409)),
    "no-descriptor": ("POST", "/v1/hubs/hub8/ports", '{"kind": "netns", "fd": true}', 400),
    "deep": ("POST", "/v1/hubs/hub8/ports", "[" * 100000, 400),
    "nul": ("POST", "/v1/hubs/hub8/ports", b'{"kind": "ne\0tns"}', 400),
    "config": ("PUT", "/v1/config", "hubs: 7\n", 400),
    "config-check": ("POST", "/v1/config/check", "hubs: 7\n", 400),
    "forward": ("POST", "/v1/hubs/hub8/forwards", '{"forward": "tcp 1 2"}', 400),
    "forward-type": ("POST", "/v1/hubs/hub8/forwards", '{"forward": 3}', 400),
    "forward-none": ("DELETE", "/v1/hubs/hub8/forwards?protocol=tcp&outside=127.0.0.1:4", None, 404),
    "unplug": ("DELETE", "/v1/hubs/hub8/ports/77", None, 404),
    "too-long": ("PUT", "/v1/config", "#" * (2 << 20), 413),
}


@pytest.mark.parametrize("method, path, body, status", ids_and_values(REQUESTS))
def test_bad_request(daemon, method, path, body, status):
    seen, problem = daemon.request(method, path, body)
    assert seen in (status if isinstance(status, tuple) else (status,)), problem
    assert isinstance(problem, dict), problem
    assert problem["status"] == seen and problem["title"] and problem["detail"]
    assert "\n" not in problem["detail"]


@pytest.mark.parametrize("noise", [b"", b"\0" * 100, b"GET\r\n\r\n", b"\xff" * 100000,
                                   b"GET /v1/hubs HTTP/1.1\r\n" + b"a: b\r\n" * 100000,
                                   b"POST /v1/hubs/hub8/ports HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                   b"POST /v1/hubs/hub8/ports HTTP/1.1\r\nHost: x\r\n"
                                   b"Content-Length: 99\r\n\r\n{"],
                         ids=["nothing", "zeros", "short", "ff", "headers", "length", "cut"])
def test_noise_on_the_socket(daemon, noise):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(2)
        sock.connect(daemon.api)
        try:
            sock.sendall(noise)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1000)
        except OSError:
            pass
    assert daemon.request("GET", "/v1/version")[0] == 200


def test_clients_that_say_nothing_are_in_nobodys_way(daemon):
    idle = []
    try:
        for _ in range(30):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(daemon.api)
            idle.append(sock)
        assert daemon.request("GET", "/v1/version")[0] == 200
    finally:
        for sock in idle:
            sock.close()


def test_socket_is_not_for_everybody(daemon):
    assert os.stat(daemon.api).st_mode & 0o777 == 0o660


def test_openapi_knows_every_path(daemon):
    document = daemon.request("GET", "/v1/openapi.json")[1]
    assert document["openapi"].startswith("3.")
    for path in ("/v1/hubs", "/v1/hubs/{hub}", "/v1/hubs/{hub}/ports/{port}", "/v1/config",
                 "/v1/hubs/{hub}/leases", "/v1/hubs/{hub}/flows", "/v1/events"):
        assert path in document["paths"], json.dumps(document["paths"])[:500]
