/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UDP (RFC 768). */
#pragma once

#include "base/bytes.h"
#include "wire/address.h"

#define UDP_HEADER_LEN	    8
#define UDP_CHECKSUM_OFFSET 6

/* The header alone, with the checksum over the payload that will follow it. */
void write_udp(struct writer *w, const struct endpoint *from, const struct endpoint *to,
	const void *payload, uint32_t len);
