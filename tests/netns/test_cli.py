# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line tool by itself: help, options, files, pipes, terminals.

    lanyard --- api.sock --- lanyardd "host": hub8 [nat] [dhcp]
"""
import json
import os
import pty
import re
import shutil
import subprocess

import pytest

from support.compile import TOP
from support.daemon import BUILD, NAT_CONFIG
from support.namespace import Namespace

COMMANDS = ["show", "apply", "check", "config", "plug", "unplug", "set", "link-state", "exec",
            "attach", "leases", "flows", "addresses", "forward", "link", "capture", "watch",
            "qemu-args", "version", "help"]


def lanyard(*words, **options):
    """Without any daemon."""
    environment = {**os.environ, "LANYARD_API": "/nonexistent/api.sock"}
    return subprocess.run([BUILD / "lanyard", *words], capture_output=True, text=True, check=False,
                          env=environment, timeout=20, **options)


def ports(daemon):
    return {port["id"]: port for port in daemon.json("show", "hub8")["ports"]}


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"]])
def test_help_lists_everything(words):
    done = lanyard(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^  ([\w-]+) ", done.stdout, re.M) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_on_each(command):
    done = lanyard("help", command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"lanyard {command}")
    assert lanyard(command, "--help").stdout == done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_manual_and_completion_know_each(command):
    assert re.search(rf"^\*{command}[ *]", (TOP / "man/lanyard.1.scd").read_text(), re.M)
    assert command in (TOP / "packaging/lanyard.bash").read_text()


def complete(line, folder):
    script = (f"source {TOP}/packaging/lanyard.bash; COMP_WORDS=({line} ''); "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _lanyard; echo ${COMPREPLY[*]}")
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True,
                          env=environment).stdout.split()


def test_completion(daemon):
    assert complete("lanyard help", BUILD) == COMMANDS
    os.environ["LANYARD_API"] = daemon.api
    try:
        assert complete("lanyard leases", BUILD) == ["hub8"]
        assert complete("lanyard unplug", BUILD) == ["hub8.0", "hub8.1"]
    finally:
        del os.environ["LANYARD_API"]


def test_version_without_a_daemon():
    done = lanyard("version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"lanyard \d+\.\d+\.\d+\n", done.stdout)
    assert json.loads(lanyard("--json", "version").stdout)["version"] in done.stdout
    assert lanyard("--version").stdout == done.stdout


def test_check_needs_no_daemon(tmp_path):
    path = tmp_path / "lanyard.yaml"
    path.write_text(NAT_CONFIG)
    assert lanyard("check", path).stdout == f"{path} is good: 1 hub, 2 ports\n"
    assert json.loads(lanyard("check", "--json", path).stdout) == {"hubs": 1, "ports": 2}
    done = lanyard("check", "-", input="hubs: {hub1: {mtu: 3}}\n")
    assert done.returncode == 2
    assert done.stderr.startswith("(standard input):1:15: hubs.hub1.mtu: ")


def test_too_long_a_file(tmp_path):
    path = tmp_path / "lanyard.yaml"
    path.write_text("#" * (1 << 20) + "\n")
    done = lanyard("check", path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_options_stand_anywhere(daemon):
    expected = daemon.json("show", "hub8").keys()
    for words in (["--json", "show", "hub8"], ["show", "--json", "hub8"],
                  ["show", "--api", daemon.api, "hub8", "--json"],
                  [f"--api={daemon.api}", "show", "hub8", "--json"]):
        assert json.loads(daemon.lanyard(*words).stdout).keys() == expected


def test_apply_says_what_changed(daemon):
    more = NAT_CONFIG + "  hub3: {}\n"
    said = daemon.apply(more).stdout
    assert "hub3" in said and "hub8" not in said
    assert daemon.apply(more).stdout == "nothing to change\n"
    said = json.loads(daemon.lanyard("apply", "-", "--json", input=NAT_CONFIG).stdout)
    assert len(said["changes"]) == 1 and "hub3" in said["changes"][0]


def test_config_can_be_applied_again(daemon, tmp_path):
    path = tmp_path / "lanyard.yaml"
    path.write_text(daemon.lanyard("config").stdout)
    assert daemon.lanyard("apply", path).stdout == "nothing to change\n"
    assert "hub8" in json.loads(daemon.lanyard("config", "--json").stdout)["hubs"]


def test_plug_says_where(daemon):
    with Namespace("plugged") as namespace:
        said = daemon.lanyard("plug", "hub8", "netns", f"netns={namespace.path}", "name=one").stdout
        assert ports(daemon)[said.strip()]["name"] == "one"
        said = daemon.json("plug", "hub8", "netns", f"netns={namespace.path}", "dev=eth1")
        assert said["interface"] == "eth1" and said["id"] in ports(daemon)
        assert "one" in daemon.lanyard("show", "hub8.one").stdout
        daemon.lanyard("unplug", "one")
        daemon.lanyard("unplug", said["id"])
    assert sorted(ports(daemon)) == ["hub8.0", "hub8.1"]


def test_lists_in_settings(daemon, network):
    """A value may be a list, as in the file."""
    daemon.lanyard("unplug", "hub8.0")
    try:
        daemon.lanyard("plug", "hub8", "nat", "forwards=[tcp 127.0.0.1:7001 192.168.120.9:1, "
                       "udp 127.0.0.1:7001 192.168.120.9:1]")
        table = daemon.lanyard("forward", "list").stdout.splitlines()
        assert [line.split() for line in table[1:]] == [
            ["hub8", "tcp", "127.0.0.1:7001", "192.168.120.9:1", "1"],
            ["hub8", "udp", "127.0.0.1:7001", "192.168.120.9:1", "1"]]
        daemon.lanyard("forward", "rm", "hub8", "tcp", "127.0.0.1:7001")
        assert [one["protocol"] for one in daemon.json("forward", "list", "hub8")["forwards"]] == ["udp"]
    finally:
        daemon.lanyard("unplug", "nat0", check=False)
        daemon.apply(NAT_CONFIG)


def test_vmnet_texts(daemon):
    """All, each after its name; or one as it stands in its file."""
    files = daemon.json("show", "--vmnet")["files"]
    assert "hub8.0" in files
    userif = next(name for name in files if name.startswith("userif"))
    assert daemon.lanyard("show", "--vmnet").stdout == "".join(
        f"{name}: {text}" for name, text in files.items())
    assert daemon.lanyard("show", "--vmnet", userif).stdout == files[userif]


def test_rates_are_measured(daemon):
    assert re.search(r"in .*\([\d.]+ k?bit/s, \d+/s\); out .*/s\)", daemon.lanyard("show", "--rates").stdout)


def test_no_frames_for_a_terminal(daemon):
    pid, terminal = pty.fork()
    if not pid:
        os.environ["LANYARD_API"] = daemon.api
        os.execv(BUILD / "lanyard", ["lanyard", "capture", "hub8"])
    said = b""
    try:
        while chunk := os.read(terminal, 1000):
            said += chunk
    except OSError:
        pass  # the program has ended
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    assert re.search(rb"^lanyard: capture: .*-w FILE", said) and len(said.splitlines()) == 1


def test_what_cannot_be_written_is_a_failure(daemon):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([BUILD / "lanyard", "--api", daemon.api, "show"], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch("lanyard: standard output: .*\n", done.stderr)


def test_manual_is_well_formed():
    if not shutil.which("scdoc"):
        pytest.skip("scdoc is not installed")
    with open(TOP / "man/lanyard.1.scd", encoding="utf-8") as page:
        made = subprocess.run(["scdoc"], stdin=page, capture_output=True, text=True, check=True)
    assert ".TH" in made.stdout
