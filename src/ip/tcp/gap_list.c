/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/tcp/gap_list.h"
#include "wire/tcp.h"

#include <string.h>

static void remove_ranges(struct tcp_gap_list *list, unsigned at, unsigned count)
{
	memmove(&list->ranges[at], &list->ranges[at + count],
		(list->count - at - count) * sizeof(list->ranges[0]));
	list->count -= count;
}

bool gap_list_add(struct tcp_gap_list *list, uint32_t start, uint32_t end)
{
	unsigned first = 0, last;

	while (first < list->count && seq_before(list->ranges[first].end, start))
		first++;
	for (last = first; last < list->count && !seq_before(end, list->ranges[last].start);
		last++) {
		if (seq_before(list->ranges[last].start, start))
			start = list->ranges[last].start;
		if (seq_before(end, list->ranges[last].end))
			end = list->ranges[last].end;
	}
	if (last > first) {
		remove_ranges(list, first + 1, last - first - 1);
	} else {
		if (list->count == GAP_RANGES)
			return false;
		memmove(&list->ranges[first + 1], &list->ranges[first],
			(list->count - first) * sizeof(list->ranges[0]));
		list->count++;
	}
	list->ranges[first] = (struct gap_range){start, end};
	list->newest = first;
	return true;
}

uint32_t gap_list_advance(struct tcp_gap_list *list, uint32_t next)
{
	unsigned gone = 0;

	while (gone < list->count && !seq_before(next, list->ranges[gone].start)) {
		if (seq_before(next, list->ranges[gone].end))
			next = list->ranges[gone].end;
		gone++;
	}
	remove_ranges(list, 0, gone);
	list->newest = list->newest > gone ? list->newest - gone : 0;
	return next;
}
