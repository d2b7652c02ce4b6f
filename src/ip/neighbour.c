/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/neighbour.h"

#include "base/map.h"

#include <stdlib.h>

struct neighbour {
	struct map_node node;
	struct list by_age;
	struct ip ip;
	struct mac mac;
	nsec heard_at;
};

struct query {
	struct list node;
	struct ip ip;
	bool is_probe;
	unsigned tries_left;
	nsec due;      /* the next try, or giving up */
	nsec patience; /* between tries */
	struct list waiters;
};

struct neighbours {
	struct host *host;
	const struct neighbours_ops *ops;
	struct hash_key key;
	struct map map;
	struct list by_age; /* heard of longest ago first */
	struct list queries;
	unsigned query_count;
};

struct neighbours *neighbours_new(
	struct host *host, const struct neighbours_ops *ops, const struct hash_key *key)
{
	struct neighbours *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->host = host;
	n->ops = ops;
	n->key = *key;
	list_init(&n->by_age);
	list_init(&n->queries);
	return n;
}

static void release_waiters(struct query *query)
{
	LIST_EACH(node, &query->waiters)
		list_remove(node);
}

void neighbours_free(struct neighbours *n)
{
	if (!n)
		return;
	LIST_EACH(node, &n->queries) {
		struct query *query = LIST_ENTRY(node, struct query, node);

		release_waiters(query);
		free(query);
	}
	LIST_EACH(node, &n->by_age)
		free(LIST_ENTRY(node, struct neighbour, by_age));
	map_done(&n->map);
	free(n);
}

static uint64_t hash(const struct neighbours *n, struct ip ip)
{
	return hash_words(&n->key, ip.bytes, 2);
}

static struct neighbour *find(const struct neighbours *n, struct ip ip)
{
	for (struct map_node *node = map_first(&n->map, hash(n, ip)); node; node = map_next(node)) {
		struct neighbour *neighbour = CONTAINER_OF(node, struct neighbour, node);

		if (ip_equal(neighbour->ip, ip))
			return neighbour;
	}
	return NULL;
}

bool neighbours_find(const struct neighbours *n, struct ip ip, nsec now, struct mac *ret_mac)
{
	const struct neighbour *neighbour = find(n, ip);

	if (!neighbour || now - neighbour->heard_at >= NEIGHBOUR_AGE)
		return false;
	*ret_mac = neighbour->mac;
	return true;
}

static void refresh(struct neighbours *n, struct neighbour *neighbour, struct mac mac, nsec now)
{
	neighbour->mac = mac;
	neighbour->heard_at = now;
	list_remove(&neighbour->by_age);
	list_push_back(&n->by_age, &neighbour->by_age);
}

bool neighbours_update(struct neighbours *n, struct ip ip, struct mac mac, nsec now)
{
	struct neighbour *neighbour = find(n, ip);

	if (neighbour)
		refresh(n, neighbour, mac, now);
	return neighbour;
}

/* A new entry, or the oldest one taken for it. NULL: no memory. */
static struct neighbour *make(struct neighbours *n)
{
	struct neighbour *neighbour;

	if (n->map.count < NEIGHBOURS_MAX) {
		neighbour = calloc(1, sizeof(*neighbour));
		if (neighbour)
			list_init(&neighbour->by_age);
		return neighbour;
	}
	neighbour = LIST_ENTRY(n->by_age.next, struct neighbour, by_age);
	list_remove(&neighbour->by_age);
	map_remove(&n->map, &neighbour->node);
	return neighbour;
}

void neighbours_learn(struct neighbours *n, struct ip ip, struct mac mac, nsec now)
{
	struct neighbour *neighbour;

	if (neighbours_update(n, ip, mac, now))
		return;
	neighbour = make(n);
	if (!neighbour)
		return;
	neighbour->ip = ip;
	if (map_insert(&n->map, &neighbour->node, hash(n, ip))) {
		free(neighbour);
		return;
	}
	refresh(n, neighbour, mac, now);
}

