/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A handshake of fixed keys against another reading of the paper (tests/support/wg_vectors.py). */
#include "base/bytes.h"
#include "wg/cookie.h"
#include "wg/noise.h"
#include "wg/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct {
	struct noise_identity identity;
	struct noise_remote remote;
	struct noise_handshake handshake;
} initiator, responder;

static struct wg_key key_of(const uint8_t bytes[WG_KEY_LEN])
{
	struct wg_key key;

	memcpy(key.bytes, bytes, sizeof(key.bytes));
	return key;
}

static int set_up(void **)
{
	struct wg_key key = key_of(VECTOR_INITIATOR);

	noise_identity_init(&initiator.identity, &key);
	key = key_of(VECTOR_RESPONDER);
	noise_identity_init(&responder.identity, &key);
	noise_remote_init(&initiator.remote, &responder.identity.public);
	noise_remote_init(&responder.remote, &initiator.identity.public);
	if (!noise_remote_meet(&initiator.remote, &initiator.identity) ||
		!noise_remote_meet(&responder.remote, &responder.identity))
		return -1;
	initiator.remote.preshared = responder.remote.preshared = key_of(VECTOR_PRESHARED);
	return 0;
}

static int tear_down(void **)
{
	noise_identity_done(&initiator.identity);
	noise_identity_done(&responder.identity);
	return 0;
}

static struct message_initiation write_initiation(void)
{
	struct message_initiation message = {.sender_le = 0x11223344};

	initiator.handshake.ephemeral = key_of(VECTOR_INITIATOR_EPHEMERAL);
	assert_true(noise_write_initiation(&initiator.handshake, &initiator.identity,
		&initiator.remote, VECTOR_TIMESTAMP, &message));
	return message;
}

static void read_initiation(const struct message_initiation *message)
{
	uint8_t timestamp[TIMESTAMP_LEN];
	struct wg_key public;

	assert_true(noise_read_static(&responder.handshake, &responder.identity, message, &public));
	assert_memory_equal(&public, VECTOR_INITIATOR_PUBLIC, sizeof(public));
	assert_true(
		noise_read_timestamp(&responder.handshake, &responder.remote, message, timestamp));
	assert_memory_equal(timestamp, VECTOR_TIMESTAMP, sizeof(timestamp));
}

static struct message_response write_response(void)
{
	struct message_response message = {.sender_le = 0x55667788, .receiver_le = 0x11223344};

	responder.handshake.ephemeral = key_of(VECTOR_RESPONDER_EPHEMERAL);
	assert_true(noise_write_response(&responder.handshake, &responder.remote, &message));
	return message;
}

static void test_public_keys(void **)
{
	assert_memory_equal(&initiator.identity.public, VECTOR_INITIATOR_PUBLIC, WG_KEY_LEN);
	assert_memory_equal(&responder.identity.public, VECTOR_RESPONDER_PUBLIC, WG_KEY_LEN);
}

static void test_both_sides_write_and_read_the_same(void **)
{
	struct message_initiation initiation = write_initiation();
	struct message_response response;
	struct noise_keys keys;

	assert_memory_equal(&initiation, VECTOR_INITIATION, offsetof(typeof(initiation), macs));
	read_initiation(&initiation);
	response = write_response();
	assert_memory_equal(&response, VECTOR_RESPONSE, offsetof(typeof(response), macs));
	assert_true(noise_read_response(
		&initiator.handshake, &initiator.identity, &initiator.remote, &response));
	noise_split(&initiator.handshake, &keys);
	assert_memory_equal(&keys.first, VECTOR_FIRST_KEY, WG_KEY_LEN);
	assert_memory_equal(&keys.second, VECTOR_SECOND_KEY, WG_KEY_LEN);
	noise_split(&responder.handshake, &keys);
	assert_memory_equal(&keys.first, VECTOR_FIRST_KEY, WG_KEY_LEN);
	assert_memory_equal(&keys.second, VECTOR_SECOND_KEY, WG_KEY_LEN);
	assert_memory_equal(
		&initiator.handshake, &(struct noise_handshake){0}, sizeof(initiator.handshake));
}

