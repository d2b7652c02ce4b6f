/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that a guest has no buffers for yet. A queue has room for some hundred KiB, which a sender
 * with a window of megabytes fills in one turn; without a place to wait, each such turn would cost
 * a flow its window. The kernel keeps a thousand frames for a TAP; here it is a number of bytes.
 */
#pragma once

#include "base/list.h"
#include "hub/frame.h"

#define BACKLOG_MAX (2u << 20) /* bytes of frames, of one queue */

struct backlog {
	struct list frames;
	uint32_t bytes;
};

struct waiting_frame {
	struct list node;
	struct frame frame; /* in one piece */
	uint8_t bytes[];
};

static inline bool backlog_is_empty(const struct backlog *backlog)
{
	return !backlog->bytes;
}

void backlog_init(struct backlog *backlog);
/* Copies it behind the others; false: there is no room. */
bool backlog_add(struct backlog *backlog, const struct frame *frame);
/* The one that has waited longest; NULL: none. It stays until it is removed. */
const struct frame *backlog_first(const struct backlog *backlog);
void backlog_remove_first(struct backlog *backlog);
void backlog_clear(struct backlog *backlog);
