/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces, addresses and routes, by rtnetlink(7), in the network namespace of the calling
 * thread: it opens, uses and closes the socket without leaving it. Errors name the interface and
 * what was wanted; changes need CAP_NET_ADMIN there, questions do not.
 */
#pragma once

#include "base/error.h"
#include "wire/address.h"

#include <stddef.h>

#define INTERFACE_NAME_SIZE 16

struct netlink;

int netlink_open(struct netlink **ret_netlink, struct error *error) MUST_USE;
void netlink_close(struct netlink *netlink); /* NULL is fine */

struct link_info {
	int index;
	struct mac mac;
	uint32_t mtu, queue_len; /* queue_len: txqueuelen, in packets */
	bool is_up;
};
/* -ENODEV: there is none of that name; the sentence is written then too. */
int netlink_find_link(struct netlink *netlink, const char *name, struct link_info *ret_link,
	struct error *error) MUST_USE;

/* What is zero or false stays as it is. */
struct link_change {
	struct mac mac;
	uint32_t mtu, queue_len;
	bool up;
};
int netlink_change_link(struct netlink *netlink, const char *name, const struct link_change *change,
	struct error *error) MUST_USE;
/* To another namespace, where it is down and has another name. -EEXIST: that is taken there. */
int netlink_move_link(struct netlink *netlink, const char *name, int netns_fd, const char *new_name,
	struct error *error) MUST_USE;
int netlink_delete_link(struct netlink *netlink, const char *name, struct error *error) MUST_USE;

/* address->len: the subnet's. IPv4 gets the subnet's broadcast address; IPv6 is usable at once,
 * without duplicate detection (RFC 4862 5.4), for there is nobody yet to ask. An address that is
 * there already is fine. */
int netlink_add_address(struct netlink *netlink, const char *name, const struct ip_prefix *address,
	struct error *error) MUST_USE;
/* The routes through it go with it. */
int netlink_delete_address(struct netlink *netlink, const char *name,
	const struct ip_prefix *address, struct error *error) MUST_USE;
/* Host bits of `to` are zero; via none of its family (0.0.0.0, ::): on the link. A route to the
 * same place that is there already is fine, and stays. */
int netlink_add_route(struct netlink *netlink, const char *name, const struct ip_prefix *to,
	struct ip via, struct error *error) MUST_USE;

/* A subnet that is spoken for here: an interface's own, or one with a route. Default routes,
 * loopback, link-local and multicast are left out. */
struct used_subnet {
	struct ip_prefix prefix;
	char interface[INTERFACE_NAME_SIZE]; /* empty: a route without one */
};
/* Both families, in the kernel's order, with repetitions; free(*ret_subnets). */
int netlink_used_subnets(struct netlink *netlink, struct used_subnet **ret_subnets,
	size_t *ret_count, struct error *error) MUST_USE;
