/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat/ is the user-space NAT gateway: a host on a hub (ip/host.h) that ends the guests' TCP, UDP
 * and ICMP conversations itself and carries their contents over ordinary sockets of the host. It
 * touches no sysctl, no packet filter and needs no privilege. It does not know DHCP or DNS: a
 * service may bind ports on its host.
 *
 * gateway.h: what daemon/ sees. Everything here is called on the thread of the gateway's loop.
 */
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "io/loop.h"
#include "ip/host.h"

struct gateway;

struct gateway_settings {
	char name[PORT_NAME_SIZE];
	struct mac mac;
	struct ip_prefix address,
		address6; /* our own, with the subnet's length; address6 may be none */
	uint32_t mtu;
	bool may_reach_host; /* guests reach 127.0.0.1 and ::1 of the host at our address */
	struct hash_key key; /* for tables and sequence numbers; fresh for each start */
	uint32_t flows_max;  /* over all protocols; 0: what the open-file limit allows */
	size_t memory_max;   /* bytes that windows may reserve; 0: a quarter of the machine's */
};

int gateway_new(struct loop *loop, const struct gateway_settings *settings,
	struct gateway **ret_gateway, struct error *error) MUST_USE;
/* Attach it to a hub and it lives; the hub's port->ops->free() ends it. */
struct port *gateway_port(struct gateway *gateway);
/* For services that live at the gateway's address: bind ports before the hub is attached. */
struct host *gateway_host(struct gateway *gateway);

/* Guests behind routers on the hub, whom it serves as well, by prefix; copied. -ENOMEM. */
int gateway_set_beyond(
	struct gateway *gateway, const struct ip_prefix *prefixes, size_t count) MUST_USE;

/* One listening port of the outside and the guest's port behind it. */
struct forward {
	bool is_udp;
	struct endpoint outside, guest;
};
/* fd: a TCP socket that listens, or a UDP socket that is bound; ours from here on, also on
 * failure. -EEXIST when `outside` is forwarded already; -ENOMEM. */
int gateway_forward_add(struct gateway *gateway, const struct forward *forward, int fd) MUST_USE;
/* Closes the listener; flows that came through it live on. -ENOENT. */
int gateway_forward_remove(struct gateway *gateway, bool is_udp, const struct endpoint *outside);

struct flow_info {
	uint8_t protocol;	       /* IP_PROTOCOL_TCP, _UDP, _ICMP, _ICMP6 */
	const char *state;	       /* "established", ...; "mapped" for UDP, "echo" for ICMP */
	struct endpoint guest, remote; /* remote is none for a UDP mapping with several peers; ICMP:
					* the port is the echo identifier */
	bool is_inbound;	       /* opened from outside, through a forward */
	uint64_t up_bytes, down_bytes; /* payload, guest to outside and back */
	nsec age, idle;
};
void gateway_flows(const struct gateway *gateway, nsec now,
	void (*each)(void *argument, const struct flow_info *flow), void *argument);

struct gateway_counters {
	uint64_t tcp_flows, udp_flows, icmp_flows;    /* alive now */
	uint64_t tcp_opened, udp_opened, icmp_opened; /* ever */
	uint64_t tcp_half_open;			      /* connecting now */
	uint64_t connect_refused, connect_unreachable, connect_timeout, connect_no_socket;
	uint64_t tcp_retransmitted_bytes, tcp_timeouts; /* towards guests */
	uint64_t memory_reserved, memory_used;		/* bytes of TCP windows */
};
struct gateway_counters gateway_counters(const struct gateway *gateway);
