/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/handshake.h"

#include "base/bytes.h"
#include "wg/device_state.h"
#include "wg/send.h"

#include <openssl/crypto.h>

/* TAI64N: an offset and the seconds, then nanoseconds. The last bits stay zero, as Linux has it:
 * they would tell others about our clock. */
#define TAI64N_EPOCH 0x400000000000000aULL
#define STAMP_GRAIN  ((nsec)1 << 24)

static void write_timestamp(struct wg_peer *peer, uint8_t timestamp[TIMESTAMP_LEN])
{
	nsec at = peer->device->ops->wall_clock(peer->device->owner) & -STAMP_GRAIN;

	/* A clock that was set back must not make us mute. */
	peer->stamped_at = MAX(at, peer->stamped_at + 1);
	store_be64(timestamp, TAI64N_EPOCH + (uint64_t)(peer->stamped_at / NSEC_PER_SEC));
	store_be32(timestamp + 8, (uint32_t)(peer->stamped_at % NSEC_PER_SEC));
}

static void initiate(struct wg_peer *peer, nsec now)
{
	struct wg_device *device = peer->device;
	struct message_initiation message;
	uint8_t timestamp[TIMESTAMP_LEN];

	if (!peer->is_met || ip_is_none(peer->endpoint.ip))
		return;
	if (now - device->timing.rekey_timeout < peer->timers.handshake_sent_at) {
		timers_on_initiation_put_off(peer);
		return;
	}
	write_timestamp(peer, timestamp);
	wg_key_make_private(&peer->handshake.ephemeral);
	index_table_add(&device->indices, &peer->handshake_index);
	if (!noise_write_initiation(
		    &peer->handshake, &device->identity, &peer->remote, timestamp, &message)) {
		index_table_remove(&device->indices, &peer->handshake_index);
		return;
	}
	message.sender_le = peer->handshake_index.value;
	cookie_write_macs(&peer->cookies, device->gate.cookies.scratch, &device->timing, &message,
		sizeof(message), now);
	send_message(peer, &message, sizeof(message), now);
	timers_on_initiation_sent(peer, now);
}

void handshake_want(struct wg_peer *peer, nsec now)
{
	peer->timers.wanted_at = now;
	initiate(peer, now);
}

void handshake_repeat(struct wg_peer *peer, nsec now)
{
	initiate(peer, now);
}

/* NULL: out of memory. */
static struct session *begin_session(
	struct wg_peer *peer, struct noise_handshake *handshake, bool is_initiator, nsec now)
{
	struct noise_keys keys;
	struct session *session;

	noise_split(handshake, &keys);
	session = session_new(&keys, is_initiator, now);
	if (session)
		session->index.peer = peer;
	else
		peer->drops[WG_DROP_NO_MEMORY]++;
	return session;
}

static void respond(
	struct wg_peer *peer, struct noise_handshake *handshake, uint32_t their_index, nsec now)
{
	struct wg_device *device = peer->device;
	struct message_response message;
	struct session *session;

	wg_key_make_private(&handshake->ephemeral);
	if (!noise_write_response(handshake, &peer->remote, &message))
		return;
	session = begin_session(peer, handshake, false, now);
	if (!session)
		return;
	index_table_add(&device->indices, &session->index);
	session->remote_index = their_index;
	sessions_begin(&peer->sessions, session, &device->indices);
	message.sender_le = session->index.value;
	message.receiver_le = their_index;
	cookie_write_macs(&peer->cookies, device->gate.cookies.scratch, &device->timing, &message,
		sizeof(message), now);
	timers_on_session(peer, now);
	timers_on_response_sent(peer, now);
	send_message(peer, &message, sizeof(message), now);
}

/* Whether an initiation that is authentic is also new, and not one of too many. */
static bool is_welcome(struct wg_peer *peer, const uint8_t timestamp[TIMESTAMP_LEN], nsec now)
{
	if (memcmp(timestamp, peer->latest_timestamp, TIMESTAMP_LEN) <= 0) {
		peer->drops[WG_DROP_REPLAYED]++;
		return false;
	}
	if (now - peer->device->timing.initiation_interval < peer->initiation_at) {
		peer->drops[WG_DROP_TOO_MANY]++;
		return false;
	}
	return true;
}

static void read_initiation(struct wg_device *device, struct noise_handshake *handshake,
	const struct message_initiation *message, const struct endpoint *from, nsec now)
{
	uint8_t timestamp[TIMESTAMP_LEN];
	struct wg_key public;
	struct wg_peer *peer;

	if (!noise_read_static(handshake, &device->identity, message, &public)) {
		device->drops[WG_DROP_FORGED]++;
		return;
	}
	peer = wg_peer_find(device, &public);
	if (!peer || !peer->is_met) {
		device->drops[WG_DROP_UNKNOWN]++;
		return;
	}
	if (!noise_read_timestamp(handshake, &peer->remote, message, timestamp)) {
		device->drops[WG_DROP_FORGED]++;
		return;
	}
	if (!is_welcome(peer, timestamp, now))
		return;
	memcpy(peer->latest_timestamp, timestamp, sizeof(timestamp));
	peer->initiation_at = now;
	peer->received_bytes += sizeof(*message);
	peer_is_at(peer, from, now);
	timers_on_received(peer, false, now);
	respond(peer, handshake, message->sender_le, now);
}

