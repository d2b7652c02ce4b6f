/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes are a frame, of which any part is in the head: what the parser says lies within. */
#include "base/bytes.h"
#include "wire/arp.h"
#include "wire/packet.h"
#include "wire/tcp.h"
#include "wire/vnet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_packet(const uint8_t *head, uint32_t head_len, uint32_t frame_len)
{
	struct tcp_options options;
	struct packet p;

	if (packet_parse(head, head_len, frame_len, &p) != PACKET_OK)
		return;
	require(p.l3 >= 14 && p.l3 <= head_len);
	if (!p.version)
		return;
	require(p.l3 < p.l4 && p.l4 <= p.payload && p.payload <= head_len);
	require(p.payload <= p.end && p.end <= frame_len);
	require(p.is_fragment == (p.has_more_fragments || p.fragment_offset));
	require(ip_is_v4(p.from) == (p.version == 4) && ip_is_v4(p.to) == (p.version == 4));
	if (p.protocol != IP_PROTOCOL_TCP || p.is_fragment)
		return;
	require(p.payload - p.l4 >= TCP_HEADER_LEN);
	tcp_options_parse(
		head + p.l4 + TCP_HEADER_LEN, p.payload - p.l4 - TCP_HEADER_LEN, &options);
	require(options.sack_count <= TCP_SACK_BLOCKS_MAX);
	require(options.window_scale <= TCP_WINDOW_SCALE_MAX);
}

/* data: 2 bytes say how much of the rest is in the head, and whether its IPv4 checksum is to be
 * made right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct offload offload;
	uint32_t frame_len, head_len;
	struct arp arp;
	uint8_t *head;

	if (size < 2 || size > 65536)
		return 0;
	frame_len = (uint32_t)size - 2;
	head_len = MIN(load_be16(data), frame_len);
	head = malloc(head_len ? head_len : 1); /* so that a byte past it is seen */
	memcpy(head, data + 2, head_len);
	check_packet(head, head_len, frame_len);
	if (head_len >= 34) {
		store_be16(head + 24, 0);
		(void)arp_parse(head + 14, head_len - 14, &arp);
	}
	if (head_len >= VNET_HEADER_LEN)
		(void)vnet_read(head, frame_len, &offload);
	free(head);
	return 0;
}
