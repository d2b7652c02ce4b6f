/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api.h"
#include "daemon/openapi.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct route table[] = {
	{"GET", "/v1/hubs", NULL},
	{"GET", "/v1/hubs/{hub}", NULL},
	{"DELETE", "/v1/hubs/{hub}/ports/{port}", NULL},
	{"GET", "/v1/hubs/{hub}/ports/{port}", NULL},
};

static const struct route *find(
	const char *method, const char *path, struct route_parts *parts, char allowed[64])
{
	return route_find(table, ARRAY_SIZE(table), method, path, parts, allowed);
}

static void finds_by_path_and_method(void **)
{
	struct route_parts parts;
	char allowed[64];

	assert_ptr_equal(find("GET", "/v1/hubs", &parts, allowed), &table[0]);
	assert_ptr_equal(find("GET", "/v1/hubs/hub8", &parts, allowed), &table[1]);
	assert_string_equal(parts.text[0], "hub8");
	assert_ptr_equal(find("DELETE", "/v1/hubs/hub8/ports/3", &parts, allowed), &table[2]);
	assert_string_equal(parts.text[0], "hub8");
	assert_string_equal(parts.text[1], "3");
	assert_ptr_equal(find("HEAD", "/v1/hubs", &parts, allowed), &table[0]);
}

static void knows_no_other_path(void **)
{
	static const char *const paths[] = {"", "/", "/v1", "/v1/hubs/", "/v1/hubs/hub8/",
		"/v1/hubs/hub8/ports", "/v1/hubs/hub8/ports/", "/v1/hubs/hub8/ports/3/4", "v1/hubs",
		"/v2/hubs", "/v1/hubss", "/v1/hub", "//v1/hubs"};
	struct route_parts parts;
	char allowed[64];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_null(find("GET", paths[i], &parts, allowed));
		assert_string_equal(allowed, "");
	}
}

static void says_what_a_path_takes(void **)
{
	struct route_parts parts;
	char allowed[64];

	assert_null(find("PUT", "/v1/hubs/hub8/ports/3", &parts, allowed));
	assert_string_equal(allowed, "DELETE, GET");
}

static void refuses_a_segment_that_is_too_long(void **)
{
	char path[256] = "/v1/hubs/", allowed[64];
	struct route_parts parts;

	memset(path + strlen(path), 'x', ROUTE_PART_SIZE);
	assert_null(find("GET", path, &parts, allowed));
}

static json_t *read_openapi(void)
{
	json_t *document = json_loads(openapi_text(), JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(document);
	return document;
}

static void lower(const char *method, char text[16])
{
	snprintf(text, 16, "%s", method);
	for (char *at = text; *at; at++)
		*at = (char)tolower(*at);
}

static void openapi_has_every_route(void **)
{
	json_t *document = read_openapi(), *paths = json_object_get(document, "paths");
	size_t count;
	const struct route *routes = api_routes(&count);
	char method[16];

	for (size_t i = 0; i < count; i++) {
		json_t *path = json_object_get(paths, routes[i].pattern);

		lower(routes[i].method, method);
		if (!json_object_get(path, method))
			fail_msg("openapi.json lacks %s %s", routes[i].method, routes[i].pattern);
	}
	json_decref(document);
}

static bool is_method(const char *key)
{
	return !strcmp(key, "get") || !strcmp(key, "put") || !strcmp(key, "post") ||
	       !strcmp(key, "patch") || !strcmp(key, "delete");
}

static bool has_route(const char *method, const char *pattern)
{
	size_t count;
	const struct route *routes = api_routes(&count);

	for (size_t i = 0; i < count; i++) {
		if (!strcasecmp(routes[i].method, method) && !strcmp(routes[i].pattern, pattern))
			return true;
	}
	return false;
}

static void openapi_has_nothing_else(void **)
{
	json_t *document = read_openapi(), *path, *operation;
	const char *pattern, *key;

	json_object_foreach(json_object_get(document, "paths"), pattern, path) {
		json_object_foreach(path, key, operation) {
			if (is_method(key) && !has_route(key, pattern))
				fail_msg("openapi.json has %s %s, which nobody serves", key,
					pattern);
		}
	}
	json_decref(document);
}

/* Every "$ref" points at something. */
static void check_references(const json_t *document, json_t *value)
{
	const char *key, *reference = json_string_value(json_object_get(value, "$ref"));
	json_t *child;
	char path[128], *rest = path;
	size_t i;

	if (reference) {
		const json_t *at = document;

		snprintf(path, sizeof(path), "%s", reference + strlen("#/"));
		for (char *step; (step = strsep(&rest, "/"));)
			at = json_object_get(at, step);
		if (!at)
			fail_msg("openapi.json: %s points nowhere", reference);
	}
	json_object_foreach(value, key, child)
		check_references(document, child);
	json_array_foreach(value, i, child)
		check_references(document, child);
}

static void openapi_references_hold(void **)
{
	json_t *document = read_openapi();

	check_references(document, document);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_path_and_method),
		cmocka_unit_test(knows_no_other_path),
		cmocka_unit_test(says_what_a_path_takes),
		cmocka_unit_test(refuses_a_segment_that_is_too_long),
		cmocka_unit_test(openapi_has_every_route),
		cmocka_unit_test(openapi_has_nothing_else),
		cmocka_unit_test(openapi_references_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
