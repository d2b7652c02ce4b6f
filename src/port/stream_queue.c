/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/stream_queue.h"

#include <stdlib.h>

#define LENGTH_LEN 4

void stream_queue_done(struct stream_queue *queue)
{
	free(queue->ring);
	*queue = (struct stream_queue){0};
}

static void append(struct stream_queue *queue, const void *bytes, size_t len)
{
	size_t at = (queue->start + queue->len) % STREAM_QUEUE_SIZE;
	size_t first = MIN(len, STREAM_QUEUE_SIZE - at);

	memcpy(queue->ring + at, bytes, first);
	memcpy(queue->ring, (const uint8_t *)bytes + first, len - first);
	queue->len += len;
}

bool stream_queue_add(struct stream_queue *queue, const struct frame *frame, uint32_t sent)
{
	struct iovec parts[FRAME_BODY_MAX + 1];
	uint32_t of_length = LENGTH_LEN - MIN(sent, LENGTH_LEN);
	uint32_t offset = sent + of_length - LENGTH_LEN;
	uint8_t length[LENGTH_LEN];
	unsigned count;

	if (of_length + frame->len - offset > STREAM_QUEUE_SIZE - queue->len)
		return false;
	if (!queue->ring && !(queue->ring = malloc(STREAM_QUEUE_SIZE)))
		return false;
	store_be32(length, frame->len);
	append(queue, length + LENGTH_LEN - of_length, of_length);
	count = frame_slice(frame, offset, frame->len - offset, parts);
	for (unsigned i = 0; i < count; i++)
		append(queue, parts[i].iov_base, parts[i].iov_len);
	return true;
}

unsigned stream_queue_parts(const struct stream_queue *queue, struct iovec parts[2])
{
	size_t first = MIN(queue->len, STREAM_QUEUE_SIZE - queue->start);

	parts[0] = (struct iovec){queue->ring + queue->start, first};
	parts[1] = (struct iovec){queue->ring, queue->len - first};
	return queue->len > first ? 2 : 1;
}

void stream_queue_remove(struct stream_queue *queue, size_t len)
{
	queue->start = (queue->start + len) % STREAM_QUEUE_SIZE;
	queue->len -= len;
	if (!queue->len)
		stream_queue_done(queue);
}