/* Every byte that is not a number or a MAC says something that has to be right. */
static void test_a_bit_makes_an_initiation_another(void **)
{
	const struct message_initiation good = write_initiation();

	for (size_t i = offsetof(typeof(good), ephemeral); i < offsetof(typeof(good), macs); i++) {
		struct message_initiation bad = good;
		struct noise_handshake handshake;
		uint8_t timestamp[TIMESTAMP_LEN];
		struct wg_key public;

		((uint8_t *)&bad)[i] ^= 1;
		assert_false(noise_read_static(&handshake, &responder.identity, &bad, &public) &&
			     noise_read_timestamp(&handshake, &responder.remote, &bad, timestamp));
	}
}

static void test_a_bit_makes_a_response_another(void **)
{
	struct message_initiation initiation = write_initiation();
	struct message_response good;

	read_initiation(&initiation);
	good = write_response();
	for (size_t i = offsetof(typeof(good), ephemeral); i < offsetof(typeof(good), macs); i++) {
		struct message_response bad = good;

		((uint8_t *)&bad)[i] ^= 1;
		assert_false(noise_read_response(
			&initiator.handshake, &initiator.identity, &initiator.remote, &bad));
	}
	assert_true(noise_read_response(/* which no forgery could spoil */
		&initiator.handshake, &initiator.identity, &initiator.remote, &good));
}

static void test_another_preshared_key(void **)
{
	struct message_initiation initiation = write_initiation();
	struct message_response response;

	read_initiation(&initiation);
	response = write_response();
	initiator.remote.preshared.bytes[0] ^= 1;
	assert_false(noise_read_response(
		&initiator.handshake, &initiator.identity, &initiator.remote, &response));
}

static void test_a_point_of_small_order(void **)
{
	static const struct wg_key zero, one = {{1}};
	struct message_initiation message = write_initiation();
	struct noise_handshake handshake;
	struct noise_remote remote;
	struct wg_key public;

	noise_remote_init(&remote, &zero);
	assert_false(noise_remote_meet(&remote, &initiator.identity));
	noise_remote_init(&remote, &one);
	assert_false(noise_remote_meet(&remote, &initiator.identity));
	memset(message.ephemeral, 0, sizeof(message.ephemeral));
	assert_false(noise_read_static(&handshake, &responder.identity, &message, &public));
}

static void test_macs(void **)
{
	struct message_initiation message;
	struct cookie_checker checker;
	struct cookie_jar jar;

	memcpy(&message, VECTOR_INITIATION, sizeof(message));
	cookie_checker_init(&checker, &responder.identity.public, &WG_TIMING);
	assert_true(cookie_mac1_is_good(&checker, &message, sizeof(message)));
	message.sealed_static[0] ^= 1;
	assert_false(cookie_mac1_is_good(&checker, &message, sizeof(message)));
	message.sealed_static[0] ^= 1;

	cookie_jar_init(&jar, &responder.identity.public);
	memset(&message.macs, 0xff, sizeof(message.macs));
	cookie_write_macs(&jar, checker.scratch, &WG_TIMING, &message, sizeof(message), 0);
	assert_memory_equal(
		message.macs.mac1, VECTOR_INITIATION + sizeof(message) - 2 * MAC_LEN, MAC_LEN);
	assert_memory_equal(message.macs.mac2, (uint8_t[MAC_LEN]){0}, MAC_LEN);
	assert_true(cookie_read_reply(&jar, (const void *)VECTOR_COOKIE_REPLY, 0));
	assert_memory_equal(jar.cookie, VECTOR_COOKIE, sizeof(jar.cookie));
	assert_false(cookie_read_reply(&jar, (const void *)VECTOR_COOKIE_REPLY, 0)); /* again */
	cookie_write_macs(&jar, checker.scratch, &WG_TIMING, &message, sizeof(message), 0);
	assert_memory_equal(&message, VECTOR_INITIATION, sizeof(message));
	cookie_write_macs(&jar, checker.scratch, &WG_TIMING, &message, sizeof(message),
		WG_TIMING.cookie_age - WG_TIMING.cookie_latency - 1);
	assert_memory_equal(&message, VECTOR_INITIATION, sizeof(message));
	cookie_write_macs(&jar, checker.scratch, &WG_TIMING, &message, sizeof(message),
		WG_TIMING.cookie_age - WG_TIMING.cookie_latency);
	assert_memory_equal(message.macs.mac2, (uint8_t[MAC_LEN]){0}, MAC_LEN);
	cookie_checker_done(&checker);
}

