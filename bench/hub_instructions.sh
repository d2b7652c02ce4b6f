#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a unicast frame costs on its way through the hub, in instructions, whatever the fill of the
# MAC table: counted by callgrind, so that it is the same on every run and machine of a kind.
#
#   bench/hub_instructions.sh PATH-TO-HUB_BENCH [MOST]
#
# Fails when any row costs more than MOST (250). "seen": the source was seen in the same second
# before; "again": most sources are seen again after more than a second, the dearer case.
set -eu
bench=$1
most=${2:-250}
frames=64000
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0

row() { # macs, name, microseconds between batches
	valgrind --tool=callgrind --callgrind-out-file="$out" --toggle-collect='measured*' \
		"$bench" "$1" "$frames" "$3" >/dev/null 2>&1
	total=$(sed -n 's/^\(totals\|summary\): //p' "$out" | head -n 1)
	each=$((total / frames))
	verdict=ok
	if [ "$each" -gt "$most" ] || [ "$each" -eq 0 ]; then
		verdict="not 1 to $most"
		status=1
	fi
	printf '%7s MACs, %s: %4d instructions a frame, %s\n' "$1" "$2" "$each" "$verdict"
}

for macs in 2 1000 100000; do
	row "$macs" seen 0
	row "$macs" again 250000
done
exit $status
