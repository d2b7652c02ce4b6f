/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other way round than segment.h: neighbours of one TCP or UDP flow that follow each other
 * become one super-frame, as Linux' GRO makes them (RFC 9293; Documentation/networking/
 * segmentation-offloads). What it is cut into again is what it was made of. Bytes stay where they
 * are, but headers are written to.
 */
#pragma once

#include "hub/frame.h"
#include "wire/packet.h"

#define COALESCE_MAX 64

struct coalescer {
	struct frame frames[COALESCE_MAX];
	unsigned count;
	/* The last of the frames, while more may join it. */
	bool is_open;
	struct packet packet; /* of its first segment */
	uint32_t next_seq;
	uint16_t segments;
	struct iovec parts[COALESCE_MAX];
	unsigned part_count;
};

static inline void coalesce_begin(struct coalescer *coalescer)
{
	coalescer->count = coalescer->part_count = 0;
	coalescer->is_open = false;
}

/* A frame of at least an Ethernet header, in memory of ours, with at most a checksum left to be
 * made. There is room for COALESCE_MAX. */
void coalesce_add(
	struct coalescer *coalescer, uint8_t *bytes, uint32_t len, const struct offload *offload);
/* Then coalescer->frames are complete. */
void coalesce_end(struct coalescer *coalescer);
