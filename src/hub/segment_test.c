/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reference is a builder that makes whole frames from scratch with the slowest of checksums.
 * It makes a super-frame as a sender would, and each frame that must come out of it.
 */
#include "hub/segment.h"

#include "base/bytes.h"
#include "wire/ip.h"
#include "wire/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define PAYLOAD_MAX 65000

struct shape {
	bool is_udp, is_v6, has_tag, has_extension;
	unsigned tcp_option_len;
};

struct built {
	uint8_t bytes[ETH_FRAME_MAX];
	uint32_t len, l3, l4, payload;
};

static uint8_t payload_bytes[PAYLOAD_MAX];

static uint16_t slow_sum(const uint8_t *bytes, size_t len, uint64_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint64_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t pseudo_sum(const struct shape *shape, const struct built *built)
{
	const uint8_t *ip = built->bytes + built->l3;
	uint64_t sum = (shape->is_udp ? 17u : 6u) + built->len - built->l4;

	return shape->is_v6 ? slow_sum(ip + 8, 32, sum) : slow_sum(ip + 12, 8, sum);
}

static void put(struct built *built, const void *bytes, uint32_t len)
{
	memcpy(built->bytes + built->len, bytes, len);
	built->len += len;
}

static void put_headers(struct built *built, const struct shape *shape)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	static const uint8_t ip4[20] = {
		0x45, 0x10, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 1, 2, 3, 10, 9, 8, 7};
	uint8_t ip6[40] = {0x60, 0x30, 1, 2, 0, 0, 6, 64, 0xfd, [23] = 5, [24] = 0xfd, [39] = 9};
	uint8_t extension[8] = {6, 0, 1, 4};
	uint8_t tcp[60] = {0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 0, 5, 6, 7, 8, 0x50, 0x18, 0x20};
	static const uint8_t udp[8] = {0x03, 0xe8, 0, 53};

	built->len = 0;
	put(built, macs, 12);
	if (shape->has_tag)
		put(built, "\x81\x00\x00\x05", 4);
	put(built, shape->is_v6 ? "\x86\xdd" : "\x08\x00", 2);
	built->l3 = built->len;
	extension[0] = shape->is_udp ? 17 : 6;
	ip6[6] = shape->has_extension ? 60 : extension[0];
	put(built, shape->is_v6 ? ip6 : ip4, shape->is_v6 ? 40 : 20);
	if (shape->has_extension)
		put(built, extension, 8);
	if (!shape->is_v6)
		built->bytes[built->l3 + 9] = extension[0];
	built->l4 = built->len;
	tcp[12] = (uint8_t)((20 + shape->tcp_option_len) << 2);
	memset(tcp + 20, TCP_OPTION_NOP, shape->tcp_option_len);
	put(built, shape->is_udp ? udp : tcp, shape->is_udp ? 8 : 20 + shape->tcp_option_len);
	built->payload = built->len;
}

/* The frame that carries payload_bytes[offset .. offset + len) as number `index`. */
static void build(struct built *built, const struct shape *shape, uint32_t offset, uint32_t len,
	uint16_t index, uint8_t flags)
{
	uint8_t *ip, *l4;
	uint16_t sum;

	put_headers(built, shape);
	put(built, payload_bytes + offset, len);
	ip = built->bytes + built->l3;
	l4 = built->bytes + built->l4;
	if (shape->is_v6) {
		store_be16(ip + 4, (uint16_t)(built->len - built->l3 - 40));
	} else {
		store_be16(ip + 2, (uint16_t)(built->len - built->l3));
		store_be16(ip + 4, (uint16_t)(0xfffe + index));
		store_be16(ip + 10, (uint16_t)~slow_sum(ip, 20, 0));
	}
	if (shape->is_udp) {
		store_be16(l4 + 4, (uint16_t)(built->len - built->l4));
	} else {
		store_be32(l4 + 4, 0xffffff00 + offset);
		l4[13] = flags;
	}
	sum = (uint16_t)~slow_sum(l4, built->len - built->l4, pseudo_sum(shape, built));
	store_be16(l4 + (shape->is_udp ? 6 : 16), sum ? sum : 0xffff);
}

/* As a sender leaves it: the pseudo-header's sum in the field. */
static struct offload leave_checksum(struct built *built, const struct shape *shape)
{
	struct offload offload = {.needs_checksum = true,
		.checksum_start = (uint16_t)built->l4,
		.checksum_offset = shape->is_udp ? 6 : 16};

	store_be16(built->bytes + built->l4 + offload.checksum_offset, pseudo_sum(shape, built));
	return offload;
}

