/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/tcp/ring.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX                                                                                   \
	((size_t)4 * 1024 *                                                                        \
		1024) /* bytes of free blocks: bulk flows come and go without page faults */

static unsigned class_of(uint32_t size)
{
	return (unsigned)__builtin_ctz(size / RING_SIZE_MIN);
}

static void *block_take(struct ring_pool *pool, uint32_t size)
{
	unsigned class = class_of(size);
	void *block = pool->free_blocks[class];

	if (block) {
		memcpy(&pool->free_blocks[class], block, sizeof(void *));
		pool->kept -= size;
	} else {
		block = malloc(size);
	}
	if (block)
		pool->used += size;
	return block;
}

static void block_give(struct ring_pool *pool, void *block, uint32_t size)
{
	unsigned class = class_of(size);

	pool->used -= size;
	if (pool->kept + size > KEPT_MAX) {
		free(block);
		return;
	}
	memcpy(block, &pool->free_blocks[class], sizeof(void *));
	pool->free_blocks[class] = block;
	pool->kept += size;
}

void ring_pool_done(struct ring_pool *pool)
{
	for (unsigned class = 0; class < RING_CLASSES; class ++) {
		void *block = pool->free_blocks[class], *next;

		for (; block; block = next) {
			memcpy(&next, block, sizeof(next));
			free(block);
		}
		pool->free_blocks[class] = NULL;
	}
	pool->kept = 0;
}

bool ring_reserve(struct ring *ring, uint32_t size)
{
	struct ring_pool *pool = ring->pool;
	size_t limit = size > RING_SIZE_FIRST ? pool->limit / 2 : pool->limit;

	if (size <= ring->reserved)
		return true;
	if (size > RING_SIZE_MAX || pool->reserved + (size - ring->reserved) > limit)
		return false;
	pool->reserved += size - ring->reserved;
	ring->reserved = size;
	return true;
}

bool ring_hold(struct ring *ring, uint32_t start, uint32_t end)
{
	struct ring bigger = {
		.pool = ring->pool, .size = ring->reserved, .reserved = ring->reserved};
	struct iovec kept[2];
	unsigned count;

	if (ring->bytes && ring->size == ring->reserved)
		return true;
	if (!ring->reserved)
		return false;
	bigger.bytes = block_take(ring->pool, bigger.size);
	if (!bigger.bytes)
		return ring->bytes != NULL;
	if (ring->bytes) {
		count = ring_slice(ring, start, end - start, kept);
		ring_write(&bigger, start, kept, count, 0, end - start);
		block_give(ring->pool, ring->bytes, ring->size);
	}
	*ring = bigger;
	return true;
}

void ring_release(struct ring *ring)
{
	if (ring->bytes)
		block_give(ring->pool, ring->bytes, ring->size);
	ring->bytes = NULL;
	ring->size = 0;
}

void ring_done(struct ring *ring)
{
	if (!ring->pool)
		return;
	ring_release(ring);
	ring->pool->reserved -= ring->reserved;
	ring->reserved = 0;
}

unsigned ring_slice(const struct ring *ring, uint32_t seq, uint32_t len, struct iovec parts[2])
{
	uint32_t at = seq & (ring->size - 1), first = MIN(len, ring->size - at);

	if (!len)
		return 0;
	parts[0] = (struct iovec){ring->bytes + at, first};
	parts[1] = (struct iovec){ring->bytes, len - first};
	return len > first ? 2 : 1;
}

void ring_write(struct ring *ring, uint32_t seq, const struct iovec *parts, unsigned count,
	size_t offset, size_t len)
{
	for (unsigned i = 0; i < count && len; i++) {
		const uint8_t *from = parts[i].iov_base;
		size_t left = parts[i].iov_len;

		if (offset >= left) {
			offset -= left;
			continue;
		}
		from += offset;
		left = MIN(left - offset, len);
		offset = 0;
		len -= left;
		while (left) {
			uint32_t at = seq & (ring->size - 1);
			uint32_t n = MIN((uint32_t)left, ring->size - at);

			memcpy(ring->bytes + at, from, n);
			seq += n;
			from += n;
			left -= n;
		}
	}
}
