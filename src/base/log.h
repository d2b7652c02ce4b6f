/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for the person who runs the program, on standard error; under systemd each carries its
 * priority (sd-daemon(3)). Only daemon/ and cli/ log above debug, and nobody logs per packet.
 */
#pragma once

#include "base/attr.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* What is above the level is not written. Called once, before threads. Starts at info. */
void log_open(enum log_level highest);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);