static uint8_t kind_of(const struct shape *shape)
{
	return shape->is_udp ? SEGMENT_UDP : shape->is_v6 ? SEGMENT_TCP6 : SEGMENT_TCP4;
}

/* A copy of the frame with the head that a port may see and the rest in pieces of their own. */
struct scattering {
	uint8_t *parts[FRAME_BODY_MAX + 1];
	struct iovec body[FRAME_BODY_MAX];
	struct frame frame;
};

static void scatter(struct scattering *s, const struct built *built, unsigned body_count)
{
	uint32_t wanted = FRAME_HEAD_MIN + (uint32_t)rand() % 100;
	uint32_t head_len = body_count ? MIN(built->len, wanted) : built->len, at = head_len;

	*s = (struct scattering){.frame = {.head_len = head_len, .len = built->len}};
	s->parts[0] = malloc(head_len);
	memcpy(s->parts[0], built->bytes, head_len);
	for (unsigned i = 0; i < body_count; i++) {
		uint32_t left = built->len - at, len = left ? (uint32_t)rand() % left : 0;

		if (i == body_count - 1)
			len = left;
		s->parts[i + 1] = malloc(len ? len : 1);
		memcpy(s->parts[i + 1], built->bytes + at, len);
		s->body[i] = (struct iovec){s->parts[i + 1], len};
		at += len;
	}
	s->frame.head = s->parts[0];
	s->frame.body = s->body;
	s->frame.body_count = body_count;
}

static void scatter_done(struct scattering *s)
{
	for (unsigned i = 0; i <= FRAME_BODY_MAX; i++)
		free(s->parts[i]);
}

/* Compares what comes out with what the builder makes. */
struct expectation {
	struct segment_sink sink;
	const struct shape *shape;
	uint32_t payload_len, size, offset;
	uint16_t index;
	bool keeps_checksum;
	uint8_t flags;
};

static uint8_t flags_of(const struct expectation *e)
{
	uint8_t flags = e->flags;

	if (e->offset + e->size < e->payload_len)
		flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	return e->index ? flags & (uint8_t)~TCP_CWR : flags;
}

static void expect_frame(struct expectation *e, const struct frame *frame)
{
	static const struct offload none;
	static struct built expected;
	static uint8_t actual[ETH_FRAME_MAX];
	uint32_t len = MIN(e->size, e->payload_len - e->offset);
	struct offload offload = none;

	build(&expected, e->shape, e->offset, len, e->index, flags_of(e));
	if (e->keeps_checksum)
		offload = leave_checksum(&expected, e->shape);
	assert_int_equal(frame->len, expected.len);
	assert_int_equal(frame_copy(frame, 0, actual, frame->len), frame->len);
	assert_memory_equal(actual, expected.bytes, frame->len);
	assert_int_equal(frame->offload.needs_checksum, offload.needs_checksum);
	assert_int_equal(frame->offload.kind, SEGMENT_NONE);
	assert_int_equal(frame->offload.checksum_start, offload.checksum_start);
	assert_int_equal(frame->offload.checksum_offset, offload.checksum_offset);
	assert_true(frame->head_len >= MIN(frame->len, FRAME_HEAD_MIN));
	assert_true(frame->body_count <= FRAME_BODY_MAX);
	e->offset += e->size;
	e->index++;
}

static void expect_frames(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	struct expectation *e = CONTAINER_OF(sink, struct expectation, sink);

	assert_int_not_equal(count, 0);
	for (unsigned i = 0; i < count; i++)
		expect_frame(e, &frames[i]);
}

static void cut_one(const struct shape *shape, uint32_t payload_len, uint16_t size,
	unsigned body_count, unsigned takes)
{
	static struct built built;
	struct scattering s;
	struct expectation e = {.sink.take = expect_frames,
		.shape = shape,
		.size = size,
		.payload_len = payload_len,
		.keeps_checksum = takes & TAKES_CHECKSUM,
		.flags = TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR | TCP_ECE};
	struct offload offload;

	build(&built, shape, 0, payload_len, 0, e.flags);
	offload = leave_checksum(&built, shape);
	offload.kind = kind_of(shape);
	offload.segment_size = size;
	scatter(&s, &built, body_count);
	s.frame.offload = offload;
	assert_int_equal(
		frame_wire_count(&s.frame), payload_len ? (payload_len + size - 1) / size : 1);
	assert_true(segment_lower(&s.frame, takes, &e.sink));
	assert_int_equal(e.index, frame_wire_count(&s.frame));
	scatter_done(&s);
}

