# SPDX-License-Identifier: GPL-2.0-or-later
"""The network stack of UEFI, as OVMF has it: a DHCP client, TCP and HTTP of their own, which neither
Linux nor iPXE share. Its shell gets an address, pings the gateway and fetches through the NAT.

    VM OVMF's shell === hub8 [nat] [dhcp] lanyardd --- "server" web.example
"""
import hashlib
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from support.fixtures import SOAK
from support.lab import KINDS, ROUTER, WEB
from support.machine import QEMU, read_console
from support.namespace import Process, wait_until

FIRMWARE = pathlib.Path("/usr/share/OVMF")
CARDS = [(kind, "virtio") for kind in KINDS] + [("dgram", "e1000")] if SOAK else [("stream", "virtio")]
SCRIPT = f"""\
@echo -off
connect -r
ifconfig -s eth0 dhcp
for %n in 1 2 3 4 5 6 7 8 9
  stall 1000000
  ping -n 1 {ROUTER}
  if %lasterror% == 0 then
    goto up
  endif
endfor
:up
ifconfig -l eth0
fs0:
http {WEB}/blob blob
echo ALL DONE
"""


class Shell:
    """OVMF's, with a script and a disk; what its serial line said is the transcript."""

    def __init__(self, lab, kind, card):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="lanyard-uefi-"))
        self.disk = self._folder / "disk"
        self._line = self._folder / "line"
        script = self._folder / "startup.nsh"
        script.write_text(SCRIPT.replace("\n", "\r\n"), encoding="ascii")
        shutil.copy(FIRMWARE / "OVMF_VARS.fd", self._folder / "variables")
        with self.disk.open("wb") as disk:
            disk.truncate(64 << 20)
        run("mkfs.vfat", "-F", "16", self.disk)
        run("mcopy", "-i", self.disk, script, "::/")
        self.process = Process(lab.host.command([
            "setpriv", "--pdeathsig", "KILL", QEMU, "-accel", "tcg", "-nodefaults", "-display", "none",
            "-machine", "q35", "-m", "256", "-no-reboot", "-serial", f"file:{self._line}",
            "-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}/OVMF_CODE.fd",
            "-drive", f"if=pflash,format=raw,file={self._folder}/variables",
            "-drive", f"file={self.disk},format=raw,if=none,id=disk",
            "-device", "ide-hd,drive=disk,bootindex=0", *lab.qemu_arguments(kind, card, 256)]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def transcript(self):
        return re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]", "", read_console(self._line))

    def file(self, name):
        run("mcopy", "-o", "-i", self.disk, f"::/{name}", self._folder / name)
        return (self._folder / name).read_bytes()


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("kind, card", CARDS)
def test_fetch(lab, kind, card):
    wanted = lab.blob()
    with Shell(lab, kind, card) as shell:
        wait_until(lambda: "ALL DONE" in shell.transcript or shell.process.returncode is not None, 180,
                   "the script does not end")
        said = shell.transcript
        assert "1 packets transmitted, 1 received" in said, said
        address = re.search(r"ipv4 address *: ([0-9.]+)", said)
        assert address and address[1] in [lease["ip"] for lease in lab.leases()], said
        assert hashlib.sha256(shell.file("blob")).hexdigest() == wanted, said
