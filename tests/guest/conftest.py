# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests with virtual machines share; the rest is in support/fixtures.py."""
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.fixtures import *  # noqa: E402, F401, F403  pylint: disable=wildcard-import
from support import image  # noqa: E402
from support.lab import Lab  # noqa: E402
from support.machine import QEMU  # noqa: E402


def pytest_collection_modifyitems(items):
    """One reason for all of them, where there is no VM to be had."""
    missing = [name for name, is_there in (
        ("qemu-system-x86", shutil.which(QEMU)),
        ("ipxe-qemu", pathlib.Path("/usr/lib/ipxe/qemu/pxe-virtio.rom").exists()),
        (image.PACKAGE, image.is_installed())) if not is_there]
    if missing:
        mark = pytest.mark.skip(f"tests/guest needs: apt-get install {' '.join(missing)}")
        for item in items:
            item.add_marker(mark)


@pytest.fixture(scope="module")
def lab():
    with Lab() as made:
        yield made
