#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# testpmd_bench.sh BUILD [SECONDS]: DPDK's own front end, dpdk-testpmd with two virtio_user ports
#
#   testpmd port 0 === vhost-user === hub === vhost-user === testpmd port 1
#
# sends 128 frames of 64 bytes each way and hands on what comes: they go round until the end. Prints
# for each layout of the rings how many frames the hub forwards in a second, and how many were lost.
# testpmd polls on one processor, the hub has the other.
set -u
build=$1 seconds=${2:-3}
out=$(mktemp -d)

clean_up() {
	kill ${hub:-} 2>/dev/null
	rm -rf "$out"
}
trap clean_up EXIT

start_hub() {
	: >"$out/hub"
	$build/bench/vhost_hub vhost:$out/0 vhost:$out/1 >"$out/hub" 2>/dev/null &
	hub=$!
	until grep -q ready "$out/hub"; do
		kill -0 $hub || exit 1
		sleep 0.05
	done
}

testpmd() {
	dpdk-testpmd --no-huge --no-pci -m 256 --no-telemetry --file-prefix=lanyard$$ --lcores=0@0,1@0 \
		--vdev=net_virtio_user0,path=$out/0,mac=02:00:00:00:00:10$1 \
		--vdev=net_virtio_user1,path=$out/1,mac=02:00:00:00:00:11$1 \
		-- -i --total-num-mbufs=8192 \
		--eth-peer=0,02:00:00:00:00:11 --eth-peer=1,02:00:00:00:00:10
}

# The second "show" says the rate since the first.
drive() {
	for second in $(seq 200); do
		grep -q 'testpmd> ' "$out/testpmd" && break
		sleep 0.1
	done
	echo "start tx_first 4"
	sleep 0.5
	echo "show port stats all"
	sleep $seconds
	echo "show port stats all"
	sleep 0.2
	echo stop
	sleep 0.2
	echo quit
}

measure() {
	start_hub
	: >"$out/testpmd"
	drive | testpmd "$2" >"$out/testpmd" 2>&1
	kill $hub
	wait $hub
	awk -v name="$1" '
		FILENAME ~ /testpmd$/ && /Rx-pps/ {rates[++count] = $2}
		FILENAME ~ /testpmd$/ && /Accumulated/ {is_total = 1}
		FILENAME ~ /testpmd$/ && is_total && /RX-packets/ {received = $2; lost += $4}
		FILENAME ~ /testpmd$/ && is_total && /TX-packets/ {sent = $2; lost += $4}
		FILENAME ~ /hub$/ {for (i = 1; i <= NF; i++) if (split($i, drop, ":") == 2) lost += drop[2]}
		END {rate = rates[3] + rates[4]
			printf "%-22s %9d frames/s, %d frames in all, %d lost; %.1f times two streams\n",
				name, rate, received, lost, rate / stream}' stream=$stream "$out/testpmd" "$out/hub"
}

# What two stream ports of a hub hand on of frames of 64 bytes, each written by itself as QEMU does.
stream=$($build/bench/socket_bench $seconds 1 | awk '/^stream +64 bytes, +one/ {print $7 * 1e6}')
echo "two stream ports       $stream frames/s"

measure "split" ""
measure "split, any order" ",in_order=0"
measure "split, no merging" ",mrg_rxbuf=0"
measure "packed" ",packed_vq=1"
measure "packed, any order" ",packed_vq=1,in_order=0"
