/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a member that knows no Ethernet would have to say and hear on the wire. */
#include "ip/checksum.h"
#include "port/link/link_state.h"
#include "wire/arp.h"
#include "wire/eth.h"

#include <stdlib.h>

#define NEIGHBOUR_AGE (300 * NSEC_PER_SEC)
#define ASK_AGAIN     (1 * NSEC_PER_SEC) /* RFC 4861 10 */
#define ASK_TRIES     3

static const struct ip all_nodes = {{0xff, 0x02, [15] = 1}};

/* A neighbour that packets wait for. */
struct asked {
	struct waiting_hop hop;
	struct mac mac; /* zero: no answer yet */
	unsigned tries;
	nsec at;
};

static struct asked *asked_of(struct waiting_hop *hop)
{
	return CONTAINER_OF(hop, struct asked, hop);
}

static struct loop *loop_of(const struct routed *routed)
{
	return routed->member->peer.link->loop;
}

/* Saying */

static void send_waiting(struct routed *routed, nsec now)
{
	LIST_EACH(node, &routed->waiting.hops) {
		struct asked *asked = asked_of(LIST_ENTRY(node, struct waiting_hop, node));
		struct frame frames[WAITING_HOP_PACKETS_MAX];
		unsigned count;

		if (mac_is_zero(asked->mac))
			continue;
		count = waiting_frames_to(&asked->hop, asked->mac, frames);
		hub_receive(&routed->member->port, frames, count, now);
		waiting_let_go(&asked->hop);
	}
}

static void speak(struct task *task)
{
	struct routed *routed = CONTAINER_OF(task, struct routed, speak);
	struct frame frames[ROUTED_MESSAGES];
	nsec now = loop_now(loop_of(routed));

	for (unsigned i = 0; i < routed->message_count; i++)
		frames[i] = frame_linear(routed->messages[i].bytes, routed->messages[i].len);
	if (routed->message_count)
		hub_receive(&routed->member->port, frames, routed->message_count, now);
	routed->message_count = 0;
	send_waiting(routed, now);
}

/* Behind an Ethernet header. False: there is no room, and whoever asked asks again. */
static bool begin(struct routed *routed, struct mac to, uint16_t type, struct writer *ret)
{
	struct routed_message *message = &routed->messages[routed->message_count];

	if (routed->message_count == ROUTED_MESSAGES)
		return false;
	*ret = writer_on(message->bytes, sizeof(message->bytes));
	write_eth(ret, to, routed->member->port.mac, type);
	return true;
}

static void end(struct routed *routed, const struct writer *w)
{
	routed->messages[routed->message_count++].len = (uint32_t)writer_len(w);
	loop_defer(loop_of(routed), &routed->speak);
}

static void say_arp(struct routed *routed, struct mac to, struct arp *arp)
{
	struct writer w;

	arp->from_mac = routed->member->port.mac;
	if (!begin(routed, to, ETHERTYPE_ARP, &w))
		return;
	write_arp(&w, arp);
	end(routed, &w);
}

static void say_discovery(struct routed *routed, struct mac to, struct discovery *message)
{
	struct writer w;

	message->has_mac = true;
	message->mac = routed->member->port.mac;
	if (!begin(routed, to, ETHERTYPE_IP6, &w))
		return;
	write_discovery(&w, message);
	end(routed, &w);
}

static void ask(struct routed *routed, struct ip ip)
{
	struct discovery solicit = {.type = ICMP6_NEIGHBOUR_SOLICIT,
		.from = routed->v6.prefix.address,
		.to = solicited_node(ip),
		.target = ip};
	struct arp request = {
		.operation = ARP_REQUEST, .from = ip_to_v4(routed->v4.prefix.address)};

	if (!ip_is_v4(ip)) {
		say_discovery(routed, group_mac(solicit.to), &solicit);
		return;
	}
	request.to = ip_to_v4(ip);
	say_arp(routed, MAC_BROADCAST, &request);
}

void routed_announce(struct routed *routed)
{
	struct discovery advert = {.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = ND_OVERRIDE,
		.from = routed->v6.prefix.address,
		.to = all_nodes,
		.target = routed->v6.prefix.address};

	if (routed->v4.prefix.len)
		ask(routed, routed->v4.prefix.address); /* RFC 5227 3: it is a question */
	if (routed->v6.prefix.len)
		say_discovery(routed, group_mac(all_nodes), &advert);
}

/* Knowing */

