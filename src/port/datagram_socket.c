/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/datagram_socket.h"

#include "base/map.h"
#include "base/random.h"
#include "port/datagram_link.h"
#include "port/gone.h"
#include "port/strangers.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What is asked of the kernel's buffer, which all share that are connected to the socket. */
#define BUFFER_SIZE (4 * 1024 * 1024)

struct datagram_socket {
	struct loop *loop;
	struct watch watch;
	int fd;
	int buffer_size;
	struct datagram_socket_settings settings;
	struct hash_key key;
	struct map peers; /* by address */
	struct strangers strangers;
	struct task telling;
};

struct peer {
	struct port port;
	struct loop *loop;
	struct datagram_socket *socket; /* NULL: closed */
	struct map_node node;
	struct peer_address address;
	uid_t who;
	struct datagram_link link;
	int path_fd;	   /* of its socket while that is sent to over ours; else -1 */
	uint64_t heard_at; /* link.written when it spoke last */
	struct gone gone;
	struct task first; /* the frame that it sent before it had a port */
	uint32_t first_len;
	uint8_t first_frame[];
};

static uint64_t hash_of(const struct datagram_socket *socket, const struct peer_address *address)
{
	return hash_sip(&socket->key, &address->name, address->len);
}

static struct peer *find_peer(
	const struct datagram_socket *socket, const struct peer_address *address)
{
	struct map_node *node = map_first(&socket->peers, hash_of(socket, address));

	for (; node; node = map_next(node)) {
		struct peer *peer = CONTAINER_OF(node, struct peer, node);

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

static void give_run(
	struct peer *peer, const struct frame *frames, unsigned count, struct loop *loop)
{
	if (!peer || !count)
		return;
	peer->heard_at = peer->link.written;
	hub_receive(&peer->port, frames, count, loop_now(loop));
}

/* Neighbours from the same peer go to the hub together. */
static void give_to_hub(struct datagram_socket *socket, const struct datagram_batch *batch,
	const struct datagram_source *sources)
{
	struct peer *peer = NULL, *from;
	unsigned start = 0;
	bool is_frame;

	for (unsigned i = 0; i < batch->count; i++) {
		from = peer;
		if (!from || !peer_address_equal(&from->address, &sources[i].address))
			from = find_peer(socket, &sources[i].address);
		is_frame = from && datagram_is_frame(&from->port, &batch->frames[i]);
		if (from != peer || !is_frame) {
			give_run(peer, batch->frames + start, i - start, socket->loop);
			peer = from;
			start = is_frame ? i : i + 1;
		}
		if (!from)
			hear_stranger(socket, &sources[i], &batch->frames[i]);
	}
	give_run(peer, batch->frames + start, batch->count - start, socket->loop);
}

static void on_socket_ready(struct watch *watch, uint32_t)
{
	struct datagram_socket *socket = CONTAINER_OF(watch, struct datagram_socket, watch);
	struct datagram_source sources[DATAGRAM_BATCH];
	struct datagram_batch batch;

	/* An error that waited in the socket is read with that, and is about nobody. */
	if (!datagram_read(socket->loop, socket->fd, &batch, sources))
		give_to_hub(socket, &batch, sources);
}

/* The kernel's answer is twice what was asked for, as it counts its own overhead. */
static void enlarge_buffer(struct datagram_socket *socket)
{
	int size = BUFFER_SIZE;
	socklen_t len = sizeof(size);

	if (setsockopt(socket->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(socket->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	getsockopt(socket->fd, SOL_SOCKET, SO_SNDBUF, &size, &len);
	socket->buffer_size = size;
}

static int start(struct datagram_socket *socket)
{
	const int on = 1;

	/* Who speaks for the first time is to be known. */
	if (setsockopt(socket->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return -errno;
	enlarge_buffer(socket);
	return loop_watch(socket->loop, &socket->watch, socket->fd, EPOLLIN);
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
	socket->fd = fd;
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
		struct peer *peer = CONTAINER_OF(node, struct peer, node);

		gone_tell(&peer->gone, "the socket it spoke to was closed");
		peer->socket = NULL;
	}
	map_done(&socket->peers);
	loop_undefer(socket->loop, &socket->telling);
	loop_unwatch(&socket->watch);
	close(socket->fd);
	free(socket);
}

uint64_t datagram_socket_ignored(const struct datagram_socket *socket)
{
	return socket->strangers.ignored;
}

/* The port of one peer. */

static struct peer *peer_of(struct port *port)
{
	return CONTAINER_OF(port, struct peer, port);
}

static void close_path(struct peer *peer)
{
	if (peer->path_fd >= 0)
		close(peer->path_fd);
	peer->path_fd = -1;
}

/*
 * A peer that is not connected gets a socket of our own that is connected to it: the kernel then
 * says when its queue has room, and looks its path up once. One that is connected hears only the
 * socket that it is connected to, which is the one that all share.
 */
static int reach_by_path(struct peer *peer)
{
	struct peer_address address = peer_path_address(peer->path_fd);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), code = errno;

	if (fd >= 0) {
		if (!connect(fd, (struct sockaddr *)&address.name, address.len))
			return datagram_link_connect(&peer->link, fd, 0);
		code = errno;
		close(fd);
	}
	if (code != EPERM && code != EMFILE && code != ENFILE)
		return -code;
	datagram_link_share(&peer->link, peer->socket->fd, &address);
	return 0;
}

static int reach(struct peer *peer)
{
	int err;

	if (!peer->socket)
		return -ECONNREFUSED;
	close_path(peer);
	peer->path_fd = peer_path_open(&peer->address, peer->who);
	if (peer->path_fd < 0)
		return peer->path_fd;
	err = reach_by_path(peer);
	if (err || !peer->link.to.len)
		close_path(peer);
	return err;
}

static int find_again(struct datagram_link *link)
{
	return reach(CONTAINER_OF(link, struct peer, link));
}

static void on_lost(struct datagram_link *link, int code)
{
	struct peer *peer = CONTAINER_OF(link, struct peer, link);

	gone_tell(&peer->gone, "%s", datagram_lost_text(code));
}

/*
 * The kernel bounds what waits for a peer that is connected to the socket by the socket's buffer
 * alone, which is everybody's. So while that is half full, peers that have let a sixteenth of it
 * pass without a word get no more: they are stopped, or at least not those who are talking.
 */
static bool may_write(struct datagram_link *link)
{
	const struct peer *peer = CONTAINER_OF(link, struct peer, link);
	int waiting = 0;

	if (!link->to.len ||
		link->written - peer->heard_at < (uint64_t)peer->socket->buffer_size / 16)
		return true;
	ioctl(link->fd, SIOCOUTQ, &waiting);
	return waiting < peer->socket->buffer_size / 2;
}

static void on_peer_ready(struct watch *watch, uint32_t events)
{
	struct peer *peer = CONTAINER_OF(watch, struct peer, link.watch);
	int code = 0;
	socklen_t len = sizeof(code);

	if (events & ~EPOLLOUT)
		getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &code, &len); /* and clears it */
	if (code)
		on_lost(&peer->link, code);
	else
		datagram_link_drain(&peer->link);
}

static void give_first(struct task *task)
{
	struct peer *peer = CONTAINER_OF(task, struct peer, first);
	struct frame frame = frame_linear(peer->first_frame, peer->first_len);

	hub_receive(&peer->port, &frame, 1, loop_now(peer->loop));
}

static void peer_send(struct port *port, const struct frame *frames, unsigned count)
{
	datagram_link_send(&peer_of(port)->link, frames, count);
}

static void peer_free(struct port *port)
{
	struct peer *peer = peer_of(port);

	if (peer->socket)
		map_remove(&peer->socket->peers, &peer->node);
	gone_done(&peer->gone);
	loop_undefer(peer->loop, &peer->first);
	datagram_link_done(&peer->link);
	close_path(peer);
	free(peer);
}

static const struct port_ops peer_ops = {.kind = "vm", .send = peer_send, .free = peer_free};

static struct peer *make_peer(struct datagram_socket *socket, const struct stranger *stranger,
	const struct port_settings *settings)
{
	struct peer *peer = calloc(1, sizeof(*peer) + stranger->frame_len);

	if (!peer)
		return NULL;
	peer->loop = socket->loop;
	peer->address = stranger->address;
	peer->who = stranger->who;
	peer->path_fd = -1;
	peer->first.run = give_first;
	peer->first_len = stranger->frame_len;
	memcpy(peer->first_frame, stranger->frame, stranger->frame_len);
	peer->port.ops = &peer_ops;
	gone_init(&peer->gone, socket->loop, &peer->port, settings);
	peer->gone.watches[0] = &peer->link.watch;
	peer->link.port = &peer->port;
	peer->link.loop = socket->loop;
	peer->link.watch.on_ready = on_peer_ready;
	peer->link.find_again = find_again;
	peer->link.on_lost = on_lost;
	peer->link.may_write = may_write;
	datagram_link_init(&peer->link);
	return peer;
}

static int add_peer(struct datagram_socket *socket, struct peer *peer)
{
	int err;

	if (socket->peers.count >= DATAGRAM_PEERS_MAX)
		return -ENOSPC;
	err = map_insert(&socket->peers, &peer->node, hash_of(socket, &peer->address));
	if (err)
		return err;
	peer->socket = socket;
	return reach(peer);
}

struct port *datagram_port_new(struct datagram_socket *socket, const struct sockaddr_un *name,
	socklen_t name_len, const struct port_settings *settings)
{
	const struct peer_address address = {*name, name_len};
	const struct stranger *stranger = strangers_find(&socket->strangers, &address);
	struct peer *peer;
	int err;

	if (!stranger) {
		errno = find_peer(socket, &address) ? EADDRINUSE : ENOENT;
		return NULL;
	}
	peer = make_peer(socket, stranger, settings);
	if (!peer)
		return NULL;
	err = add_peer(socket, peer);
	if (err) {
		peer_free(&peer->port);
		errno = -err;
		return NULL;
	}
	strangers_forget(&socket->strangers, &address);
	if (peer->first_len)
		loop_defer(socket->loop, &peer->first);
	return &peer->port;
}
