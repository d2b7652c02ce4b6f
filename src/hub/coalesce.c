/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/coalesce.h"

#include "wire/checksum.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define IP_LEN_MAX 65535

static bool is_tcp(const struct packet *packet)
{
	return packet->protocol == IP_PROTOCOL_TCP;
}

/* Most of what is not worth a parser's look. */
static bool may_be_data(const uint8_t *bytes, uint32_t len)
{
	uint8_t protocol;

	if (len < ETH_HEADER_LEN + IP6_HEADER_LEN + UDP_HEADER_LEN)
		return false;
	switch (load_be16(bytes + 12)) {
	case ETHERTYPE_IP4:
		protocol = bytes[ETH_HEADER_LEN + 9];
		break;
	case ETHERTYPE_IP6:
		protocol = bytes[ETH_HEADER_LEN + 6];
		break;
	default:
		return false;
	}
	return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP;
}

/* Nobody behind us will look at each segment's checksum any more. */
static bool has_right_checksum(
	const uint8_t *bytes, const struct packet *packet, const struct offload *offload)
{
	const uint32_t len = packet->end - packet->l4;
	uint32_t sum;

	if (offload->needs_checksum)
		return offload->checksum_start == packet->l4 &&
		       offload->checksum_offset ==
			       (is_tcp(packet) ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET);
	if (!is_tcp(packet) && !load_be16(bytes + packet->l4 + UDP_CHECKSUM_OFFSET))
		return false;
	sum = checksum_pseudo(packet->from, packet->to, packet->protocol, len);
	return !checksum_fold(checksum_add(sum, bytes + packet->l4, len));
}

/* Whole, with payload, and nothing that is said but once. */
static bool is_plain(
	const uint8_t *bytes, uint32_t len, const struct offload *offload, struct packet *ret)
{
	if (!may_be_data(bytes, len) || packet_parse(bytes, len, len, ret) != PACKET_OK)
		return false;
	if (ret->is_fragment || ret->end != len || ret->payload == len || ret->has_vlan)
		return false;
	if (ret->version == 4 && ret->l4 - ret->l3 != IP4_HEADER_LEN)
		return false;
	if (ret->version == 6 && ret->l4 - ret->l3 != IP6_HEADER_LEN)
		return false;
	if (is_tcp(ret) && (ret->tcp_flags & ~TCP_PSH) != TCP_ACK)
		return false;
	return has_right_checksum(bytes, ret, offload);
}

/* Whoever cuts the frame says it of the last segment. */
static bool is_pushed(const uint8_t *bytes, const struct packet *packet)
{
	return is_tcp(packet) && bytes[packet->l4 + 13] & TCP_PSH;
}

static uint32_t payload_len(const struct packet *packet)
{
	return packet->end - packet->payload;
}

/* But for what follows from its place in the row, as segment_lower() makes it. */
static bool has_same_ip(const struct coalescer *coalescer, const uint8_t *a, const uint8_t *b)
{
	const uint8_t *x = a + ETH_HEADER_LEN, *y = b + ETH_HEADER_LEN;

	if (memcmp(a, b, ETH_HEADER_LEN) != 0)
		return false;
	if (coalescer->packet.version == 6)
		return !memcmp(x, y, 4) && !memcmp(x + 6, y + 6, IP6_HEADER_LEN - 6);
	return !memcmp(x, y, 2) && !memcmp(x + 6, y + 6, 4) && !memcmp(x + 12, y + 12, 8) &&
	       load_be16(y + 4) == (uint16_t)(load_be16(x + 4) + coalescer->segments);
}

/* Ports, acknowledgement, flags, window and options; or ports. */
static bool has_same_l4(const struct coalescer *coalescer, const uint8_t *a, const uint8_t *b,
	const struct packet *packet)
{
	const uint8_t *x = a + packet->l4, *y = b + packet->l4;

	if (!is_tcp(packet))
		return !memcmp(x, y, 4);
	return !memcmp(x, y, 4) && load_be32(y + 4) == coalescer->next_seq &&
	       !memcmp(x + 8, y + 8, 5) && !((x[13] ^ y[13]) & ~TCP_PSH) &&
	       !memcmp(x + 14, y + 14, 2) &&
	       !memcmp(x + 18, y + 18, packet->payload - packet->l4 - 18u);
}

