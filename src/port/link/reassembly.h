/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that were too long for a link, put together again. What comes here was authenticated; it
 * is one peer's, and so is what it costs: so many frames at a time, so many bytes. The oldest makes
 * way, and one that is not whole after a while is given up.
 */
#pragma once

#include "base/list.h"
#include "base/time.h"
#include "hub/frame.h"
#include "port/link/header.h"

#define REASSEMBLY_FRAMES_MAX 256
#define REASSEMBLY_BYTES_MAX  (512 * 1024)
#define REASSEMBLY_PIECES_MAX 64
#define REASSEMBLY_AGE	      (2 * NSEC_PER_SEC)

struct reassembly {
	struct list frames; /* the oldest first */
	unsigned count;
	size_t bytes;
	uint64_t lost; /* frames that never were whole, or contradicted themselves */
};

void reassembly_init(struct reassembly *reassembly);
void reassembly_done(struct reassembly *reassembly);
/* A piece: header->len bytes. The whole frame, where this was what it lacked: valid until the next
 * call; else NULL. */
const uint8_t *reassembly_add(struct reassembly *reassembly, const struct link_header *header,
	const uint8_t *bytes, nsec now, uint32_t *ret_len);
