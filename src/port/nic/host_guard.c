/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/host_guard.h"

#include "io/blackhole.h"

#include <stdio.h>

/* Not link-local ones, of which each interface has the same: one rule is for them all. */
static bool names_neighbours(const struct ip_prefix *own)
{
	return own->len < (ip_is_v4(own->address) ? 32 : 128) && !ip_is_link_local(own->address);
}

static struct ip_prefix subnet_of(const struct ip_prefix *own)
{
	return (struct ip_prefix){prefix_nth(own, 0), own->len};
}

static int add_rules(struct netlink *netlink, const struct link_state *link, struct error *error)
{
	static const struct ip_prefix link_local = {{{0xfe, 0x80}}, 10};
	bool has_ip6 = false;
	int err = 0;

	for (unsigned i = 0; i < link->address_count && !err; i++) {
		struct ip_prefix subnet = subnet_of(&link->addresses[i]);

		has_ip6 |= !ip_is_v4(subnet.address);
		if (names_neighbours(&link->addresses[i]))
			err = blackhole_add(netlink, link->name, &subnet, error);
	}
	if (has_ip6 && !err)
		err = blackhole_add(netlink, link->name, &link_local, error);
	return err;
}

int host_guard_set(
	struct host_guard *guard, const struct link_state *link, bool is_on, struct error *error)
{
	struct netlink *netlink;
	int err = netlink_open(&netlink, error);

	if (err)
		return err;
	if (guard->interface[0])
		err = blackhole_remove_all(netlink, guard->interface, error);
	if (!err && is_on)
		err = blackhole_remove_all(netlink, link->name, error);
	if (!err && is_on)
		err = add_rules(netlink, link, error);
	netlink_close(netlink);
	guard->is_on = is_on && !err;
	snprintf(guard->interface, sizeof(guard->interface), "%s", is_on ? link->name : "");
	return err;
}
