/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply_subnet.h"

#include "base/log.h"
#include "daemon/subnet.h"

#include <stdlib.h>

struct used {
	struct used_subnet *subnets;
	size_t count;
};

/* A host that does not say is one that uses none: nothing fails for that. */
static struct used list_used(const struct world *world)
{
	struct netlink *netlink = NULL;
	struct used used = {0};
	struct error error = {0};
	size_t kept = 0;

	if (netlink_open(&netlink, &error) ||
		netlink_used_subnets(netlink, &used.subnets, &used.count, &error))
		log_warning("which subnets the host uses is not known: %s", error.text);
	netlink_close(netlink);
	for (size_t i = 0; i < used.count; i++) {
		if (!world_is_host_port(world, used.subnets[i].interface))
			used.subnets[kept++] = used.subnets[i];
	}
	used.count = kept;
	return used;
}

static bool is_new(const struct hub_config *from, const struct hub_config *to)
{
	return !from || !from->has_subnet || from->subnet.len != to->subnet.len ||
	       !ip_equal(from->subnet.address, to->subnet.address);
}

static void warn(const struct hub_config *hub, const struct used *used, struct apply_report *report)
{
	const struct used_subnet *other = subnet_collision(
		&hub->subnet, used->subnets, used->count);
	char own_text[PREFIX_TEXT_SIZE], text[PREFIX_TEXT_SIZE];
	struct ip_prefix free_one;

	if (!other)
		return;
	prefix_format(&hub->subnet, own_text);
	prefix_format(&other->prefix, text);
	if (subnet_next_free(&hub->subnet, used->subnets, used->count, &free_one))
		apply_report_warn(report,
			"%s: %s overlaps %s, which the host uses (%s); %s would be free", hub->name,
			own_text, text, other->interface,
			prefix_format(&free_one, (char[PREFIX_TEXT_SIZE]){0}));
	else
		apply_report_warn(report, "%s: %s overlaps %s, which the host uses (%s)", hub->name,
			own_text, text, other->interface);
}

void apply_subnet_warn(struct world *world, const struct plan *plan, struct apply_report *report)
{
	struct used used = {0};
	bool is_known = false;

	for (size_t i = 0; i < plan->hub_count; i++) {
		const struct plan_hub *hub = &plan->hubs[i];

		if (!hub->to || !hub->to->has_subnet || !is_new(hub->from, hub->to))
			continue;
		if (!is_known)
			used = list_used(world);
		is_known = true;
		warn(hub->to, &used, report);
	}
	free(used.subnets);
}

struct config *apply_subnet_default(struct world *world, struct ip_prefix *ret_moved_from)
{
	struct config *config = config_default();
	struct used used = list_used(world);
	struct hub_config *hub = config ? &config->hubs[0] : NULL;
	struct ip_prefix free_one;

	*ret_moved_from = (struct ip_prefix){};
	if (hub && subnet_collision(&hub->subnet, used.subnets, used.count) &&
		subnet_next_free(&hub->subnet, used.subnets, used.count, &free_one)) {
		*ret_moved_from = hub->subnet;
		hub_config_move(hub, free_one.address);
	}
	free(used.subnets);
	return config;
}
