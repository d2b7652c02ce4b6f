/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/aead.h"

#include "base/bytes.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <threads.h>

#define NONCE_LEN 12

/* Looked up once: that costs as much as using them. */
static struct {
	EVP_CIPHER *aead, *chacha20;
} ciphers;

static void find_ciphers(void)
{
	ciphers.aead = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	ciphers.chacha20 = EVP_CIPHER_fetch(NULL, "ChaCha20", NULL);
	if (!ciphers.aead || !ciphers.chacha20)
		abort();
}

static void need_ciphers(void)
{
	static once_flag once = ONCE_FLAG_INIT;

	call_once(&once, find_ciphers);
}

static EVP_CIPHER_CTX *aead_new(const struct wg_key *key, int is_sealer)
{
	EVP_CIPHER_CTX *aead = EVP_CIPHER_CTX_new();

	need_ciphers();
	if (aead && EVP_CipherInit_ex(aead, ciphers.aead, NULL, key->bytes, NULL, is_sealer) == 1)
		return aead;
	EVP_CIPHER_CTX_free(aead);
	return NULL;
}

EVP_CIPHER_CTX *aead_sealer(const struct wg_key *key)
{
	return aead_new(key, 1);
}

EVP_CIPHER_CTX *aead_opener(const struct wg_key *key)
{
	return aead_new(key, 0);
}

static bool set_nonce(EVP_CIPHER_CTX *aead, uint64_t counter)
{
	uint8_t nonce[NONCE_LEN] = {0};

	store_le64(nonce + 4, counter);
	return EVP_CipherInit_ex(aead, NULL, NULL, NULL, nonce, -1) == 1;
}

static bool add_aad(EVP_CIPHER_CTX *aead, const void *aad, size_t len)
{
	int done;

	return EVP_CipherUpdate(aead, NULL, &done, aad, (int)len) == 1;
}

static bool seal(EVP_CIPHER_CTX *sealer, const void *in, size_t len, uint8_t *out)
{
	int done;

	return (!len || EVP_EncryptUpdate(sealer, out, &done, in, (int)len) == 1) &&
	       EVP_EncryptFinal_ex(sealer, out + len, &done) == 1 &&
	       EVP_CIPHER_CTX_ctrl(sealer, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, out + len) == 1;
}

static bool open_sealed(EVP_CIPHER_CTX *opener, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t rest[1];
	int done;

	return EVP_CIPHER_CTX_ctrl(opener, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, (void *)(in + len)) ==
		       1 &&
	       (!len || EVP_DecryptUpdate(opener, out, &done, in, (int)len) == 1) &&
	       EVP_DecryptFinal_ex(opener, rest, &done) == 1;
}

bool aead_seal(EVP_CIPHER_CTX *sealer, uint64_t counter, uint8_t *bytes, size_t len)
{
	return set_nonce(sealer, counter) && seal(sealer, bytes, len, bytes);
}

bool aead_open(EVP_CIPHER_CTX *opener, uint64_t counter, uint8_t *bytes, size_t len)
{
	return set_nonce(opener, counter) && open_sealed(opener, bytes, len, bytes);
}

bool aead_seal_once(const struct wg_key *key, const struct digest *aad, const void *in, size_t len,
	uint8_t *out)
{
	EVP_CIPHER_CTX *sealer = aead_sealer(key);
	bool is_good = sealer && set_nonce(sealer, 0) &&
		       add_aad(sealer, aad->bytes, sizeof(aad->bytes)) &&
		       seal(sealer, in, len, out);

	EVP_CIPHER_CTX_free(sealer);
	return is_good;
}

bool aead_open_once(const struct wg_key *key, const struct digest *aad, const uint8_t *in,
	size_t len, void *out)
{
	EVP_CIPHER_CTX *opener = aead_opener(key);
	bool is_good = opener && set_nonce(opener, 0) &&
		       add_aad(opener, aad->bytes, sizeof(aad->bytes)) &&
		       open_sealed(opener, in, len, out);

	EVP_CIPHER_CTX_free(opener);
	return is_good;
}

/*
 * HChaCha20 (draft-irtf-cfrg-xchacha 2.2) is ChaCha20's block without the last addition of what
 * went in, of which the rows that are kept held the constants and the nonce: both are known, so
 * they can be taken off again.
 */
static struct wg_key hchacha20(const struct wg_key *key, const uint8_t nonce[16])
{
	static const uint8_t constants[16] = "expand 32-byte k";
	EVP_CIPHER_CTX *chacha20 = EVP_CIPHER_CTX_new();
	uint8_t block[64] = {0};
	struct wg_key subkey;
	int done;

	need_ciphers();
	if (!chacha20 ||
		EVP_EncryptInit_ex(chacha20, ciphers.chacha20, NULL, key->bytes, nonce) != 1 ||
		EVP_EncryptUpdate(chacha20, block, &done, block, sizeof(block)) != 1)
		abort();
	EVP_CIPHER_CTX_free(chacha20);
	for (unsigned i = 0; i < 16; i += 4) {
		store_le32(subkey.bytes + i, load_le32(block + i) - load_le32(constants + i));
		store_le32(subkey.bytes + 16 + i, load_le32(block + 48 + i) - load_le32(nonce + i));
	}
	OPENSSL_cleanse(block, sizeof(block));
	return subkey;
}

bool xaead_seal(const struct wg_key *key, const uint8_t nonce[XNONCE_LEN],
	const uint8_t aad[MAC_LEN], const uint8_t in[MAC_LEN], uint8_t out[MAC_LEN + TAG_LEN])
{
	struct wg_key subkey = hchacha20(key, nonce);
	EVP_CIPHER_CTX *sealer = aead_sealer(&subkey);
	bool is_good = sealer && set_nonce(sealer, load_le64(nonce + 16)) &&
		       add_aad(sealer, aad, MAC_LEN) && seal(sealer, in, MAC_LEN, out);

	EVP_CIPHER_CTX_free(sealer);
	wg_key_wipe(&subkey);
	return is_good;
}

bool xaead_open(const struct wg_key *key, const uint8_t nonce[XNONCE_LEN],
	const uint8_t aad[MAC_LEN], const uint8_t in[MAC_LEN + TAG_LEN], uint8_t out[MAC_LEN])
{
	struct wg_key subkey = hchacha20(key, nonce);
	EVP_CIPHER_CTX *opener = aead_opener(&subkey);
	bool is_good = opener && set_nonce(opener, load_le64(nonce + 16)) &&
		       add_aad(opener, aad, MAC_LEN) && open_sealed(opener, in, MAC_LEN, out);

	EVP_CIPHER_CTX_free(opener);
	wg_key_wipe(&subkey);
	return is_good;
}
