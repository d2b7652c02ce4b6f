/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/hash.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The vectors of the reference implementation: key 00 01 .. 0f, input 00 01 .. of each length. */
static void test_sip_vectors(void **)
{
	static const uint64_t expected[] = {
		0x726fdb47dd0e0e31,
		0x74f839c593dc67fd,
		0x0d6c8009d9a94f5a,
		0x85676696d7fb7e2d,
		0xcf2794e0277187b7,
		0x18765564cd99a68d,
		0xcbc9466e58fee3ce,
		0xab0200f58b01d137,
		0x93f5f5799a932462,
		0x9e0082df0ba9e4b0,
	};
	const struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	uint8_t input[16];

	for (uint8_t i = 0; i < sizeof(input); i++)
		input[i] = i;
	for (size_t len = 0; len < sizeof(expected) / sizeof(expected[0]); len++)
		assert_int_equal(hash_sip(&key, input, len), expected[len]);
	assert_int_equal(hash_sip(&key, input, 15), 0xa129ca6149be45e5);
}

/* Low bits choose the bucket: neighbours must not share them more often than chance has it. */
static void test_u64_spreads(void **)
{
	const struct hash_key key = {random_u64(), random_u64()};
	unsigned buckets[1024] = {0}, most = 0;

	for (uint64_t i = 0; i < 1024; i++) {
		unsigned *bucket = &buckets[hash_u64(&key, i << 24 | 0x02) & 1023];

		most = ++*bucket > most ? *bucket : most;
	}
	assert_in_range(most, 1, 16);
}

static void test_words_depend_on_all(void **)
{
	const struct hash_key key = {3, 5}, other = {4, 5};
	uint64_t words[3] = {1, 2, 3}, hash = hash_words(&key, words, 3);

	assert_int_equal(hash_words(&key, words, 3), hash);
	assert_int_not_equal(hash_words(&other, words, 3), hash);
	for (unsigned i = 0; i < 3; i++) {
		words[i] ^= 1;
		assert_int_not_equal(hash_words(&key, words, 3), hash);
		words[i] ^= 1;
	}
}

static void test_random_is(void **)
{
	uint8_t bytes[64] = {0}, zeros[64] = {0};

	random_bytes(bytes, sizeof(bytes));
	assert_memory_not_equal(bytes, zeros, 8);
	assert_memory_not_equal(bytes + 56, zeros, 8);
	assert_int_not_equal(random_u64(), random_u64());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sip_vectors),
		cmocka_unit_test(test_u64_spreads),
		cmocka_unit_test(test_words_depend_on_all),
		cmocka_unit_test(test_random_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
