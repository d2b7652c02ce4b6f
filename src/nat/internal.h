/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of nat/ tell each other. */
#pragma once

#include "io/driver.h"
#include "ip/tcp/tcp.h"
#include "nat/flow.h"
#include "nat/gateway.h"
#include "nat/merge.h"
#include "nat/outside.h"

struct gateway {
	struct host host;
	struct machine machine;
	struct driver driver; /* where there is a loop */
	struct gateway_settings settings;
	struct outside *outside;
	struct ip_prefix *beyond; /* where guests are besides the hub's subnets */
	size_t beyond_count;
	struct flow_table flows;
	struct gateway_counters counters;
	struct list forwards;	     /* forward.c */
	struct list waiting_clients; /* forward.c: accepted, and the guest is being looked for */

	struct tcp_shared tcp;
	struct merge merge;    /* tcp.c: what of this batch is yet to be taken */
	struct list half_open; /* TCP flows that connect, the oldest first: flow.age */
	uint32_t half_open_count;
	struct list time_waits; /* time_wait.c: the oldest first */
	struct map time_wait_map;
	struct list datagram_flows; /* UDP and ICMP, the longest quiet first: flow.age */
	struct list udp_listeners;  /* udp_forward.c */
	uint8_t *datagrams;	    /* datagram.c: received, and lent to the host until its flush */
	size_t datagrams_len;
};

/* gateway.c: one with a given outside, as tests make it. The outside must outlive it. */
int gateway_init(struct gateway *gateway, const struct gateway_settings *settings,
	struct outside *outside, struct error *error) MUST_USE;
void gateway_done(struct gateway *gateway);
/* One more flow when the table is full: the longest quiet datagram flow goes, if there is one. */
int gateway_flow_insert(struct gateway *gateway, struct flow *flow, nsec now) MUST_USE;

/* policy.c: where a packet from a guest really goes; false: nowhere (the reason is counted). */
bool policy_destination(struct gateway *gateway, const struct endpoint *to, struct endpoint *ret);

/* tcp.c, udp.c, icmp.c: whole packets from guests; checksums are still to be checked. */
void tcp_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now);
void udp_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now);
void icmp_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now);
/* udp.c: a bound socket through which others reach a guest; fd is ours from here on. */
int udp_forward(struct gateway *gateway, const struct forward *forward, int fd) MUST_USE;
void udp_forward_end(struct gateway *gateway, const struct forward *forward);
/* After the last frame of a batch. */
void tcp_batch_done(struct gateway *gateway, nsec now);
/* gateway.c: port_ops.send of a gateway. */
void gateway_receive(struct port *port, const struct frame *frames, unsigned count);
/* A connection accepted by a forward. fd is ours from here on. */
void tcp_inbound(struct gateway *gateway, int fd, const struct endpoint *client,
	const struct endpoint *guest, struct mac guest_mac, nsec now);

/* The ICMP error that tells a guest why, or false when none does: type and code in the family's
 * numbers. RFC 792, RFC 4443, RFC 1812 5.2.7.1. */
bool policy_icmp_for(
	const struct outside_failure *failure, bool is_v4, uint8_t *ret_type, uint8_t *ret_code);
