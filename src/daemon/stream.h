/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reply that goes on until somebody ends it: events, captures. Bytes wait in a queue of a stated
 * size; what does not fit is the writer's to count. Control thread only.
 */
#pragma once

#include "base/attr.h"
#include "base/list.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct stream;

struct stream_owner {
	/* Once: the client is gone, or the stream was ended and all is sent. The stream is no more.
	 */
	void (*on_close)(struct stream_owner *owner);
	/* The queue is empty and the client could take more. May write; NULL: nobody asked. */
	void (*on_empty)(struct stream_owner *owner);
};

/* limit: bytes that may wait. NULL: no memory. Give it to reply->stream at once. */
struct stream *stream_new(struct stream_owner *owner, size_t limit);
/* All of it, or false and nothing of it. */
bool stream_write(struct stream *stream, const void *bytes, size_t len);
/* Bytes that could be written now. */
size_t stream_room(const struct stream *stream);
/* What waits is still sent; the owner is told when that is done. */
void stream_end(struct stream *stream);

/* What http.c gives a stream to live on. */
struct stream_home {
	struct loop *loop;
	struct task pump; /* has the HTTP library look at its connections */
	struct list streams;
	bool is_closing; /* a stream that starts now ends at once */
};
struct MHD_Connection;
struct MHD_Response;
/* Takes the stream: it ends with the response, or at once when that cannot be made (NULL). */
struct MHD_Response *stream_start(
	struct stream *stream, struct stream_home *home, struct MHD_Connection *connection);
/* The daemon stops: nothing more is sent. */
void stream_abort_all(struct stream_home *home);
