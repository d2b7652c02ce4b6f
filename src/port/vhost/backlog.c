/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/backlog.h"

#include <stdlib.h>

void backlog_init(struct backlog *backlog)
{
	list_init(&backlog->frames);
	backlog->bytes = 0;
}

bool backlog_add(struct backlog *backlog, const struct frame *frame)
{
	struct waiting_frame *waiting;

	if (frame->len > BACKLOG_MAX - backlog->bytes)
		return false;
	waiting = malloc(sizeof(*waiting) + frame->len);
	if (!waiting)
		return false;
	frame_copy(frame, 0, waiting->bytes, frame->len);
	waiting->frame = frame_linear(waiting->bytes, frame->len);
	waiting->frame.offload = frame->offload;
	list_push_back(&backlog->frames, &waiting->node);
	backlog->bytes += frame->len;
	return true;
}

static struct waiting_frame *first_of(const struct backlog *backlog)
{
	return LIST_ENTRY(backlog->frames.next, struct waiting_frame, node);
}

const struct frame *backlog_first(const struct backlog *backlog)
{
	return list_is_empty(&backlog->frames) ? NULL : &first_of(backlog)->frame;
}

void backlog_remove_first(struct backlog *backlog)
{
	struct waiting_frame *waiting = first_of(backlog);

	list_remove(&waiting->node);
	backlog->bytes -= waiting->frame.len;
	free(waiting);
}

void backlog_clear(struct backlog *backlog)
{
	while (!list_is_empty(&backlog->frames))
		backlog_remove_first(backlog);
}
