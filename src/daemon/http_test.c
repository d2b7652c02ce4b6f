/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/events.h"
#include "daemon/http.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct server {
	struct loop *loop;
	struct http *http;
	struct events *events;
	struct timer patience;
	unsigned served;
	size_t body_len;
	unsigned fd_count;
	int taken;
};

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void on_silence_ended(struct stream_owner *)
{
}

static struct stream_owner silence = {.on_close = on_silence_ended};

static void serve(void *context, struct request *request, struct reply *reply)
{
	struct server *server = context;

	server->served++;
	server->body_len = request->body_len;
	server->fd_count = request->fd_count;
	if (!strcmp(request->path, "/events")) {
		reply->status = 200;
		reply->type = "text/event-stream";
		reply->stream = events_listen(server->events, NULL);
		return;
	}
	if (!strcmp(request->path, "/silence")) {
		reply->status = 200;
		reply->stream = stream_new(&silence, 100);
		return;
	}
	if (!strcmp(request->path, "/take")) {
		server->taken = request->fds[0];
		request->fds[0] = -1;
	}
	if (!strcmp(request->path, "/no"))
		reply_problem(reply, 404, "%s", request->query(request, "why"));
	else
		reply_json(reply, 200, json_pack("{s:s}", "method", request->method));
}

static void on_patience(struct timer *timer, nsec)
{
	loop_stop(CONTAINER_OF(timer, struct server, patience)->loop);
}

static int set_up(void **state)
{
	static struct server server;

	server = (struct server){.loop = loop_new(), .taken = -1};
	server.patience.on_expire = on_patience;
	server.events = events_new(server.loop);
	server.http = http_new(server.loop, serve, &server);
	*state = &server;
	return server.http ? 0 : -1;
}

static int tear_down(void **state)
{
	struct server *server = *state;

	http_free(server->http);
	events_free(server->events);
	loop_free(server->loop);
	return 0;
}

static void run(struct server *server)
{
	timer_set(server->loop, &server->patience, loop_now(server->loop) + 30 * NSEC_PER_MSEC);
	assert_int_equal(loop_run(server->loop), 0);
}

static int visit(struct server *server, const char *text, const int *fds, unsigned fd_count)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(write(pair[0], text, strlen(text)), (ssize_t)strlen(text));
	http_accept(server->http, pair[1], fds, fd_count);
	run(server);
	return pair[0];
}

static char *answer(int fd)
{
	static char text[256 * 1024];
	ssize_t len, used = 0;

	while ((len = read(fd, text + used, sizeof(text) - 1 - (size_t)used)) > 0)
		used += len;
	text[used] = '\0';
	return text;
}

static void expect(struct server *server, const char *request, const char *status, const char *part)
{
	int fd = visit(server, request, NULL, 0);
	char *text = answer(fd);

	close(fd);
	if (strncmp(text, status, strlen(status)) != 0 || !strstr(text, part))
		fail_msg("'%s' is not '%s' with '%s'", text, status, part);
}

static void answers(void **state)
{
	expect(*state, "GET /x HTTP/1.1\r\nHost: l\r\n\r\n", "HTTP/1.1 200 ",
		"\"method\": \"GET\"");
	/* RFC 9112 2.2: an empty line before the request is nothing. */
	expect(*state, "\r\nGET /x HTTP/1.1\r\nHost: l\r\n\r\n", "HTTP/1.1 200 ",
		"Content-Type: application/json\r\n");
}

static void problems_are_rfc_9457(void **state)
{
	const char request[] = "GET /no?why=there%20is%20none HTTP/1.1\r\nHost: l\r\n\r\n";

	expect(*state, request, "HTTP/1.1 404 ", "Content-Type: application/problem+json\r\n");
	expect(*state, request, "HTTP/1.1 404 ", "\"title\": \"Not Found\"");
	expect(*state, request, "HTTP/1.1 404 ", "\"detail\": \"there is none\"");
}

static void a_problem_is_one_line_of_text(void **state)
{
	static const char request[] = "GET /no?why=%ff%0ahub%e2%82%ac HTTP/1.1\r\nHost: l\r\n\r\n";

	expect(*state, request, "HTTP/1.1 404 ", "\"detail\": \"??hub\u20ac\"");
}

static void a_body_arrives_whole(void **state)
{
	struct server *server = *state;

	expect(server, "PUT /x HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 ", "PUT");
	assert_int_equal(server->body_len, 5);
	expect(server,
		"PUT /x HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nhel\r\n4\r\nlo!!\r\n0\r\n\r\n",
		"HTTP/1.1 200 ", "PUT");
	assert_int_equal(server->body_len, 7);
}

static void a_body_has_its_limit(void **state)
{
	struct server *server = *state;

	expect(server,
		"PUT /x HTTP/1.1\r\nHost: l\r\nContent-Length: 1048577\r\n"
		"Expect: 100-continue\r\n\r\n",
		"HTTP/1.1 413 ", "larger than 1048576 bytes");
	expect(server, "PUT /x HTTP/1.1\r\nHost: l\r\nContent-Length: 99999999999\r\n\r\n",
		"HTTP/1.1 413 ", "larger than 1048576 bytes");
	assert_int_equal(server->served, 0);
}

static void a_body_that_is_too_large_is_read_to_its_end(void **state)
{
	static char rest[HTTP_BODY_MAX + 1];
	struct server *server = *state;
	size_t sent = 0;
	int client = visit(
		server, "PUT /x HTTP/1.1\r\nHost: l\r\nContent-Length: 1048577\r\n\r\n", NULL, 0);

	memset(rest, 'x', sizeof(rest));
	while (sent < sizeof(rest)) {
		ssize_t len = write(client, rest + sent, sizeof(rest) - sent);

		sent += len < 0 ? 0 : (size_t)len;
		run(server);
	}
	assert_non_null(strstr(answer(client), "HTTP/1.1 413 "));
	assert_int_equal(server->served, 0);
	close(client);
}