static void test_data(void **)
{
	const struct wg_key key = key_of(VECTOR_FIRST_KEY);
	EVP_CIPHER_CTX *sealer = aead_sealer(&key), *opener = aead_opener(&key);
	const uint8_t *vector = VECTOR_DATA + sizeof(struct message_data);
	uint8_t bytes[48 + TAG_LEN];

	for (unsigned i = 0; i < 48; i++)
		bytes[i] = (uint8_t)i;
	assert_true(aead_seal(sealer, 4, bytes, 48));
	for (unsigned i = 0; i < 48; i++)
		bytes[i] = (uint8_t)i;
	assert_true(aead_seal(sealer, 5, bytes, 48));
	assert_memory_equal(bytes, vector, sizeof(bytes));
	bytes[3] ^= 1;
	assert_false(aead_open(opener, 5, bytes, 48));
	memcpy(bytes, vector, sizeof(bytes));
	assert_false(aead_open(opener, 6, bytes, 48));
	memcpy(bytes, vector, sizeof(bytes));
	assert_true(aead_open(opener, 5, bytes, 48));
	for (unsigned i = 0; i < 48; i++)
		assert_int_equal(bytes[i], i);
	assert_true(aead_seal(sealer, 7, bytes, 0));
	assert_true(aead_open(opener, 7, bytes, 0));
	EVP_CIPHER_CTX_free(sealer);
	EVP_CIPHER_CTX_free(opener);
}

/* RFC 7748 6.1. */
static void test_x25519(void **)
{
	static const struct wg_key alice = {{0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c,
		0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99,
		0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a}};
	static const struct wg_key bob = {{0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3,
		0x5b, 0x61, 0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78, 0x67,
		0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f}};
	static const struct wg_key shared = {{0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72,
		0x8e, 0x3b, 0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1, 0x9e,
		0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42}};
	EVP_PKEY *pair = x25519_pair(&alice);
	struct wg_key secret;

	assert_true(x25519_agree(pair, &bob, &secret));
	assert_memory_equal(&secret, &shared, sizeof(shared));
	EVP_PKEY_free(pair);
}

/* draft-irtf-cfrg-xchacha-03 2.2.1 is met by test_macs(); RFC 7693 appendix B: */
static void test_blake2s(void **)
{
	static const uint8_t abc[32] = {0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2, 0xe1, 0xa7,
		0x2b, 0xa3, 0x4e, 0xeb, 0x45, 0x2f, 0x37, 0x45, 0x8b, 0x20, 0x9e, 0xd6, 0x3a, 0x29,
		0x4d, 0x99, 0x9b, 0x4c, 0x86, 0x67, 0x59, 0x82};
	struct digest digest = blake2s("a", 1, "bc", 2);

	assert_memory_equal(&digest, abc, sizeof(abc));
}

#define NOISE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NOISE_TEST(test_public_keys),
		NOISE_TEST(test_both_sides_write_and_read_the_same),
		NOISE_TEST(test_a_bit_makes_an_initiation_another),
		NOISE_TEST(test_a_bit_makes_a_response_another),
		NOISE_TEST(test_another_preshared_key),
		NOISE_TEST(test_a_point_of_small_order),
		NOISE_TEST(test_macs),
		NOISE_TEST(test_data),
		NOISE_TEST(test_x25519),
		NOISE_TEST(test_blake2s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
