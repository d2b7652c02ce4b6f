/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bad wire, in one direction: what it does to the frames that are put on it. A machine
 * (base/machine.h): frames go in through impair_take(), which copies them, and come out of run().
 *
 * A frame is first lost or not, then there once or twice; then it waits until the wire has sent
 * what was before it (rate), then travels (delay). Frames keep their order, whatever the jitter;
 * but one that is to be reordered does not travel, it is there at once and so overtakes those that
 * do. A super-frame is cut where it matters what happens to the frames it stands for.
 */
#pragma once

#include "base/list.h"
#include "base/machine.h"
#include "hub/port.h"

/* What one wire may hold, copies and their book-keeping; more is lost as DROP_QUEUE_FULL. */
#define IMPAIR_BYTES_MAX (32 << 20)
/* The queue before a rate: as long as this, or as many bytes as the longest frame has. */
#define IMPAIR_QUEUE_TIME (100 * NSEC_PER_MSEC)

#define IMPAIR_ALWAYS 1000000 /* a probability is given in millionths */

struct impair_settings {
	nsec delay, jitter;		   /* delay - jitter to delay + jitter, each as likely */
	uint32_t loss, duplicate, reorder; /* probabilities */
	uint64_t rate; /* bits of frames (without preamble and FCS) a second; 0: no limit */
};

struct impair {
	struct machine machine;
	/* Frames whose time has come; called from run() only. Lent until it returns. */
	void (*release)(
		struct impair *impair, const struct frame *frames, unsigned count, nsec now);
	/* One that is lost: DROP_IMPAIRED, _QUEUE_FULL, _NO_MEMORY or _MALFORMED. Lent too. */
	void (*lose)(struct impair *impair, enum drop reason, const struct frame *frame);

	struct impair_settings settings; /* by impair_change() */
	struct list travelling;		 /* in the order they come out in */
	struct list overtaking;		 /* so is this */
	size_t bytes;			 /* held */
	nsec sent_at;			 /* when all that was put on the wire has been sent */
	uint64_t random;		 /* the generator's state */
};

/* A good wire; the owner sets release and lose. The same seed and frames: the same fate. */
void impair_init(struct impair *impair, uint64_t seed);
/* Forgets the frames it holds. */
void impair_done(struct impair *impair);

/* What is on the wire goes on no later than it would on the new one. */
void impair_change(struct impair *impair, const struct impair_settings *settings, nsec now);
void impair_take(struct impair *impair, const struct frame *frames, unsigned count, nsec now);
/* Loses all it holds. */
void impair_clear(struct impair *impair, enum drop reason);

bool impair_settings_are_none(const struct impair_settings *settings);

/* Whether frames have to go this way: something is to happen to them, or others are before them. */
static inline bool impair_is_needed(const struct impair *impair)
{
	return !list_is_empty(&impair->travelling) || !list_is_empty(&impair->overtaking) ||
	       !impair_settings_are_none(&impair->settings);
}
