/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which address a client gets (RFC 2131 4.3.1): its own again, the one it asks for, the next. */
#pragma once

#include "service/dhcp.h"
#include "service/lease_store.h"

#define OFFERS_MAX 64	 /* outstanding; the oldest gives way */
#define LEASES_MAX 65536 /* in all; with 512 bytes each, 32 MiB */

struct dhcp_pool {
	struct dhcp_settings settings; /* with reservations of its own */
	struct lease_table leases;
	struct lease_store *store; /* NULL: nothing is written down */
	uint32_t next;		   /* offset in the pool where the search for a free one goes on */
	bool is_full;		   /* the last search found none, and none was freed since */
};

/* Who asks. */
struct dhcp_client {
	struct dhcp_client_id id; /* without option 61: hardware type and address */
	struct mac mac;
	struct ip4 requested; /* 0.0.0.0: no wish */
};

int dhcp_pool_init(struct dhcp_pool *pool, const struct dhcp_settings *settings,
	const struct hash_key *key) MUST_USE;
void dhcp_pool_done(struct dhcp_pool *pool);
int dhcp_pool_configure(struct dhcp_pool *pool, const struct dhcp_settings *settings) MUST_USE;

bool dhcp_pool_is_on_link(const struct dhcp_pool *pool, struct ip4 ip);
/* By what is configured: inside the pool, or reserved for it and no other; when it has a
 * reservation that is free, just that. */
bool dhcp_pool_may_have(
	const struct dhcp_pool *pool, const struct dhcp_client *client, struct ip4 ip, nsec now);
const struct dhcp_reservation *dhcp_pool_reservation(const struct dhcp_pool *pool, struct mac mac);

/* The lease to offer: the client's own as it is, or an offer that is over for the caller to renew.
 * NULL: none to be had. */
struct lease *dhcp_pool_choose(struct dhcp_pool *pool, const struct dhcp_client *client, nsec now);
/* The client's lease of just this address, or NULL when it may not have it. */
struct lease *dhcp_pool_take(
	struct dhcp_pool *pool, const struct dhcp_client *client, struct ip4 ip, nsec now);
/* Marks the lease offered, or leaves it bound; too many offers: the oldest is taken back. */
void dhcp_pool_offer(struct dhcp_pool *pool, struct lease *lease, nsec until, nsec now);
/* The client turned to another server, or offers became too many. */
void dhcp_pool_withdraw(struct dhcp_pool *pool, struct lease *lease);
/* Nobody's for a while. user: who has it, as far as known. Replaces the lease; NULL: no memory. */
struct lease *dhcp_pool_hold_back(
	struct dhcp_pool *pool, struct lease *lease, struct mac user, nsec now);
