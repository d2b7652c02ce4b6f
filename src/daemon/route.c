/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/route.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool take_part(const char *segment, size_t len, char part[ROUTE_PART_SIZE])
{
	if (!len || len >= ROUTE_PART_SIZE)
		return false;
	memcpy(part, segment, len);
	part[len] = '\0';
	return true;
}

static bool fits(const char *pattern, const char *path, struct route_parts *parts)
{
	unsigned count = 0;

	while (*pattern == '/' && *path == '/') {
		size_t wanted = strcspn(++pattern, "/"), given = strcspn(++path, "/");

		if (pattern[0] == '{') {
			if (!take_part(path, given, parts->text[count++]))
				return false;
		} else if (wanted != given || memcmp(pattern, path, wanted) != 0) {
			return false;
		}
		pattern += wanted;
		path += given;
	}
	return !*pattern && !*path;
}

static bool serves(const struct route *route, const char *method)
{
	return !strcmp(route->method, method) ||
	       (!strcmp(route->method, "GET") && !strcmp(method, "HEAD"));
}

static void allow(char allowed[64], const char *method)
{
	size_t used = strlen(allowed);

	snprintf(allowed + used, 64 - used, "%s%s", used ? ", " : "", method);
}

const struct route *route_find(const struct route *routes, size_t count, const char *method,
	const char *path, struct route_parts *ret_parts, char ret_allowed[64])
{
	ret_allowed[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		if (!fits(routes[i].pattern, path, ret_parts))
			continue;
		if (serves(&routes[i], method))
			return &routes[i];
		allow(ret_allowed, routes[i].method);
	}
	return NULL;
}
