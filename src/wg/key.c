/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/key.h"

#include "base/random.h"
#include "wg/crypto.h"

#include <openssl/crypto.h>
#include <string.h>

#define TEXT_LEN (WG_KEY_TEXT_SIZE - 1) /* 43 digits and a '=' */

/* All ones when a <= v <= b, else 0; of small numbers. */
static unsigned mask_between(unsigned a, unsigned v, unsigned b)
{
	return (((v - a) | (b - v)) >> 31) - 1u;
}

/* RFC 4648 4 as arithmetic: no table and no branch depends on what is secret. */
static char digit_of(unsigned value)
{
	unsigned digit = mask_between(0, value, 25) & (value + 'A');

	digit |= mask_between(26, value, 51) & (value - 26 + 'a');
	digit |= mask_between(52, value, 61) & (value - 52 + '0');
	digit |= mask_between(62, value, 62) & '+';
	digit |= mask_between(63, value, 63) & '/';
	return (char)digit;
}

/* One more than the digit's value; 0: it is none. */
static unsigned value_after(char digit)
{
	unsigned c = (uint8_t)digit, value = mask_between('A', c, 'Z') & (c - 'A' + 1);

	value |= mask_between('a', c, 'z') & (c - 'a' + 27);
	value |= mask_between('0', c, '9') & (c - '0' + 53);
	value |= mask_between('+', c, '+') & 63;
	value |= mask_between('/', c, '/') & 64;
	return value;
}

bool wg_key_parse(const char *text, struct wg_key *ret)
{
	struct wg_key key;
	unsigned bits = 0, bit_count = 0, len = 0, bad = 0;

	if (strlen(text) != TEXT_LEN || text[TEXT_LEN - 1] != '=')
		return false;
	for (unsigned i = 0; i < TEXT_LEN - 1; i++) {
		unsigned value = value_after(text[i]);

		bad |= value - 1;
		bits = bits << 6 | ((value - 1) & 63);
		bit_count += 6;
		if (bit_count >= 8)
			key.bytes[len++] = (uint8_t)(bits >> (bit_count -= 8));
	}
	bad = (bad & ~63u) | (bits & 3); /* the last two bits stand for nothing */
	if (!bad)
		*ret = key;
	wg_key_wipe(&key);
	return !bad;
}

char *wg_key_format(const struct wg_key *key, char text[WG_KEY_TEXT_SIZE])
{
	unsigned bits = 0, bit_count = 0, len = 0;

	for (unsigned i = 0; i < WG_KEY_LEN; i++) {
		bits = bits << 8 | key->bytes[i];
		for (bit_count += 8; bit_count >= 6; bit_count -= 6)
			text[len++] = digit_of(bits >> (bit_count - 6) & 63);
	}
	text[len++] = digit_of(bits << (6 - bit_count) & 63);
	text[len++] = '=';
	text[len] = '\0';
	return text;
}

void wg_key_clamp(struct wg_key *private)
{
	private->bytes[0] &= 248;
	private->bytes[31] = (uint8_t)((private->bytes[31] & 127) | 64);
}

void wg_key_make_private(struct wg_key *ret)
{
	random_bytes(ret->bytes, sizeof(ret->bytes));
	wg_key_clamp(ret);
}

void wg_key_make_preshared(struct wg_key *ret)
{
	random_bytes(ret->bytes, sizeof(ret->bytes));
}

struct wg_key wg_key_public(const struct wg_key *private)
{
	EVP_PKEY *pair = x25519_pair(private);
	struct wg_key public = x25519_public(pair);

	EVP_PKEY_free(pair);
	return public;
}

bool wg_key_equal(const struct wg_key *a, const struct wg_key *b)
{
	return !CRYPTO_memcmp(a, b, sizeof(*a));
}

bool wg_key_is_zero(const struct wg_key *key)
{
	static const struct wg_key zero;

	return wg_key_equal(key, &zero);
}

void wg_key_wipe(struct wg_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}
