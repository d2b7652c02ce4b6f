/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's Neighbour Discovery (RFC 4861 7.2, RFC 4862 5.4): ARP's counterpart in IPv6. */
#include "ip/checksum.h"
#include "ip/host_parts.h"
#include "ip/neighbour.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"

#define OPTION_MAC_LEN 8

static const struct ip all_nodes = {{0xff, 0x02, [15] = 1}};

/* RFC 4291 2.7.1. */
struct ip solicited_node(struct ip ip)
{
	struct ip group = {{0xff, 0x02, [11] = 1, [12] = 0xff}};

	memcpy(group.bytes + 13, ip.bytes + 13, 3);
	return group;
}

/* One of the two messages, as it is received and as it is sent. */
struct message {
	struct ip from, to, target;
	uint8_t type, flags;
	bool has_mac;
	struct mac mac; /* of the option that belongs to the type */
};

static void send(struct host *host, struct mac to_mac, const struct message *m, nsec now)
{
	uint8_t body[ND_NEIGHBOUR_LEN + OPTION_MAC_LEN] = {m->type, 0, 0, 0, m->flags};
	uint32_t len = ND_NEIGHBOUR_LEN + (m->has_mac ? OPTION_MAC_LEN : 0);
	struct ip_fields ip = {.from = m->from,
		.to = m->to,
		.protocol = IP_PROTOCOL_ICMP6,
		.ttl = ND_HOP_LIMIT,
		.payload_len = len};
	struct host_frame *f = host_compose(host, now);
	uint16_t checksum;
	struct writer w;

	if (!f)
		return;
	memcpy(body + 8, &m->target, sizeof(m->target));
	body[ND_NEIGHBOUR_LEN] = m->type == ICMP6_NEIGHBOUR_SOLICIT ? ND_OPTION_SOURCE_MAC
								    : ND_OPTION_TARGET_MAC;
	body[ND_NEIGHBOUR_LEN + 1] = 1;
	memcpy(body + ND_NEIGHBOUR_LEN + 2, &m->mac, sizeof(m->mac));
	checksum = checksum_fold(
		checksum_add(checksum_pseudo(m->from, m->to, IP_PROTOCOL_ICMP6, len), body, len));
	memcpy(body + 2, &checksum, sizeof(checksum));

	w = writer_on(f->head, sizeof(f->head));
	host_write_headers(host, &w, to_mac, &ip);
	write_bytes(&w, body, len);
	f->frame.head_len = f->frame.len = (uint32_t)writer_len(&w);
	host_post(host, f);
}

void discovery_ask(struct host *host, struct ip ip, bool is_probe, nsec now)
{
	struct message m = {.to = solicited_node(ip),
		.target = ip,
		.type = ICMP6_NEIGHBOUR_SOLICIT,
		.has_mac = !is_probe,
		.mac = host->port.mac};

	if (!is_probe)
		m.from = host_address_for(host, ip);
	send(host, group_mac(m.to), &m, now);
}

static uint8_t own_flags(const struct host *host)
{
	return ND_OVERRIDE | (host->ops->on_transit ? ND_FROM_ROUTER : 0);
}

void discovery_announce(struct host *host, struct ip ip, nsec now)
{
	struct message m = {.from = ip,
		.to = all_nodes,
		.target = ip,
		.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = own_flags(host),
		.has_mac = true,
		.mac = host->port.mac};

	send(host, group_mac(m.to), &m, now);
}

/* RFC 4861 7.2.4: to the one who asked, or to all when he has no address yet (his DAD). */
static void reply(struct host *host, const struct message *asked, struct mac to_mac, nsec now)
{
	struct message m = {.from = asked->target,
		.to = asked->from,
		.target = asked->target,
		.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = own_flags(host) | ND_SOLICITED,
		.has_mac = true,
		.mac = host->port.mac};

	if (ip_is_none(asked->from)) {
		discovery_announce(host, asked->target, now);
		return;
	}
	send(host, to_mac, &m, now);
}

/* RFC 4861 4.6: options of no length spoil the message, unknown ones are skipped. */
static bool read_options(struct reader *r, uint8_t wanted, struct message *ret)
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

