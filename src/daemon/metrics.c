/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked for; how it is written is metrics_text.c's. */
#include "daemon/metrics.h"

#include "daemon/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct question {
	const struct world_hub *hub;
	struct metrics_hub *answer;
};

static void count_lease(void *context, const struct lease *, enum lease_state state, int64_t)
{
	struct metrics_hub *hub = context;

	hub->leases[state]++;
}

static void ask_port(const struct world_port *port, struct metrics_hub *answer)
{
	answer->address_count += port->port->addresses.count;
	if (port->config.kind == PORT_KIND_NAT) {
		answer->has_nat = true;
		answer->nat = gateway_counters(port->gateway);
	} else if (port->config.kind == PORT_KIND_DHCP) {
		answer->has_dhcp = true;
		answer->dhcp = *dhcp_counters(port->dhcp);
		dhcp_walk(port->dhcp, count_lease, answer);
	}
}

static void ask_more(const struct world_port *port, struct metrics_port *answer)
{
	if (port->config.kind == PORT_KIND_ROUTER) {
		answer->is_leg = true;
		answer->leg = router_leg_machine(port->router)->counters;
	} else if (port->config.kind == PORT_KIND_LINK) {
		answer->is_member = true;
		link_member_look(port->port, &answer->member);
	}
}

static void ask_entrance(const struct world_port *entrance, struct metrics_hub *answer)
{
	const uint64_t *drops = entrance->relay ? relay_drops(entrance->relay) : NULL;

	answer->has_relay |= drops != NULL;
	for (unsigned i = 0; drops && i < WG_DROP_COUNT; i++)
		answer->strangers[i] += drops[i];
}

static void ask(void *argument)
{
	const struct question *question = argument;
	struct metrics_hub *answer = question->answer;

	LIST_EACH(node, &question->hub->ports) {
		const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->is_entrance)
			ask_entrance(port, answer);
		else
			ask_port(port, answer);
	}
	for (size_t i = 0; i < answer->snapshot.port_count; i++)
		ask_more(answer->snapshot.ports[i].port, &answer->ports[i]);
}

static int take_hub(const struct world_hub *hub, struct metrics_hub *answer)
{
	int err = snapshot_take(hub, &answer->snapshot);

	if (err)
		return err;
	answer->ports = calloc(answer->snapshot.port_count + 1, sizeof(*answer->ports));
	if (!answer->ports) {
		snapshot_done(&answer->snapshot);
		return -ENOMEM;
	}
	worker_call(hub->worker, ask, &(struct question){hub, answer});
	return 0;
}

/* The second number of statm is in pages: proc(5). */
static uint64_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double processor_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / NSEC_PER_SEC;
}

int metrics_take(const struct world *world, struct metrics *ret_metrics)
{
	struct metrics metrics = {.resident = resident_bytes(), .processor = processor_seconds()};
	size_t count = 0;

	LIST_EACH(node, &world->hubs)
		count++;
	metrics.hubs = calloc(count + 1, sizeof(*metrics.hubs));
	if (!metrics.hubs)
		return -ENOMEM;
	LIST_EACH(node, &world->hubs) {
		const struct world_hub *hub = LIST_ENTRY(node, struct world_hub, node);

		if (take_hub(hub, &metrics.hubs[metrics.hub_count])) {
			metrics_done(&metrics);
			return -ENOMEM;
		}
		metrics.hub_count++;
	}
	*ret_metrics = metrics;
	return 0;
}

void metrics_done(struct metrics *metrics)
{
	for (size_t i = 0; i < metrics->hub_count; i++) {
		snapshot_done(&metrics->hubs[i].snapshot);
		free(metrics->hubs[i].ports);
	}
	free(metrics->hubs);
}
