# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/virtual-machines.md, as it stands there.

    QEMU by hand               ===.
    QEMU by libvirt            ===|  hub8 lanyardd --user "host" --- "server" web.example
    a namespace of the user's  ==='

    systemd-nspawn             ===   hub8 lanyardd, root's
"""
import contextlib
import os
import pathlib
import re
import shlex
import shutil
import socket
import tempfile

import pytest

from support import image
from support.daemon import BUILD, NOBODY
from support.lab import Lab, Outside, WEB, download
from support.machine import COMMAND_LINE, boot_kernel, qemu, read_console
from support.namespace import Process, wait_until
from support.shell import Shell
from support.topology import SERVER

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "virtual-machines.md"
MEMORY = 160


def recipes(language):
    """The blocks of a language that the page has."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


class User:
    """Somebody without privileges, with a home that goes with the test."""

    def __init__(self, host):
        self.host = host
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="lanyard-user-"))
        self.runtime = self.home / "run"
        self.environment = {
            "HOME": self.home, "XDG_RUNTIME_DIR": self.runtime, "PATH": f"{BUILD}:{os.defpath}:/usr/sbin",
            **{f"XDG_{name}_HOME": self.home / name.lower()
               for name in ("CONFIG", "STATE", "CACHE", "DATA")}}
        for path in (self.home, *(path for path in self.environment.values()
                                  if str(path).startswith(f"{self.home}/"))):
            path.mkdir(exist_ok=True)
            os.chown(path, NOBODY, NOBODY)
        self._running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self._running):
            process.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def command(self, *argv):
        return self.host.command([
            "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig",
            "KILL", "env", *(f"{name}={value}" for name, value in self.environment.items()), *argv])

    def start(self, *argv, **options):
        process = Process(self.command(*argv), cwd=self.home, **options)
        self._running.append(process)
        return process

    def start_server(self, path, *argv):
        """One that listens on a socket in $XDG_RUNTIME_DIR."""
        process = self.start(*argv)
        wait_until(lambda: (self.runtime / path).exists() or process.returncode is not None, 20,
                   f"{argv}: no {path}")
        assert process.returncode is None, process.stderr

    def run(self, *argv, timeout=60):
        process = self.start(*argv)
        status = process.wait(timeout)
        assert not status, f"{argv}: exit {status}\n{process.stdout}{process.stderr}"
        return process.stdout

    def own(self, path, name):
        """A copy of a file, in the home."""
        shutil.copy(path, self.home / name)
        os.chown(self.home / name, NOBODY, NOBODY)
        return self.home / name


@pytest.fixture(scope="module")
def outside():
    with Outside() as made:
        pathlib.Path(made.host.resolv_conf).write_text(f"nameserver {SERVER}\n", encoding="ascii")
        yield made


@pytest.fixture
def user(outside):
    with User(outside.host) as made:
        made.start_server("lanyard/api.sock", "lanyardd", "--user")
        yield made


def test_ordinary_user(outside, user):
    assert "hub8" in user.run("lanyard", "show")
    line = next(block for block in recipes("sh") if "qemu-args" in block)
    mine = shlex.join([*qemu(user.home / "console", MEMORY), "-serial", "stdio", *boot_kernel()])
    assert line.count("qemu-system-x86_64 -m 512 -nographic disk.qcow2") == 1
    line = line.replace("qemu-system-x86_64 -m 512 -nographic disk.qcow2", mine.replace('"', '\\"'))
    ours, theirs = socket.socketpair()
    with theirs, ours:
        user.own(image.small_kernel(), "kernel")
        user.own(image.small_initrd(), "initrd")
        line = line.replace(str(image.small_kernel()), "kernel")
        line = line.replace(str(image.small_initrd()), "initrd")
        machine = Shell("user's", ours)
        process = user.start("sh", "-c", line, stdin=theirs, stdout=theirs)
        try:
            machine.wait_ready()
        except (AssertionError, OSError):
            pytest.fail(f"{line}\n{process.stderr}{read_console(user.home / 'console')}")
        assert machine.lease()["ip"].startswith("192.168.120.")
        expected = outside.blob()
        assert download(machine) == expected


