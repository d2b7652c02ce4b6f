/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbour Discovery (RFC 4861): its options name MAC addresses under a checksum. */
#include "port/nic/translate_internal.h"
#include "wire/checksum.h"
#include "wire/icmp.h"

#define TARGET_AT      8
#define CHECKSUM_AT    2
#define FLAGS_AT       4
#define OPTION_LEN     8 /* of one with a MAC address */
#define PREFIX_LEN     32
#define PREFIX_ON_LINK 0x80

/* Where the options begin; 0: not Neighbour Discovery. */
static uint32_t options_at(uint8_t type)
{
	switch (type) {
	case ICMP6_ROUTER_SOLICIT:
		return 8;
	case ICMP6_ROUTER_ADVERT:
		return 16;
	case ICMP6_NEIGHBOUR_SOLICIT:
	case ICMP6_NEIGHBOUR_ADVERT:
		return 24;
	case ICMP6_REDIRECT:
		return 40;
	default:
		return 0;
	}
}

static uint8_t type_of(const struct crossing *crossing)
{
	return crossing->frame->head[crossing->packet.l4];
}

bool is_discovery(const struct crossing *crossing)
{
	const struct packet *packet = &crossing->packet;

	return packet->version == 6 && packet->protocol == IP_PROTOCOL_ICMP6 &&
	       !packet->is_fragment && options_at(type_of(crossing));
}

/* RFC 6980 5: nobody sends it that way, and in pieces it could not be changed. */
bool discovery_is_fragmented(const struct crossing *crossing)
{
	const struct packet *packet = &crossing->packet;

	if (packet->version != 6 || packet->protocol != IP_PROTOCOL_ICMP6 || !packet->is_fragment)
		return false;
	if (packet->fragment_offset)
		return false;
	return packet->l4 >= MIN(packet->end, crossing->frame->head_len) ||
	       options_at(type_of(crossing));
}

/* The whole message, copied to where it may be changed, and what is wanted of it. */
struct message {
	uint8_t *icmp;
	uint32_t len, options;
	uint8_t type;
};

static bool message_take(struct crossing *crossing, struct message *message)
{
	const struct packet *packet = &crossing->packet;

	if (packet->ttl != ND_HOP_LIMIT || !take(crossing, packet->end))
		return refuse(crossing, DROP_MALFORMED);
	message->icmp = crossing->ret->bytes + packet->l4;
	message->len = packet->end - packet->l4;
	message->type = message->icmp[0];
	message->options = options_at(message->type);
	if (message->options > message->len)
		return refuse(crossing, DROP_MALFORMED);
	return true;
}

static struct ip target_of(const struct message *message)
{
	return ip_from_bytes6(message->icmp + TARGET_AT);
}

/* Each option in turn, from offset 0; false at the end, or at one that cannot be (then *offset is
 * not the message's length). RFC 4861 4.6. */
static bool next_option(const struct message *message, uint32_t *offset, uint8_t **ret_option)
{
	uint32_t at = *offset ? *offset : message->options, left = message->len - at;
	uint8_t *option = message->icmp + at;

	*offset = at;
	if (left < 8 || !option[1] || option[1] * 8u > left)
		return false;
	*offset = at + option[1] * 8u;
	*ret_option = option;
	return true;
}

static bool is_mac_option(const uint8_t *option)
{
	return option[0] == ND_OPTION_SOURCE_MAC || option[0] == ND_OPTION_TARGET_MAC;
}

static uint32_t checksum_at(const struct crossing *crossing, const struct message *message)
{
	return (uint32_t)(message->icmp - crossing->ret->bytes) + CHECKSUM_AT;
}

static void option_set(
	struct crossing *crossing, const struct message *message, uint8_t *option, struct mac mac)
{
	struct mac old;

	memcpy(&old, option + 2, sizeof(old));
	memcpy(option + 2, &mac, sizeof(mac));
	adjust_checksum(crossing, checksum_at(crossing, message), &old, &mac, sizeof(mac));
}

static bool mac_is_ours(
	struct crossing *crossing, const struct message *message, const uint8_t *option)
{
	struct mac mac;

	memcpy(&mac, option + 2, sizeof(mac));
	return mac_equal(mac, crossing->from) || owner_of(crossing, target_of(message)) ||
	       member_find(&crossing->translate->bindings, mac);
}

/* A redirect names a third machine. Where that is none of ours, its MAC address may be anybody's:
 * the hint is made one that nobody knows (RFC 4727 3), and the receiver asks for itself. */
static void redirect_set(struct crossing *crossing, const struct message *message, uint8_t *option)
{
	static const uint8_t unknown[2] = {253, OPTION_LEN / 8};
	uint8_t old[2];

	if (mac_is_ours(crossing, message, option)) {
		option_set(crossing, message, option, crossing->translate->nic.mac);
		return;
	}
	option_set(crossing, message, option, (struct mac){0});
	memcpy(old, option, sizeof(old));
	memcpy(option, unknown, sizeof(unknown));
	adjust_checksum(crossing, checksum_at(crossing, message), old, unknown, sizeof(old));
}

