/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes of a body that is too large that are read all the same, for the client to hear why. */
#define BODY_DRAIN_MAX (64 * 1024 * 1024)

/* A client, from http_accept() until its socket closes. */
struct client {
	struct list node; /* arriving, until the library has told us its connection */
	int socket;
	int fds[REQUEST_FDS_MAX];
	unsigned fd_count;
};

/* A request being received. */
struct exchange {
	char *body;
	size_t len, size;
	size_t received; /* with what was thrown away */
	bool is_too_large;
};

struct http {
	struct stream_home home;
	struct MHD_Daemon *daemon;
	struct watch watch; /* the library's own epoll descriptor */
	struct timer timer;
	struct list arriving;
	void (*serve)(void *context, struct request *request, struct reply *reply);
	void *context;
};

static void client_free(struct client *client)
{
	for (unsigned i = 0; i < client->fd_count; i++) {
		if (client->fds[i] >= 0)
			close(client->fds[i]);
	}
	list_remove(&client->node);
	free(client);
}

/* Lets the library work, and comes back when it wants to. */
static void pump(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG msec;

	MHD_run(http->daemon);
	if (MHD_get_timeout(http->daemon, &msec) != MHD_YES)
		timer_cancel(http->home.loop, &http->timer);
	else
		timer_set(http->home.loop, &http->timer,
			loop_now(http->home.loop) + (nsec)msec * NSEC_PER_MSEC);
}

static void on_ready(struct watch *watch, uint32_t)
{
	pump(CONTAINER_OF(watch, struct http, watch));
}

static void on_timer(struct timer *timer, nsec)
{
	pump(CONTAINER_OF(timer, struct http, timer));
}

static void on_pump(struct task *task)
{
	pump(CONTAINER_OF(task, struct http, home.pump));
}

static struct client *find_arriving(struct http *http, struct MHD_Connection *connection)
{
	int socket =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

	LIST_EACH(node, &http->arriving) {
		struct client *client = LIST_ENTRY(node, struct client, node);

		if (client->socket == socket)
			return client;
	}
	return NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **ret_client,
	enum MHD_ConnectionNotificationCode code)
{
	struct client *client;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*ret_client)
			client_free(*ret_client);
		*ret_client = NULL;
		return;
	}
	client = find_arriving(context, connection);
	if (client)
		list_remove(&client->node);
	*ret_client = client;
}

static bool has_room(struct exchange *exchange, size_t more)
{
	size_t wanted = exchange->len + more + 1, size = exchange->size ? exchange->size : 1024;
	char *body;

	if (exchange->len + more > HTTP_BODY_MAX)
		return false;
	while (size < wanted)
		size *= 2;
	if (size == exchange->size)
		return true;
	body = realloc(exchange->body, size);
	if (!body)
		return false;
	exchange->body = body;
	exchange->size = size;
	return true;
}

/* Of a body that is too large the rest is read and thrown away: the client then hears why. */
static void receive(struct exchange *exchange, const char *data, size_t len)
{
	exchange->received += len;
	exchange->is_too_large = exchange->is_too_large || !has_room(exchange, len);
	if (exchange->is_too_large)
		return;
	memcpy(exchange->body + exchange->len, data, len);
	exchange->len += len;
	exchange->body[exchange->len] = '\0';
}

static const char *query(const struct request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, key);
}