static const struct shape shapes[] = {
	{.is_udp = false, .is_v6 = false, .tcp_option_len = 12},
	{.is_udp = false, .is_v6 = true, .tcp_option_len = 12},
	{.is_udp = true, .is_v6 = false},
	{.is_udp = true, .is_v6 = true},
	{.is_udp = false, .is_v6 = false, .has_tag = true, .tcp_option_len = 40},
	{.is_udp = false, .is_v6 = true, .has_tag = true, .has_extension = true},
	{.is_udp = true, .is_v6 = true, .has_extension = true},
};

static void test_cut(void **)
{
	static const uint32_t lens[] = {0, 1, 1447, 1448, 1449, 2896, 10001, PAYLOAD_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (size_t l = 0; l < ARRAY_SIZE(lens); l++) {
			cut_one(&shapes[i], lens[l], 1448, 0, 0);
			cut_one(&shapes[i], lens[l], 1448, 3, 0);
			cut_one(&shapes[i], lens[l], 1448, 0, TAKES_CHECKSUM);
			cut_one(&shapes[i], lens[l], 1448, FRAME_BODY_MAX, TAKES_CHECKSUM);
		}
	}
}

static void test_cut_at_random(void **)
{
	for (unsigned round = 0; round < 600; round++) {
		uint16_t size = (uint16_t)(33 + rand() % 3000);
		uint32_t len = (uint32_t)rand() % PAYLOAD_MAX;

		cut_one(&shapes[(size_t)rand() % ARRAY_SIZE(shapes)], len, size,
			(unsigned)rand() % (FRAME_BODY_MAX + 1), rand() % 2 ? TAKES_CHECKSUM : 0);
	}
}

static void test_fill_checksum(void **)
{
	static struct built built;
	struct scattering s;

	for (unsigned round = 0; round < 2000; round++) {
		const struct shape *shape = &shapes[(size_t)rand() % ARRAY_SIZE(shapes)];
		uint32_t len = (uint32_t)rand() % 3000;
		struct expectation e = {.sink.take = expect_frames,
			.shape = shape,
			.size = 3000,
			.payload_len = len,
			.flags = TCP_ACK | TCP_CWR | TCP_PSH};
		struct offload offload;

		build(&built, shape, 0, len, 0, e.flags);
		offload = leave_checksum(&built, shape);
		scatter(&s, &built, (unsigned)rand() % (FRAME_BODY_MAX + 1));
		s.frame.offload = offload;
		assert_true(segment_lower(&s.frame, 0, &e.sink));
		assert_int_equal(e.index, 1);
		scatter_done(&s);
	}
}

/* RFC 768: a checksum of zero would say that there is none. */
static void test_checksum_is_never_none(void **)
{
	static struct built built;
	const struct shape *udp = &shapes[2];
	uint8_t saved[2];

	memcpy(saved, payload_bytes, 2);
	memset(payload_bytes, 0, 2);
	build(&built, udp, 0, 2, 0, 0);
	memcpy(payload_bytes, built.bytes + built.l4 + 6, 2); /* now they sum up to all ones */
	for (uint32_t payload_len = 2; payload_len <= 4; payload_len += 2) {
		struct expectation e = {.sink.take = expect_frames,
			.shape = udp,
			.size = 2,
			.payload_len = payload_len};
		struct frame frame;

		build(&built, udp, 0, payload_len, 0, 0);
		frame = frame_linear(built.bytes, built.len);
		frame.offload = leave_checksum(&built, udp);
		if (payload_len > 2) {
			frame.offload.kind = SEGMENT_UDP;
			frame.offload.segment_size = 2;
		}
		assert_true(segment_lower(&frame, 0, &e.sink));
		assert_int_equal(e.index, payload_len / 2);
	}
	memcpy(payload_bytes, saved, 2);
}

/* A body in as many parts as there may be behind a head that does not fit the new one. */
static void test_one_part_too_many(void **)
{
	static struct built built;
	const struct shape *shape = &shapes[0];

	for (unsigned is_cut = 0; is_cut < 2; is_cut++) {
		struct expectation e = {.sink.take = expect_frames,
			.shape = shape,
			.size = is_cut ? 9000 : PAYLOAD_MAX,
			.payload_len = 20000,
			.flags = TCP_ACK};
		struct iovec body[FRAME_BODY_MAX];
		struct frame frame = {.head_len = 1000, .body = body, .body_count = FRAME_BODY_MAX};

		build(&built, shape, 0, 20000, 0, e.flags);
		frame.head = built.bytes;
		frame.len = built.len;
		frame.offload = leave_checksum(&built, shape);
		if (is_cut) {
			frame.offload.kind = SEGMENT_TCP4;
			frame.offload.segment_size = (uint16_t)e.size;
		}
		for (unsigned i = 0; i < FRAME_BODY_MAX; i++)
			body[i] = (struct iovec){built.bytes + 1000 + i, 1};
		body[FRAME_BODY_MAX - 1].iov_len = built.len - 1000 - (FRAME_BODY_MAX - 1);
		assert_true(segment_lower(&frame, 0, &e.sink));
		assert_int_equal(e.index, is_cut ? 3 : 1);
	}
}

