/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dns_stream.h"

#include "base/bytes.h"

#include <stdlib.h>

#define CONNECTIONS_MAX 64
#define IDLE_MAX	(30 * NSEC_PER_SEC) /* RFC 7766 6.2.3: some seconds at least */
#define MEMORY_MAX	(16 << 20)	    /* bytes of windows, over all of them */
#define QUERIES_MAX	16		    /* of one connection at once: the others wait in it */

struct dns_stream {
	struct tcp_connection *connection;
	struct dns_proxy *proxy;
	struct list queries; /* struct dns_query.of_stream */
	uint8_t *question;   /* coming in, with its length; room for what that says */
	size_t have;
	uint8_t length[DNS_LENGTH_LEN];
	uint8_t *answers; /* that found no room yet */
	size_t answers_len;
	bool is_finished; /* the guest says no more */
};

static struct dns_stream *of(struct tcp_connection *connection)
{
	return connection->owner;
}

static bool on_open(struct tcp_connection *connection, nsec)
{
	struct dns_streams *streams = CONTAINER_OF(connection->server, struct dns_streams, server);
	struct dns_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return false;
	stream->connection = connection;
	stream->proxy = streams->proxy;
	list_init(&stream->queries);
	connection->owner = stream;
	return true;
}

static bool is_busy(const struct dns_stream *stream)
{
	unsigned count = 0;

	LIST_EACH(node, &stream->queries)
		count++;
	return count >= QUERIES_MAX || stream->answers_len;
}

static void finish_when_done(struct dns_stream *stream)
{
	if (stream->is_finished && list_is_empty(&stream->queries) && !stream->answers_len)
		tcp_connection_finish(stream->connection);
}

static void ask(struct dns_stream *stream, const uint8_t *message, size_t len, nsec now)
{
	struct dns_asker asker = {.stream = stream};
	struct dns_query *query = dns_proxy_ask(stream->proxy, &asker, message, len, now);

	if (!query) {
		tcp_connection_abort(stream->connection);
		return;
	}
	list_push_back(&stream->queries, &query->of_stream);
}

/* Takes bytes up to the end of the length, or of the message. Returns how many; asks when it has
 * all of one. */
static size_t take(struct dns_stream *stream, const uint8_t *bytes, size_t len, nsec now)
{
	size_t want = DNS_LENGTH_LEN, n;

	if (stream->have < DNS_LENGTH_LEN) {
		n = MIN(len, DNS_LENGTH_LEN - stream->have);
		memcpy(stream->length + stream->have, bytes, n);
		stream->have += n;
		return n;
	}
	want += load_be16(stream->length);
	if (!stream->question)
		stream->question = malloc(want);
	if (!stream->question) {
		tcp_connection_abort(stream->connection);
		return len;
	}
	n = MIN(len, want - stream->have);
	memcpy(stream->question + stream->have, bytes, n);
	stream->have += n;
	if (stream->have < want)
		return n;
	ask(stream, stream->question + DNS_LENGTH_LEN, want - DNS_LENGTH_LEN, now);
	free(stream->question);
	stream->question = NULL;
	stream->have = 0;
	return n;
}

static size_t on_bytes(struct tcp_connection *connection, const struct iovec *parts, unsigned count,
	size_t, nsec now)
{
	struct dns_stream *stream = of(connection);
	size_t taken = 0;

	for (unsigned i = 0; i < count; i++) {
		const uint8_t *at = parts[i].iov_base;
		size_t left = parts[i].iov_len;

		while (left) {
			size_t n;

			if (is_busy(stream))
				return taken;
			n = take(stream, at, left, now);
			at += n;
			left -= n;
			taken += n;
		}
	}
	return taken;
}

static void on_room(struct tcp_connection *connection, nsec now)
{
	struct dns_stream *stream = of(connection);
	uint32_t written;

	if (!stream->answers_len)
		return;
	written = tcp_connection_write(
		connection, stream->answers, (uint32_t)stream->answers_len, now);
	stream->answers_len -= written;
	memmove(stream->answers, stream->answers + written, stream->answers_len);
	if (stream->answers_len)
		return;
	free(stream->answers);
	stream->answers = NULL;
	tcp_connection_resume(connection, now);
	finish_when_done(stream);
}

static void on_finished(struct tcp_connection *connection, nsec)
{
	struct dns_stream *stream = of(connection);

	stream->is_finished = true;
	finish_when_done(stream);
}

static void on_end(struct tcp_connection *connection)
{
	struct dns_stream *stream = of(connection);

	LIST_EACH(node, &stream->queries)
		dns_query_cancel(LIST_ENTRY(node, struct dns_query, of_stream));
	free(stream->question);
	free(stream->answers);
	free(stream);
	connection->owner = NULL;
}

static const struct tcp_server_ops server_ops = {
	.on_open = on_open,
	.on_bytes = on_bytes,
	.on_room = on_room,
	.on_finished = on_finished,
	.on_end = on_end,
};

static bool keep(struct dns_stream *stream, const uint8_t *bytes, size_t len)
{
	uint8_t *answers;

	if (!len)
		return true;
	answers = realloc(stream->answers, stream->answers_len + len);
	if (!answers)
		return false;
	memcpy(answers + stream->answers_len, bytes, len);
	stream->answers = answers;
	stream->answers_len += len;
	return true;
}

/* Behind what waits already; else what finds no room waits. */
static void write_out(struct dns_stream *stream, const uint8_t *bytes, size_t len, nsec now)
{
	size_t written = 0;

	if (!stream->answers_len)
		written = tcp_connection_write(stream->connection, bytes, (uint32_t)len, now);
	if (!keep(stream, bytes + written, len - written))
		tcp_connection_abort(stream->connection);
}

void dns_stream_answer(struct dns_query *query, const uint8_t *message, size_t len, nsec now)
{
	struct dns_stream *stream = query->asker.stream;
	uint8_t length[DNS_LENGTH_LEN];

	store_be16(length, (uint16_t)len);
	write_out(stream, length, sizeof(length), now);
	write_out(stream, message, len, now);
	list_remove(&query->of_stream);
	if (!is_busy(stream))
		tcp_connection_resume(stream->connection, now);
	finish_when_done(stream);
}

void dns_streams_init(struct dns_streams *streams, struct dns_proxy *proxy, struct host *host,
	struct machine *machine, const struct hash_key *key)
{
	const struct tcp_server_settings settings = {.port = DNS_PORT,
		.connections_max = CONNECTIONS_MAX,
		.idle_max = IDLE_MAX,
		.memory_max = MEMORY_MAX};

	streams->proxy = proxy;
	tcp_server_init(&streams->server, &server_ops, host, machine, &settings, key);
}

void dns_streams_done(struct dns_streams *streams, nsec now)
{
	tcp_server_done(&streams->server, now);
}
