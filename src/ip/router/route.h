/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip/router/ is one machine with a leg on each of several hubs. A leg is a host (ip/host.h) on its
 * hub's thread; legs share nothing but bounded rings of copied packets, one each way.
 *
 * route.h: where packets go: the longest prefix wins. A table is made once and then only read.
 */
#pragma once

#include "base/attr.h"
#include "wire/address.h"

#include <stddef.h>

enum ip_route_kind {
	ROUTE_LINK,  /* on the leg's hub */
	ROUTE_VIA,   /* behind a router there */
	ROUTE_OWN,   /* an address of ours */
	ROUTE_GROUP, /* a subnet's own or broadcast address: for nobody */
};

struct ip_route {
	struct ip_prefix to; /* host bits are looked over */
	struct ip via;	     /* ROUTE_VIA; else none */
	unsigned leg;
	enum ip_route_kind kind;
};

struct route_table;

/* Of two to the same prefix the first one counts. NULL: no memory. */
struct route_table *route_table_new(const struct ip_route *routes, size_t count) MUST_USE;
void route_table_free(struct route_table *table); /* NULL is fine */
/* NULL: there is none. */
const struct ip_route *ip_route_find(const struct route_table *table, struct ip to);
/* In no useful order; NULL: there are not as many. */
const struct ip_route *ip_route_at(const struct route_table *table, size_t i);
