/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A byte ring addressed by sequence number: byte `seq` lies at seq modulo the size, a power of two.
 * Memory comes when the first byte has to be kept and goes when none is; what a flow may keep is
 * reserved beforehand, so that a promise (a TCP window) can always be held.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define RING_SIZE_MIN	((uint32_t)16 * 1024)
#define RING_SIZE_FIRST ((uint32_t)64 * 1024)
#define RING_SIZE_MAX	((uint32_t)4 * 1024 * 1024)
#define RING_CLASSES	9 /* 16 KiB << 0 .. 16 KiB << 8 */

/* What all rings of a gateway share. Bytes. Rings larger than the first size come out of one half
 * of it, so that those that grew leave room for those that come. */
struct ring_pool {
	size_t limit, reserved, used;
	void *free_blocks[RING_CLASSES]; /* a few are kept of each size */
	size_t kept;			 /* in those */
};

struct ring {
	struct ring_pool *pool;
	uint8_t *bytes;	   /* NULL: nothing kept */
	uint32_t size;	   /* of bytes */
	uint32_t reserved; /* may become this large without asking; a power of two */
};

void ring_pool_done(struct ring_pool *pool);

/* Raises the reservation to `size` (a power of two). False: the pool is used up; nothing changed.
 */
bool ring_reserve(struct ring *ring, uint32_t size) MUST_USE;
/* Memory for the reserved size; keeps the bytes from start to end. False: no memory. */
bool ring_hold(struct ring *ring, uint32_t start, uint32_t end) MUST_USE;
/* Nothing is kept any more: memory goes back, the reservation stays. */
void ring_release(struct ring *ring);
/* Gives back memory and reservation. */
void ring_done(struct ring *ring);

/* Where the bytes from seq to seq + len lie: 1 or 2 parts, 0 for len 0. */
unsigned ring_slice(const struct ring *ring, uint32_t seq, uint32_t len, struct iovec parts[2]);
/* Copies a scattered buffer's bytes [offset, offset + len) to seq. */
void ring_write(struct ring *ring, uint32_t seq, const struct iovec *parts, unsigned count,
	size_t offset, size_t len);
