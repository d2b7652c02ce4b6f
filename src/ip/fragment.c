/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/fragment.h"

#include "base/list.h"
#include "wire/checksum.h"

#include <stdlib.h>

/* In front of a datagram's bytes: Ethernet header and what of the IP headers is not fragmented. */
#define HEAD_MAX	    FRAME_HEAD_MIN
#define PAYLOAD_MAX	    65535
#define FRAGMENT_HEADER_LEN 8 /* RFC 8200 4.5 */

struct part {
	uint32_t start, end;
};

struct assembly {
	struct list node;
	struct ip from, to;
	uint32_t id;
	uint8_t version, protocol; /* protocol: IPv4; RFC 8200 4.5 leaves it out of the key */
	bool is_spoilt;		   /* stays to swallow what is still to come, RFC 5722 4 */
	nsec deadline;
	uint16_t head_len;  /* 0: the first fragment is not here */
	uint16_t l3;	    /* where the IP header starts in the head */
	uint32_t first_len; /* payload bytes of the first fragment */
	uint32_t len;	    /* payload bytes in all; 0: the last fragment is not here */
	uint32_t size;	    /* room behind HEAD_MAX in bytes[] */
	uint8_t *bytes;	    /* the head ends at HEAD_MAX, where the payload starts */
	unsigned part_count;
	struct part parts[FRAGMENT_GAPS_MAX]; /* what is here: sorted, apart from each other */
};

struct fragments {
	struct fragment_watcher *watcher;
	struct list by_age; /* the oldest first */
	unsigned count;
	size_t bytes;
};

/* One fragment, taken to pieces. */
struct piece {
	uint16_t l3, head_len;
	uint16_t next_at; /* where in the head the protocol behind it is named */
	uint8_t next;	  /* which, but for a fragment header */
	uint32_t data_at; /* offset in the frame */
	struct part part; /* of the datagram's payload */
	bool is_last;
};

struct fragments *fragments_new(struct fragment_watcher *watcher)
{
	struct fragments *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->watcher = watcher;
	list_init(&f->by_age);
	return f;
}

static void forget(struct fragments *f, struct assembly *a)
{
	list_remove(&a->node);
	f->count--;
	f->bytes -= a->size;
	free(a->bytes);
	free(a);
}

void fragments_free(struct fragments *f)
{
	if (!f)
		return;
	LIST_EACH(node, &f->by_age)
		forget(f, LIST_ENTRY(node, struct assembly, node));
	free(f);
}

bool fragments_is_empty(const struct fragments *f)
{
	return !f->count;
}

static void tell(struct fragments *f, const struct assembly *a, bool has_timed_out, nsec now)
{
	struct frame first;

	if (a->head_len)
		first = frame_linear(a->bytes + HEAD_MAX - a->head_len, a->head_len + a->first_len);
	f->watcher->on_lost(f->watcher, a->head_len ? &first : NULL, has_timed_out, now);
}

/* Only after its loss was told does an assembly lose its bytes. */
static void give_up(struct fragments *f, struct assembly *a, bool has_timed_out, nsec now)
{
	if (!a->is_spoilt)
		tell(f, a, has_timed_out, now);
	forget(f, a);
}

static enum fragment_result spoil(struct fragments *f, struct assembly *a)
{
	f->bytes -= a->size;
	free(a->bytes);
	a->bytes = NULL;
	a->size = 0;
	a->is_spoilt = true;
	return FRAGMENT_SPOILT;
}

nsec fragments_run(struct fragments *f, nsec now)
{
	LIST_EACH(node, &f->by_age) {
		struct assembly *a = LIST_ENTRY(node, struct assembly, node);

		if (a->deadline > now)
			return a->deadline;
		give_up(f, a, true, now);
	}
	return NSEC_NEVER;
}

/* Steps over the extension headers in front of the fragment header. packet_parse() has been over
 * the same ground: they lie in the head. */
static bool split_ip6(const struct frame *frame, const struct packet *packet, struct piece *piece)
{
	uint32_t at = packet->l3 + IP6_HEADER_LEN, next_at = packet->l3 + 6u;

	while (frame->head[next_at] != IP_PROTOCOL_FRAGMENT) {
		next_at = at;
		at += (frame->head[at + 1] + 1u) * 8;
		if (at + FRAGMENT_HEADER_LEN > MIN(frame->head_len, packet->end))
			return false;
	}
	if (at > HEAD_MAX)
		return false;
	piece->head_len = (uint16_t)at;
	piece->next_at = (uint16_t)next_at;
	piece->next = frame->head[at];
	piece->data_at = at + FRAGMENT_HEADER_LEN;
	return true;
}

