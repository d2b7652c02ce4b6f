/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any frame with any offload fields is either refused or becomes plain frames that together have
 * the payload it had, each with checksums that are right.
 */
#include "base/bytes.h"
#include "hub/segment.h"
#include "wire/packet.h"
#include "wire/tcp.h"

#include <stdlib.h>

#define OPTIONS_LEN (VNET_HEADER_LEN + 5)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static uint16_t slow_sum(const uint8_t *bytes, size_t len, uint64_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint64_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t pseudo_sum(const struct packet *p)
{
	unsigned skip = p->version == 4 ? 12 : 0;
	uint16_t sum = slow_sum(p->from.bytes + skip, 16 - skip, p->protocol + p->end - p->l4);

	return slow_sum(p->to.bytes + skip, 16 - skip, sum);
}

struct check {
	struct segment_sink sink;
	const struct frame *whole;
	struct packet packet; /* of the whole */
	unsigned takes;
	uint32_t payload_len; /* so far */
	uint32_t count;
};

static void check_piece(struct check *check, const struct frame *frame, const uint8_t *bytes)
{
	uint32_t size = check->whole->offload.segment_size;
	struct packet p;
	uint16_t sum;

	require(frame->offload.kind == SEGMENT_NONE);
	require(packet_parse(bytes, frame->head_len, frame->len, &p) == PACKET_OK);
	require(p.payload == check->packet.payload && p.end == frame->len);
	if (frame->offload.needs_checksum)
		require(load_be16(bytes + p.l4 + frame->offload.checksum_offset) == pseudo_sum(&p));
	else
		require(slow_sum(bytes + p.l4, p.end - p.l4, pseudo_sum(&p)) == 0xffff);
	if (p.protocol == IP_PROTOCOL_TCP)
		require(load_be32(bytes + p.l4 + 4) ==
			load_be32(check->whole->head + p.l4 + 4) + check->count * size);
	check->payload_len += p.end - p.payload;
	sum = frame->offload.needs_checksum ? TAKES_CHECKSUM : 0;
	require(!(sum & ~check->takes));
}

/* The field held the pseudo-header's sum: with it the whole must be all ones. */
static void check_filled(struct check *check, const struct frame *frame, const uint8_t *bytes)
{
	const struct offload *offload = &check->whole->offload;
	uint32_t start = offload->checksum_start;
	uint16_t pseudo = load_be16(check->whole->head + start + offload->checksum_offset);

	require(frame->len == check->whole->len && !frame->offload.needs_checksum);
	if (offload->checksum_offset % 2 == 0)
		require(slow_sum(bytes + start, frame->len - start, pseudo) % 0xffff == 0);
}

static void check_frames(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	static uint8_t bytes[ETH_FRAME_MAX];
	struct check *check = CONTAINER_OF(sink, struct check, sink);

	for (unsigned i = 0; i < count; i++, check->count++) {
		require(frames[i].len <= sizeof(bytes));
		require(frames[i].head_len >= MIN(frames[i].len, FRAME_HEAD_MIN));
		require(frames[i].body_count <= FRAME_BODY_MAX);
		require(frame_copy(&frames[i], 0, bytes, frames[i].len) == frames[i].len);
		if (&frames[i] == check->whole)
			require(!(segment_needs(check->whole) & ~check->takes));
		else if (check->whole->offload.kind == SEGMENT_NONE)
			check_filled(check, &frames[i], bytes);
		else
			check_piece(check, &frames[i], bytes);
	}
}

/* Lengths and the header's checksum as the frame's length says, or nothing but noise is tried. */
static void make_right(uint8_t *bytes, uint32_t len)
{
	if (len >= 34 && load_be16(bytes + 12) == 0x0800) {
		uint32_t header_len = (bytes[14] & 15u) * 4;

		store_be16(bytes + 16, (uint16_t)(len - 14));
		store_be16(bytes + 24, 0);
		if (14 + header_len <= len)
			store_be16(bytes + 24, (uint16_t)~slow_sum(bytes + 14, header_len, 0));
	} else if (len >= 54 && load_be16(bytes + 12) == 0x86dd) {
		store_be16(bytes + 18, (uint16_t)(len - 54));
	}
}

static unsigned cut_body(const uint8_t *bytes, uint32_t len, unsigned count, struct iovec *body)
{
	uint32_t part = count ? len / count : 0;

	for (unsigned i = 0; i < count; i++)
		body[i] = (struct iovec){
			(void *)(bytes + i * part), i + 1 < count ? part : len - i * part};
	return count;
}

/* data: a virtio header, what the port takes, how long the frame is, in how many parts, how much of
 * it is in the head; then its first bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[ETH_FRAME_MAX];
	struct iovec body[FRAME_BODY_MAX];
	struct check check = {.sink.take = check_frames};
	struct frame frame = {.head = bytes, .body = body};

	if (size < OPTIONS_LEN)
		return 0;
	check.takes = data[10] & TAKES_ALL;
	frame.len = MAX(load_be16(data + 11), (uint32_t)MIN(size - OPTIONS_LEN, sizeof(bytes)));
	for (uint32_t i = 0; i < frame.len; i++)
		bytes[i] = i < size - OPTIONS_LEN ? data[OPTIONS_LEN + i] : (uint8_t)(i * 7);
	if (!(data[10] & 0x80))
		make_right(bytes, frame.len);
	if (!vnet_read(data, frame.len, &frame.offload))
		return 0;
	frame.head_len = MIN(frame.len, FRAME_HEAD_MIN + data[13] * 4u);
	frame.body_count = cut_body(bytes + frame.head_len, frame.len - frame.head_len,
		frame.head_len < frame.len ? 1 + data[14] % FRAME_BODY_MAX : 0, body);
	check.whole = &frame;
	(void)!packet_parse(frame.head, frame.head_len, frame.len, &check.packet);
	if (!segment_lower(&frame, check.takes, &check.sink)) {
		require(!check.count);
		return 0;
	}
	if (frame.offload.kind != SEGMENT_NONE && (segment_needs(&frame) & ~check.takes)) {
		require(check.payload_len == check.packet.end - check.packet.payload);
		require(check.count == frame_wire_count(&frame) || check.packet.end < frame.len);
	}
	return 0;
}
