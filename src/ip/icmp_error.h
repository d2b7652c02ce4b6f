/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors (RFC 792, RFC 4443): which packets there may be one about, how many, and what it
 * looks like. Who may send it, and where to, is for those who do.
 */
#pragma once

#include "base/time.h"
#include "hub/frame.h"
#include "wire/packet.h"

struct icmp_error {
	struct ip from; /* it goes to whom the packet is from */
	uint8_t type, code;
	uint32_t rest; /* the four bytes behind the checksum */
	uint16_t id;   /* IPv4 */
};

/* Whether the packet is an ICMP error, or might be one for all that can be seen of it. */
bool is_icmp_error(const struct frame *frame, const struct packet *packet);
/* RFC 1122 3.2.2, RFC 4443 2.4(e), as far as the packet tells: not about errors, nor about pieces
 * behind the first. */
bool icmp_error_may_be(const struct frame *frame, const struct packet *packet);
/* RFC 1812 4.3.2.8, RFC 4443 2.4(f): a hundred a second, and as many at once. *full_at: whoever
 * sends them begins with 0. False: not this one. */
bool icmp_error_take_token(nsec *full_at, nsec now);

/* How much of the packet it quotes: RFC 1812 4.3.2.3, RFC 4443 2.4(c). */
uint32_t icmp_error_quote_len(const struct packet *packet);
/* Its length, with the IP header. */
uint32_t icmp_error_len(const struct packet *packet);
void icmp_error_write(uint8_t *bytes, const struct icmp_error *error, const struct frame *frame,
	const struct packet *packet);
