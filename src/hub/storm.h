/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many frames a second a port may have copied to every other: broadcasts, multicasts and frames
 * to addresses nobody knows, each kind by itself. A second's worth may come at once.
 */
#pragma once

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

enum storm_kind {
	STORM_BROADCAST,
	STORM_MULTICAST,
	STORM_UNKNOWN,
	STORM_KIND_COUNT,
};

struct storm {
	uint32_t rate;			    /* frames a second; 0: any number */
	nsec spent_until[STORM_KIND_COUNT]; /* when all that was let through is paid for */
};

/* Whether one more may pass at `now`. count: how many frames it stands for. */
bool storm_allows(struct storm *storm, enum storm_kind kind, uint32_t count, nsec now);
