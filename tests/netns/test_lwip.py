# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest with another TCP than Linux's: lwIP, as small devices have it, on the kind vm.

    lwip_cat (lwIP) --- socket --- entrance "vm" === hub8 [nat .2] lanyardd "host" --- "server" socat
"""
import hashlib
import os
import subprocess

import pytest

from support.compile import compiled
from support.daemon import GATEWAY, NAT_CONFIG
from support.namespace import wait_until
from support.topology import SERVER

PORT = 5555
WIRES = {"clean": "", "lossy": "loss 1%", "late": "delay 5ms reorder 2%", "twice": "duplicate 2%"}


@pytest.fixture(scope="module")
def cat():
    return compiled("tests/support/lwip_cat.c", "-I/usr/include/lwip", "-llwip", "-lpthread")


@pytest.mark.parametrize("wire", WIRES)
def test_both_ways(network, cat, tmp_path, wire):
    """Up, and a FIN; the server says what it got, and sends its own. Nothing else than that arrives."""
    length = 16_000_000 if wire == "clean" else 2_000_000
    up, down = os.urandom(length), os.urandom(length)
    (tmp_path / "down").write_bytes(down)
    impair = f", impair: {WIRES[wire]}" if WIRES[wire] else ""
    with network.daemon(NAT_CONFIG + f"      - {{kind: vm{impair}}}\n") as daemon:
        server = network.server.start(
            "socat", "-t", "60", f"TCP-LISTEN:{PORT},reuseaddr",
            f"SYSTEM:sha256sum | cut -c 1-64; cat {tmp_path / 'down'}")
        wait_until(lambda: f":{PORT} " in network.server.run("ss", "-Hltn").stdout)
        done = subprocess.run(
            network.host.command([cat, daemon.folder / "hub8.sock", "02:00:00:00:77:01",
                                  "192.168.120.50", GATEWAY, SERVER, PORT]),
            input=up, capture_output=True, timeout=100, check=False)
        server.stop()
        assert done.returncode == 0, done.stderr
        assert done.stdout[:65].decode() == hashlib.sha256(up).hexdigest() + "\n"
        assert hashlib.sha256(done.stdout[65:]).hexdigest() == hashlib.sha256(down).hexdigest()
