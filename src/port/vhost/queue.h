/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One queue of a virtio device (virtio 1.2, 2.6), seen from the device: chains that the driver made
 * available are taken, and given back used. The rings lie in the guest's memory and change while
 * they are read: whatever comes from there is read once, and believed in nothing.
 *
 * Chains are given back in the order they were taken, and all of them before the loop goes on; so
 * there is never more to know about a queue than where it stands.
 */
#pragma once

#include "port/vhost/memory.h"

#include <linux/virtio_ring.h>

struct again;

#define QUEUE_SIZE_MAX 1024 /* descriptors; QEMU's own limit */

/* Where the parts of chains go. */
struct chain_parts {
	struct iovec *at;
	unsigned left;
};

/* What was taken in one piece. */
struct chain {
	uint16_t id;	/* the driver's name for it */
	uint16_t slots; /* in the ring: 1 when split, the descriptors of the chain when packed */
	uint16_t descriptors; /* looked at, those of an indirect table too */
	uint16_t part_count;
	uint64_t len; /* bytes, over all parts */
	struct iovec *parts;
};

struct virtqueue {
	const struct guest_memory *memory;
	struct error *error; /* where a queue says what is wrong with it */
	unsigned index;	     /* in the device */
	uint16_t size;	     /* descriptors */
	bool is_packed, has_event_index, has_indirect;
	bool is_written; /* by the device: the guest receives here */

	void *descriptors;
	void *driver; /* split: the available ring; packed: when the driver wants to hear */
	void *device; /* split: the used ring; packed: when we want to hear */

	uint16_t next;	      /* where to take */
	uint16_t available;   /* split: up to here, as last read */
	uint16_t used;	      /* where to give back */
	uint16_t unpublished; /* slots given back that the driver does not see yet */
	uint16_t unheard;     /* slots it sees, since it was last asked whether it wants to hear */
	bool next_wrap, used_wrap; /* packed */
	struct first {		   /* packed: of what is unpublished */
		uint16_t place, id, flags;
		uint32_t len;
	} first;

	void *inflight;		   /* inflight.c's: this queue's record, or NULL */
	struct again *again;	   /* split: what was in flight */
	uint64_t inflight_counter; /* split */
	uint16_t noted;		   /* packed */
};

/* Bytes that each of the three areas takes. */
struct virtqueue_areas {
	uint64_t descriptors, driver, device;
};
struct virtqueue_areas virtqueue_areas(const struct virtqueue *queue);

/* Where a driver, or a device before us, left off: the number of SET_VRING_BASE. */
void virtqueue_set_base(struct virtqueue *queue, uint32_t base);
uint32_t virtqueue_base(const struct virtqueue *queue);

/* 1: *ret is a chain whose parts were taken from *parts. 0: there is none.
 * Below 0: the ring is broken, *queue->error says how. */
int virtqueue_take(struct virtqueue *queue, struct chain_parts *parts, struct chain *ret) MUST_USE;
/* The chains taken last, and not given back, were not taken after all. slots: theirs in sum. */
void virtqueue_untake(struct virtqueue *queue, unsigned slots);
/* written: bytes that we put in. The driver sees nothing before virtqueue_publish(). */
void virtqueue_give(struct virtqueue *queue, const struct chain *chain, uint32_t written);
void virtqueue_publish(struct virtqueue *queue);
/* Whether the driver wants to hear of what was published since this was last asked. */
bool virtqueue_wants_call(struct virtqueue *queue);
/* The driver need not kick. */
void virtqueue_silence(struct virtqueue *queue);
/* The driver is to kick when there is more than what was taken, and the slots behind it that were
 * looked at and left. True: there is already. */
bool virtqueue_listen(struct virtqueue *queue, unsigned left_slots);

/* queue.c: what both layouts share. */

/* One look at 8 bytes that somebody may be writing. */
static inline uint64_t look_u64(const void *at)
{
	struct anywhere {
		uint64_t v;
	} __attribute__((packed));

	return ((const volatile struct anywhere *)at)->v;
}

static inline uint16_t look_u16(const void *at)
{
	return __atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE);
}

static inline void show_u16(void *at, uint16_t v)
{
	__atomic_store_n((uint16_t *)at, v, __ATOMIC_RELEASE);
}

/* As it lay there at one look. Its last two fields swap places between the layouts. */
struct descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t third, fourth; /* split: flags, next; packed: id, flags */
};

static inline struct descriptor look_descriptor(const void *at)
{
	const uint64_t rest = look_u64((const uint8_t *)at + 8);

	return (struct descriptor){.addr = look_u64(at),
		.len = (uint32_t)rest,
		.third = (uint16_t)(rest >> 32),
		.fourth = (uint16_t)(rest >> 48)};
}

int virtqueue_refuse(struct virtqueue *queue, const char *format, ...) PRINTF_LIKE(2, 3);
/* Puts what a descriptor points to behind the chain. */
int chain_add(struct virtqueue *queue, struct chain_parts *parts, struct chain *chain,
	uint64_t addr, uint32_t len, uint16_t flags) MUST_USE;
/* The table an indirect descriptor points to, of *ret_count descriptors; NULL: broken. */
const void *chain_table(
	struct virtqueue *queue, uint64_t addr, uint32_t len, uint16_t *ret_count) MUST_USE;

int split_take(struct virtqueue *queue, struct chain_parts *parts, struct chain *ret);
void split_untake(struct virtqueue *queue, unsigned slots);
void split_give(struct virtqueue *queue, const struct chain *chain, uint32_t written);
void split_publish(struct virtqueue *queue);
bool split_wants_call(struct virtqueue *queue);
void split_silence(struct virtqueue *queue);
bool split_listen(struct virtqueue *queue, unsigned left_slots);

int packed_take(struct virtqueue *queue, struct chain_parts *parts, struct chain *ret);
void packed_untake(struct virtqueue *queue, unsigned slots);
void packed_give(struct virtqueue *queue, const struct chain *chain, uint32_t written);
void packed_publish(struct virtqueue *queue);
/* Whether the driver's descriptor at a place is for us to take, in a round of so many. */
bool packed_is_available(const struct virtqueue *queue, uint16_t place, bool wrap);
void packed_write(
	struct virtqueue *queue, uint16_t place, uint16_t id, uint32_t len, uint16_t flags);
bool packed_wants_call(struct virtqueue *queue);
void packed_silence(struct virtqueue *queue);
bool packed_listen(struct virtqueue *queue, unsigned left_slots);
