/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/impair.h"

#include "base/hash.h"
#include "hub/segment.h"

#include <stdlib.h>

#define RELEASE_MAX 64			  /* handed on at a time */
#define RELEASE_GAP (200 * NSEC_PER_USEC) /* between two such times */
/* From this rate on a whole super-frame takes the wire for less than a millisecond. */
#define CUTS_BELOW_RATE 500000000

/* A copy, linear. */
struct kept {
	struct list node;
	nsec sent; /* when the last of it is on the wire */
	nsec due;  /* not before it, nor before those that were put on the list earlier */
	struct offload offload;
	uint32_t len;
	uint8_t crossed; /* as struct frame has it */
	uint8_t bytes[];
};

static struct kept *kept_of(struct list *node)
{
	return LIST_ENTRY(node, struct kept, node);
}

static struct frame frame_of(const struct kept *kept)
{
	struct frame frame = frame_linear(kept->bytes, kept->len);

	frame.offload = kept->offload;
	frame.crossed = kept->crossed;
	return frame;
}

static uint64_t next_random(struct impair *impair)
{
	impair->random += 0x9e3779b97f4a7c15;
	return hash_mix(impair->random, impair->random ^ 0xd1342543de82ef95);
}

static bool happens(struct impair *impair, uint32_t probability)
{
	return probability && (next_random(impair) >> 32) * IMPAIR_ALWAYS >> 32 < probability;
}

static nsec travel_time(struct impair *impair)
{
	nsec jitter = impair->settings.jitter;
	uint64_t range = 2 * (uint64_t)jitter + 1;

	if (!jitter)
		return impair->settings.delay;
	return impair->settings.delay - jitter +
	       (nsec)((unsigned __int128)next_random(impair) * range >> 64);
}

/* With the headers that each of the frames has which a super-frame stands for. */
static uint64_t wire_bytes(const struct frame *frame)
{
	uint32_t count = frame_wire_count(frame);

	if (count <= 1)
		return frame->len;
	return frame->len +
	       (uint64_t)(count - 1) * (frame_wire_len(frame) - frame->offload.segment_size);
}

static nsec sending_time(const struct impair *impair, uint64_t bytes)
{
	return (nsec)(bytes * 8 * NSEC_PER_SEC / impair->settings.rate);
}

static bool is_queue_full(const struct impair *impair, nsec now)
{
	return impair->settings.rate &&
	       impair->sent_at - now > MAX(IMPAIR_QUEUE_TIME, sending_time(impair, ETH_FRAME_MAX));
}

/* When the frame has been sent, if it is put on the wire now. */
static nsec send_end(struct impair *impair, const struct frame *frame, nsec now)
{
	if (impair->settings.rate)
		now = MAX(now, impair->sent_at) + sending_time(impair, wire_bytes(frame));
	impair->sent_at = now;
	return now;
}

static void put_on_wire(
	struct impair *impair, struct kept *kept, const struct frame *frame, nsec now)
{
	kept->sent = kept->due = send_end(impair, frame, now);
	if (happens(impair, impair->settings.reorder)) {
		list_push_back(&impair->overtaking, &kept->node);
		return;
	}
	kept->due += travel_time(impair);
	list_push_back(&impair->travelling, &kept->node);
}

/* DROP_COUNT: it is kept. */
static enum drop keep(struct impair *impair, const struct frame *frame, nsec now)
{
	size_t size = sizeof(struct kept) + frame->len;
	struct kept *kept;

	if (size > IMPAIR_BYTES_MAX - impair->bytes || is_queue_full(impair, now))
		return DROP_QUEUE_FULL;
	kept = malloc(size);
	if (!kept)
		return DROP_NO_MEMORY;
	kept->len = frame->len;
	kept->offload = frame->offload;
	kept->crossed = frame->crossed;
	frame_copy(frame, 0, kept->bytes, frame->len);
	impair->bytes += size;
	put_on_wire(impair, kept, frame, now);
	return DROP_COUNT;
}

/* That there is no room for the second of two is no loss: nobody sent it. */
static void enter(struct impair *impair, const struct frame *frame, nsec now)
{
	enum drop reason = DROP_IMPAIRED;

	if (!happens(impair, impair->settings.loss))
		reason = keep(impair, frame, now);
	if (reason != DROP_COUNT)
		impair->lose(impair, reason, frame);
	else if (happens(impair, impair->settings.duplicate))
		(void)keep(impair, frame, now);
}

struct entrance {
	struct segment_sink sink;
	struct impair *impair;
	nsec now;
};

