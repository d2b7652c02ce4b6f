/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: a hub, ports that keep what they are sent, and frames of 64 bytes. */
#pragma once

#include "hub/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define NOW (5 * NSEC_PER_SEC)

/* Keeps what it is sent. */
struct fake {
	struct port port;
	unsigned sends, frames;
	struct {
		uint32_t len;
		struct offload offload;
		const uint8_t *head;
		uint8_t tag; /* the byte behind the Ethernet header */
	} got[256];
	enum drop drops;		/* what it loses frames to, DROP_COUNT: nothing */
	unsigned first_send, last_send; /* in the order of all sends of all fakes */
	bool *freed;
};

static inline struct fake *fake_of(struct port *port)
{
	return CONTAINER_OF(port, struct fake, port);
}

static unsigned send_clock;

static inline void fake_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct fake *fake = fake_of(port);

	fake->last_send = ++send_clock;
	if (!fake->sends++)
		fake->first_send = send_clock;
	for (unsigned i = 0; i < count; i++) {
		if (fake->drops < DROP_COUNT)
			port_drop(port, fake->drops, &frames[i]);
		assert_in_range(fake->frames, 0, ARRAY_SIZE(fake->got) - 1);
		fake->got[fake->frames].len = frames[i].len;
		fake->got[fake->frames].offload = frames[i].offload;
		fake->got[fake->frames].head = frames[i].head;
		fake->got[fake->frames++].tag = frames[i].head[ETH_HEADER_LEN];
	}
}

static inline void fake_free(struct port *port)
{
	struct fake *fake = fake_of(port);

	assert_null(port->hub);
	if (fake->freed)
		*fake->freed = true;
	free(fake);
}

static const struct port_ops fake_ops = {"fake", fake_send, fake_free};

static inline struct hub *open_hub(void)
{
	const struct hash_key key = {11, 22};
	struct hub *hub = hub_new("hub8", &key);

	assert_non_null(hub);
	return hub;
}

static inline struct fake *plug(struct hub *hub, const char *name)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	fake->port.ops = &fake_ops;
	fake->drops = DROP_COUNT;
	snprintf(fake->port.name, sizeof(fake->port.name), "%s", name);
	assert_int_equal(hub_attach(hub, &fake->port, NOW), 0);
	return fake;
}

static inline struct mac mac_of(uint8_t number)
{
	return (struct mac){{2, 0, 0, 0, 0, number}};
}

/* Frames in an arena of the test's own: 64 bytes, the tag behind the header. */
static uint8_t arena[256][64];
static unsigned arena_used;

static inline struct frame frame_to_from(struct mac to, struct mac from, uint8_t tag)
{
	uint8_t *bytes = arena[arena_used++ % ARRAY_SIZE(arena)];
	struct eth_header eth = {to, from, 0};

	memcpy(bytes, &eth, sizeof(eth));
	bytes[ETH_HEADER_LEN] = tag;
	return frame_linear(bytes, 64);
}

static inline struct frame frame_of(uint8_t to, uint8_t from)
{
	return frame_to_from(to == 0xff ? MAC_BROADCAST : mac_of(to), mac_of(from), 0);
}

static inline void receive(struct fake *from, struct frame frame, nsec now)
{
	hub_receive(&from->port, &frame, 1, now);
}

/* Every fake says hello, so that the hub knows mac_of(1) behind the first and so on. */
static inline void introduce(struct fake **fakes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		receive(fakes[i], frame_of(0xff, (uint8_t)(i + 1)), NOW);
	for (unsigned i = 0; i < count; i++) {
		fakes[i]->frames = fakes[i]->sends = 0;
		fakes[i]->port.in = fakes[i]->port.out = (struct port_counters){0};
	}
}
