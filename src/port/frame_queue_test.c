/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/frame_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static uint8_t pattern[1000];

static size_t take_out(struct frame_queue *queue, uint8_t *out, size_t wish)
{
	struct iovec parts[2];
	unsigned count = frame_queue_parts(queue, parts);
	size_t done = 0, all = 0;

	for (unsigned i = 0; queue->len && i < count; i++)
		all += parts[i].iov_len;
	assert_int_equal(all, queue->len);
	for (unsigned i = 0; i < count; i++) {
		size_t len = MIN(parts[i].iov_len, wish - done);

		if (len)
			memcpy(out + done, parts[i].iov_base, len);
		done += len;
	}
	if (done)
		frame_queue_remove(queue, done);
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
		struct frame_queue queue = {0};

		assert_true(frame_queue_add(&queue, &frame, sent));
		assert_int_equal(take_out(&queue, out, sizeof(out)), 24 - sent);
		assert_memory_equal(out, whole + sent, 24 - sent);
		assert_null(queue.bytes);
	}
}

/* Round the ring a few times, with something in it all the while, taken out in pieces that end
 * anywhere. */
static void test_it_goes_round(void **)
{
	const struct frame frame = frame_linear(pattern, sizeof(pattern));
	static uint8_t out[FRAME_QUEUE_SIZE];
	struct frame_queue queue = {0};
	size_t seen = 0, len;

	for (unsigned i = 0; i < 1000; i++) {
		while (i % 3 && frame_queue_add(&queue, &frame, 0))
			;
		len = take_out(&queue, out, queue.len * (i % 100) / 100);
		for (size_t j = 0; j < len; j++, seen++) {
			size_t at = seen % (4 + sizeof(pattern));

			if (at >= 4 && out[j] != pattern[at - 4])
				fail_msg("byte %zu", seen);
		}
	}
	frame_queue_done(&queue);
	assert_null(queue.bytes);
}

static void test_it_is_full(void **)
{
	const struct frame frame = frame_linear(pattern, 508);
	const struct frame small = frame_linear(pattern, 1);
	struct frame_queue queue = {0};

	for (unsigned i = 0; i < FRAME_QUEUE_SIZE / 512; i++)
		assert_true(frame_queue_add(&queue, &frame, 0));
	assert_int_equal(queue.len, FRAME_QUEUE_SIZE);
	assert_false(frame_queue_add(&queue, &small, 0));
	frame_queue_remove(&queue, 4);
	assert_false(frame_queue_add(&queue, &small, 0));
	frame_queue_remove(&queue, 1);
	assert_true(frame_queue_add(&queue, &small, 0));
	frame_queue_done(&queue);
}

/* As frames, of every length there is, round the ring. */
static void test_whole_frames(void **)
{
	struct frame_queue queue = {0};
	struct frame out[4];
	unsigned in = 0, seen = 0;

	while (seen < 5000) {
		struct frame frame = frame_linear(pattern + in % 7, in * 31 % 990);

		while (frame_queue_add(&queue, &frame, 0)) {
			in++;
			frame = frame_linear(pattern + in % 7, in * 31 % 990);
		}
		assert_int_equal(frame_queue_frames(&queue, out, 4), 4);
		for (unsigned i = 0; i < 4; i++, seen++) {
			assert_int_equal(out[i].len, seen * 31 % 990);
			assert_memory_equal(out[i].head, pattern + seen % 7, out[i].len);
		}
		for (unsigned i = 0; i < 4; i++)
			frame_queue_remove_frame(&queue);
	}
	while (seen < in) {
		assert_int_equal(frame_queue_frames(&queue, out, 1), 1);
		assert_int_equal(out[0].len, seen++ * 31 % 990);
		frame_queue_remove_frame(&queue);
	}
	assert_int_equal(frame_queue_frames(&queue, out, 4), 0);
	assert_null(queue.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_rest_of_a_frame),
		cmocka_unit_test(test_it_goes_round),
		cmocka_unit_test(test_it_is_full),
		cmocka_unit_test(test_whole_frames),
	};

	return cmocka_run_group_tests(tests, fill_pattern, NULL);
}
