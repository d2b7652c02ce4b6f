/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/hub.h"

#include "wire/checksum.h"
#include "wire/golden.h"

#include <errno.h>
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
	enum drop drops; /* what it loses frames to, DROP_COUNT: nothing */
	bool *freed;
};

static struct fake *fake_of(struct port *port)
{
	return CONTAINER_OF(port, struct fake, port);
}

static void fake_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct fake *fake = fake_of(port);

	fake->sends++;
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

static void fake_free(struct port *port)
{
	struct fake *fake = fake_of(port);

	assert_null(port->hub);
	if (fake->freed)
		*fake->freed = true;
	free(fake);
}

static const struct port_ops fake_ops = {"fake", fake_send, fake_free};

static struct hub *open_hub(void)
{
	const struct hash_key key = {11, 22};
	struct hub *hub = hub_new("hub8", &key);

	assert_non_null(hub);
	return hub;
}

static struct fake *plug(struct hub *hub, const char *name)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	fake->port.ops = &fake_ops;
	fake->drops = DROP_COUNT;
	snprintf(fake->port.name, sizeof(fake->port.name), "%s", name);
	assert_int_equal(hub_attach(hub, &fake->port, NOW), 0);
	return fake;
}

static struct mac mac_of(uint8_t number)
{
	return (struct mac){{2, 0, 0, 0, 0, number}};
}

/* Frames in an arena of the test's own: 64 bytes, the tag behind the header. */
static uint8_t arena[256][64];
static unsigned arena_used;

static struct frame frame_to_from(struct mac to, struct mac from, uint8_t tag)
{
	uint8_t *bytes = arena[arena_used++ % ARRAY_SIZE(arena)];
	struct eth_header eth = {to, from, 0};

	memcpy(bytes, &eth, sizeof(eth));
	bytes[ETH_HEADER_LEN] = tag;
	return frame_linear(bytes, 64);
}

static struct frame frame_of(uint8_t to, uint8_t from)
{
	return frame_to_from(to == 0xff ? MAC_BROADCAST : mac_of(to), mac_of(from), 0);
}

static void receive(struct fake *from, struct frame frame, nsec now)
{
	hub_receive(&from->port, &frame, 1, now);
}

/* Every fake says hello, so that the hub knows mac_of(1) behind the first and so on. */
static void introduce(struct fake **fakes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		receive(fakes[i], frame_of(0xff, (uint8_t)(i + 1)), NOW);
	for (unsigned i = 0; i < count; i++) {
		fakes[i]->frames = fakes[i]->sends = 0;
		fakes[i]->port.in = fakes[i]->port.out = (struct port_counters){0};
	}
}

static uint64_t drops_of(const struct port_counters *counters)
{
	uint64_t drops = 0;

	for (unsigned i = 0; i < DROP_COUNT; i++)
		drops += counters->drops[i];
	return drops;
}

static void test_floods_then_learns(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, "a"), *b = plug(hub, "b"), *c = plug(hub, "c");

	receive(a, frame_of(2, 1), NOW); /* 2 is not known */
	assert_int_equal(a->frames, 0);
	assert_int_equal(b->frames, 1);
	assert_int_equal(c->frames, 1);
	receive(b, frame_of(1, 2), NOW); /* 1 is */
	assert_int_equal(a->frames, 1);
	assert_int_equal(c->frames, 1);
	receive(a, frame_of(2, 1), NOW);
	assert_int_equal(b->frames, 2);
	assert_int_equal(c->frames, 1);
	assert_ptr_equal(hub_lookup(hub, mac_of(2), NOW), &b->port);
	assert_null(hub_lookup(hub, mac_of(9), NOW));
	hub_free(hub);
}

static void test_broadcast_and_multicast(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};
	struct mac group = {{0x33, 0x33, 0, 0, 0, 1}};

	introduce(f, 3);
	receive(f[0], frame_of(0xff, 1), NOW);
	receive(f[0], frame_to_from(group, mac_of(1), 0), NOW);
	assert_int_equal(f[0]->frames, 0);
	assert_int_equal(f[1]->frames, 2);
	assert_int_equal(f[2]->frames, 2);
	hub_free(hub);
}

