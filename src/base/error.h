/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An error in words, for the person who asked. Filled once, at the lowest place that knows the
 * words: what, where, which value, what would be right.
 */
#pragma once

#include "base/attr.h"

struct error {
	char text[480];
};

/*
 * Writes the sentence and returns -code, so that set-up code can `return error_set(...)`.
 * code: a positive errno value. error may be NULL: then only the code travels.
 * A text that is already there stays: the lowest place knew best. Start with `struct error e =
 * {0}`.
 */
int error_set(struct error *error, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " before the sentence that is there; returns code unchanged. */
int error_wrap(struct error *error, int code, const char *format, ...) PRINTF_LIKE(3, 4);
