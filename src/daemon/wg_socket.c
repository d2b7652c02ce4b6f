/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/wg_socket.h"

#include "base/list.h"
#include "base/log.h"
#include "daemon/unix_socket.h"
#include "wg/uapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER	     "/var/run/wireguard" /* wg(8)'s, wherever /run is */
#define NAME_LEN_MAX 15
#define CLIENTS_MAX  8
#define PIECE	     4096
#define REST	     (100 * NSEC_PER_MSEC)

struct client {
	struct list node;
	struct wg_socket *socket;
	struct watch watch;
	char *request, *reply; /* reply: NULL: it asks */
	size_t request_len, request_size, reply_len, sent;
};

struct wg_socket {
	struct loop *loop;
	struct wg_socket_settings settings;
	struct watch watch;
	struct timer rest; /* set: no descriptor was free for who knocked */
	struct list clients;
	unsigned client_count;
	char path[sizeof(FOLDER) + NAME_LEN_MAX + 8];
};

static void wipe_and_free(char *text, size_t len)
{
	if (text)
		explicit_bzero(text, len); /* there may be keys in it */
	free(text);
}

static void listen_again(struct wg_socket *socket)
{
	bool may_come = socket->client_count < CLIENTS_MAX && !heap_has(&socket->rest.node);

	(void)!loop_watch_change(&socket->watch, may_come ? EPOLLIN : 0);
}

static void client_free(struct client *client)
{
	struct wg_socket *socket = client->socket;
	int fd = client->watch.fd;

	loop_unwatch(&client->watch);
	close(fd);
	wipe_and_free(client->request, client->request_size);
	wipe_and_free(client->reply, client->reply_len);
	list_remove(&client->node);
	free(client);
	socket->client_count--;
	listen_again(socket);
}

/* False: it went. */
static bool send_reply(struct client *client)
{
	while (client->sent < client->reply_len) {
		ssize_t part = send(client->watch.fd, client->reply + client->sent,
			client->reply_len - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (part < 0 && errno == EAGAIN)
			return !loop_watch_change(&client->watch, EPOLLOUT);
		if (part < 0)
			return false;
		client->sent += (size_t)part;
	}
	wipe_and_free(client->reply, client->reply_len);
	client->reply = NULL;
	client->reply_len = client->sent = client->request_len = 0;
	return !loop_watch_change(&client->watch, EPOLLIN);
}

static bool make_room(struct client *client)
{
	size_t size = MAX(2 * client->request_size, PIECE);
	char *larger;

	if (client->request_len < client->request_size)
		return true;
	if (client->request_size >= UAPI_REQUEST_MAX)
		return false;
	larger = malloc(size);
	if (!larger)
		return false;
	if (client->request)
		memcpy(larger, client->request, client->request_len);
	wipe_and_free(client->request, client->request_size);
	client->request = larger;
	client->request_size = size;
	return true;
}

static bool read_request(struct client *client)
{
	const struct wg_socket_settings *settings = &client->socket->settings;
	ssize_t part;

	if (!make_room(client))
		return false;
	part = recv(client->watch.fd, client->request + client->request_len,
		client->request_size - client->request_len, MSG_DONTWAIT);
	if (part < 0 && errno == EAGAIN)
		return true;
	if (part <= 0)
		return false;
	client->request_len += (size_t)part;
	if (!uapi_is_whole(client->request, client->request_len))
		return true;
	client->reply = settings->answer(
		settings->owner, client->request, client->request_len, &client->reply_len);
	return client->reply && send_reply(client);
}

static void on_client(struct watch *watch, uint32_t)
{
	struct client *client = CONTAINER_OF(watch, struct client, watch);

	if (!(client->reply ? send_reply(client) : read_request(client)))
		client_free(client);
}

static void on_rested(struct timer *timer, nsec)
{
	listen_again(CONTAINER_OF(timer, struct wg_socket, rest));
}

static void on_knock(struct watch *watch, uint32_t)
{
	struct wg_socket *socket = CONTAINER_OF(watch, struct wg_socket, watch);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client = fd < 0 ? NULL : calloc(1, sizeof(*client));

	if (!client || loop_watch(socket->loop, &client->watch, fd, EPOLLIN)) {
		if (fd >= 0)
			close(fd);
		free(client);
		timer_set(socket->loop, &socket->rest, loop_now(socket->loop) + REST);
		listen_again(socket);
		return;
	}
	client->socket = socket;
	client->watch.on_ready = on_client;
	list_push_back(&socket->clients, &client->node);
	socket->client_count++;
	listen_again(socket);
}

static bool start(struct wg_socket *socket)
{
	struct error error = {0};
	int fd;

	if (mkdir(FOLDER, 0700) < 0 && errno != EEXIST)
		return false;
	if (access(FOLDER, W_OK) < 0)
		return false;
	if (unix_socket_open(socket->path, SOCK_STREAM, NULL, &fd, &error)) {
		log_warning("wg(8) will not find this link: %s", error.text);
		return false;
	}
	if (!loop_watch(socket->loop, &socket->watch, fd, EPOLLIN))
		return true;
	unlink(socket->path);
	close(fd);
	return false;
}

struct wg_socket *wg_socket_open(struct loop *loop, const struct wg_socket_settings *settings)
{
	struct wg_socket *socket = calloc(1, sizeof(*socket));

	if (!socket)
		return NULL;
	socket->loop = loop;
	socket->settings = *settings;
	socket->watch = (struct watch){.on_ready = on_knock, .fd = -1};
	socket->rest.on_expire = on_rested;
	list_init(&socket->clients);
	snprintf(socket->path, sizeof(socket->path), "%s/%.*s.sock", FOLDER, NAME_LEN_MAX,
		settings->name);
	if (start(socket))
		return socket;
	free(socket);
	return NULL;
}

void wg_socket_close(struct wg_socket *socket)
{
	int fd;

	if (!socket)
		return;
	while (!list_is_empty(&socket->clients))
		client_free(LIST_ENTRY(socket->clients.next, struct client, node));
	timer_cancel(socket->loop, &socket->rest);
	fd = socket->watch.fd;
	loop_unwatch(&socket->watch);
	unlink(socket->path);
	close(fd);
	free(socket);
}
