/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static enum log_level highest_written = LOG_LEVEL_INFO;
static bool has_journal;

void log_open(enum log_level highest)
{
	highest_written = highest;
	has_journal = getenv("JOURNAL_STREAM") != NULL;
}

static void log_write(enum log_level level, const char *format, va_list args)
{
	char line[1024];
	int used = 0;

	if (level > highest_written)
		return;
	if (has_journal)
		used = snprintf(line, sizeof(line), "<%d>", level);
	vsnprintf(line + used, sizeof(line) - (size_t)used, format, args);
	fprintf(stderr, "%s\n", line); /* one call: lines of two threads do not mix */
}

#define LOG_AT(level)                                                                              \
	va_list args;                                                                              \
	va_start(args, format);                                                                    \
	log_write(level, format, args);                                                            \
	va_end(args)

void log_error(const char *format, ...)
{
	LOG_AT(LOG_LEVEL_ERROR);
}

void log_warning(const char *format, ...)
{
	LOG_AT(LOG_LEVEL_WARNING);
}

void log_info(const char *format, ...)
{
	LOG_AT(LOG_LEVEL_INFO);
}

void log_debug(const char *format, ...)
{
	LOG_AT(LOG_LEVEL_DEBUG);
}
