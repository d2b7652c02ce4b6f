/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/storm.h"

#include "base/attr.h"

bool storm_allows(struct storm *storm, enum storm_kind kind, uint32_t count, nsec now)
{
	nsec from = MAX(storm->spent_until[kind], now);

	if (!storm->rate)
		return true;
	if (from - now >= NSEC_PER_SEC)
		return false;
	storm->spent_until[kind] = from + count * (NSEC_PER_SEC / storm->rate);
	return true;
}