static void nonsense_is_not_served(void **state)
{
	struct server *server = *state;
	static const char *const requests[] = {
		"\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", "GET /x HTTP/1.1\r\nbroken\r\n\r\n"};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		close(visit(server, requests[i], NULL, 0));
	assert_int_equal(server->served, 0);
}

static void descriptors_come_along(void **state)
{
	struct server *server = *state;
	int fds[2] = {dup(0), dup(0)}, client;

	client = visit(
		server, "POST /take HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n\r\n", fds, 2);
	assert_int_equal(server->fd_count, 2);
	assert_int_equal(server->taken, fds[0]);
	close(client);
	run(server);
	/* What nobody took is closed with the connection, what was taken is not. */
	assert_int_equal(fcntl(fds[0], F_GETFD), 0);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	close(fds[0]);
}

static void events_arrive(void **state)
{
	struct server *server = *state;
	int client = visit(server, "GET /events HTTP/1.1\r\nHost: l\r\n\r\n", NULL, 0);

	events_tell(server->events, "port-up", "hub8", "{s:s}", "port", "hub8.3");
	events_post(server->events, "warning", NULL, "{s:s}", "text", "later");
	run(server);
	assert_non_null(
		strstr(answer(client), "id: 1\nevent: port-up\ndata: {\"event\": \"port-up\""));
	events_tell(server->events, "port-down", "hub8", "{s:s}", "port", "hub8.3");
	run(server);
	assert_non_null(strstr(answer(client), "id: 3\nevent: port-down\n"));
	close(client);
	run(server);
	/* Nobody is left to tell; nothing is kept for him. */
	events_tell(server->events, "port-up", "hub8", "{}");
}

static void beyond_the_limit_nothing_is_kept(void **state)
{
	static const char request[] = "GET /x HTTP/1.1\r\nHost: l\r\n\r\n";
	struct server *server = *state;
	int clients[HTTP_CONNECTIONS_MAX + 8], before = open_descriptors(), fd;

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		int pair[2];

		assert_int_equal(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			0);
		assert_true(write(pair[0], request, strlen(request)) > 0);
		fd = dup(0);
		http_accept(server->http, pair[1], &fd, 1);
		clients[i] = pair[0];
	}
	run(server);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	run(server);
	assert_int_equal(open_descriptors(), before);
}

/* Chunks as they came, one after the other, to what was in them (RFC 9112 7.1). */
static void join_chunks(char *text)
{
	char *from = strstr(text, "\r\n\r\n") + 4, *to = text, *end;
	size_t len;

	while ((len = strtoul(from, &end, 16)) > 0) {
		memmove(to, end + 2, len);
		to += len;
		from = end + 2 + len + 2;
	}
	*to = '\0';
}

static unsigned count(const char *text, const char *part)
{
	unsigned found = 0;

	for (; (text = strstr(text, part)); text++)
		found++;
	return found;
}

static void a_slow_listener_hears_what_it_lost(void **state)
{
	static const char lost[] = "event: lost\ndata: {\"event\": \"lost\", \"count\": ";
	struct server *server = *state;
	int client = visit(server, "GET /events HTTP/1.1\r\nHost: l\r\n\r\n", NULL, 0);
	static char text[256 * 1024];
	char *at;

	for (int i = 0; i < 5000; i++)
		events_tell(server->events, "warning", NULL, "{s:i}", "number", i);
	run(server);
	strcpy(text, answer(client));
	run(server);
	events_tell(server->events, "warning", NULL, "{s:i}", "number", 5000);
	run(server);
	strcat(text, answer(client));
	join_chunks(text);
	at = strstr(text, lost);
	assert_non_null(at);
	assert_int_equal(count(text, lost), 1);
	assert_int_equal(count(text, "event: warning\n") + (unsigned)atoi(at + strlen(lost)), 5001);
	close(client);
}

static void ends_with_clients_there(void **state)
{
	struct server *server = *state;
	int streaming = visit(server, "GET /events HTTP/1.1\r\nHost: l\r\n\r\n", NULL, 0);
	int silent = visit(server, "GET /x HT", NULL, 0);

	tear_down(state);
	assert_int_equal(recv(silent, &(char){0}, 1, 0), 0);
	close(streaming);
	close(silent);
	assert_int_equal(set_up(state), 0);
}

static void ends_with_a_stream_asked_for(void **state)
{
	static const char rest[] = "TP/1.1\r\nHost: l\r\n\r\n";
	struct server *server = *state;
	int client = visit(server, "GET /silence HT", NULL, 0);

	assert_int_equal(write(client, rest, strlen(rest)), strlen(rest));
	tear_down(state);
	close(client);
	assert_int_equal(set_up(state), 0);
}

#define SERVER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(answers),
		SERVER_TEST(problems_are_rfc_9457),
		SERVER_TEST(a_problem_is_one_line_of_text),
		SERVER_TEST(a_body_arrives_whole),
		SERVER_TEST(a_body_has_its_limit),
		SERVER_TEST(a_body_that_is_too_large_is_read_to_its_end),
		SERVER_TEST(nonsense_is_not_served),
		SERVER_TEST(descriptors_come_along),
		SERVER_TEST(beyond_the_limit_nothing_is_kept),
		SERVER_TEST(events_arrive),
		SERVER_TEST(a_slow_listener_hears_what_it_lost),
		SERVER_TEST(ends_with_clients_there),
		SERVER_TEST(ends_with_a_stream_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
