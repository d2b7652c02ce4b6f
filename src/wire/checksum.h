/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Internet checksum (RFC 1071). Sums are 32-bit, unfolded, over big-endian 16-bit words as
 * they lie in memory, so that parts add up; checksum_fold() ends one.
 */
#pragma once

#include "wire/address.h"

#include <sys/uio.h>

/* Adds len bytes. A part of odd length may only be the last one: see checksum_add_iov(). */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t len);
/* Adds a scattered buffer, odd parts allowed; skips the first `offset` bytes, takes `len`. */
uint32_t checksum_add_iov(
	uint32_t sum, const struct iovec *parts, unsigned count, size_t offset, size_t len);
/* The pseudo-header of RFC 793 3.1 / RFC 8200 8.1; len: the L4 header and payload, in bytes. */
uint32_t checksum_pseudo(struct ip from, struct ip to, uint8_t protocol, uint32_t len);
/* The value to store in the header (memcpy, already in network order): ~sum, folded. */
uint16_t checksum_fold(uint32_t sum);
/* Corrects a stored checksum (network order) for bytes that changed from old to new (RFC 1624);
 * len is even. */
uint16_t checksum_update(uint16_t stored, const void *old_bytes, const void *new_bytes, size_t len);
