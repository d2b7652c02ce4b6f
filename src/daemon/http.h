/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP/1.1 over connected sockets in our loop (libmicrohttpd). Knows no world and no routes. */
#pragma once

#include "daemon/reply.h"
#include "daemon/stream.h"

#define HTTP_BODY_MAX	     (1024 * 1024) /* bytes of a request's body */
#define HTTP_CONNECTIONS_MAX 128
#define HTTP_IDLE_SECONDS    60

struct http;

/* serve() answers every request that is whole. NULL: errno says why. */
struct http *http_new(struct loop *loop,
	void (*serve)(void *context, struct request *request, struct reply *reply), void *context);
/* Ends all streams and connections. NULL is fine. */
void http_free(struct http *http);
/* A connected socket and the descriptors that came with its first bytes; all are ours from here on,
 * also when there is no room for another connection. */
void http_accept(struct http *http, int fd, const int *fds, unsigned fd_count);
