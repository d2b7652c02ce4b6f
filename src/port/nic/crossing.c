/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frame's way through the machine: what holds for all, and for IP. */
#include "port/nic/translate_internal.h"
#include "wire/checksum.h"
#include "wire/icmp.h"

#define ETHERTYPE_EAPOL	       0x888e /* IEEE 802.1X: between the NIC and its access point */
#define ETHERTYPE_WLAN_PREAUTH 0x88c7

bool take(struct crossing *crossing, uint32_t len)
{
	struct translated *ret = crossing->ret;

	if (len > sizeof(ret->bytes))
		return refuse(crossing, DROP_GIANT);
	ret->len = ret->replaces = frame_copy(crossing->frame, 0, ret->bytes, len);
	return true;
}

bool take_out(struct crossing *crossing, uint32_t len)
{
	if (!take(crossing, len))
		return false;
	memcpy(crossing->ret->bytes + sizeof(struct mac), &crossing->translate->nic.mac,
		sizeof(struct mac));
	return true;
}

bool take_in(struct crossing *crossing, uint32_t len, struct mac to)
{
	if (!take(crossing, len))
		return false;
	memcpy(crossing->ret->bytes, &to, sizeof(to));
	return true;
}

void adjust_checksum(struct crossing *crossing, uint32_t at, const void *old_bytes,
	const void *new_bytes, size_t len)
{
	uint8_t *field = crossing->ret->bytes + at;
	uint16_t checksum;

	if (crossing->frame->offload.needs_checksum)
		return;
	memcpy(&checksum, field, sizeof(checksum));
	checksum = checksum_update(checksum, old_bytes, new_bytes, len);
	memcpy(field, &checksum, sizeof(checksum));
}

/* A checksum is stored where the frame says, after we are done with it: never over an address. */
static bool checksum_is_behind_addresses(const struct crossing *crossing)
{
	const struct offload *offload = &crossing->frame->offload;
	const struct packet *packet = &crossing->packet;

	if (!offload->needs_checksum)
		return true;
	if (is_discovery(crossing))
		return offload->checksum_start == packet->l4 && offload->checksum_offset == 2;
	return packet->version && offload->checksum_start >= packet->l4;
}

static bool begin(struct crossing *crossing, enum translate_side side)
{
	const struct frame *frame = crossing->frame;
	struct eth_header eth;

	crossing->side = side;
	crossing->ret->len = crossing->ret->replaces = crossing->ret->to = 0;
	if (mac_is_zero(crossing->translate->nic.mac))
		return refuse(crossing, DROP_LINK_DOWN);
	switch (packet_parse(frame->head, frame->head_len, frame->len, &crossing->packet)) {
	case PACKET_OK:
		break;
	case PACKET_RUNT:
		return refuse(crossing, DROP_RUNT);
	case PACKET_MALFORMED:
		return refuse(crossing, DROP_MALFORMED);
	case PACKET_CHECKSUM:
		return refuse(crossing, DROP_CHECKSUM);
	}
	if (!checksum_is_behind_addresses(crossing))
		return refuse(crossing, DROP_MALFORMED);
	memcpy(&eth, frame->head, sizeof(eth));
	crossing->from = eth.from;
	crossing->to = eth.to;
	crossing->vlan = crossing->packet.has_vlan ? crossing->packet.vlan : 0;
	return true;
}

/* What bridges say to each other. A switch that hears it from where only machines should be may
 * shut the line. IEEE 802.1D 7.12.6; Cisco's STP, CDP, VTP and UDLD. */
static bool is_for_bridges(struct mac mac)
{
	static const uint8_t ieee[5] = {0x01, 0x80, 0xc2},
			     cisco[5] = {0x01, 0x00, 0x0c, 0xcc, 0xcc};

	if (!memcmp(mac.bytes, ieee, sizeof(ieee)))
		return mac.bytes[5] < 0x10;
	return !memcmp(mac.bytes, cisco, sizeof(cisco)) && mac.bytes[5] >= 0xcc;
}

static bool is_for_access_points(const struct crossing *crossing)
{
	return crossing->packet.ethertype == ETHERTYPE_EAPOL ||
	       crossing->packet.ethertype == ETHERTYPE_WLAN_PREAUTH;
}

static bool ip_out(struct crossing *crossing)
{
	if (discovery_is_fragmented(crossing))
		return refuse(crossing, DROP_FRAGMENT);
	if (is_discovery(crossing))
		return discovery_out(crossing);
	if (!may_speak_from(crossing, crossing->packet.from, crossing->from, BY_PACKET))
		return refuse(crossing, DROP_SOURCE_SPOOFED);
	if (is_dhcp_request(crossing))
		return dhcp_out(crossing);
	return take_out(crossing, crossing->packet.l3);
}

static bool type_out(struct crossing *crossing)
{
	switch (crossing->packet.ethertype) {
	case ETHERTYPE_IP4:
	case ETHERTYPE_IP6:
		return ip_out(crossing);
	case ETHERTYPE_ARP:
	case ETHERTYPE_RARP:
		return arp_out(crossing);
	default:
		/* Nothing in it says whose an answer would be. */
		if (!mac_is_group(crossing->to) || is_for_access_points(crossing))
			return refuse(crossing, DROP_UNWANTED);
		return take_out(crossing, crossing->packet.l3);
	}
}

static unsigned ways_out(const struct crossing *crossing)
{
	unsigned host = crossing->translate->settings.serves_host ? TRANSLATE_HOST : 0;

	if (mac_is_group(crossing->to))
		return TRANSLATE_WIRE | host;
	return mac_equal(crossing->to, crossing->translate->nic.mac) ? host : TRANSLATE_WIRE;
}

