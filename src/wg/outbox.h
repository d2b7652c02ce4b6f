/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sealed messages for one endpoint, of equal size but the last, on their way to one sendmsg(2). */
#pragma once

#include "wire/address.h"

#include <stddef.h>

struct wg_device;

struct outbox {
	uint8_t *bytes; /* WG_DATAGRAM_MAX */
	size_t len, segment_len;
	unsigned count;
	bool is_closed; /* the last is shorter */
	bool is_whole;	/* wg_peer_set_whole() */
	struct endpoint to;
};

/* Where a message of len bytes for that endpoint is to be written; sends first what cannot go with
 * it. len: at most WG_DATAGRAM_MAX. */
uint8_t *outbox_room(
	struct wg_device *device, const struct endpoint *to, size_t len, bool is_whole);
/* It has been written. */
void outbox_add(struct wg_device *device, size_t len);
void outbox_flush(struct wg_device *device);
