#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nic_bench.sh PROGRAM [ROUNDS [SECONDS]]: one TCP flow at MTU 1500 from a guest to a machine of the
# LAN and back, in each round first through the kernel, then through a hub and its nic port
#
#   kg === veth === bridge "kh" === veth === bridge "lan" === veth === h4     (the kernel)
#   g === eth0 === PROGRAM in "host" === veth === bridge "lan" === veth === h4
#
# for both modes: prints Gbit/s of both, the ratio, and the seconds of CPU PROGRAM takes for a GB.
set -u
program=$1 rounds=${2:-5} seconds=${3:-4}
id=nicbench$$
out=$(mktemp -d)
servers=()

# The program and the server are ours by their PIDs; the namespaces by their names.
clean_up() {
	kill "${servers[@]}" ${hub:-} 2>/dev/null
	for side in lan h4 kh kg host g; do ip netns del $id-$side 2>/dev/null; done
	rm -rf "$out"
}
trap clean_up EXIT

within() { ip netns exec "$id-$1" "${@:2}"; }

make() {
	ip netns add $id-$1
	within $1 ip link set lo up
	# A socket that is born under bbr keeps its pacing timers, whatever it is set to later.
	within $1 sysctl -qw net.ipv4.tcp_congestion_control=reno
}

make_bridge() {
	within $1 ip link add br0 type bridge
	within $1 ip link set br0 up
}

# $1 gets an eth0 whose other end is a port of $2's bridge.
wire() {
	ip link add eth0 netns $id-$1 type veth peer name $1 netns $id-$2
	within $2 ip link set $1 master br0 up
	within $1 ip link set eth0 up
}

# cubic by name: as a namespace's default it may be forbidden.
flow() {
	within $1 iperf3 -c 10.9.0.4 -C cubic -t $seconds -J $2 |
		sed -n '/"sum_received"/,/}/s/.*"bits_per_second":[^0-9]*\([0-9.e+]*\).*/\1/p'
}

cpu_seconds() { awk '{print $1 / 1e9}' /proc/$hub/schedstat; }

start_hub() {
	: >"$out/said"
	ip netns exec $id-host "$program" $1 eth0 $id-g >"$out/said" &
	hub=$!
	until grep -q ready "$out/said"; do
		kill -0 $hub || exit 1
		sleep 0.05
	done
	within g ip addr add 10.9.0.3/24 dev eth0
}

for side in lan h4 kh kg host g; do make $side; done
make_bridge lan; make_bridge kh
wire h4 lan; wire host lan; wire kh lan; wire kg kh
within kh ip link set eth0 master br0
within h4 ip addr add 10.9.0.4/24 dev eth0
within kg ip addr add 10.9.0.5/24 dev eth0
ip netns exec $id-h4 iperf3 -s >/dev/null &
servers+=($!)
until within h4 ss -Hltn | grep -q :5201; do sleep 0.05; done

for mode in translate transparent; do
	start_hub $mode
	for round in $(seq $rounds); do
		for way in "" -R; do
			kernel=$(flow kg "$way")
			before=$(cpu_seconds)
			ours=$(flow g "$way")
			awk -v m="$mode ${way:+down}${way:-up}" -v k=$kernel -v o=$ours \
				-v cpu="$(cpu_seconds)" -v before=$before -v s=$seconds 'BEGIN {
				sub("-R", "", m)
				printf "%s: kernel %.1f Gbit/s, nic %.1f Gbit/s, ratio %.2f, %.3f CPU s per GB\n",
					m, k / 1e9, o / 1e9, o / k, (cpu - before) / (o * s / 8e9) }'
		done
	done
	kill $hub
	wait $hub 2>/dev/null
done
