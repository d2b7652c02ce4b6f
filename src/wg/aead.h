/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ChaCha20-Poly1305 (RFC 8439) with WireGuard's nonces, and XChaCha20-Poly1305 for cookies. */
#pragma once

#include "wg/crypto.h"

#define TAG_LEN	   16
#define XNONCE_LEN 24

/* A context for one key and direction; NULL: out of memory. Free with EVP_CIPHER_CTX_free(). */
EVP_CIPHER_CTX *aead_sealer(const struct wg_key *key);
EVP_CIPHER_CTX *aead_opener(const struct wg_key *key);
/* In place, the tag behind it: bytes has len + TAG_LEN of room. */
bool aead_seal(EVP_CIPHER_CTX *sealer, uint64_t counter, uint8_t *bytes, size_t len) MUST_USE;
/* In place; len is without the tag. False: forged, and bytes are not to be used. */
bool aead_open(EVP_CIPHER_CTX *opener, uint64_t counter, uint8_t *bytes, size_t len) MUST_USE;

/* Once, counter 0, authenticating a digest as well. */
bool aead_seal_once(const struct wg_key *key, const struct digest *aad, const void *in, size_t len,
	uint8_t *out) MUST_USE;
bool aead_open_once(const struct wg_key *key, const struct digest *aad, const uint8_t *in,
	size_t len, void *out) MUST_USE;

/* Of a cookie: 16 bytes, a random nonce, a MAC authenticated as well. */
bool xaead_seal(const struct wg_key *key, const uint8_t nonce[XNONCE_LEN],
	const uint8_t aad[MAC_LEN], const uint8_t in[MAC_LEN],
	uint8_t out[MAC_LEN + TAG_LEN]) MUST_USE;
bool xaead_open(const struct wg_key *key, const uint8_t nonce[XNONCE_LEN],
	const uint8_t aad[MAC_LEN], const uint8_t in[MAC_LEN + TAG_LEN],
	uint8_t out[MAC_LEN]) MUST_USE;
