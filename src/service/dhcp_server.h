/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DHCP server as a machine (base/machine.h): datagrams and probe answers in, datagrams out.
 * Between a client's messages nothing runs: no timer is set but those of probes under way.
 */
#pragma once

#include "ip/host.h"
#include "service/dhcp_pool.h"

struct dhcp_server {
	struct host host; /* whoever embeds the server sets host.port.ops */
	struct machine machine;
	struct udp_binding binding;
	struct ip4 address;
	struct dhcp_pool pool;
	struct dhcp_watcher watcher;
	struct dhcp_counters counters;
	struct list probes;  /* clients whose address is being asked for */
	struct list waiting; /* replies until their lease is written, in the order of tickets */
	unsigned probe_count, waiting_count;
	uint64_t noted, written; /* tickets of the store */
};

/* One message of a client, and how it came. */
struct dhcp_query {
	const struct dhcp_message *message;
	struct dhcp_client client;
	struct mac from_mac;
	bool is_unicast; /* sent to our own address */
	unsigned tries;	 /* addresses tried in vain for it */
	nsec now;
};

/* -ENOMEM. dhcp_server_done() ends a server that is half made, too. */
int dhcp_server_init(struct dhcp_server *server, const struct dhcp_settings *settings,
	const struct dhcp_watcher *watcher, const struct hash_key *key) MUST_USE;
void dhcp_server_done(struct dhcp_server *server);
/* Takes the store's on_written. Leases that are of another subnet are forgotten. */
void dhcp_server_set_store(struct dhcp_server *server, struct lease_store *store);
