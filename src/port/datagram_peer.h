/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port of one of the peers that speak to a datagram socket. */
#pragma once

#include "base/map.h"
#include "port/datagram_link.h"
#include "port/gone.h"
#include "port/strangers.h"

/* The socket that all share, as far as a peer has to do with it. */
struct datagram_shared {
	int fd;
	int buffer_size; /* the kernel's, for what waits at all peers that are connected to it */
};

struct datagram_peer {
	struct port port;
	struct loop *loop;
	const struct datagram_shared *shared; /* NULL: closed, or not yet */
	struct peer_address address;
	struct map_node node; /* the owner's, by address */
	void (*on_free)(struct datagram_peer *peer);
	void *owner;

	uid_t who;
	struct datagram_link link;
	int path_fd;	   /* of its socket while that is sent to over the shared one; else -1 */
	uint64_t heard_at; /* link.written when it spoke last */
	struct gone gone;
	struct task first; /* the frame that it sent before it had a port */
	uint32_t first_len;
	uint8_t first_frame[];
};

/* NULL: out of memory. Its port is the caller's; it frees the peer. */
struct datagram_peer *datagram_peer_new(
	struct loop *loop, const struct stranger *stranger, const struct port_settings *settings);
/* Finds a way to it, and gives its first frame to the hub at the end of the turn. -errno. */
int datagram_peer_start(struct datagram_peer *peer, const struct datagram_shared *shared) MUST_USE;
void datagram_peer_receive(struct datagram_peer *peer, const struct frame *frames, unsigned count);
/* The shared socket is about to close. */
void datagram_peer_close(struct datagram_peer *peer);