static void receive_initiation(
	struct wg_device *device, const void *bytes, const struct endpoint *from, nsec now)
{
	const struct message_initiation *message = bytes;
	struct noise_handshake handshake;

	read_initiation(device, &handshake, message, from, now);
	noise_handshake_wipe(&handshake);
}

/* The handshake that the number names and that waits for an answer. */
static struct wg_peer *peer_waiting(struct wg_device *device, uint32_t index)
{
	struct index_entry *entry = index_table_find(&device->indices, index);

	return entry && !entry->session ? entry->peer : NULL;
}

static void receive_response(
	struct wg_device *device, const void *bytes, const struct endpoint *from, nsec now)
{
	const struct message_response *message = bytes;
	struct wg_peer *peer = peer_waiting(device, message->receiver_le);
	struct session *session;

	if (!peer) {
		device->drops[WG_DROP_UNKNOWN]++;
		return;
	}
	if (!noise_read_response(&peer->handshake, &device->identity, &peer->remote, message)) {
		peer->drops[WG_DROP_FORGED]++;
		return;
	}
	session = begin_session(peer, &peer->handshake, true, now);
	if (!session) {
		index_table_remove(&device->indices, &peer->handshake_index);
		return;
	}
	index_table_move(&device->indices, &peer->handshake_index, &session->index);
	session->remote_index = message->sender_le;
	sessions_begin(&peer->sessions, session, &device->indices);
	peer->received_bytes += sizeof(*message);
	peer_is_at(peer, from, now);
	timers_on_received(peer, false, now);
	timers_on_session(peer, now);
	timers_on_handshake_complete(peer, now);
	send_nothing(peer, now);
}

static void receive_cookie(
	struct wg_device *device, const void *bytes, const struct endpoint *, nsec now)
{
	const struct message_cookie *message = bytes;
	struct index_entry *entry = index_table_find(&device->indices, message->receiver_le);

	if (!entry)
		device->drops[WG_DROP_UNKNOWN]++;
	else if (!cookie_read_reply(&entry->peer->cookies, message, now))
		entry->peer->drops[WG_DROP_FORGED]++;
}

static void send_cookie(
	struct wg_device *device, const struct message_cookie *message, const struct endpoint *to)
{
	memcpy(outbox_room(device, to, sizeof(*message), false), message, sizeof(*message));
	outbox_add(device, sizeof(*message));
}

static bool may_pass(struct wg_device *device, const void *message, size_t len,
	const struct endpoint *from, nsec now)
{
	struct message_cookie reply;

	switch (gate_check(&device->gate, message, len, from, now, &reply)) {
	case GATE_OPEN:
		return true;
	case GATE_FORGED:
		device->drops[WG_DROP_FORGED]++;
		return false;
	case GATE_COOKIE:
		send_cookie(device, &reply, from);
		device->drops[WG_DROP_TOO_MANY]++;
		return false;
	case GATE_TOO_MANY:
		device->drops[WG_DROP_TOO_MANY]++;
		return false;
	}
	return false;
}

struct handshake_message {
	size_t len;
	bool has_macs;
	void (*receive)(
		struct wg_device *device, const void *bytes, const struct endpoint *from, nsec now);
};

/* NULL: there is no such message. */
static const struct handshake_message *message_of(const uint8_t *bytes, size_t len)
{
	static const struct handshake_message messages[] = {
		[MESSAGE_INITIATION] = {sizeof(struct message_initiation), true,
			receive_initiation},
		[MESSAGE_RESPONSE] = {sizeof(struct message_response), true, receive_response},
		[MESSAGE_COOKIE] = {sizeof(struct message_cookie), false, receive_cookie},
	};
	uint32_t type = len < sizeof(type) ? 0 : load_le32(bytes);

	return type && type < ARRAY_SIZE(messages) && messages[type].len == len ? &messages[type]
										: NULL;
}

void handshake_receive(struct wg_device *device, const uint8_t *bytes, size_t len,
	const struct endpoint *from, nsec now)
{
	const struct handshake_message *message = message_of(bytes, len);
	union {
		struct message_initiation initiation;
		struct message_response response;
		struct message_cookie cookie;
	} copy; /* aligned */

	if (!message) {
		device->drops[WG_DROP_MALFORMED]++;
		return;
	}
	memcpy(&copy, bytes, len);
	if (!message->has_macs || may_pass(device, &copy, len, from, now))
		message->receive(device, &copy, from, now);
}
