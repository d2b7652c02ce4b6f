/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture_ring.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SIZE 4096

static struct capture_ring *new_ring(void)
{
	struct capture_ring *ring = capture_ring_new(SIZE);

	assert_non_null(ring);
	return ring;
}

/* A piece that reaches past the end lies in one piece for both. */
static void test_wraps_in_one_piece(void **)
{
	struct capture_ring *ring = new_ring();
	const uint8_t *bytes;

	for (unsigned i = 0; i < 20; i++) {
		memset(capture_ring_room(ring, 3000), (int)i, 3000);
		(void)!capture_ring_commit(ring, 3000);
		assert_int_equal(capture_ring_peek(ring, &bytes), 3000);
		for (unsigned at = 0; at < 3000; at++)
			assert_int_equal(bytes[at], i);
		capture_ring_consume(ring, 3000);
	}
	capture_ring_free(ring);
}

static void test_full(void **)
{
	struct capture_ring *ring = new_ring();

	assert_null(capture_ring_room(ring, SIZE + 1));
	assert_non_null(capture_ring_room(ring, SIZE));
	(void)!capture_ring_commit(ring, SIZE - 10);
	assert_null(capture_ring_room(ring, 11));
	assert_non_null(capture_ring_room(ring, 10));
	capture_ring_consume(ring, 1);
	assert_non_null(capture_ring_room(ring, 11));
	capture_ring_free(ring);
}

/* The reader is woken once, and only when it rests. */
static void test_wakes(void **)
{
	struct capture_ring *ring = new_ring();

	assert_true(capture_ring_commit(ring, 1));
	assert_false(capture_ring_commit(ring, 1));
	assert_false(capture_ring_rest(ring));
	capture_ring_consume(ring, 2);
	assert_true(capture_ring_rest(ring));
	assert_true(capture_ring_commit(ring, 1));
	capture_ring_free(ring);
	capture_ring_free(NULL);
}

#define NUMBERS 300000

struct pair {
	struct capture_ring *ring;
	sem_t is_woken;
};

static void *write_numbers(void *argument)
{
	struct pair *pair = argument;

	for (uint32_t i = 0; i < NUMBERS;) {
		uint8_t *room = capture_ring_room(pair->ring, sizeof(i));

		if (!room)
			continue;
		memcpy(room, &i, sizeof(i));
		i++;
		if (capture_ring_commit(pair->ring, sizeof(i)))
			sem_post(&pair->is_woken);
	}
	return NULL;
}

/* Across threads every byte comes, in order, and nobody sleeps for ever. */
static void test_threads(void **)
{
	struct pair pair = {.ring = new_ring()};
	uint32_t wanted = 0, number;
	const uint8_t *bytes;
	pthread_t thread;

	sem_init(&pair.is_woken, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, write_numbers, &pair), 0);
	while (wanted < NUMBERS) {
		for (size_t left = capture_ring_peek(pair.ring, &bytes); left; left -= 4) {
			memcpy(&number, bytes, sizeof(number));
			assert_int_equal(number, wanted);
			wanted++;
			bytes += 4;
			capture_ring_consume(pair.ring, 4);
		}
		if (wanted < NUMBERS && capture_ring_rest(pair.ring))
			sem_wait(&pair.is_woken);
	}
	pthread_join(thread, NULL);
	sem_destroy(&pair.is_woken);
	capture_ring_free(pair.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wraps_in_one_piece),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_wakes),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
