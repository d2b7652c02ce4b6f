/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/inflight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

struct split_entry {
	uint8_t is_inflight, padding[5];
	uint16_t next; /* of the last batch that was given back */
	uint64_t counter;
};

struct split_record {
	uint64_t features;
	uint16_t version, size;
	uint16_t last_batch;
	uint16_t used;
	struct split_entry entries[]; /* by head */
};

/*
 * The protocol's own proposal keeps all descriptors, for devices that give back in any order and so
 * overwrite what they still need. We give back in order: what is in flight is what lies between
 * where we give and where we take, and is still in the ring. Only a batch that is half written
 * there would be lost; so it is written here first.
 */
struct packed_entry {
	uint64_t flags;
	uint32_t len;
	uint16_t place, id;
};

struct packed_record {
	uint64_t features;
	uint16_t version, size;
	uint16_t used, used_wrap;	    /* before the batch */
	uint16_t next_used, next_used_wrap; /* and behind it */
	uint16_t batch_count;		    /* not 0: the batch is being written to the ring */
	uint16_t padding;
	struct packed_entry batch[];
};

/* Split: heads to be taken in place of the available ring's, from a place on. */
struct again {
	uint16_t start, count;
	uint16_t heads[];
};

uint64_t inflight_stride(uint16_t queue_size, bool is_packed)
{
	uint64_t len = is_packed ? sizeof(struct packed_record) +
					   queue_size * sizeof(struct packed_entry)
				 : sizeof(struct split_record) +
					   queue_size * sizeof(struct split_entry);

	return (len + 63) & ~63ull;
}

static uint16_t used_index(const struct virtqueue *queue)
{
	return look_u16((const uint16_t *)queue->device + 1);
}

/* Killed between showing a batch and striking it off: how far it got, the used ring says. */
static void strike_last_batch(struct virtqueue *queue, struct split_record *record)
{
	uint16_t head = look_u16(&record->last_batch);

	for (uint16_t left = (uint16_t)(used_index(queue) - record->used);
		left && left <= queue->size && head < queue->size; left--) {
		record->entries[head].is_inflight = 0;
		head = look_u16(&record->entries[head].next);
	}
	record->used = used_index(queue);
}

/* By counter; they are few, and often in order. */
static void insert(struct again *again, const uint64_t *counters, uint16_t head)
{
	uint16_t at = again->count++;

	for (; at && counters[again->heads[at - 1]] > counters[head]; at--)
		again->heads[at] = again->heads[at - 1];
	again->heads[at] = head;
}

static int collect(struct virtqueue *queue, struct split_record *record)
{
	struct again *again = malloc(sizeof(*again) + queue->size * sizeof(again->heads[0]));
	uint64_t *counters = malloc(queue->size * sizeof(*counters));

	if (!again || !counters) {
		free(again);
		free(counters);
		return -ENOMEM;
	}
	again->start = queue->next;
	again->count = 0;
	for (uint16_t head = 0; head < queue->size; head++) {
		counters[head] = look_u64(&record->entries[head].counter);
		if (record->entries[head].is_inflight)
			insert(again, counters, head);
		queue->inflight_counter = MAX(queue->inflight_counter, counters[head] + 1);
	}
	queue->again = again;
	free(counters);
	return 0;
}

static int resume_split(struct virtqueue *queue)
{
	struct split_record *record = queue->inflight;

	if (record->version != VERSION || record->size != queue->size) {
		memset(record, 0, inflight_stride(queue->size, false));
		record->size = queue->size;
		record->used = queue->used;
		record->version = VERSION;
		return 0;
	}
	strike_last_batch(queue, record);
	queue->next = queue->available = queue->used = record->used;
	return collect(queue, record);
}

/* The driver reads in order: all but the first, then that one. */
static void write_batch(struct virtqueue *queue, const struct packed_record *record, uint16_t count)
{
	for (unsigned i = count; i--;) {
		const struct descriptor entry = look_descriptor(&record->batch[i]);

		if (entry.third < queue->size)
			packed_write(
				queue, entry.third, entry.fourth, entry.len, (uint16_t)entry.addr);
	}
}