def test_container_of_a_user(outside, user):
    line = next(block for block in recipes("sh") if "unshare" in block).splitlines()[0]
    inside = user.start("sh", "-c", "exec " + line)
    pid = wait_until(lambda: inside.stdout.strip() or inside.returncode is not None, 10)
    assert inside.returncode is None and pid.isdigit(), inside.stderr
    said = user.run("lanyard", "attach", "hub8", "--netns", pid)
    assert re.fullmatch(r"hub8\.\d+ 192\.168\.120\.\d+\n", said), said
    assert user.run("nsenter", "--target", pid, "--user", "--net", "--preserve-credentials",
                    "curl", "--silent", f"http://{SERVER}/hello") == "hello\n"


@pytest.mark.skipif(not shutil.which("systemd-nspawn"), reason="systemd-container is not there")
def test_nspawn(tmp_path):
    with Lab() as lab:
        image.unpack(tmp_path)
        (tmp_path / "etc" / "os-release").touch()
        (tmp_path / "etc" / "resolv.conf").write_text("nameserver 192.168.120.2\n",
                                                      encoding="ascii")
        # Not from within "ip netns exec", which hides the cgroups; its network is its own anyway.
        # Without systemd as this machine's first process there is no machinectl to ask.
        container = Process([
            "setpriv", "--pdeathsig", "TERM", "systemd-nspawn", f"--directory={tmp_path}",
            "--private-network", "--register=no", "--keep-unit", "--console=pipe", "--as-pid2",
            "/bin/busybox", "sleep", "1000"])
        try:
            leader = wait_until(lambda: leader_of(container), 20, container.stderr)
            said = lab.daemon.lanyard("attach", "hub8", "--netns", leader).stdout
            assert re.fullmatch(r"hub8\.\d+ 192\.168\.120\.\d+\n", said), said
            assert lab.host.run("nsenter", "--target", leader, "--all", "/bin/busybox", "wget",
                                "-q", "-O", "-", f"{WEB}/hello").stdout == "hello\n"
        finally:
            container.stop()


def children(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return []


def leader_of(container):
    """The process that the container was started for."""
    ours = [container.pid]
    while ours:
        pid = ours.pop()
        with contextlib.suppress(OSError):
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            if command.startswith(b"/bin/busybox"):
                return pid
        ours += children(pid)
    return None


DOMAIN = """\
<domain type='qemu'>
  <name>guest</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  {memory_backing}
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{home}/kernel</kernel>
    <initrd>{home}/initrd</initrd>
    <cmdline>{command_line}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <serial type='file'><source path='{home}/console'/></serial>
    <serial type='unix'><source mode='bind' path='{home}/line'/><target port='1'/></serial>
    {interface}
  </devices>
</domain>
"""


@pytest.mark.skipif(not shutil.which("libvirtd"), reason="libvirt-daemon is not there")
def test_libvirt(outside, user):
    """qemu:///session of somebody who has a lanyardd --user."""
    entrance = user.run("lanyard", "plug", "hub8", "vhost-user")
    interface, memory_backing = recipes("xml")
    interface = interface.replace("/run/lanyard/", f"{user.runtime}/lanyard/")
    user.own(image.small_kernel(), "kernel")
    user.own(image.small_initrd(), "initrd")
    # pci=nomsi: without KVM, QEMU 7.2 follows a NULL pointer when a vhost-user card's MSI-X is on.
    (user.home / "guest.xml").write_text(DOMAIN.format(
        memory=MEMORY, memory_backing=memory_backing, interface=interface, home=user.home,
        command_line=f"{COMMAND_LINE} pci=nomsi"), encoding="ascii")
    settings = user.home / "config" / "libvirt"
    settings.mkdir()
    (settings / "qemu.conf").write_text('stdio_handler = "file"\n', encoding="ascii")
    os.chown(settings, NOBODY, NOBODY)
    user.start_server("libvirt/libvirt-sock", "libvirtd")
    virsh = ("virsh", "--quiet", "--connect", "qemu:///session")
    user.run(*virsh, "create", "guest.xml")
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(user.home / "line"))
            machine = Shell("libvirt's", line)
            machine.wait_ready()
            assert machine.lease()["ip"].startswith("192.168.120."), entrance
            expected = outside.blob()
            assert download(machine) == expected
    finally:
        user.run(*virsh, "destroy", "guest")
