/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a packet within a session is, by its first four bits: IP as every WireGuard speaks it, or
 * what only Lanyard does, to peers that announced it.
 *
 *   4, 6  an IP packet
 *   1     an Ethernet frame behind this header:
 *           0     4        8          16                 32                48
 *           | 1   | flags  | hops     | length of bytes  | segment         |
 *         and, where flags has LINK_FRAGMENT, the piece's place:
 *           | number           | last | offset in 2 bytes |
 *   2     control (control.h)
 *   3     EtherIP (RFC 3378): two bytes 0x3000, a frame
 */
#pragma once

#include "base/attr.h"
#include "base/bytes.h"

#define LINK_HEADER_LEN	  6
#define LINK_FRAGMENT_LEN 4
#define LINK_HOPS	  16 /* links that a frame may cross */

enum link_nibble {
	LINK_FRAME = 1,
	LINK_CONTROL = 2,
	LINK_ETHERIP = 3,
	LINK_IP4 = 4,
	LINK_IP6 = 6,
};

enum link_flag {
	LINK_FRAGMENT = 8,
	LINK_UNSUMMED = 1, /* TCP or UDP whose checksum is only that of the pseudo-header */
};

struct link_header {
	uint8_t flags; /* enum link_flag */
	uint8_t hops;  /* links that it may cross from here on, this one among them */
	uint16_t len;  /* of what follows the header; a session may put zeros behind it */
	uint16_t segment;
	/* Of a fragment. */
	uint16_t number;
	bool is_last;
	uint32_t offset; /* bytes, even */
};

/* The header's length; out has LINK_HEADER_LEN + LINK_FRAGMENT_LEN of room. */
size_t link_header_write(const struct link_header *header, uint8_t *out);
/* What follows it, header->len bytes; NULL: it cannot be. */
const uint8_t *link_header_read(
	const uint8_t *packet, size_t len, struct link_header *ret_header) MUST_USE;
