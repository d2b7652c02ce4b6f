# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests on a LAN with MAC addresses of their own.
What each test does is in support/lan_suite.py.
"""
import pytest

from support.lan_suite import LanSuite, World


@pytest.fixture(scope="module")
def world():
    with World("transparent") as made:
        yield made


class TestTransparent(LanSuite):
    pass
