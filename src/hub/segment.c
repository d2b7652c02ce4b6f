/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/segment.h"

#include "wire/checksum.h"
#include "wire/packet.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define HEAD_MAX 256 /* bytes of headers; what has more is not from an honest sender */
#define PIECES_MAX                                                                                 \
	2048		/* of one frame: 64 KiB in pieces of 32 bytes, and nobody asks for those   \
			 */
#define PIECES_BATCH 64 /* handed on at a time: a whole frame at an MTU of 1500 */

/* Where the next payload bytes lie. */
struct cursor {
	const struct iovec *part;
	size_t offset; /* in *part */
};

/* A super-frame on its way to pieces. */
struct cut {
	const struct frame *frame;
	struct packet packet;
	struct iovec payload[FRAME_BODY_MAX + 1];
	struct cursor cursor;
	uint32_t payload_len, size; /* of all the payload; of each piece's but the last */
	bool fills_checksum;
};

/* The head is ours, what the body points at still the super-frame's. */
struct piece {
	uint8_t head[HEAD_MAX];
	struct iovec body[FRAME_BODY_MAX];
};

static struct iovec cursor_take(struct cursor *cursor, size_t max)
{
	struct iovec taken = {(uint8_t *)cursor->part->iov_base + cursor->offset,
		MIN(cursor->part->iov_len - cursor->offset, max)};

	cursor->offset += taken.iov_len;
	if (cursor->offset == cursor->part->iov_len)
		*cursor = (struct cursor){cursor->part + 1, 0};
	return taken;
}

static void cursor_copy(struct cursor *cursor, uint8_t *out, size_t len)
{
	while (len) {
		struct iovec part = cursor_take(cursor, len);

		memcpy(out, part.iov_base, part.iov_len);
		out += part.iov_len;
		len -= part.iov_len;
	}
}

static unsigned cursor_slice(struct cursor *cursor, size_t len, struct iovec *parts)
{
	unsigned count = 0;

	while (len) {
		parts[count] = cursor_take(cursor, len);
		len -= parts[count++].iov_len;
	}
	return count;
}

