/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring.c, gap_list.c and scoreboard.c against models that do the same byte by byte. Each runs over
 * the place where sequence numbers go around. */
#include "ip/tcp/gap_list.h"
#include "ip/tcp/ring.h"
#include "ip/tcp/scoreboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPACE 4096 /* sequence numbers that a model covers */
#define BASE  (UINT32_MAX - SPACE / 2)

static uint32_t dice(uint32_t below)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x % below);
}

/* Gaps */

static void assert_gaps(const struct tcp_gap_list *list, const bool *has)
{
	unsigned range = 0;

	for (uint32_t i = 0; i < SPACE; range++) {
		uint32_t start;

		while (i < SPACE && !has[i])
			i++;
		if (i == SPACE)
			break;
		for (start = i; i < SPACE && has[i]; i++)
			;
		assert_true(range < list->count);
		assert_int_equal(list->ranges[range].start, BASE + start);
		assert_int_equal(list->ranges[range].end, BASE + i);
	}
	assert_int_equal(range, list->count);
	assert_true(!list->count || list->newest < list->count);
}

static unsigned count_ranges(const bool *has)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < SPACE; i++)
		count += has[i] && (!i || !has[i - 1]);
	return count;
}

static void add_gap(struct tcp_gap_list *list, bool *has)
{
	uint32_t start = dice(SPACE - 200), len = 1 + dice(dice(8) ? 40 : 200);
	bool more[SPACE];

	memcpy(more, has, sizeof(more));
	memset(more + start, true, len);
	assert_int_equal(gap_list_add(list, BASE + start, BASE + start + len),
		count_ranges(more) <= GAP_RANGES);
	if (count_ranges(more) > GAP_RANGES)
		return;
	memcpy(has, more, sizeof(more));
	assert_true(list->ranges[list->newest].start - BASE <= start);
	assert_true(list->ranges[list->newest].end - BASE >= start + len);
}

static void gaps_are_as_byte_by_byte(void **)
{
	for (unsigned round = 0; round < 200; round++) {
		struct tcp_gap_list list = {0};
		bool has[SPACE] = {0};

		for (uint32_t next = 0, told; next < SPACE - 300; next += dice(100)) {
			for (unsigned i = dice(6); i; i--)
				add_gap(&list, has);
			assert_gaps(&list, has);
			told = gap_list_advance(&list, BASE + next) - BASE;
			memset(has, false, next);
			while (has[next])
				has[next++] = false;
			assert_int_equal(told, next);
			assert_gaps(&list, has);
		}
	}
}

/* Rings */

static uint8_t byte_at(uint32_t seq)
{
	return (uint8_t)(seq * 2654435761u >> 24);
}

static void fill(struct ring *ring, uint32_t seq, uint32_t len)
{
	uint8_t bytes[RING_SIZE_MIN];
	uint32_t before = dice(100), cut = dice(len + 1);
	struct iovec parts[3] = {{bytes, before}, {bytes, cut}, {bytes + cut, len - cut}};

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = byte_at(seq + i);
	ring_write(ring, seq, parts, 3, before, len);
}

static void assert_kept(const struct ring *ring, uint32_t start, uint32_t end)
{
	struct iovec parts[2];
	unsigned count = ring_slice(ring, start, end - start, parts);
	uint32_t at = start;

	for (unsigned i = 0; i < count; i++)
		for (size_t j = 0; j < parts[i].iov_len; j++)
			assert_int_equal(((uint8_t *)parts[i].iov_base)[j], byte_at(at++));
	assert_int_equal(at, end);
}

static void a_ring_keeps_what_was_put_there(void **)
{
	struct ring_pool pool = {.limit = 64 << 20};
	struct ring ring = {.pool = &pool};
	uint32_t start = UINT32_MAX - 300000, end = start;

	assert_true(ring_reserve(&ring, RING_SIZE_MIN));
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t len = dice(RING_SIZE_MIN / 2);

		if (i % 200 == 199)
			assert_true(ring_reserve(&ring, ring.reserved * 2) ||
				    ring.reserved == RING_SIZE_MAX);
		assert_true(ring_hold(&ring, start, end));
		assert_int_equal(ring.size, ring.reserved);
		len = MIN(len, ring.size - (end - start));
		fill(&ring, end, len);
		end += len;
		if (i % 16 == 0)
			assert_kept(&ring, start, end);
		start += dice(end - start + 1);
		if (start == end)
			ring_release(&ring);
	}
	ring_done(&ring);
	assert_int_equal(pool.reserved, 0);
	assert_int_equal(pool.used, 0);
	ring_pool_done(&pool);
}

static void a_pool_gives_no_more_than_it_has(void **)
{
	struct ring_pool pool = {.limit = 4 * RING_SIZE_FIRST};
	struct ring rings[6] = {{0}};

	for (unsigned i = 0; i < 6; i++) {
		rings[i].pool = &pool;
		assert_int_equal(ring_reserve(&rings[i], RING_SIZE_FIRST), i < 4);
	}
	assert_false(ring_hold(&rings[5], 0, 0));
	for (unsigned i = 1; i < 6; i++)
		ring_done(&rings[i]);
	assert_true(ring_reserve(&rings[0], 2 * RING_SIZE_FIRST));
	assert_false(ring_reserve(&rings[0], 4 * RING_SIZE_FIRST)); /* half is for others */
	assert_false(ring_reserve(&rings[0], 2 * RING_SIZE_MAX));
	ring_done(&rings[0]);
	ring_pool_done(&pool);
}

