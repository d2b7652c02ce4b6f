/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/send.h"

#include "base/bytes.h"
#include "wg/device_state.h"
#include "wg/handshake.h"

#include <stdlib.h>

/* In 16s, so that lengths say less (paper, 5.4.6), but not beyond what the way can carry. */
static uint32_t padded_len(const struct wg_peer *peer, uint32_t len)
{
	uint32_t padded = (len + 15) & ~15u;

	return peer->mtu && padded > peer->mtu ? MAX(peer->mtu, len) : padded;
}

static uint8_t *put(uint8_t *out, const struct iovec *part)
{
	memcpy(out, part->iov_base, part->iov_len);
	return out + part->iov_len;
}

/*
 * The parts are copied together and sealed there: libcrypto is slow with pieces that are no whole
 * blocks of its cipher (1424 bytes: 240 ns more for two pieces, 30 ns for the copy).
 */
static bool seal(struct wg_peer *peer, struct session *session, const struct wg_packet *packet)
{
	struct wg_device *device = peer->device;
	const uint32_t padded = padded_len(peer, packet->len);
	const size_t len = padded + WG_OVERHEAD;
	uint8_t *message = outbox_room(device, &peer->endpoint, len, peer->is_whole);
	uint8_t *plain = message + sizeof(struct message_data), *end = plain;
	const uint64_t counter = session->sent;

	store_le32(message, MESSAGE_DATA);
	store_le32(message + 4, session->remote_index);
	store_le64(message + 8, counter);
	for (unsigned i = 0; i < packet->part_count; i++)
		end = put(end, &packet->parts[i]);
	memset(end, 0, padded - packet->len);
	/* Whatever becomes of it, no counter is used twice. */
	session->sent++;
	if (!aead_seal(session->sealer, counter, plain, padded))
		return false;
	outbox_add(device, len);
	peer->sent_bytes += len;
	return true;
}

static struct session *session_for(const struct wg_peer *peer, nsec now)
{
	struct session *session = peer->sessions.current;

	return session && session_may_seal(session, &peer->device->timing, now) ? session : NULL;
}

/* What follows when something was sealed. */
static void sealed(struct wg_peer *peer, struct session *session, bool has_data, nsec now)
{
	timers_on_sent(peer, has_data, now);
	if (session_is_worn(session, &peer->device->timing, now))
		handshake_want(peer, now);
}

static void send_packet(
	struct wg_peer *peer, struct session *session, const struct wg_packet *packet, nsec now)
{
	if (packet->len > WG_DATAGRAM_MAX - WG_OVERHEAD - 15)
		peer->drops[WG_DROP_GIANT]++;
	else if (!session || !session_may_seal(session, &peer->device->timing, now))
		stage_add(peer, packet);
	else if (!seal(peer, session, packet))
		peer->drops[WG_DROP_NO_MEMORY]++;
}

void wg_peer_send(struct wg_peer *peer, const struct wg_packet *packets, unsigned count, nsec now)
{
	struct session *session = session_for(peer, now);

	if (ip_is_none(peer->endpoint.ip)) {
		peer->drops[WG_DROP_NO_ENDPOINT] += count;
		return;
	}
	for (unsigned i = 0; i < count; i++)
		send_packet(peer, session, &packets[i], now);
	if (session)
		sealed(peer, session, true, now);
	else
		handshake_want(peer, now);
}

/* Returns whether anything did. */
static bool send_staged(struct wg_peer *peer, struct session *session)
{
	struct staged *staged;
	bool has_sent = false;

	while (session->sent < peer->device->timing.reject_after_messages &&
		(staged = stage_take(peer))) {
		const struct iovec part = {staged->bytes, staged->len};
		const struct wg_packet packet = {&part, 1, staged->len};

		has_sent |= seal(peer, session, &packet);
		free(staged);
	}
	return has_sent;
}

void send_nothing(struct wg_peer *peer, nsec now)
{
	static const struct wg_packet nothing;
	struct session *session = session_for(peer, now);
	bool has_data;

	if (ip_is_none(peer->endpoint.ip))
		return;
	if (!session) {
		handshake_want(peer, now);
		return;
	}
	has_data = send_staged(peer, session);
	if (has_data || seal(peer, session, &nothing))
		sealed(peer, session, has_data, now);
}

void send_message(struct wg_peer *peer, const void *message, size_t len, nsec now)
{
	memcpy(outbox_room(peer->device, &peer->endpoint, len, peer->is_whole), message, len);
	outbox_add(peer->device, len);
	peer->sent_bytes += len;
	timers_on_sent(peer, false, now);
}
