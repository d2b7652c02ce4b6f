/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 (RFC 791) and IPv6 (RFC 8200) headers: numbers, and writing them. */
#pragma once

#include "base/bytes.h"
#include "wire/address.h"

#define IP4_HEADER_LEN 20
#define IP6_HEADER_LEN 40
#define IP4_MTU_MIN    68
#define IP6_MTU_MIN    1280

enum ip_protocol {
	IP_PROTOCOL_HOP_BY_HOP = 0,
	IP_PROTOCOL_ICMP = 1,
	IP_PROTOCOL_IGMP = 2,
	IP_PROTOCOL_TCP = 6,
	IP_PROTOCOL_UDP = 17,
	IP_PROTOCOL_ROUTING = 43,
	IP_PROTOCOL_FRAGMENT = 44,
	IP_PROTOCOL_ICMP6 = 58,
	IP_PROTOCOL_NONE = 59,
	IP_PROTOCOL_DESTINATION = 60,
};

/* What the writers below put in a header; the family is that of `to` (and of `from`). */
struct ip_fields {
	struct ip from, to;
	uint8_t protocol, ttl, tos;
	bool may_not_fragment; /* IPv4 DF */
	uint16_t id;	       /* IPv4 identification */
	uint16_t fragment;    /* IPv4: flags and offset, to be OR-ed in as they lie in the header */
	uint32_t payload_len; /* bytes after this header */
};

static inline unsigned ip_header_len(struct ip to)
{
	return ip_is_v4(to) ? IP4_HEADER_LEN : IP6_HEADER_LEN;
}

/* Without options or extension headers; the IPv4 header checksum is filled in. */
void write_ip(struct writer *w, const struct ip_fields *fields);
