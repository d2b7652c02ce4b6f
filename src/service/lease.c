/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/lease.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_TRIES 1000

void lease_table_init(struct lease_table *table, const struct hash_key *key)
{
	*table = (struct lease_table){.key = *key};
	list_init(&table->offered);
}

void lease_table_done(struct lease_table *table)
{
	struct map_cursor cursor = {0};
	struct lease *lease;

	while ((lease = lease_walk(table, &cursor)))
		lease_remove(table, lease);
	map_done(&table->by_ip);
	map_done(&table->by_client);
	map_done(&table->by_name);
	heap_done(&table->expiries);
}

static uint64_t hash_ip(const struct lease_table *table, struct ip4 ip)
{
	return hash_u64(&table->key, ip.be);
}

static uint64_t hash_client(const struct lease_table *table, const struct dhcp_client_id *id)
{
	return hash_sip(&table->key, id->bytes, id->len);
}

static uint64_t hash_name(const struct lease_table *table, const char *name)
{
	return hash_sip(&table->key, name, strlen(name));
}

static bool is_same_client(const struct dhcp_client_id *a, const struct dhcp_client_id *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

struct lease *lease_find_ip(const struct lease_table *table, struct ip4 ip)
{
	struct map_node *node = map_first(&table->by_ip, hash_ip(table, ip));

	for (; node; node = map_next(node)) {
		struct lease *lease = CONTAINER_OF(node, struct lease, by_ip);

		if (lease->ip.be == ip.be)
			return lease;
	}
	return NULL;
}

struct lease *lease_find_client(const struct lease_table *table, const struct dhcp_client_id *id)
{
	struct map_node *node = map_first(&table->by_client, hash_client(table, id));

	for (; node; node = map_next(node)) {
		struct lease *lease = CONTAINER_OF(node, struct lease, by_client);

		if (is_same_client(&lease->client_id, id))
			return lease;
	}
	return NULL;
}

struct lease *lease_find_name(const struct lease_table *table, const char *name)
{
	struct map_node *node = map_first(&table->by_name, hash_name(table, name));

	for (; node; node = map_next(node)) {
		struct lease *lease = CONTAINER_OF(node, struct lease, by_name);

		if (!strcmp(lease->name, name))
			return lease;
	}
	return NULL;
}

struct lease *lease_find_mac(const struct lease_table *table, struct mac mac, nsec now)
{
	struct map_cursor cursor = {0};
	struct lease *lease, *found = NULL;

	while ((lease = lease_walk(table, &cursor))) {
		if (!mac_equal(lease->mac, mac) || !lease->client_id.len)
			continue;
		found = lease;
		if (lease_state(lease, now) == LEASE_BOUND)
			break;
	}
	return found;
}

struct lease *lease_find_oldest(const struct lease_table *table)
{
	struct heap_node *node = heap_first(&table->expiries);

	return node ? CONTAINER_OF(node, struct lease, expiry) : NULL;
}

struct lease *lease_find_oldest_offer(const struct lease_table *table)
{
	if (list_is_empty(&table->offered))
		return NULL;
	return LIST_ENTRY(table->offered.next, struct lease, offered);
}

struct lease *lease_walk(const struct lease_table *table, struct map_cursor *cursor)
{
	struct map_node *node = map_walk(&table->by_ip, cursor);

	return node ? CONTAINER_OF(node, struct lease, by_ip) : NULL;
}

static int insert(struct lease_table *table, struct lease *lease)
{
	int err = heap_set(&table->expiries, &lease->expiry, INT64_MIN);

	if (err)
		return err;
	err = map_insert(&table->by_ip, &lease->by_ip, hash_ip(table, lease->ip));
	if (!err && lease->client_id.len) {
		err = map_insert(&table->by_client, &lease->by_client,
			hash_client(table, &lease->client_id));
		if (err)
			map_remove(&table->by_ip, &lease->by_ip);
	}
	if (err)
		heap_remove(&table->expiries, &lease->expiry);
	return err;
}

struct lease *lease_add(struct lease_table *table, struct ip4 ip,
	const struct dhcp_client_id *client_id, struct mac mac)
{
	struct lease *lease;

	if (lease_find_ip(table, ip) || (client_id && lease_find_client(table, client_id)))
		return NULL;
	lease = calloc(1, sizeof(*lease));
	if (!lease)
		return NULL;
	lease->ip = ip;
	lease->mac = mac;
	lease->state = LEASE_EXPIRED;
	if (client_id)
		lease->client_id = *client_id;
	list_init(&lease->offered);
	if (insert(table, lease)) {
		free(lease);
		return NULL;
	}
	return lease;
}

static void drop_name(struct lease_table *table, struct lease *lease)
{
	if (lease->name[0])
		map_remove(&table->by_name, &lease->by_name);
	lease->name[0] = '\0';
}

static void set_state(
	struct lease_table *table, struct lease *lease, enum lease_state state, nsec until)
{
	if (lease->state == LEASE_OFFERED) {
		list_remove(&lease->offered);
		table->offered_count--;
	}
	if (state == LEASE_OFFERED) {
		list_push_back(&table->offered, &lease->offered);
		table->offered_count++;
	}
	lease->state = state;
	/* Moving what is in the heap needs no memory. */
	if (heap_set(&table->expiries, &lease->expiry, until))
		abort();
}

void lease_remove(struct lease_table *table, struct lease *lease)
{
	set_state(table, lease, LEASE_EXPIRED, INT64_MIN);
	drop_name(table, lease);
	if (lease->client_id.len)
		map_remove(&table->by_client, &lease->by_client);
	map_remove(&table->by_ip, &lease->by_ip);
	heap_remove(&table->expiries, &lease->expiry);
	free(lease);
}

enum lease_state lease_state(const struct lease *lease, nsec now)
{
	return now >= lease->expiry.key ? LEASE_EXPIRED : lease->state;
}

const char *lease_state_name(enum lease_state state)
{
	static const char *const names[] = {
		[LEASE_OFFERED] = "offered",
		[LEASE_BOUND] = "bound",
		[LEASE_EXPIRED] = "expired",
		[LEASE_DECLINED] = "declined",
	};

	return names[state];
}

nsec lease_expires(const struct lease *lease)
{
	return lease->expiry.key;
}

void lease_offer(struct lease_table *table, struct lease *lease, nsec until)
{
	set_state(table, lease, LEASE_OFFERED, until);
}

void lease_bind(struct lease_table *table, struct lease *lease, uint32_t duration, nsec until)
{
	lease->was_bound = true;
	lease->bound_until = until;
	lease->duration = duration;
	set_state(table, lease, LEASE_BOUND, until);
}

void lease_end(struct lease_table *table, struct lease *lease, nsec when)
{
	if (lease->was_bound)
		lease->bound_until = MIN(lease->bound_until, when);
	set_state(table, lease, LEASE_EXPIRED, when);
}

void lease_hold_back(struct lease_table *table, struct lease *lease, uint32_t duration, nsec until)
{
	lease->duration = duration;
	set_state(table, lease, LEASE_DECLINED, until);
}

/* The first label, in lower case; without what may not stand in a host name (RFC 1123 2.1). */
static void first_label(const char *wish, char ret[DHCP_NAME_SIZE])
{
	size_t len = 0;

	for (; *wish && *wish != '.' && len < DHCP_NAME_SIZE - 1; wish++) {
		char c = *wish >= 'A' && *wish <= 'Z' ? *wish + ('a' - 'A') : *wish;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && len))
			ret[len++] = c;
	}
	while (len && ret[len - 1] == '-')
		len--;
	ret[len] = '\0';
}

static bool take_name(struct lease_table *table, struct lease *lease, const char *name, nsec now)
{
	struct lease *holder = lease_find_name(table, name);

	if (holder == lease)
		return true;
	if (holder && lease_state(holder, now) != LEASE_EXPIRED)
		return false;
	if (holder)
		drop_name(table, holder);
	drop_name(table, lease);
	/* Without memory for the table's node there is no name: nothing else suffers. */
	if (!map_insert(&table->by_name, &lease->by_name, hash_name(table, name)))
		snprintf(lease->name, sizeof(lease->name), "%s", name);
	return true;
}

void lease_set_name(struct lease_table *table, struct lease *lease, const char *wish, nsec now)
{
	char label[DHCP_NAME_SIZE], name[DHCP_NAME_SIZE];

	first_label(wish, label);
	if (!label[0])
		return;
	if (take_name(table, lease, label, now))
		return;
	for (unsigned n = 2; n < NAME_TRIES; n++) {
		snprintf(name, sizeof(name), "%.*s-%u", DHCP_NAME_SIZE - 6, label, n);
		if (take_name(table, lease, name, now))
			return;
	}
}
