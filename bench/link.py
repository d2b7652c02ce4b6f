# SPDX-License-Identifier: GPL-2.0-or-later
"""Two hosts joined by a wire, and what joins networks over it: who asks, and at which address the
servers are.

    direct:   client === hub --- wire --- hub === server
    relayed:  client === hub --- wire --- relay --- wire --- hub === server

The others' programs are taken as Debian has them, with their defaults; the hosts themselves are the
client and the server.
"""
import os
import shutil
import tempfile

from support.daemon import Daemon, Guest, RELEASE
from support.namespace import Namespace, bridge, veth, wait_until

CLIENT, SERVER = "10.9.0.1", "10.9.0.2"
HOSTS = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
MTU = 1380
RELAY_CONFIG = f"hubs: {{hub1: {{ports: [{{kind: link, listen: 4000, address: {HOSTS[2]}}}]}}}}\n"
MEMBER_CONFIG = "hubs: {hub1: {}}\n"


def hosts(stack):
    """Three hosts on a switch."""
    wide = stack.enter_context(Namespace("wide"))
    made = [stack.enter_context(Namespace("host")) for _ in HOSTS]
    bridge(wide, "br0")
    for number, (host, address) in enumerate(zip(made, HOSTS)):
        veth(host, "up0", wide, f"h{number}")
        wide.ip(f"link set h{number} master br0")
        host.ip(f"address add {address}/24 dev up0")
    return made


def join(relay, member, name):
    """A bridge, so that any guest may be behind it."""
    invitation = relay.lanyard("link", "invite", "hub1", "--name", name,
                               "--role", "bridge").stdout.strip()
    member.lanyard("link", "join", invitation, "--hub", "hub1")
    wait_until(lambda: any(port["name"] == name and port["state"] == "up" for port in
                           relay.request("GET", "/v1/hubs/hub1/ports")[1]["ports"]), 10, name)


def daemon(stack, host, config):
    return stack.enter_context(Daemon(host, config, RELEASE))


def guest(stack, at, address):
    return stack.enter_context(Guest(at, address, hub="hub1", gateway=None, mtu=MTU))


def direct(stack):
    first, _, third = hosts(stack)
    relay = daemon(stack, third, RELAY_CONFIG)
    member = daemon(stack, first, MEMBER_CONFIG)
    join(relay, member, "one")
    return guest(stack, member, CLIENT), guest(stack, relay, SERVER)


def relayed(stack):
    first, second, third = hosts(stack)
    relay = daemon(stack, third, RELAY_CONFIG)
    members = [daemon(stack, host, MEMBER_CONFIG) for host in (first, second)]
    for name, member in zip(("one", "two"), members):
        join(relay, member, name)
    return guest(stack, members[0], CLIENT), guest(stack, members[1], SERVER)


def private_folder(stack):
    folder = tempfile.mkdtemp(prefix="lanyard-bench-")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def interface_up(end, number, interface):
    wait_until(lambda: interface in end.interfaces(), 10, interface)
    end.ip(f"address replace {(CLIENT, SERVER)[number]}/24 dev {interface}",
           f"link set {interface} mtu {MTU} up")


def wait_for_way(ends):
    wait_until(lambda: ends[0].run("ping", "-c", "1", "-W", "1", SERVER,
                                   check=False).returncode == 0, 20, "no way")


def wireguard_go(stack):
    ends = hosts(stack)[:2]
    folder = private_folder(stack)
    keys = []
    for number, end in enumerate(ends):
        private = end.run("wg", "genkey").stdout.strip()
        path = os.path.join(folder, str(number))
        with open(path, "w", encoding="ascii") as file:
            file.write(private + "\n")
        keys.append((path, end.run("wg", "pubkey", input=private).stdout.strip()))
    names = [f"wg{os.getpid() % 100000}-{number}" for number in range(2)]
    for number, end in enumerate(ends):
        process = end.start("wireguard-go", "-f", names[number])
        stack.callback(process.stop)
        interface_up(end, number, names[number])
        other = 1 - number
        end.run("wg", "set", names[number], "private-key", keys[number][0], "listen-port", "4001",
                "peer", keys[other][1], "allowed-ips", "10.9.0.0/24",
                "endpoint", f"{HOSTS[other]}:4001")
    return ends


def n2n_edges(stack, made):
    """A supernode on the third host, which makes the first two known to each other."""
    stack.callback(made[2].start("supernode", "-l", "7654").stop)
    for number, end in enumerate(made[:2]):
        process = end.start("edge", "-d", "n2n0", "-a", (CLIENT, SERVER)[number], "-c", "bench",
                            "-k", "secret", "-l", f"{HOSTS[2]}:7654")
        stack.callback(process.stop)
        interface_up(end, number, "n2n0")
    wait_for_way(made)
    return made[:2]


def n2n(stack):
    return n2n_edges(stack, hosts(stack))


def n2n_relayed(stack):
    """The first two have no way to each other but by the supernode."""
    made = hosts(stack)
    for number, end in enumerate(made[:2]):
        end.ip(f"route add blackhole {HOSTS[1 - number]}/32")
    return n2n_edges(stack, made)


def tinc(stack):
    ends = hosts(stack)[:2]
    folders = [os.path.join(private_folder(stack), "tinc") for _ in ends]
    for number, (end, folder) in enumerate(zip(ends, folders)):
        os.makedirs(os.path.join(folder, "hosts"))
        with open(os.path.join(folder, "tinc.conf"), "w", encoding="ascii") as file:
            file.write(f"Name = end{number}\nInterface = tinc0\nConnectTo = end{1 - number}\n")
        with open(os.path.join(folder, "hosts", f"end{number}"), "w", encoding="ascii") as file:
            file.write(f"Address = {HOSTS[number]}\nSubnet = {(CLIENT, SERVER)[number]}/32\n")
        end.run("tincd", "-c", folder, "-K", input="\n\n")
    for number in range(2):
        shutil.copy(os.path.join(folders[number], "hosts", f"end{number}"),
                    os.path.join(folders[1 - number], "hosts"))
    for number, (end, folder) in enumerate(zip(ends, folders)):
        process = end.start("tincd", "-c", folder, "-D", "--pidfile", os.path.join(folder, "pid"))
        stack.callback(process.stop)
        interface_up(end, number, "tinc0")
    wait_for_way(ends)
    return ends


