# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest in a namespace behind QEMU's stream protocol, as a VM is: it lives on while daemons come and
go, and can be taken from one to another."""
import contextlib
import fcntl
import os
import select
import socket
import struct
import threading
import time

from support.lan import ROUTER
from support.namespace import Namespace

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 0x0002, 0x1000


class StreamGuest(Namespace):
    def __init__(self, path, address, address6=None, label="vm"):
        super().__init__(label)
        self.address, self.address6 = address, address6
        self._path = path
        self._stop_end, self._stop = socket.socketpair()
        with self.entered():
            self._tap = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self._tap, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI))
        self.ip("link set eth0 up", f"address add {address}/24 dev eth0",
                f"route add default via {ROUTER}",
                *([f"address add {address6}/64 dev eth0 nodad"] if address6 else []))
        self.hardware = self.mac("eth0")
        self._socket = None
        self._connect()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self):
        if self._thread:
            self._stop.close()
            self._thread.join()
            self._thread = None
            os.close(self._tap)
            self._stop_end.close()
        super().close()

    def move(self, path):
        """To another daemon, without a word to anybody."""
        self._path = path
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _connect(self):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(self._path)
        self._buffer = b""

    def _connect_again(self):
        """False: it is to end."""
        self._socket.close()
        while not select.select([self._stop_end], [], [], 0)[0]:
            try:
                self._connect()
                return True
            except OSError:
                time.sleep(0.05)
        return False

    def _carry(self):
        while True:
            ready = select.select([self._stop_end, self._tap, self._socket], [], [])[0]
            if self._stop_end in ready:
                break
            try:
                if self._tap in ready:
                    frame = os.read(self._tap, 70000)
                    self._socket.sendall(struct.pack("!I", len(frame)) + frame)
                if self._socket in ready:
                    self._read()
            except ConnectionError:
                if not self._connect_again():
                    break
        self._socket.close()

    def _read(self):
        more = self._socket.recv(1 << 18)
        if not more:
            raise ConnectionError
        self._buffer += more
        while len(self._buffer) >= 4:
            end = 4 + struct.unpack_from("!I", self._buffer)[0]
            if len(self._buffer) < end:
                break
            with contextlib.suppress(OSError):
                os.write(self._tap, self._buffer[4:end])
            self._buffer = self._buffer[end:]
