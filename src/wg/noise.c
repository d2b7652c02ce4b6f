/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/noise.h"

#include "base/bytes.h"

#include <openssl/crypto.h>

#define CONSTRUCTION "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
#define IDENTIFIER   "WireGuard v1 zx2c4 Jason@zx2c4.com"

static struct digest first_chaining(void)
{
	return blake2s(CONSTRUCTION, strlen(CONSTRUCTION), NULL, 0);
}

static struct digest hash_for(const struct wg_key *responder)
{
	struct digest hash = first_chaining();

	hash = blake2s(hash.bytes, sizeof(hash.bytes), IDENTIFIER, strlen(IDENTIFIER));
	return blake2s(hash.bytes, sizeof(hash.bytes), responder->bytes, sizeof(responder->bytes));
}

void noise_identity_init(struct noise_identity *identity, const struct wg_key *private)
{
	identity->pair = x25519_pair(private);
	identity->public = x25519_public(identity->pair);
	identity->hash = hash_for(&identity->public);
}

void noise_identity_done(struct noise_identity *identity)
{
	EVP_PKEY_free(identity->pair);
	*identity = (struct noise_identity){0};
}

void noise_remote_init(struct noise_remote *remote, const struct wg_key *public)
{
	remote->public = *public;
	remote->hash = hash_for(public);
}

bool noise_remote_meet(struct noise_remote *remote, const struct noise_identity *identity)
{
	return x25519_agree(identity->pair, &remote->public, &remote->static_static);
}

void noise_remote_done(struct noise_remote *remote)
{
	OPENSSL_cleanse(remote, sizeof(*remote));
}

void noise_handshake_wipe(struct noise_handshake *handshake)
{
	OPENSSL_cleanse(handshake, sizeof(*handshake));
}

/* The paper's steps, on the handshake's chaining key and hash. */

static void begin(struct noise_handshake *handshake, const struct digest *hash)
{
	struct digest chaining = first_chaining();

	memcpy(handshake->chaining.bytes, chaining.bytes, sizeof(chaining.bytes));
	handshake->hash = *hash;
}

static void mix_hash(struct noise_handshake *handshake, const void *bytes, size_t len)
{
	handshake->hash = blake2s(handshake->hash.bytes, sizeof(handshake->hash.bytes), bytes, len);
}

static void mix_key(struct noise_handshake *handshake, const void *bytes, size_t len)
{
	kdf(&handshake->chaining, 1, &handshake->chaining, bytes, len);
}

static void mix_ephemeral(struct noise_handshake *handshake, const uint8_t public[WG_KEY_LEN])
{
	mix_key(handshake, public, WG_KEY_LEN);
	mix_hash(handshake, public, WG_KEY_LEN);
}

/* Mixes a shared secret in and gives the key of what comes next. */
static struct wg_key mix_secret(struct noise_handshake *handshake, const struct wg_key *secret)
{
	struct wg_key keys[2];

	kdf(keys, 2, &handshake->chaining, secret->bytes, sizeof(secret->bytes));
	handshake->chaining = keys[0];
	wg_key_wipe(&keys[0]);
	return keys[1];
}

static bool mix_agreed(struct noise_handshake *handshake, EVP_PKEY *mine,
	const struct wg_key *theirs, struct wg_key *ret_key)
{
	struct wg_key secret;
	bool is_good = x25519_agree(mine, theirs, &secret);

	*ret_key = mix_secret(handshake, &secret);
	wg_key_wipe(&secret);
	return is_good;
}

static struct wg_key mix_preshared(
	struct noise_handshake *handshake, const struct wg_key *preshared)
{
	struct wg_key keys[3], key;

	kdf(keys, 3, &handshake->chaining, preshared->bytes, sizeof(preshared->bytes));
	handshake->chaining = keys[0];
	mix_hash(handshake, keys[1].bytes, sizeof(keys[1].bytes));
	key = keys[2];
	OPENSSL_cleanse(keys, sizeof(keys));
	return key;
}

/* Seals len bytes to out, and mixes in what others see. */
static bool seal_and_mix(struct noise_handshake *handshake, struct wg_key *key, const void *bytes,
	size_t len, uint8_t *out)
{
	bool is_good = aead_seal_once(key, &handshake->hash, bytes, len, out);

	wg_key_wipe(key);
	mix_hash(handshake, out, len + TAG_LEN);
	return is_good;
}

static bool open_and_mix(struct noise_handshake *handshake, struct wg_key *key,
	const uint8_t *sealed, size_t len, void *out)
{
	bool is_good = aead_open_once(key, &handshake->hash, sealed, len, out);

	wg_key_wipe(key);
	mix_hash(handshake, sealed, len + TAG_LEN);
	return is_good;
}

