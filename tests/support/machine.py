# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine: QEMU, with its processor emulated, that runs a kernel of Debian's."""
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from support import image
from support.namespace import Process, wait_until
from support.shell import Shell

QEMU = "qemu-system-x86_64"
CARDS = {"virtio": "virtio-net-pci", "e1000": "e1000", "rtl8139": "rtl8139"}

alive = []  # for fixtures.py, which prints their consoles when a test fails


class Machine(Shell):
    """Runs in a namespace with these QEMU arguments for its network.

        ttyS0   BIOS, boot ROM and kernel write here: console
        ttyS1   guest-init takes commands here: run(), start()

    boot: "kernel": straight into ours; "network": what its card's boot ROM finds.
    mac: of its first card.
    """

    def __init__(self, namespace, *network, boot="kernel", memory=160, label="machine"):
        line, theirs = socket.socketpair()
        super().__init__(label, line)
        self.mac = (re.search(r"mac=([0-9a-f:]{17})", " ".join(network)) or [None, None])[1]
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="lanyard-machine-"))
        self._console = self._folder / "console"
        with theirs:
            self.process = Process(namespace.command([
                # Whatever becomes of us, it goes too.
                "setpriv", "--pdeathsig", "KILL",
                *qemu(self._console, memory, label), "-serial", "stdio",
                *(boot_kernel() if boot == "kernel" else ["-boot", "n"]), *network]),
                stdin=theirs, stdout=theirs)
        alive.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.stop(signal.SIGKILL)
        super().close()
        if self in alive:
            alive.remove(self)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def console(self):
        """What BIOS and kernel have said."""
        return read_console(self._console)

    def wait_for_console(self, text, timeout=60):
        wait_until(lambda: text in self.console or self.process.returncode is not None, timeout,
                   f"{self}: no {text!r} on the console")
        assert text in self.console, f"{self} has ended: {self.report()}"

    def report(self):
        return (f"QEMU: {' '.join(self.process.argv)}\n{self.process.stderr}\n"
                f"{self._threads()}console:\n{self.console[-4000:]}\n{super().report()}")


    def _threads(self):
        """Whether it is stuck, or spins."""
        return subprocess.run(["ps", "-L", "-o", "comm,stat,time,etime,wchan:30", "-p",
                               str(self.process.pid)], capture_output=True, text=True,
                              check=False).stdout


def read_console(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def qemu(console, memory=160, label="machine"):
    """Command and arguments but for the second serial port, what to boot, and the network."""
    return [QEMU, "-name", label, "-accel", "tcg", "-nodefaults", "-display", "none",
            "-machine", "pc,graphics=off", "-m", str(memory), "-no-reboot",
            "-serial", f"file:{console}"]


COMMAND_LINE = "console=ttyS0 quiet no_timer_check cryptomgr.notests panic=-1 rdinit=/guest-init"


def boot_kernel():
    return ["-kernel", str(image.small_kernel()), "-initrd", str(image.small_initrd()),
            "-append", COMMAND_LINE]
