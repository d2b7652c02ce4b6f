# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that speaks QEMU's stream protocol and connects again when the connection is lost, as
QEMU does from version 8 on (reconnect=) and Debian 12's does not."""
import contextlib
import os
import socket
import struct
import time

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

BROADCAST = "ff:ff:ff:ff:ff:ff"
_HEAD = struct.Struct("!I")


class StreamClient:
    def __init__(self, path, mac=None):
        self.path = path
        self.mac = mac or "52:54:00:" + os.urandom(3).hex(":")
        self.address = None
        self.connections = 0
        self._socket = None
        self._buffer = b""
        self._connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _connect(self, timeout=20):
        """Once, or for as long as nobody answers."""
        end = time.monotonic() + timeout
        while True:
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.connect(self.path)
                break
            except OSError:
                self._socket.close()
                assert time.monotonic() < end, f"nobody at {self.path} within {timeout} s"
                time.sleep(0.1)
        self._buffer = b""
        self.connections += 1

    def send(self, frame):
        """A frame that meets a connection just lost is lost, as on a wire."""
        data = bytes(frame)
        try:
            self._socket.sendall(_HEAD.pack(len(data)) + data)
        except OSError:
            self._socket.close()
            self._connect()

    def receive(self, timeout):
        """The next frame, parsed; None when none came."""
        end = time.monotonic() + timeout
        while True:
            if len(self._buffer) >= _HEAD.size:
                length = _HEAD.unpack_from(self._buffer)[0] + _HEAD.size
                if len(self._buffer) >= length:
                    frame, self._buffer = self._buffer[_HEAD.size:length], self._buffer[length:]
                    return Ether(frame)
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            more = b""
            with contextlib.suppress(ConnectionError):
                try:
                    more = self._socket.recv(65536)
                except TimeoutError:
                    return None
            if more:
                self._buffer += more
            else:
                self._socket.close()
                self._connect()

    def wait_for(self, wanted, timeout=5):
        """The first frame that is wanted(); None when none came."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            frame = self.receive(left)
            if frame is not None and wanted(frame):
                return frame
        return None

    # DHCP.

    def _ask(self, kind, ip="0.0.0.0", **options):
        number = struct.unpack("!I", os.urandom(4))[0]
        message = (Ether(src=self.mac, dst=BROADCAST) / IP(src=ip, dst="255.255.255.255") /
                   UDP(sport=68, dport=67) /
                   BOOTP(xid=number, ciaddr=ip, chaddr=bytes.fromhex(self.mac.replace(":", ""))) /
                   DHCP(options=[("message-type", kind), *options.items(), "end"]))
        for _ in range(5):
            self.send(message)
            answer = self.wait_for(lambda frame: BOOTP in frame and frame[BOOTP].op == 2 and
                                   frame[BOOTP].xid == number, 2)
            if answer is not None:
                return answer[BOOTP].yiaddr, dict(option for option in answer[DHCP].options
                                                  if isinstance(option, tuple))
        raise AssertionError(f"no answer to a DHCP {kind}")

    def lease(self):
        """From nothing to an address."""
        offered, told = self._ask("discover")
        self.address, told = self._ask("request", requested_addr=offered,
                                       server_id=told["server_id"])
        assert told["message-type"] == 5 and self.address == offered, told
        return self.address

    def renew(self):
        """Again what it has: true when it may keep it."""
        address, told = self._ask("request", ip=self.address)
        return told["message-type"] == 5 and address == self.address
