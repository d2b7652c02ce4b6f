/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What UDP and ICMP echo flows have in common. */
#pragma once

#include "nat/contacts.h"
#include "nat/internal.h"

#define DATAGRAM_SIZE  65536 /* bytes of the largest, and of the largest run of them */
#define DATAGRAM_READS 16    /* of a socket in a turn, so that frames are not kept waiting */

/* A socket of the outside for one endpoint of a guest. */
struct datagram_flow {
	struct flow flow;
	struct outside_socket outside;
	struct contacts contacts;
	struct mac guest_mac;
	bool is_readable : 1; /* the socket may have more: edge-triggered */
	bool has_errors : 1;  /* its error queue likewise */
	bool is_answered : 1;
};

struct datagram_ops {
	/* A datagram, in memory that stays until the host's flush. */
	void (*on_datagram)(struct datagram_flow *d, const struct outside_datagram *datagram,
		const uint8_t *bytes, size_t len, nsec now);
	/* One that was sent did not arrive; quoted: its first bytes, maybe none. */
	void (*on_lost)(struct datagram_flow *d, const struct outside_failure *failure,
		const struct endpoint *peer, const uint8_t *quoted, size_t len, nsec now);
};

void datagram_init(struct datagram_flow *d, struct gateway *gateway, const struct flow_ops *ops,
	const struct flow_key *key);
/* In the table, and in the order of those that may have to go. */
int datagram_insert(struct datagram_flow *d, nsec now) MUST_USE;
/* A flow spoke or heard. */
void datagram_touch(struct flow *flow, nsec now);
/* Closes the socket; the flow is freed later. */
void datagram_end(struct datagram_flow *d);
void datagram_done(struct datagram_flow *d);
/* The one that has been quiet longest gives up its descriptor. False: there is none. */
bool datagram_evict(struct gateway *gateway);

/* Where a guest's packet goes, with what is left of its TTL; false: dropped, and the guest told. */
bool datagram_may_leave(struct gateway *gateway, const struct frame *frame,
	const struct packet *packet, struct outside_datagram *ret, nsec now);
/* Forbidden: so the guest is told, and it is counted. */
void datagram_refuse(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now);
/* Sends it, and tells the guest when that cannot be. False: it is lost, and counted. */
bool datagram_send(struct datagram_flow *d, const struct datagram_ops *ops,
	const struct outside_datagram *datagram, const struct frame *frame,
	const struct packet *packet, uint32_t offset, nsec now);
/* What the socket has for us. */
void datagram_receive(struct datagram_flow *d, const struct datagram_ops *ops, nsec now);

/* Room for one more from outside; NULL: no memory. Its first `len` bytes are then kept. */
uint8_t *datagram_room(struct gateway *gateway, nsec now);
void datagram_keep(struct gateway *gateway, size_t len);
/* Counts one from outside that goes no further. */
void datagram_drop(struct gateway *gateway, enum drop reason);

/* An outside address as guests know it: the host's loopback is behind our own. */
struct ip datagram_address_seen(const struct gateway *gateway, struct ip outside, struct ip guest);

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