static void enter_pieces(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	struct entrance *entrance = CONTAINER_OF(sink, struct entrance, sink);

	for (unsigned i = 0; i < count; i++)
		enter(entrance->impair, &frames[i], entrance->now);
}

static bool must_cut(const struct impair_settings *settings)
{
	return settings->loss || settings->duplicate || settings->reorder ||
	       (settings->rate && settings->rate < CUTS_BELOW_RATE);
}

void impair_take(struct impair *impair, const struct frame *frames, unsigned count, nsec now)
{
	struct entrance entrance = {.sink.take = enter_pieces, .impair = impair, .now = now};
	bool cuts = must_cut(&impair->settings);

	for (unsigned i = 0; i < count; i++) {
		const struct frame *frame = &frames[i];

		if (!cuts || frame->offload.kind == SEGMENT_NONE)
			enter(impair, frame, now);
		else if (!segment_lower(frame, TAKES_CHECKSUM, &entrance.sink))
			impair->lose(impair, DROP_MALFORMED, frame);
	}
	machine_wake(&impair->machine);
}

/* The next to come out, of both lists; NULL: none. */
static struct kept *first(const struct impair *impair)
{
	struct kept *travelling = kept_of(impair->travelling.next);
	struct kept *overtaking = kept_of(impair->overtaking.next);

	if (list_is_empty(&impair->overtaking))
		return list_is_empty(&impair->travelling) ? NULL : travelling;
	if (list_is_empty(&impair->travelling))
		return overtaking;
	return overtaking->due < travelling->due ? overtaking : travelling;
}

static void unkeep(struct impair *impair, struct kept *kept)
{
	list_remove(&kept->node);
	impair->bytes -= sizeof(*kept) + kept->len;
}

/* Hands on what is due, as far as it goes together; returns how many. */
static unsigned release(struct impair *impair, nsec now)
{
	struct frame frames[RELEASE_MAX];
	struct kept *released[RELEASE_MAX];
	unsigned count = 0;

	for (; count < RELEASE_MAX; count++) {
		struct kept *kept = first(impair);

		if (!kept || kept->due > now)
			break;
		unkeep(impair, kept);
		released[count] = kept;
		frames[count] = frame_of(kept);
	}
	if (count)
		impair->release(impair, frames, count, now);
	for (unsigned i = 0; i < count; i++)
		free(released[i]);
	return count;
}

/* While frames keep coming out, those of a short time come together: each wake-up costs more than
 * they do. */
static nsec run(struct machine *machine, nsec now)
{
	struct impair *impair = CONTAINER_OF(machine, struct impair, machine);
	unsigned count = release(impair, now);
	nsec earliest = count ? now + RELEASE_GAP : now;
	const struct kept *next;

	while (count == RELEASE_MAX)
		count = release(impair, now);
	next = first(impair);
	return next ? MAX(next->due, earliest) : NSEC_NEVER;
}

void impair_init(struct impair *impair, uint64_t seed)
{
	*impair = (struct impair){.machine.run = run, .random = seed};
	list_init(&impair->travelling);
	list_init(&impair->overtaking);
}

void impair_done(struct impair *impair)
{
	struct kept *kept;

	while ((kept = first(impair))) {
		unkeep(impair, kept);
		free(kept);
	}
}

void impair_clear(struct impair *impair, enum drop reason)
{
	struct kept *kept;

	while ((kept = first(impair))) {
		struct frame frame = frame_of(kept);

		unkeep(impair, kept);
		impair->lose(impair, reason, &frame);
		free(kept);
	}
	impair->sent_at = 0;
}

static void advance(struct impair *impair, nsec now)
{
	nsec longest = impair->settings.delay + impair->settings.jitter;

	impair->sent_at = now;
	LIST_EACH(node, &impair->travelling) {
		struct kept *kept = kept_of(node);
		struct frame frame = frame_of(kept);
		nsec sent = send_end(impair, &frame, now);

		impair->sent_at = kept->sent = MIN(kept->sent, sent);
		kept->due = MIN(kept->due, MAX(kept->sent, now) + longest);
	}
	LIST_EACH(node, &impair->overtaking)
		kept_of(node)->due = MIN(kept_of(node)->due, MAX(impair->sent_at, now));
}

void impair_change(struct impair *impair, const struct impair_settings *settings, nsec now)
{
	impair->settings = *settings;
	advance(impair, now);
	machine_wake(&impair->machine);
}

bool impair_settings_are_none(const struct impair_settings *settings)
{
	return !(settings->delay || settings->jitter || settings->loss || settings->duplicate ||
		 settings->reorder || settings->rate);
}
