/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/clamp.h"

#include "wire/checksum.h"
#include "wire/packet.h"
#include "wire/tcp.h"

#define MSS_OPTION_LEN 4

/* Where in the head the maximum segment size is that should be less; 0: nowhere. *ret_mss: what it
 * should be. */
static uint32_t find(
	const struct frame *frame, uint32_t mtu, struct packet *packet, uint16_t *ret_mss)
{
	uint32_t at, end;

	if (packet_parse(frame->head, frame->head_len, frame->len, packet) != PACKET_OK)
		return 0;
	if (packet->protocol != IP_PROTOCOL_TCP || !(packet->tcp_flags & TCP_SYN) ||
		packet->is_fragment || packet->payload > MIN(frame->head_len, CLAMP_HEAD_MAX))
		return 0;
	*ret_mss = (uint16_t)(mtu - TCP_HEADER_LEN -
			      (packet->version == 4 ? IP4_HEADER_LEN : IP6_HEADER_LEN));
	at = packet->l4 + TCP_HEADER_LEN;
	end = packet->payload;
	while (at < end && frame->head[at] != TCP_OPTION_END) {
		const uint8_t *option = frame->head + at;

		if (option[0] == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || option[1] < 2 || option[1] > end - at)
			return 0;
		if (option[0] == TCP_OPTION_MSS && option[1] == MSS_OPTION_LEN)
			return load_be16(option + 2) > *ret_mss ? at + 2 : 0;
		at += option[1];
	}
	return 0;
}

/* Most frames are no TCP over IP that opens anything, and this is all they cost. */
static bool may_be_syn(const struct frame *frame)
{
	const uint8_t *head = frame->head;

	if (frame->head_len < ETH_HEADER_LEN + IP4_HEADER_LEN + TCP_HEADER_LEN)
		return false;
	switch (load_be16(head + 12)) {
	case ETHERTYPE_IP4:
		return head[23] == IP_PROTOCOL_TCP &&
		       (head[14] != 0x45 || head[ETH_HEADER_LEN + IP4_HEADER_LEN + 13] & TCP_SYN);
	case ETHERTYPE_IP6:
		return head[20] != IP_PROTOCOL_UDP;
	case ETHERTYPE_VLAN:
	case ETHERTYPE_SERVICE_VLAN:
		return true;
	}
	return false;
}

bool clamp_is_needed(const struct frame *frame, uint32_t mtu)
{
	struct packet packet;
	uint16_t mss;

	return may_be_syn(frame) && find(frame, mtu, &packet, &mss);
}

/* The field may be at an odd offset of the segment: the sum is over pairs from the segment's
 * start. */
void clamp_head(uint8_t *head, const struct frame *frame, uint32_t mtu)
{
	struct packet packet;
	uint16_t mss, checksum;
	uint32_t at = find(frame, mtu, &packet, &mss), start;
	uint8_t before[4];
	size_t len;

	if (!at)
		return;
	start = at - ((at - packet.l4) & 1);
	len = at == start ? 2 : 4;
	memcpy(before, head + start, len);
	store_be16(head + at, mss);
	if (frame->offload.needs_checksum)
		return; /* the sum is still to be made */
	memcpy(&checksum, head + packet.l4 + TCP_CHECKSUM_OFFSET, sizeof(checksum));
	checksum = checksum_update(checksum, before, head + start, len);
	memcpy(head + packet.l4 + TCP_CHECKSUM_OFFSET, &checksum, sizeof(checksum));
}