static void test_address_moves_and_ages(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};

	introduce(f, 3);
	receive(f[2], frame_of(0xff, 2), NOW); /* 2 moved from f[1] to f[2] */
	assert_ptr_equal(hub_lookup(hub, mac_of(2), NOW), &f[2]->port);
	assert_ptr_equal(hub_lookup(hub, mac_of(2), NOW + HUB_MAC_AGE - 1), &f[2]->port);
	assert_null(hub_lookup(hub, mac_of(2), NOW + HUB_MAC_AGE));
	f[1]->frames = f[2]->frames = 0;
	receive(f[0], frame_of(2, 1), NOW + HUB_MAC_AGE);
	assert_int_equal(f[1]->frames, 1); /* flooded again */
	assert_int_equal(f[2]->frames, 1);
	hub_free(hub);
}

/* Neighbours for the same port leave in one call, in order, from where they lie. */
static void test_runs(void **)
{
	static const uint8_t to[] = {2, 2, 3, 3, 3, 0xff, 2, 0xff, 0xff, 3};
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};
	struct frame frames[ARRAY_SIZE(to)];

	introduce(f, 3);
	for (unsigned i = 0; i < ARRAY_SIZE(to); i++)
		frames[i] = frame_to_from(
			to[i] == 0xff ? MAC_BROADCAST : mac_of(to[i]), mac_of(1), (uint8_t)i);
	hub_receive(&f[0]->port, frames, ARRAY_SIZE(to), NOW);
	assert_int_equal(f[1]->sends, 4);
	assert_int_equal(f[1]->frames, 6);
	assert_int_equal(f[2]->sends, 4);
	assert_int_equal(f[2]->frames, 7);
	for (unsigned p = 1; p < 3; p++) {
		for (unsigned i = 0; i < f[p]->frames; i++) {
			assert_ptr_equal(f[p]->got[i].head, frames[f[p]->got[i].tag].head);
			assert_true(!i || f[p]->got[i].tag > f[p]->got[i - 1].tag);
		}
	}
	hub_free(hub);
}

static void test_counters(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};
	uint64_t before;

	introduce(f, 3);
	before = hub_frames(hub);
	for (unsigned i = 0; i < 5; i++)
		receive(f[0], frame_of(2, 1), NOW);
	receive(f[0], frame_of(0xff, 1), NOW);
	assert_int_equal(f[0]->port.in.frames, 6);
	assert_int_equal(f[0]->port.in.bytes, 6 * 64);
	assert_int_equal(f[1]->port.out.frames, 6);
	assert_int_equal(f[1]->port.out.bytes, 6 * 64);
	assert_int_equal(f[2]->port.out.frames, 1);
	assert_int_equal(f[2]->port.in.frames, 0);
	assert_int_equal(hub_frames(hub) - before, 6);
	hub_free(hub);
}

/* What entered elsewhere = what a port was sent, lost or not, + what was not for it. */
static void check_sums(struct hub *hub, struct fake *fake, uint64_t frames_at_attach)
{
	const struct port *port = &fake->port;
	uint64_t elsewhere = hub_frames(hub) - frames_at_attach - port->in.frames;

	assert_int_equal(port->out.frames + port_mismatch(port), elsewhere);
	assert_true(port_mismatch(port) > 0);
	if (fake->drops < DROP_COUNT)
		assert_int_equal(port->out.frames, drops_of(&port->out));
	else
		assert_int_equal(drops_of(&port->out), 0);
}

static void send_at_random(struct fake **fakes, unsigned fake_count, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t to = rand() % 4 ? (uint8_t)(1 + rand() % 6) : 0xff;

		receive(fakes[(unsigned)rand() % fake_count],
			frame_of(to, (uint8_t)(1 + rand() % 6)), NOW);
		for (unsigned f = 0; f < fake_count; f++)
			fakes[f]->frames = 0;
	}
}

static void test_mismatch_makes_sums_come_out(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[4] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};
	uint64_t frames_at_attach;

	f[1]->drops = DROP_QUEUE_FULL;
	send_at_random(f, 3, 200);
	frames_at_attach = hub_frames(hub);
	f[3] = plug(hub, "");
	send_at_random(f, 4, 200);
	for (unsigned i = 0; i < 3; i++)
		check_sums(hub, f[i], 0);
	check_sums(hub, f[3], frames_at_attach);
	hub_free(hub);
}

