/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The window against a model that remembers everything. */
#include "wg/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNTERS (1 << 18)

static struct replay replay;
static bool model_seen[COUNTERS];
static uint64_t model_newest;

static int set_up(void **)
{
	memset(&replay, 0, sizeof(replay));
	memset(model_seen, 0, sizeof(model_seen));
	model_newest = 0;
	return 0;
}

static bool model_accept(uint64_t counter)
{
	if (model_seen[counter] ||
		(counter < model_newest && model_newest - counter >= REPLAY_WINDOW))
		return false;
	model_seen[counter] = true;
	if (counter > model_newest)
		model_newest = counter;
	return true;
}

static void test_in_order(void **)
{
	for (uint64_t i = 0; i < 100000; i++)
		assert_true(replay_accept(&replay, i));
	assert_false(replay_accept(&replay, 99999));
	assert_false(replay_accept(&replay, 0));
}

static void test_the_window_is_as_wide_as_it_says(void **)
{
	const uint64_t newest = 1000000;

	assert_true(REPLAY_WINDOW >= 8128);
	assert_true(replay_accept(&replay, newest));
	for (uint64_t back = 1; back < REPLAY_WINDOW; back++)
		assert_true(replay_accept(&replay, newest - back));
	assert_false(replay_accept(&replay, newest - REPLAY_WINDOW));
	for (uint64_t back = 0; back < REPLAY_WINDOW; back++)
		assert_false(replay_accept(&replay, newest - back));
}

static void test_the_last_counters(void **)
{
	assert_true(replay_accept(&replay, UINT64_MAX - 1));
	assert_false(replay_accept(&replay, UINT64_MAX - 1));
	assert_true(replay_accept(&replay, UINT64_MAX - 2));
	assert_false(replay_accept(&replay, 0));
}

static uint64_t jump(void)
{
	switch (random() % 16) {
	case 0:
		return (uint64_t)random() % (REPLAY_WINDOW * 2);
	case 1:
		return REPLAY_WINDOW - 64 + (uint64_t)random() % 128;
	default:
		return (uint64_t)random() % 64;
	}
}

static void test_against_the_model(void **)
{
	uint64_t at = 0;

	srandom(1);
	while (at + REPLAY_WINDOW * 3 < COUNTERS) {
		uint64_t back = jump(), counter = at > back ? at - back : 0;

		if (random() % 3 == 0)
			counter = at += jump() % (random() % 8 ? 4 : REPLAY_WINDOW * 2);
		assert_int_equal(replay_accept(&replay, counter), model_accept(counter));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_in_order, set_up),
		cmocka_unit_test_setup(test_the_window_is_as_wide_as_it_says, set_up),
		cmocka_unit_test_setup(test_the_last_counters, set_up),
		cmocka_unit_test_setup(test_against_the_model, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
