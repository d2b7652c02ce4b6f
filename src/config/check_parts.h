/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that check a model have in common. */
#pragma once

#include "config/check.h"

/* Where we look; the fields from port on may be NULL. */
struct site {
	const struct hub_config *hub;
	const struct port_config *port;
	const char *key;
	const char *item_key;
	struct complaint *complaint;
	size_t item; /* of the list that key is, where has_item */
	bool has_item;
};

/* check.c: always false. */
bool complain(const struct site *site, const char *format, ...) PRINTF_LIKE(2, 3);
struct site site_of_key(const struct site *site, const char *key);
struct site site_of_item(const struct site *site, const char *key, size_t item);
bool check_inside(const struct site *site, struct ip ip, const struct ip_prefix *subnet);
bool check_free_for_guest(const struct site *site, struct ip ip);

/* check_router.c: a leg alone and with the other ports of its hub; with those of another hub; and
 * that the router has no more than it may. */
bool check_router(const struct site *port);
bool check_router_and_hub(const struct site *port, const struct hub_config *other);
bool check_router_size(const struct site *port, const struct config *config);

/* check_link.c: the same. */
bool check_link(const struct site *port);
bool check_link_and_hub(const struct site *port, const struct hub_config *other);
