/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyed hashes: whoever chooses the input cannot choose the bucket. SipHash-2-4 (Aumasson and
 * Bernstein, 2012) for keys that outlive a run (MAC addresses, sequence numbers), a 128-bit
 * multiply for look-ups on the data path.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_key {
	uint64_t a, b;
};

uint64_t hash_sip(const struct hash_key *key, const void *bytes, size_t len);

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 wide = (unsigned __int128)a * b;

	return (uint64_t)wide ^ (uint64_t)(wide >> 64);
}

/* For tables only: fast, keyed, not a promise beyond that. */
static inline uint64_t hash_u64(const struct hash_key *key, uint64_t v)
{
	return hash_mix(v ^ key->a, key->b | 1);
}

/* words: a key whose size is a whole number of 64-bit words, without padding. */
static inline uint64_t hash_words(const struct hash_key *key, const void *words, size_t count)
{
	const uint8_t *at = words;
	uint64_t h = key->a, v;

	for (size_t i = 0; i < count; i++) {
		memcpy(&v, at + i * 8, 8);
		h = hash_mix(h ^ v, key->b | 1);
	}
	return h;
}
