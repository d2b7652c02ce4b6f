/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/packet.h"

#include "base/attr.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define VLAN_TAGS_MAX	      2
#define EXTENSION_HEADERS_MAX 8
#define HEADERS_LEN_MAX	      32768 /* no honest packet comes near; offsets are 16 bits */
#define IP4_MAY_NOT_FRAGMENT  0x4000
#define IP4_MORE_FRAGMENTS    0x2000
#define IP4_FRAGMENT_OFFSET   0x1fff
#define IP6_FRAGMENT_LEN      8
#define IP6_MORE_FRAGMENTS    1

/* How far the head and, behind it, the frame go. */
struct view {
	const uint8_t *head;
	uint32_t head_len, frame_len;
};

static bool has_head(const struct view *view, uint32_t offset, uint32_t len)
{
	return offset + len <= MIN(view->head_len, HEADERS_LEN_MAX);
}

static bool has_l4(const struct view *view, const struct packet *p, uint32_t len)
{
	return p->l4 + len <= p->end && has_head(view, p->l4, len);
}

static bool parse_tags(const struct view *view, struct packet *p)
{
	uint32_t at = ETH_HEADER_LEN - 2;

	p->ethertype = load_be16(view->head + at);
	for (unsigned i = 0; i < VLAN_TAGS_MAX; i++) {
		if (p->ethertype != ETHERTYPE_VLAN && p->ethertype != ETHERTYPE_SERVICE_VLAN)
			break;
		if (!has_head(view, at + 2, ETH_VLAN_LEN))
			return false;
		if (!p->has_vlan)
			p->vlan = load_be16(view->head + at + 2) & 0xfff;
		p->has_vlan = true;
		at += ETH_VLAN_LEN;
		p->ethertype = load_be16(view->head + at);
	}
	p->l3 = (uint16_t)(at + 2);
	return true;
}

static bool parse_tcp(const struct view *view, struct packet *p)
{
	const uint8_t *tcp = view->head + p->l4;
	uint32_t len;

	if (!has_l4(view, p, TCP_HEADER_LEN))
		return false;
	len = tcp_header_len(tcp);
	if (len < TCP_HEADER_LEN || !has_l4(view, p, len))
		return false;
	p->from_port = load_be16(tcp);
	p->to_port = load_be16(tcp + 2);
	p->tcp_flags = tcp[13];
	p->payload = (uint16_t)(p->l4 + len);
	return true;
}

static bool parse_udp(const struct view *view, struct packet *p)
{
	const uint8_t *udp = view->head + p->l4;
	uint32_t len;

	if (!has_l4(view, p, UDP_HEADER_LEN))
		return false;
	len = load_be16(udp + 4);
	if (len < UDP_HEADER_LEN || (!p->is_fragment && p->l4 + len > p->end))
		return false;
	if (!p->is_fragment)
		p->end = p->l4 + len;
	p->from_port = load_be16(udp);
	p->to_port = load_be16(udp + 2);
	p->payload = (uint16_t)(p->l4 + UDP_HEADER_LEN);
	return true;
}

static bool parse_icmp(const struct view *view, struct packet *p)
{
	if (!has_l4(view, p, ICMP_HEADER_LEN))
		return false;
	p->payload = (uint16_t)(p->l4 + ICMP_HEADER_LEN);
	return true;
}

static bool parse_transport(const struct view *view, struct packet *p)
{
	switch (p->protocol) {
	case IP_PROTOCOL_TCP:
		return parse_tcp(view, p);
	case IP_PROTOCOL_UDP:
		return parse_udp(view, p);
	case IP_PROTOCOL_ICMP:
	case IP_PROTOCOL_ICMP6:
		return parse_icmp(view, p);
	default:
		return true;
	}
}

static enum packet_result parse_l4(const struct view *view, struct packet *p)
{
	p->payload = p->l4;
	if (p->fragment_offset)
		return PACKET_OK;
	/* RFC 791 lets a first fragment end within the L4 header: whoever puts it together looks */
	if (!parse_transport(view, p) && !p->is_fragment)
		return PACKET_MALFORMED;
	return PACKET_OK;
}

static enum packet_result parse_ip4(const struct view *view, struct packet *p)
{
	const uint8_t *ip = view->head + p->l3;
	uint32_t header_len, total_len;
	uint16_t fragment;