static struct MHD_Response *response_of(
	struct http *http, struct MHD_Connection *connection, struct reply *reply)
{
	if (reply->stream)
		return stream_start(reply->stream, &http->home, connection);
	return MHD_create_response_from_buffer(reply->len, reply->text,
		reply->text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_reply(
	struct http *http, struct MHD_Connection *connection, struct reply *reply)
{
	struct MHD_Response *response = response_of(http, connection, reply);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (reply->type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	if (reply->allowed[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allowed);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static struct client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection,
	const char *path, const char *method, struct exchange *exchange)
{
	struct client *client = client_of(connection);
	struct reply reply = {0};
	struct request request = {
		.method = method,
		.path = path,
		.body = exchange->body ? exchange->body : "",
		.body_len = exchange->len,
		.fds = client ? client->fds : NULL,
		.fd_count = client ? client->fd_count : 0,
		.query = query,
		.connection = connection,
	};

	if (exchange->is_too_large)
		reply_problem(&reply, 413, "the body is larger than %d bytes", HTTP_BODY_MAX);
	else
		http->serve(http->context, &request, &reply);
	return send_reply(http, connection, &reply);
}

static uint64_t announced_len(struct MHD_Connection *connection)
{
	const char *len = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return len ? strtoull(len, NULL, 10) : 0;
}

/* A client that asks first, or has far too much, hears so before it sends; others send to the end
 * and could not listen before (RFC 9110 10.1.1, 15.5.14). */
static bool must_hear_now(struct MHD_Connection *connection)
{
	uint64_t len = announced_len(connection);

	return len > BODY_DRAIN_MAX ||
	       (len > HTTP_BODY_MAX && MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					       MHD_HTTP_HEADER_EXPECT));
}

/* Called with the headers, then with each piece of the body, then with none: it is whole. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
	const char *path, const char *method, const char *, const char *data, size_t *data_len,
	void **state)
{
	struct exchange *exchange = *state;

	if (!exchange) {
		*state = exchange = calloc(1, sizeof(*exchange));
		if (!exchange)
			return MHD_NO;
		exchange->is_too_large = announced_len(connection) > HTTP_BODY_MAX;
		return must_hear_now(connection)
			       ? answer(context, connection, path, method, exchange)
			       : MHD_YES;
	}
	if (*data_len) {
		receive(exchange, data, *data_len);
		*data_len = 0;
		return exchange->received > BODY_DRAIN_MAX ? MHD_NO : MHD_YES;
	}
	return answer(context, connection, path, method, exchange);
}

static void on_completed(
	void *, struct MHD_Connection *, void **state, enum MHD_RequestTerminationCode)
{
	struct exchange *exchange = *state;

	if (exchange)
		free(exchange->body);
	free(exchange);
	*state = NULL;
}

static int start(struct http *http)
{
	const union MHD_DaemonInfo *info;

	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, http, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)HTTP_IDLE_SECONDS, MHD_OPTION_END);
	if (!http->daemon)
		return -ENOMEM;
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info || info->epoll_fd < 0)
		return -ENOSYS;
	return loop_watch(http->home.loop, &http->watch, info->epoll_fd, EPOLLIN);
}

struct http *http_new(struct loop *loop,
	void (*serve)(void *context, struct request *request, struct reply *reply), void *context)
{
	struct http *http = calloc(1, sizeof(*http));
	int err;

	if (!http)
		return NULL;
	http->home.loop = loop;
	http->home.pump.run = on_pump;
	http->watch.on_ready = on_ready;
	http->timer.on_expire = on_timer;
	http->serve = serve;
	http->context = context;
	list_init(&http->home.streams);
	list_init(&http->arriving);
	err = start(http);
	if (err) {
		http_free(http);
		errno = -err;
		return NULL;
	}
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	if (http->daemon) {
		stream_abort_all(&http->home);
		MHD_run(http->daemon); /* a suspended connection must not meet the end */
		loop_unwatch(&http->watch);
		MHD_stop_daemon(http->daemon);
	}
	timer_cancel(http->home.loop, &http->timer);
	loop_undefer(http->home.loop, &http->home.pump);
	LIST_EACH(node, &http->arriving)
		client_free(LIST_ENTRY(node, struct client, node));
	free(http);
}

void http_accept(struct http *http, int fd, const int *fds, unsigned fd_count)
{
	const struct sockaddr nobody = {.sa_family = AF_UNIX};
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		for (unsigned i = 0; i < fd_count; i++)
			close(fds[i]);
		close(fd);
		return;
	}
	client->socket = fd;
	for (client->fd_count = 0; client->fd_count < fd_count; client->fd_count++)
		client->fds[client->fd_count] = fds[client->fd_count];
	list_push_back(&http->arriving, &client->node);
	/* When it says no, the socket is closed already; the client that never became one goes. */
	if (MHD_add_connection(http->daemon, fd, &nobody, sizeof(nobody)) != MHD_YES) {
		client_free(client);
		return;
	}
	loop_defer(http->home.loop, &http->home.pump);
}
