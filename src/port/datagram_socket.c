/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/datagram_socket.h"

#include "base/random.h"
#include "port/datagram_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* What is asked of the kernel's buffer, which all share that are connected to the socket. */
#define BUFFER_SIZE (4 * 1024 * 1024)

struct datagram_socket {
	struct loop *loop;
	struct watch watch;
	struct datagram_shared shared;
	struct datagram_socket_settings settings;
	struct hash_key key;
	struct map peers; /* by address */
	struct strangers strangers;
	struct task telling;
};

static uint64_t hash_of(const struct datagram_socket *socket, const struct peer_address *address)
{
	return hash_sip(&socket->key, &address->name, address->len);
}

static struct datagram_peer *find_peer(
	const struct datagram_socket *socket, const struct peer_address *address)
{
	struct map_node *node = map_first(&socket->peers, hash_of(socket, address));

	for (; node; node = map_next(node)) {
		struct datagram_peer *peer = CONTAINER_OF(node, struct datagram_peer, node);

		if (peer_address_equal(&peer->address, address))
			return peer;
	}
	return NULL;
}

static void tell_of_strangers(struct task *task)
{
	struct datagram_socket *socket = CONTAINER_OF(task, struct datagram_socket, telling);
	const struct stranger *stranger;

	while ((stranger = strangers_tell(&socket->strangers))) {
		const struct peer_address address = stranger->address;

		socket->settings.on_peer(socket->settings.owner, &address.name, address.len);
	}
}

static void hear_stranger(struct datagram_socket *socket, const struct datagram_source *source,
	const struct frame *frame)
{
	if (socket->peers.count >= DATAGRAM_PEERS_MAX)
		socket->strangers.ignored++;
	else if (strangers_hear(&socket->strangers, source, frame, loop_now(socket->loop)))
		loop_defer(socket->loop, &socket->telling);
}

static void give_run(struct datagram_peer *peer, const struct frame *frames, unsigned count)
{
	if (peer && count)
		datagram_peer_receive(peer, frames, count);
}

/* Neighbours from the same peer go to the hub together. */
static void give_to_hub(struct datagram_socket *socket, const struct datagram_batch *batch,
	const struct datagram_source *sources)
{
	struct datagram_peer *peer = NULL, *from;
	unsigned start = 0;
	bool is_frame;

	for (unsigned i = 0; i < batch->count; i++) {
		from = peer;
		if (!from || !peer_address_equal(&from->address, &sources[i].address))
			from = find_peer(socket, &sources[i].address);
		is_frame = from && datagram_is_frame(&from->port, &batch->frames[i]);
		if (from != peer || !is_frame) {
			give_run(peer, batch->frames + start, i - start);
			peer = from;
			start = is_frame ? i : i + 1;
		}
		if (!from)
			hear_stranger(socket, &sources[i], &batch->frames[i]);
	}
	give_run(peer, batch->frames + start, batch->count - start);
}

static void on_socket_ready(struct watch *watch, uint32_t)
{
	struct datagram_socket *socket = CONTAINER_OF(watch, struct datagram_socket, watch);
	struct datagram_source sources[DATAGRAM_BATCH];
	struct datagram_batch batch;

	/* An error that waited in the socket is read with that, and is about nobody. */
	if (!datagram_read(socket->loop, socket->shared.fd, &batch, sources))
		give_to_hub(socket, &batch, sources);
}

/* The kernel's answer is twice what was asked for, as it counts its own overhead. */
static void enlarge_buffer(struct datagram_socket *socket)
{
	int size = BUFFER_SIZE;
	socklen_t len = sizeof(size);

	if (setsockopt(socket->shared.fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(socket->shared.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	getsockopt(socket->shared.fd, SOL_SOCKET, SO_SNDBUF, &size, &len);
	socket->shared.buffer_size = size;
}

static int start(struct datagram_socket *socket)
{
	const int on = 1;

	/* Who speaks for the first time is to be known. */
	if (setsockopt(socket->shared.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return -errno;
	enlarge_buffer(socket);
	return loop_watch(socket->loop, &socket->watch, socket->shared.fd, EPOLLIN);
}

struct datagram_socket *datagram_socket_new(
	struct loop *loop, int fd, const struct datagram_socket_settings *settings)
{
	struct datagram_socket *socket = calloc(1, sizeof(*socket));
	int err;

	if (!socket) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	socket->loop = loop;
	socket->shared.fd = fd;
	socket->settings = *settings;
	socket->watch.on_ready = on_socket_ready;
	socket->telling.run = tell_of_strangers;
	random_bytes(&socket->key, sizeof(socket->key));
	err = start(socket);
	if (!err)
		return socket;
	datagram_socket_free(socket);
	errno = -err;
	return NULL;
}

void datagram_socket_free(struct datagram_socket *socket)
{
	struct map_cursor cursor = {0};
	struct map_node *node;

	if (!socket)
		return;
	while ((node = map_walk(&socket->peers, &cursor))) {
		struct datagram_peer *peer = CONTAINER_OF(node, struct datagram_peer, node);

		peer->on_free = NULL;
		datagram_peer_close(peer);
	}
	map_done(&socket->peers);
	loop_undefer(socket->loop, &socket->telling);
	loop_unwatch(&socket->watch);
	close(socket->shared.fd);
	free(socket);
}

uint64_t datagram_socket_ignored(const struct datagram_socket *socket)
{
	return socket->strangers.ignored;
}

static void forget_peer(struct datagram_peer *peer)
{
	struct datagram_socket *socket = peer->owner;

	map_remove(&socket->peers, &peer->node);
}

static int add_peer(struct datagram_socket *socket, struct datagram_peer *peer)
{
	int err;

	if (socket->peers.count >= DATAGRAM_PEERS_MAX)
		return -ENOSPC;
	err = map_insert(&socket->peers, &peer->node, hash_of(socket, &peer->address));
	if (err)
		return err;
	peer->on_free = forget_peer;
	peer->owner = socket;
	return datagram_peer_start(peer, &socket->shared);
}

struct port *datagram_port_new(struct datagram_socket *socket, const struct sockaddr_un *name,
	socklen_t name_len, const struct port_settings *settings)
{
	const struct peer_address address = {*name, name_len};
	const struct stranger *stranger = strangers_find(&socket->strangers, &address);
	struct datagram_peer *peer;
	int err;

	if (!stranger) {
		errno = find_peer(socket, &address) ? EADDRINUSE : ENOENT;
		return NULL;
	}
	peer = datagram_peer_new(socket->loop, stranger, settings);
	if (!peer)
		return NULL;
	err = add_peer(socket, peer);
	if (err) {
		peer->port.ops->free(&peer->port);
		errno = -err;
		return NULL;
	}
	strangers_forget(&socket->strangers, &address);
	return &peer->port;
}
