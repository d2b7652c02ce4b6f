#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tap_bench.sh PROGRAM [ROUNDS [SECONDS]]: one TCP flow at MTU 1500, in each round first
#
#   a === veth === bridge === veth === b          (the kernel)
#   a === eth0 === PROGRAM (a hub) === eth0 === b (TAP to TAP)
#
# Prints Gbit/s of both, the ratio, the seconds of CPU PROGRAM takes for a GB, and at the end its
# system calls for a frame. The CPU is the number to tune by: it hardly minds a busy machine.
set -u
program=$1 rounds=${2:-5} seconds=${3:-5}
id=tapbench$$
out=$(mktemp -d)
servers=()

# The program and the servers are ours by their PIDs; the namespaces by their names.
clean_up() {
	kill "${servers[@]}" ${hub:-} 2>/dev/null
	for side in switch ka kb ta tb; do ip netns del $id-$side 2>/dev/null; done
	rm -rf "$out"
}
trap clean_up EXIT

within() { ip netns exec "$id-$1" "${@:2}"; }

make_guest() {
	ip netns add $id-$1
	within $1 ip link set lo up
	# A socket that is born under bbr keeps its pacing timers, whatever it is set to later.
	within $1 sysctl -qw net.ipv4.tcp_congestion_control=reno
}

give_address() { within $1 ip addr add 10.9.0.$2/24 dev eth0; }

serve() {
	within $1 iperf3 -s >/dev/null &
	servers+=($!)
	until within $1 ss -Hltn | grep -q :5201; do sleep 0.05; done
}

# cubic by name: as a namespace's default it may be forbidden.
flow() {
	within $1 iperf3 -c 10.9.0.2 -C cubic -t $seconds -J |
		sed -n '/"sum_received"/,/}/s/.*"bits_per_second":[^0-9]*\([0-9.e+]*\).*/\1/p'
}

plug_kernel() {
	make_guest ka; make_guest kb; make_guest switch
	within switch ip link add br0 type bridge
	within switch ip link set br0 up
	for side in ka kb; do
		ip link add eth0 netns $id-$side type veth peer name $side netns $id-switch
		within switch ip link set $side master br0 up
		within $side ip link set eth0 up
	done
}

plug_hub() {
	make_guest ta; make_guest tb
	: >"$out/ready"
	$program $id-ta $id-tb >"$out/ready" &
	hub=$!
	until grep -q ready "$out/ready"; do
		kill -0 $hub || exit 1
		sleep 0.05
	done
}

cpu_seconds() { awk '{print $1 / 1e9}' /proc/$hub/schedstat; }

plug_kernel; give_address ka 1; give_address kb 2; serve kb
plug_hub; give_address ta 1; give_address tb 2; serve tb
for round in $(seq $rounds); do
	kernel=$(flow ka)
	before=$(cpu_seconds)
	ours=$(flow ta)
	awk -v k=$kernel -v o=$ours -v cpu="$(cpu_seconds)" -v before=$before -v s=$seconds 'BEGIN {
		printf "kernel %.1f Gbit/s, tap %.1f Gbit/s, ratio %.2f, %.3f CPU s per GB\n",
			k / 1e9, o / 1e9, o / k, (cpu - before) / (o * s / 8e9) }'
done
seconds=2 flow ta >/dev/null &
sleep 0.5
timeout -s INT 1 strace -c -o "$out/calls" -p $hub 2>/dev/null
wait $!
awk '$NF == "writev" {frames = $4} $NF ~ /^(read|writev|epoll)/ {calls[$NF] = $4}
	END {for (c in calls) printf "%s %.2f a frame\n", c, calls[c] / frames}' "$out/calls"
