/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's API, HTTP and JSON on its Unix socket (docs/api.md).
 *
 * What fails returns -ENOTCONN when no daemon answers, -EINVAL when the daemon says that the
 * request is wrong, -EIO for everything else, and the error in words.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

struct api;

/* path: as given by --api, or NULL: $LANYARD_API, else the default. The path is kept by reference
 * and need not exist yet. NULL: no memory. */
struct api *api_open(const char *path);
void api_close(struct api *api);
const char *api_path(const struct api *api);
/* Somebody accepts connections there now; says nothing. */
bool api_answers(const struct api *api);
/* Not one of the defaults: the user named a daemon of his. */
bool api_is_chosen(const struct api *api);

/* The reply's JSON is the caller's; ret_json may be NULL, and is set to NULL for an empty reply. */
int api_get(struct api *api, json_t **ret_json, struct error *error, const char *path, ...) MUST_USE
	PRINTF_LIKE(4, 5);
/* body: stolen. fd: sent along, or -1. */
int api_post(struct api *api, json_t *body, int fd, json_t **ret_json, struct error *error,
	const char *path, ...) MUST_USE PRINTF_LIKE(6, 7);
int api_patch(struct api *api, json_t *body, json_t **ret_json, struct error *error,
	const char *path, ...) MUST_USE PRINTF_LIKE(5, 6);
int api_delete(struct api *api, struct error *error, const char *path, ...) MUST_USE
	PRINTF_LIKE(3, 4);

/* Text as it is: YAML configuration, the vmnet files. ret_text: malloc'ed. */
int api_get_text(struct api *api, char **ret_text, struct error *error, const char *path,
	...) MUST_USE PRINTF_LIKE(4, 5);
int api_put_yaml(struct api *api, const char *yaml, json_t **ret_json, struct error *error,
	const char *path, ...) MUST_USE PRINTF_LIKE(5, 6);

/* The reply in pieces as it comes, until it ends or on_bytes returns false. */
struct api_sink {
	bool (*on_bytes)(struct api_sink *sink, const void *bytes, size_t len);
};
int api_stream(struct api *api, struct api_sink *sink, struct error *error, const char *path,
	...) MUST_USE PRINTF_LIKE(4, 5);

/* Text as one step of a path, or a query's value: percent-encoded; api_unescape() ends it. */
char *api_escape(struct api *api, const char *text);
void api_unescape(char *escaped);
