/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/strangers.h"

static bool is_recent(const struct stranger *stranger, nsec now)
{
	return stranger->address.len && now - stranger->met_at < STRANGER_PATIENCE;
}

const struct stranger *strangers_find(
	const struct strangers *strangers, const struct peer_address *address)
{
	for (unsigned i = 0; i < STRANGERS_MAX; i++) {
		if (address->len && peer_address_equal(&strangers->places[i].address, address))
			return &strangers->places[i];
	}
	return NULL;
}

/* Where the peer is to be noted: its own place, or one that nobody has had for long. */
static struct stranger *place_for(
	struct strangers *strangers, const struct peer_address *address, nsec now)
{
	struct stranger *free_place = NULL;

	for (unsigned i = 0; i < STRANGERS_MAX; i++) {
		struct stranger *place = &strangers->places[i];

		if (peer_address_equal(&place->address, address))
			return place;
		if (!is_recent(place, now))
			free_place = place;
	}
	return free_place;
}

static struct stranger *meet(
	struct strangers *strangers, const struct datagram_source *source, nsec now)
{
	struct stranger *place = NULL;

	if (source->who.pid && peer_address_is_path(&source->address))
		place = place_for(strangers, &source->address, now);
	if (!place || (is_recent(place, now)))
		return place;
	place->address = source->address;
	place->who = source->who.uid;
	place->met_at = now;
	place->is_to_tell = true;
	place->frame_len = 0;
	return place;
}

bool strangers_hear(struct strangers *strangers, const struct datagram_source *source,
	const struct frame *frame, nsec now)
{
	struct stranger *stranger = meet(strangers, source, now);

	if (stranger && frame->len < ETH_HEADER_LEN)
		return stranger->is_to_tell; /* a greeting */
	if (!stranger || stranger->frame_len || frame->len > STRANGER_FRAME_MAX) {
		strangers->ignored++;
		return stranger && stranger->is_to_tell;
	}
	memcpy(stranger->frame, frame->head, frame->len);
	stranger->frame_len = frame->len;
	return stranger->is_to_tell;
}

const struct stranger *strangers_tell(struct strangers *strangers)
{
	for (unsigned i = 0; i < STRANGERS_MAX; i++) {
		struct stranger *stranger = &strangers->places[i];

		if (!stranger->is_to_tell)
			continue;
		stranger->is_to_tell = false;
		return stranger;
	}
	return NULL;
}

void strangers_forget(struct strangers *strangers, const struct peer_address *address)
{
	for (unsigned i = 0; i < STRANGERS_MAX; i++) {
		if (peer_address_equal(&strangers->places[i].address, address))
			strangers->places[i].address.len = 0;
	}
}
