/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/amount.h"

#include "base/attr.h"

#include <math.h>
#include <stdio.h>

/* Three digits that count, and a prefix; whole numbers stay whole. */
static char *scaled(double value, const char *unit, char text[AMOUNT_SIZE])
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
	unsigned at = 0;

	while (value >= 999.5 && at < ARRAY_SIZE(prefixes) - 1) {
		value /= 1000;
		at++;
	}
	snprintf(text, AMOUNT_SIZE, "%.*f%s%s%s", at && value < 99.95 ? 1 : 0, value,
		at || unit[0] ? " " : "", prefixes[at], unit);
	return text;
}

char *amount_count(uint64_t count, char text[AMOUNT_SIZE])
{
	return scaled((double)count, "", text);
}

char *amount_bytes(uint64_t bytes, char text[AMOUNT_SIZE])
{
	return scaled((double)bytes, "B", text);
}

char *amount_rate(double bytes_per_second, char text[AMOUNT_SIZE])
{
	return scaled(bytes_per_second * 8, "bit/s", text);
}

char *amount_time(double seconds, char text[AMOUNT_SIZE])
{
	if (fabs(seconds) < 9.95)
		snprintf(text, AMOUNT_SIZE, "%.1f s", seconds);
	else if (fabs(seconds) < 120)
		snprintf(text, AMOUNT_SIZE, "%.0f s", seconds);
	else if (fabs(seconds) < 7200)
		snprintf(text, AMOUNT_SIZE, "%.0f min", seconds / 60);
	else if (fabs(seconds) < 48 * 3600)
		snprintf(text, AMOUNT_SIZE, "%.0f h", seconds / 3600);
	else
		snprintf(text, AMOUNT_SIZE, "%.0f d", seconds / 86400);
	return text;
}
