/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/reply.h"

#include "config/excerpt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill(struct reply *reply, unsigned status, const char *type, char *text)
{
	free(reply->text);
	reply->status = text ? status : 503;
	reply->type = type;
	reply->text = text;
	reply->len = text ? strlen(text) : 0;
}

static char *dump(json_t *value)
{
	char *text = value ? json_dumps(value,
				     JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))
			   : NULL,
	     *whole;

	json_decref(value);
	if (!text)
		return NULL;
	whole = realloc(text, strlen(text) + 2);
	if (!whole) {
		free(text);
		return NULL;
	}
	return strcat(whole, "\n");
}

void reply_json(struct reply *reply, unsigned status, json_t *value)
{
	fill(reply, status, "application/json", dump(value));
}

void reply_text(struct reply *reply, const char *type, char *text)
{
	fill(reply, 200, type, text);
}

void reply_nothing(struct reply *reply)
{
	reply->status = 204;
}

static const char *title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{503, "Service Unavailable"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++) {
		if (titles[i].status == status)
			return titles[i].title;
	}
	return "Internal Server Error";
}

void reply_problem(struct reply *reply, unsigned status, const char *format, ...)
{
	struct error error = {0};
	va_list args;
	json_t *value;

	va_start(args, format);
	vsnprintf(error.text, sizeof(error.text), format, args);
	va_end(args);
	excerpt_clean(error.text); /* it may quote any bytes */
	value = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", title(status),
		"status", (int)status, "detail", error.text);
	fill(reply, status, "application/problem+json", dump(value));
}

static unsigned status_of(int err)
{
	switch (-err) {
	case EINVAL:
		return 400;
	case EPERM:
	case EACCES:
		return 403;
	case ENOENT: /* not the path's: what it wants to use is not there */
	case ENODEV:
	case EADDRNOTAVAIL:
	case EEXIST:
	case EBUSY:
	case EADDRINUSE:
		return 409;
	case ENOMEM:
	case ENOSPC:
	case EMFILE:
	case ENFILE:
		return 503;
	}
	return 500;
}

void reply_error(struct reply *reply, int err, const struct error *error)
{
	reply_problem(reply, status_of(err), "%s", error->text[0] ? error->text : strerror(-err));
}

void reply_outcome(struct reply *reply, int err, const struct error *error)
{
	if (err == -ENOENT)
		reply_problem(reply, 404, "%s", error->text);
	else if (err)
		reply_error(reply, err, error);
	else
		reply_nothing(reply);
}
