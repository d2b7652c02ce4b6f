/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a stream's socket had no room for: bytes in order, under a limit. Its memory is there only
 * while something waits. */
#pragma once

#include "hub/frame.h"

/*
 * Two full reads of another port (256 KiB each): a client that misses a turn loses nothing, one
 * that is stuck costs half a MiB, and at 1 Gbit/s it is 4 ms, which is what a queue may delay.
 */
#define STREAM_QUEUE_SIZE (512 * 1024)

struct stream_queue {
	uint8_t *ring; /* of STREAM_QUEUE_SIZE bytes; NULL: nothing waits */
	size_t start, len;
};

void stream_queue_done(struct stream_queue *queue);
/* The frame with its length before it, without the first `sent` bytes of both. False: no room, or
 * no memory; an empty queue has room for any frame. */
bool stream_queue_add(struct stream_queue *queue, const struct frame *frame, uint32_t sent);
/* Where what waits lies: at most 2 parts; returns their count. */
unsigned stream_queue_parts(const struct stream_queue *queue, struct iovec parts[2]);
void stream_queue_remove(struct stream_queue *queue, size_t len);
