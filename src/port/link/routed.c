/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/routed.h"

#include "hub/segment.h"
#include "port/link/clamp.h"
#include "port/link/link_state.h"
#include "wire/arp.h"
#include "wire/ip.h"
#include "wire/packet.h"

#include <stdlib.h>

#define NEIGHBOUR_AGE (300 * NSEC_PER_SEC)
#define ASK_AGAIN     (1 * NSEC_PER_SEC)

/* Frames for the member, less their Ethernet headers. */
struct stripping {
	struct segment_sink sink;
	struct routed *routed;
	nsec now;
};

static struct link *link_of(const struct routed *routed)
{
	return routed->member->peer.link;
}

static struct ip4 own4(const struct routed *routed)
{
	return ip_to_v4(routed->address.address);
}

/* Neighbours */

static struct routed_neighbour *find(struct routed *routed, struct ip4 ip)
{
	for (unsigned i = 0; i < ROUTED_NEIGHBOURS; i++)
		if (routed->neighbours[i].ip.be == ip.be)
			return &routed->neighbours[i];
	return NULL;
}

static struct routed_neighbour *oldest(struct routed *routed)
{
	struct routed_neighbour *oldest = &routed->neighbours[0];

	for (unsigned i = 1; i < ROUTED_NEIGHBOURS; i++)
		if (routed->neighbours[i].heard_at < oldest->heard_at)
			oldest = &routed->neighbours[i];
	return oldest;
}

static void learn(struct routed *routed, struct ip4 ip, struct mac mac, nsec now)
{
	struct routed_neighbour *neighbour = find(routed, ip);

	if (!ip.be || !prefix_contains(&routed->address, ip_from_v4(ip)))
		return;
	if (!neighbour)
		neighbour = oldest(routed);
	*neighbour = (struct routed_neighbour){ip, mac, now};
}

/* ARP */

static void speak(struct task *task)
{
	struct routed *routed = CONTAINER_OF(task, struct routed, speak);
	struct frame frames[ROUTED_ARPS];

	for (unsigned i = 0; i < routed->arp_count; i++)
		frames[i] = frame_linear(routed->arps[i].bytes, sizeof(routed->arps[i].bytes));
	if (routed->arp_count)
		hub_receive(&routed->member->port, frames, routed->arp_count,
			loop_now(link_of(routed)->loop));
	routed->arp_count = 0;
}

static void say_arp(struct routed *routed, struct mac to, const struct arp *arp)
{
	struct writer w;

	if (routed->arp_count == ROUTED_ARPS)
		return; /* whoever asked asks again */
	w = writer_on(routed->arps[routed->arp_count].bytes, sizeof(struct arp_frame));
	write_eth(&w, to, routed->member->port.mac, ETHERTYPE_ARP);
	write_arp(&w, arp);
	routed->arp_count++;
	loop_defer(link_of(routed)->loop, &routed->speak);
}

static void ask(struct routed *routed, struct ip4 ip)
{
	const struct arp request = {.operation = ARP_REQUEST,
		.from_mac = routed->member->port.mac,
		.from = own4(routed),
		.to = ip};

	say_arp(routed, MAC_BROADCAST, &request);
}

void routed_announce(struct routed *routed)
{
	ask(routed, own4(routed)); /* RFC 5227 3: an announcement is a question */
}

static void hear_arp(struct routed *routed, const struct frame *frame, nsec now)
{
	struct arp arp, reply;

	if (!arp_parse(frame->head + ETH_HEADER_LEN, frame->head_len - ETH_HEADER_LEN, &arp))
		return;
	if (find(routed, arp.from) || arp.to.be == own4(routed).be)
		learn(routed, arp.from, arp.from_mac, now);
	if (arp.operation != ARP_REQUEST || arp.to.be != own4(routed).be ||
		arp.from.be == arp.to.be)
		return;
	reply = (struct arp){.operation = ARP_REPLY,
		.from_mac = routed->member->port.mac,
		.from = arp.to,
		.to_mac = arp.from_mac,
		.to = arp.from};
	say_arp(routed, arp.from_mac, &reply);
}

/* From the hub */

static bool is_wanted(const struct routed *routed, struct ip to)
{
	return ip_equal(to, routed->address.address) || ip_is_multicast(to) ||
	       ip_is_broadcast(to) || ip_equal(to, prefix_last(&routed->address));
}

