/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many datagrams from a Unix socket with one call. */
#pragma once

#include "hub/hub.h"
#include "io/loop.h"
#include "port/peer_path.h"

/* What one turn reads: for as many frames as a TAP gives. */
#define DATAGRAM_BATCH 32

struct datagram_source {
	struct peer_address address;
	struct ucred who; /* the sender's; pid 0: not told */
};

struct datagram_batch {
	struct frame frames[DATAGRAM_BATCH]; /* in the loop's scratch memory */
	unsigned count;
};

/* The next datagrams. sources: DATAGRAM_BATCH of them, or NULL. 0, also when there is none; -errno
 * of recvmmsg(2). */
int datagram_read(struct loop *loop, int fd, struct datagram_batch *ret,
	struct datagram_source *ret_sources) MUST_USE;
/* Those that are frames, to the hub. */
void datagram_give(struct port *from, struct datagram_batch *batch, nsec now);
/* Whether it is one for the hub. If not, it is counted at the port it came by, or a greeting. */
bool datagram_is_frame(struct port *from, const struct frame *frame);
