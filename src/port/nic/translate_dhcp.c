/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DHCP (RFC 2131). A server may send its offer to an address the client does not have yet, at the
 * MAC address it asked from, which is the NIC's: clients are made to ask for broadcasts, and what
 * comes as unicast all the same goes to the one who asked.
 */
#include "port/nic/dhcp_proxy.h"
#include "port/nic/translate_internal.h"
#include "wire/checksum.h"
#include "wire/dhcp.h"
#include "wire/udp.h"

/* RFC 2131 2. */
#define OP_AT	   0
#define HTYPE_AT   1
#define HLEN_AT	   2
#define XID_AT	   4
#define FLAGS_AT   10
#define CLIENT_AT  12
#define RELAY_AT   24
#define CHADDR_AT  28
#define BOOTP_LEN  236
#define BROADCAST  0x80
#define REPLY_TIME (30 * NSEC_PER_SEC)

/* The message, when it is one of an Ethernet client's and lies in the head so far; else NULL. */
static const uint8_t *message_of(const struct crossing *crossing, uint16_t from, uint16_t to)
{
	const struct packet *packet = &crossing->packet;
	const uint8_t *message = crossing->frame->head + packet->payload;

	if (packet->version != 4 || packet->protocol != IP_PROTOCOL_UDP || packet->is_fragment)
		return NULL;
	if (packet->from_port != from || packet->to_port != to)
		return NULL;
	if (packet->payload + (uint32_t)BOOTP_LEN > packet->end)
		return NULL;
	if (packet->payload + CHADDR_AT + sizeof(struct mac) > crossing->frame->head_len)
		return NULL;
	return message[HTYPE_AT] == 1 && message[HLEN_AT] == sizeof(struct mac) ? message : NULL;
}

bool is_dhcp_request(const struct crossing *crossing)
{
	const uint8_t *message = message_of(crossing, DHCP_CLIENT_PORT, DHCP_SERVER_PORT);

	return message && message[OP_AT] == BOOT_REQUEST && !load_be32(message + RELAY_AT);
}

bool is_dhcp_reply(const struct crossing *crossing)
{
	const uint8_t *message = message_of(crossing, DHCP_SERVER_PORT, DHCP_CLIENT_PORT);

	return message && message[OP_AT] == BOOT_REPLY;
}

static struct mac chaddr_of(const uint8_t *message)
{
	struct mac mac;

	memcpy(&mac, message + CHADDR_AT, sizeof(mac));
	return mac;
}

static struct question_key key_of(const uint8_t *message)
{
	return question_about_dhcp(load_be32(message + XID_AT), chaddr_of(message));
}

/* RFC 768: a sum of zero is sent as all ones, for zero says that there is none. */
static void adjust_udp_checksum(
	struct crossing *crossing, const void *old_bytes, const void *new_bytes, size_t len)
{
	uint32_t at = crossing->packet.l4 + UDP_CHECKSUM_OFFSET;
	uint8_t *field = crossing->ret->bytes + at;

	if (!load_be16(field))
		return;
	adjust_checksum(crossing, at, old_bytes, new_bytes, len);
	if (!load_be16(field))
		store_be16(field, 0xffff);
}

static void exchange(struct crossing *crossing, uint8_t *at, const void *new_bytes, size_t len)
{
	uint8_t old[sizeof(struct mac)];

	memcpy(old, at, len);
	memcpy(at, new_bytes, len);
	adjust_udp_checksum(crossing, old, new_bytes, len);
}

static void ask_for_broadcast(struct crossing *crossing, uint8_t *message)
{
	uint8_t flags[2] = {message[FLAGS_AT] | BROADCAST, message[FLAGS_AT + 1]};

	exchange(crossing, message + FLAGS_AT, flags, sizeof(flags));
}

/* The address is free again: its next owner need not wait until this one has aged. */
static void note_release(struct crossing *crossing, const uint8_t *message, uint32_t len)
{
	uint32_t type = dhcp_option_at(message, len, DHCP_OPTION_TYPE);
	struct binding *binding;

	if (!type || message[type + 1] != 1 || message[type + 2] != DHCP_RELEASE)
		return;
	binding = owner_of(crossing, ip_from_bytes4(message + CLIENT_AT));
	if (binding && !binding->is_static && mac_equal(binding->member->mac, crossing->from))
		binding_remove(&crossing->translate->bindings, binding);
}

bool dhcp_out(struct crossing *crossing)
{
	struct mac_translate *translate = crossing->translate;
	struct question question = {.asker = crossing->from, .until = crossing->now + REPLY_TIME};
	const struct packet *packet = &crossing->packet;
	uint8_t *message = crossing->ret->bytes + packet->payload;
	uint32_t len = packet->end - packet->payload;

	if (!take_out(crossing, packet->end))
		return false;
	note_release(crossing, message, len);
	ask_for_broadcast(crossing, message);
	question.chaddr = chaddr_of(message);
	question.has_client_id = dhcp_option_at(message, len, DHCP_OPTION_CLIENT_ID);
	if (translate->settings.dhcp == TRANSLATE_DHCP_PROXY && !dhcp_proxy_out(crossing))
		return false;
	question.key = key_of(message);
	questions_note(&translate->questions, QUESTION_DHCP, &question);
	return true;
}

/* To whom the frame goes: to all, when it is sent so, or says so and only its frame does not. */
static struct mac receiver_of(const struct crossing *crossing, const struct question *question)
{
	if (mac_is_group(crossing->to))
		return crossing->to;
	return ip_is_broadcast(crossing->packet.to) ? MAC_BROADCAST : question->asker;
}

/* A reply to nobody that is known: as any other packet. */
static bool unasked_in(struct crossing *crossing)
{
	struct binding *binding = owner_of(crossing, crossing->packet.to);

	if (mac_is_group(crossing->to))
		return true;
	if (ip_is_broadcast(crossing->packet.to))
		return take_in(crossing, crossing->packet.l3, MAC_BROADCAST);
	if (binding)
		return take_in(crossing, crossing->packet.l3, binding->member->mac);
	return refuse(crossing, DROP_UNREACHABLE);
}

bool dhcp_in(struct crossing *crossing)
{
	const struct packet *packet = &crossing->packet;
	struct question_key key = key_of(crossing->frame->head + packet->payload);
	uint8_t *message = crossing->ret->bytes + packet->payload;
	const struct question *question = questions_find(
		&crossing->translate->questions, QUESTION_DHCP, &key, crossing->now);

	if (!question)
		return unasked_in(crossing);
	if (crossing->translate->settings.dhcp != TRANSLATE_DHCP_PROXY)
		return take_in(crossing, packet->l3, receiver_of(crossing, question));
	if (!take_in(crossing, packet->end, receiver_of(crossing, question)))
		return false;
	exchange(crossing, message + CHADDR_AT, &question->chaddr, sizeof(question->chaddr));
	return question->has_client_id || dhcp_proxy_in(crossing);
}
