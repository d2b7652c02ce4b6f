/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed rings (virtio 1.2, 2.8): one ring of descriptors that the driver makes available and the
 * device overwrites with what was used. Whose a descriptor is, two bits say against a wrap counter
 * that turns each time round. */
#include "port/vhost/inflight.h"

#include <string.h>

#define AVAILABLE (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED	  (1u << VRING_PACKED_DESC_F_USED)
#define WRAP	  (1u << VRING_PACKED_EVENT_F_WRAP_CTR)

static uint8_t *descriptor_at(const struct virtqueue *queue, unsigned place)
{
	return (uint8_t *)queue->descriptors + 16 * (size_t)place;
}

static uint16_t *flags_at(const struct virtqueue *queue, unsigned place)
{
	return (uint16_t *)(descriptor_at(queue, place) + 14);
}

bool packed_is_available(const struct virtqueue *queue, uint16_t place, bool wrap)
{
	const uint16_t flags = look_u16(flags_at(queue, place));

	return !!(flags & AVAILABLE) == wrap && !!(flags & USED) != wrap;
}

/* A table has no chaining: all of it is the chain. */
static int take_table(struct virtqueue *queue, const struct descriptor *indirect,
	struct chain_parts *parts, struct chain *chain)
{
	uint16_t count = 0;
	const uint8_t *table = chain_table(queue, indirect->addr, indirect->len, &count);
	int err = table ? 0 : -1;

	for (unsigned i = 0; i < count && !err; i++) {
		const struct descriptor d = look_descriptor(table + 16 * i);

		err = chain_add(queue, parts, chain, d.addr, d.len, d.fourth);
	}
	return err;
}

static int take_descriptor(struct virtqueue *queue, const struct descriptor *d,
	struct chain_parts *parts, struct chain *chain)
{
	if (!(d->fourth & VRING_DESC_F_INDIRECT))
		return chain_add(queue, parts, chain, d->addr, d->len, d->fourth);
	if (d->fourth & VRING_DESC_F_NEXT)
		return virtqueue_refuse(queue, "an indirect table where none may be");
	return take_table(queue, d, parts, chain);
}

static void advance(const struct virtqueue *queue, uint16_t *place, bool *wrap, unsigned slots)
{
	*place = (uint16_t)(*place + slots);
	if (*place < queue->size)
		return;
	*place = (uint16_t)(*place - queue->size);
	*wrap = !*wrap;
}

int packed_take(struct virtqueue *queue, struct chain_parts *parts, struct chain *ret)
{
	struct chain chain = {.parts = parts->at};
	unsigned place = queue->next;
	struct descriptor d;
	int err;

	if (!packed_is_available(queue, queue->next, queue->next_wrap))
		return 0;
	do {
		if (chain.slots == queue->size)
			return virtqueue_refuse(queue, "a chain is longer than the queue");
		d = look_descriptor(descriptor_at(queue, place));
		err = take_descriptor(queue, &d, parts, &chain);
		if (err)
			return err;
		chain.slots++;
		place = place + 1 == queue->size ? 0 : place + 1;
	} while (d.fourth & VRING_DESC_F_NEXT);
	chain.id = d.third; /* the last one has it */
	advance(queue, &queue->next, &queue->next_wrap, chain.slots);
	*ret = chain;
	return 1;
}

void packed_untake(struct virtqueue *queue, unsigned slots)
{
	if (slots > queue->next) {
		queue->next = (uint16_t)(queue->next + queue->size);
		queue->next_wrap = !queue->next_wrap;
	}
	queue->next = (uint16_t)(queue->next - slots);
}

void packed_write(
	struct virtqueue *queue, uint16_t place, uint16_t id, uint32_t len, uint16_t flags)
{
	uint8_t *at = descriptor_at(queue, place);

	memcpy(at + 8, &len, sizeof(len));
	memcpy(at + 12, &id, sizeof(id));
	show_u16(at + 14, flags);
}

/* The driver reads in order: nothing is seen behind the first one until that has its flags. */
void packed_give(struct virtqueue *queue, const struct chain *chain, uint32_t written)
{
	uint16_t flags = queue->used_wrap ? AVAILABLE | USED : 0;

	flags |= written ? VRING_DESC_F_WRITE : 0;
	if (UNLIKELY(queue->inflight)) {
		inflight_note(queue, chain->id, written, flags);
	} else if (queue->unpublished) {
		packed_write(queue, queue->used, chain->id, written, flags);
	} else {
		queue->first = (struct first){queue->used, chain->id, flags, written};
	}
	advance(queue, &queue->used, &queue->used_wrap, chain->slots);
}

void packed_publish(struct virtqueue *queue)
{
	const struct first *first = &queue->first;

	if (UNLIKELY(queue->inflight))
		inflight_write(queue);
	else
		packed_write(queue, first->place, first->id, first->len, first->flags);
}

bool packed_wants_call(struct virtqueue *queue)
{
	const uint16_t used = queue->used, before = (uint16_t)(used - queue->unheard);
	uint16_t event;
	uint32_t wish;

	wish = __atomic_load_n((const uint32_t *)queue->driver, __ATOMIC_ACQUIRE);
	if (!queue->has_event_index || wish >> 16 != VRING_PACKED_EVENT_FLAG_DESC)
		return wish >> 16 != VRING_PACKED_EVENT_FLAG_DISABLE;
	event = (uint16_t)(wish & ~WRAP);
	if (!!(wish & WRAP) != queue->used_wrap)
		event = (uint16_t)(event - queue->size);
	return vring_need_event(event, used, before);
}

static void say(struct virtqueue *queue, uint16_t place, uint16_t flags)
{
	uint16_t *at = queue->device;

	show_u16(at, place);
	show_u16(at + 1, flags);
}

void packed_silence(struct virtqueue *queue)
{
	say(queue, 0, VRING_PACKED_EVENT_FLAG_DISABLE);
}

bool packed_listen(struct virtqueue *queue, unsigned left_slots)
{
	uint16_t place = queue->next;
	bool wrap = queue->next_wrap;

	advance(queue, &place, &wrap, left_slots);
	if (queue->has_event_index)
		say(queue, (uint16_t)(place | (wrap ? WRAP : 0)), VRING_PACKED_EVENT_FLAG_DESC);
	else
		say(queue, 0, VRING_PACKED_EVENT_FLAG_ENABLE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return packed_is_available(queue, place, wrap);
}
