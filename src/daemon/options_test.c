/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ(ret, error, ...)                                                                      \
	options_read((int)ARRAY_SIZE(((const char *[]){"lanyardd", __VA_ARGS__})),                 \
		(char *const *)(const char *[]){"lanyardd", __VA_ARGS__, NULL}, ret, error)

static void takes_what_is_said(void **)
{
	struct options options;
	struct error error = {};

	assert_int_equal(
		READ(&options, &error, "-c", "a.yaml", "--state", "/s", "--api", "/r/x.sock"), 0);
	assert_int_equal(options.wish, OPTIONS_RUN);
	assert_string_equal(options.config_path, "a.yaml");
	assert_string_equal(options.state_dir, "/s");
	assert_string_equal(options.api_path, "/r/x.sock");
	assert_string_equal(options.runtime_dir, "/r");
	assert_int_equal(READ(&options, &error, "--state", "/s", "--api", "x.sock"), 0);
	assert_string_equal(options.runtime_dir, ".");
	assert_int_equal(READ(&options, &error, "--state", "/s", "--api", "/x.sock"), 0);
	assert_string_equal(options.runtime_dir, "/");
}

static void one_user_has_his_own_places(void **)
{
	struct options options;
	struct error error = {};

	setenv("HOME", "/home/u", 1);
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	unsetenv("XDG_STATE_HOME");
	setenv("XDG_CONFIG_HOME", "/nowhere", 1);
	assert_int_equal(READ(&options, &error, "--user"), 0);
	assert_string_equal(options.config_path, "");
	assert_string_equal(options.state_dir, "/home/u/.local/state/lanyard");
	assert_string_equal(options.api_path, "/run/user/7/lanyard/api.sock");
	assert_string_equal(options.runtime_dir, "/run/user/7/lanyard");
	setenv("XDG_STATE_HOME", "/st", 1);
	assert_int_equal(READ(&options, &error, "--user"), 0);
	assert_string_equal(options.state_dir, "/st/lanyard");
}

static void expect_refusal(int err, const struct error *error, const char *wanted)
{
	assert_int_equal(err, -EINVAL);
	if (!strstr(error->text, wanted))
		fail_msg("'%s' does not say '%s'", error->text, wanted);
	assert_null(strchr(error->text, '\n'));
}

static void says_what_is_wrong(void **)
{
	struct options options = {.wish = 77};
	struct error error = {};
	char path[300];

	expect_refusal(READ(&options, &error, "--nonsense"), &error, "--nonsense: no such option");
	error = (struct error){};
	expect_refusal(READ(&options, &error, "-c"), &error, "-c: a value is missing");
	error = (struct error){};
	expect_refusal(READ(&options, &error, "more"), &error, "more: not expected");
	error = (struct error){};
	expect_refusal(READ(&options, &error, "-c", ""), &error, "-c '': a path is wanted");
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	error = (struct error){};
	expect_refusal(READ(&options, &error, "--state", path), &error, "longer than 255 bytes");
	path[200] = '\0';
	error = (struct error){};
	expect_refusal(READ(&options, &error, "--state", "/s", "--api", path), &error,
		"at most 107 bytes");
	unsetenv("XDG_RUNTIME_DIR");
	error = (struct error){};
	expect_refusal(READ(&options, &error, "--user", "--state", "/s"), &error,
		"XDG_RUNTIME_DIR is not set");
	assert_int_equal(options.wish, 77); /* written only on success */
}

static void can_be_asked(void **)
{
	struct options options;
	struct error error = {};

	assert_int_equal(READ(&options, &error, "--version"), 0);
	assert_int_equal(options.wish, OPTIONS_SAY_VERSION);
	assert_int_equal(READ(&options, &error, "--help"), 0);
	assert_int_equal(options.wish, OPTIONS_SAY_HELP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_said),
		cmocka_unit_test(one_user_has_his_own_places),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(can_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
