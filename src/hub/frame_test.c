/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/frame.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static uint8_t bytes[300];

static struct frame scattered(struct iovec body[3])
{
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	body[0] = (struct iovec){bytes + 200, 1};
	body[1] = (struct iovec){bytes + 201, 0};
	body[2] = (struct iovec){bytes + 201, 99};
	return (struct frame){
		.head = bytes, .head_len = 200, .len = 300, .body = body, .body_count = 3};
}

static void test_slices_and_copies(void **)
{
	struct iovec body[3], parts[FRAME_BODY_MAX + 1];
	struct frame frame = scattered(body);

	for (uint32_t offset = 0; offset <= 300; offset++) {
		for (uint32_t len = 0; offset + len <= 300; len += 1 + len / 8) {
			unsigned count = frame_slice(&frame, offset, len, parts);
			uint8_t copy[300];
			size_t total = 0;

			for (unsigned i = 0; i < count; i++) {
				assert_int_not_equal(parts[i].iov_len, 0);
				assert_ptr_equal(parts[i].iov_base, bytes + offset + total);
				total += parts[i].iov_len;
			}
			assert_int_equal(total, len);
			assert_int_equal(frame_copy(&frame, offset, copy, len), len);
			assert_memory_equal(copy, bytes + offset, len);
		}
	}
}

static void test_beyond_the_end(void **)
{
	struct iovec body[3], parts[FRAME_BODY_MAX + 1];
	struct frame frame = scattered(body);
	uint8_t copy[400] = {0};

	assert_int_equal(frame_slice(&frame, 0, 301, parts), 0);
	assert_int_equal(frame_slice(&frame, 300, 1, parts), 0);
	assert_int_equal(frame_slice(&frame, UINT32_MAX, 2, parts), 0);
	assert_int_equal(frame_slice(&frame, 2, UINT32_MAX, parts), 0);
	assert_int_equal(frame_copy(&frame, 290, copy, 100), 10);
	assert_memory_equal(copy, bytes + 290, 10);
	assert_int_equal(frame_copy(&frame, 300, copy, 1), 0);
	assert_int_equal(frame_copy(&frame, UINT32_MAX, copy, 1), 0);
}

static void test_linear(void **)
{
	struct frame frame = frame_linear("abcdef", 6);
	struct iovec parts[FRAME_BODY_MAX + 1];

	assert_int_equal(frame_slice(&frame, 2, 3, parts), 1);
	assert_memory_equal(parts[0].iov_base, "cde", 3);
	assert_int_equal(frame_wire_count(&frame), 1);
	assert_int_equal(frame_wire_len(&frame), 6);
	assert_true(frame_offload_is_sound(&frame));
}

static struct frame super_frame(uint8_t kind, uint32_t payload_len, uint16_t segment_size)
{
	static uint8_t head[66] = {[34 + 12] = 0x80}; /* 32 bytes of TCP header */
	struct frame frame = {.head = head, .head_len = sizeof(head)};
	bool is_udp = kind == SEGMENT_UDP;

	frame.len = (is_udp ? 42 : 66) + payload_len;
	frame.head_len = MIN(frame.len, sizeof(head));
	frame.offload = (struct offload){.needs_checksum = true,
		.kind = kind,
		.segment_size = segment_size,
		.checksum_start = 34,
		.checksum_offset = is_udp ? 6 : 16};
	return frame;
}

static void test_wire_count_and_len(void **)
{
	static const struct {
		uint32_t payload_len, count, len;
	} cases[] = {{0, 1, 0}, {1, 1, 1}, {1000, 1, 1000}, {1001, 2, 1000}, {64000, 64, 1000}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame tcp = super_frame(SEGMENT_TCP6, cases[i].payload_len, 1000);
		struct frame udp = super_frame(SEGMENT_UDP, cases[i].payload_len, 1000);

		assert_int_equal(frame_wire_count(&tcp), cases[i].count);
		assert_int_equal(frame_wire_len(&tcp), 66 + cases[i].len);
		assert_int_equal(frame_wire_count(&udp), cases[i].count);
		assert_int_equal(frame_wire_len(&udp), 42 + cases[i].len);
	}
}

static void test_unsound(void **)
{
	const struct frame good = super_frame(SEGMENT_TCP4, 5000, 1000);
	struct frame frame = good;

	assert_true(frame_offload_is_sound(&good));
	frame.offload.needs_checksum = false;
	assert_false(frame_offload_is_sound(&frame));
	frame = good;
	frame.offload.segment_size = 0;
	assert_false(frame_offload_is_sound(&frame));
	frame = good;
	frame.offload.kind = SEGMENT_UDP + 1;
	assert_false(frame_offload_is_sound(&frame));
	frame = good;
	frame.offload.checksum_offset = 6;
	assert_false(frame_offload_is_sound(&frame));
	frame = good;
	frame.offload.checksum_start = 35; /* one byte of options is not in the head */
	((uint8_t *)good.head)[35 + 12] = 0x80;
	assert_false(frame_offload_is_sound(&frame));
	frame.offload.checksum_start = 60;
	assert_false(frame_offload_is_sound(&frame));
	assert_int_equal(frame_wire_count(&frame), 1);
	assert_int_equal(frame_wire_len(&frame), frame.len);
	frame = frame_linear(bytes, 60);
	frame.offload = (struct offload){
		.needs_checksum = true, .checksum_start = 50, .checksum_offset = 8};
	assert_true(frame_offload_is_sound(&frame));
	frame.offload.checksum_offset = 9;
	assert_false(frame_offload_is_sound(&frame));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices_and_copies),
		cmocka_unit_test(test_beyond_the_end),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_wire_count_and_len),
		cmocka_unit_test(test_unsound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