static bool follows(
	const struct coalescer *coalescer, const uint8_t *bytes, const struct packet *packet)
{
	const struct frame *last = &coalescer->frames[coalescer->count - 1];

	return packet->protocol == coalescer->packet.protocol &&
	       packet->payload == coalescer->packet.payload &&
	       payload_len(packet) <= payload_len(&coalescer->packet) &&
	       last->head_len >= FRAME_HEAD_MIN && last->body_count < FRAME_BODY_MAX &&
	       last->len + payload_len(packet) <= ETH_HEADER_LEN + IP_LEN_MAX &&
	       has_same_ip(coalescer, last->head, bytes) &&
	       has_same_l4(coalescer, last->head, bytes, packet);
}

static void join(struct coalescer *coalescer, uint8_t *bytes, const struct packet *packet)
{
	struct frame *last = &coalescer->frames[coalescer->count - 1];
	struct iovec *part = &coalescer->parts[coalescer->part_count++];

	*part = (struct iovec){bytes + packet->payload, payload_len(packet)};
	if (!last->body_count++)
		last->body = part;
	last->len += payload_len(packet);
	coalescer->segments++;
	coalescer->next_seq += payload_len(packet);
	if (is_pushed(bytes, packet))
		((uint8_t *)last->head)[packet->l4 + 13] |= TCP_PSH;
}

/* Headers that are true of all of it; the checksum is for whoever cuts it. */
static void finish(struct coalescer *coalescer)
{
	struct frame *frame = &coalescer->frames[coalescer->count - 1];
	const struct packet *packet = &coalescer->packet;
	uint8_t *ip = (uint8_t *)frame->head + packet->l3,
		*l4 = (uint8_t *)frame->head + packet->l4;
	const uint32_t l4_len = frame->len - packet->l4;
	uint16_t field = is_tcp(packet) ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET, sum = 0;

	if (packet->version == 6) {
		store_be16(ip + 4, (uint16_t)l4_len);
	} else {
		store_be16(ip + 2, (uint16_t)(frame->len - packet->l3));
		memcpy(ip + 10, &sum, sizeof(sum));
		sum = checksum_fold(checksum_add(0, ip, IP4_HEADER_LEN));
		memcpy(ip + 10, &sum, sizeof(sum));
	}
	if (!is_tcp(packet))
		store_be16(l4 + 4, (uint16_t)l4_len);
	sum = (uint16_t)~checksum_fold(
		checksum_pseudo(packet->from, packet->to, packet->protocol, l4_len));
	memcpy(l4 + field, &sum, sizeof(sum));
	frame->offload = (struct offload){
		.needs_checksum = true,
		.kind = !is_tcp(packet)	       ? SEGMENT_UDP
			: packet->version == 4 ? SEGMENT_TCP4
					       : SEGMENT_TCP6,
		.header_len = packet->payload,
		.segment_size = (uint16_t)payload_len(packet),
		.checksum_start = packet->l4,
		.checksum_offset = field,
	};
}

static void close_last(struct coalescer *coalescer)
{
	if (coalescer->is_open && coalescer->segments > 1)
		finish(coalescer);
	coalescer->is_open = false;
}

static void open_new(struct coalescer *coalescer, const uint8_t *bytes, const struct packet *packet)
{
	coalescer->is_open = true;
	coalescer->packet = *packet;
	coalescer->segments = 1;
	if (is_tcp(packet))
		coalescer->next_seq = load_be32(bytes + packet->l4 + 4) + payload_len(packet);
}

void coalesce_add(
	struct coalescer *coalescer, uint8_t *bytes, uint32_t len, const struct offload *offload)
{
	struct packet packet;
	struct frame *frame;
	bool can_join = is_plain(bytes, len, offload, &packet);

	if (can_join && coalescer->is_open && follows(coalescer, bytes, &packet)) {
		join(coalescer, bytes, &packet);
		/* Only the last segment may be shorter. */
		if (payload_len(&packet) < payload_len(&coalescer->packet) ||
			is_pushed(bytes, &packet))
			close_last(coalescer);
		return;
	}
	close_last(coalescer);
	frame = &coalescer->frames[coalescer->count++];
	*frame = frame_linear(bytes, len);
	frame->offload = *offload;
	if (can_join && !is_pushed(bytes, &packet))
		open_new(coalescer, bytes, &packet);
}

void coalesce_end(struct coalescer *coalescer)
{
	close_last(coalescer);
}
