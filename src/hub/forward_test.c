/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of frames across the hub, and every way to lose one there. */
#include "hub/fake_port.h"

#include "wire/checksum.h"
#include "wire/golden.h"

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

/* What came by one of a mesh's links leaves by none of them, whoever it is for. */
static void test_mesh(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};

	introduce(f, 3);
	f[0]->port.is_meshed = f[1]->port.is_meshed = true;
	receive(f[0], frame_of(0xff, 1), NOW);
	receive(f[0], frame_of(9, 1), NOW);
	receive(f[0], frame_of(2, 1), NOW);
	assert_int_equal(f[1]->frames, 0);
	assert_int_equal(f[2]->frames, 2);
	assert_int_equal(f[1]->port.out.drops[DROP_POLICY], 3);
	receive(f[2], frame_of(0xff, 3), NOW);
	receive(f[0], frame_of(3, 1), NOW);
	assert_int_equal(f[0]->frames, 1);
	assert_int_equal(f[1]->frames, 1);
	assert_int_equal(f[2]->frames, 3);
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

/* What needs nothing goes together, before and behind what does, in order. */
static void test_lowered_in_the_middle(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[2] = {plug(hub, ""), plug(hub, "")};
	struct frame frames[5];

	introduce(f, 2);
	for (unsigned i = 0; i < 5; i++)
		frames[i] = i == 2 ? super_frame(mac_of(2), 4500) : frame_of(2, 1);
	hub_receive(&f[0]->port, frames, 5, NOW);
	assert_int_equal(f[1]->sends, 3);
	assert_int_equal(f[1]->frames, 6);
	assert_ptr_equal(f[1]->got[1].head, frames[1].head);
	assert_int_equal(f[1]->got[2].len, 4566);
	assert_int_equal(f[1]->got[3].len, 4566);
	assert_ptr_equal(f[1]->got[4].head, frames[3].head);
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
	assert_int_equal(f[4]->port.out.drops[DROP_LINK_DOWN], 7);
	assert_int_equal(f[5]->port.out.drops[DROP_GIANT], 7);
	for (unsigned i = 1; i < 6; i++) {
		assert_int_equal(f[i]->port.out.frames, 7);
		assert_int_equal(f[i]->port.out.bytes, 9066);
	}
	hub_free(hub);
}

/* In more pieces than are handed on at a time: the ports take turns. */
static void test_flooded_super_frame_is_lowered_once(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};

	introduce(f, 3);
	receive(f[0], super_frame(MAC_BROADCAST, 100), NOW);
	assert_int_equal(f[1]->frames, 90);
	assert_int_equal(f[2]->frames, 90);
	assert_true(f[1]->sends > 1);
	assert_true(f[2]->first_send < f[1]->last_send);
	hub_free(hub);
}

static void test_drop_malformed(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[3] = {plug(hub, ""), plug(hub, ""), plug(hub, "")};
	struct frame frame = super_frame(mac_of(2), 0);

	introduce(f, 3);
	receive(f[0], frame, NOW);
	frame.offload.kind = 0xff;
	receive(f[0], frame, NOW);
	assert_int_equal(f[0]->port.in.drops[DROP_MALFORMED], 2);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floods_then_learns),
		cmocka_unit_test(test_broadcast_and_multicast),
		cmocka_unit_test(test_mesh),
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
		cmocka_unit_test(test_lowered_in_the_middle),
		cmocka_unit_test(test_super_frame_is_lowered),
		cmocka_unit_test(test_flooded_super_frame),
		cmocka_unit_test(test_flooded_super_frame_is_lowered_once),
		cmocka_unit_test(test_drop_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
