/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow of datagrams: the guest's endpoint has a socket of the outside, until it has been quiet.
 */
#pragma once

#include "nat/contacts.h"
#include "nat/datagram.h"

struct datagram_flow {
	struct flow flow;
	struct datagram_socket socket; /* without one of its own: clients of a forward */
	struct contacts contacts;
	struct mac guest_mac;
	bool is_readable; /* the socket may have more: edge-triggered */
	bool is_answered;
};

void datagram_flow_init(struct datagram_flow *d, struct gateway *gateway,
	const struct flow_ops *flow_ops, const struct datagram_ops *ops,
	const struct flow_key *key);
/* In the table, and among those that go when it is full. */
int datagram_flow_insert(struct datagram_flow *d, nsec now) MUST_USE;
/* Gives up the descriptor; the flow is freed at the end of the turn. */
void datagram_flow_end(struct datagram_flow *d);
void datagram_flow_done(struct datagram_flow *d);
/* Opens the socket to the outside; where no descriptor is left, the flow that
 * has been quiet longest gives up its own.
 * What open() says: 0, or -errno. */
int datagram_flow_open(struct datagram_flow *d, int (*open)(struct datagram_flow *d)) MUST_USE;

/* It spoke or heard. */
void datagram_flow_touch(struct datagram_flow *d, nsec now);
/* The guest says something to somebody outside. */
void datagram_flow_speaks(
	struct datagram_flow *d, const struct frame *frame, struct ip to, nsec now);
/* Whether what came is from somebody the guest spoke to; false: it is counted. */
bool datagram_flow_hears(
	struct datagram_flow *d, const struct outside_datagram *datagram, uint32_t len, nsec now);
/* Serves the socket; ends the flow after `life` of silence. Returns when that will be. */
nsec datagram_flow_run(
	struct datagram_flow *d, nsec (*life)(const struct datagram_flow *), nsec now);
