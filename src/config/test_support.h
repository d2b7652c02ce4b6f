/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of this room share. */
#pragma once

#include "config/config.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct refusal {
	const char *text, *message;
};

static inline struct config *read_text(const char *text)
{
	struct config *config = NULL;
	struct error error = {};

	if (config_read("f", text, strlen(text), &config, &error))
		fail_msg("refused: %s\n%s", error.text, text);
	return config;
}

static inline void assert_refused(const char *text, size_t len, const char *message)
{
	struct config *config = NULL;
	struct error error = {};

	assert_int_equal(config_read("f", text, len, &config, &error), -22);
	assert_null(config);
	assert_string_equal(error.text, message);
}

static inline void assert_all_refused(const struct refusal *refusals, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_refused(refusals[i].text, strlen(refusals[i].text), refusals[i].message);
}
