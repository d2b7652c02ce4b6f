/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that a guest has no buffers for yet. A queue has room for some hundred KiB, which a sender
 * with a window of megabytes fills in one turn; without a place to wait, each such turn would cost
 * a flow its window. The kernel keeps a thousand frames for a TAP; here it is a number of bytes.
 */
#pragma once

#include "hub/frame.h"

#define BACKLOG_SIZE (2u << 20) /* bytes of a queue's frames, and what there is to know of each */

/* All zero: empty. Memory is taken with the first frame, and kept. */
struct backlog {
	uint8_t *ring;
	uint32_t count;
	uint32_t first, end; /* offsets: of the one that waited longest, behind the last one */
	uint32_t wrap;	     /* when first > end: where the ring's upper part ends */
};

/* Copies it behind the others; false: there is no room. */
bool backlog_add(struct backlog *backlog, const struct frame *frame);
/* The one that has waited longest, until it is removed; false: none. */
bool backlog_first(const struct backlog *backlog, struct frame *ret);
void backlog_remove_first(struct backlog *backlog);
void backlog_done(struct backlog *backlog);

static inline bool backlog_is_empty(const struct backlog *backlog)
{
	return !backlog->count;
}