static void test_drop_runt(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b = plug(hub, "");
	struct frame frame = frame_of(0xff, 1);

	frame.len = frame.head_len = ETH_HEADER_LEN - 1;
	receive(a, frame, NOW);
	assert_int_equal(a->port.in.drops[DROP_RUNT], 1);
	assert_int_equal(a->port.in.frames, 0);
	assert_int_equal(b->frames, 0);
	hub_free(hub);
}

static void test_drop_source_group(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b = plug(hub, "");

	receive(a, frame_to_from(mac_of(2), MAC_BROADCAST, 0), NOW);
	receive(a, frame_to_from(mac_of(2), (struct mac){{1, 0, 0x5e, 0, 0, 1}}, 0), NOW);
	assert_int_equal(a->port.in.drops[DROP_SOURCE_GROUP], 2);
	assert_int_equal(b->frames, 0);
	hub_free(hub);
}

static void test_drop_hairpin(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b = plug(hub, "");

	receive(a, frame_of(0xff, 1), NOW);
	receive(a, frame_of(0xff, 2), NOW);
	b->frames = 0;
	receive(a, frame_of(1, 2), NOW);
	receive(a, frame_of(2, 2), NOW);
	assert_int_equal(a->port.in.drops[DROP_HAIRPIN], 2);
	assert_int_equal(a->frames, 0);
	assert_int_equal(b->frames, 0);
	hub_free(hub);
}

static void test_drop_reserved(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b = plug(hub, "");

	for (unsigned last = 0; last < 0x12; last++) {
		struct mac to = {{0x01, 0x80, 0xc2, 0, 0, (uint8_t)last}};

		receive(a, frame_to_from(to, mac_of(1), 0), NOW);
	}
	assert_int_equal(a->port.in.drops[DROP_RESERVED], 16);
	assert_int_equal(b->frames, 2);
	hub_free(hub);
}

static void test_drop_link_down(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[2] = {plug(hub, ""), plug(hub, "")};

	introduce(f, 2);
	f[1]->port.is_down = true;
	receive(f[0], frame_of(2, 1), NOW);
	receive(f[0], frame_of(0xff, 1), NOW);
	receive(f[1], frame_of(1, 2), NOW);
	assert_int_equal(f[1]->port.out.drops[DROP_LINK_DOWN], 2);
	assert_int_equal(f[1]->port.out.frames, 2);
	assert_int_equal(f[1]->port.in.drops[DROP_LINK_DOWN], 1);
	assert_int_equal(f[0]->frames + f[1]->frames, 0);
	hub_free(hub);
}

static uint8_t big[9200];

static void test_drop_giant(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};
	struct frame frames[3], fits, too_long;

	introduce(f, 3);
	f[1]->port.mtu = 1500;
	fits = frame_of(2, 1);
	memcpy(big, fits.head, 64);
	fits = frame_linear(big, 1500 + 14 + 4); /* with a tag */
	too_long = frame_linear(big, 1500 + 14 + 4 + 1);
	frames[0] = frames[2] = fits;
	frames[1] = too_long;
	hub_receive(&f[0]->port, frames, 3, NOW);
	assert_int_equal(f[1]->frames, 2);
	assert_int_equal(f[1]->sends, 2);
	assert_int_equal(f[1]->port.out.frames, 3);
	assert_int_equal(f[1]->port.out.drops[DROP_GIANT], 1);
	memset(big, 0xff, 6);
	receive(f[0], frame_linear(big, sizeof(big)), NOW); /* to all */
	assert_int_equal(f[1]->port.out.drops[DROP_GIANT], 2);
	assert_int_equal(f[2]->frames, 1); /* has no limit */
	hub_free(hub);
}

/* A 9000-byte TCP payload from mac_of(1) to `to`, as a TAP hands it over. */
static struct frame super_frame(struct mac to, uint16_t segment_size)
{
	struct frame frame;
	struct eth_header eth = {to, mac_of(1), 0x0008};
	uint16_t checksum = 0;

