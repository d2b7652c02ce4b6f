/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP (RFC 792), ICMPv6 (RFC 4443) and Neighbour Discovery (RFC 4861): types and codes. */
#pragma once

/* Type, code, checksum and four bytes that depend on them. */
#define ICMP_HEADER_LEN 8

enum icmp_type {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12,
};

enum icmp_unreachable_code {
	ICMP_NET_UNREACHABLE = 0,
	ICMP_HOST_UNREACHABLE = 1,
	ICMP_PROTOCOL_UNREACHABLE = 2,
	ICMP_PORT_UNREACHABLE = 3,
	ICMP_TOO_BIG = 4,	 /* "fragmentation needed"; RFC 1191 4: MTU in the last 16 bits */
	ICMP_NET_PROHIBITED = 9, /* RFC 1122 3.2.2.1 */
	ICMP_HOST_PROHIBITED = 10,
	ICMP_PROHIBITED = 13, /* RFC 1812 5.2.7.1 */
};

enum icmp_time_exceeded_code {
	ICMP_TTL_EXCEEDED = 0,
	ICMP_REASSEMBLY_EXCEEDED = 1,
};

enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2, /* MTU in the 32 bits behind the checksum */
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER_PROBLEM = 4,
	ICMP6_ECHO_REQUEST = 128, /* the first that is not an error */
	ICMP6_ECHO_REPLY = 129,
	ICMP6_MLD_QUERY = 130,
	ICMP6_MLD_REPORT = 131,
	ICMP6_MLD_DONE = 132,
	ICMP6_ROUTER_SOLICIT = 133,
	ICMP6_ROUTER_ADVERT = 134,
	ICMP6_NEIGHBOUR_SOLICIT = 135,
	ICMP6_NEIGHBOUR_ADVERT = 136,
	ICMP6_REDIRECT = 137,
	ICMP6_MLD2_REPORT = 143, /* RFC 3810 */
};

enum icmp6_unreachable_code {
	ICMP6_NO_ROUTE = 0,
	ICMP6_PROHIBITED = 1,
	ICMP6_BEYOND_SCOPE = 2,
	ICMP6_ADDRESS_UNREACHABLE = 3,
	ICMP6_PORT_UNREACHABLE = 4,
};

enum icmp6_time_exceeded_code {
	ICMP6_HOP_LIMIT_EXCEEDED = 0,
	ICMP6_REASSEMBLY_EXCEEDED = 1,
};

/* RFC 4861 4.3, 4.4: type, code, checksum, flags, target address; options follow. */
#define ND_NEIGHBOUR_LEN 24
#define ND_HOP_LIMIT	 255 /* RFC 4861 7.1: anything less came through a router */

enum nd_neighbour_flags { /* of an advertisement, in the byte behind the checksum */
	ND_FROM_ROUTER = 0x80,
	ND_SOLICITED = 0x40,
	ND_OVERRIDE = 0x20,
};

enum nd_option { /* RFC 4861 4.6: type, length in units of 8 bytes, value */
	ND_OPTION_SOURCE_MAC = 1,
	ND_OPTION_TARGET_MAC = 2,
	ND_OPTION_PREFIX = 3,
	ND_OPTION_REDIRECTED = 4,
	ND_OPTION_MTU = 5,
	ND_OPTION_DNS_SERVERS = 25, /* RFC 8106 5.1 */
	ND_OPTION_DNS_SEARCH = 31,
};
