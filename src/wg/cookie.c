/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/cookie.h"

#include "base/bytes.h"
#include "base/random.h"

#include <openssl/crypto.h>

#define LABEL_MAC1   "mac1----"
#define LABEL_COOKIE "cookie--"
#define LABEL_LEN    8

static struct wg_key labelled_key(const char *label, const struct wg_key *public)
{
	struct digest digest = blake2s(label, LABEL_LEN, public->bytes, sizeof(public->bytes));
	struct wg_key key;

	memcpy(key.bytes, digest.bytes, sizeof(key.bytes));
	return key;
}

void cookie_checker_init(
	struct cookie_checker *checker, const struct wg_key *public, const struct wg_timing *timing)
{
	struct wg_key mac1_key = labelled_key(LABEL_MAC1, public);

	*checker = (struct cookie_checker){.mac1 = mac_new(),
		.cookie = mac_new(),
		.scratch = mac_new(),
		.cookie_key = labelled_key(LABEL_COOKIE, public),
		.secret_at = -NSEC_NEVER,
		.timing = timing};
	mac_set_key(checker->mac1, mac1_key.bytes, sizeof(mac1_key.bytes));
}

void cookie_checker_done(struct cookie_checker *checker)
{
	EVP_MAC_CTX_free(checker->mac1);
	EVP_MAC_CTX_free(checker->cookie);
	EVP_MAC_CTX_free(checker->scratch);
	OPENSSL_cleanse(checker, sizeof(*checker));
}

static const struct message_macs *macs_of(const void *message, size_t len)
{
	return (const void *)((const uint8_t *)message + len - sizeof(struct message_macs));
}

bool cookie_mac1_is_good(struct cookie_checker *checker, const void *message, size_t len)
{
	uint8_t mac1[MAC_LEN];

	mac_of(checker->mac1, message, len - sizeof(struct message_macs), mac1);
	return !CRYPTO_memcmp(mac1, macs_of(message, len)->mac1, sizeof(mac1));
}

static void make_cookie(
	struct cookie_checker *checker, const struct endpoint *from, nsec now, uint8_t ret[MAC_LEN])
{
	uint8_t where[sizeof(from->ip.bytes) + sizeof(from->port)];

	if (now >= checker->secret_at + checker->timing->cookie_age) {
		struct wg_key secret;

		random_bytes(secret.bytes, sizeof(secret.bytes));
		mac_set_key(checker->cookie, secret.bytes, sizeof(secret.bytes));
		wg_key_wipe(&secret);
		checker->secret_at = now;
	}
	memcpy(where, from->ip.bytes, sizeof(from->ip.bytes));
	store_be16(where + sizeof(from->ip.bytes), from->port);
	mac_of(checker->cookie, where, sizeof(where), ret);
}

bool cookie_mac2_is_good(struct cookie_checker *checker, const void *message, size_t len,
	const struct endpoint *from, nsec now)
{
	static const uint8_t none[MAC_LEN];
	uint8_t cookie[MAC_LEN], mac2[MAC_LEN];

	if (!memcmp(macs_of(message, len)->mac2, none, sizeof(none)))
		return false; /* whoever has no cookie leaves it empty: it costs nothing to see */
	make_cookie(checker, from, now, cookie);
	mac_set_key(checker->scratch, cookie, sizeof(cookie));
	mac_of(checker->scratch, message, len - sizeof(mac2), mac2);
	return !CRYPTO_memcmp(mac2, macs_of(message, len)->mac2, sizeof(mac2));
}

bool cookie_write_reply(struct cookie_checker *checker, const void *message, size_t len,
	const struct endpoint *from, nsec now, struct message_cookie *ret)
{
	uint8_t cookie[MAC_LEN];

	make_cookie(checker, from, now, cookie);
	ret->type_le = MESSAGE_COOKIE;
	memcpy(&ret->receiver_le, (const uint8_t *)message + sizeof(ret->type_le),
		sizeof(ret->receiver_le)); /* its sender */
	random_bytes(ret->nonce, sizeof(ret->nonce));
	return xaead_seal(&checker->cookie_key, ret->nonce, macs_of(message, len)->mac1, cookie,
		ret->sealed_cookie);
}

void cookie_jar_init(struct cookie_jar *jar, const struct wg_key *public)
{
	*jar = (struct cookie_jar){.mac1_key = labelled_key(LABEL_MAC1, public),
		.cookie_key = labelled_key(LABEL_COOKIE, public)};
}

void cookie_jar_done(struct cookie_jar *jar)
{
	OPENSSL_cleanse(jar, sizeof(*jar));
}

void cookie_write_macs(struct cookie_jar *jar, EVP_MAC_CTX *scratch, const struct wg_timing *timing,
	void *message, size_t len, nsec now)
{
	struct message_macs *macs = (void *)((uint8_t *)message + len -
					     sizeof(struct message_macs));

	mac_set_key(scratch, jar->mac1_key.bytes, sizeof(jar->mac1_key.bytes));
	mac_of(scratch, message, len - sizeof(*macs), macs->mac1);
	memcpy(jar->sent_mac1, macs->mac1, sizeof(jar->sent_mac1));
	jar->has_sent = true;
	memset(macs->mac2, 0, sizeof(macs->mac2));
	if (!jar->has_cookie || now >= jar->cookie_at + timing->cookie_age - timing->cookie_latency)
		return;
	mac_set_key(scratch, jar->cookie, sizeof(jar->cookie));
	mac_of(scratch, message, len - sizeof(macs->mac2), macs->mac2);
}

bool cookie_read_reply(struct cookie_jar *jar, const struct message_cookie *message, nsec now)
{
	uint8_t cookie[MAC_LEN];

	if (!jar->has_sent || !xaead_open(&jar->cookie_key, message->nonce, jar->sent_mac1,
				      message->sealed_cookie, cookie))
		return false;
	memcpy(jar->cookie, cookie, sizeof(jar->cookie));
	jar->cookie_at = now;
	jar->has_cookie = true;
	jar->has_sent = false; /* one answer to each */
	return true;
}