	memcpy(big, golden_tcp4, sizeof(golden_tcp4));
	memcpy(big, &eth, sizeof(eth));
	store_be16(big + 16, 52 + 9000);
	memcpy(big + 24, &checksum, 2);
	checksum = checksum_fold(checksum_add(0, big + 14, 20));
	memcpy(big + 24, &checksum, 2);
	frame = frame_linear(big, 66 + 9000);
	frame.offload = (struct offload){.needs_checksum = true,
		.kind = SEGMENT_TCP4,
		.segment_size = segment_size,
		.checksum_start = 34,
		.checksum_offset = 16};
	return frame;
}

static void test_super_frame_as_it_is(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[2] = {plug(hub, ""), plug(hub, "")};
	struct frame frames[2];

	introduce(f, 2);
	f[1]->port.takes = TAKES_ALL;
	f[1]->port.mtu = 1500; /* its segments fit */
	frames[0] = frames[1] = super_frame(mac_of(2), 1448);
	hub_receive(&f[0]->port, frames, 2, NOW);
	assert_int_equal(f[1]->sends, 1);
	assert_int_equal(f[1]->frames, 2);
	assert_int_equal(f[1]->got[0].len, 9066);
	assert_int_equal(f[1]->got[0].offload.kind, SEGMENT_TCP4);
	assert_int_equal(f[1]->port.out.frames, 14); /* of 7 segments each */
	assert_int_equal(f[0]->port.in.frames, 14);
	assert_int_equal(f[1]->port.out.bytes, 2 * 9066);
	f[1]->port.mtu = 1400;
	hub_receive(&f[0]->port, frames, 1, NOW);
	assert_int_equal(f[1]->frames, 2);
	assert_int_equal(f[1]->port.out.drops[DROP_GIANT], 7);
	hub_free(hub);
}

static void test_super_frame_is_lowered(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[2] = {plug(hub, ""), plug(hub, "")};

	introduce(f, 2);
	f[1]->port.mtu = 1500;
	receive(f[0], super_frame(mac_of(2), 1448), NOW);
	assert_int_equal(f[1]->frames, 7);
	assert_int_equal(f[1]->got[0].len, 1514);
	assert_int_equal(f[1]->got[6].len, 66 + 9000 - 6 * 1448);
	assert_false(f[1]->got[0].offload.needs_checksum);
	f[1]->frames = 0;
	f[1]->port.takes = TAKES_CHECKSUM;
	receive(f[0], super_frame(mac_of(2), 1448), NOW);
	assert_int_equal(f[1]->frames, 7);
	assert_true(f[1]->got[0].offload.needs_checksum);
	hub_free(hub);
}

/* Each port gets what it can take; the ports that take nothing share one lowering. */
static void test_flooded_super_frame(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[6] = {plug(hub, ""), plug(hub, ""), plug(hub, ""), plug(hub, ""),
		plug(hub, ""), plug(hub, "")};

	introduce(f, 6);
	f[1]->port.takes = TAKES_ALL;
	f[4]->port.is_down = true;
	f[5]->port.mtu = 1000;
	receive(f[0], super_frame(MAC_BROADCAST, 1448), NOW);
	assert_int_equal(f[1]->frames, 1);
	assert_int_equal(f[2]->frames, 7);
	assert_int_equal(f[3]->frames, 7);
	assert_ptr_equal(f[2]->got[0].head, f[3]->got[0].head);
	assert_int_equal(f[4]->port.out.drops[DROP_LINK_DOWN], 7);
	assert_int_equal(f[5]->port.out.drops[DROP_GIANT], 7);
	for (unsigned i = 1; i < 6; i++) {
		assert_int_equal(f[i]->port.out.frames, 7);
		assert_int_equal(f[i]->port.out.bytes, 9066);
	}
	hub_free(hub);
}

static void test_drop_malformed(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};
	struct frame frame = super_frame(mac_of(2), 0);

	introduce(f, 3);
	receive(f[0], frame, NOW);
	assert_int_equal(f[0]->port.in.drops[DROP_MALFORMED], 1);
	frame = super_frame(mac_of(2), 1448);
	frame.offload.kind = SEGMENT_TCP6; /* only seen when it is to be cut */
	receive(f[0], frame, NOW);
	assert_int_equal(f[1]->port.out.drops[DROP_MALFORMED], 7);
	memset(big, 0xff, 6);
	receive(f[0], frame, NOW);
	assert_int_equal(f[1]->port.out.drops[DROP_MALFORMED], 14);
	assert_int_equal(f[2]->port.out.drops[DROP_MALFORMED], 7);
	assert_int_equal(f[1]->frames + f[2]->frames, 0);
	hub_free(hub);
}

