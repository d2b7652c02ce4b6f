/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/merge.h"

#include "base/bytes.h"
#include "wire/tcp.h"

#define SEQ_OFFSET    4 /* in the TCP header, RFC 9293 3.1 */
#define ACK_OFFSET    8
#define ACK_TO_WINDOW 8 /* bytes: acknowledgement, header length, flags, window */

static uint32_t payload_len(const struct packet *packet)
{
	return packet->end - packet->payload;
}

static uint32_t seq_of(const struct frame *frame, const struct packet *packet)
{
	return load_be32(frame->head + packet->l4 + SEQ_OFFSET);
}

/* Reassembled packets, which do not live on, never ask for a checksum. Options, as SACK, are for
 * the segment they came with. */
bool merge_may_begin(const struct frame *frame, const struct packet *packet)
{
	return frame->offload.needs_checksum && payload_len(packet) &&
	       (packet->tcp_flags & ~TCP_PSH) == TCP_ACK &&
	       packet->payload == packet->l4 + TCP_HEADER_LEN;
}

static bool append(struct merge *merge, const struct frame *frame, const struct packet *packet)
{
	struct iovec parts[FRAME_BODY_MAX + 1];
	uint32_t len = payload_len(packet);
	unsigned count = frame_slice(frame, packet->payload, len, parts);

	if (merge->frame.body_count + count > FRAME_BODY_MAX)
		return false;
	memcpy(merge->parts + merge->frame.body_count, parts, count * sizeof(parts[0]));
	merge->frame.body_count += count;
	merge->frame.len += len;
	merge->packet.end = merge->frame.len;
	merge->next_seq += len;
	return true;
}

void merge_begin(struct merge *merge, const struct frame *frame, const struct packet *packet)
{
	uint32_t head_len = packet->payload;

	memcpy(merge->head, frame->head, head_len);
	merge->frame = (struct frame){.head = merge->head,
		.head_len = head_len,
		.len = head_len,
		.body = merge->parts,
		.offload.needs_checksum = true};
	merge->packet = *packet;
	merge->next_seq = seq_of(frame, packet);
	if (!append(merge, frame, packet))
		merge->frame.len = 0;
}

static bool is_same_flow(const struct packet *a, const struct packet *b)
{
	return a->from_port == b->from_port && a->to_port == b->to_port && a->l4 == b->l4 &&
	       ip_equal(a->from, b->from) && ip_equal(a->to, b->to);
}

bool merge_join(struct merge *merge, const struct frame *frame, const struct packet *packet)
{
	if (!merge->frame.len || !merge_may_begin(frame, packet) ||
		!is_same_flow(&merge->packet, packet) || seq_of(frame, packet) != merge->next_seq ||
		!append(merge, frame, packet))
		return false;
	/* The newest acknowledgement and window hold for all. */
	memcpy(merge->head + merge->packet.l4 + ACK_OFFSET, frame->head + packet->l4 + ACK_OFFSET,
		ACK_TO_WINDOW);
	merge->packet.tcp_flags |= packet->tcp_flags;
	return true;
}
