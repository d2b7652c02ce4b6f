#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vhost_bench.sh BUILD [ROUNDS [SECONDS]]: one TCP flow at MTU 1500 through the gateway, each way, in
# each round first
#
#   netns === eth0 (TAP) === hub === NAT --- 127.0.0.1
#   front end === vhost-user (split, then packed) === hub === NAT --- 127.0.0.1
#
# with one hub and one server for all. Prints Gbit/s, the ratio to the TAP, and the seconds of CPU
# the hub takes for a GB, which hardly mind a busy machine.
set -u
build=$1 rounds=${2:-3} seconds=${3:-3}
netns=vhostbench$$
out=$(mktemp -d)
port=$((20000 + $$ % 10000))
declare -A rate cpu

# The programs are ours by their PIDs; the namespace by its name.
clean_up() {
	kill ${server:-} ${hub:-} 2>/dev/null
	ip netns del $netns 2>/dev/null
	rm -rf "$out"
}
trap clean_up EXIT

# start FILE COMMAND...: in the background, until it says "ready".
start() {
	: >"$out/$1"
	"${@:2}" >"$out/$1" &
	started=$!
	until grep -q ready "$out/$1"; do
		kill -0 $started || exit 1
		sleep 0.05
	done
}

cpu_seconds() { awk '{print $1 / 1e9}' /proc/$hub/schedstat; }

# measure NAME COMMAND...: its rate in bit/s, and the hub's CPU for a GB of it.
measure() {
	local before after
	before=$(cpu_seconds)
	rate[$1]=$("${@:2}")
	after=$(cpu_seconds)
	cpu[$1]=$(awk -v r=${rate[$1]:-1} -v c=$after -v b=$before -v s=$seconds \
		'BEGIN {printf "%.3f", (c - b) / (r * s / 8e9)}')
}

ip netns add $netns
ip netns exec $netns ip link set lo up
start server $build/bench/vhost_bulk serve $port
server=$started
start hub $build/bench/vhost_hub vhost:$out/socket netns:$netns nat 2>"$out/why"
hub=$started
ip netns exec $netns ip addr add 10.9.0.2/24 dev eth0

for round in $(seq $rounds); do
	for way in up down; do
		measure tap ip netns exec $netns $build/bench/vhost_bulk socket $way 10.9.0.1 $port $seconds
		for layout in split packed; do
			measure $layout $build/bench/vhost_bulk $layout $way $out/socket $port $seconds
			awk -v w=$way -v l=$layout -v t=${rate[tap]} -v r=${rate[$layout]} \
				-v ct=${cpu[tap]} -v cr=${cpu[$layout]} 'BEGIN {
				printf "%-4s TAP %5.1f Gbit/s, vhost-user %-6s %5.1f Gbit/s, ratio %.2f, " \
					"CPU s per GB %.3f and %.3f\n", w, t / 1e9, l, r / 1e9, r / t, ct, cr }'
		done
	done
done
kill -INT $hub
wait $hub
grep -h -v ready "$out/hub"
