/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet(7) socket that carries frames as a TAP does: super-frames and unfinished checksums both
 * ways (PACKET_VNET_HDR), tags where the wire had them. What it sends it does not hear itself: the
 * kernel passes by the socket a frame is from.
 */
#pragma once

#include "base/error.h"
#include "hub/frame.h"

#include <linux/filter.h>

struct packet_socket {
	int fd;
	int index;	/* of the interface it is bound to; 0: none */
	unsigned batch; /* frames to be asked for next: few while they are large */
};

/* Unbound and deaf. Needs CAP_NET_RAW; with CAP_NET_ADMIN its queue is longer. */
int packet_socket_open(struct packet_socket *socket, struct error *error) MUST_USE;
void packet_socket_close(struct packet_socket *socket); /* fd -1 is fine */

/* To an interface, or from it: 0. Set the filter before. -errno. */
int packet_socket_bind(struct packet_socket *socket, int index) MUST_USE;
int packet_socket_set_filter(
	struct packet_socket *socket, struct sock_filter *code, unsigned count) MUST_USE;
/* Whether it hears what the host sends. */
int packet_socket_hear_host(struct packet_socket *socket, bool hears) MUST_USE;
/* type: PACKET_MR_PROMISC or PACKET_MR_ALLMULTI, or PACKET_MR_UNICAST for frames to mac; of the
 * interface it is bound to; ends with the socket. */
int packet_socket_listen(
	struct packet_socket *socket, int type, struct mac mac, bool is_on) MUST_USE;

#define PACKET_BATCH_MIN 4
#define PACKET_BATCH_MAX 32
#define PACKET_ARENA	 (PACKET_BATCH_MAX * PACKET_SLOT)
/* A frame, a tag, the header in front; an odd number of cache lines, so that the frames of a batch
 * do not all fall on the same ones. */
#define PACKET_SLOT 65600

struct packet_received {
	struct frame frame; /* linear, in the arena: may be changed in place */
	bool is_from_host;
	bool is_giant;	   /* longer than a frame can be: cut off */
	bool is_malformed; /* its offloads cannot be */
};

/* Frames that are there, at most PACKET_BATCH_MAX. Their number; 0: none for now; -errno: one that
 * the kernel could not give, or the interface is gone or down. */
int packet_socket_receive(struct packet_socket *socket, uint8_t *arena,
	struct packet_received received[PACKET_BATCH_MAX]);

/* Frames that its queue in the kernel had no room for, since this was last asked. */
unsigned packet_socket_lost(struct packet_socket *socket);

/* A frame with its first bytes exchanged for others. */
struct outgoing {
	const struct frame *frame;
	const uint8_t *head; /* head_len bytes instead of the frame's first `replaces` ones */
	uint32_t head_len, replaces;
};

/* Pads what is too short. How many of at most PACKET_BATCH_MAX left; fewer: then errno says why the
 * next one did not. */
unsigned packet_socket_send(
	struct packet_socket *socket, const struct outgoing *outgoing, unsigned count);
