# SPDX-License-Identifier: GPL-2.0-or-later
"""A thousand members of one relay, all in one program.

    bench/link_load --- lo --- relay
"""
import json
import os
import re
import resource

import pytest

from support.daemon import Daemon, RELEASE
from support.namespace import Namespace

MEMBERS = 1000
STORM = 5
CONFIG = f"""\
hubs:
  hub5:
    ports:
      - {{kind: link, listen: 4000, address: 127.0.0.1, storm: {STORM}}}
"""


def invitations(relay, count):
    made = []
    for number in range(count):
        status, answer = relay.request("POST", "/v1/hubs/hub5/link/invites", json.dumps(
            {"name": f"m{number}", "expires": 600}))
        assert status == 201, answer
        made.append(answer["invite"])
    return "\n".join(made) + "\n"


@pytest.mark.seconds(300)
def test_a_thousand_members():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard >= 2 * MEMBERS
    with Namespace("relay") as host:
        host.ip("link set lo up")
        with Daemon(host, CONFIG, build=RELEASE) as relay:
            text = invitations(relay, MEMBERS)
            before = relay.resident()
            load = host.run(RELEASE / "bench" / "link_load", "0", "0", input=text, timeout=200)
            assert f"enrolled {MEMBERS}" in load.stdout
            each = (relay.resident() - before) / MEMBERS
            print(load.stdout, f"{each / 1024:.1f} KiB of the relay's memory for a member")
            assert each < 32 * 1024
            ports = relay.request("GET", "/v1/hubs/hub5/ports")[1]["ports"]
            assert sum(port["kind"] == "link" for port in ports) == MEMBERS


@pytest.mark.seconds(300)
def test_broadcasts_are_capped():
    """Each of a few members says more to all than it may: what is too much stays at the relay."""
    with Namespace("relay") as host:
        host.ip("link set lo up")
        with Daemon(host, CONFIG, build=RELEASE) as relay:
            load = host.run(RELEASE / "bench" / "link_load", "4", "400", input=invitations(relay, 20),
                            timeout=200)
            sent, got = map(int, re.search(r"sent (\d+) got (\d+)", load.stdout).groups())
            assert sent > 1000
            # A second's worth at once, then the rate, for each of 20; each is heard by 19.
            assert 20 * 19 * STORM * 3 < got < 20 * 19 * STORM * 7, (sent, got, os.getpid())
            ports = relay.request("GET", "/v1/hubs/hub5/ports")[1]["ports"]
            assert sum(port["in"]["drops"].get("storm", 0) for port in ports) > 0
