/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The primitives, as WireGuard names them, by libcrypto: X25519 (RFC 7748), BLAKE2s (RFC 7693),
 * HKDF over HMAC-BLAKE2s (RFC 5869); the ciphers are in aead.h. libcrypto fails only where it finds
 * no memory; what has no return value for that ends the program, since nothing sound could follow.
 */
#pragma once

#include "wg/key.h"

#include <openssl/evp.h>
#include <stddef.h>

#define MAC_LEN 16

/* Of X25519: a private key with its public one. Free with EVP_PKEY_free(). */
EVP_PKEY *x25519_pair(const struct wg_key *private);
struct wg_key x25519_public(EVP_PKEY *pair);
/* The shared secret. False: theirs is a point of small order, and *ret is zero. */
bool x25519_agree(EVP_PKEY *mine, const struct wg_key *theirs, struct wg_key *ret) MUST_USE;

struct digest {
	uint8_t bytes[32];
};

/* Of a and then b. */
struct digest blake2s(const void *a, size_t a_len, const void *b, size_t b_len);
/* Keyed, with 16 bytes of output; mac_set_key() once, then any number of these. */
EVP_MAC_CTX *mac_new(void);
void mac_set_key(EVP_MAC_CTX *mac, const void *key, size_t len);
void mac_of(EVP_MAC_CTX *mac, const void *bytes, size_t len, uint8_t ret[MAC_LEN]);

/* HKDF: `count` (1 to 3) keys from the chaining key and what is mixed into it. ret[0] may be
 * *chaining. */
void kdf(struct wg_key *ret, unsigned count, const struct wg_key *chaining, const void *input,
	size_t len);
