/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ARP (RFC 826, RFC 5227) and RARP (RFC 903): the MAC addresses in them are what caches believe. */
#include "port/nic/translate_internal.h"
#include "wire/arp.h"

#define FROM_MAC_AT 8 /* in the ARP packet */
#define TO_MAC_AT   18
#define ANSWER_TIME (10 * NSEC_PER_SEC)

static bool parse(struct crossing *crossing, struct arp *arp)
{
	uint32_t l3 = crossing->packet.l3;
	bool is_rarp = crossing->packet.ethertype == ETHERTYPE_RARP;

	if (!arp_parse(crossing->frame->head + l3, crossing->frame->head_len - l3, arp))
		return refuse(crossing, DROP_MALFORMED);
	switch (arp->operation) {
	case ARP_REQUEST:
	case ARP_REPLY:
		return is_rarp ? refuse(crossing, DROP_UNWANTED) : true;
	case RARP_REQUEST:
	case RARP_REPLY:
		return is_rarp ? true : refuse(crossing, DROP_UNWANTED);
	default:
		return refuse(crossing, DROP_UNWANTED);
	}
}

static void put(struct crossing *crossing, uint32_t at, struct mac mac)
{
	memcpy(crossing->ret->bytes + crossing->packet.l3 + at, &mac, sizeof(mac));
}

/* Notes who asks, where the answer will not say it. */
static void note_question(struct crossing *crossing, const struct arp *arp)
{
	struct question question = {.asker = crossing->from, .until = crossing->now + ANSWER_TIME};

	if (arp->operation == RARP_REQUEST) {
		question.key = question_about_mac(arp->to_mac);
		questions_note(&crossing->translate->questions, QUESTION_RARP, &question);
	} else if (arp->operation == ARP_REQUEST && !arp->from.be) {
		question.key = question_about_ip(ip_from_v4(arp->to));
		questions_note(&crossing->translate->questions, QUESTION_PROBE, &question);
	}
}

/* The target's MAC address: of the machine that is spoken to, or of no meaning, and then often the
 * sender's own. In a RARP request it is the question itself. */
static bool may_keep_target(const struct crossing *crossing, const struct arp *arp)
{
	return arp->operation == RARP_REQUEST || mac_is_zero(arp->to_mac) ||
	       mac_is_group(arp->to_mac) || mac_equal(arp->to_mac, crossing->to);
}

bool arp_out(struct crossing *crossing)
{
	struct mac nic = crossing->translate->nic.mac;
	struct arp arp;

	if (!parse(crossing, &arp))
		return false;
	if (arp.operation != RARP_REQUEST &&
		!may_speak_from(crossing, ip_from_v4(arp.from), arp.from_mac, BY_CLAIM))
		return refuse(crossing, DROP_SOURCE_SPOOFED);
	note_question(crossing, &arp);
	if (arp.operation == RARP_REQUEST && mac_equal(arp.to_mac, crossing->from))
		announce_member(crossing->translate, crossing->from);
	if (!take_out(crossing, crossing->packet.l3 + ARP_LEN))
		return false;
	put(crossing, FROM_MAC_AT, nic);
	if (!may_keep_target(crossing, &arp))
		put(crossing, TO_MAC_AT, nic);
	return true;
}

/* Access points send broadcasts back to the one they are from; believed, each would be a conflict
 * of addresses. */
static bool is_echo(struct crossing *crossing, const struct arp *arp)
{
	return crossing->side == TRANSLATE_WIRE &&
	       mac_equal(arp->from_mac, crossing->translate->nic.mac) &&
	       (!arp->from.be || owner_of(crossing, ip_from_v4(arp->from)));
}

static bool deliver(struct crossing *crossing, const struct arp *arp, struct mac to)
{
	if (!take_in(crossing, crossing->packet.l3 + ARP_LEN, to))
		return false;
	if (mac_equal(arp->to_mac, crossing->translate->nic.mac))
		put(crossing, TO_MAC_AT, to);
	return true;
}

static bool deliver_to_asker(struct crossing *crossing, const struct arp *arp,
	enum question_kind kind, const struct question_key *key)
{
	const struct question *question = questions_find(
		&crossing->translate->questions, kind, key, crossing->now);

	if (!question)
		return refuse(crossing, DROP_UNREACHABLE);
	return deliver(crossing, arp, question->asker);
}

static bool deliver_by_target(struct crossing *crossing, const struct arp *arp)
{
	struct ip target = ip_from_v4(arp->to);
	struct binding *binding = owner_of(crossing, target);

	if (!crossing->vlan && nic_has_address(&crossing->translate->nic, target))
		return refuse(crossing, DROP_UNWANTED);
	if (binding)
		return deliver(crossing, arp, binding->member->mac);
	if (arp->operation == ARP_REQUEST && !crossing->vlan)
		probe(crossing->translate, target, MAC_BROADCAST, crossing->now);
	return refuse(crossing, DROP_UNREACHABLE);
}

static bool to_group(struct crossing *crossing, const struct arp *arp)
{
	struct binding *binding = owner_of(crossing, ip_from_v4(arp->to));

	note_elsewhere(crossing, ip_from_v4(arp->from), arp->from_mac);
	if (arp->operation == ARP_REPLY && binding &&
		mac_equal(arp->to_mac, crossing->translate->nic.mac)) {
		if (!take(crossing, crossing->packet.l3 + ARP_LEN))
			return false;
		put(crossing, TO_MAC_AT, binding->member->mac);
	}
	return true;
}

bool arp_in(struct crossing *crossing)
{
	struct question_key key;
	struct arp arp;

	if (!parse(crossing, &arp))
		return false;
	if (is_echo(crossing, &arp))
		return refuse(crossing, DROP_HAIRPIN);
	if (mac_is_group(crossing->to))
		return to_group(crossing, &arp);
	switch (arp.operation) {
	case RARP_REQUEST:
		return refuse(crossing, DROP_UNWANTED);
	case RARP_REPLY:
		key = question_about_mac(arp.to_mac);
		return deliver_to_asker(crossing, &arp, QUESTION_RARP, &key);
	case ARP_REPLY:
		if (arp.to.be)
			break;
		key = question_about_ip(ip_from_v4(arp.from));
		return deliver_to_asker(crossing, &arp, QUESTION_PROBE, &key);
	}
	return deliver_by_target(crossing, &arp);
}
