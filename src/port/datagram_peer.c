/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/datagram_peer.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct datagram_peer *peer_of(struct port *port)
{
	return CONTAINER_OF(port, struct datagram_peer, port);
}

static void close_path(struct datagram_peer *peer)
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
static int reach_by_path(struct datagram_peer *peer)
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
	datagram_link_share(&peer->link, peer->shared->fd,
		peer_path_is_harmless(peer->who) ? &peer->address : &address);
	return 0;
}

static int reach(struct datagram_peer *peer)
{
	int err;

	if (!peer->shared)
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
	return reach(CONTAINER_OF(link, struct datagram_peer, link));
}

static void on_lost(struct datagram_link *link, int code)
{
	struct datagram_peer *peer = CONTAINER_OF(link, struct datagram_peer, link);

	gone_tell(&peer->gone, "%s", datagram_lost_text(code));
}

/*
 * The kernel bounds what waits for a peer that is connected to the socket by the socket's buffer
 * alone, which is everybody's. So while that is half full, peers that have let a sixteenth of it
 * pass without a word get no more: they are stopped, or at least not those who are talking.
 */
static bool may_write(struct datagram_link *link)
{
	const struct datagram_peer *peer = CONTAINER_OF(link, struct datagram_peer, link);
	int waiting = 0;

	if (!link->to.len ||
		link->written - peer->heard_at < (uint64_t)peer->shared->buffer_size / 16)
		return true;
	ioctl(link->fd, SIOCOUTQ, &waiting);
	return waiting < peer->shared->buffer_size / 2;
}

static void on_ready(struct watch *watch, uint32_t events)
{
	struct datagram_peer *peer = CONTAINER_OF(watch, struct datagram_peer, link.watch);
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
	struct datagram_peer *peer = CONTAINER_OF(task, struct datagram_peer, first);
	struct frame frame = frame_linear(peer->first_frame, peer->first_len);

	hub_receive(&peer->port, &frame, 1, loop_now(peer->loop));
}

static void peer_send(struct port *port, const struct frame *frames, unsigned count)
{
	datagram_link_send(&peer_of(port)->link, frames, count);
}

static void peer_free(struct port *port)
{
	struct datagram_peer *peer = peer_of(port);

	if (peer->on_free)
		peer->on_free(peer);
	gone_done(&peer->gone);
	loop_undefer(peer->loop, &peer->first);
	datagram_link_done(&peer->link);
	close_path(peer);
	free(peer);
}

static const struct port_ops peer_ops = {.kind = "vm", .send = peer_send, .free = peer_free};

struct datagram_peer *datagram_peer_new(
	struct loop *loop, const struct stranger *stranger, const struct port_settings *settings)
{
	struct datagram_peer *peer = calloc(1, sizeof(*peer) + stranger->frame_len);

	if (!peer)
		return NULL;
	peer->loop = loop;
	peer->address = stranger->address;
	peer->who = stranger->who;
	peer->path_fd = -1;
	peer->first.run = give_first;
	peer->first_len = stranger->frame_len;
	memcpy(peer->first_frame, stranger->frame, stranger->frame_len);
	peer->port.ops = &peer_ops;
	gone_init(&peer->gone, loop, &peer->port, settings);
	peer->gone.watches[0] = &peer->link.watch;
	peer->link.port = &peer->port;
	peer->link.loop = loop;
	peer->link.watch.on_ready = on_ready;
	peer->link.find_again = find_again;
	peer->link.on_lost = on_lost;
	peer->link.may_write = may_write;
	datagram_link_init(&peer->link);
	return peer;
}

int datagram_peer_start(struct datagram_peer *peer, const struct datagram_shared *shared)
{
	int err;

	peer->shared = shared;
	err = reach(peer);
	if (!err && peer->first_len)
		loop_defer(peer->loop, &peer->first);
	return err;
}

void datagram_peer_receive(struct datagram_peer *peer, const struct frame *frames, unsigned count)
{
	peer->heard_at = peer->link.written;
	hub_receive(&peer->port, frames, count, loop_now(peer->loop));
}

void datagram_peer_close(struct datagram_peer *peer)
{
	gone_tell(&peer->gone, "the socket it spoke to was closed");
	peer->shared = NULL;
}
