/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other side of a vhost-user back end, for tests, fuzzing and bench: a guest's memory with
 * queues in it, a driver for them in either layout, and the messages of a front end. It believes
 * the back end; what it says itself can be anything.
 */
#pragma once

#include "port/vhost/message.h"
#include "port/vhost/queue.h"

#define FRONT_GUEST_BASE 0x40000000ull	   /* where memory begins for the guest */
#define FRONT_USER_BASE	 0x7f0000000000ull /* and for the front end */
#define FRONT_QUEUES_MAX 8

struct front_settings {
	uint64_t features;	    /* VHOST_FEATURE_PROTOCOL is added */
	uint16_t size;		    /* descriptors of each queue */
	unsigned pairs;		    /* of queues; 0: 1 */
	size_t memory_size;	    /* bytes; 0: FRONT_MEMORY_SIZE */
	uint64_t protocol_features; /* 0: REPLY_ACK and MQ alone */
};

#define FRONT_MEMORY_SIZE (8u << 20)
/* Memory behind the rings: whoever uses a front end lays out buffers there. */
#define FRONT_BUFFERS (1u << 20)

struct front_queue {
	uint8_t *descriptors, *driver, *device; /* the areas of virtqueue_areas() */
	uint64_t indirect;			/* offset of the table of each descriptor */
	int kick_fd, call_fd;
	uint16_t size, next, next_used, published;
	uint16_t free_count, free_slots; /* of `free`; of the ring */
	bool next_wrap, used_wrap;
	uint16_t free[QUEUE_SIZE_MAX];	/* split: descriptors; packed: ids */
	uint16_t slots[QUEUE_SIZE_MAX]; /* of the chain that has this id */
	uint64_t tokens[QUEUE_SIZE_MAX];
};

struct front_end {
	int socket, memory_fd;
	uint8_t *memory;
	size_t memory_size;
	uint64_t features;
	bool is_packed;
	unsigned queue_count;
	struct front_queue queues[FRONT_QUEUES_MAX];
};

/* Makes memory and queues; says nothing yet. socket: connected, and ours from now on. 0 or -errno.
 */
int front_open(struct front_end *front, int socket, const struct front_settings *settings);
void front_close(struct front_end *front);

/* A message, with the first payload_len bytes of *payload and fds. False: it did not go out. */
bool front_say(struct front_end *front, uint32_t request, const void *payload, uint32_t payload_len,
	const int *fds, unsigned fd_count);
bool front_say_value(struct front_end *front, uint32_t request, uint64_t value);
bool front_say_state(struct front_end *front, uint32_t request, unsigned index, unsigned num);
/* Waits for an answer; *ret_fd: one that came along, or -1. */
bool front_hear(struct front_end *front, struct vhost_message *ret, int *ret_fd);

/* All that a front end says before frames flow, without waiting for answers; or its parts. */
void front_start(struct front_end *front, const struct front_settings *settings);
void front_say_features(struct front_end *front, const struct front_settings *settings);
void front_say_memory(struct front_end *front);
void front_say_queue(struct front_end *front, unsigned index);
struct vhost_vring_addr front_addr(const struct front_end *front, unsigned index);

struct front_part {
	uint64_t at; /* offset in memory */
	uint32_t len;
};

enum front_how {
	FRONT_READ = 0,	    /* the device reads */
	FRONT_WRITE = 1,    /* the device writes */
	FRONT_INDIRECT = 2, /* in a table of its own */
};

/* Puts a chain in the queue, not yet seen when it is split. False: the queue is full. */
bool front_offer(struct front_end *front, unsigned index, const struct front_part *parts,
	unsigned count, unsigned how, uint64_t token);
/* Shows what was put there, and kicks if the device wants to hear. True: it was kicked. */
bool front_kick(struct front_end *front, unsigned index);
/* The next chain that came back; len: bytes the device wrote. */
bool front_used(struct front_end *front, unsigned index, uint64_t *ret_token, uint32_t *ret_len);
/* Whether the device should call (true) or need not. */
void front_listen(struct front_end *front, unsigned index, bool is_wanted);
