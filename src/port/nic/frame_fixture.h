/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: frames composed from what they say, with every length and checksum right. */
#pragma once

#include "hub/frame.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/dhcp.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/udp.h"

#include <assert.h>

#define BUILT_MAX 2048

struct built {
	uint8_t bytes[BUILT_MAX];
	uint32_t len;
};

static inline struct mac mac_from(const char *text)
{
	struct mac mac = {0};

	(void)!mac_parse(text, &mac);
	return mac;
}

static inline struct ip ip_from(const char *text)
{
	struct ip ip = {0};
	bool is_good = ip_parse(text, &ip);

	assert(is_good);
	return ip;
}

static inline struct frame frame_of_built(const struct built *built)
{
	return frame_linear(built->bytes, built->len);
}

static inline struct writer begin_built(struct built *built)
{
	memset(built, 0, sizeof(*built));
	return writer_on(built->bytes, sizeof(built->bytes));
}

static inline struct built end_built(struct built *built, const struct writer *w)
{
	assert(!w->failed);
	built->len = (uint32_t)writer_len(w);
	return *built;
}

/* type: ETHERTYPE_ARP or ETHERTYPE_RARP. */
static inline struct built build_arp(uint16_t type, struct mac to, struct mac from,
	enum arp_operation operation, struct mac from_mac, const char *from_ip, struct mac to_mac,
	const char *to_ip)
{
	const struct arp arp = {
		operation, from_mac, to_mac, ip_to_v4(ip_from(from_ip)), ip_to_v4(ip_from(to_ip))};
	struct built built;
	struct writer w = begin_built(&built);

	write_eth(&w, to, from, type);
	write_arp(&w, &arp);
	write_zeros(&w, 18);
	return end_built(&built, &w);
}

static inline void write_vlan(struct writer *w, struct mac to, struct mac from, uint16_t vlan)
{
	write_eth(w, to, from, ETHERTYPE_VLAN);
	write_be16(w, vlan);
}

static inline struct built build_udp(struct mac to, struct mac from, uint16_t vlan,
	const char *from_ip, uint16_t from_port, const char *to_ip, uint16_t to_port,
	const void *payload, uint32_t len)
{
	const struct endpoint source = {ip_from(from_ip), from_port},
			      target = {ip_from(to_ip), to_port};
	const struct ip_fields fields = {.from = source.ip,
		.to = target.ip,
		.protocol = IP_PROTOCOL_UDP,
		.ttl = 64,
		.payload_len = UDP_HEADER_LEN + len};
	uint16_t type = ip_is_v4(source.ip) ? ETHERTYPE_IP4 : ETHERTYPE_IP6;
	struct built built;
	struct writer w = begin_built(&built);

	if (vlan) {
		write_vlan(&w, to, from, vlan);
		write_be16(&w, type);
	} else {
		write_eth(&w, to, from, type);
	}
	write_ip(&w, &fields);
	write_udp(&w, &source, &target, payload, len);
	write_bytes(&w, payload, len);
	return end_built(&built, &w);
}

/* A Neighbour Discovery message: `fixed` bytes behind the checksum, then options of one MAC address
 * each; option 0: none. extension: a hop-by-hop header in front. */
struct nd {
	struct mac to, from;
	const char *from_ip, *to_ip;
	uint8_t type, hop_limit; /* 0: 255 */
	const char *target;	 /* or NULL */
	uint8_t option;
	struct mac mac;
	bool has_extension;
	const char *prefix; /* an RA's, on the link for 3600 s */
};

static inline void write_nd_body(struct writer *w, const struct nd *nd)
{
	struct ip target = nd->target ? ip_from(nd->target) : (struct ip){0}, prefix;

	write_u8(w, nd->type);
	write_zeros(w, 7);
	if (nd->type == ICMP6_ROUTER_ADVERT)
		write_zeros(w, 8);
	if (nd->target)
		write_bytes(w, &target, sizeof(target));
	if (nd->type == ICMP6_REDIRECT)
		write_bytes(w, &target, sizeof(target));
	if (nd->option) {
		write_u8(w, 14); /* a nonce (RFC 3971 5.3.2), to be passed over */
		write_u8(w, 1);
		write_bytes(w, "nonce!", 6);
		write_u8(w, nd->option);
		write_u8(w, 1);
		write_bytes(w, &nd->mac, sizeof(nd->mac));
	}
	if (!nd->prefix)
		return;
	prefix = ip_from(nd->prefix);
	write_u8(w, ND_OPTION_PREFIX);
	write_u8(w, 4);
	write_u8(w, 64);
	write_u8(w, 0xc0);
	write_be32(w, 3600);
	write_be32(w, 3600);
	write_zeros(w, 4);
	write_bytes(w, &prefix, sizeof(prefix));
}

static inline struct built build_nd(const struct nd *nd)
{
	static const uint8_t hop_by_hop[8] = {IP_PROTOCOL_ICMP6, 0, 5, 2, 0, 0, 1, 0};
	uint8_t body[256];
	struct writer icmp = writer_on(body, sizeof(body));
	struct ip_fields fields = {.from = ip_from(nd->from_ip),
		.to = ip_from(nd->to_ip),
		.protocol = nd->has_extension ? IP_PROTOCOL_HOP_BY_HOP : IP_PROTOCOL_ICMP6,
		.ttl = nd->hop_limit ? nd->hop_limit : ND_HOP_LIMIT};
	struct built built;
	struct writer w = begin_built(&built);
	uint16_t checksum;

	write_nd_body(&icmp, nd);
	checksum = checksum_fold(
		checksum_add(checksum_pseudo(fields.from, fields.to, IP_PROTOCOL_ICMP6,
				     (uint32_t)writer_len(&icmp)),
			body, writer_len(&icmp)));
	memcpy(body + 2, &checksum, sizeof(checksum));
	fields.payload_len = (uint32_t)writer_len(&icmp) + (nd->has_extension ? 8 : 0);
	write_eth(&w, nd->to, nd->from, ETHERTYPE_IP6);
	write_ip(&w, &fields);
	if (nd->has_extension)
		write_bytes(&w, hop_by_hop, sizeof(hop_by_hop));
	write_bytes(&w, body, writer_len(&icmp));
	return end_built(&built, &w);
}

static inline struct built build_dhcp(struct mac to, struct mac from, const char *from_ip,
	const char *to_ip, const struct dhcp_message *message)
{
	bool is_request = message->op == BOOT_REQUEST;
	uint8_t bytes[DHCP_MESSAGE_MAX];
	size_t len = dhcp_write(message, bytes, 1400);

	return build_udp(to, from, 0, from_ip, is_request ? DHCP_CLIENT_PORT : DHCP_SERVER_PORT,
		to_ip, is_request ? DHCP_SERVER_PORT : DHCP_CLIENT_PORT, bytes, (uint32_t)len);
}
