/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Doing in software what a port cannot: checksums, and cutting super-frames (TCP and UDP over IPv4
 * and IPv6, RFC 9293, RFC 768; IPv4 identification counts up as Linux' GSO does). */
#pragma once

#include "hub/port.h"

/* enum port_takes: what a port must take to get the frame as it is. */
static inline unsigned segment_needs(const struct frame *frame)
{
	static const uint8_t needs[] = {
		[SEGMENT_NONE] = 0,
		[SEGMENT_TCP4] = TAKES_TCP4,
		[SEGMENT_TCP6] = TAKES_TCP6,
		[SEGMENT_UDP] = TAKES_UDP,
	};

	return needs[frame->offload.kind] | (frame->offload.needs_checksum ? TAKES_CHECKSUM : 0);
}

/* Called with one or more plain frames, lent until it returns. */
struct segment_sink {
	void (*take)(struct segment_sink *sink, const struct frame *frames, unsigned count);
};

/*
 * Lowers `frame` to what `takes` (enum port_takes) allows and hands the result to sink->take().
 * A frame that needs nothing is handed on as it is. False, with nothing handed on, when its
 * offload fields contradict its headers.
 */
bool segment_lower(const struct frame *frame, unsigned takes, struct segment_sink *sink);