static bool split_ip4(const struct frame *frame, const struct packet *packet, struct piece *piece)
{
	piece->head_len = (uint16_t)(packet->l3 + (frame->head[packet->l3] & 15) * 4);
	piece->next_at = packet->l3 + 9;
	piece->next = packet->protocol;
	piece->data_at = piece->head_len;
	return true;
}

static bool split(const struct frame *frame, const struct packet *packet, struct piece *piece)
{
	uint32_t len, ip_len;

	/* A checksum still to fill, or segments still to cut, are of a whole datagram. */
	if (frame->offload.needs_checksum || frame->offload.kind != SEGMENT_NONE)
		return false;
	if (packet->version == 4 ? !split_ip4(frame, packet, piece)
				 : !split_ip6(frame, packet, piece))
		return false;
	if (piece->data_at >= packet->end)
		return false;
	piece->l3 = packet->l3;
	len = packet->end - piece->data_at;
	piece->is_last = !packet->has_more_fragments;
	if (!piece->is_last && len % 8)
		return false;
	piece->part = (struct part){packet->fragment_offset, packet->fragment_offset + len};
	ip_len = piece->head_len - packet->l3 - (packet->version == 6 ? IP6_HEADER_LEN : 0u);
	return ip_len + piece->part.end <= PAYLOAD_MAX;
}

static bool is_of(const struct assembly *a, const struct packet *packet)
{
	return a->id == packet->fragment_id && a->version == packet->version &&
	       (a->version == 6 || a->protocol == packet->protocol) &&
	       ip_equal(a->from, packet->from) && ip_equal(a->to, packet->to);
}

static struct assembly *find(struct fragments *f, const struct packet *packet)
{
	LIST_EACH(node, &f->by_age) {
		struct assembly *a = LIST_ENTRY(node, struct assembly, node);

		if (is_of(a, packet))
			return a;
	}
	return NULL;
}

/* One source may fill its own share only, and the table's oldest goes when all is full. */
static void make_place(struct fragments *f, struct ip from, nsec now)
{
	struct assembly *oldest = NULL;
	unsigned count = 0;

	LIST_EACH(node, &f->by_age) {
		struct assembly *a = LIST_ENTRY(node, struct assembly, node);

		if (!ip_equal(a->from, from))
			continue;
		if (!oldest)
			oldest = a;
		count++;
	}
	if (count >= FRAGMENT_PER_SOURCE_MAX)
		give_up(f, oldest, false, now);
	else if (f->count >= FRAGMENT_DATAGRAMS_MAX)
		give_up(f, LIST_ENTRY(f->by_age.next, struct assembly, node), false, now);
}

static struct assembly *start(struct fragments *f, const struct packet *packet, nsec now)
{
	struct assembly *a;

	make_place(f, packet->from, now);
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->from = packet->from;
	a->to = packet->to;
	a->id = packet->fragment_id;
	a->version = packet->version;
	a->protocol = packet->protocol;
	a->deadline = now + FRAGMENT_PATIENCE;
	list_push_back(&f->by_age, &a->node);
	f->count++;
	return a;
}

static void make_room(struct fragments *f, const struct assembly *keep, size_t more, nsec now)
{
	LIST_EACH(node, &f->by_age) {
		struct assembly *a = LIST_ENTRY(node, struct assembly, node);

		if (f->bytes + more <= FRAGMENT_BYTES_MAX)
			return;
		if (a != keep && a->size)
			give_up(f, a, false, now);
	}
}

/* Room for a payload of len bytes; doubles while the length is not known. */
static bool grow(struct fragments *f, struct assembly *a, uint32_t len, nsec now)
{
	uint32_t size = a->len ? a->len : MIN(MAX(len, a->size * 2), PAYLOAD_MAX);
	uint8_t *bytes;

	if (len <= a->size)
		return true;
	make_room(f, a, size - a->size, now);
	bytes = realloc(a->bytes, HEAD_MAX + size);
	if (!bytes)
		return false;
	f->bytes += size - a->size;
	a->bytes = bytes;
	a->size = size;
	return true;
}

static bool has_all(const struct assembly *a, struct part part)
{
	for (unsigned i = 0; i < a->part_count; i++)
		if (part.start >= a->parts[i].start && part.end <= a->parts[i].end)
			return true;
	return false;
}

/* Whether the piece says what is here already; then it is a copy and not an overlap. */
static bool is_copy(const struct assembly *a, const struct frame *frame, const struct piece *piece)
{
	const uint8_t *here = a->bytes + HEAD_MAX + piece->part.start;
	struct iovec parts[FRAME_BODY_MAX + 1];
	unsigned count;

	if (!has_all(a, piece->part))
		return false;
	count = frame_slice(frame, piece->data_at, piece->part.end - piece->part.start, parts);
	for (unsigned i = 0; i < count; i++) {
		if (memcmp(here, parts[i].iov_base, parts[i].iov_len))
			return false;
		here += parts[i].iov_len;
	}
	return true;
}

