/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/merge.h"

#include "base/bytes.h"
#include "wire/eth.h"
#include "wire/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HEAD_LEN (ETH_HEADER_LEN + IP4_HEADER_LEN + TCP_HEADER_LEN)

struct wish {
	uint32_t seq, ack;
	uint16_t port, window;
	uint8_t flags;
	unsigned options_len;
	uint32_t len;
};

struct made {
	uint8_t bytes[2048];
	struct frame frame;
	struct packet packet;
};

static void make(struct made *made, struct wish wish)
{
	struct ip_fields ip = {.from = ip_from_bytes4("\x0a\0\0\1"),
		.to = ip_from_bytes4("\x0a\0\0\2"),
		.protocol = IP_PROTOCOL_TCP,
		.ttl = 64,
		.payload_len = TCP_HEADER_LEN + wish.options_len + wish.len};
	struct writer w = writer_on(made->bytes, sizeof(made->bytes));
	struct mac mac = {{2}};

	write_eth(&w, mac, mac, ETHERTYPE_IP4);
	write_ip(&w, &ip);
	write_be16(&w, wish.port);
	write_be16(&w, 80);
	write_be32(&w, wish.seq);
	write_be32(&w, wish.ack);
	write_u8(&w, (uint8_t)((TCP_HEADER_LEN + wish.options_len) / 4 << 4));
	write_u8(&w, wish.flags);
	write_be16(&w, wish.window);
	write_be32(&w, 0);
	for (unsigned i = 0; i < wish.options_len; i++)
		write_u8(&w, TCP_OPTION_NOP);
	for (uint32_t i = 0; i < wish.len; i++)
		write_u8(&w, (uint8_t)(wish.seq + i));
	assert_false(w.failed);
	made->frame = frame_linear(made->bytes, (uint32_t)writer_len(&w));
	made->frame.offload.needs_checksum = true;
	assert_int_equal(packet_parse(made->bytes, made->frame.len, made->frame.len, &made->packet),
		PACKET_OK);
}

static const struct wish first_wish = {
	.seq = 100, .ack = 7, .port = 1000, .window = 10, .flags = TCP_ACK, .len = 900};
static const struct wish next_wish = {
	.seq = 1000, .ack = 8, .port = 1000, .window = 20, .flags = TCP_ACK | TCP_PSH, .len = 50};

/* Whether what next says is joined to first. */
static bool joins(struct merge *merge, struct wish next)
{
	static struct made a, b;

	make(&a, first_wish);
	make(&b, next);
	*merge = (struct merge){0};
	assert_true(merge_may_begin(&a.frame, &a.packet));
	merge_begin(merge, &a.frame, &a.packet);
	return merge_join(merge, &b.frame, &b.packet);
}

static void test_what_follows_becomes_one(void **)
{
	struct merge merge;
	uint8_t payload[950];
	const uint8_t *tcp = merge.head + ETH_HEADER_LEN + IP4_HEADER_LEN;

	assert_true(joins(&merge, next_wish));
	assert_int_equal(merge.frame.len, HEAD_LEN + 950);
	assert_int_equal(merge.packet.end, merge.frame.len);
	assert_int_equal(load_be32(tcp + 4), 100);
	assert_int_equal(load_be32(tcp + 8), 8);
	assert_int_equal(load_be16(tcp + 14), 20);
	assert_int_equal(merge.packet.tcp_flags, TCP_ACK | TCP_PSH);
	assert_int_equal(frame_copy(&merge.frame, HEAD_LEN, payload, sizeof(payload)), 950);
	for (uint32_t i = 0; i < 950; i++)
		assert_int_equal(payload[i], (uint8_t)(100 + i));
}

static void test_what_does_not_follow_stays_alone(void **)
{
	struct merge merge;
	struct wish gap = next_wish, again = next_wish, other = next_wish, fin = next_wish,
		    options = next_wish, pure = next_wish;

	gap.seq++;
	again.seq -= 10;
	other.port++;
	fin.flags |= TCP_FIN;
	options.options_len = 4;
	pure.len = 0;
	assert_false(joins(&merge, gap));
	assert_false(joins(&merge, again));
	assert_false(joins(&merge, other));
	assert_false(joins(&merge, fin));
	assert_false(joins(&merge, options));
	assert_false(joins(&merge, pure));
	assert_int_equal(merge.frame.len, HEAD_LEN + 900);
}

static void test_a_checksum_that_must_be_looked_at_begins_nothing(void **)
{
	static struct made made;

	make(&made, first_wish);
	made.frame.offload.needs_checksum = false;
	assert_false(merge_may_begin(&made.frame, &made.packet));
}

static void test_a_run_ends_where_its_parts_end(void **)
{
	static struct made made[FRAME_BODY_MAX + 1];
	struct merge merge = {0};
	struct wish wish = first_wish;

	for (unsigned i = 0; i <= FRAME_BODY_MAX; i++, wish.seq += wish.len)
		make(&made[i], wish);
	merge_begin(&merge, &made[0].frame, &made[0].packet);
	for (unsigned i = 1; i < FRAME_BODY_MAX; i++)
		assert_true(merge_join(&merge, &made[i].frame, &made[i].packet));
	assert_false(merge_join(&merge, &made[FRAME_BODY_MAX].frame, &made[FRAME_BODY_MAX].packet));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_follows_becomes_one),
		cmocka_unit_test(test_what_does_not_follow_stays_alone),
		cmocka_unit_test(test_a_checksum_that_must_be_looked_at_begins_nothing),
		cmocka_unit_test(test_a_run_ends_where_its_parts_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
