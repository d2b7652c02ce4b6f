/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame as it crosses a hub. It is lent: valid until the call it came with returns. Who keeps it
 * or changes it copies it first. The head is the frame's first bytes in our own memory; decide on
 * it alone. The body is never looked at on the way, so it may be guest memory or a TCP ring.
 */
#pragma once

#include "wire/eth.h"
#include "wire/vnet.h"

#include <sys/uio.h>

/* The head holds at least this many bytes of the frame, or all of it: room for Ethernet, a tag,
 * IP with options and TCP with options. */
#define FRAME_HEAD_MIN 192
/* A body has at most this many parts: Linux' own have 17, but segments that are joined where they
 * lie have one each, and UDP_GRO gives 45 of a link's at a time. */
#define FRAME_BODY_MAX 48

struct frame {
	const uint8_t *head;
	uint32_t head_len, len;	  /* bytes; len is the whole frame, without FCS */
	const struct iovec *body; /* what follows the head: len - head_len bytes in all */
	uint16_t body_count;
	struct offload offload;
	uint8_t crossed; /* links to other hubs, on its way here; 0: it is from here */
};

/* Where the bytes from offset to offset + len lie; at most FRAME_BODY_MAX + 1 parts.
 * Returns their count; 0 when the frame does not reach that far or len is 0. */
unsigned frame_slice(const struct frame *frame, uint32_t offset, uint32_t len,
	struct iovec parts[FRAME_BODY_MAX + 1]);
/* Copies bytes out; returns how many (fewer only when the frame ends). */
uint32_t frame_copy(const struct frame *frame, uint32_t offset, void *out, uint32_t len);

/* The three below are for frames with offload fields; those that nothing is left to do for take the
 * short way past them. */
bool frame_offload_is_sound(const struct frame *frame);
uint32_t frame_segment_count(const struct frame *frame);
uint32_t frame_segment_len(const struct frame *frame);

/* Whether the offload fields can be believed as far as hub/ looks at the head for them. */
static inline bool frame_is_sound(const struct frame *frame)
{
	const struct offload *offload = &frame->offload;

	return !(offload->kind | offload->needs_checksum) || frame_offload_is_sound(frame);
}

/* How many frames it stands for: 1 when it is not to be cut. */
static inline uint32_t frame_wire_count(const struct frame *frame)
{
	return frame->offload.kind == SEGMENT_NONE ? 1 : frame_segment_count(frame);
}

/* The length of the longest of them, in bytes. */
static inline uint32_t frame_wire_len(const struct frame *frame)
{
	return frame->offload.kind == SEGMENT_NONE ? frame->len : frame_segment_len(frame);
}

static inline struct frame frame_linear(const void *bytes, uint32_t len)
{
	return (struct frame){.head = bytes, .head_len = len, .len = len};
}
