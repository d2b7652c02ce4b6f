/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded ring of packets from one leg's thread to another's, without locks: one writes, one
 * reads. A packet is copied once, when it is written, and leaves from where it lies.
 */
#pragma once

#include "hub/frame.h"

#include <stdatomic.h>

#define HANDOVER_SIZE_MIN ((size_t)256 << 10) /* bytes: a few of the largest frames */

struct handed {
	uint32_t size; /* of all of it, with what is not used */
	uint32_t len;  /* of the frame; 0: there is none here */
	struct offload offload;
	struct ip hop; /* who on the reader's hub it is to go to */
	/* An Ethernet header, to be filled in by the reader, and the packet. */
	uint8_t bytes[];
};

struct handover {
	/* The reader is to be told that there is something. The writer's thread. NULL: it looks. */
	void (*on_written)(struct handover *handover);
	void *reader; /* for on_written */
	uint8_t *ring;
	size_t size;

	/* The writer's. Places count up for ever. */
	_Alignas(64) _Atomic size_t tail; /* what the reader may see */
	size_t written, head_seen;

	/* The reader's. */
	_Alignas(64) _Atomic size_t head; /* what the writer may overwrite */
	size_t read;
};

/* size: in bytes, a power of two, at least HANDOVER_SIZE_MIN. NULL: no memory. */
struct handover *handover_new(size_t size);
void handover_free(struct handover *handover); /* NULL is fine */

/* Writing: room for a frame, or NULL: the ring is full. It is the reader's with the next
 * handover_publish(); until then nobody knows of it, and until handover_commit() it is not there.
 */
struct handed *handover_reserve(struct handover *handover, uint32_t len);
void handover_commit(struct handover *handover, const struct handed *handed);
void handover_publish(struct handover *handover);

/* Reading: the next one, or NULL; all of them stay until handover_release(). */
struct handed *handover_next(struct handover *handover);
void handover_release(struct handover *handover);
