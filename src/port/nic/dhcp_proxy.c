/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/dhcp_proxy.h"

#include "port/nic/translate_internal.h"
#include "wire/checksum.h"
#include "wire/dhcp.h"
#include "wire/udp.h"

#define CHADDR_AT      28
#define COOKIE	       0x63825363u
#define CLIENT_ID_LEN  9 /* code, length, hardware type, MAC address */
#define IP_LEN_AT      2
#define IP_CHECKSUM_AT 10
#define UDP_LEN_AT     4

/* What ends a walk over the options: the one looked for, or where the last one ends. */
static uint32_t walk(const uint8_t *message, uint32_t len, uint8_t code, bool *ret_found)
{
	uint32_t at = DHCP_HEADER_LEN;

	*ret_found = false;
	while (at < len && message[at] != DHCP_OPTION_END) {
		uint32_t option_len;

		if (message[at] == DHCP_OPTION_PAD) {
			at++;
			continue;
		}
		if (at + 2 > len)
			return len;
		option_len = 2 + message[at + 1];
		if (at + option_len > len)
			return len;
		*ret_found = message[at] == code;
		if (*ret_found)
			return at;
		at += option_len;
	}
	return at;
}

static bool has_options(const uint8_t *message, uint32_t len)
{
	return len >= DHCP_HEADER_LEN && load_be32(message + DHCP_HEADER_LEN - 4) == COOKIE;
}

uint32_t dhcp_option_at(const uint8_t *message, uint32_t len, uint8_t code)
{
	bool is_found = false;
	uint32_t at = 0;

	if (has_options(message, len))
		at = walk(message, len, code, &is_found);
	return is_found ? at : 0;
}

/* The datagram as it lies in ret->bytes, up to ret->len. */
static uint32_t udp_sum(const struct crossing *crossing, uint32_t pseudo)
{
	const struct packet *packet = &crossing->packet;

	return checksum_add(
		pseudo, crossing->ret->bytes + packet->l4, crossing->ret->len - packet->l4);
}

static uint32_t pseudo_sum(const struct crossing *crossing)
{
	const struct packet *packet = &crossing->packet;

	return checksum_pseudo(
		packet->from, packet->to, IP_PROTOCOL_UDP, crossing->ret->len - packet->l4);
}

static bool checksum_is_right(const struct crossing *crossing)
{
	if (crossing->frame->offload.needs_checksum)
		return true;
	return !checksum_fold(udp_sum(crossing, pseudo_sum(crossing)));
}

static bool has_checksum(const struct crossing *crossing)
{
	return load_be16(crossing->ret->bytes + crossing->packet.l4 + UDP_CHECKSUM_OFFSET) != 0;
}

static void fill_checksum(const struct crossing *crossing)
{
	uint8_t *field = crossing->ret->bytes + crossing->packet.l4 + UDP_CHECKSUM_OFFSET;
	uint16_t checksum = 0;

	memcpy(field, &checksum, sizeof(checksum));
	if (crossing->frame->offload.needs_checksum)
		checksum = (uint16_t)~checksum_fold(pseudo_sum(crossing));
	else
		checksum = checksum_fold(udp_sum(crossing, pseudo_sum(crossing)));
	if (!checksum)
		checksum = 0xffff;
	memcpy(field, &checksum, sizeof(checksum));
}

static void store_len(uint8_t *ip, uint32_t len)
{
	uint8_t old[2], new[2];
	uint16_t checksum;

	memcpy(old, ip + IP_LEN_AT, sizeof(old));
	store_be16(new, (uint16_t)len);
	memcpy(ip + IP_LEN_AT, new, sizeof(new));
	memcpy(&checksum, ip + IP_CHECKSUM_AT, sizeof(checksum));
	checksum = checksum_update(checksum, old, new, sizeof(new));
	memcpy(ip + IP_CHECKSUM_AT, &checksum, sizeof(checksum));
}

/* Writes the option in front of the end, into padding that is there or past the old end. */
static bool add_client_id(struct crossing *crossing, struct mac chaddr)
{
	const struct packet *packet = &crossing->packet;
	struct translated *ret = crossing->ret;
	uint8_t *message = ret->bytes + packet->payload;
	uint32_t len = ret->len - packet->payload, end;
	bool is_found;

	end = walk(message, len, DHCP_OPTION_CLIENT_ID, &is_found);
	if (packet->payload + end + CLIENT_ID_LEN + 1 > sizeof(ret->bytes))
		return refuse(crossing, DROP_GIANT);
	message[end] = DHCP_OPTION_CLIENT_ID;
	message[end + 1] = CLIENT_ID_LEN - 2;
	message[end + 2] = 1;
	memcpy(message + end + 3, &chaddr, sizeof(chaddr));
	message[end + CLIENT_ID_LEN] = DHCP_OPTION_END;
	if (end + CLIENT_ID_LEN + 1 <= len)
		return true;
	ret->len = packet->payload + end + CLIENT_ID_LEN + 1;
	ret->replaces = crossing->frame->len; /* any padding of the frame's, too */
	store_len(ret->bytes + packet->l3, ret->len - packet->l3);
	store_be16(ret->bytes + packet->l4 + UDP_LEN_AT, (uint16_t)(ret->len - packet->l4));
	return true;
}

bool dhcp_proxy_out(struct crossing *crossing)
{
	uint8_t *message = crossing->ret->bytes + crossing->packet.payload;
	uint32_t len = crossing->ret->len - crossing->packet.payload;
	bool is_summed = has_checksum(crossing);
	struct mac chaddr;

	if (is_summed && !checksum_is_right(crossing))
		return refuse(crossing, DROP_CHECKSUM);
	memcpy(&chaddr, message + CHADDR_AT, sizeof(chaddr));
	memcpy(message + CHADDR_AT, &crossing->translate->nic.mac, sizeof(chaddr));
	if (has_options(message, len) && !dhcp_option_at(message, len, DHCP_OPTION_CLIENT_ID) &&
		!add_client_id(crossing, chaddr))
		return false;
	if (is_summed)
		fill_checksum(crossing);
	return true;
}

bool dhcp_proxy_in(struct crossing *crossing)
{
	uint8_t *message = crossing->ret->bytes + crossing->packet.payload;
	uint32_t len = crossing->ret->len - crossing->packet.payload;
	uint32_t at = dhcp_option_at(message, len, DHCP_OPTION_CLIENT_ID);
	bool is_summed = has_checksum(crossing);

	if (!at)
		return true;
	if (is_summed && !checksum_is_right(crossing))
		return refuse(crossing, DROP_CHECKSUM);
	memset(message + at, DHCP_OPTION_PAD, 2u + message[at + 1]);
	if (is_summed)
		fill_checksum(crossing);
	return true;
}
