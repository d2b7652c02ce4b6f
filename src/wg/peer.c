/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/device_state.h"
#include "wg/handshake.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define KNOW_AGAIN (10 * NSEC_PER_SEC) /* much less than the gate remembers */

static uint64_t hash_of(const struct wg_device *device, const struct wg_key *public)
{
	return hash_sip(&device->hash_key, public->bytes, sizeof(public->bytes));
}

struct wg_peer *wg_peer_find(const struct wg_device *device, const struct wg_key *public)
{
	struct map_node *node = map_first(&device->by_key, hash_of(device, public));

	for (; node; node = map_next(node)) {
		struct wg_peer *peer = CONTAINER_OF(node, struct wg_peer, by_key);

		if (wg_key_equal(&peer->remote.public, public))
			return peer;
	}
	return NULL;
}

/* Takes its places at the device: all of them, or none. */
static int settle(struct wg_peer *peer)
{
	struct wg_device *device = peer->device;
	int err = timers_init(peer);

	if (!err)
		err = index_table_reserve(&device->indices, INDICES_PER_PEER);
	if (err < 0)
		goto no_index;
	err = map_insert(&device->by_key, &peer->by_key, hash_of(device, &peer->remote.public));
	if (err < 0)
		goto no_key;
	list_push_back(&device->peers, &peer->node);
	return 0;
no_key:
	index_table_release(&device->indices, INDICES_PER_PEER);
no_index:
	timers_done(peer);
	return err;
}

static void wipe(struct wg_peer *peer)
{
	noise_remote_done(&peer->remote);
	cookie_jar_done(&peer->cookies);
	free(peer);
}

bool peer_meet(struct wg_peer *peer)
{
	const struct noise_identity *identity = &peer->device->identity;

	peer->is_met = identity->pair && !wg_key_equal(&identity->public, &peer->remote.public) &&
		       noise_remote_meet(&peer->remote, identity);
	return peer->is_met || !identity->pair;
}

static struct wg_peer *peer_make(
	struct wg_device *device, const struct wg_key *public, void *owner, int *ret_err)
{
	struct wg_peer *peer = calloc(1, sizeof(*peer));

	*ret_err = -ENOMEM;
	if (!peer)
		return NULL;
	*peer = (struct wg_peer){.device = device,
		.owner = owner,
		.handshake_at = -NSEC_NEVER,
		.received_at = -NSEC_NEVER,
		.initiation_at = -NSEC_NEVER};
	peer->handshake_index.peer = peer;
	stage_init(&peer->stage);
	cookie_jar_init(&peer->cookies, public);
	noise_remote_init(&peer->remote, public);
	*ret_err = peer_meet(peer) ? settle(peer) : -EINVAL;
	if (!*ret_err)
		return peer;
	wipe(peer);
	return NULL;
}

struct wg_peer *wg_peer_new(struct wg_device *device, const struct wg_key *public, void *owner)
{
	struct wg_peer *peer = NULL;
	int err = -EEXIST;

	if (!wg_peer_find(device, public))
		peer = peer_make(device, public, owner, &err);
	if (!peer)
		errno = -err;
	return peer;
}

void peer_forget_keys(struct wg_peer *peer)
{
	struct index_table *indices = &peer->device->indices;

	index_table_remove(indices, &peer->handshake_index);
	noise_handshake_wipe(&peer->handshake);
	sessions_end(&peer->sessions, indices);
}

void wg_peer_free(struct wg_peer *peer)
{
	struct wg_device *device = peer->device;

	peer_forget_keys(peer);
	stage_clear(peer);
	index_table_release(&device->indices, INDICES_PER_PEER);
	timers_done(peer);
	map_remove(&device->by_key, &peer->by_key);
	list_remove(&peer->node);
	wipe(peer);
}

struct wg_peer *wg_peer_after(const struct wg_device *device, const struct wg_peer *peer)
{
	const struct list *node = peer ? peer->node.next : device->peers.next;

	return node == &device->peers ? NULL : LIST_ENTRY(node, struct wg_peer, node);
}

void *wg_peer_owner(const struct wg_peer *peer)
{
	return peer->owner;
}

void wg_peer_set_preshared(struct wg_peer *peer, const struct wg_key *preshared)
{
	static const struct wg_key none;

	peer->remote.preshared = preshared ? *preshared : none;
}

void wg_peer_set_endpoint(struct wg_peer *peer, const struct endpoint *endpoint)
{
	if (endpoint_equal(&peer->endpoint, endpoint))
		return;
	peer->endpoint = *endpoint;
	peer->timers.handshake_sent_at = -NSEC_NEVER; /* not to there */
}

void wg_peer_set_keepalive(struct wg_peer *peer, nsec interval, nsec now)
{
	peer->keepalive = interval;
	timers_on_keepalive_changed(peer, now);
}

void wg_peer_set_mtu(struct wg_peer *peer, uint32_t mtu)
{
	peer->mtu = mtu;
}

void wg_peer_set_whole(struct wg_peer *peer, bool is_whole)
{
	peer->is_whole = is_whole;
}

const struct endpoint *wg_peer_endpoint(const struct wg_peer *peer)
{
	return &peer->endpoint;
}

void peer_is_at(struct wg_peer *peer, const struct endpoint *endpoint, nsec now)
{
	bool has_moved = !endpoint_equal(&peer->endpoint, endpoint);

	if (UNLIKELY(has_moved || now >= peer->know_again_at)) {
		gate_know(&peer->device->gate, endpoint, now);
		peer->know_again_at = now + KNOW_AGAIN;
	}
	if (LIKELY(!has_moved))
		return;
	peer->endpoint = *endpoint;
	tell(peer, WG_ROAMED, now);
}

static bool has_session(const struct wg_peer *peer, nsec now)
{
	return peer->sessions.current &&
	       session_may_seal(peer->sessions.current, &peer->device->timing, now);
}

void wg_peer_connect(struct wg_peer *peer, nsec now)
{
	if (!has_session(peer, now))
		handshake_want(peer, now);
}

void wg_peer_renew(struct wg_peer *peer, nsec now)
{
	handshake_want(peer, now);
}

nsec wg_peer_unheard_since(const struct wg_peer *peer)
{
	return peer->timers.unheard_since;
}

void wg_peer_look(const struct wg_peer *peer, nsec now, struct wg_peer_state *ret)
{
	*ret = (struct wg_peer_state){.public = peer->remote.public,
		.preshared = peer->remote.preshared,
		.endpoint = peer->endpoint,
		.keepalive = peer->keepalive,
		.received_bytes = peer->received_bytes,
		.sent_bytes = peer->sent_bytes,
		.handshake_at = peer->handshake_at,
		.received_at = peer->received_at,
		.has_session = has_session(peer, now)};
	memcpy(ret->drops, peer->drops, sizeof(ret->drops));
}
