/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames to one peer as datagrams of a Unix socket. What does not fit into the peer's queue waits
 * in ours: until the kernel says that there is room, where the socket is connected to this peer
 * alone, else until a timer asks again, because then the kernel does not say. Nobody else waits.
 */
#pragma once

#include "io/loop.h"
#include "port/frame_queue.h"
#include "port/peer_path.h"

struct port;

struct datagram_link {
	struct port *port; /* counts what is lost */
	struct loop *loop;
	int fd; /* -1: none */
	/* Of fd, while it is the link's own: the owner's on_ready(), who calls
	 * datagram_link_drain() on EPOLLOUT. */
	struct watch watch;
	/* Of the peer, where the socket is shared; else of length 0. */
	struct peer_address to;
	struct frame_queue queue;
	struct timer retry;
	nsec pause;
	uint64_t written; /* bytes, as the kernel counts them about */

	/* The peer refused: it is gone, or may not be sent to. find_again: another way to it (0),
	 * or none (-errno). NULL: there never is. */
	int (*find_again)(struct datagram_link *link);
	void (*on_lost)(struct datagram_link *link, int code); /* puts the port down */
	/* False: as if there were no room now. NULL: always true. */
	bool (*may_write)(struct datagram_link *link);
};

/* port, loop, watch.on_ready and the functions above are set before. */
void datagram_link_init(struct datagram_link *link);
/* From now on over fd, which is connected; taken over, also on failure. events: EPOLLIN or 0. */
int datagram_link_connect(struct datagram_link *link, int fd, uint32_t events) MUST_USE;
/* From now on over a socket that is somebody else's. */
void datagram_link_share(struct datagram_link *link, int fd, const struct peer_address *to);
void datagram_link_send(struct datagram_link *link, const struct frame *frames, unsigned count);
void datagram_link_drain(struct datagram_link *link);
void datagram_link_done(struct datagram_link *link);
/* For people: what the code says that on_lost() got. */
const char *datagram_lost_text(int code);
