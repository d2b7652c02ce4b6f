/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/frame_queue.h"

#include <stdlib.h>

#define LENGTH_LEN 4

void frame_queue_done(struct frame_queue *queue)
{
	free(queue->bytes);
	*queue = (struct frame_queue){0};
}

/* Where the next len bytes go, or NULL. That they overtake nothing follows from the limit: what is
 * left of the last lap and of this one has never more than FRAME_QUEUE_SIZE bytes, and the last lap
 * goes at least that far. */
static uint8_t *make_room(struct frame_queue *queue, size_t len)
{
	uint8_t *room;

	if (len > FRAME_QUEUE_SIZE - queue->len || len > LENGTH_LEN + ETH_FRAME_MAX)
		return NULL;
	if (!queue->bytes)
		queue->bytes = malloc(FRAME_QUEUE_SIZE + LENGTH_LEN + ETH_FRAME_MAX);
	if (!queue->bytes)
		return NULL;
	if (queue->end >= FRAME_QUEUE_SIZE) {
		queue->lap_end = queue->end;
		queue->end = 0;
	}
	room = queue->bytes + queue->end;
	queue->end += len;
	queue->len += len;
	return room;
}

bool frame_queue_add(struct frame_queue *queue, const struct frame *frame, uint32_t sent)
{
	uint32_t of_length = LENGTH_LEN - MIN(sent, LENGTH_LEN);
	uint32_t offset = sent + of_length - LENGTH_LEN;
	uint8_t *room = make_room(queue, of_length + frame->len - offset);
	uint8_t length[LENGTH_LEN];

	if (!room)
		return false;
	store_be32(length, frame->len);
	memcpy(room, length + LENGTH_LEN - of_length, of_length);
	frame_copy(frame, offset, room + of_length, frame->len - offset);
	return true;
}

unsigned frame_queue_parts(const struct frame_queue *queue, struct iovec parts[2])
{
	size_t first = queue->lap_end ? queue->lap_end - queue->start : queue->len;

	parts[0] = (struct iovec){queue->bytes + queue->start, first};
	parts[1] = (struct iovec){queue->bytes, queue->len - first};
	return queue->len > first ? 2 : 1;
}

void frame_queue_remove(struct frame_queue *queue, size_t len)
{
	queue->start += len;
	queue->len -= len;
	if (queue->lap_end && queue->start >= queue->lap_end) {
		queue->start -= queue->lap_end;
		queue->lap_end = 0;
	}
	if (!queue->len)
		frame_queue_done(queue);
}

unsigned frame_queue_frames(const struct frame_queue *queue, struct frame *ret, unsigned max)
{
	size_t at = queue->start, left = queue->len;
	unsigned count = 0;

	while (left && count < max) {
		const uint8_t *length = queue->bytes + at;

		ret[count] = frame_linear(length + LENGTH_LEN, load_be32(length));
		at += LENGTH_LEN + ret[count].len;
		left -= LENGTH_LEN + ret[count++].len;
		if (at == queue->lap_end)
			at = 0;
	}
	return count;
}

void frame_queue_remove_frame(struct frame_queue *queue)
{
	frame_queue_remove(queue, LENGTH_LEN + load_be32(queue->bytes + queue->start));
}