static bool is_for_wire_or_host(struct crossing *crossing)
{
	struct mac nic = crossing->translate->nic.mac;

	if (mac_is_group(crossing->from))
		return refuse(crossing, DROP_SOURCE_GROUP);
	if (mac_equal(crossing->from, nic))
		return refuse(crossing, DROP_SOURCE_SPOOFED);
	if (is_for_bridges(crossing->to))
		return refuse(crossing, DROP_RESERVED);
	/* What one machine of the hub says to another, while the hub does not know where it is. */
	if (!mac_is_group(crossing->to) &&
		member_find(&crossing->translate->bindings, crossing->to))
		return refuse(crossing, DROP_UNWANTED);
	return true;
}

/* An answer to a probe, which names the NIC and nobody else: learnt from, and used up. */
static bool is_answer(const struct crossing *crossing)
{
	return crossing->packet.ethertype == ETHERTYPE_ARP || is_discovery(crossing);
}

enum translate_verdict translate_out(struct mac_translate *translate, const struct frame *frame,
	struct translated *ret, nsec now)
{
	struct crossing crossing = {.translate = translate, .frame = frame, .now = now, .ret = ret};

	if (!begin(&crossing, TRANSLATE_HUB) || !is_for_wire_or_host(&crossing) ||
		!type_out(&crossing))
		return TRANSLATE_DROP;
	ret->to = ways_out(&crossing);
	if (LIKELY(ret->to))
		return TRANSLATE_PASS;
	ret->reason = DROP_UNREACHABLE;
	return is_answer(&crossing) ? TRANSLATE_DONE : TRANSLATE_DROP;
}

/* RFC 1112 6.4, RFC 2464 7. Access points turn groups' frames into frames for each station; a DHCP
 * server may do so with a broadcast. */
static bool group_of(const struct crossing *crossing, struct mac *ret_mac)
{
	const struct ip *to = &crossing->packet.to;

	if (nic_is_broadcast(&crossing->translate->nic, *to)) {
		*ret_mac = MAC_BROADCAST;
	} else if (!ip_is_multicast(*to)) {
		return false;
	} else if (crossing->packet.version == 4) {
		*ret_mac = (struct mac){{0x01, 0x00, 0x5e}};
		memcpy(ret_mac->bytes + 3, to->bytes + 13, 3);
		ret_mac->bytes[3] &= 0x7f;
	} else {
		*ret_mac = (struct mac){{0x33, 0x33}};
		memcpy(ret_mac->bytes + 2, to->bytes + 12, 4);
	}
	return true;
}

/* The host forwards and has, besides us, sent on what it took for its own to forward. */
static bool is_routed_copy(const struct crossing *crossing)
{
	const struct nic_facts *nic = &crossing->translate->nic;

	return crossing->side == TRANSLATE_HOST && !crossing->vlan &&
	       !nic_has_address(nic, crossing->packet.from) &&
	       nic_on_link(nic, crossing->packet.from, crossing->now) == ON_LINK_YES;
}

static bool ip_in(struct crossing *crossing)
{
	const struct packet *packet = &crossing->packet;
	struct binding *to;
	struct mac group;

	if (!crossing->vlan && nic_has_address(&crossing->translate->nic, packet->to))
		return refuse(crossing, DROP_UNWANTED);
	if (is_dhcp_reply(crossing))
		return dhcp_in(crossing);
	if (UNLIKELY(group_of(crossing, &group)))
		return take_in(crossing, packet->l3, group);
	if (is_routed_copy(crossing))
		return refuse(crossing, DROP_HAIRPIN);
	to = owner_of(crossing, packet->to);
	if (UNLIKELY(!to)) {
		if (!crossing->vlan)
			probe(crossing->translate, packet->to, MAC_BROADCAST, crossing->now);
		return refuse(crossing, DROP_UNREACHABLE);
	}
	if (is_discovery(crossing))
		return discovery_in(crossing, to);
	return take_in(crossing, packet->l3, to->member->mac);
}

static bool group_in(struct crossing *crossing)
{
	if (is_for_bridges(crossing->to))
		return refuse(crossing, DROP_RESERVED);
	if (is_for_access_points(crossing))
		return refuse(crossing, DROP_UNWANTED);
	if (crossing->packet.ethertype == ETHERTYPE_ARP ||
		crossing->packet.ethertype == ETHERTYPE_RARP)
		return arp_in(crossing);
	if (is_discovery(crossing))
		return discovery_in_group(crossing);
	if (is_dhcp_reply(crossing))
		return dhcp_in(crossing);
	return true;
}

static bool type_in(struct crossing *crossing)
{
	struct mac nic = crossing->translate->nic.mac;

	if (crossing->side == TRANSLATE_WIRE && mac_equal(crossing->from, nic))
		return refuse(crossing, DROP_HAIRPIN);
	if (mac_is_group(crossing->to))
		return group_in(crossing);
	if (!mac_equal(crossing->to, nic))
		return refuse(crossing, DROP_UNWANTED);
	switch (crossing->packet.ethertype) {
	case ETHERTYPE_IP4:
	case ETHERTYPE_IP6:
		return ip_in(crossing);
	case ETHERTYPE_ARP:
	case ETHERTYPE_RARP:
		return arp_in(crossing);
	default:
		return refuse(crossing, DROP_UNWANTED);
	}
}

enum translate_verdict translate_in(struct mac_translate *translate, enum translate_side from,
	const struct frame *frame, struct translated *ret, nsec now)
{
	struct crossing crossing = {.translate = translate, .frame = frame, .now = now, .ret = ret};

	if (!begin(&crossing, from) || !type_in(&crossing))
		return TRANSLATE_DROP;
	ret->to = TRANSLATE_HUB;
	return TRANSLATE_PASS;
}
