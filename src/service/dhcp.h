/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service/ is what guests find on a hub besides each other: machines (DHCP, DNS) on a virtual host
 * (ip/host.h), and the little that joins each to loop and files. It knows no config file and no
 * daemon: settings come as values, news go out by callbacks.
 *
 * dhcp.h: a DHCP server (RFC 2131) as a port of its own. It gives out what the settings say to
 * clients of its own segment; what came through a relay agent it drops. Everything here is called
 * on the loop's thread.
 */
#pragma once

#include "base/error.h"
#include "hub/port.h"
#include "io/loop.h"
#include "service/lease.h"

struct dhcp;

/* The address is this machine's alone, inside or outside the pool. */
struct dhcp_reservation {
	struct mac mac;
	struct ip4 ip;
	char name[DHCP_NAME_SIZE]; /* may be empty */
};

enum lease_event {
	LEASE_EVENT_BOUND,
	LEASE_EVENT_RENEWED,
	LEASE_EVENT_RELEASED, /* by its client */
	LEASE_EVENT_DECLINED, /* a client found its new address in use */
	LEASE_EVENT_CONFLICT, /* we found an address in use before offering it; lease->mac by whom
			       */
};

const char *lease_event_name(enum lease_event event);

/* Each may be NULL. They may not call back into the server. */
struct dhcp_watcher {
	void (*on_lease)(void *context, const struct lease *lease, enum lease_event event);
	/* Somebody else on the hub has the server's own address. */
	void (*on_conflict)(void *context, struct ip ip, struct mac mac);
	/* The lease file cannot be written (-errno), or can again (0). Meanwhile leases are given
	 * without: guests that lose their addresses to a full disk would be worse. */
	void (*on_file_trouble)(void *context, int err);
	void *context;
};

struct dhcp_settings {
	struct mac mac;		  /* of the server; only for dhcp_new() */
	struct ip_prefix address; /* of the server, and the subnet it serves; only for dhcp_new() */
	struct ip4 pool_first, pool_last;
	uint32_t lease_time; /* seconds; a client may ask for less, down to a minute */
	struct dhcp_reservation *reservations; /* copied */
	size_t reservation_count;

	/* What clients are told; none where zero or empty. */
	uint16_t mtu;
	struct ip4 router;
	struct ip4 dns[DHCP_ADDRESSES_MAX];
	uint8_t dns_count;
	struct dhcp_route routes[DHCP_ROUTES_MAX]; /* besides the one to the router */
	uint8_t route_count;
	char domain[DHCP_DOMAIN_SIZE];
	char search[DHCP_SEARCH_SIZE]; /* names with a space between them */
	struct ip4 boot_server;
	char boot_file[DHCP_BOOT_SIZE];
};

/* Since the server was made. */
struct dhcp_counters {
	uint64_t discover, request, decline, release, inform; /* received */
	uint64_t offer, ack, nak;			      /* sent */
	uint64_t malformed; /* no DHCP request of an Ethernet client */
	uint64_t relayed;   /* came through a relay agent, or for another server */
	uint64_t exhausted; /* found no address to give */
	uint64_t conflict;  /* addresses found in use */
	uint64_t overrun;   /* too many at once */
};

/* lease_file: NULL: leases end with the server. The port's name may be set before it is attached;
 * port->ops->free() ends the server. */
int dhcp_new(struct loop *loop, const struct dhcp_settings *settings, const char *lease_file,
	const struct dhcp_watcher *watcher, struct dhcp **ret_dhcp, struct error *error) MUST_USE;
struct port *dhcp_port(struct dhcp *dhcp);
/* Other settings from now on. Leases stay: one that is outside the new pool is kept until it ends,
 * but not renewed. -ENOMEM. */
int dhcp_configure(
	struct dhcp *dhcp, const struct dhcp_settings *settings, struct error *error) MUST_USE;

/* All leases: bound, offered, expired ones that are remembered, addresses held back. expires: on
 * the wall clock, seconds since 1970. */
void dhcp_walk(struct dhcp *dhcp,
	void (*visit)(
		void *context, const struct lease *lease, enum lease_state state, int64_t expires),
	void *context);
/* The bound lease whose client has this name, or NULL. */
const struct lease *dhcp_find_name(struct dhcp *dhcp, const char *name);
const struct dhcp_counters *dhcp_counters(const struct dhcp *dhcp);
/* Lines of the lease file that were not understood when the server started. */
unsigned dhcp_ignored_lines(const struct dhcp *dhcp);
