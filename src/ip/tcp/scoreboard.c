/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/tcp/scoreboard.h"
#include "wire/tcp.h"

#include <stdlib.h>
#include <string.h>

static uint32_t run_len(const struct sent *run)
{
	return run->end - run->start;
}

struct sent *scoreboard_at(const struct scoreboard *board, uint32_t index)
{
	return &board->runs[board->first + index];
}

/* Room for one more run behind the last. */
static bool make_room(struct scoreboard *board)
{
	uint32_t size = board->size ? board->size * 2 : 8;
	struct sent *runs;

	if (board->first + board->count < board->size)
		return true;
	if (board->first) {
		memmove(board->runs, board->runs + board->first,
			board->count * sizeof(*board->runs));
		board->first = 0;
		return true;
	}
	if (size > SCOREBOARD_RUNS_MAX)
		return false;
	runs = realloc(board->runs, size * sizeof(*runs));
	if (!runs)
		return false;
	board->runs = runs;
	board->size = size;
	return true;
}

bool scoreboard_append(struct scoreboard *board, uint32_t start, uint32_t end, nsec at)
{
	struct sent *last = board->count ? scoreboard_at(board, board->count - 1) : NULL;

	/* What left in one go is one run: SACK splits it when it has to be told apart. */
	if (last && last->at == at && !last->is_sacked && !last->is_lost &&
		!last->is_retransmitted) {
		last->end = end;
		return true;
	}
	if (!make_room(board))
		return false;
	*scoreboard_at(board, board->count++) = (struct sent){.start = start, .end = end, .at = at};
	return true;
}

/* Cuts the run at seq, which lies inside it. False: no memory, the run is as it was. */
static bool split(struct scoreboard *board, uint32_t index, uint32_t seq)
{
	struct sent *run;

	if (!make_room(board))
		return false;
	run = scoreboard_at(board, index);
	memmove(run + 1, run, (board->count - index) * sizeof(*run));
	board->count++;
	run[0].end = seq;
	run[1].start = seq;
	return true;
}

/* end: of the part that arrived. */
static void keep_newest(const struct sent *run, uint32_t end, bool *has_one, struct sent *newest)
{
	if (*has_one && run->at < newest->at)
		return;
	*newest = *run;
	newest->end = end;
	*has_one = true;
}

bool scoreboard_acknowledge(struct scoreboard *board, uint32_t una, struct sent *ret_newest)
{
	bool has_one = false;

	while (board->count) {
		struct sent *run = scoreboard_at(board, 0);
		uint32_t len = MIN(run_len(run), una - run->start);

		if (!seq_before(run->start, una))
			break;
		if (run->is_sacked)
			board->sacked_len -= len;
		else
			keep_newest(run, run->start + len, &has_one, ret_newest);
		if (run->is_lost)
			board->lost_len -= len;
		if (len < run_len(run)) {
			run->start = una;
			break;
		}
		board->first++;
		board->count--;
	}
	if (!board->count)
		scoreboard_done(board);
	return has_one;
}

bool scoreboard_sack(
	struct scoreboard *board, uint32_t start, uint32_t end, struct sent *ret_newest)
{
	bool has_one = false;

	for (uint32_t i = 0; i < board->count; i++) {
		struct sent *run = scoreboard_at(board, i);

		if (!seq_before(run->start, end))
			break;
		if (run->is_sacked || !seq_before(start, run->end))
			continue;
		if (seq_before(run->start, start)) {
			if (!split(board, i, start))
				break;
			continue; /* the second half is next */
		}
		if (seq_before(end, run->end) && !split(board, i, end))
			break;
		run = scoreboard_at(board, i);
		if (run->is_lost)
			board->lost_len -= run_len(run);
		run->is_lost = false;
		run->is_sacked = true;
		board->sacked_len += run_len(run);
		keep_newest(run, run->end, &has_one, ret_newest);
	}
	return has_one;
}

void scoreboard_lose(struct scoreboard *board, struct sent *run)
{
	if (run->is_lost || run->is_sacked)
		return;
	run->is_lost = true;
	board->lost_len += run_len(run);
}

bool scoreboard_resend(struct scoreboard *board, uint32_t len, nsec at, struct sent *ret_run)
{
	for (uint32_t i = 0; board->lost_len && i < board->count; i++) {
		struct sent *run = scoreboard_at(board, i);

		if (!run->is_lost)
			continue;
		/* Where no room is left to cut it, all of it counts as sent: what did not leave
		 * will be found missing again, behind a first part that arrives. */
		if (run_len(run) > len)
			(void)!split(board, i, run->start + len);
		run = scoreboard_at(board, i);
		run->is_lost = false;
		run->is_retransmitted = true;
		run->at = at;
		board->lost_len -= run_len(run);
		*ret_run = *run;
		ret_run->end = run->start + MIN(run_len(run), len);
		return true;
	}
	return false;
}

void scoreboard_lose_all(struct scoreboard *board)
{
	struct sent *first, *last;

	if (!board->count)
		return;
	first = scoreboard_at(board, 0);
	last = scoreboard_at(board, board->count - 1);
	*first = (struct sent){.start = first->start,
		.end = last->end,
		.at = last->at,
		.is_lost = true,
		.is_retransmitted = true};
	board->count = 1;
	board->sacked_len = 0;
	board->lost_len = run_len(first);
}

void scoreboard_done(struct scoreboard *board)
{
	free(board->runs);
	*board = (struct scoreboard){0};
}
