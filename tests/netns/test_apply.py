# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations applied to a running daemon, restarts and crashes.

    guest (DHCP) === hub8 [nat .2] [dhcp .254] lanyardd "host" --- "server": iperf3
                     hub1 comes and goes
"""
import json
import os
import signal
import time

import pytest

from support.daemon import GATEWAY, NAT_CONFIG, CommandFailed, Guest
from support.namespace import Namespace, wait_until
from support.topology import SERVER

HUB1 = """\
  hub1:
    subnet: 192.168.56.0/24
    ports:
      - {kind: dhcp}
"""


@pytest.fixture(scope="module")
def visitor(daemon):
    """With an address by DHCP."""
    with Guest(daemon) as made:
        yield made


def hubs(daemon):
    return [hub["name"] for hub in daemon.request("GET", "/v1/hubs")[1]["hubs"]]


def ports(daemon, hub="hub8"):
    return {port["id"]: port["kind"]
            for port in daemon.request("GET", f"/v1/hubs/{hub}/ports")[1]["ports"]}


def leases(daemon):
    return {lease["ip"]: lease["mac"]
            for lease in daemon.request("GET", "/v1/hubs/hub8/leases")[1]["leases"]
            if lease["state"] == "bound"}


def can_reach_server(guest, network):
    with network.server.listen(SERVER) as listener:
        guest.connect(SERVER, listener.getsockname()[1], timeout=5).close()


@pytest.mark.parametrize("way", ["apply", "sighup"])
def test_running_transfer_does_not_notice(daemon, visitor, network, way):
    """hub1 comes and goes while iperf3 runs through hub8."""
    network.iperf3(5300 + len(way))
    before = ports(daemon), leases(daemon), visitor.ip_json("link", "show", "eth0")[0]["ifindex"]
    running = visitor.start("iperf3", "-c", SERVER, "-p", 5300 + len(way), "-t", "4", "-i", "0.5",
                            "-J")
    time.sleep(1)
    for config, wanted in ((NAT_CONFIG + HUB1, ["hub1", "hub8"]), (NAT_CONFIG, ["hub8"])):
        if way == "apply":
            daemon.apply(config)
        else:
            daemon.config_file.write_text(config, encoding="ascii")
            os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda w=wanted: sorted(hubs(daemon)) == w, 5, f"{wanted} not there")
        time.sleep(0.7)
    assert running.wait(20) == 0, running.stdout + running.stderr
    result = json.loads(running.stdout)
    assert "error" not in result
    slices = sorted(interval["sum"]["bits_per_second"] for interval in result["intervals"]
                    if interval["sum"]["seconds"] > 0.4)  # the last one may be a splinter
    assert slices[0] > 0.1 * slices[len(slices) // 2], slices
    after = ports(daemon), leases(daemon), visitor.ip_json("link", "show", "eth0")[0]["ifindex"]
    assert before == after


def test_same_file_again_changes_nothing(daemon, visitor):
    before = ports(daemon)
    daemon.apply(NAT_CONFIG)
    status, answer = daemon.request("PUT", "/v1/config", NAT_CONFIG, "application/yaml")
    assert (status, answer["changes"]) == (200, [])
    assert ports(daemon) == before


def test_config_is_a_fixed_point(daemon, visitor):
    """What "config" prints can be applied, and changes nothing."""
    text = daemon.lanyard("config").stdout
    before = ports(daemon)
    status, answer = daemon.request("PUT", "/v1/config", text, "application/yaml")
    assert (status, answer["changes"]) == (200, []), text
    assert ports(daemon) == before


def test_bad_file_changes_nothing(daemon, visitor, network):
    before = hubs(daemon), ports(daemon)
    with pytest.raises(CommandFailed):
        daemon.apply(NAT_CONFIG + HUB1 + "      - {kind: nonsense}\n")
    os.kill(daemon.pid, signal.SIGHUP)
    time.sleep(0.3)
    assert (hubs(daemon), ports(daemon)) == before
    assert daemon.is_running()
    can_reach_server(visitor, network)
    daemon.config_file.write_text(NAT_CONFIG, encoding="ascii")


def test_all_or_nothing(daemon, visitor):
    """The second half cannot be done (no such namespace), so the first half is not done either."""
    before = hubs(daemon)
    with pytest.raises(CommandFailed):
        daemon.apply(NAT_CONFIG + HUB1 +
                     "      - {kind: netns, netns: /run/netns/there-is-no-such, dev: eth0}\n")
    assert hubs(daemon) == before


def test_dhcp_alone_is_replaced(daemon, visitor, network):
    """A changed pool restarts nothing else; the guest keeps its address and its connections."""
    with network.server.listen(SERVER) as listener:
        with visitor.connect(SERVER, listener.getsockname()[1]) as a:
            b, _ = listener.accept()
            daemon.apply(NAT_CONFIG.replace(
                "{kind: dhcp}", "{kind: dhcp, pool: 192.168.120.100-192.168.120.253}"))
            a.sendall(b"still here")
            assert b.recv(20) == b"still here"
            daemon.apply(NAT_CONFIG)
            b.sendall(b"and here")
            assert a.recv(20) == b"and here"
            b.close()
    assert visitor.address in leases(daemon)


def test_guest_that_goes_frees_its_port(daemon):
    before = ports(daemon)
    for _ in range(3):
        with Guest(daemon, "192.168.120.60"):
            assert len(ports(daemon)) == len(before) + 1
        wait_until(lambda: ports(daemon) == before, 5, "the port of a namespace that is gone stays")


def gateway_mac(guest):
    guest.run("ping", "-n", "-c", "1", "-W", "2", GATEWAY)
    return [entry["lladdr"] for entry in guest.ip_json("neighbour", "show", "dev", "eth0")
            if entry["dst"] == GATEWAY]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_restart(network, end):
    """After SIGTERM or kill -9: nothing in the way, leases known, the gateway's MAC the same."""
    with network.daemon() as daemon:
        with Guest(daemon) as guest:
            mac, address, leased = gateway_mac(guest), guest.address, leases(daemon)
            assert address in leased
            getattr(daemon, end)()
            daemon.start()
            assert leases(daemon) == leased
        with Guest(daemon, "192.168.120.61") as guest:
            assert gateway_mac(guest) == mac
            can_reach_server(guest, network)


def test_lease_after_a_crash_goes_to_the_same_guest(network):
    with network.daemon() as daemon, Namespace("guest") as guest:
        mac = "02:00:00:00:07:01"
        daemon.lanyard("attach", "hub8", "--netns", guest.path, "--mac", mac)
        address = guest.addresses("eth0")
        daemon.kill()
        daemon.start()
        wait_until(lambda: "eth0" not in guest.interfaces(), 5, "the interface of a dead daemon")
        with Guest(daemon) as other:
            assert [other.address] != address
        daemon.lanyard("attach", "hub8", "--netns", guest.path, "--mac", mac)
        assert guest.addresses("eth0") == address


def test_second_daemon_on_the_same_socket_is_refused(daemon):
    done = daemon.host.run(daemon.build / "lanyardd", "-c", daemon.config_file, "--api", daemon.api,
                           "--state", daemon.folder / "other-state", check=False, timeout=10)
    assert done.returncode not in (0, None)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert daemon.lanyard("show").stdout