/* RFC 4861 7.1.1 and 7.1.2. */
static bool read_message(
	const struct frame *frame, const struct packet *packet, struct message *ret)
{
	struct reader r;

	if (packet->end > frame->head_len || packet->ttl != ND_HOP_LIMIT)
		return false;
	r = reader_on(frame->head + packet->l4, packet->end - packet->l4);
	*ret = (struct message){.from = packet->from, .to = packet->to};
	ret->type = read_u8(&r);
	if (read_u8(&r))
		return false;
	read_be16(&r);
	ret->flags = read_u8(&r);
	read_bytes(&r, 3);
	read_copy(&r, &ret->target, sizeof(ret->target));
	if (r.failed || ip_is_multicast(ret->target))
		return false;
	return read_options(&r,
		ret->type == ICMP6_NEIGHBOUR_SOLICIT ? ND_OPTION_SOURCE_MAC : ND_OPTION_TARGET_MAC,
		ret);
}

static bool is_sound(const struct message *m)
{
	if (m->type == ICMP6_NEIGHBOUR_ADVERT)
		return !ip_is_none(m->from) &&
		       (!ip_is_multicast(m->to) || !(m->flags & ND_SOLICITED));
	return !ip_is_none(m->from) || (ip_equal(m->to, solicited_node(m->target)) && !m->has_mac);
}

/* One who uses our address as if it were his is heard: that is a conflict. */
static bool may_send(const struct host *host, const struct message *m)
{
	if (m->type == ICMP6_NEIGHBOUR_ADVERT && host_owns(host, m->target))
		return true;
	return ip_is_none(m->from) || is_neighbour_address(host, m->from);
}

static void on_solicit(
	struct host *host, const struct frame *frame, const struct message *m, nsec now)
{
	if (!host_owns(host, m->target)) {
		port_drop(&host->port, DROP_UNWANTED, frame);
		return;
	}
	if (m->has_mac && !ip_is_none(m->from)) {
		neighbours_answer(host->neighbours, m->from, m->mac, now);
		neighbours_learn(host->neighbours, m->from, m->mac, now);
	}
	reply(host, m, m->has_mac ? m->mac : frame_from(frame), now);
}

/* RFC 4861 7.2.5: nothing is learned that was neither asked nor known. */
static void on_advert(
	struct host *host, const struct frame *frame, const struct message *m, nsec now)
{
	struct mac known;

	if (host_owns(host, m->target)) {
		host_conflict(host, m->target, m->has_mac ? m->mac : frame_from(frame), now);
		port_drop(&host->port, DROP_SOURCE_SPOOFED, frame);
		return;
	}
	if (!m->has_mac || !host_is_on_link(host, m->target))
		return;
	if (neighbours_answer(host->neighbours, m->target, m->mac, now))
		neighbours_learn(host->neighbours, m->target, m->mac, now);
	else if (m->flags & ND_OVERRIDE ||
		 (neighbours_find(host->neighbours, m->target, now, &known) &&
			 mac_equal(known, m->mac)))
		neighbours_update(host->neighbours, m->target, m->mac, now);
}

bool discovery_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct message m;
	uint8_t type;

	if (packet->protocol != IP_PROTOCOL_ICMP6 || packet->is_fragment)
		return false;
	type = frame->head[packet->l4];
	if (type != ICMP6_NEIGHBOUR_SOLICIT && type != ICMP6_NEIGHBOUR_ADVERT)
		return false;
	if (!read_message(frame, packet, &m) || !is_sound(&m))
		port_drop(&host->port, DROP_MALFORMED, frame);
	else if (!host_checksum_is_right(frame, packet))
		port_drop(&host->port, DROP_CHECKSUM, frame);
	else if (!may_send(host, &m))
		port_drop(&host->port, DROP_SOURCE_SPOOFED, frame);
	else if (type == ICMP6_NEIGHBOUR_SOLICIT)
		on_solicit(host, frame, &m, now);
	else
		on_advert(host, frame, &m, now);
	return true;
}
