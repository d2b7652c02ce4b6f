/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cuts the bytes of a stream into frames: a length of four bytes, big endian, then the frame. It
 * reads nothing itself. Whole frames stay where they were read; one that is incomplete gets memory
 * of its own, where the rest of it is then read to, so that nobody makes us copy twice by sending
 * byte by byte.
 */
#pragma once

#include "hub/hub.h"

/* The largest length that is believed: what QEMU takes itself (its NET_BUFSIZE). Of those, frames
 * beyond ETH_FRAME_MAX are counted as giants. */
#define STREAM_FRAME_MAX (4096 + 65536)

struct stream_input {
	uint8_t length[4]; /* what there is of a length that is incomplete */
	uint32_t length_len;
	uint8_t *frame; /* incomplete; NULL: none */
	uint32_t frame_len, frame_have;
};

void stream_input_done(struct stream_input *input);
/* Where the next bytes are to be read to: at most 2 parts; returns their count. room: size bytes,
 * untouched until stream_input_take(). */
unsigned stream_input_parts(
	const struct stream_input *input, void *room, size_t size, struct iovec parts[2]);
/*
 * len bytes were read to these parts: gives the frames in them to the hub. -EBADMSG: a length that
 * cannot be, which is written to *ret_bad_len; -ENOMEM. Then the stream cannot be followed any
 * further.
 */
int stream_input_take(struct stream_input *input, struct port *from, void *room, size_t len,
	nsec now, uint32_t *ret_bad_len) MUST_USE;
