/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a socket had no room for: frames in order, under a limit, each with its length before it
 * (four bytes, big endian). Its memory is there only while something waits.
 */
#pragma once

#include "hub/frame.h"

/*
 * Two full reads of another port (256 KiB each): a client that misses a turn loses nothing, one
 * that is stuck costs half a MiB, and at 1 Gbit/s it is 4 ms, which is what a queue may delay.
 */
#define FRAME_QUEUE_SIZE (512 * 1024)

/*
 * A ring in which each frame lies in one piece: the last one of a lap may go beyond the size, and
 * the next lap begins at 0.
 */
struct frame_queue {
	uint8_t *bytes; /* NULL: nothing waits */
	size_t start, end, len;
	size_t lap_end; /* where the bytes end that go on at 0; 0: the end is in the same lap */
};

void frame_queue_done(struct frame_queue *queue);
/* The frame with its length before it, without the first `sent` bytes of both. False: no room, or
 * no memory; an empty queue has room for any frame. */
bool frame_queue_add(struct frame_queue *queue, const struct frame *frame, uint32_t sent);

/* As a stream: where what waits lies, in at most 2 parts; returns their count. */
unsigned frame_queue_parts(const struct frame_queue *queue, struct iovec parts[2]);
void frame_queue_remove(struct frame_queue *queue, size_t len);

/* As frames, for a queue that got whole ones only: the first of them; returns their count. */
unsigned frame_queue_frames(const struct frame_queue *queue, struct frame *ret, unsigned max);
void frame_queue_remove_frame(struct frame_queue *queue);
