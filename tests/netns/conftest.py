# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixtures are in support/fixtures.py."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.fixtures import *  # noqa: E402, F401, F403  pylint: disable=wildcard-import
