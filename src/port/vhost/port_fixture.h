/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: a hub with a vhost-user port, the front end of it, and another port that remembers
 * what came. Nothing waits: turn() lets the loop do what there is to do. */
#pragma once

#include "hub/hub.h"
#include "port/vhost/fake_front_end.h"
#include "port/vhost/features.h"
#include "port/vhost/vhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define SEEN_MAX 2048

static const struct mac GUEST = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac OTHER = {{0x02, 0, 0, 0, 0, 0x02}};

#define FEATURES_PLAIN                                                                             \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_NET_F_MRG_RXBUF |                             \
		1ull << VIRTIO_RING_F_INDIRECT_DESC)
#define FEATURES_OFFLOADS                                                                          \
	(1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM |                             \
		1ull << VIRTIO_NET_F_GUEST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO6 |                \
		1ull << VIRTIO_NET_F_HOST_TSO4)

static struct stage {
	struct loop *loop;
	struct hub *hub;
	struct port *port; /* NULL once it is gone */
	struct front_end front;
	struct front_settings settings;
	char gone[256]; /* why */

	struct port other;
	unsigned seen, batches;
	struct {
		uint32_t len;
		struct offload offload;
		uint32_t sum; /* of its bytes */
		uint8_t tag;  /* the byte behind the Ethernet header */
	} frames[SEEN_MAX];
} stage;

static inline uint32_t sum_of(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static inline void other_send(struct port *, const struct frame *frames, unsigned count)
{
	static uint8_t bytes[ETH_FRAME_MAX];

	stage.batches++;
	for (unsigned i = 0; i < count && stage.seen < SEEN_MAX; i++) {
		frame_copy(&frames[i], 0, bytes, frames[i].len);
		stage.frames[stage.seen].len = frames[i].len;
		stage.frames[stage.seen].offload = frames[i].offload;
		stage.frames[stage.seen].sum = sum_of(bytes, frames[i].len, 0);
		stage.frames[stage.seen++].tag = bytes[ETH_HEADER_LEN];
	}
}

static inline void other_free(struct port *)
{
}

static const struct port_ops other_ops = {.kind = "other", .send = other_send, .free = other_free};

static inline void on_gone(void *, struct port *port, const char *why)
{
	assert_ptr_equal(port, stage.port);
	snprintf(stage.gone, sizeof(stage.gone), "%s", why);
	hub_detach(port);
	port->ops->free(port);
	stage.port = NULL;
}

static inline void on_turn_ends(struct timer *, nsec)
{
	loop_stop(stage.loop);
}

static inline void turn(void)
{
	for (unsigned i = 0; i < 8; i++) {
		struct timer timer = {.on_expire = on_turn_ends};

		timer_set(stage.loop, &timer, loop_now(stage.loop));
		loop_run(stage.loop);
	}
}

/* A port for a front end that has said nothing. */
static inline void plug(const struct front_settings *settings)
{
	const struct port_settings port_settings = {
		.name = "guest", .mtu = 1500, .on_gone = on_gone};
	int ends[2];

	stage.settings = *settings;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(front_open(&stage.front, ends[0], settings), 0);
	stage.port = vhost_port_new(stage.loop, ends[1], &port_settings);
	assert_non_null(stage.port);
	assert_int_equal(hub_attach(stage.hub, stage.port, loop_now(stage.loop)), 0);
}

static inline void plug_running(uint64_t features, unsigned pairs)
{
	const struct front_settings settings = {.features = features, .size = 256, .pairs = pairs};

	plug(&settings);
	front_start(&stage.front, &settings);
	turn();
	assert_string_equal(stage.gone, "");
}

static inline int set_up(void **)
{
	static const struct hash_key key = {1, 2};

	stage = (struct stage){.loop = loop_new(),
		.hub = hub_new("hub0", &key),
		.other = {.ops = &other_ops, .takes = TAKES_ALL},
		.front = {.socket = -1, .memory_fd = -1}};
	if (!stage.loop || !stage.hub)
		return -1;
	return hub_attach(stage.hub, &stage.other, 0);
}

static inline int tear_down(void **)
{
	hub_free(stage.hub);
	loop_free(stage.loop);
	if (stage.front.memory)
		front_close(&stage.front);
	return 0;
}

static inline void write_frame(
	uint8_t *bytes, struct mac from, struct mac to, uint32_t len, uint8_t tag)
{
	const struct eth_header header = {to, from, __builtin_bswap16(0x88b5)};

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + tag);
	memcpy(bytes, &header, sizeof(header));
	bytes[sizeof(header)] = tag;
}

/* Puts a frame with a 12-byte header in the guest's sending queue of a pair; in `count` parts, at
 * a place in memory of its own. Returns its sum. */
static inline uint32_t guest_offers(unsigned pair, const struct offload *offload, uint32_t len,
	uint8_t tag, unsigned count, unsigned how)
{
	static unsigned places;
	const uint64_t at = FRONT_BUFFERS + (places++ % 64) * 0x11000ull;
	uint8_t *bytes = stage.front.memory + at;
	struct front_part parts[64];
	uint32_t whole = 12 + len, part = (whole + count - 1) / count, done = 0;

	memset(bytes, 0, 12);
	vnet_write(bytes, offload);
	write_frame(bytes + 12, GUEST, OTHER, len, tag);
	for (unsigned i = 0; i < count; i++, done += part)
		parts[i] = (struct front_part){at + done, MIN(part, whole - MIN(done, whole))};
	assert_true(front_offer(&stage.front, 2 * pair + 1, parts, count, how, tag));
	return sum_of(bytes + 12, len, 0);
}

static inline void guest_kicks(unsigned pair)
{
	front_kick(&stage.front, 2 * pair + 1);
	turn();
}

/* Buffers to receive in, each of `len` bytes. */
static inline void guest_makes_room(unsigned pair, unsigned count, uint32_t len)
{
	for (unsigned i = 0; i < count; i++) {
		const struct front_part part = {FRONT_BUFFERS + 0x480000 + (uint64_t)i * len, len};

		assert_true(front_offer(&stage.front, 2 * pair, &part, 1, FRONT_WRITE, part.at));
	}
	front_kick(&stage.front, 2 * pair);
}

static inline void other_says(const struct frame *frames, unsigned count)
{
	hub_receive(&stage.other, frames, count, loop_now(stage.loop));
}

#define PORT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
