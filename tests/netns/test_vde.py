# SPDX-License-Identifier: GPL-2.0-or-later
"""VDE, with the programs of Debian's vde2.

    vde_plug (pipe of frames) --- entrance "vde" === hub8 [nat .2] [dhcp .254] lanyardd
    vde_plug --- vde_switch --- a plug of ours  ===
"""
import os
import select
import shutil
import struct
import subprocess
import time

import pytest
from scapy.layers.l2 import ARP, Ether

from support.daemon import GATEWAY, NAT_CONFIG
from support.namespace import wait_until

pytestmark = pytest.mark.skipif(not shutil.which("vde_plug"), reason="vde2 is not installed")


@pytest.fixture(scope="module")
def daemon(network):
    with network.daemon(NAT_CONFIG + "      - {kind: vde}\n") as made:
        yield made


class Plug:
    """vde_plug, which speaks frames with a 2-byte length on its standard input and output."""

    def __init__(self, folder, number=1):
        self.mac, self.address = f"52:54:00:00:04:{number:02x}", f"192.168.120.{50 + number}"
        self.process = subprocess.Popen(["vde_plug", folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def send(self, frame):
        frame = bytes(frame)
        self.process.stdin.write(struct.pack(">H", len(frame)) + frame)

    def receive(self, seconds):
        end = time.monotonic() + seconds
        while len(self.buffer) < 2 or len(self.buffer) < 2 + struct.unpack(">H", self.buffer[:2])[0]:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return None
            self.buffer += more
        length = struct.unpack(">H", self.buffer[:2])[0]
        frame, self.buffer = self.buffer[2:2 + length], self.buffer[2 + length:]
        return Ether(frame)

    def ask_for(self, address, tries=10):
        for _ in range(tries):  # a plug may still be coming to terms with its switch
            self.send(Ether(src=self.mac, dst="ff:ff:ff:ff:ff:ff") /
                      ARP(op=1, hwsrc=self.mac, psrc=self.address, pdst=address))
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                frame = self.receive(end - time.monotonic())
                if frame is not None and ARP in frame and frame[ARP].psrc == address:
                    return frame.hwsrc
        raise AssertionError(f"nobody answers for {address}")


def folder_of(daemon):
    return daemon.request("GET", "/v1/hubs/hub8/ports/vde")[1]["details"]["socket"]


def clients(daemon):
    return [port for port in daemon.request("GET", "/v1/hubs/hub8/ports")[1]["ports"]
            if port["kind"] == "vde"]


def test_switch(daemon):
    with Plug(folder_of(daemon), 1) as one, Plug(folder_of(daemon), 2) as two:
        one.ask_for(GATEWAY)
        two.ask_for(GATEWAY)
        assert len(clients(daemon)) == 2
        for length in (46, 1500):
            one.send(Ether(src=one.mac, dst=two.mac) / bytes(length))
            end = time.monotonic() + 3
            while time.monotonic() < end:
                frame = two.receive(1)
                if frame is not None and frame.src == one.mac and len(frame) == 14 + length:
                    break
            else:
                raise AssertionError(f"{length} bytes did not come")
    wait_until(lambda: not clients(daemon), 5, "ports stay")


def test_plug_in_a_switch(daemon):
    """Somebody else's switch comes, goes and comes back."""
    folder = f"{daemon.folder}/theirs"
    daemon.lanyard("plug", "hub8", "vde", "name=theirs", f"connect={folder}")
    for _ in range(2):
        switch = subprocess.Popen(["vde_switch", "-s", folder], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: clients(daemon), 5, "no port")
            with Plug(folder, 3) as plug:
                plug.ask_for(GATEWAY)
        finally:
            switch.terminate()
            switch.wait()
            switch.stdin.close()
        wait_until(lambda: not clients(daemon), 5, "the port stays")
    daemon.lanyard("unplug", "theirs")


def test_nothing_is_left(daemon):
    daemon.lanyard("plug", "hub8", "vde", "name=more", f"socket={daemon.folder}/more.vde")
    with Plug(f"{daemon.folder}/more.vde", 4) as plug:
        plug.ask_for(GATEWAY)
        daemon.lanyard("unplug", "more")
        assert plug.receive(2) is None
    # What the plug itself left there is its own.
    assert not os.path.exists(f"{daemon.folder}/more.vde/ctl")


def test_bad_requests(daemon):
    """Ends the connection with a reason, and nothing else."""
    import socket
    for request in (bytes(300), b"\xce\xfa\xed\xfe", struct.pack("<III", 0xfeedface, 3, 0) + bytes(500)):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(folder_of(daemon) + "/ctl")
            sock.settimeout(8)
            sock.sendall(request)
            try:
                assert sock.recv(1000) == b""
            except ConnectionResetError:
                pass
    with Plug(folder_of(daemon), 5) as plug:
        plug.ask_for(GATEWAY)