static bool overlaps(const struct assembly *a, struct part part)
{
	for (unsigned i = 0; i < a->part_count; i++)
		if (part.start < a->parts[i].end && a->parts[i].start < part.end)
			return true;
	return false;
}

static void remove_part(struct assembly *a, unsigned place)
{
	a->part_count--;
	memmove(a->parts + place, a->parts + place + 1,
		(a->part_count - place) * sizeof(*a->parts));
}

/* The part overlaps none. False: too many that do not touch. */
static bool add_part(struct assembly *a, struct part part)
{
	unsigned place = 0;

	while (place < a->part_count && a->parts[place].start < part.start)
		place++;
	if (place < a->part_count && a->parts[place].start == part.end) {
		part.end = a->parts[place].end;
		remove_part(a, place);
	}
	if (place && a->parts[place - 1].end == part.start) {
		a->parts[place - 1].end = part.end;
		return true;
	}
	if (a->part_count == ARRAY_SIZE(a->parts))
		return false;
	memmove(a->parts + place + 1, a->parts + place, (a->part_count - place) * sizeof(part));
	a->parts[place] = part;
	a->part_count++;
	return true;
}

/* The end, where it is known, agrees with every part. */
static bool fits_end(const struct assembly *a, const struct piece *piece)
{
	if (a->len)
		return piece->part.end <= a->len && (!piece->is_last || piece->part.end == a->len);
	return !piece->is_last || !a->part_count ||
	       a->parts[a->part_count - 1].end <= piece->part.end;
}

/* The IP header of a datagram with this payload, not fragmented. */
static void rewrite(struct assembly *a, uint32_t payload_len)
{
	uint8_t *ip = a->bytes + HEAD_MAX - a->head_len + a->l3;
	uint32_t ip_len = (uint32_t)a->head_len - a->l3;
	uint16_t checksum;

	if (a->version == 6) {
		store_be16(ip + 4, (uint16_t)(ip_len - IP6_HEADER_LEN + payload_len));
		return;
	}
	store_be16(ip + 2, (uint16_t)(ip_len + payload_len));
	store_be16(ip + 6, 0);
	store_be16(ip + 10, 0);
	checksum = checksum_fold(checksum_add(0, ip, ip_len));
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

static void keep_head(struct assembly *a, const struct frame *frame, const struct piece *piece)
{
	uint8_t *head = a->bytes + HEAD_MAX - piece->head_len;

	memcpy(head, frame->head, piece->head_len);
	head[piece->next_at] = piece->next;
	a->head_len = piece->head_len;
	a->l3 = piece->l3;
	a->first_len = piece->part.end;
	if (a->version == 6)
		rewrite(a, a->first_len); /* its fragment header is gone */
}

static enum fragment_result add(struct fragments *f, struct assembly *a, const struct frame *frame,
	const struct piece *piece, nsec now)
{
	uint32_t len = piece->part.end - piece->part.start;

	if (a->is_spoilt)
		return FRAGMENT_SPOILT;
	if (overlaps(a, piece->part))
		return is_copy(a, frame, piece) ? FRAGMENT_KEPT : spoil(f, a);
	if (!fits_end(a, piece))
		return spoil(f, a);
	if (piece->is_last)
		a->len = piece->part.end;
	if (!grow(f, a, piece->part.end, now)) {
		forget(f, a);
		return FRAGMENT_NO_MEMORY;
	}
	if (!add_part(a, piece->part))
		return spoil(f, a);
	frame_copy(frame, piece->data_at, a->bytes + HEAD_MAX + piece->part.start, len);
	if (!piece->part.start)
		keep_head(a, frame, piece);
	return a->len && a->part_count == 1 && !a->parts[0].start && a->parts[0].end == a->len
		       ? FRAGMENT_WHOLE
		       : FRAGMENT_KEPT;
}

enum fragment_result fragments_add(struct fragments *f, const struct frame *frame,
	const struct packet *packet, nsec now, uint8_t **ret_bytes, uint32_t *ret_len)
{
	enum fragment_result result;
	struct assembly *a;
	struct piece piece;

	if (!split(frame, packet, &piece))
		return FRAGMENT_MALFORMED;
	a = find(f, packet);
	if (!a)
		a = start(f, packet, now);
	if (!a)
		return FRAGMENT_NO_MEMORY;
	result = add(f, a, frame, &piece, now);
	if (result != FRAGMENT_WHOLE)
		return result;

	*ret_len = a->head_len + a->len;
	rewrite(a, a->len);
	memmove(a->bytes, a->bytes + HEAD_MAX - a->head_len, *ret_len);
	*ret_bytes = a->bytes;
	a->bytes = NULL;
	forget(f, a);
	return FRAGMENT_WHOLE;
}
