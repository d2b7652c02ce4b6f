/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/stream_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static uint8_t pattern[1000];

static size_t take_out(struct stream_queue *queue, uint8_t *out, size_t wish)
{
	struct iovec parts[2];
	unsigned count = stream_queue_parts(queue, parts);
	size_t done = 0;

	for (unsigned i = 0; i < count; i++) {
		size_t len = MIN(parts[i].iov_len, wish - done);

		memcpy(out + done, parts[i].iov_base, len);
		done += len;
	}
	if (done)
		stream_queue_remove(queue, done);
	return done;
}

static int fill_pattern(void **)
{
	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7);
	return 0;
}

/* Whatever the socket has taken of a frame in parts, the queue goes on from there. */
static void test_the_rest_of_a_frame(void **)
{
	const struct iovec body[2] = {{pattern + 10, 5}, {pattern + 15, 5}};
	const struct frame frame = {
		.head = pattern, .head_len = 10, .len = 20, .body = body, .body_count = 2};
	uint8_t whole[24], out[24];

	store_be32(whole, 20);
	memcpy(whole + 4, pattern, 20);
	for (uint32_t sent = 0; sent < 24; sent++) {
		struct stream_queue queue = {0};

		assert_true(stream_queue_add(&queue, &frame, sent));
		assert_int_equal(take_out(&queue, out, sizeof(out)), 24 - sent);
		assert_memory_equal(out, whole + sent, 24 - sent);
		assert_null(queue.ring);
	}
}

/* Round the ring a few times, with something in it all the while. */
static void test_it_goes_round(void **)
{
	const struct frame frame = frame_linear(pattern, sizeof(pattern));
	struct stream_queue queue = {0};
	uint8_t out[4 + sizeof(pattern)];

	assert_true(stream_queue_add(&queue, &frame, 0));
	for (unsigned i = 0; i < 4 * STREAM_QUEUE_SIZE / sizeof(out); i++) {
		assert_true(stream_queue_add(&queue, &frame, 0));
		assert_int_equal(take_out(&queue, out, sizeof(out)), sizeof(out));
		assert_int_equal(load_be32(out), sizeof(pattern));
		assert_memory_equal(out + 4, pattern, sizeof(pattern));
	}
	stream_queue_done(&queue);
	assert_null(queue.ring);
}

static void test_it_is_full(void **)
{
	const struct frame frame = frame_linear(pattern, 508);
	const struct frame small = frame_linear(pattern, 1);
	struct stream_queue queue = {0};

	for (unsigned i = 0; i < STREAM_QUEUE_SIZE / 512; i++)
		assert_true(stream_queue_add(&queue, &frame, 0));
	assert_int_equal(queue.len, STREAM_QUEUE_SIZE);
	assert_false(stream_queue_add(&queue, &small, 0));
	stream_queue_remove(&queue, 4);
	assert_false(stream_queue_add(&queue, &small, 0));
	stream_queue_remove(&queue, 1);
	assert_true(stream_queue_add(&queue, &small, 0));
	stream_queue_done(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_rest_of_a_frame),
		cmocka_unit_test(test_it_goes_round),
		cmocka_unit_test(test_it_is_full),
	};

	return cmocka_run_group_tests(tests, fill_pattern, NULL);
}
