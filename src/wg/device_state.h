/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device and a peer are made of: for the files of this room alone. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "wg/device.h"
#include "wg/gate.h"
#include "wg/outbox.h"
#include "wg/session.h"
#include "wg/stage.h"
#include "wg/timers.h"

struct wg_device {
	struct machine machine;
	const struct wg_ops *ops;
	void *owner;
	struct wg_timing timing;
	struct noise_identity identity;
	struct gate gate;
	struct map by_key;
	struct hash_key hash_key;
	struct list peers;
	struct heap deadlines; /* of all peers, always */
	struct index_table indices;
	struct outbox outbox;
	size_t staged_bytes;
	uint64_t jitter_count;
	uint64_t drops[WG_DROP_COUNT];
};

/* An entry for the handshake and one for each session. */
#define INDICES_PER_PEER 4

struct wg_peer {
	struct wg_device *device;
	struct map_node by_key;
	struct list node;
	void *owner;

	struct noise_remote remote;
	bool is_met;		  /* else there is nothing to talk about */
	struct endpoint endpoint; /* ip_is_none(): nobody knows */
	nsec know_again_at;	  /* the gate is to be told of it */
	uint32_t mtu;
	bool is_whole;
	nsec keepalive; /* 0: none */

	struct sessions sessions;
	/* Ours, until it is answered: then its index is in. What others begin is answered at once,
	 * so that both sides may begin at the same time. */
	struct noise_handshake handshake;
	struct index_entry handshake_index;
	struct cookie_jar cookies;
	nsec stamped_at;			 /* our latest initiation, by the wall clock */
	uint8_t latest_timestamp[TIMESTAMP_LEN]; /* theirs */
	nsec initiation_at;			 /* when it came */

	struct timers timers;
	struct stage stage;

	uint64_t received_bytes, sent_bytes;
	nsec handshake_at, received_at;
	uint64_t drops[WG_DROP_COUNT];
};

static inline void tell(struct wg_peer *peer, enum wg_event event, nsec now)
{
	if (peer->device->ops->on_event)
		peer->device->ops->on_event(peer->device->owner, peer, event, now);
}

/* With our key, when there is one. False: it is our own, or nothing can be agreed with it. */
bool peer_meet(struct wg_peer *peer);
/* Whatever the handshake was, and all sessions, are no more. */
void peer_forget_keys(struct wg_peer *peer);
/* What is authentic came from there. */
void peer_is_at(struct wg_peer *peer, const struct endpoint *endpoint, nsec now);
