/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/replay.h"

#include "base/attr.h"

#include <string.h>

/* Words between the newest and the one that becomes it hold counters of a lap before. */
static void advance(struct replay *replay, uint64_t counter)
{
	uint64_t newest = replay->next ? (replay->next - 1) / 64 : 0, word = counter / 64;

	if (word - newest >= REPLAY_WORDS)
		memset(replay->seen, 0, sizeof(replay->seen));
	else
		while (newest < word)
			replay->seen[++newest % REPLAY_WORDS] = 0;
	replay->next = counter + 1;
}

bool replay_accept(struct replay *replay, uint64_t counter)
{
	uint64_t *word = &replay->seen[counter / 64 % REPLAY_WORDS];
	const uint64_t bit = (uint64_t)1 << (counter % 64);

	if (LIKELY(counter >= replay->next))
		advance(replay, counter);
	else if (replay->next - counter > REPLAY_WINDOW || (*word & bit))
		return false;
	*word |= bit;
	return true;
}
