/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/datagram_entrance.h"

#include "port/datagram_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KNOCKS_MAX 16 /* at once; who finds no place is told of again in a second */

/* Somebody new, on his way from the hub's thread to control. */
struct knock {
	struct task task;
	struct datagram_entrance *datagrams;
	struct sockaddr_un peer;
	socklen_t peer_len;
	atomic_bool is_under_way;
};

struct datagram_entrance {
	struct world_port *entrance;
	struct datagram_socket *socket; /* the hub's thread's */
	int fd;				/* until it is the socket's */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct knock knocks[KNOCKS_MAX];
};

/* Control. */
static void on_knock(struct task *task)
{
	struct knock *knock = CONTAINER_OF(task, struct knock, task);

	world_client_plug(knock->datagrams->entrance, -1, &knock->peer, knock->peer_len);
	atomic_store(&knock->is_under_way, false);
}

/* The hub's thread. */
static void on_peer(void *owner, const struct sockaddr_un *peer, socklen_t peer_len)
{
	struct datagram_entrance *datagrams = owner;

	for (unsigned i = 0; i < KNOCKS_MAX; i++) {
		struct knock *knock = &datagrams->knocks[i];

		if (atomic_load(&knock->is_under_way))
			continue;
		atomic_store(&knock->is_under_way, true);
		memcpy(&knock->peer, peer, peer_len);
		knock->peer_len = peer_len;
		loop_post(datagrams->entrance->hub->world->loop, &knock->task);
		return;
	}
}

static void make(void *argument)
{
	struct datagram_entrance *datagrams = argument;
	struct datagram_socket_settings settings = {.on_peer = on_peer, .owner = datagrams};
	struct loop *loop = worker_loop(datagrams->entrance->hub->worker);

	datagrams->socket = datagram_socket_new(loop, datagrams->fd, &settings);
	datagrams->fd = datagrams->socket ? 0 : -errno;
}

static void end(void *argument)
{
	datagram_socket_free(((struct datagram_entrance *)argument)->socket);
}

int datagram_entrance_open(struct world_port *entrance, int fd, const char *path,
	struct datagram_entrance **ret_datagrams, struct error *error)
{
	struct datagram_entrance *datagrams = calloc(1, sizeof(*datagrams));

	if (!datagrams) {
		close(fd);
		return error_set(error, ENOMEM, "out of memory");
	}
	datagrams->entrance = entrance;
	datagrams->fd = fd;
	if (path)
		snprintf(datagrams->path, sizeof(datagrams->path), "%s", path);
	for (unsigned i = 0; i < KNOCKS_MAX; i++) {
		datagrams->knocks[i].task.run = on_knock;
		datagrams->knocks[i].datagrams = datagrams;
	}
	worker_call(entrance->hub->worker, make, datagrams);
	if (!datagrams->socket) {
		int code = -datagrams->fd;

		datagram_entrance_close(datagrams);
		return error_set(error, code, "%s: %s", path ? path : "the socket", strerror(code));
	}
	*ret_datagrams = datagrams;
	return 0;
}

void datagram_entrance_close(struct datagram_entrance *datagrams)
{
	if (!datagrams)
		return;
	worker_call(datagrams->entrance->hub->worker, end, datagrams);
	/* The hub's thread has let go: nobody can post any more. */
	for (unsigned i = 0; i < KNOCKS_MAX; i++)
		loop_undefer(datagrams->entrance->hub->world->loop, &datagrams->knocks[i].task);
	if (datagrams->path[0])
		unlink(datagrams->path);
	free(datagrams);
}

struct port *datagram_entrance_make(struct datagram_entrance *datagrams, struct world_port *client)
{
	struct port_settings settings = world_port_settings(client);

	return datagram_port_new(datagrams->socket, &client->peer, client->peer_len, &settings);
}