static bool rewrite_options(struct crossing *crossing, const struct message *message)
{
	uint32_t offset = 0;
	uint8_t *option;

	while (next_option(message, &offset, &option)) {
		if (!is_mac_option(option))
			continue;
		if (option[1] != OPTION_LEN / 8)
			return refuse(crossing, DROP_MALFORMED);
		if (message->type == ICMP6_REDIRECT)
			redirect_set(crossing, message, option);
		else
			option_set(crossing, message, option, crossing->translate->nic.mac);
	}
	return offset == message->len ? true : refuse(crossing, DROP_MALFORMED);
}

static void note_router(struct crossing *crossing, struct ip ip, bool is_router)
{
	struct binding *binding = owner_of(crossing, ip);

	if (binding)
		binding->is_router = is_router;
}

/* What the message says of its sender's addresses, besides the packet's source. */
static bool claims_are_allowed(struct crossing *crossing, const struct message *message)
{
	struct ip target;

	switch (message->type) {
	case ICMP6_ROUTER_ADVERT:
		note_router(crossing, crossing->packet.from, true);
		return true;
	case ICMP6_NEIGHBOUR_SOLICIT:
		/* RFC 4862 5.4.3: it will have the address unless somebody objects; who asks for
		 * one that has an owner hears so from him. */
		target = target_of(message);
		if (ip_is_none(crossing->packet.from) && !owner_of(crossing, target) &&
			!nic_has_address(&crossing->translate->nic, target))
			return may_speak_from(crossing, target, crossing->from, BY_CLAIM);
		return true;
	case ICMP6_NEIGHBOUR_ADVERT:
		target = target_of(message);
		if (!may_speak_from(crossing, target, crossing->from, BY_CLAIM))
			return false;
		note_router(crossing, target, message->icmp[FLAGS_AT] & ND_FROM_ROUTER);
		return true;
	default:
		return true;
	}
}

bool discovery_out(struct crossing *crossing)
{
	struct message message;

	if (!message_take(crossing, &message))
		return false;
	if (!may_speak_from(crossing, crossing->packet.from, crossing->from, BY_CLAIM) ||
		!claims_are_allowed(crossing, &message))
		return refuse(crossing, DROP_SOURCE_SPOOFED);
	if (!rewrite_options(crossing, &message))
		return false;
	memcpy(crossing->ret->bytes + sizeof(struct mac), &crossing->translate->nic.mac,
		sizeof(struct mac));
	return true;
}

/* A router's redirect to another machine of the hub: it is not at the NIC's address from here. */
static bool redirect_in(struct crossing *crossing, const struct binding *to)
{
	struct binding *target;
	struct message message;
	uint32_t offset = 0;
	uint8_t *option;

	if (!message_take(crossing, &message))
		return false;
	target = owner_of(crossing, target_of(&message));
	while (target && next_option(&message, &offset, &option)) {
		if (is_mac_option(option) && option[1] == OPTION_LEN / 8)
			option_set(crossing, &message, option, target->member->mac);
	}
	memcpy(crossing->ret->bytes, &to->member->mac, sizeof(struct mac));
	return true;
}

/* RFC 4861 4.6.2, 6.3.4. */
static void note_prefix(struct crossing *crossing, const uint8_t *option)
{
	struct ip_prefix prefix = {ip_from_bytes6(option + 16), option[2]};

	if (option[1] * 8u != PREFIX_LEN || !(option[3] & PREFIX_ON_LINK) || prefix.len > 128)
		return;
	if (ip_is_link_local(prefix.address) || ip_is_v4(prefix.address) || !prefix.len)
		return;
	nic_note_prefix(&crossing->translate->nic, &prefix, load_be32(option + 4), crossing->now);
}

static void note_prefixes(struct crossing *crossing, const struct message *message)
{
	uint32_t offset = 0;
	uint8_t *option;

	while (message->type == ICMP6_ROUTER_ADVERT && !crossing->vlan &&
		next_option(message, &offset, &option)) {
		if (option[0] == ND_OPTION_PREFIX)
			note_prefix(crossing, option);
	}
}

bool discovery_in(struct crossing *crossing, const struct binding *to)
{
	struct message message;

	if (type_of(crossing) == ICMP6_REDIRECT)
		return redirect_in(crossing, to);
	if (!message_take(crossing, &message))
		return false;
	note_prefixes(crossing, &message);
	return take_in(crossing, crossing->packet.l3, to->member->mac);
}

static bool is_echo(struct crossing *crossing, const struct message *message)
{
	uint32_t offset = 0;
	uint8_t *option;

	if (crossing->side != TRANSLATE_WIRE || message->type != ICMP6_NEIGHBOUR_ADVERT ||
		!owner_of(crossing, target_of(message)))
		return false;
	while (next_option(message, &offset, &option)) {
		struct mac mac;

		if (!is_mac_option(option))
			continue;
		memcpy(&mac, option + 2, sizeof(mac));
		if (mac_equal(mac, crossing->translate->nic.mac))
			return true;
		note_elsewhere(crossing, target_of(message), mac);
	}
	return false;
}

bool discovery_in_group(struct crossing *crossing)
{
	struct message message;

	if (!message_take(crossing, &message))
		return false;
	crossing->ret->len = crossing->ret->replaces = 0; /* it was only to be read */
	if (is_echo(crossing, &message))
		return refuse(crossing, DROP_HAIRPIN);
	note_prefixes(crossing, &message);
	return true;
}
