/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/reassembly.h"

#include <stdlib.h>

struct piece {
	uint32_t start, end;
};

struct unfinished {
	struct list node;
	uint16_t number;
	nsec since;
	uint32_t len;	    /* 0: the last piece is not there */
	uint32_t got, size; /* bytes that are there; that there is room for */
	unsigned piece_count;
	struct piece pieces[REASSEMBLY_PIECES_MAX];
	uint8_t *bytes;
};

void reassembly_init(struct reassembly *reassembly)
{
	*reassembly = (struct reassembly){0};
	list_init(&reassembly->frames);
}

static void forget(struct reassembly *reassembly, struct unfinished *frame)
{
	reassembly->count--;
	reassembly->bytes -= frame->size;
	list_remove(&frame->node);
	free(frame->bytes);
	free(frame);
}

static void lose(struct reassembly *reassembly, struct unfinished *frame)
{
	reassembly->lost++;
	forget(reassembly, frame);
}

static struct unfinished *oldest(const struct reassembly *reassembly)
{
	return LIST_ENTRY(reassembly->frames.next, struct unfinished, node);
}

void reassembly_done(struct reassembly *reassembly)
{
	while (!list_is_empty(&reassembly->frames))
		forget(reassembly, oldest(reassembly));
}

/* A number comes again after 65536 frames; what is that old is gone. */
static struct unfinished *find(struct reassembly *reassembly, uint16_t number, nsec now)
{
	while (!list_is_empty(&reassembly->frames) &&
		now - oldest(reassembly)->since > REASSEMBLY_AGE)
		lose(reassembly, oldest(reassembly));
	LIST_EACH(node, &reassembly->frames) {
		struct unfinished *frame = LIST_ENTRY(node, struct unfinished, node);

		if (frame->number == number)
			return frame;
	}
	return NULL;
}

static struct unfinished *begin(struct reassembly *reassembly, uint16_t number, nsec now)
{
	struct unfinished *frame;

	if (reassembly->count == REASSEMBLY_FRAMES_MAX)
		lose(reassembly, oldest(reassembly));
	frame = calloc(1, sizeof(*frame));
	if (!frame)
		return NULL;
	frame->number = number;
	frame->since = now;
	list_push_back(&reassembly->frames, &frame->node);
	reassembly->count++;
	return frame;
}

static bool make_room(struct reassembly *reassembly, struct unfinished *frame, uint32_t size)
{
	uint8_t *bytes;

	if (size <= frame->size)
		return true;
	while (reassembly->bytes + (size - frame->size) > REASSEMBLY_BYTES_MAX &&
		oldest(reassembly) != frame)
		lose(reassembly, oldest(reassembly));
	if (reassembly->bytes + (size - frame->size) > REASSEMBLY_BYTES_MAX)
		return false;
	bytes = realloc(frame->bytes, size);
	if (!bytes)
		return false;
	reassembly->bytes += size - frame->size;
	frame->bytes = bytes;
	frame->size = size;
	return true;
}

/* RFC 5722: pieces that overlap are of no honest sender. */
static bool fits(const struct unfinished *frame, const struct piece *piece, bool is_last)
{
	if (piece->end > ETH_FRAME_MAX || frame->piece_count == REASSEMBLY_PIECES_MAX)
		return false;
	if (frame->len && (is_last || piece->end > frame->len))
		return false;
	for (unsigned i = 0; i < frame->piece_count; i++) {
		const struct piece *other = &frame->pieces[i];

		if ((piece->start < other->end && other->start < piece->end) ||
			(is_last && other->end > piece->end))
			return false;
	}
	return true;
}

/* The frame is the caller's until the next call: its memory moves to the front, to be the first
 * that is given back. */
static const uint8_t *finish(
	struct reassembly *reassembly, struct unfinished *frame, uint32_t *ret_len)
{
	*ret_len = frame->len;
	frame->since = -NSEC_NEVER / 2;
	frame->piece_count = REASSEMBLY_PIECES_MAX;
	list_remove(&frame->node);
	list_push_front(&reassembly->frames, &frame->node);
	return frame->bytes;
}

static void give_back(struct reassembly *reassembly)
{
	if (!list_is_empty(&reassembly->frames) && oldest(reassembly)->since < 0)
		forget(reassembly, oldest(reassembly));
}

const uint8_t *reassembly_add(struct reassembly *reassembly, const struct link_header *header,
	const uint8_t *bytes, nsec now, uint32_t *ret_len)
{
	const struct piece piece = {header->offset, header->offset + header->len};
	struct unfinished *frame;

	give_back(reassembly);
	frame = find(reassembly, header->number, now);
	if (!frame)
		frame = begin(reassembly, header->number, now);
	if (!frame)
		return NULL;
	if (!fits(frame, &piece, header->is_last) || !make_room(reassembly, frame, piece.end)) {
		lose(reassembly, frame);
		return NULL;
	}
	memcpy(frame->bytes + piece.start, bytes, header->len);
	frame->pieces[frame->piece_count++] = piece;
	frame->got += header->len;
	if (header->is_last)
		frame->len = piece.end;
	return frame->len && frame->got == frame->len ? finish(reassembly, frame, ret_len) : NULL;
}
