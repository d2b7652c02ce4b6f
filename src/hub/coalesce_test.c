/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes out is cut again: it must be what went in, byte by byte, in fewer frames. */
#include "hub/coalesce.h"

#include "hub/segment.h"
#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FRAME_SIZE 1600

struct row {
	struct segment_sink sink;
	uint8_t bytes[COALESCE_MAX][FRAME_SIZE];
	uint32_t len[COALESCE_MAX];
	struct offload offload[COALESCE_MAX];
	unsigned count;
};

static void collect(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	struct row *row = CONTAINER_OF(sink, struct row, sink);

	for (unsigned i = 0; i < count; i++) {
		assert_true(row->count < COALESCE_MAX && frames[i].len <= FRAME_SIZE);
		row->len[row->count] = frame_copy(
			&frames[i], 0, row->bytes[row->count], FRAME_SIZE);
		row->offload[row->count++] = frames[i].offload;
	}
}

/* One frame with right checksums. */
static void make(struct row *row, bool is_v6, bool is_udp, uint32_t seq, uint32_t payload)
{
	uint8_t *bytes = row->bytes[row->count], *l4;
	struct writer w = writer_on(bytes, FRAME_SIZE);
	struct ip_fields ip = {.protocol = is_udp ? IP_PROTOCOL_UDP : IP_PROTOCOL_TCP,
		.ttl = 64,
		.id = (uint16_t)(100 + row->count),
		.may_not_fragment = true};
	uint32_t header_len = is_udp ? UDP_HEADER_LEN : TCP_HEADER_LEN + 12;
	struct packet packet;
	uint16_t sum;

	assert_true(ip_parse(is_v6 ? "fd00::1" : "10.0.0.1", &ip.from));
	assert_true(ip_parse(is_v6 ? "fd00::2" : "10.0.0.2", &ip.to));
	ip.payload_len = header_len + payload;
	write_eth(&w, (struct mac){{2, 0, 0, 0, 0, 2}}, (struct mac){{2, 0, 0, 0, 0, 1}},
		is_v6 ? ETHERTYPE_IP6 : ETHERTYPE_IP4);
	write_ip(&w, &ip);
	l4 = w.at;
	write_zeros(&w, header_len);
	store_be16(l4, 1000);
	store_be16(l4 + 2, 2000);
	if (is_udp) {
		store_be16(l4 + 4, (uint16_t)(header_len + payload));
	} else {
		store_be32(l4 + 4, seq);
		store_be32(l4 + 8, 777);
		l4[12] = (uint8_t)(header_len / 4 << 4);
		l4[13] = TCP_ACK;
		memset(l4 + 20, TCP_OPTION_NOP, 12);
	}
	for (uint32_t i = 0; i < payload; i++)
		write_u8(&w, (uint8_t)(seq + i));
	row->len[row->count] = (uint32_t)writer_len(&w);
	assert_int_equal(packet_parse(bytes, row->len[row->count], row->len[row->count], &packet),
		PACKET_OK);
	sum = checksum_fold(checksum_add(
		checksum_pseudo(packet.from, packet.to, packet.protocol, packet.end - packet.l4),
		l4, packet.end - packet.l4));
	memcpy(l4 + (is_udp ? UDP_CHECKSUM_OFFSET : TCP_CHECKSUM_OFFSET), &sum, sizeof(sum));
	row->offload[row->count++] = (struct offload){0};
}

/* Returns into how many frames the row became. */
static unsigned check(const struct row *row)
{
	static struct row copy, after;
	static struct coalescer coalescer;

	copy = *row;
	after.count = 0;
	after.sink.take = collect;
	coalesce_begin(&coalescer);
	for (unsigned i = 0; i < copy.count; i++)
		coalesce_add(&coalescer, copy.bytes[i], copy.len[i], &copy.offload[i]);
	coalesce_end(&coalescer);
	for (unsigned i = 0; i < coalescer.count; i++)
		assert_true(coalescer.frames[i].head_len == coalescer.frames[i].len ||
			    coalescer.frames[i].head_len >= FRAME_HEAD_MIN);
	for (unsigned i = 0; i < coalescer.count; i++)
		assert_true(segment_lower(&coalescer.frames[i], 0, &after.sink));
	assert_int_equal(after.count, row->count);
	for (unsigned i = 0; i < row->count; i++) {
		assert_int_equal(after.len[i], row->len[i]);
		assert_memory_equal(after.bytes[i], row->bytes[i], row->len[i]);
	}
	return coalescer.count;
}

static void fill(struct row *row, bool is_v6, bool is_udp, unsigned count)
{
	row->count = 0;
	for (unsigned i = 0; i < count; i++)
		make(row, is_v6, is_udp, 5000 + i * 1000, i + 1 < count ? 1000 : 400);
}

