/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Split rings (virtio 1.2, 2.7): a table of descriptors, a ring of heads that are available, a ring
 * of those that were used. */
#include "port/vhost/inflight.h"

static uint16_t *available_index(const struct virtqueue *queue)
{
	return (uint16_t *)queue->driver + 1;
}

static uint16_t head_at(const struct virtqueue *queue, uint16_t place)
{
	const uint16_t *ring = (const uint16_t *)queue->driver + 2;
	const uint16_t head = look_u16(ring + (place & (queue->size - 1)));

	return UNLIKELY(queue->again) ? inflight_head(queue, place, head) : head;
}

/* Behind the available ring: the driver wants to hear when this one is used. */
static uint16_t used_event(const struct virtqueue *queue)
{
	return look_u16((const uint16_t *)queue->driver + 2 + queue->size);
}

/* Behind the used ring: we want to hear when this one is available. */
static uint16_t *available_event(const struct virtqueue *queue)
{
	return (uint16_t *)((uint8_t *)queue->device + 4 + 8 * (size_t)queue->size);
}

struct table {
	const uint8_t *at;
	uint16_t size; /* descriptors */
	bool is_indirect;
};

static int walk(struct virtqueue *queue, const struct table *table, uint16_t place,
	struct chain_parts *parts, struct chain *chain);

static int walk_indirect(struct virtqueue *queue, const struct descriptor *d,
	struct chain_parts *parts, struct chain *chain)
{
	struct table table = {.is_indirect = true};

	if (d->third & VRING_DESC_F_NEXT)
		return virtqueue_refuse(queue, "an indirect table that is not the chain's end");
	table.at = chain_table(queue, d->addr, d->len, &table.size);
	return table.at ? walk(queue, &table, 0, parts, chain) : -1;
}

/* From the descriptor at `place` until one has no next. */
static int walk(struct virtqueue *queue, const struct table *table, uint16_t place,
	struct chain_parts *parts, struct chain *chain)
{
	struct descriptor d;
	int err;

	do {
		if (place >= table->size)
			return virtqueue_refuse(
				queue, "descriptor %u in a table of %u", place, table->size);
		d = look_descriptor(table->at + 16 * (size_t)place);
		if (d.third & VRING_DESC_F_INDIRECT && !table->is_indirect)
			return walk_indirect(queue, &d, parts, chain);
		if (d.third & VRING_DESC_F_INDIRECT)
			return virtqueue_refuse(queue, "an indirect table in an indirect table");
		err = chain_add(queue, parts, chain, d.addr, d.len, d.third);
		if (err)
			return err;
		place = d.fourth;
	} while (d.third & VRING_DESC_F_NEXT);
	return 0;
}

static int look_for_more(struct virtqueue *queue)
{
	uint16_t waiting;

	queue->available = look_u16(available_index(queue));
	waiting = (uint16_t)(queue->available - queue->next);
	if (waiting > queue->size) {
		queue->available = queue->next;
		return virtqueue_refuse(
			queue, "%u chains are said to wait in a ring of %u", waiting, queue->size);
	}
	return waiting;
}

int split_take(struct virtqueue *queue, struct chain_parts *parts, struct chain *ret)
{
	const struct table table = {queue->descriptors, queue->size, false};
	struct chain chain = {.slots = 1, .parts = parts->at};
	int result;

	if (queue->available == queue->next) {
		result = look_for_more(queue);
		if (result <= 0)
			return result;
	}
	chain.id = head_at(queue, queue->next);
	result = walk(queue, &table, chain.id, parts, &chain);
	if (result)
		return result;
	queue->next++;
	if (UNLIKELY(queue->inflight))
		inflight_take(queue, chain.id);
	*ret = chain;
	return 1;
}

void split_untake(struct virtqueue *queue, unsigned slots)
{
	queue->next = (uint16_t)(queue->next - slots);
	for (unsigned i = 0; UNLIKELY(queue->inflight) && i < slots; i++)
		inflight_untake(queue, head_at(queue, (uint16_t)(queue->next + i)));
}

void split_give(struct virtqueue *queue, const struct chain *chain, uint32_t written)
{
	struct vring_used_elem *ring = (void *)((uint8_t *)queue->device + 4);

	if (UNLIKELY(queue->inflight))
		inflight_give(queue, chain->id);
	ring[queue->used++ & (queue->size - 1)] = (struct vring_used_elem){chain->id, written};
}

void split_publish(struct virtqueue *queue)
{
	show_u16((uint16_t *)queue->device + 1, queue->used);
	if (UNLIKELY(queue->inflight))
		inflight_strike(queue);
}

bool split_wants_call(struct virtqueue *queue)
{
	const uint16_t used = queue->used, before = (uint16_t)(used - queue->unheard);

	if (queue->has_event_index)
		return vring_need_event(used_event(queue), used, before);
	return !(look_u16(queue->driver) & VRING_AVAIL_F_NO_INTERRUPT);
}

/* With event indexes, the last one asked for is long past: that is silence. */
void split_silence(struct virtqueue *queue)
{
	if (!queue->has_event_index)
		show_u16(queue->device, VRING_USED_F_NO_NOTIFY);
}

bool split_listen(struct virtqueue *queue, unsigned left_slots)
{
	const uint16_t place = (uint16_t)(queue->next + left_slots);

	if (queue->has_event_index)
		show_u16(available_event(queue), place);
	else
		show_u16(queue->device, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return look_u16(available_index(queue)) != place;
}
