/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/router/route.h"

#include <stdlib.h>

#define GROUPS_MAX (33 + 129) /* one for each length in each family */

/* Routes of one length and family, by address. */
struct group {
	bool is_v4;
	unsigned len;
	size_t first, count;
};

struct route_table {
	size_t count;
	unsigned group_count;
	struct group groups[GROUPS_MAX]; /* the longest first */
	struct ip_route routes[];
};

/* A route, and where it stood among those given: qsort() keeps no order of its own. */
struct numbered {
	struct ip_route route;
	size_t number;
};

static int compare_prefixes(const struct ip_prefix *a, const struct ip_prefix *b)
{
	bool is_a_v4 = ip_is_v4(a->address), is_b_v4 = ip_is_v4(b->address);

	if (is_a_v4 != is_b_v4)
		return is_a_v4 ? -1 : 1;
	if (a->len != b->len)
		return a->len > b->len ? -1 : 1;
	return memcmp(&a->address, &b->address, sizeof(a->address));
}

static int compare(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	int order = compare_prefixes(&x->route.to, &y->route.to);

	if (order)
		return order;
	return x->number < y->number ? -1 : 1;
}

static struct numbered *sorted(const struct ip_route *routes, size_t count)
{
	struct numbered *all = calloc(count + 1, sizeof(*all));

	for (size_t i = 0; all && i < count; i++) {
		all[i] = (struct numbered){routes[i], i};
		all[i].route.to.address = prefix_nth(&routes[i].to, 0);
	}
	if (all)
		qsort(all, count, sizeof(*all), compare);
	return all;
}

static void append(struct route_table *table, const struct ip_route *route)
{
	struct group *group = table->group_count ? &table->groups[table->group_count - 1] : NULL;
	bool is_v4 = ip_is_v4(route->to.address);

	if (table->count && !compare_prefixes(&table->routes[table->count - 1].to, &route->to))
		return;
	if (!group || group->is_v4 != is_v4 || group->len != route->to.len) {
		group = &table->groups[table->group_count++];
		*group = (struct group){is_v4, route->to.len, table->count, 0};
	}
	group->count++;
	table->routes[table->count++] = *route;
}

struct route_table *route_table_new(const struct ip_route *routes, size_t count)
{
	struct numbered *all = sorted(routes, count);
	struct route_table *table = NULL;

	if (all)
		table = calloc(1, sizeof(*table) + count * sizeof(table->routes[0]));
	for (size_t i = 0; table && i < count; i++)
		append(table, &all[i].route);
	free(all);
	return table;
}

void route_table_free(struct route_table *table)
{
	free(table);
}

static const struct ip_route *find_in(
	const struct route_table *table, const struct group *group, struct ip to)
{
	struct ip_prefix wanted = {to, group->len};
	size_t low = group->first, high = group->first + group->count;

	wanted.address = prefix_nth(&wanted, 0);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(
			&wanted.address, &table->routes[middle].to.address, sizeof(wanted.address));

		if (!order)
			return &table->routes[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct ip_route *ip_route_find(const struct route_table *table, struct ip to)
{
	bool is_v4 = ip_is_v4(to);
	const struct ip_route *route;

	for (unsigned i = 0; i < table->group_count; i++) {
		if (table->groups[i].is_v4 != is_v4)
			continue;
		route = find_in(table, &table->groups[i], to);
		if (route)
			return route;
	}
	return NULL;
}

const struct ip_route *ip_route_at(const struct route_table *table, size_t i)
{
	return i < table->count ? &table->routes[i] : NULL;
}
