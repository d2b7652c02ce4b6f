/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/router/handover.h"

#include "base/attr.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE ((size_t)1 << 20)

static bool put(struct handover *handover, uint32_t len, uint8_t value)
{
	struct handed *handed = handover_reserve(handover, len);

	if (!handed)
		return false;
	memset(handed->bytes, value, len);
	handover_commit(handover, handed);
	return true;
}

static void take(struct handover *handover, uint32_t len, uint8_t value)
{
	const struct handed *handed = handover_next(handover);

	assert_non_null(handed);
	assert_int_equal(handed->len, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(handed->bytes[i], value);
}

static void test_nothing_before_publish(void **)
{
	struct handover *handover = handover_new(SIZE);

	assert_true(put(handover, 100, 1));
	assert_null(handover_next(handover));
	handover_publish(handover);
	take(handover, 100, 1);
	assert_null(handover_next(handover));
	handover_free(handover);
}

static void test_reserved_only(void **)
{
	struct handover *handover = handover_new(SIZE);

	assert_non_null(handover_reserve(handover, 100));
	assert_true(put(handover, 50, 2));
	handover_publish(handover);
	take(handover, 50, 2);
	assert_null(handover_next(handover));
	handover_free(handover);
}

/* Full is full until the reader has let go, and not one byte later is lost. */
static void test_full(void **)
{
	struct handover *handover = handover_new(SIZE);
	unsigned count = 0;

	while (put(handover, 60000, (uint8_t)count))
		count++;
	assert_true(count >= SIZE / 60100 - 1);
	handover_publish(handover);
	take(handover, 60000, 0);
	assert_false(put(handover, 60000, 0));
	handover_release(handover);
	/* The rest before the ring's end is too short for it, and what is before its start too. */
	take(handover, 60000, 1);
	handover_release(handover);
	assert_true(put(handover, 60000, (uint8_t)count));
	handover_publish(handover);
	for (unsigned i = 2; i <= count; i++)
		take(handover, 60000, (uint8_t)i);
	assert_null(handover_next(handover));
	handover_free(handover);
}

static void test_all_sizes(void **)
{
	struct handover *handover = handover_new(SIZE);
	uint32_t len = 1;

	for (unsigned i = 0; i < 3000; i++) {
		for (unsigned j = 0; j < 1 + i % 7; j++)
			assert_true(put(handover, (len + 977 * j) % 65553 + 1, (uint8_t)(i + j)));
		handover_publish(handover);
		for (unsigned j = 0; j < 1 + i % 7; j++)
			take(handover, (len + 977 * j) % 65553 + 1, (uint8_t)(i + j));
		assert_null(handover_next(handover));
		handover_release(handover);
		len = (len * 31 + 17) % 65553;
	}
	handover_free(handover);
}

/* A ring that its reader keeps empty stays in the same few pages. */
static void test_warm(void **)
{
	struct handover *handover = handover_new(SIZE);
	size_t farthest = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct handed *handed = handover_reserve(handover, 60000);

		farthest = MAX(farthest, (size_t)(handed->bytes - handover->ring));
		handover_commit(handover, handed);
		handover_publish(handover);
		while (handover_next(handover))
			;
		handover_release(handover);
	}
	assert_true(farthest < SIZE / 2 + 70000);
	handover_free(handover);
}

#define ROUNDS 200000

static void *write_all(void *argument)
{
	struct handover *handover = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		while (!put(handover, 4 + i % 1500, (uint8_t)i))
			sched_yield();
		if (i % 3 == 0)
			handover_publish(handover);
	}
	handover_publish(handover);
	return NULL;
}

static void test_two_threads(void **)
{
	struct handover *handover = handover_new(SIZE);
	unsigned count = 0;
	pthread_t writer;

	assert_int_equal(pthread_create(&writer, NULL, write_all, handover), 0);
	while (count < ROUNDS) {
		const struct handed *handed = handover_next(handover);

		if (!handed) {
			handover_release(handover);
			sched_yield();
			continue;
		}
		assert_int_equal(handed->len, 4 + count % 1500);
		assert_int_equal(handed->bytes[0], (uint8_t)count);
		assert_int_equal(handed->bytes[handed->len - 1], (uint8_t)count);
		count++;
	}
	pthread_join(writer, NULL);
	assert_null(handover_next(handover));
	handover_free(handover);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_before_publish),
		cmocka_unit_test(test_reserved_only),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_all_sizes),
		cmocka_unit_test(test_warm),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