	if (!has_head(view, p->l3, IP4_HEADER_LEN) || ip[0] >> 4 != 4)
		return PACKET_MALFORMED;
	header_len = (ip[0] & 15u) * 4;
	total_len = load_be16(ip + 2);
	if (header_len < IP4_HEADER_LEN || total_len < header_len)
		return PACKET_MALFORMED;
	if (!has_head(view, p->l3, header_len) || p->l3 + total_len > view->frame_len)
		return PACKET_MALFORMED;
	if (checksum_fold(checksum_add(0, ip, header_len)))
		return PACKET_CHECKSUM;
	fragment = load_be16(ip + 6);
	p->version = 4;
	p->tos = ip[1];
	p->ttl = ip[8];
	p->protocol = ip[9];
	p->fragment_id = load_be16(ip + 4);
	p->may_not_fragment = fragment & IP4_MAY_NOT_FRAGMENT;
	p->has_more_fragments = fragment & IP4_MORE_FRAGMENTS;
	p->fragment_offset = (uint16_t)((fragment & IP4_FRAGMENT_OFFSET) * 8);
	p->is_fragment = p->has_more_fragments || p->fragment_offset;
	p->from = ip_from_bytes4(ip + 12);
	p->to = ip_from_bytes4(ip + 16);
	p->l4 = (uint16_t)(p->l3 + header_len);
	p->end = p->l3 + total_len;
	return parse_l4(view, p);
}

/* RFC 8200 4.5. One that is the whole datagram is none: RFC 6946. */
static void parse_fragment_header(const uint8_t *header, struct packet *p)
{
	uint16_t field = load_be16(header + 2);

	p->fragment_offset = field & ~7;
	p->has_more_fragments = field & IP6_MORE_FRAGMENTS;
	p->is_fragment = p->has_more_fragments || p->fragment_offset;
	p->fragment_id = load_be32(header + 4);
}

/* False: one that cannot be. *ret_len: of the extension header at p->l4, 0 when there is none. */
static bool parse_extension(
	const struct view *view, struct packet *p, bool is_first, uint32_t *ret_len)
{
	const uint8_t *header = view->head + p->l4;

	*ret_len = 0;
	switch (p->protocol) {
	case IP_PROTOCOL_HOP_BY_HOP:
		if (!is_first) /* RFC 8200 4.1 */
			return false;
		break;
	case IP_PROTOCOL_ROUTING:
	case IP_PROTOCOL_DESTINATION:
	case IP_PROTOCOL_FRAGMENT:
		break;
	default:
		return true;
	}
	if (!has_head(view, p->l4, 8))
		return false;
	if (p->protocol == IP_PROTOCOL_FRAGMENT) {
		parse_fragment_header(header, p);
		*ret_len = IP6_FRAGMENT_LEN;
	} else {
		*ret_len = (header[1] + 1u) * 8;
	}
	return true;
}

static bool parse_extensions(const struct view *view, struct packet *p)
{
	uint32_t len;

	for (unsigned i = 0; i <= EXTENSION_HEADERS_MAX; i++) {
		if (!parse_extension(view, p, i == 0, &len) || !has_l4(view, p, len))
			return false;
		if (!len)
			return true;
		p->protocol = view->head[p->l4];
		p->l4 = (uint16_t)(p->l4 + len);
		if (p->fragment_offset)
			return true; /* what follows is from the middle of something */
	}
	return false;
}

static enum packet_result parse_ip6(const struct view *view, struct packet *p)
{
	const uint8_t *ip = view->head + p->l3;

	if (!has_head(view, p->l3, IP6_HEADER_LEN) || ip[0] >> 4 != 6)
		return PACKET_MALFORMED;
	p->version = 6;
	p->tos = (uint8_t)(load_be16(ip) >> 4);
	p->protocol = ip[6];
	p->ttl = ip[7];
	p->from = ip_from_bytes6(ip + 8);
	p->to = ip_from_bytes6(ip + 24);
	p->l4 = p->l3 + IP6_HEADER_LEN;
	p->end = p->l4 + load_be16(ip + 4);
	if (p->end > view->frame_len)
		return PACKET_MALFORMED;
	/* RFC 4291 2.5.5.2: never on the wire, and here they would pass for IPv4 */
	if (ip_is_v4(p->from) || ip_is_v4(p->to))
		return PACKET_MALFORMED;
	if (!parse_extensions(view, p))
		return PACKET_MALFORMED;
	return parse_l4(view, p);
}

enum packet_result packet_parse(
	const uint8_t *head, uint32_t head_len, uint32_t frame_len, struct packet *ret)
{
	struct view view = {.head = head, .head_len = head_len, .frame_len = frame_len};

	*ret = (struct packet){0};
	if (head_len < ETH_HEADER_LEN)
		return PACKET_RUNT;
	if (!parse_tags(&view, ret))
		return PACKET_MALFORMED;
	if (ret->ethertype == ETHERTYPE_IP4)
		return parse_ip4(&view, ret);
	if (ret->ethertype == ETHERTYPE_IP6)
		return parse_ip6(&view, ret);
	return PACKET_OK;
}