static void test_slots_and_names(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, "a"), *b = plug(hub, ""), *c = plug(hub, "fake9"), *d;
	struct fake other = {.port = {.ops = &fake_ops, .name = "a"}};

	assert_string_equal(hub_name(hub), "hub8");
	assert_int_equal(c->port.slot, 2);
	assert_string_equal(b->port.name, "fake1");
	assert_ptr_equal(hub_find(hub, "fake1"), &b->port);
	assert_ptr_equal(hub_find(hub, "2"), &c->port);
	assert_null(hub_find(hub, "3"));
	assert_null(hub_find(hub, "2x"));
	assert_null(hub_find(hub, ""));
	assert_null(hub_find(hub, "99999999999999999999"));
	assert_int_equal(hub_attach(hub, &other.port, NOW), -EEXIST);
	hub_detach(&b->port);
	assert_null(hub_port(hub, 1));
	assert_int_equal(hub_slot_count(hub), 3);
	snprintf(c->port.name, sizeof(c->port.name), "fake1");
	d = plug(hub, ""); /* the lowest hole; a name that nobody has */
	assert_int_equal(d->port.slot, 1);
	assert_string_equal(d->port.name, "fake1-2");
	fake_free(&b->port);
	assert_ptr_equal(hub_port(hub, 0), &a->port);
	assert_null(hub_port(hub, 3));
	hub_free(hub);
}

static void test_ports_max(void **)
{
	struct hub *hub = open_hub();
	struct fake other = {.port = {.ops = &fake_ops, .name = "one-too-many"}};
	char name[16];

	for (unsigned i = 0; i < HUB_PORTS_MAX; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		plug(hub, name);
	}
	assert_int_equal(hub_attach(hub, &other.port, NOW), -ENOSPC);
	assert_int_equal(hub_slot_count(hub), HUB_PORTS_MAX);
	hub_free(hub);
}

static void test_detach_forgets(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};

	introduce(f, 3);
	hub_detach(&f[1]->port);
	hub_detach(&f[1]->port); /* twice is once */
	assert_null(hub_lookup(hub, mac_of(2), NOW));
	receive(f[0], frame_of(2, 1), NOW);
	assert_int_equal(f[1]->frames, 0);
	assert_int_equal(f[2]->frames, 1);
	receive(f[1], frame_of(0xff, 2), NOW); /* late: nobody listens */
	assert_int_equal(f[2]->frames, 1);
	fake_free(&f[1]->port);
	hub_free(hub);
}

/* tx of a slot goes on counting when another port takes it. */
static void test_slot_frames_survive_a_port(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b;

	receive(a, frame_of(0xff, 1), NOW);
	receive(a, frame_of(0xff, 1), NOW);
	assert_int_equal(hub_slot_frames(hub, 0), 2);
	hub_detach(&a->port);
	fake_free(&a->port);
	assert_int_equal(hub_slot_frames(hub, 0), 2);
	b = plug(hub, "");
	assert_int_equal(b->port.in.frames, 0);
	receive(b, frame_of(0xff, 1), NOW);
	assert_int_equal(hub_slot_frames(hub, 0), 3);
	assert_int_equal(hub_frames(hub), 3);
	assert_int_equal(hub_slot_frames(hub, 7), 0);
	hub_free(hub);
}

static void test_addresses(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b = plug(hub, "");
	struct hub_address list[8];

	receive(a, frame_of(0xff, 1), NOW);
	receive(a, frame_of(0xff, 2), NOW + 10 * NSEC_PER_SEC);
	receive(b, frame_of(0xff, 3), NOW + 10 * NSEC_PER_SEC);
	assert_int_equal(hub_addresses(hub, HUB_PORTS_MAX, NOW + 10 * NSEC_PER_SEC, list, 8), 3);
	assert_true(mac_equal(list[0].mac, mac_of(2)) && list[0].slot == 0 && !list[0].age);
	assert_true(mac_equal(list[1].mac, mac_of(1)));
	assert_int_equal(list[1].age, 10 * NSEC_PER_SEC);
	assert_true(mac_equal(list[2].mac, mac_of(3)) && list[2].slot == 1);
	assert_int_equal(hub_addresses(hub, 1, NOW + 10 * NSEC_PER_SEC, list, 8), 1);
	assert_int_equal(hub_addresses(hub, HUB_PORTS_MAX, NOW + 10 * NSEC_PER_SEC, list, 2), 2);
	assert_int_equal(hub_addresses(hub, HUB_PORTS_MAX, NOW + HUB_MAC_AGE, list, 8), 2);
	hub_free(hub);
}