/* Scoreboards */

enum mark {
	GONE, /* acknowledged, or not yet sent */
	SENT,
	SACKED,
	LOST,
};

static void assert_board(const struct scoreboard *board, const uint8_t *marks)
{
	uint32_t sacked = 0, lost = 0, at = 0;

	for (uint32_t i = 0; i < board->count; i++) {
		const struct sent *run = scoreboard_at(board, i);

		assert_true(run->start != run->end);
		for (; BASE + at != run->start; at++)
			assert_int_equal(marks[at], GONE);
		for (; BASE + at != run->end; at++)
			assert_int_equal(marks[at], run->is_sacked ? SACKED
						    : run->is_lost ? LOST
								   : SENT);
	}
	for (uint32_t i = 0; i < SPACE; i++) {
		sacked += marks[i] == SACKED;
		lost += marks[i] == LOST;
		assert_true(i < at || marks[i] == GONE);
	}
	assert_int_equal(board->sacked_len, sacked);
	assert_int_equal(board->lost_len, lost);
}

static void sack_some(struct scoreboard *board, uint8_t *marks, uint32_t una, uint32_t nxt)
{
	uint32_t start = una + dice(nxt - una), end = start + 1 + dice(nxt - start);
	bool has_news = false;
	struct sent newest;

	end = MIN(end, nxt);
	for (uint32_t i = start; i < end; i++) {
		has_news |= marks[i] != SACKED;
		marks[i] = SACKED;
	}
	assert_int_equal(scoreboard_sack(board, BASE + start, BASE + end, &newest), has_news);
}

static void lose_one(struct scoreboard *board, uint8_t *marks)
{
	struct sent *run = scoreboard_at(board, dice(board->count));

	scoreboard_lose(board, run);
	for (uint32_t i = run->start - BASE; i < run->end - BASE; i++)
		marks[i] = marks[i] == SACKED ? SACKED : LOST;
}

static void resend_some(struct scoreboard *board, uint8_t *marks, nsec now)
{
	uint32_t len = 1 + dice(50), first = 0;
	struct sent run;

	while (first < SPACE && marks[first] != LOST)
		first++;
	assert_int_equal(scoreboard_resend(board, len, now, &run), first < SPACE);
	if (first == SPACE)
		return;
	assert_int_equal(run.start, BASE + first);
	assert_true(run.end - run.start <= len);
	assert_int_equal(run.at, now);
	memset(marks + first, SENT, run.end - run.start);
}

static void lose_all(struct scoreboard *board, uint8_t *marks, uint32_t una, uint32_t nxt)
{
	scoreboard_lose_all(board);
	memset(marks + una, LOST, nxt - una);
}

static void a_scoreboard_is_as_byte_by_byte(void **)
{
	for (unsigned round = 0; round < 100; round++) {
		struct scoreboard board = {0};
		uint8_t marks[SPACE] = {GONE};
		uint32_t una = 0, nxt = 0;

		for (nsec now = 1; nxt < SPACE - 200; now += dice(2)) {
			uint32_t len = 1 + dice(100);
			struct sent newest;

			assert_true(scoreboard_append(&board, BASE + nxt, BASE + nxt + len, now));
			memset(marks + nxt, SENT, len);
			nxt += len;
			if (dice(2))
				sack_some(&board, marks, una, nxt);
			if (!dice(3))
				lose_one(&board, marks);
			if (!dice(2))
				resend_some(&board, marks, now);
			if (!dice(40))
				lose_all(&board, marks, una, nxt);
			if (!dice(3)) {
				una += dice(nxt - una + 1);
				memset(marks, GONE, una);
				(void)!scoreboard_acknowledge(&board, BASE + una, &newest);
			}
			assert_board(&board, marks);
		}
		scoreboard_done(&board);
	}
}

/* RFC 8985 6.2: what is told is the part that arrived, sent last. */
static void the_newest_is_what_arrived(void **)
{
	struct scoreboard board = {0};
	struct sent newest;

	assert_true(scoreboard_append(&board, 0, 100, 10));
	assert_true(scoreboard_append(&board, 100, 200, 20));
	assert_true(scoreboard_acknowledge(&board, 150, &newest));
	assert_int_equal(newest.at, 20);
	assert_int_equal(newest.end, 150);
	assert_true(scoreboard_sack(&board, 180, 190, &newest));
	assert_int_equal(newest.end, 190);
	assert_false(scoreboard_sack(&board, 180, 190, &newest));
	scoreboard_done(&board);
}

static void a_full_scoreboard_resends_all_the_same(void **)
{
	struct scoreboard board = {0};
	uint32_t at = 0;
	struct sent run;

	while (scoreboard_append(&board, at, at + 1000, at + 1))
		at += 1000;
	assert_int_equal(board.count, SCOREBOARD_RUNS_MAX);
	scoreboard_lose(&board, scoreboard_at(&board, 0));
	assert_true(scoreboard_resend(&board, 100, at + 2, &run));
	assert_int_equal(run.end - run.start, 100);
	assert_int_equal(board.lost_len, 0);
	scoreboard_done(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_are_as_byte_by_byte),
		cmocka_unit_test(a_ring_keeps_what_was_put_there),
		cmocka_unit_test(a_pool_gives_no_more_than_it_has),
		cmocka_unit_test(a_scoreboard_is_as_byte_by_byte),
		cmocka_unit_test(the_newest_is_what_arrived),
		cmocka_unit_test(a_full_scoreboard_resends_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
