/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/stream.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (32 * 1024)

struct stream {
	struct list node; /* the home's; in no list before stream_start() */
	struct stream_home *home;
	struct stream_owner *owner;
	struct MHD_Connection *connection;
	struct watch
		hangup; /* while suspended: the HTTP library does not look at the socket then */
	bool is_suspended, is_ended, is_broken;
	size_t start, len, size; /* bytes[start .. start + len) wait */
	char bytes[];
};

struct stream *stream_new(struct stream_owner *owner, size_t limit)
{
	struct stream *stream = malloc(sizeof(*stream) + limit);

	if (!stream)
		return NULL;
	*stream = (struct stream){.owner = owner, .size = limit};
	list_init(&stream->node);
	return stream;
}

static void resume(struct stream *stream)
{
	if (!stream->is_suspended)
		return;
	stream->is_suspended = false;
	loop_unwatch(&stream->hangup);
	MHD_resume_connection(stream->connection);
	loop_defer(stream->home->loop, &stream->home->pump);
}

static void on_hangup(struct watch *watch, uint32_t)
{
	struct stream *stream = CONTAINER_OF(watch, struct stream, hangup);

	stream->is_broken = true;
	resume(stream);
}

static int socket_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static void suspend(struct stream *stream)
{
	stream->hangup.on_ready = on_hangup;
	/* No events asked for: the kernel says a hang-up in any case, and nothing else. Where it
	 * cannot be watched, a client that left is found out with the next write. */
	(void)!loop_watch(stream->home->loop, &stream->hangup, socket_of(stream->connection), 0);
	stream->is_suspended = true;
	MHD_suspend_connection(stream->connection);
}

static ssize_t on_read(void *context, uint64_t, char *out, size_t max)
{
	struct stream *stream = context;
	size_t len;

	if (stream->is_broken)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!stream->len && stream->owner->on_empty)
		stream->owner->on_empty(stream->owner);
	len = MIN(stream->len, max);
	if (!len && stream->is_ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!len) {
		suspend(stream);
		return 0;
	}
	memcpy(out, stream->bytes + stream->start, len);
	stream->start += len;
	stream->len -= len;
	return (ssize_t)len;
}

static void on_free(void *context)
{
	struct stream *stream = context;

	loop_unwatch(&stream->hangup);
	list_remove(&stream->node);
	stream->owner->on_close(stream->owner);
	free(stream);
}

struct MHD_Response *stream_start(
	struct stream *stream, struct stream_home *home, struct MHD_Connection *connection)
{
	struct MHD_Response *response;

	stream->home = home;
	stream->connection = connection;
	stream->is_broken = home->is_closing;
	list_push_back(&home->streams, &stream->node);
	response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, stream, on_free);
	if (!response)
		on_free(stream);
	return response;
}

bool stream_write(struct stream *stream, const void *bytes, size_t len)
{
	if (len > stream_room(stream))
		return false;
	if (stream->start + stream->len + len > stream->size) {
		memmove(stream->bytes, stream->bytes + stream->start, stream->len);
		stream->start = 0;
	}
	memcpy(stream->bytes + stream->start + stream->len, bytes, len);
	stream->len += len;
	resume(stream);
	return true;
}

size_t stream_room(const struct stream *stream)
{
	return stream->is_ended ? 0 : stream->size - stream->len;
}

void stream_end(struct stream *stream)
{
	stream->is_ended = true;
	resume(stream);
}

void stream_abort_all(struct stream_home *home)
{
	home->is_closing = true;
	LIST_EACH(node, &home->streams) {
		struct stream *stream = LIST_ENTRY(node, struct stream, node);

		stream->is_broken = true;
		resume(stream);
	}
}
