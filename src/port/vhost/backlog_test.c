/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/vhost/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t pattern[65536 + 256];

/* Frame number n: its length and its bytes follow from it. */
static struct frame nth(unsigned n)
{
	struct frame frame = frame_linear(pattern + n % 251, n * 7919 % 65536);

	frame.offload.segment_size = (uint16_t)n;
	return frame;
}

static void expect_nth(struct backlog *backlog, unsigned n)
{
	const struct frame wanted = nth(n);
	struct frame frame;

	assert_true(backlog_first(backlog, &frame));
	assert_int_equal(frame.len, wanted.len);
	assert_memory_equal(frame.head, wanted.head, wanted.len);
	assert_int_equal(frame.offload.segment_size, n & 0xffff);
	backlog_remove_first(backlog);
}

static void test_first_in_first_out_round_and_round(void **)
{
	struct backlog backlog = {0};
	unsigned in = 0, out = 0;

	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 13 + i / 251);
	for (unsigned round = 0; round < 2000; round++) {
		const struct frame frame = nth(in);

		if (backlog_add(&backlog, &frame))
			in++;
		else
			assert_true(backlog.count >= 31); /* that many of the longest fit */
		if (round % 3 || backlog.count > 40)
			expect_nth(&backlog, out++);
		while (round % 97 == 0 && out < in)
			expect_nth(&backlog, out++);
	}
	while (out < in)
		expect_nth(&backlog, out++);
	assert_true(backlog_is_empty(&backlog));
	assert_true(in > 1000);
	backlog_done(&backlog);
}

static void test_it_fills_and_empties(void **)
{
	struct backlog backlog = {0};
	const struct frame frame = frame_linear(pattern, 1000);
	struct frame first;
	unsigned count = 0;

	for (unsigned round = 0; round < 3; round++) {
		for (count = 0; backlog_add(&backlog, &frame); count++)
			;
		assert_in_range(count, BACKLOG_SIZE / 1040, BACKLOG_SIZE / 1000);
		backlog_remove_first(&backlog);
		assert_true(backlog_add(&backlog, &frame));
		assert_false(backlog_add(&backlog, &frame));
		while (backlog_first(&backlog, &first))
			backlog_remove_first(&backlog);
	}
	backlog_done(&backlog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_in_first_out_round_and_round),
		cmocka_unit_test(test_it_fills_and_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