static void test_free_frees_ports(void **)
{
	struct hub *hub = open_hub();
	bool freed[2] = {false, false};

	plug(hub, "")->freed = &freed[0];
	plug(hub, "")->freed = &freed[1];
	hub_free(hub);
	assert_true(freed[0] && freed[1]);
	hub_free(NULL);
}

struct seen {
	struct capture capture;
	char text[256];
	nsec now;
};

static void on_frame(struct capture *capture, const struct port *port, enum capture_point point,
	enum drop reason, const struct frame *, nsec now)
{
	struct seen *seen = CONTAINER_OF(capture, struct seen, capture);
	size_t used = strlen(seen->text);

	snprintf(seen->text + used, sizeof(seen->text) - used, "%s %s%s; ", port->name,
		point == CAPTURE_IN    ? "in"
		: point == CAPTURE_OUT ? "out"
				       : "drop ",
		point == CAPTURE_DROP ? drop_name(reason) : "");
	seen->now = now;
}

static void test_capture(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, "a"), plug(hub, "b"), plug(hub, "c")};
	struct seen seen = {.capture.on_frame = on_frame};

	introduce(f, 3);
	hub_capture_start(hub, &seen.capture);
	receive(f[0], frame_of(0xff, 1), NOW + 1);
	receive(f[0], frame_of(1, 1), NOW + 1);
	f[1]->drops = DROP_QUEUE_FULL;
	receive(f[0], frame_of(2, 1), NOW + 2);
	assert_string_equal(seen.text, "a in; b out; c out; a in; a drop hairpin; "
				       "a in; b out; b drop queue_full; ");
	assert_int_equal(seen.now, NOW + 2);
	hub_capture_stop(&seen.capture);
	receive(f[0], frame_of(0xff, 1), NOW + 3);
	assert_int_equal(seen.now, NOW + 2);
	hub_free(hub);
}

static void test_drop_names(void **)
{
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		assert_non_null(drop_name(i));
		for (unsigned other = 0; other < i; other++)
			assert_string_not_equal(drop_name(i), drop_name(other));
	}
}

static void test_drops_of_a_port_on_no_hub(void **)
{
	struct fake fake = {.port = {.ops = &fake_ops}};
	struct frame frame = frame_of(1, 2);

	port_drop(&fake.port, DROP_IO, &frame);
	port_drop_in(&fake.port, DROP_NO_MEMORY, &frame);
	assert_int_equal(fake.port.out.drops[DROP_IO], 1);
	assert_int_equal(fake.port.in.drops[DROP_NO_MEMORY], 1);
	assert_int_equal(port_mismatch(&fake.port), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floods_then_learns),
		cmocka_unit_test(test_broadcast_and_multicast),
		cmocka_unit_test(test_address_moves_and_ages),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_mismatch_makes_sums_come_out),
		cmocka_unit_test(test_drop_runt),
		cmocka_unit_test(test_drop_source_group),
		cmocka_unit_test(test_drop_hairpin),
		cmocka_unit_test(test_drop_reserved),
		cmocka_unit_test(test_drop_link_down),
		cmocka_unit_test(test_drop_giant),
		cmocka_unit_test(test_super_frame_as_it_is),
		cmocka_unit_test(test_super_frame_is_lowered),
		cmocka_unit_test(test_flooded_super_frame),
		cmocka_unit_test(test_drop_malformed),
		cmocka_unit_test(test_slots_and_names),
		cmocka_unit_test(test_ports_max),
		cmocka_unit_test(test_detach_forgets),
		cmocka_unit_test(test_slot_frames_survive_a_port),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_free_frees_ports),
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_drop_names),
		cmocka_unit_test(test_drops_of_a_port_on_no_hub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
