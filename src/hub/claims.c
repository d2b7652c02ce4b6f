/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/claims.h"

#include "base/bytes.h"
#include "wire/arp.h"
#include "wire/discovery.h"

#include <stdlib.h>

/* What a frame says of its sender's address. */
struct said {
	struct ip ip;
	struct mac mac;
	bool is_tagged, is_advertised, is_router; /* as in struct claim */
};

void claims_init(struct claims *claims, const struct hash_key *key)
{
	*claims = (struct claims){.key = *key};
	list_init(&claims->by_age);
}

static void forget(struct claims *claims, struct claim *claim)
{
	map_remove(&claims->by_ip, &claim->by_ip);
	list_remove(&claim->by_age);
	free(claim);
}

void claims_done(struct claims *claims)
{
	LIST_EACH(node, &claims->by_age)
		forget(claims, LIST_ENTRY(node, struct claim, by_age));
	map_done(&claims->by_ip);
}

void claims_forget(struct claims *claims, const struct port *port)
{
	LIST_EACH(node, &claims->by_age) {
		struct claim *claim = LIST_ENTRY(node, struct claim, by_age);

		if (claim->port == port)
			forget(claims, claim);
	}
}

static uint64_t hash_of(const struct claims *claims, struct ip ip)
{
	return hash_words(&claims->key, ip.bytes, 2);
}

static struct claim *find(const struct claims *claims, struct ip ip)
{
	struct map_node *node = map_first(&claims->by_ip, hash_of(claims, ip));

	for (; node; node = map_next(node)) {
		struct claim *claim = CONTAINER_OF(node, struct claim, by_ip);

		if (ip_equal(claim->ip, ip))
			return claim;
	}
	return NULL;
}

static bool is_fresh(const struct claim *claim, nsec now)
{
	return now - claim->heard_at < CLAIM_AGE;
}

struct claim *claims_find(const struct claims *claims, struct ip ip, nsec now)
{
	struct claim *claim = find(claims, ip);

	return claim && is_fresh(claim, now) ? claim : NULL;
}

/* The oldest of the port's, when it has as many as it may; or of all. */
static void make_room(struct claims *claims, const struct port *port, bool is_guarded)
{
	struct claim *oldest = NULL;
	unsigned count = 0;

	if (!is_guarded) {
		if (claims->by_ip.count >= CLAIMS_MAX)
			forget(claims, LIST_ENTRY(claims->by_age.next, struct claim, by_age));
		return;
	}
	LIST_EACH(node, &claims->by_age) {
		struct claim *claim = LIST_ENTRY(node, struct claim, by_age);

		if (claim->port != port)
			continue;
		oldest = oldest ? oldest : claim;
		count++;
	}
	if (oldest && (count >= CLAIMS_PORT_MAX || claims->by_ip.count >= CLAIMS_MAX))
		forget(claims, oldest);
}

static struct claim *add(
	struct claims *claims, const struct port *port, bool is_guarded, struct ip ip)
{
	struct claim *claim;

	make_room(claims, port, is_guarded);
	if (claims->by_ip.count >= CLAIMS_MAX)
		return NULL;
	claim = calloc(1, sizeof(*claim));
	if (!claim || map_insert(&claims->by_ip, &claim->by_ip, hash_of(claims, ip))) {
		free(claim);
		return NULL;
	}
	claim->ip = ip;
	list_init(&claim->by_age);
	return claim;
}

static bool claim_of_arp(const struct frame *frame, const struct packet *packet, struct said *ret)
{
	struct arp arp;

	if (!arp_parse(frame->head + packet->l3, frame->head_len - packet->l3, &arp) ||
		!arp.from.be)
		return false;
	ret->ip = ip_from_v4(arp.from);
	ret->mac = arp.from_mac;
	return true;
}

/* RFC 4861 4.3, 4.4: an advertisement is about its target, a solicitation tells of its sender. */
static bool claim_of_discovery(
	const struct frame *frame, const struct packet *packet, struct said *ret)
{
	const uint8_t *message = frame->head + packet->l4;
	struct discovery advert;

	if (packet->protocol != IP_PROTOCOL_ICMP6 || packet->is_fragment ||
		(uint32_t)packet->l4 + ND_NEIGHBOUR_LEN > frame->head_len)
		return false;
	memcpy(&ret->mac, frame->head + sizeof(struct mac), sizeof(ret->mac));
	if (message[0] == ICMP6_NEIGHBOUR_ADVERT) {
		ret->ip = ip_from_bytes6(message + 8);
		ret->is_advertised = discovery_parse(
					     frame->head, frame->head_len, packet, &advert) &&
				     advert.has_mac && mac_equal(advert.mac, ret->mac);
		ret->is_router = message[4] & ND_FROM_ROUTER;
	} else if (message[0] == ICMP6_NEIGHBOUR_SOLICIT) {
		ret->ip = packet->from;
	} else {
		return false;
	}
	return !ip_is_none(ret->ip);
}

/* Spares most frames the parser: ARP, IPv6, or a tag before either. */
static bool may_claim(const struct frame *frame)
{
	uint16_t type = frame->head_len < ETH_HEADER_LEN ? 0 : load_be16(frame->head + 12);

	return type == ETHERTYPE_ARP || type == ETHERTYPE_IP6 || type == ETHERTYPE_VLAN ||
	       type == ETHERTYPE_SERVICE_VLAN;
}

static bool read_claim(const struct frame *frame, struct said *ret)
{
	struct packet packet;

	*ret = (struct said){0};
	if (!may_claim(frame) ||
		packet_parse(frame->head, frame->head_len, frame->len, &packet) != PACKET_OK)
		return false;
	ret->is_tagged = packet.has_vlan;
	if (packet.ethertype == ETHERTYPE_ARP)
		return claim_of_arp(frame, &packet, ret);
	return packet.version == 6 && claim_of_discovery(frame, &packet, ret);
}

/* What it advertised holds as long as it is the same station that speaks. */
static void update(struct claim *claim, const struct port *port, const struct said *said, nsec now)
{
	const bool is_same = claim->port == port && mac_equal(claim->mac, said->mac) &&
			     claim->is_tagged == said->is_tagged;

	if (said->is_advertised || !is_same) {
		claim->is_advertised = said->is_advertised;
		claim->is_router = said->is_router;
	}
	claim->is_tagged = said->is_tagged;
	claim->mac = said->mac;
	claim->port = port;
	claim->heard_at = now;
}

bool claims_note(struct claims *claims, const struct port *port, bool is_guarded,
	const struct frame *frame, nsec now, struct ip *ret_ip)
{
	struct claim *claim;
	struct said said;

	if (!read_claim(frame, &said))
		return true;
	claim = find(claims, said.ip);
	if (claim && is_guarded && claim->port != port && !mac_equal(claim->mac, said.mac) &&
		is_fresh(claim, now)) {
		*ret_ip = said.ip;
		return false;
	}
	if (!claim)
		claim = add(claims, port, is_guarded, said.ip);
	if (!claim)
		return true;
	update(claim, port, &said, now);
	list_remove(&claim->by_age);
	list_push_back(&claims->by_age, &claim->by_age);
	return true;
}
