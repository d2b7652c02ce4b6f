/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which handler a request is for: one table of methods and path patterns. Knows no HTTP library. */
#pragma once

#include "base/attr.h"

#include <stddef.h>

#define ROUTE_PARTS_MAX 3
#define ROUTE_PART_SIZE 64

struct api;
struct request;
struct reply;

struct route {
	const char *method;  /* "GET" serves HEAD too */
	const char *pattern; /* "/v1/hubs/{hub}/ports/{port}": {x} stands for one segment */
	void (*handle)(struct api *api, struct request *request, struct reply *reply);
};

/* What the {x} of the pattern stood for, in order. */
struct route_parts {
	char text[ROUTE_PARTS_MAX][ROUTE_PART_SIZE];
};

/* NULL: none fits. Then *ret_allowed holds the methods that would have been served at this path,
 * comma-separated, or is empty when the path is unknown. */
const struct route *route_find(const struct route *routes, size_t count, const char *method,
	const char *path, struct route_parts *ret_parts, char ret_allowed[64]);
