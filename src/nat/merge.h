/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of one flow that come in one batch and follow each other are taken as one: one look-up,
 * one acknowledgement, one write to the socket. They stay where they are; a merged frame may be
 * longer than any IP packet.
 */
#pragma once

#include "hub/frame.h"
#include "wire/packet.h"

struct merge {
	struct frame frame;   /* head and body point below; len 0: nothing is held */
	struct packet packet; /* of the first segment, ending with the last */
	uint8_t head[FRAME_HEAD_MIN];
	struct iovec parts[FRAME_BODY_MAX];
	uint32_t next_seq;
};

/* Whether it may begin a run: plain data whose checksum nobody has to look at, in a frame that
 * lives as long as its batch. */
bool merge_may_begin(const struct frame *frame, const struct packet *packet);
/* merge holds nothing. */
void merge_begin(struct merge *merge, const struct frame *frame, const struct packet *packet);
/* False: it does not follow what is held, which is unchanged. */
bool merge_join(struct merge *merge, const struct frame *frame, const struct packet *packet);