/* The query is in no list any more; who waits may ask again at once. */
static void finish(struct query *query, struct mac mac, nsec now)
{
	while (!list_is_empty(&query->waiters)) {
		struct resolve *resolve = LIST_ENTRY(query->waiters.next, struct resolve, node);

		list_remove(&resolve->node);
		resolve->on_resolved(resolve, query->ip, mac, now);
	}
	free(query);
}

/* Moves a query to a list of those that are over: callbacks may change n->queries. */
static void retire(struct neighbours *n, struct query *query, struct list *over)
{
	list_remove(&query->node);
	n->query_count--;
	list_push_back(over, &query->node);
}

static void finish_all(struct list *over, struct mac mac, nsec now)
{
	while (!list_is_empty(over)) {
		struct query *query = LIST_ENTRY(over->next, struct query, node);

		list_remove(&query->node);
		finish(query, mac, now);
	}
}

bool neighbours_answer(struct neighbours *n, struct ip ip, struct mac mac, nsec now)
{
	struct list over;
	bool was_asked;

	list_init(&over);
	LIST_EACH(node, &n->queries) {
		struct query *query = LIST_ENTRY(node, struct query, node);

		if (ip_equal(query->ip, ip))
			retire(n, query, &over);
	}
	was_asked = !list_is_empty(&over);
	finish_all(&over, mac, now);
	return was_asked;
}

static struct query *find_query(struct neighbours *n, struct ip ip, bool is_probe)
{
	LIST_EACH(node, &n->queries) {
		struct query *query = LIST_ENTRY(node, struct query, node);

		if (query->is_probe == is_probe && ip_equal(query->ip, ip))
			return query;
	}
	return NULL;
}

static struct query *make_query(struct neighbours *n, struct ip ip, nsec now)
{
	struct query *query;

	if (n->query_count >= QUERIES_MAX)
		return NULL;
	query = calloc(1, sizeof(*query));
	if (!query)
		return NULL;
	query->ip = ip;
	query->tries_left = QUERY_TRIES;
	query->patience = QUERY_INTERVAL;
	query->due = now;
	list_init(&query->waiters);
	list_push_back(&n->queries, &query->node);
	n->query_count++;
	return query;
}

static void wait_for(struct query *query, struct ip ip, struct resolve *resolve, nsec now)
{
	if (query)
		list_push_back(&query->waiters, &resolve->node);
	else
		resolve->on_resolved(resolve, ip, (struct mac){0}, now);
}

void neighbours_ask(struct neighbours *n, struct ip ip, struct resolve *resolve, nsec now)
{
	struct query *query = find_query(n, ip, false);

	list_init(&resolve->node);
	if (!query)
		query = make_query(n, ip, now);
	wait_for(query, ip, resolve, now);
}

void neighbours_probe(
	struct neighbours *n, struct ip ip, nsec patience, struct resolve *resolve, nsec now)
{
	struct query *query = find_query(n, ip, true);

	list_init(&resolve->node);
	if (!query) {
		query = make_query(n, ip, now);
		if (query) {
			query->is_probe = true;
			query->tries_left = 1;
			query->patience = patience;
		}
	}
	wait_for(query, ip, resolve, now);
}

static void try(struct neighbours *n, struct query *query, nsec now)
{
	query->tries_left--;
	query->due = now + query->patience;
	n->ops->ask(n->host, query->ip, query->is_probe, now);
}

nsec neighbours_run(struct neighbours *n, nsec now)
{
	nsec next = NSEC_NEVER;
	struct list over;

	list_init(&over);
	LIST_EACH(node, &n->queries) {
		struct query *query = LIST_ENTRY(node, struct query, node);

		if (list_is_empty(&query->waiters) || (query->due <= now && !query->tries_left))
			retire(n, query, &over);
		else if (query->due <= now)
			try(n, query, now);
	}
	finish_all(&over, (struct mac){0}, now);
	LIST_EACH(node, &n->queries)
		next = MIN(next, LIST_ENTRY(node, struct query, node)->due);
	return next;
}
