/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams of guests through sockets of the outside, and what comes back. */
#pragma once

#include "nat/internal.h"

#define DATAGRAM_SIZE 65536 /* bytes of the largest, and of the largest run of them */

struct datagram_socket;

struct datagram_ops {
	/* A datagram, or a run of them, in memory that stays until the host's flush. */
	void (*on_datagram)(struct datagram_socket *socket, const struct outside_datagram *datagram,
		const uint8_t *bytes, uint32_t len, nsec now);
	/* One that was sent did not arrive; quoted: its first bytes, maybe none. */
	void (*on_lost)(struct datagram_socket *socket, const struct outside_failure *failure,
		const struct endpoint *peer, const uint8_t *quoted, size_t len, nsec now);
};

struct datagram_socket {
	struct outside_socket outside;
	const struct datagram_ops *ops;
	struct gateway *gateway;
	bool has_errors; /* its error queue may have some: EPOLLERR */
};

void datagram_close(struct datagram_socket *socket);

/* Whether a guest's packet may go on from here, with the TTL, TOS and the like it goes on with;
 * false: dropped, and the guest told. */
bool datagram_route(struct gateway *gateway, const struct frame *frame, const struct packet *packet,
	struct outside_datagram *ret, nsec now);
/* Forbidden: so the guest is told, and it is counted. */
void datagram_refuse(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now);
/* Sends the packet from `offset` on; where that cannot be, it is counted and the guest told. */
bool datagram_send(struct datagram_socket *socket, const struct outside_datagram *datagram,
	const struct frame *frame, const struct packet *packet, uint32_t offset, nsec now);
/* Reads errors, and some of what has arrived. True: there may be more. Not from within
 * host_receive(). */
bool datagram_receive(struct datagram_socket *socket, nsec now);

/* Counts one from outside that goes no further. */
void datagram_drop(struct gateway *gateway, enum drop reason);
/* An outside address as guests know it: the host's loopback is behind our own. */
struct ip datagram_address_seen(const struct gateway *gateway, struct ip outside, struct ip guest);

#define DATAGRAM_QUOTE_MAX 512 /* bytes of a lost datagram that the guest is shown again */

/* What a guest sent, as far as is known. */
struct lost_packet {
	struct mac guest_mac;
	struct ip from, to;
	uint8_t protocol;
	const uint8_t *l4; /* header and the beginning of the payload */
	size_t l4_len;
};
/* Tells the guest what became of it. */
void datagram_tell(struct gateway *gateway, const struct lost_packet *lost,
	const struct outside_failure *failure, nsec now);
