/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/routed.h"

#include "hub/segment.h"
#include "port/link/clamp.h"
#include "port/link/link_state.h"
#include "wire/eth.h"

#include <stdlib.h>

/* Frames for the member, less their Ethernet headers. */
struct stripping {
	struct segment_sink sink;
	struct routed *routed;
	nsec now;
};

/* From the hub */

static bool is_subnet_broadcast(const struct routed *routed, struct ip to)
{
	return ip_is_v4(to) && routed->v4.prefix.len &&
	       ip_equal(to, prefix_last(&routed->v4.prefix));
}

/* The MAC address is that of many, too. */
static bool is_for_many(const struct routed *routed, struct ip to)
{
	return ip_is_multicast(to) || ip_is_broadcast(to) || is_subnet_broadcast(routed, to);
}

static bool is_wanted(const struct routed *routed, const struct packet *packet)
{
	if (!packet->version || packet->has_vlan || !routed_side(routed, packet->to)->prefix.len)
		return false;
	return routed_owns(routed, packet->to) || is_for_many(routed, packet->to);
}

static uint32_t packet_len(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? load_be16(ip + 2) : IP6_HEADER_LEN + load_be16(ip + 4);
}

static void send_packet(
	struct routed *routed, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct iovec parts[FRAME_BODY_MAX + 2];
	uint8_t head[CLAMP_HEAD_MAX];
	uint32_t len = packet_len(frame->head + packet->l3);
	uint32_t copied = MIN(frame->head_len, CLAMP_HEAD_MAX);
	struct wg_packet sent = {.parts = parts, .len = len};

	routed_learn(routed, packet->from, ((const struct eth_header *)frame->head)->from, now);
	sent.part_count = frame_slice(frame, packet->l3, len, parts);
	if (len > routed->member->mtu && routed->member->forges_mtu)
		forge_too_big(&routed->member->forge, routed->member->mtu, frame, now);
	if (clamp_is_needed(frame, routed->member->mtu)) {
		memcpy(head, frame->head, copied);
		clamp_head(head, frame, routed->member->mtu);
		parts[0].iov_base = head + packet->l3;
		parts[0].iov_len = copied - packet->l3;
		sent.part_count = 1 +
				  frame_slice(frame, copied, packet->l3 + len - copied, parts + 1);
	}
	wg_peer_send(routed->member->peer.wg, &sent, 1, now);
}

static void take(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	const struct stripping *stripping = CONTAINER_OF(sink, struct stripping, sink);
	struct routed *routed = stripping->routed;

	for (unsigned i = 0; i < count; i++) {
		struct packet packet;

		if (packet_parse(frames[i].head, frames[i].head_len, frames[i].len, &packet) !=
			PACKET_OK)
			port_drop(&routed->member->port, DROP_MALFORMED, &frames[i]);
		else if (routed_hear(routed, &frames[i], &packet, stripping->now))
			continue;
		else if (is_wanted(routed, &packet))
			send_packet(routed, &frames[i], &packet, stripping->now);
		else
			port_drop(&routed->member->port, DROP_UNWANTED, &frames[i]);
	}
}

/* What is for another station was flooded to us. */
static bool is_for(const struct port *port, const struct frame *frame)
{
	struct eth_header eth;

	memcpy(&eth, frame->head, sizeof(eth));
	return mac_is_group(eth.to) || mac_equal(eth.to, port->mac);
}

void routed_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct routed *routed = member_of_port(port)->routed;
	struct stripping stripping = {
		.sink.take = take, .routed = routed, .now = hub_now(port->hub)};

	for (unsigned i = 0; i < count; i++) {
		if (frames[i].head_len < ETH_HEADER_LEN || !is_for(port, &frames[i]))
			port_drop(port, DROP_UNWANTED, &frames[i]);
		else if (!segment_lower(&frames[i], 0, &stripping.sink))
			port_drop(port, DROP_MALFORMED, &frames[i]);
	}
}

/* To the hub */

static uint32_t drop(struct routed *routed, enum drop reason, const uint8_t *packet, size_t len)
{
	struct frame frame = frame_linear(packet, (uint32_t)len);

	port_drop_in(&routed->member->port, reason, &frame);
	return 0;
}

/* What it says of the wire, which it knows nothing of, would be believed of its station. */
static bool speaks_of_the_wire(const struct frame *frame)
{
	uint8_t protocol = frame->head[ETH_HEADER_LEN + 6];
	struct packet packet;

	if (protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP)
		return false;
	if (packet_parse(frame->head, frame->head_len, frame->len, &packet) != PACKET_OK)
		return true;
	return packet.protocol == IP_PROTOCOL_ICMP6 && !packet.fragment_offset &&
	       packet.l4 < frame->head_len && frame->head[packet.l4] >= ICMP6_ROUTER_SOLICIT &&
	       frame->head[packet.l4] <= ICMP6_REDIRECT;
}

/* Who gets it next; none: nobody. */
static struct ip next_hop(const struct routed *routed, struct ip to)
{
	return routed_is_near(routed, to) ? to : routed_side(routed, to)->gateway;
}

static uint32_t address(struct routed *routed, uint8_t *packet, uint32_t len, nsec now)
{
	const bool is_v4 = packet[0] >> 4 == 4;
	struct ip to = is_v4 ? ip_from_bytes4(packet + 16) : ip_from_bytes6(packet + 24);
	struct writer w = writer_on(packet - ETH_HEADER_LEN, ETH_HEADER_LEN);
	const struct frame frame = frame_linear(packet - ETH_HEADER_LEN, len + ETH_HEADER_LEN);
	struct ip hop = next_hop(routed, to);
	struct mac mac = {0};
	bool is_known = true;

	if (is_for_many(routed, to))
		mac = ip_is_multicast(to) ? group_mac(to) : MAC_BROADCAST;
	else if (ip_is_none(hop))
		return drop(routed, DROP_UNREACHABLE, packet, len);
	else
		is_known = routed_find(routed, hop, now, &mac);
	write_eth(&w, mac, routed->member->port.mac, is_v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	if (!is_v4 && speaks_of_the_wire(&frame))
		return drop(routed, DROP_UNWANTED, packet, len);
	if (is_known)
		return frame.len;
	routed_await(routed, hop, &frame, now);
	return 0;
}

uint32_t routed_frame(struct routed *routed, uint8_t *packet, size_t len, nsec now)
{
	const bool is_v4 = packet[0] >> 4 == 4;
	const size_t least = is_v4 ? IP4_HEADER_LEN : IP6_HEADER_LEN;
	uint32_t total = len >= least ? packet_len(packet) : 0;
	struct ip from;

	if (total < least || total > len)
		return drop(routed, DROP_MALFORMED, packet, len);
	from = is_v4 ? ip_from_bytes4(packet + 12) : ip_from_bytes6(packet + 8);
	if (ip_is_link_local(from))
		return drop(routed, DROP_UNWANTED, packet, total); /* its own affair */
	if (!routed_owns(routed, from))
		return drop(routed, DROP_SOURCE_SPOOFED, packet, total);
	return address(routed, packet, total, now);
}

void routed_free(struct routed *routed)
{
	if (!routed)
		return;
	routed_neighbours_done(routed);
	free(routed);
}

struct routed *routed_new(
	struct link_member *member, const struct link_address *v4, const struct link_address *v6)
{
	struct routed *routed = calloc(1, sizeof(*routed));

	if (!routed)
		return NULL;
	routed->member = member;
	routed->v4 = *v4;
	routed->v6 = *v6;
	routed_neighbours_init(routed);
	return routed;
}
