/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/discovery.h"

#include "wire/checksum.h"

struct ip solicited_node(struct ip ip)
{
	struct ip group = {{0xff, 0x02, [11] = 1, [12] = 0xff}};

	memcpy(group.bytes + 13, ip.bytes + 13, 3);
	return group;
}

bool packet_is_discovery(const uint8_t *head, const struct packet *packet)
{
	return packet->version == 6 && packet->protocol == IP_PROTOCOL_ICMP6 &&
	       !packet->is_fragment &&
	       (head[packet->l4] == ICMP6_NEIGHBOUR_SOLICIT ||
		       head[packet->l4] == ICMP6_NEIGHBOUR_ADVERT);
}

/* RFC 4861 4.6: options of no length spoil the message, unknown ones are skipped. */
static bool read_options(struct reader *r, uint8_t wanted, struct discovery *ret)
{
	while (reader_left(r)) {
		uint8_t type = read_u8(r);
		uint8_t units = read_u8(r);
		struct reader value = read_part(r, units * 8u - 2u);

		if (!units || r->failed)
			return false;
		if (type != wanted || units != 1)
			continue;
		read_copy(&value, &ret->mac, sizeof(ret->mac));
		ret->has_mac = !mac_is_group(ret->mac) && !mac_is_zero(ret->mac);
	}
	return true;
}

static uint8_t option_of(uint8_t type)
{
	return type == ICMP6_NEIGHBOUR_SOLICIT ? ND_OPTION_SOURCE_MAC : ND_OPTION_TARGET_MAC;
}

static bool is_sound(const struct discovery *m)
{
	if (m->type == ICMP6_NEIGHBOUR_ADVERT)
		return !ip_is_none(m->from) &&
		       (!ip_is_multicast(m->to) || !(m->flags & ND_SOLICITED));
	return !ip_is_none(m->from) || (ip_equal(m->to, solicited_node(m->target)) && !m->has_mac);
}

bool discovery_parse(
	const uint8_t *head, uint32_t head_len, const struct packet *packet, struct discovery *ret)
{
	struct discovery m = {.from = packet->from, .to = packet->to};
	struct reader r;

	if (packet->end > head_len || packet->ttl != ND_HOP_LIMIT)
		return false;
	r = reader_on(head + packet->l4, packet->end - packet->l4);
	m.type = read_u8(&r);
	if (read_u8(&r))
		return false;
	read_be16(&r);
	m.flags = read_u8(&r);
	read_bytes(&r, 3);
	read_copy(&r, &m.target, sizeof(m.target));
	if (r.failed || ip_is_multicast(m.target) || !read_options(&r, option_of(m.type), &m) ||
		!is_sound(&m))
		return false;
	*ret = m;
	return true;
}

void write_discovery(struct writer *w, const struct discovery *m)
{
	uint8_t body[ND_NEIGHBOUR_LEN + DISCOVERY_MAC_LEN] = {m->type, 0, 0, 0, m->flags};
	uint32_t len = ND_NEIGHBOUR_LEN + (m->has_mac ? DISCOVERY_MAC_LEN : 0);
	const struct ip_fields ip = {.from = m->from,
		.to = m->to,
		.protocol = IP_PROTOCOL_ICMP6,
		.ttl = ND_HOP_LIMIT,
		.payload_len = len};
	uint16_t checksum;

	memcpy(body + 8, &m->target, sizeof(m->target));
	body[ND_NEIGHBOUR_LEN] = option_of(m->type);
	body[ND_NEIGHBOUR_LEN + 1] = 1;
	memcpy(body + ND_NEIGHBOUR_LEN + 2, &m->mac, sizeof(m->mac));
	checksum = checksum_fold(
		checksum_add(checksum_pseudo(m->from, m->to, IP_PROTOCOL_ICMP6, len), body, len));
	memcpy(body + 2, &checksum, sizeof(checksum));
	write_ip(w, &ip);
	write_bytes(w, body, len);
}
