/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a handler sees: the request, whole, and the reply to fill. Exactly one of the reply_*
 * functions, or reply->stream, answers a request.
 */
#pragma once

#include "base/attr.h"
#include "base/error.h"
#include "daemon/route.h"

#include <jansson.h>
#include <stddef.h>

struct stream;

/* Descriptors that came with a connection's first bytes (SCM_RIGHTS). Who uses one takes it and
 * leaves -1; the others are closed with the connection. */
#define REQUEST_FDS_MAX 4

struct request {
	const char *method, *path;
	struct route_parts parts;
	const char *body; /* body_len bytes; a NUL follows them */
	size_t body_len;
	int *fds; /* fd_count of them */
	unsigned fd_count;
	/* The value of ?key=value, or NULL. */
	const char *(*query)(const struct request *request, const char *key);
	void *connection;
};

struct reply {
	unsigned status;
	const char *type; /* Content-Type; a literal */
	char *text;	  /* malloc'ed, the reply's; NULL: no body */
	size_t len;
	char allowed[64];      /* Allow, with 405 */
	struct stream *stream; /* the body goes on: text is not used */
};

/* Takes the reference; value NULL: memory ran out. */
void reply_json(struct reply *reply, unsigned status, json_t *value);
/* text: malloc'ed, the reply's from here on; NULL: memory ran out. */
void reply_text(struct reply *reply, const char *type, char *text);
void reply_nothing(struct reply *reply); /* 204 */
/* RFC 9457: title is the status's name, detail the sentence. */
void reply_problem(struct reply *reply, unsigned status, const char *format, ...) PRINTF_LIKE(3, 4);
/* The sentence of a set-up that failed with -errno. */
void reply_error(struct reply *reply, int err, const struct error *error);
/* Of a change to what the path names: nothing, the sentence of why not, 404 where there is no such
 * thing (-ENOENT). */
void reply_outcome(struct reply *reply, int err, const struct error *error);
