/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/stage.h"

#include "wg/device_state.h"

#include <stdlib.h>

#define PEER_COUNT_MAX	 128
#define PEER_BYTES_MAX	 (128 * 1024)	   /* a super-frame or two */
#define DEVICE_BYTES_MAX (8 * 1024 * 1024) /* whatever the number of peers */

void stage_init(struct stage *stage)
{
	list_init(&stage->packets);
}

struct staged *stage_take(struct wg_peer *peer)
{
	struct stage *stage = &peer->stage;
	struct staged *staged;

	if (list_is_empty(&stage->packets))
		return NULL;
	staged = LIST_ENTRY(stage->packets.next, struct staged, node);
	list_remove(&staged->node);
	stage->count--;
	stage->bytes -= staged->len;
	peer->device->staged_bytes -= staged->len;
	return staged;
}

unsigned stage_clear(struct wg_peer *peer)
{
	struct staged *staged;
	unsigned count = 0;

	for (; (staged = stage_take(peer)); count++)
		free(staged);
	return count;
}

static bool has_room(const struct wg_peer *peer, uint32_t len)
{
	return peer->stage.count < PEER_COUNT_MAX && peer->stage.bytes + len <= PEER_BYTES_MAX &&
	       peer->device->staged_bytes + len <= DEVICE_BYTES_MAX;
}

static bool make_room(struct wg_peer *peer, uint32_t len)
{
	while (!has_room(peer, len)) {
		struct staged *oldest = stage_take(peer);

		if (!oldest)
			return false;
		free(oldest);
		peer->drops[WG_DROP_QUEUE_FULL]++;
	}
	return true;
}

static void copy_parts(uint8_t *out, const struct wg_packet *packet)
{
	for (unsigned i = 0; i < packet->part_count; i++) {
		memcpy(out, packet->parts[i].iov_base, packet->parts[i].iov_len);
		out += packet->parts[i].iov_len;
	}
}

void stage_add(struct wg_peer *peer, const struct wg_packet *packet)
{
	struct staged *staged;

	if (!make_room(peer, packet->len)) {
		peer->drops[WG_DROP_QUEUE_FULL]++;
		return;
	}
	staged = malloc(sizeof(*staged) + packet->len);
	if (!staged) {
		peer->drops[WG_DROP_NO_MEMORY]++;
		return;
	}
	staged->len = packet->len;
	copy_parts(staged->bytes, packet);
	list_push_back(&peer->stage.packets, &staged->node);
	peer->stage.count++;
	peer->stage.bytes += staged->len;
	peer->device->staged_bytes += staged->len;
}
