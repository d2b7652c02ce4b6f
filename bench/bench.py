#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lanyard beside the kernel and its peers, in one run on one machine.

    NAT:   guest === SUBJECT "host" --- "server"      veth + nft masquerade, Lanyard,
                                                      slirp4netns, pasta
    hub:   guest === SUBJECT === second guest         veth + kernel bridge, Lanyard
    LAN:   guest === SUBJECT eth0 --- switch --- "h1" veth + kernel bridge, Lanyard transparent,
                                                      and behind the NIC's MAC address
    link:  client === SUBJECT --- wire --- SUBJECT === server   wireguard-go, Lanyard's links,
                                                      n2n, tinc

Every subject has namespaces of its own, all alike. The subjects take turns, round after round, so
that what else the machine does hits all of them; shown is the median of the rounds and, in
brackets, its ratio to the first subject's in this same run. Only the ratios mean anything.
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))

import link  # noqa: E402
from support.compile import compiled  # noqa: E402
from support.daemon import NAT_CONFIG, RELEASE, Guest, configure  # noqa: E402
from support.lan import H1, PREFIX, Lan, LanGuest, config as lan_config  # noqa: E402
from support.namespace import Namespace, bridge, remove_leftovers, veth, wait_until  # noqa: E402
from support.topology import SERVER, KernelNat, Network  # noqa: E402

RR = "bench/rr.c"
RR_PORT = 7000
GUEST, OTHER = "192.168.120.10", "192.168.120.11"


class Subject:
    """Who asks (a namespace), and where the servers are. Without a client, nobody asks."""

    def __init__(self, name, client, address=SERVER):
        self.name, self.client, self.address = name, client, address
        self.results = {measure: [] for measure in MEASURES}

    def median(self, measure):
        return statistics.median(self.results[measure]) if self.results[measure] else None


# What is measured; each takes a subject and seconds, and returns one number.

def iperf3(subject, seconds, *options):
    done = subject.client.run("iperf3", "-c", subject.address, "-t", seconds, "-J", *options,
                              timeout=seconds + 30)
    return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9


def up(subject, seconds):
    return iperf3(subject, seconds)


def down(subject, seconds):
    return iperf3(subject, seconds, "-R")


def rr(subject, mode, port, seconds):
    done = subject.client.run(compiled(RR), mode, subject.address, port, seconds)
    return json.loads(done.stdout)


def ask(subject, seconds):
    return rr(subject, "ask", RR_PORT, seconds)["p50"]


def connect(subject, seconds):
    return rr(subject, "connect", RR_PORT + 1, seconds)["rate"]


MEASURES = {"up Gbit/s": up, "down Gbit/s": down, "ask p50 us": ask, "connects/s": connect}


# Who is measured. Each enters what it needs into the stack and returns its Subject.

def nat_world(stack):
    network = stack.enter_context(Network())
    network.iperf3()
    network.rr(RR_PORT)
    return network


def kernel_nat(stack, mtu):
    nat = stack.enter_context(KernelNat(nat_world(stack), mtu=mtu))
    return Subject("kernel NAT", stack.enter_context(Guest(nat, GUEST, mtu=mtu)))


def lanyard_nat(stack, mtu):
    config = NAT_CONFIG.replace("    ports:", f"    mtu: {mtu}\n    ports:")
    daemon = stack.enter_context(nat_world(stack).daemon(config, build=RELEASE))
    return Subject("Lanyard NAT", stack.enter_context(Guest(daemon, GUEST, mtu=mtu)))


def slirp4netns(stack, mtu):
    network, guest = nat_world(stack), stack.enter_context(Namespace("guest"))
    network.host.start("slirp4netns", "--configure", f"--mtu={mtu}", "--netns-type=path",
                       guest.path, "tap0")
    wait_until(lambda: "tap0" in guest.interfaces() and guest.addresses("tap0"), 10, "slirp4netns")
    return Subject("slirp4netns", guest)


def pasta(stack, mtu):
    network, guest = nat_world(stack), stack.enter_context(Namespace("guest"))
    network.host.start("pasta", "--config-net", "--no-map-gw", "--foreground", "--netns-only",
                       "--netns", guest.path, "--runas", "0", "-m", mtu, "--ns-ifname", "tap0",
                       "-t", "none", "-u", "none", "-T", "none", "-U", "none")
    wait_until(lambda: "tap0" in guest.interfaces() and guest.addresses("tap0"), 10, "pasta")
    return Subject("pasta", guest)


def switched(stack, name, gateway_guest):
    """Two guests on one switch; the second one has the servers."""
    first, second = (stack.enter_context(gateway_guest(address)) for address in (GUEST, OTHER))
    second.start("iperf3", "-s", "--forceflush").wait_for_output("Server listening")
    second.start(compiled(RR), "serve", OTHER, RR_PORT).wait_for_output("listening")
    return Subject(name, first, OTHER)


def kernel_bridge(stack, mtu):
    switch = stack.enter_context(Namespace("switch"))
    bridge(switch, "br0", mtu=mtu)

    def guest(address):
        made = Namespace("guest")
        end = "g" + address.rpartition(".")[2]
        veth(made, "eth0", switch, end, mtu)
        switch.ip(f"link set {end} master br0")
        configure(made, "eth0", address, gateway=None)
        return made
    return switched(stack, "kernel bridge", guest)


def lanyard_hub(stack, mtu):
    config = f"hubs:\n  hub1:\n    subnet: 192.168.120.0/24\n    mtu: {mtu}\n    ports: []\n"
    daemon = stack.enter_context(
        stack.enter_context(Network()).daemon(config, build=RELEASE))
    return switched(stack, "Lanyard hub", lambda address: Guest(
        daemon, address, hub="hub1", gateway=None, mtu=mtu))


