/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_lowest_place_speaks(void **)
{
	struct error error = {0};

	assert_int_equal(error_set(&error, ENOENT, "no file '%s'", "x"), -ENOENT);
	assert_int_equal(error_set(&error, EIO, "cannot go on"), -EIO);
	assert_string_equal(error.text, "no file 'x'");
}

static void test_wrap(void **)
{
	struct error error = {0};
	int err = error_set(&error, EACCES, "permission denied");

	assert_int_equal(error_wrap(&error, err, "port '%s'", "tap0"), -EACCES);
	assert_string_equal(error.text, "port 'tap0': permission denied");
}

static void test_nobody_listens(void **)
{
	assert_int_equal(error_set(NULL, EIO, "lost"), -EIO);
	assert_int_equal(error_wrap(NULL, -EIO, "lost"), -EIO);
}

static void test_too_long_is_cut(void **)
{
	struct error error = {0};
	char text[2 * sizeof(error.text)];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(error_set(&error, EIO, "%s", text), -EIO);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_int_equal(error_wrap(&error, -EIO, "%s", text), -EIO);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_place_speaks),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
