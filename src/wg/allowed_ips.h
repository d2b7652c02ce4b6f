/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may use, and is sent, which addresses: the longest prefix that holds an address says. */
#pragma once

#include "base/attr.h"
#include "wire/address.h"

#include <stddef.h>

struct allowed_node;

struct allowed_ips {
	struct allowed_node *roots[2]; /* IPv4, IPv6 */
	size_t count, max;	       /* prefixes */
};

void allowed_ips_init(struct allowed_ips *table, size_t max);
void allowed_ips_done(struct allowed_ips *table);

/* A prefix belongs to one owner: who had it loses it. -ENOSPC: there are max; -ENOMEM. */
int allowed_ips_add(
	struct allowed_ips *table, const struct ip_prefix *prefix, void *owner) MUST_USE;
/* False: it is not that owner's. */
bool allowed_ips_remove(struct allowed_ips *table, const struct ip_prefix *prefix, void *owner);
void allowed_ips_remove_all(struct allowed_ips *table, void *owner);
/* NULL: nobody's. */
void *allowed_ips_find(const struct allowed_ips *table, struct ip ip);

/* Calls for each prefix of the owner, IPv4 first, in the order of addresses. */
void allowed_ips_each(const struct allowed_ips *table, const void *owner,
	void (*call)(void *argument, const struct ip_prefix *prefix), void *argument);