static void commit(struct packed_record *record)
{
	record->used = record->next_used;
	record->used_wrap = record->next_used_wrap;
	__atomic_store_n(&record->batch_count, 0, __ATOMIC_RELEASE);
}

/* Killed while a batch was written: if the driver cannot have seen it, it is written again. What it
 * saw may be in use for something else by now. */
static void settle_packed(struct virtqueue *queue, struct packed_record *record)
{
	const uint16_t count = look_u16(&record->batch_count);
	const uint16_t used = look_u16(&record->used);

	if (!count || count > queue->size || used >= queue->size)
		return;
	if (packed_is_available(queue, used, record->used_wrap))
		write_batch(queue, record, count);
	commit(record);
}

static int resume_packed(struct virtqueue *queue)
{
	struct packed_record *record = queue->inflight;
	uint16_t used;

	if (record->version != VERSION || record->size != queue->size) {
		*record = (struct packed_record){.size = queue->size,
			.used = queue->used,
			.used_wrap = queue->used_wrap,
			.version = VERSION};
		return 0;
	}
	settle_packed(queue, record);
	used = look_u16(&record->used);
	if (used >= queue->size)
		return virtqueue_refuse(queue, "its record says %u of %u", used, queue->size);
	queue->next = queue->used = used;
	queue->next_wrap = queue->used_wrap = record->used_wrap;
	return 0;
}

int inflight_resume(struct virtqueue *queue)
{
	return queue->is_packed ? resume_packed(queue) : resume_split(queue);
}

void inflight_leave(struct virtqueue *queue)
{
	free(queue->again);
	queue->again = NULL;
	queue->inflight = NULL;
}

void inflight_forget(struct virtqueue *queue)
{
	struct split_record *record = queue->inflight;

	if (record)
		record->version = 0; /* at the same place in both layouts */
	inflight_leave(queue);
}

uint16_t inflight_head(const struct virtqueue *queue, uint16_t place, uint16_t otherwise)
{
	const uint16_t nth = (uint16_t)(place - queue->again->start);

	return nth < queue->again->count ? queue->again->heads[nth] : otherwise;
}

void inflight_take(struct virtqueue *queue, uint16_t head)
{
	struct split_record *record = queue->inflight;

	record->entries[head].counter = queue->inflight_counter++;
	record->entries[head].is_inflight = 1;
}

void inflight_untake(struct virtqueue *queue, uint16_t head)
{
	struct split_record *record = queue->inflight;

	if (head < queue->size)
		record->entries[head].is_inflight = 0;
}

void inflight_give(struct virtqueue *queue, uint16_t head)
{
	struct split_record *record = queue->inflight;

	record->entries[head].next = record->last_batch;
	record->last_batch = head;
}

void inflight_strike(struct virtqueue *queue)
{
	const struct vring_used_elem *ring = (void *)((uint8_t *)queue->device + 4);
	struct split_record *record = queue->inflight;

	for (uint16_t i = 0; i < queue->unpublished; i++) {
		const uint16_t place = (uint16_t)(queue->used - 1 - i) & (queue->size - 1);
		const uint32_t head = ring[place].id;

		if (head < queue->size)
			record->entries[head].is_inflight = 0;
	}
	record->used = queue->used;
}

void inflight_note(struct virtqueue *queue, uint16_t id, uint32_t len, uint16_t flags)
{
	struct packed_record *record = queue->inflight;

	if (queue->noted < queue->size)
		record->batch[queue->noted++] = (struct packed_entry){
			.place = queue->used, .id = id, .len = len, .flags = flags};
}

void inflight_write(struct virtqueue *queue)
{
	struct packed_record *record = queue->inflight;

	record->next_used = queue->used;
	record->next_used_wrap = queue->used_wrap;
	__atomic_store_n(&record->batch_count, queue->noted, __ATOMIC_RELEASE);
	write_batch(queue, record, queue->noted);
	commit(record);
	queue->noted = 0;
}
