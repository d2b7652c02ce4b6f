/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/inflight.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* virtio 1.2 2.7 and 2.8: of a split ring's areas, each ends with the other side's event index. */
struct virtqueue_areas virtqueue_areas(const struct virtqueue *queue)
{
	const uint64_t size = queue->size;

	if (queue->is_packed)
		return (struct virtqueue_areas){16 * size, 4, 4};
	return (struct virtqueue_areas){16 * size, 4 + 2 * size + 2, 4 + 8 * size + 2};
}

/* Packed: bits 0 to 14 where to take and bit 15 its wrap counter, the same above for where to give
 * back; we are never in between, so the upper half, which not every front end fills in, is not
 * asked. */
void virtqueue_set_base(struct virtqueue *queue, uint32_t base)
{
	queue->next = (uint16_t)(queue->is_packed ? base & 0x7fff : base);
	queue->next_wrap = base & 0x8000;
	queue->available = queue->used = queue->next;
	queue->used_wrap = queue->next_wrap;
	queue->unpublished = queue->unheard = 0;
}

uint32_t virtqueue_base(const struct virtqueue *queue)
{
	uint32_t half = queue->next;

	if (!queue->is_packed)
		return half;
	half |= queue->next_wrap ? 0x8000u : 0;
	return half | half << 16;
}

int virtqueue_take(struct virtqueue *queue, struct chain_parts *parts, struct chain *ret)
{
	return queue->is_packed ? packed_take(queue, parts, ret) : split_take(queue, parts, ret);
}

void virtqueue_untake(struct virtqueue *queue, unsigned slots)
{
	if (queue->is_packed)
		packed_untake(queue, slots);
	else
		split_untake(queue, slots);
}

void virtqueue_give(struct virtqueue *queue, const struct chain *chain, uint32_t written)
{
	if (queue->is_packed)
		packed_give(queue, chain, written);
	else
		split_give(queue, chain, written);
	queue->unpublished = (uint16_t)(queue->unpublished + chain->slots);
}

void virtqueue_publish(struct virtqueue *queue)
{
	if (!queue->unpublished)
		return;
	if (queue->is_packed)
		packed_publish(queue);
	else
		split_publish(queue);
	queue->unheard = (uint16_t)(queue->unheard + queue->unpublished);
	queue->unpublished = 0;
}

bool virtqueue_wants_call(struct virtqueue *queue)
{
	bool does;

	if (!queue->unheard)
		return false;
	/* Either the driver sees what was published, or we see what it wants. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	does = queue->is_packed ? packed_wants_call(queue) : split_wants_call(queue);
	queue->unheard = 0;
	return does;
}

void virtqueue_silence(struct virtqueue *queue)
{
	if (queue->is_packed)
		packed_silence(queue);
	else
		split_silence(queue);
}

bool virtqueue_listen(struct virtqueue *queue, unsigned left_slots)
{
	return queue->is_packed ? packed_listen(queue, left_slots)
				: split_listen(queue, left_slots);
}

int virtqueue_refuse(struct virtqueue *queue, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return error_set(queue->error, EPROTO, "queue %u: %s", queue->index, what);
}

int chain_add(struct virtqueue *queue, struct chain_parts *parts, struct chain *chain,
	uint64_t addr, uint32_t len, uint16_t flags)
{
	unsigned count;

	if (++chain->descriptors > queue->size)
		return virtqueue_refuse(queue, "a chain is longer than the queue, or a loop");
	if (!(flags & VRING_DESC_F_WRITE) == queue->is_written)
		return virtqueue_refuse(queue, "a buffer is for %s",
			queue->is_written ? "reading, where the guest receives"
					  : "writing, where the guest sends");
	if (!len)
		return 0;
	count = guest_memory_find(queue->memory, addr, len, parts->at, parts->left);
	if (!count)
		return virtqueue_refuse(queue,
			"a buffer of %u bytes at 0x%llx is not in the guest's memory", len,
			(unsigned long long)addr);
	parts->at += count;
	parts->left -= count;
	chain->part_count = (uint16_t)(chain->part_count + count);
	chain->len += len;
	return 0;
}

const void *chain_table(struct virtqueue *queue, uint64_t addr, uint32_t len, uint16_t *ret_count)
{
	struct iovec part;

	if (!queue->has_indirect)
		virtqueue_refuse(queue, "an indirect table, which was not negotiated");
	else if (!len || len % 16 || len / 16 > queue->size)
		virtqueue_refuse(queue, "an indirect table of %u bytes", len);
	else if (guest_memory_find(queue->memory, addr, len, &part, 1) != 1)
		virtqueue_refuse(queue, "an indirect table at 0x%llx, not in the guest's memory",
			(unsigned long long)addr);
	else {
		*ret_count = (uint16_t)(len / 16);
		return part.iov_base;
	}
	return NULL;
}
