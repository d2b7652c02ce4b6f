/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/claims.h"

#include "base/bytes.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/packet.h"

#include <stdlib.h>

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

const struct claim *claims_find(const struct claims *claims, struct ip ip, nsec now)
{
	const struct claim *claim = find(claims, ip);

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

static bool claim_of_arp(const struct frame *frame, const struct packet *packet, struct ip *ret_ip,
	struct mac *ret_mac)
{
	struct arp arp;

	if (!arp_parse(frame->head + packet->l3, frame->head_len - packet->l3, &arp) ||
		!arp.from.be)
		return false;
	*ret_ip = ip_from_v4(arp.from);
	*ret_mac = arp.from_mac;
	return true;
}

/* RFC 4861 4.3, 4.4: an advertisement is about its target, a solicitation tells of its sender. */
static bool claim_of_discovery(
	const struct frame *frame, const struct packet *packet, struct ip *ret_ip)
{
	const uint8_t *message = frame->head + packet->l4;

	if (packet->protocol != IP_PROTOCOL_ICMP6 || packet->is_fragment ||
		(uint32_t)packet->l4 + ND_NEIGHBOUR_LEN > frame->head_len)
		return false;
	if (message[0] == ICMP6_NEIGHBOUR_ADVERT)
		*ret_ip = ip_from_bytes6(message + 8);
	else if (message[0] == ICMP6_NEIGHBOUR_SOLICIT)
		*ret_ip = packet->from;
	else
		return false;
	return !ip_is_none(*ret_ip);
}

/* Spares most frames the parser: ARP, IPv6, or a tag before either. */
static bool may_claim(const struct frame *frame)
{
	uint16_t type = frame->head_len < ETH_HEADER_LEN ? 0 : load_be16(frame->head + 12);

	return type == ETHERTYPE_ARP || type == ETHERTYPE_IP6 || type == ETHERTYPE_VLAN ||
	       type == ETHERTYPE_SERVICE_VLAN;
}

bool claim_read(const struct frame *frame, struct ip *ret_ip, struct mac *ret_mac)
{
	struct packet packet;

	if (!may_claim(frame) ||
		packet_parse(frame->head, frame->head_len, frame->len, &packet) != PACKET_OK)
		return false;
	if (packet.ethertype == ETHERTYPE_ARP)
		return claim_of_arp(frame, &packet, ret_ip, ret_mac);
	if (packet.version != 6 || !claim_of_discovery(frame, &packet, ret_ip))
		return false;
	memcpy(ret_mac, frame->head + sizeof(struct mac), sizeof(*ret_mac));
	return true;
}

bool claims_note(struct claims *claims, const struct port *port, bool is_guarded,
	const struct frame *frame, nsec now, struct ip *ret_ip)
{
	struct claim *claim;
	struct mac mac;
	struct ip ip;

	if (!claim_read(frame, &ip, &mac))
		return true;
	claim = find(claims, ip);
	if (claim && is_guarded && claim->port != port && is_fresh(claim, now)) {
		*ret_ip = ip;
		return false;
	}
	if (!claim)
		claim = add(claims, port, is_guarded, ip);
	if (!claim)
		return true;
	claim->mac = mac;
	claim->port = port;
	claim->heard_at = now;
	list_remove(&claim->by_age);
	list_push_back(&claims->by_age, &claim->by_age);
	return true;
}
