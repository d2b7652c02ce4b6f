/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], file[80];

static int make_directory(void **)
{
	snprintf(directory, sizeof(directory), "/tmp/identity-test-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/identity", directory);
	return 0;
}

static int remove_directory(void **)
{
	unlink(file);
	return rmdir(directory); /* fails when a draft was left behind */
}

static void write_file(const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void is_made_once(void **)
{
	struct hash_key first, second;
	struct error error = {};
	struct stat status;

	assert_int_equal(identity_open(directory, &first, &error), 0);
	assert_int_equal(stat(file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(status.st_size, 33);
	assert_int_equal(identity_open(directory, &second, &error), 0);
	assert_memory_equal(&first, &second, sizeof(first));
}

static void reads_what_was_written(void **)
{
	struct error error = {};
	struct hash_key key;

	write_file("000102030405060708090a0b0c0d0e0f\n");
	assert_int_equal(identity_open(directory, &key, &error), 0);
	assert_int_equal(key.a, 0x0001020304050607);
	assert_int_equal(key.b, 0x08090a0b0c0d0e0f);
}

static void refuses_anything_else(void **)
{
	static const char *const texts[] = {"", "\n", "0001020304050607080", "zz",
		"000102030405060708090a0b0c0d0e0f", "000102030405060708090A0B0C0D0E0F\n",
		"000102030405060708090a0b0c0d0e0f0\n", " 00102030405060708090a0b0c0d0e0f\n"};
	struct hash_key key;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct error error = {};

		write_file(texts[i]);
		assert_int_equal(identity_open(directory, &key, &error), -EINVAL);
		assert_non_null(strstr(error.text, "/identity: not 32 hexadecimal digits"));
	}
}

static void says_where_it_failed(void **)
{
	struct error error = {};
	struct hash_key key;

	assert_int_equal(identity_open("/nowhere", &key, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nowhere/identity"));
}

static void addresses_are_stable_and_apart(void **)
{
	const struct hash_key key = {1, 2}, other_key = {1, 3};
	struct mac mac = identity_mac(&key, "hub8", "nat", "");
	char text[MAC_TEXT_SIZE];

	/* These may never change: guests' ARP tables and leases hold them over restarts. */
	assert_string_equal(mac_format(mac, text), "02:08:98:e5:dc:43");
	assert_true(mac_equal(mac, identity_mac(&key, "hub8", "nat", "")));
	assert_false(mac_equal(mac, identity_mac(&key, "hub8", "dhcp", "")));
	assert_false(mac_equal(mac, identity_mac(&key, "hub9", "nat", "")));
	assert_false(mac_equal(mac, identity_mac(&key, "hub8", "nat", "x")));
	assert_false(mac_equal(mac, identity_mac(&other_key, "hub8", "nat", "")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_made_once, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			reads_what_was_written, make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			refuses_anything_else, make_directory, remove_directory),
		cmocka_unit_test(says_where_it_failed),
		cmocka_unit_test(addresses_are_stable_and_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