static void joins_a_flow(void **)
{
	static struct row row;

	for (unsigned shape = 0; shape < 4; shape++) {
		fill(&row, shape & 1, shape & 2, 10);
		assert_int_equal(check(&row), 1);
		fill(&row, shape & 1, shape & 2, FRAME_BODY_MAX + 1);
		assert_int_equal(check(&row), 1);
		fill(&row, shape & 1, shape & 2, COALESCE_MAX);
		assert_int_equal(check(&row), 2);
	}
}

/* Each of these makes two of what would be one, and changes nothing else. */
static void keeps_apart_what_differs(void **)
{
	static const struct {
		const char *what;
		unsigned at, mask;
	} changes[] = {
		{"MAC", 5, 1},
		{"type of service", 15, 4},
		{"id", 19, 1},
		{"DF", 20, 0x40},
		{"TTL", 22, 1},
		{"source", 29, 4},
		{"source port", 35, 1},
		{"sequence", 41, 1},
		{"acknowledgement", 45, 1},
		{"FIN", 47, TCP_FIN},
		{"URG", 47, TCP_URG},
		{"CWR", 47, TCP_CWR},
		{"SYN", 47, TCP_SYN},
		{"window", 49, 1},
		{"urgent", 53, 1},
		{"option", 54, 9},
	};
	static struct row row;

	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		unsigned at = changes[i].at, in_pair = at & ~1u;
		uint8_t old[2], *bytes;
		uint16_t sum;

		fill(&row, false, false, 6);
		bytes = row.bytes[3];
		memcpy(old, bytes + in_pair, 2);
		bytes[at] ^= changes[i].mask;
		memcpy(&sum, bytes + 24, 2);
		if (at >= 14 && at < 34)
			sum = checksum_update(sum, old, bytes + in_pair, 2);
		memcpy(bytes + 24, &sum, 2);
		memcpy(&sum, bytes + 50, 2);
		if (at >= 26)
			sum = checksum_update(sum, old, bytes + in_pair, 2);
		memcpy(bytes + 50, &sum, 2);
		if (check(&row) < 2)
			fail_msg("joined across another %s", changes[i].what);
	}
}

static void ends_with_a_push(void **)
{
	static struct row row;
	uint16_t sum;

	fill(&row, false, false, 6);
	memcpy(&sum, row.bytes[2] + 50, 2);
	sum = checksum_update(sum, row.bytes[2] + 46, "\x80\x18", 2);
	row.bytes[2][47] |= TCP_PSH;
	memcpy(row.bytes[2] + 50, &sum, 2);
	assert_int_equal(check(&row), 2);
}

static void leaves_wrong_checksums_wrong(void **)
{
	static struct row row;

	fill(&row, false, false, 6);
	row.bytes[2][100] ^= 1;
	assert_int_equal(check(&row), 3);
	fill(&row, true, true, 6);
	row.bytes[0][100] ^= 1;
	assert_int_equal(check(&row), 2);
}

static void joins_what_nobody_summed(void **)
{
	static struct row row, cut;
	static struct coalescer coalescer;
	struct segment_sink *sink = &cut.sink;

	fill(&row, false, false, 8);
	coalesce_begin(&coalescer);
	for (unsigned i = 0; i < row.count; i++)
		coalesce_add(&coalescer, row.bytes[i], row.len[i], &row.offload[i]);
	coalesce_end(&coalescer);
	cut.count = 0;
	cut.sink.take = collect;
	assert_true(segment_lower(&coalescer.frames[0], TAKES_CHECKSUM, sink));
	assert_true(cut.offload[0].needs_checksum);
	coalesce_begin(&coalescer);
	for (unsigned i = 0; i < cut.count; i++)
		coalesce_add(&coalescer, cut.bytes[i], cut.len[i], &cut.offload[i]);
	coalesce_end(&coalescer);
	assert_int_equal(coalescer.count, 1);
	cut.count = 0;
	assert_true(segment_lower(&coalescer.frames[0], 0, sink));
	fill(&row, false, false, 8);
	for (unsigned i = 0; i < row.count; i++)
		assert_memory_equal(cut.bytes[i], row.bytes[i], row.len[i]);
}

/* The first segment is the head of what it becomes, and a head is of FRAME_HEAD_MIN bytes. */
static void too_short_for_a_head(void **)
{
	static struct row row;

	for (unsigned payload = 1; payload < 200; payload++) {
		row.count = 0;
		for (unsigned i = 0; i < 5; i++)
			make(&row, payload % 2, false, 5000 + i * payload, payload);
		check(&row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_short_for_a_head),
		cmocka_unit_test(joins_a_flow),
		cmocka_unit_test(keeps_apart_what_differs),
		cmocka_unit_test(ends_with_a_push),
		cmocka_unit_test(leaves_wrong_checksums_wrong),
		cmocka_unit_test(joins_what_nobody_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