static void send_packet(struct routed *routed, const struct frame *frame, nsec now)
{
	struct iovec parts[FRAME_BODY_MAX + 2];
	uint8_t head[CLAMP_HEAD_MAX];
	struct packet packet;
	uint32_t len, copied = MIN(frame->head_len, CLAMP_HEAD_MAX);
	struct wg_packet sent = {.parts = parts};

	if (packet_parse(frame->head, frame->head_len, frame->len, &packet) != PACKET_OK ||
		packet.version != 4 || packet.has_vlan || !is_wanted(routed, packet.to)) {
		port_drop(&routed->member->port, DROP_UNWANTED, frame);
		return;
	}
	learn(routed, ip_to_v4(packet.from), ((const struct eth_header *)frame->head)->from, now);
	len = load_be16(frame->head + packet.l3 + 2);
	sent.part_count = frame_slice(frame, packet.l3, len, parts);
	sent.len = len;
	if (clamp_is_needed(frame, routed->member->mtu)) {
		memcpy(head, frame->head, copied);
		clamp_head(head, frame, routed->member->mtu);
		parts[0].iov_base = head + packet.l3;
		parts[0].iov_len = copied - packet.l3;
		sent.part_count = 1 +
				  frame_slice(frame, copied, packet.l3 + len - copied, parts + 1);
	}
	wg_peer_send(routed->member->peer.wg, &sent, 1, now);
}

static void take(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	const struct stripping *stripping = CONTAINER_OF(sink, struct stripping, sink);

	for (unsigned i = 0; i < count; i++)
		send_packet(stripping->routed, &frames[i], stripping->now);
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
		else if (load_be16(frames[i].head + 12) == ETHERTYPE_ARP)
			hear_arp(routed, &frames[i], stripping.now);
		else if (!segment_lower(&frames[i], 0, &stripping.sink))
			port_drop(port, DROP_MALFORMED, &frames[i]);
	}
}

/* To the hub */

static bool find_mac(struct routed *routed, struct ip to, nsec now, struct mac *ret)
{
	struct routed_neighbour *neighbour;
	struct ip hop = to;

	if (ip_is_multicast(to) || ip_is_broadcast(to) ||
		ip_equal(to, prefix_last(&routed->address))) {
		*ret = ip_is_multicast(to) ? group_mac(to) : MAC_BROADCAST;
		return true;
	}
	if (!prefix_contains(&routed->address, to))
		hop = routed->gateway;
	if (!ip_is_v4(hop))
		return false;
	neighbour = find(routed, ip_to_v4(hop));
	if (neighbour && !mac_is_zero(neighbour->mac) &&
		now - neighbour->heard_at < NEIGHBOUR_AGE) {
		*ret = neighbour->mac;
		return true;
	}
	if (!neighbour || now - neighbour->heard_at >= ASK_AGAIN) {
		learn(routed, ip_to_v4(hop), (struct mac){0}, now);
		ask(routed, ip_to_v4(hop));
	}
	return false;
}

static uint32_t drop(struct routed *routed, enum drop reason, const uint8_t *packet, size_t len)
{
	struct frame frame = frame_linear(packet, (uint32_t)len);

	port_drop_in(&routed->member->port, reason, &frame);
	return 0;
}

uint32_t routed_frame(struct routed *routed, uint8_t *packet, size_t len, nsec now)
{
	struct port *port = &routed->member->port;
	struct writer w = writer_on(packet - ETH_HEADER_LEN, ETH_HEADER_LEN);
	uint32_t total = len >= IP4_HEADER_LEN ? load_be16(packet + 2) : 0;
	struct ip from, to;
	struct mac mac;

	if (packet[0] >> 4 != 4)
		return drop(routed, DROP_UNWANTED, packet, len);
	if (total < IP4_HEADER_LEN || total > len)
		return drop(routed, DROP_MALFORMED, packet, len);
	from = ip_from_bytes4(packet + 12);
	to = ip_from_bytes4(packet + 16);
	if (!ip_equal(from, routed->address.address))
		return drop(routed, DROP_SOURCE_SPOOFED, packet, total);
	if (!find_mac(routed, to, now, &mac))
		return drop(routed, DROP_UNREACHABLE, packet, total);
	write_eth(&w, mac, port->mac, ETHERTYPE_IP4);
	return total + ETH_HEADER_LEN;
}

void routed_free(struct routed *routed)
{
	if (!routed)
		return;
	loop_undefer(link_of(routed)->loop, &routed->speak);
	free(routed);
}

struct routed *routed_new(
	struct link_member *member, const struct ip_prefix *address, struct ip gateway)
{
	struct routed *routed = calloc(1, sizeof(*routed));

	if (!routed)
		return NULL;
	routed->member = member;
	routed->address = *address;
	routed->gateway = gateway;
	routed->speak.run = speak;
	return routed;
}
