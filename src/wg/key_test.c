/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys as text, against libcrypto's base64. */
#include "wg/key.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_any_key_there_and_back(void **)
{
	for (unsigned i = 0; i < 1000; i++) {
		char text[WG_KEY_TEXT_SIZE], expected[WG_KEY_TEXT_SIZE];
		struct wg_key key, again;

		wg_key_make_preshared(&key);
		EVP_EncodeBlock((uint8_t *)expected, key.bytes, sizeof(key.bytes));
		assert_string_equal(wg_key_format(&key, text), expected);
		assert_true(wg_key_parse(text, &again));
		assert_true(wg_key_equal(&key, &again));
	}
}

static void test_what_is_no_key(void **)
{
	static const char good[] = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
	static const struct {
		size_t at;
		char digit;
	} changes[] = {{0, '-'}, {0, '@'}, {0, '['}, {0, '`'}, {0, '{'}, {0, ':'}, {0, '.'},
		{0, ' '}, {7, '\n'}, {9, '='}, {42, 'h'}, {42, 'i'}, {43, 'g'}, {20, '\0'},
		{3, (char)0xc3}};
	struct wg_key key = {{1}};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char text[sizeof(good) + 1] = {0};

		memcpy(text, good, sizeof(good));
		text[changes[i].at] = changes[i].digit;
		assert_false(wg_key_parse(text, &key));
	}
	assert_false(wg_key_parse("", &key));
	assert_false(wg_key_parse("xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg==", &key));
	assert_memory_equal(&key, &(struct wg_key){{1}}, sizeof(key));
	assert_true(wg_key_parse(good, &key));
}

static void test_a_private_key(void **)
{
	struct wg_key private, public, other;

	wg_key_make_private(&private);
	assert_int_equal(private.bytes[0] & 7, 0);
	assert_int_equal(private.bytes[31] & 192, 64);
	public = wg_key_public(&private);
	wg_key_make_private(&other);
	assert_false(wg_key_equal(&private, &other));
	assert_false(wg_key_is_zero(&public));
	wg_key_wipe(&private);
	assert_true(wg_key_is_zero(&private));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_key_there_and_back),
		cmocka_unit_test(test_what_is_no_key),
		cmocka_unit_test(test_a_private_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