def bridged(stack, name, lan, guest):
    """A guest on a LAN; a host of the LAN has the servers."""
    lan.h1.start("iperf3", "-s", "--forceflush").wait_for_output("Server listening")
    lan.h1.start(compiled(RR), "serve", H1, RR_PORT).wait_for_output("listening")
    guest.run("ping", "-c", "1", "-W", "5", H1)
    return Subject(name, guest, H1)


def kernel_bridged(stack, mtu):
    lan = stack.enter_context(Lan(mtu, has_offloads=True))
    guest = stack.enter_context(Namespace("guest"))
    bridge(lan.host, "br1", "eth0", mtu=mtu)
    veth(guest, "eth0", lan.host, "g1", mtu)
    lan.host.ip("link set g1 master br1")
    configure(guest, "eth0", PREFIX + "50", gateway=None)
    return bridged(stack, "kernel bridge", lan, guest)


def lanyard_bridged(stack, mtu, mode):
    lan = stack.enter_context(Lan(mtu, has_offloads=True))
    text = lan_config(mode).replace("    ports:", f"    mtu: {mtu}\n    ports:")
    daemon = stack.enter_context(lan.daemon(text, build=RELEASE))
    guest = stack.enter_context(LanGuest(daemon, PREFIX + "50", mtu=mtu))
    return bridged(stack, f"Lanyard {mode}", lan, guest)


def lanyard_transparent(stack, mtu):
    return lanyard_bridged(stack, mtu, "transparent")


def lanyard_translate(stack, mtu):
    return lanyard_bridged(stack, mtu, "translate")


def joined(name, world):
    """Two ends of a link: the second one has the servers."""
    def make(stack, _):
        client, server = world(stack)
        server.start("iperf3", "-s", "--forceflush").wait_for_output("Server listening")
        server.start(compiled(RR), "serve", link.SERVER, RR_PORT).wait_for_output("listening")
        return Subject(name, client, link.SERVER)
    make.__name__, make.row = world.__name__, name
    return make


# The kernel's row first: it is the measure of its group.
GROUPS = {"NAT": [kernel_nat, lanyard_nat, slirp4netns, pasta],
          "hub": [kernel_bridge, lanyard_hub],
          "LAN": [kernel_bridged, lanyard_transparent, lanyard_translate]}
# These have one MTU.
LINKS = [joined("wireguard-go", link.wireguard_go), joined("Lanyard link", link.direct),
         joined("Lanyard, relayed", link.relayed), joined("n2n", link.n2n),
         joined("n2n, relayed", link.n2n_relayed), joined("tinc", link.tinc)]


def measure_group(subjects, rounds, seconds, say):
    for number in range(rounds):
        for measure, take in MEASURES.items():
            for subject in subjects:
                if not subject.client:
                    continue
                try:
                    value = take(subject, seconds)
                except (AssertionError, KeyError) as failure:
                    say(f"{subject.name}, {measure}: {failure}")
                    continue
                subject.results[measure].append(value)
                say(f"  round {number + 1}: {subject.name:14} {measure:12} {value:10.2f}")


def print_table(title, subjects):
    print(f"\n{title:26}" + "".join(f"{measure:>20}" for measure in MEASURES))
    for subject in subjects:
        row = f"  {subject.name:24}"
        for measure in MEASURES:
            value, base = subject.median(measure), subjects[0].median(measure)
            if value is None:
                row += f"{'failed' if subject.client else 'not started':>20}"
            elif not base or subject is subjects[0]:
                row += f"{value:>12.1f}        "
            else:
                row += f"{value:>12.1f} {f'[{value / base:.2f}]':7}"
        print(row.rstrip(), flush=True)


def started(make, stack, mtu, say):
    """A row, whatever happens: where somebody's program does not start, it says so."""
    with contextlib.ExitStack() as own:
        try:
            subject = make(own, mtu)
        except (AssertionError, OSError) as failure:
            say(f"{make.__name__}: {failure}")
            return Subject(getattr(make, "row", make.__name__.replace("_", " ")), None)
        stack.enter_context(own.pop_all())
        return subject


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", metavar="WORD", action="append", default=[],
                        help="subjects with WORD in their name (lanyard, kernel, nat ...)")
    parser.add_argument("--mtu", type=int, action="append", help="default: 1500 and 65520")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--verbose", action="store_true", help="every value as it comes")
    wish = parser.parse_args()
    if os.geteuid():
        os.execvp("sudo", ["sudo", "--preserve-env", sys.executable, *sys.argv])
    rounds = wish.rounds or (3 if wish.short else 5)
    seconds = wish.seconds or (1 if wish.short else 3)

    def say(text):
        if wish.verbose or not text.startswith("  round"):
            print(text, file=sys.stderr, flush=True)

    remove_leftovers()
    for mtu in wish.mtu or (1500, 65520, link.MTU):
        groups = {"link": LINKS} if mtu == link.MTU else GROUPS
        for group, makers in groups.items():
            chosen = [make for make in makers
                      if not wish.only or any(word in make.__name__ for word in wish.only)]
            with contextlib.ExitStack() as stack:
                subjects = [started(make, stack, mtu, say) for make in chosen]
                measure_group(subjects, rounds, seconds, say)
                if subjects:
                    print_table(f"{group}, MTU {mtu}", subjects)


if __name__ == "__main__":
    main()
