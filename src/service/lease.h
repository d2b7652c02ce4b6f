/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has, or had, which address. A lease stays when its time is over, so that its client finds
 * its old address again; nothing runs when one expires: its state is a question asked at a time.
 * The table reads no clock and opens no file.
 */
#pragma once

#include "base/hash.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/time.h"
#include "wire/dhcp.h"

enum lease_state {
	LEASE_OFFERED, /* a client was told of it and has not asked for it yet */
	LEASE_BOUND,
	LEASE_EXPIRED,	/* nobody has it now; the client may come back */
	LEASE_DECLINED, /* somebody else was found to use it: held back for a while */
};

struct lease {
	struct ip4 ip;
	struct mac mac;			 /* of the client; declined: of who uses it, if known */
	struct dhcp_client_id client_id; /* len 0: nobody's */
	char name[DHCP_NAME_SIZE];	 /* unique in the table, lower case; may be empty */
	bool was_bound;			 /* the client once had it: what follows counts */
	nsec bound_until;
	uint32_t duration; /* seconds, as granted */

	/* The table's; lease_state() and lease_expires() ask. */
	enum lease_state state;
	struct heap_node expiry;
	struct list offered;
	struct map_node by_ip, by_client, by_name;
};

struct lease_table {
	struct hash_key key;
	struct map by_ip, by_client, by_name;
	struct heap expiries;
	struct list offered; /* oldest first */
	unsigned offered_count;
};

void lease_table_init(struct lease_table *table, const struct hash_key *key);
/* Ends all leases. */
void lease_table_done(struct lease_table *table);

/* A client's first lease, an offer that is over (it has no name, no past). NULL: no memory, or
 * the address or the client has one already. client_id NULL: nobody's. */
struct lease *lease_add(struct lease_table *table, struct ip4 ip,
	const struct dhcp_client_id *client_id, struct mac mac);
void lease_remove(struct lease_table *table, struct lease *lease);

struct lease *lease_find_ip(const struct lease_table *table, struct ip4 ip);
struct lease *lease_find_client(const struct lease_table *table, const struct dhcp_client_id *id);
/* The bound one with this hardware address, or any other, or NULL. Looks at all. */
struct lease *lease_find_mac(const struct lease_table *table, struct mac mac, nsec now);
struct lease *lease_find_name(const struct lease_table *table, const char *name);
/* The one whose time ends, or ended, before all others'. */
struct lease *lease_find_oldest(const struct lease_table *table);
/* The one offered before all others that are, or were never taken up. */
struct lease *lease_find_oldest_offer(const struct lease_table *table);

enum lease_state lease_state(const struct lease *lease, nsec now);
const char *lease_state_name(enum lease_state state);
/* When the state it is in ends; for an expired one, when it ended. */
nsec lease_expires(const struct lease *lease);

void lease_offer(struct lease_table *table, struct lease *lease, nsec until);
void lease_bind(struct lease_table *table, struct lease *lease, uint32_t duration, nsec until);
/* The client gave it back, or never took it up. */
void lease_end(struct lease_table *table, struct lease *lease, nsec when);
/* Only of a lease that is nobody's. */
void lease_hold_back(struct lease_table *table, struct lease *lease, uint32_t duration, nsec until);

/*
 * Gives the lease the name the client wishes: its first label, in lower case; when another lease
 * that is not expired has it, with "-2", "-3" ... behind it. An expired holder loses the name.
 */
void lease_set_name(struct lease_table *table, struct lease *lease, const char *wish, nsec now);

/* In no order. The lease may be removed before going on. Start with (struct map_cursor){0}. */
struct lease *lease_walk(const struct lease_table *table, struct map_cursor *cursor);