static void fix_ip4(const struct cut *cut, uint8_t *ip, uint32_t len, unsigned index)
{
	uint16_t header_len = cut->packet.l4 - cut->packet.l3, checksum = 0;

	store_be16(ip + 2, (uint16_t)len);
	store_be16(ip + 4, (uint16_t)(load_be16(ip + 4) + index));
	memcpy(ip + 10, &checksum, sizeof(checksum));
	checksum = checksum_fold(checksum_add(0, ip, header_len));
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

/* RFC 9293 3.1, RFC 3168 6.1.2: the end is said once, at the end; a reduced window at the start. */
static void fix_tcp(uint8_t *tcp, uint32_t offset, bool is_last)
{
	store_be32(tcp + 4, load_be32(tcp + 4) + offset);
	if (!is_last)
		tcp[13] &= ~(TCP_FIN | TCP_PSH);
	if (offset)
		tcp[13] &= ~TCP_CWR;
}

/* RFC 768: zero means that there is none. The same to everyone else. */
static uint16_t fold_nonzero(uint32_t sum)
{
	uint16_t checksum = checksum_fold(sum);

	return checksum ? checksum : 0xffff;
}

static uint16_t l4_sum(const struct cut *cut, const struct frame *frame, uint32_t pseudo)
{
	struct iovec parts[FRAME_BODY_MAX + 1];
	uint32_t l4 = cut->packet.l4;
	unsigned count = frame_slice(frame, l4, frame->len - l4, parts);

	return fold_nonzero(checksum_add_iov(pseudo, parts, count, 0, frame->len - l4));
}

static void fix_checksum(const struct cut *cut, uint8_t *l4, struct frame *frame)
{
	const struct packet *packet = &cut->packet;
	uint32_t pseudo = checksum_pseudo(
		packet->from, packet->to, packet->protocol, frame->len - packet->l4);
	uint8_t *field = l4 + cut->frame->offload.checksum_offset;
	uint16_t checksum = 0;

	memcpy(field, &checksum, sizeof(checksum));
	if (cut->fills_checksum) {
		checksum = l4_sum(cut, frame, pseudo);
	} else {
		checksum = ~checksum_fold(pseudo);
		frame->offload.needs_checksum = true;
		frame->offload.checksum_start = packet->l4;
		frame->offload.checksum_offset = cut->frame->offload.checksum_offset;
	}
	memcpy(field, &checksum, sizeof(checksum));
}

static void fix_headers(const struct cut *cut, struct piece *piece, struct frame *frame,
	uint32_t offset, bool is_last)
{
	uint8_t *ip = piece->head + cut->packet.l3, *l4 = piece->head + cut->packet.l4;

	if (cut->packet.version == 4)
		fix_ip4(cut, ip, frame->len - cut->packet.l3, offset / cut->size);
	else
		store_be16(ip + 4, (uint16_t)(frame->len - cut->packet.l3 - IP6_HEADER_LEN));
	if (cut->packet.protocol == IP_PROTOCOL_TCP)
		fix_tcp(l4, offset, is_last);
	else
		store_be16(l4 + 4, (uint16_t)(frame->len - cut->packet.l4));
	fix_checksum(cut, l4, frame);
}

/* The piece whose payload starts `offset` bytes into the super-frame's. */
static struct frame piece_make(struct cut *cut, struct piece *piece, uint32_t offset)
{
	uint32_t header_len = cut->packet.payload, left = cut->payload_len - offset;
	uint32_t len = MIN(left, cut->size);
	uint32_t copied = header_len < FRAME_HEAD_MIN ? MIN(len, FRAME_HEAD_MIN - header_len) : 0;
	struct frame frame = {
		.head = piece->head, .body = piece->body, .crossed = cut->frame->crossed};

	memcpy(piece->head, cut->frame->head, header_len);
	cursor_copy(&cut->cursor, piece->head + header_len, copied);
	frame.head_len = header_len + copied;
	frame.len = header_len + len;
	frame.body_count = cursor_slice(&cut->cursor, len - copied, piece->body);
	fix_headers(cut, piece, &frame, offset, left <= cut->size);
	return frame;
}

static void cut_up(struct cut *cut, struct segment_sink *sink)
{
	struct piece pieces[PIECES_BATCH];
	struct frame frames[PIECES_BATCH];
	uint32_t offset = 0;
	unsigned count = 0;

	do {
		frames[count] = piece_make(cut, &pieces[count], offset);
		offset += cut->size;
		if (++count == PIECES_BATCH || offset >= cut->payload_len) {
			sink->take(sink, frames, count);
			count = 0;
		}
	} while (offset < cut->payload_len);
}

static bool kind_is_of(uint8_t kind, const struct packet *packet)
{
	switch ((enum segment_kind)kind) {
	case SEGMENT_TCP4:
		return packet->version == 4 && packet->protocol == IP_PROTOCOL_TCP;
	case SEGMENT_TCP6:
		return packet->version == 6 && packet->protocol == IP_PROTOCOL_TCP;
	case SEGMENT_UDP:
		return packet->version && packet->protocol == IP_PROTOCOL_UDP;
	case SEGMENT_NONE:
		break;
	}
	return false;
}

/* Whether the headers say what the offload fields say. */
static bool cut_parse(struct cut *cut, const struct frame *frame)
{
	const struct packet *packet = &cut->packet;

	if (packet_parse(frame->head, frame->head_len, frame->len, &cut->packet) != PACKET_OK)
		return false;
	if (!kind_is_of(frame->offload.kind, packet) || packet->is_fragment)
		return false;
	if (packet->l4 != frame->offload.checksum_start || packet->payload > HEAD_MAX)
		return false;
	cut->payload_len = packet->end - packet->payload;
	cut->size = frame->offload.segment_size;
	return cut->payload_len <= cut->size * PIECES_MAX;
}

/* A frame in so many parts that another would be one too many: few senders, none of them fast. */
static NOINLINE bool lower_linear(
	const struct frame *frame, unsigned takes, struct segment_sink *sink)
{
	uint8_t bytes[ETH_FRAME_MAX];
	struct frame linear = frame_linear(bytes, frame->len);

	if (frame->len > sizeof(bytes))
		return false;
	frame_copy(frame, 0, bytes, frame->len);
	linear.offload = frame->offload;
	linear.crossed = frame->crossed;
	return segment_lower(&linear, takes, sink);
}

static bool lower_segments(const struct frame *frame, unsigned takes, struct segment_sink *sink)
{
	struct cut cut = {.frame = frame, .fills_checksum = !(takes & TAKES_CHECKSUM)};
	unsigned count;

	if (!cut_parse(&cut, frame))
		return false;
	count = frame_slice(frame, cut.packet.payload, cut.payload_len, cut.payload);
	if (count > FRAME_BODY_MAX)
		return lower_linear(frame, takes, sink);
	cut.cursor.part = cut.payload;
	cut_up(&cut, sink);
	return true;
}

/* The field holds the pseudo-header's sum, so that it need not be known what the packet is. */
static bool lower_checksum(const struct frame *frame, unsigned takes, struct segment_sink *sink)
{
	uint8_t head[HEAD_MAX];
	struct iovec parts[FRAME_BODY_MAX + 1];
	uint32_t start = frame->offload.checksum_start,
		 field = start + frame->offload.checksum_offset;
	struct frame filled = {.head = head,
		.head_len = MIN(frame->head_len, HEAD_MAX),
		.len = frame->len,
		.crossed = frame->crossed};
	uint16_t checksum;
	unsigned count;

	if (field + sizeof(checksum) > filled.head_len)
		return false;
	count = frame_slice(frame, start, frame->len - start, parts);
	checksum = fold_nonzero(checksum_add_iov(0, parts, count, 0, frame->len - start));
	memcpy(head, frame->head, filled.head_len);
	memcpy(head + field, &checksum, sizeof(checksum));
	count = frame_slice(frame, filled.head_len, frame->len - filled.head_len, parts);
	if (count > FRAME_BODY_MAX)
		return lower_linear(frame, takes, sink);
	filled.body = parts;
	filled.body_count = count;
	sink->take(sink, &filled, 1);
	return true;
}

bool segment_lower(const struct frame *frame, unsigned takes, struct segment_sink *sink)
{
	if (!frame_offload_is_sound(frame))
		return false;
	if (!(segment_needs(frame) & ~takes)) {
		sink->take(sink, frame, 1);
		return true;
	}
	if (frame->offload.kind == SEGMENT_NONE)
		return lower_checksum(frame, takes, sink);
	return lower_segments(frame, takes, sink);
}
