/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/backlog.h"

#include <stdlib.h>

struct waiting_frame {
	struct offload offload;
	uint32_t len;
	uint8_t bytes[];
};

static uint32_t size_of(uint32_t len)
{
	return (uint32_t)(sizeof(struct waiting_frame) + len + 15) & ~15u;
}

static struct waiting_frame *first_of(const struct backlog *backlog)
{
	return (struct waiting_frame *)(backlog->ring + backlog->first);
}

/* A frame lies in one piece: what does not fit at the end goes to the beginning. NULL: no room. */
static struct waiting_frame *make_room(struct backlog *backlog, uint32_t size)
{
	uint32_t at = backlog->end;

	if (!backlog->count)
		backlog->first = at = 0;
	if (backlog->count && at <= backlog->first) {
		if (size > backlog->first - at)
			return NULL;
	} else if (size > BACKLOG_SIZE - at) {
		if (size > backlog->first)
			return NULL;
		backlog->wrap = at;
		at = 0;
	}
	backlog->end = at + size;
	return (struct waiting_frame *)(backlog->ring + at);
}

bool backlog_add(struct backlog *backlog, const struct frame *frame)
{
	struct waiting_frame *waiting;

	if (!backlog->ring)
		backlog->ring = malloc(BACKLOG_SIZE);
	if (!backlog->ring)
		return false;
	waiting = make_room(backlog, size_of(frame->len));
	if (!waiting)
		return false;
	waiting->offload = frame->offload;
	waiting->len = frame->len;
	frame_copy(frame, 0, waiting->bytes, frame->len);
	backlog->count++;
	return true;
}

bool backlog_first(const struct backlog *backlog, struct frame *ret)
{
	if (!backlog->count)
		return false;
	*ret = frame_linear(first_of(backlog)->bytes, first_of(backlog)->len);
	ret->offload = first_of(backlog)->offload;
	return true;
}

void backlog_remove_first(struct backlog *backlog)
{
	const bool is_upper = backlog->first >= backlog->end;

	backlog->first += size_of(first_of(backlog)->len);
	if (is_upper && backlog->first == backlog->wrap)
		backlog->first = 0;
	backlog->count--;
}

void backlog_done(struct backlog *backlog)
{
	free(backlog->ring);
	*backlog = (struct backlog){0};
}
