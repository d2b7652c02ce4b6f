/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that wait for a session: copies, the oldest of which give way to new ones. */
#pragma once

#include "base/list.h"
#include "wg/device.h"

struct stage {
	struct list packets;
	size_t bytes;
	unsigned count;
};

struct staged {
	struct list node;
	uint32_t len;
	uint8_t bytes[];
};

void stage_init(struct stage *stage);
/* Counts what it had to let go. */
void stage_add(struct wg_peer *peer, const struct wg_packet *packet);
/* The oldest, for the caller to free; NULL: none. */
struct staged *stage_take(struct wg_peer *peer);
/* All are lost; returns how many. */
unsigned stage_clear(struct wg_peer *peer);
