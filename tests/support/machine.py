# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine: QEMU, with its processor emulated, that runs a kernel of Debian's."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import tempfile
import time

from support import image
from support.namespace import Process, wait_until

QEMU = "qemu-system-x86_64"
CARDS = {"virtio": "virtio-net-pci", "e1000": "e1000", "rtl8139": "rtl8139"}

alive = []  # for fixtures.py, which prints their consoles when a test fails


class Machine:
    """Runs in a namespace with these QEMU arguments for its network.

        ttyS0   BIOS, boot ROM and kernel write here: console
        ttyS1   guest-init takes commands here: run(), start()

    boot: "kernel": straight into ours; "network": what its card's boot ROM finds.
    mac: of its first card.
    """

    def __init__(self, namespace, *network, boot="kernel", memory=160, label="machine"):
        self.label = label
        self.mac = (re.search(r"mac=([0-9a-f:]{17})", " ".join(network)) or [None, None])[1]
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="lanyard-machine-"))
        self._console = self._folder / "console"
        self._heard = b""
        self._count = 0
        self._answers = {}
        self._line, theirs = socket.socketpair()
        with theirs:
            self.process = Process(namespace.command([
                # Whatever becomes of us, it goes too.
                "setpriv", "--pdeathsig", "KILL",
                QEMU, "-name", label, "-accel", "tcg", "-nodefaults", "-display", "none",
                "-machine", "pc,graphics=off", "-m", str(memory), "-no-reboot",
                "-serial", f"file:{self._console}", "-serial", "stdio",
                *(_boot_kernel() if boot == "kernel" else ["-boot", "n"]), *network]),
                stdin=theirs, stdout=theirs)
        alive.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return self.label

    def close(self):
        self.process.stop(signal.SIGKILL)
        self._line.close()
        if self in alive:
            alive.remove(self)
        shutil.rmtree(self._folder, ignore_errors=True)

    # The console.

    @property
    def console(self):
        """What BIOS and kernel have said."""
        with contextlib.suppress(FileNotFoundError):
            return self._console.read_text(encoding="utf-8", errors="replace")
        return ""

    def wait_for_console(self, text, timeout=60):
        wait_until(lambda: text in self.console or self.process.returncode is not None, timeout,
                   f"{self}: no {text!r} on the console")
        assert text in self.console, f"{self} has ended: {self.report()}"

    def report(self):
        """For a test that failed."""
        return (f"QEMU: {' '.join(self.process.argv)}\n{self.process.stderr}\n"
                f"console:\n{self.console[-4000:]}\n"
                f"second line:\n{self._heard.decode(errors='replace')[-4000:]}")

    # Commands.

    def wait_ready(self, timeout=60):
        """Until guest-init takes commands."""
        self._answer(0, timeout)
        return self

    def start(self, command):
        """Says a line of shell; the machine does one after the other. For finish()."""
        self._count += 1
        self._line.settimeout(10)
        self._line.sendall(f"{self._count} {command}\n".encode())
        return self._count

    def finish(self, number, timeout=60, check=True):
        """The output of a line that was said."""
        status, output = self._answer(number, timeout)
        assert not check or not status, f"{self}: line {number}: exit {status}\n{output}"
        return output

    def run(self, command, timeout=60, check=True):
        """A line of shell inside: its output."""
        return self.finish(self.start(command), timeout, check)

    def succeeds(self, command, timeout=60):
        return self._answer(self.start(command), timeout)[0] == 0

    def _answer(self, number, timeout):
        end = time.monotonic() + timeout
        while number not in self._answers:
            left = end - time.monotonic()
            assert left > 0, f"{self}: no answer within {timeout} s to line {number}"
            self._line.settimeout(left)
            with contextlib.suppress(TimeoutError):
                more = self._line.recv(65536)
                assert more, f"{self} has ended: {self.report()}"
                self._heard += more
                self._sort()
        return self._answers.pop(number)

    def _sort(self):
        """What was heard, into answers."""
        while match := re.search(rb"(?:^|\n)END (\d+) (\d+)\r?\n", self._heard):
            output = self._heard[:match.start()].decode(errors="replace").replace("\r", "")
            self._answers[int(match[1])] = (int(match[2]), output.strip("\n"))
            self._heard = self._heard[match.end():]

    # What guests do.

    def lease(self, interface="eth0", timeout=60):
        """Asks for an address by DHCP and keeps a client that renews it: what it was told."""
        self.run(f"udhcpc -i {interface} -s /run/lease -p /run/udhcpc.pid -t 20 -T 1 >/dev/ttyS0 2>&1",
                 timeout)
        return self.leases()[-1]

    def leases(self):
        """What the client was told so far: each a dictionary, "event" being bound or renew."""
        lines = self.run("cat /run/leases").splitlines()
        return [{"event": line.split()[0], **dict(re.findall(r"(\w+)=(\S*)", line))}
                for line in lines]


def _boot_kernel():
    return ["-kernel", str(image.small_kernel()), "-initrd", str(image.small_initrd()),
            "-append", "console=ttyS0 quiet panic=-1 rdinit=/guest-init"]