static struct routed_neighbour *find(struct routed *routed, struct ip ip)
{
	for (unsigned i = 0; i < ROUTED_NEIGHBOURS; i++)
		if (ip_equal(routed->neighbours[i].ip, ip))
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

void routed_learn(struct routed *routed, struct ip ip, struct mac mac, nsec now)
{
	struct routed_neighbour *neighbour = find(routed, ip);
	struct waiting_hop *hop;

	if (ip_is_none(ip) || !routed_is_near(routed, ip) || mac_is_group(mac) || mac_is_zero(mac))
		return;
	if (!neighbour)
		neighbour = oldest(routed);
	*neighbour = (struct routed_neighbour){ip, mac, now};
	hop = routed->waiting.hop_count ? waiting_find(&routed->waiting, ip) : NULL;
	if (!hop)
		return;
	asked_of(hop)->mac = mac;
	loop_defer(loop_of(routed), &routed->speak); /* the hub may be busy with what told us */
}

bool routed_find(struct routed *routed, struct ip ip, nsec now, struct mac *ret)
{
	const struct routed_neighbour *neighbour = find(routed, ip);

	if (!neighbour || now - neighbour->heard_at >= NEIGHBOUR_AGE)
		return false;
	/* Nobody overtakes those who waited. */
	if (routed->waiting.hop_count && waiting_find(&routed->waiting, ip))
		return false;
	*ret = neighbour->mac;
	return true;
}

/* Hearing */

static void hear_arp(struct routed *routed, const struct arp *arp, nsec now)
{
	struct ip from = ip_from_v4(arp->from);
	bool is_for_us = routed_owns(routed, ip_from_v4(arp->to));
	struct arp reply = {
		.operation = ARP_REPLY, .from = arp->to, .to_mac = arp->from_mac, .to = arp->from};

	if (routed_owns(routed, from))
		return; /* who says so is not believed: hub/claims.h */
	if (is_for_us || find(routed, from))
		routed_learn(routed, from, arp->from_mac, now);
	if (is_for_us && arp->operation == ARP_REQUEST)
		say_arp(routed, arp->from_mac, &reply);
}

static void answer(
	struct routed *routed, const struct discovery *asked, struct mac asker_mac, nsec now)
{
	struct discovery reply = {.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = ND_OVERRIDE | ND_SOLICITED,
		.from = asked->target,
		.to = asked->from,
		.target = asked->target};

	if (ip_is_none(asked->from)) { /* RFC 4861 7.2.4: he wants the address, and must not */
		reply.flags = ND_OVERRIDE;
		reply.to = all_nodes;
		asker_mac = group_mac(all_nodes);
	} else {
		routed_learn(routed, asked->from, asker_mac, now);
	}
	say_discovery(routed, asker_mac, &reply);
}

static void hear_discovery(struct routed *routed, const struct frame *frame,
	const struct packet *packet, const struct discovery *message, nsec now)
{
	struct mac mac = ((const struct eth_header *)frame->head)->from;

	if (!host_checksum_is_right(frame, packet))
		return;
	if (message->has_mac)
		mac = message->mac;
	if (message->type == ICMP6_NEIGHBOUR_ADVERT) {
		if (!routed_owns(routed, message->target) && message->has_mac &&
			(find(routed, message->target) ||
				waiting_find(&routed->waiting, message->target)))
			routed_learn(routed, message->target, mac, now);
	} else if (routed_owns(routed, message->target)) {
		answer(routed, message, mac, now);
	}
}

/* RFC 4861: who has which MAC address, and which routers there are; RFC 2710 and 3810: who listens
 * on the wire. */
static bool is_of_the_wire(const struct frame *frame, const struct packet *packet)
{
	uint8_t type = packet->version == 6 && packet->protocol == IP_PROTOCOL_ICMP6 &&
				       !packet->fragment_offset && packet->l4 < frame->head_len
			       ? frame->head[packet->l4]
			       : 0;

	return (type >= ICMP6_MLD_QUERY && type <= ICMP6_REDIRECT) || type == ICMP6_MLD2_REPORT;
}

bool routed_hear(
	struct routed *routed, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct discovery message;
	struct arp arp;

	if (packet->has_vlan)
		return false;
	if (packet->ethertype == ETHERTYPE_ARP) {
		if (arp_parse(frame->head + packet->l3, frame->head_len - packet->l3, &arp))
			hear_arp(routed, &arp, now);
		return true;
	}
	if (packet_is_discovery(frame->head, packet) && routed->v6.prefix.len &&
		discovery_parse(frame->head, frame->head_len, packet, &message))
		hear_discovery(routed, frame, packet, &message, now);
	return is_of_the_wire(frame, packet);
}

/* Waiting */

void routed_await(struct routed *routed, struct ip ip, const struct frame *frame, nsec now)
{
	struct waiting_hop *hop = waiting_find(&routed->waiting, ip);
	struct asked *asked;

	if (!hop) {
		asked = calloc(1, sizeof(*asked));
		if (!asked) {
			port_drop_in(&routed->member->port, DROP_NO_MEMORY, frame);
			return;
		}
		asked->tries = 1;
		asked->at = now;
		hop = &asked->hop;
		waiting_open(&routed->waiting, hop, ip);
		ask(routed, ip);
	}
	waiting_add(hop, frame);
}

void routed_tick(struct routed *routed, nsec now)
{
	LIST_EACH(node, &routed->waiting.hops) {
		struct asked *asked = asked_of(LIST_ENTRY(node, struct waiting_hop, node));

		if (!mac_is_zero(asked->mac) || now - asked->at < ASK_AGAIN)
			continue;
		if (asked->tries == ASK_TRIES) {
			waiting_give_up(&asked->hop, DROP_UNREACHABLE);
			continue;
		}
		asked->tries++;
		asked->at = now;
		ask(routed, asked->hop.ip);
	}
}

static void lose(struct waiting *waiting, enum drop reason, const struct frame *frame)
{
	port_drop_in(&CONTAINER_OF(waiting, struct routed, waiting)->member->port, reason, frame);
}

static void free_hop(struct waiting_hop *hop)
{
	free(asked_of(hop));
}

void routed_neighbours_init(struct routed *routed)
{
	routed->speak.run = speak;
	routed->waiting = (struct waiting){.hops_max = ROUTED_HOPS,
		.hop_packets_max = ROUTED_HOP_PACKETS,
		.bytes_max = ROUTED_BYTES,
		.lose = lose,
		.free_hop = free_hop};
	waiting_init(&routed->waiting);
}

void routed_neighbours_done(struct routed *routed)
{
	waiting_done(&routed->waiting, DROP_LINK_DOWN);
	loop_undefer(loop_of(routed), &routed->speak);
}