bool noise_write_initiation(struct noise_handshake *handshake,
	const struct noise_identity *identity, const struct noise_remote *remote,
	const uint8_t timestamp[TIMESTAMP_LEN], struct message_initiation *ret)
{
	EVP_PKEY *ephemeral = x25519_pair(&handshake->ephemeral);
	struct wg_key public = x25519_public(ephemeral), key;
	bool is_good;

	ret->type_le = MESSAGE_INITIATION;
	memcpy(ret->ephemeral, public.bytes, sizeof(ret->ephemeral));
	begin(handshake, &remote->hash);
	mix_ephemeral(handshake, ret->ephemeral);
	is_good = mix_agreed(handshake, ephemeral, &remote->public, &key) &&
		  seal_and_mix(
			  handshake, &key, identity->public.bytes, WG_KEY_LEN, ret->sealed_static);
	EVP_PKEY_free(ephemeral);
	if (!is_good)
		return false;
	key = mix_secret(handshake, &remote->static_static);
	return seal_and_mix(handshake, &key, timestamp, TIMESTAMP_LEN, ret->sealed_timestamp);
}

bool noise_read_static(struct noise_handshake *handshake, const struct noise_identity *identity,
	const struct message_initiation *message, struct wg_key *ret_public)
{
	struct wg_key key;

	memcpy(handshake->remote_ephemeral.bytes, message->ephemeral, WG_KEY_LEN);
	begin(handshake, &identity->hash);
	mix_ephemeral(handshake, message->ephemeral);
	return mix_agreed(handshake, identity->pair, &handshake->remote_ephemeral, &key) &&
	       open_and_mix(handshake, &key, message->sealed_static, WG_KEY_LEN, ret_public->bytes);
}

bool noise_read_timestamp(struct noise_handshake *handshake, const struct noise_remote *remote,
	const struct message_initiation *message, uint8_t ret_timestamp[TIMESTAMP_LEN])
{
	struct wg_key key = mix_secret(handshake, &remote->static_static);

	return open_and_mix(
		handshake, &key, message->sealed_timestamp, TIMESTAMP_LEN, ret_timestamp);
}

bool noise_write_response(struct noise_handshake *handshake, const struct noise_remote *remote,
	struct message_response *ret)
{
	EVP_PKEY *ephemeral = x25519_pair(&handshake->ephemeral);
	struct wg_key public = x25519_public(ephemeral), key;
	bool is_good;

	ret->type_le = MESSAGE_RESPONSE;
	memcpy(ret->ephemeral, public.bytes, sizeof(ret->ephemeral));
	mix_ephemeral(handshake, ret->ephemeral);
	is_good = mix_agreed(handshake, ephemeral, &handshake->remote_ephemeral, &key) &&
		  mix_agreed(handshake, ephemeral, &remote->public, &key);
	EVP_PKEY_free(ephemeral);
	key = mix_preshared(handshake, &remote->preshared);
	return seal_and_mix(handshake, &key, "", 0, ret->sealed_nothing) && is_good;
}

static bool read_response(struct noise_handshake *handshake, const struct noise_identity *identity,
	const struct noise_remote *remote, const struct message_response *message)
{
	EVP_PKEY *ephemeral = x25519_pair(&handshake->ephemeral);
	struct wg_key theirs, key;
	uint8_t nothing[1];
	bool is_good;

	memcpy(theirs.bytes, message->ephemeral, sizeof(theirs.bytes));
	mix_ephemeral(handshake, message->ephemeral);
	is_good = mix_agreed(handshake, ephemeral, &theirs, &key) &&
		  mix_agreed(handshake, identity->pair, &theirs, &key);
	EVP_PKEY_free(ephemeral);
	key = mix_preshared(handshake, &remote->preshared);
	return open_and_mix(handshake, &key, message->sealed_nothing, 0, nothing) && is_good;
}

bool noise_read_response(struct noise_handshake *handshake, const struct noise_identity *identity,
	const struct noise_remote *remote, const struct message_response *message)
{
	struct noise_handshake copy = *handshake;
	bool is_good = read_response(&copy, identity, remote, message);

	if (is_good)
		*handshake = copy;
	noise_handshake_wipe(&copy);
	return is_good;
}

void noise_split(struct noise_handshake *handshake, struct noise_keys *ret)
{
	struct wg_key keys[2];

	kdf(keys, 2, &handshake->chaining, NULL, 0);
	ret->first = keys[0];
	ret->second = keys[1];
	OPENSSL_cleanse(keys, sizeof(keys));
	noise_handshake_wipe(handshake);
}
