/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/checksum.h"

#include "wire/checksum.h"
#include "wire/udp.h"

static uint32_t transport_sum(const struct packet *packet)
{
	if (packet->protocol == IP_PROTOCOL_ICMP)
		return 0;
	return checksum_pseudo(
		packet->from, packet->to, packet->protocol, packet->end - packet->l4);
}

static bool is_summed(const struct frame *frame, const struct packet *packet)
{
	uint16_t stored;

	switch (packet->protocol) {
	case IP_PROTOCOL_TCP:
	case IP_PROTOCOL_ICMP:
	case IP_PROTOCOL_ICMP6:
		return true;
	case IP_PROTOCOL_UDP:
		memcpy(&stored, frame->head + packet->l4 + UDP_CHECKSUM_OFFSET, sizeof(stored));
		return stored || packet->version == 6; /* RFC 768, RFC 8200 8.1 */
	default:
		return false;
	}
}

bool host_checksum_is_right(const struct frame *frame, const struct packet *packet)
{
	uint32_t len = packet->end - packet->l4;
	struct iovec parts[FRAME_BODY_MAX + 1];
	unsigned count;

	if (frame->offload.is_checked || frame->offload.needs_checksum || !is_summed(frame, packet))
		return true;
	count = frame_slice(frame, packet->l4, len, parts);
	return !checksum_fold(checksum_add_iov(transport_sum(packet), parts, count, 0, len));
}
