/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bytes.h"
#include "wg/device_state.h"
#include "wg/handshake.h"
#include "wg/send.h"

/* Messages in one session that came together from one place: what follows from them is done once.
 */
struct run {
	struct wg_device *device;
	const struct endpoint *from;
	struct index_entry *entry; /* NULL: none yet */
	struct iovec packets[WG_PACKETS_MAX];
	unsigned packet_count, message_count;
	size_t bytes;
};

/* In time, but not before the session must end, so that the new one is there without a gap. */
static void renew_at_the_last_minute(struct wg_peer *peer, nsec now)
{
	const struct wg_timing *timing = &peer->device->timing;
	const struct session *session = peer->sessions.current;

	if (peer->timers.has_tried_last_minute || !session || !session->is_initiator ||
		now < session->born + timing->reject_after - timing->keepalive -
				timing->rekey_timeout)
		return;
	peer->timers.has_tried_last_minute = true;
	handshake_want(peer, now);
}

static void take_note(struct run *run, nsec now)
{
	struct wg_device *device = run->device;
	struct wg_peer *peer = run->entry->peer;
	bool is_confirmed = sessions_confirm(
		&peer->sessions, run->entry->session, &device->indices);

	peer->received_bytes += run->bytes;
	peer_is_at(peer, run->from, now);
	if (is_confirmed) {
		timers_on_handshake_complete(peer, now);
		if (peer->stage.count)
			send_nothing(peer, now);
	}
	timers_on_received(peer, run->packet_count, now);
	renew_at_the_last_minute(peer, now);
}

static void finish(struct run *run, nsec now)
{
	struct wg_device *device = run->device;

	if (!run->message_count)
		return;
	take_note(run, now);
	if (run->packet_count)
		device->ops->deliver(
			device->owner, run->entry->peer, run->packets, run->packet_count, now);
	run->message_count = run->packet_count = 0;
	run->bytes = 0;
}

/* Of the session that the message names. */
static bool find_session(struct run *run, uint32_t index, nsec now)
{
	if (run->entry && run->entry->value == index)
		return true;
	finish(run, now);
	run->entry = index_table_find(&run->device->indices, index);
	if (run->entry && run->entry->session)
		return true;
	run->entry = NULL;
	return false;
}

static bool may_open(const struct run *run, uint64_t counter, nsec now)
{
	const struct wg_timing *timing = &run->device->timing;

	return session_may_open(run->entry->session, timing, now) &&
	       counter < timing->reject_after_messages;
}

static void receive_data(struct run *run, uint8_t *bytes, size_t len, nsec now)
{
	const uint64_t counter = load_le64(bytes + 8);
	const size_t plain_len = len - WG_OVERHEAD;
	uint8_t *plain = bytes + sizeof(struct message_data);
	struct wg_peer *peer;

	if (!find_session(run, load_le32(bytes + 4), now)) {
		run->device->drops[WG_DROP_UNKNOWN]++;
		return;
	}
	peer = run->entry->peer;
	if (!may_open(run, counter, now)) {
		peer->drops[WG_DROP_EXPIRED]++;
		return;
	}
	if (!aead_open(run->entry->session->opener, counter, plain, plain_len)) {
		peer->drops[WG_DROP_FORGED]++;
		return;
	}
	if (!replay_accept(&run->entry->session->replay, counter)) {
		peer->drops[WG_DROP_REPLAYED]++;
		return;
	}
	run->message_count++;
	run->bytes += len;
	if (plain_len)
		run->packets[run->packet_count++] = (struct iovec){plain, plain_len};
	if (run->packet_count == WG_PACKETS_MAX)
		finish(run, now);
}

static void receive_datagram(struct run *run, uint8_t *bytes, size_t len, nsec now)
{
	if (LIKELY(len >= WG_OVERHEAD && load_le32(bytes) == MESSAGE_DATA)) {
		receive_data(run, bytes, len, now);
		return;
	}
	/* It may end sessions. */
	finish(run, now);
	run->entry = NULL;
	handshake_receive(run->device, bytes, len, run->from, now);
}

static void receive_arrival(struct run *run, const struct wg_arrival *arrival, nsec now)
{
	uint8_t *at = arrival->bytes;
	size_t left = arrival->len;

	run->from = &arrival->from;
	while (left) {
		size_t len = arrival->segment_len ? MIN(left, arrival->segment_len) : left;

		receive_datagram(run, at, len, now);
		at += len;
		left -= len;
	}
}

void wg_device_receive(
	struct wg_device *device, const struct wg_arrival *arrivals, unsigned count, nsec now)
{
	struct run run = {.device = device};

	if (!device->identity.pair)
		return;
	for (unsigned i = 0; i < count; i++) {
		if (i && !endpoint_equal(run.from, &arrivals[i].from))
			finish(&run, now);
		receive_arrival(&run, &arrivals[i], now);
	}
	finish(&run, now);
}
