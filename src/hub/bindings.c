/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/bindings.h"

#include "base/bytes.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/packet.h"

#include <stdlib.h>

void bindings_init(struct bindings *bindings, const struct hash_key *key)
{
	*bindings = (struct bindings){.key = *key};
	list_init(&bindings->by_age);
}

static void forget(struct bindings *bindings, struct binding *binding)
{
	map_remove(&bindings->by_ip, &binding->by_ip);
	list_remove(&binding->by_age);
	free(binding);
}

void bindings_done(struct bindings *bindings)
{
	LIST_EACH(node, &bindings->by_age)
		forget(bindings, LIST_ENTRY(node, struct binding, by_age));
	map_done(&bindings->by_ip);
}

void bindings_forget(struct bindings *bindings, const struct port *port)
{
	LIST_EACH(node, &bindings->by_age) {
		struct binding *binding = LIST_ENTRY(node, struct binding, by_age);

		if (binding->port == port)
			forget(bindings, binding);
	}
}

static uint64_t hash_of(const struct bindings *bindings, struct ip ip)
{
	return hash_words(&bindings->key, ip.bytes, 2);
}

static struct binding *find(const struct bindings *bindings, struct ip ip)
{
	struct map_node *node = map_first(&bindings->by_ip, hash_of(bindings, ip));

	for (; node; node = map_next(node)) {
		struct binding *binding = CONTAINER_OF(node, struct binding, by_ip);

		if (ip_equal(binding->ip, ip))
			return binding;
	}
	return NULL;
}

static bool is_fresh(const struct binding *binding, nsec now)
{
	return now - binding->heard_at < BINDING_AGE;
}

const struct binding *bindings_find(const struct bindings *bindings, struct ip ip, nsec now)
{
	const struct binding *binding = find(bindings, ip);

	return binding && is_fresh(binding, now) ? binding : NULL;
}

/* The oldest of the port's, when it has as many as it may; or of all. */
static void make_room(struct bindings *bindings, const struct port *port, bool is_guarded)
{
	struct binding *oldest = NULL;
	unsigned count = 0;

	if (!is_guarded) {
		if (bindings->by_ip.count >= BINDINGS_MAX)
			forget(bindings, LIST_ENTRY(bindings->by_age.next, struct binding, by_age));
		return;
	}
	LIST_EACH(node, &bindings->by_age) {
		struct binding *binding = LIST_ENTRY(node, struct binding, by_age);

		if (binding->port != port)
			continue;
		oldest = oldest ? oldest : binding;
		count++;
	}
	if (oldest && (count >= BINDINGS_PORT_MAX || bindings->by_ip.count >= BINDINGS_MAX))
		forget(bindings, oldest);
}

static struct binding *add(
	struct bindings *bindings, const struct port *port, bool is_guarded, struct ip ip)
{
	struct binding *binding;

	make_room(bindings, port, is_guarded);
	if (bindings->by_ip.count >= BINDINGS_MAX)
		return NULL;
	binding = calloc(1, sizeof(*binding));
	if (!binding || map_insert(&bindings->by_ip, &binding->by_ip, hash_of(bindings, ip))) {
		free(binding);
		return NULL;
	}
	binding->ip = ip;
	list_init(&binding->by_age);
	return binding;
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

bool bindings_note(struct bindings *bindings, const struct port *port, bool is_guarded,
	const struct frame *frame, nsec now, struct ip *ret_ip)
{
	struct binding *binding;
	struct mac mac;
	struct ip ip;

	if (!claim_read(frame, &ip, &mac))
		return true;
	binding = find(bindings, ip);
	if (binding && is_guarded && binding->port != port && is_fresh(binding, now)) {
		*ret_ip = ip;
		return false;
	}
	if (!binding)
		binding = add(bindings, port, is_guarded, ip);
	if (!binding)
		return true;
	binding->mac = mac;
	binding->port = port;
	binding->heard_at = now;
	list_remove(&binding->by_age);
	list_push_back(&bindings->by_age, &binding->by_age);
	return true;
}