struct same_sink {
	struct segment_sink sink;
	const struct frame *frame;
	unsigned count;
};

static void take_same(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	struct same_sink *same = CONTAINER_OF(sink, struct same_sink, sink);

	assert_ptr_equal(frames, same->frame);
	same->count += count;
}

static void test_as_it_is(void **)
{
	static struct built built;

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		static const unsigned takes[] = {TAKES_TCP4, TAKES_TCP6, TAKES_UDP};
		struct frame frame;
		struct same_sink same = {.sink.take = take_same, .frame = &frame};

		build(&built, &shapes[i], 0, 5000, 0, TCP_ACK);
		frame = frame_linear(built.bytes, built.len);
		assert_true(segment_lower(&frame, 0, &same.sink));
		frame.offload = leave_checksum(&built, &shapes[i]);
		assert_true(segment_lower(&frame, TAKES_CHECKSUM, &same.sink));
		frame.offload.kind = kind_of(&shapes[i]);
		frame.offload.segment_size = 1000;
		assert_true(segment_lower(
			&frame, TAKES_CHECKSUM | takes[frame.offload.kind - 1], &same.sink));
		assert_int_equal(same.count, 3);
	}
}

static void take_none(struct segment_sink *, const struct frame *, unsigned)
{
	fail();
}

static void test_contradictions(void **)
{
	static struct built built;
	static const struct {
		size_t shape;
		struct offload offload;
	} cases[] = {
		{1, {true, false, SEGMENT_TCP4, 0, 1000, 54, 16}}, /* IPv6 */
		{0, {true, false, SEGMENT_TCP6, 0, 1000, 34, 16}}, /* IPv4 */
		{2, {true, false, SEGMENT_TCP4, 0, 1000, 34, 16}}, /* UDP */
		{0, {true, false, SEGMENT_UDP, 0, 1000, 34, 6}},   /* TCP */
		{0, {true, false, SEGMENT_TCP4, 0, 1000, 35, 16}}, /* not where TCP starts */
		{0, {true, false, SEGMENT_TCP4, 0, 1000, 34, 6}},
		{0, {true, false, SEGMENT_TCP4, 0, 0, 34, 16}},
		{0, {false, false, SEGMENT_TCP4, 0, 1000, 34, 16}},
		{0, {true, false, 9, 0, 1000, 34, 16}},
		{0, {true, false, SEGMENT_TCP4, 0, 1, 34, 16}},	 /* 5000 of one byte */
		{0, {true, false, SEGMENT_NONE, 0, 0, 300, 16}}, /* past what is headers */
		{0, {true, false, SEGMENT_NONE, 0, 0, 0xffff, 0xffff}},
	};
	struct segment_sink sink = {.take = take_none};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame frame;

		build(&built, &shapes[cases[i].shape], 0, 5000, 0, TCP_ACK);
		frame = frame_linear(built.bytes, built.len);
		frame.offload = cases[i].offload;
		assert_false(segment_lower(&frame, 0, &sink));
	}
}

static void test_fragments_are_not_cut(void **)
{
	static struct built built;
	struct segment_sink sink = {.take = take_none};
	struct frame frame;
	uint8_t *ip;

	build(&built, &shapes[0], 0, 5000, 0, TCP_ACK);
	ip = built.bytes + built.l3;
	store_be16(ip + 6, 0x2000);
	store_be16(ip + 10, 0);
	store_be16(ip + 10, (uint16_t)~slow_sum(ip, 20, 0));
	frame = frame_linear(built.bytes, built.len);
	frame.offload = leave_checksum(&built, &shapes[0]);
	frame.offload.kind = SEGMENT_TCP4;
	frame.offload.segment_size = 1000;
	assert_false(segment_lower(&frame, 0, &sink));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_at_random),
		cmocka_unit_test(test_fill_checksum),
		cmocka_unit_test(test_checksum_is_never_none),
		cmocka_unit_test(test_one_part_too_many),
		cmocka_unit_test(test_as_it_is),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_fragments_are_not_cut),
	};

	srand(3);
	for (size_t i = 0; i < sizeof(payload_bytes); i++)
		payload_bytes[i] = (uint8_t)rand();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
