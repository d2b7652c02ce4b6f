/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#define BLAKE2S_BLOCK_LEN 64

/* Looked up once: that costs as much as using them. */
static struct {
	EVP_MD *blake2s;
	EVP_MAC *blake2s_mac;
} algorithms;

static void must(bool is_done)
{
	if (!is_done)
		abort();
}

static void find_algorithms(void)
{
	algorithms.blake2s = EVP_MD_fetch(NULL, "BLAKE2S-256", NULL);
	algorithms.blake2s_mac = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);
	must(algorithms.blake2s && algorithms.blake2s_mac);
}

static void need_algorithms(void)
{
	static once_flag once = ONCE_FLAG_INIT;

	call_once(&once, find_algorithms);
}

EVP_PKEY *x25519_pair(const struct wg_key *private)
{
	EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_X25519, NULL, private->bytes, sizeof(private->bytes));

	must(pair);
	return pair;
}

struct wg_key x25519_public(EVP_PKEY *pair)
{
	struct wg_key public;
	size_t len = sizeof(public.bytes);

	must(EVP_PKEY_get_raw_public_key(pair, public.bytes, &len) == 1);
	return public;
}

bool x25519_agree(EVP_PKEY *mine, const struct wg_key *theirs, struct wg_key *ret)
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(
		EVP_PKEY_X25519, NULL, theirs->bytes, sizeof(theirs->bytes));
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(mine, NULL);
	size_t len = sizeof(ret->bytes);
	bool is_good;

	must(public && context && EVP_PKEY_derive_init(context) == 1);
	is_good = EVP_PKEY_derive_set_peer(context, public) == 1 &&
		  EVP_PKEY_derive(context, ret->bytes, &len) == 1;
	if (!is_good)
		wg_key_wipe(ret);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(public);
	return is_good;
}

struct digest blake2s(const void *a, size_t a_len, const void *b, size_t b_len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct digest digest = {0};

	need_algorithms();
	must(context && EVP_DigestInit_ex(context, algorithms.blake2s, NULL) == 1 &&
		EVP_DigestUpdate(context, a, a_len) == 1 &&
		EVP_DigestUpdate(context, b, b_len) == 1 &&
		EVP_DigestFinal_ex(context, digest.bytes, NULL) == 1);
	EVP_MD_CTX_free(context);
	return digest;
}

EVP_MAC_CTX *mac_new(void)
{
	EVP_MAC_CTX *mac;

	need_algorithms();
	mac = EVP_MAC_CTX_new(algorithms.blake2s_mac);
	must(mac);
	return mac;
}

void mac_set_key(EVP_MAC_CTX *mac, const void *key, size_t len)
{
	size_t size = MAC_LEN;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_END};

	must(EVP_MAC_init(mac, key, len, params) == 1);
}

void mac_of(EVP_MAC_CTX *mac, const void *bytes, size_t len, uint8_t ret[MAC_LEN])
{
	size_t size;

	must(EVP_MAC_init(mac, NULL, 0, NULL) == 1 && EVP_MAC_update(mac, bytes, len) == 1 &&
		EVP_MAC_final(mac, ret, &size, MAC_LEN) == 1);
}

/* RFC 2104, of a and then one byte. */
static struct wg_key hmac(
	const struct wg_key *key, const void *a, size_t a_len, uint8_t b, size_t b_len)
{
	uint8_t inner[BLAKE2S_BLOCK_LEN + 64], outer[BLAKE2S_BLOCK_LEN];
	struct wg_key mac;
	struct digest digest;

	must(a_len + b_len <= sizeof(inner) - BLAKE2S_BLOCK_LEN);
	memset(inner, 0x36, BLAKE2S_BLOCK_LEN);
	memset(outer, 0x5c, sizeof(outer));
	for (unsigned i = 0; i < WG_KEY_LEN; i++) {
		inner[i] ^= key->bytes[i];
		outer[i] ^= key->bytes[i];
	}
	if (a_len)
		memcpy(inner + BLAKE2S_BLOCK_LEN, a, a_len);
	inner[BLAKE2S_BLOCK_LEN + a_len] = b;
	digest = blake2s(inner, BLAKE2S_BLOCK_LEN + a_len + b_len, NULL, 0);
	digest = blake2s(outer, sizeof(outer), digest.bytes, sizeof(digest.bytes));
	memcpy(mac.bytes, digest.bytes, sizeof(mac.bytes));
	OPENSSL_cleanse(inner, sizeof(inner));
	OPENSSL_cleanse(outer, sizeof(outer));
	OPENSSL_cleanse(&digest, sizeof(digest));
	return mac;
}

void kdf(struct wg_key *ret, unsigned count, const struct wg_key *chaining, const void *input,
	size_t len)
{
	struct wg_key secret = hmac(chaining, input, len, 0, 0);

	for (unsigned i = 0; i < count; i++)
		ret[i] = hmac(&secret, i ? ret[i - 1].bytes : NULL, i ? WG_KEY_LEN : 0,
			(uint8_t)(i + 1), 1);
	wg_key_wipe(&secret);
}
