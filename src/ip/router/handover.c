/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/router/handover.h"

#include "base/attr.h"

#include <stdlib.h>

#define RECORD_ALIGN 16
/* While the reader keeps up, no more of the ring is used than one part of so many, and memory is
 * taken for no more. It is also what there is room for right after beginning anew: a window of
 * TCP's, at least. */
#define WARM_PART 2

struct handover *handover_new(size_t size)
{
	struct handover *handover = aligned_alloc(64, sizeof(*handover));

	if (!handover)
		return NULL;
	*handover = (struct handover){.size = size};
	/* Its pages are there when they are first used, and not before. */
	handover->ring = aligned_alloc(4096, size);
	if (handover->ring)
		return handover;
	free(handover);
	return NULL;
}

void handover_free(struct handover *handover)
{
	if (!handover)
		return;
	free(handover->ring);
	free(handover);
}

static struct handed *at(const struct handover *handover, size_t place)
{
	return (struct handed *)(handover->ring + (place & (handover->size - 1)));
}

static size_t room_of(struct handover *handover, size_t wanted)
{
	size_t room = handover->size - (handover->written - handover->head_seen);

	if (room >= wanted)
		return room;
	handover->head_seen = atomic_load_explicit(&handover->head, memory_order_acquire);
	return handover->size - (handover->written - handover->head_seen);
}

/* What is left before the ring's end is passed over. */
static void skip(struct handover *handover, size_t left)
{
	*at(handover, handover->written) = (struct handed){.size = (uint32_t)left};
	handover->written += left;
}

static bool is_empty(struct handover *handover)
{
	handover->head_seen = atomic_load_explicit(&handover->head, memory_order_acquire);
	return handover->head_seen == handover->written;
}

struct handed *handover_reserve(struct handover *handover, uint32_t len)
{
	size_t size = sizeof(struct handed) + len + RECORD_ALIGN - 1;
	size_t offset = handover->written & (handover->size - 1), left = handover->size - offset;
	struct handed *handed;

	/* A skip takes a header's place too. */
	size = (size & ~(size_t)(RECORD_ALIGN - 1)) + sizeof(struct handed);
	if (left < size) {
		if (room_of(handover, left + size) < left + size)
			return NULL;
		skip(handover, left);
	} else if (offset >= handover->size / WARM_PART && is_empty(handover)) {
		skip(handover, left);
	}
	if (room_of(handover, size) < size)
		return NULL;
	handed = at(handover, handover->written);
	handed->size = (uint32_t)(size - sizeof(struct handed));
	handed->len = len;
	return handed;
}

void handover_commit(struct handover *handover, const struct handed *handed)
{
	handover->written += handed->size;
}

/* In one order with loop_post() and with the start of its task (io/loop.h): either the reader sees
 * this place, or it is told again. */
void handover_publish(struct handover *handover)
{
	if (atomic_load_explicit(&handover->tail, memory_order_relaxed) == handover->written)
		return;
	atomic_store(&handover->tail, handover->written);
	if (handover->on_written)
		handover->on_written(handover);
}

struct handed *handover_next(struct handover *handover)
{
	size_t tail = atomic_load(&handover->tail);

	while (handover->read != tail) {
		struct handed *handed = at(handover, handover->read);

		handover->read += handed->size;
		if (handed->len)
			return handed;
	}
	return NULL;
}

void handover_release(struct handover *handover)
{
	atomic_store_explicit(&handover->head, handover->read, memory_order_release);
}
