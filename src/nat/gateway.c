/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's life, and which file answers for which protocol. */
#include "nat/gateway.h"

#include "nat/forward.h"
#include "nat/internal.h"
#include "nat/socket.h"
#include "nat/time_wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define FDS_LEFT_FREE 256 /* for everything that is not a flow */
#define FLOWS_DEFAULT 65536

static void on_transit(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct gateway *gateway = CONTAINER_OF(host, struct gateway, host);

	switch (packet->protocol) {
	case IP_PROTOCOL_TCP:
		tcp_transit(gateway, frame, packet, now);
		break;
	case IP_PROTOCOL_UDP:
		udp_transit(gateway, frame, packet, now);
		break;
	case IP_PROTOCOL_ICMP:
	case IP_PROTOCOL_ICMP6:
		icmp_transit(gateway, frame, packet, now);
		break;
	default:
		port_drop(&host->port, DROP_UNWANTED, frame);
		break;
	}
}

/* Our own address also stands for the host's loopback, and for clients of forwards that the guest
 * could not answer under their own. */
static bool on_unbound(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct gateway *gateway = CONTAINER_OF(host, struct gateway, host);
	struct flow_key key = {.guest = packet->from,
		.remote = packet->to,
		.guest_port = packet->from_port,
		.remote_port = packet->to_port,
		.protocol = packet->protocol};

	if (!gateway->settings.may_reach_host && !flow_find(&gateway->flows, &key))
		return false;
	on_transit(host, frame, packet, now);
	return true;
}

static bool may_be_beyond(const struct host *host, struct ip ip)
{
	const struct gateway *gateway = CONTAINER_OF(host, const struct gateway, host);

	for (size_t i = 0; i < gateway->beyond_count; i++)
		if (prefix_contains(&gateway->beyond[i], ip))
			return !ip_is_multicast(ip) && !ip_is_loopback(ip);
	return false;
}

static const struct host_ops host_ops = {
	.on_transit = on_transit, .on_unbound = on_unbound, .may_be_beyond = may_be_beyond};

static nsec gateway_run(struct machine *machine, nsec now)
{
	struct gateway *gateway = CONTAINER_OF(machine, struct gateway, machine);
	nsec flows = flow_table_run(&gateway->flows, now);
	nsec host = host_run(&gateway->host, now);

	flow_table_bury(&gateway->flows);
	time_wait_age(gateway, now);
	return MIN(flows, host);
}

static uint32_t default_flows_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
		return FLOWS_DEFAULT;
	if (files.rlim_cur <= 2 * FDS_LEFT_FREE)
		return (uint32_t)files.rlim_cur / 2;
	return (uint32_t)MIN(files.rlim_cur - FDS_LEFT_FREE, (rlim_t)FLOWS_DEFAULT);
}

static size_t default_memory_max(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (size_t)pages / 4 * (size_t)size : (size_t)256 << 20;
}

static int add_addresses(struct gateway *gateway)
{
	const struct gateway_settings *settings = &gateway->settings;
	int err = host_add_address(&gateway->host, &settings->address);

	if (err < 0 || ip_is_none(settings->address6.address))
		return err;
	return host_add_address(&gateway->host, &settings->address6);
}

int gateway_init(struct gateway *gateway, const struct gateway_settings *settings,
	struct outside *outside, struct error *error)
{
	int err;

	gateway->settings = *settings;
	gateway->outside = outside;
	gateway->machine.run = gateway_run;
	list_init(&gateway->forwards);
	list_init(&gateway->waiting_clients);
	list_init(&gateway->half_open);
	list_init(&gateway->time_waits);
	list_init(&gateway->datagram_flows);
	list_init(&gateway->udp_listeners);
	flow_table_init(&gateway->flows, &settings->key, &gateway->machine,
		settings->flows_max ? settings->flows_max : default_flows_max());
	gateway->tcp.host = &gateway->host;
	gateway->tcp.key = settings->key;
	gateway->tcp.pool.limit = settings->memory_max ? settings->memory_max
						       : default_memory_max();
	err = host_init(
		&gateway->host, &host_ops, &gateway->machine, settings->mac, &settings->key);
	if (err < 0)
		return error_set(error, -err, "port '%s': out of memory", settings->name);
	memcpy(gateway->host.port.name, settings->name, sizeof(gateway->host.port.name));
	gateway->host.port.mtu = settings->mtu;
	gateway->host.port.takes = TAKES_ALL;
	err = add_addresses(gateway);
	if (err < 0)
		return error_set(error, -err, "port '%s': too many addresses", settings->name);
	return 0;
}

void gateway_done(struct gateway *gateway)
{
	forwards_done(gateway);
	flow_table_done(&gateway->flows);
	time_wait_done(gateway);
	ring_pool_done(&gateway->tcp.pool);
	host_done(&gateway->host);
	free(gateway->datagrams);
	free(gateway->beyond);
}

static void gateway_free(struct port *port)
{
	struct gateway *gateway = CONTAINER_OF(port, struct gateway, host.port);

	driver_stop(&gateway->driver);
	gateway_done(gateway);
	outside_free(gateway->outside);
	free(gateway);
}

void gateway_receive(struct port *port, const struct frame *frames, unsigned count)
{
	struct gateway *gateway = CONTAINER_OF(port, struct gateway, host.port);

	host_receive(port, frames, count);
	tcp_batch_done(gateway, hub_now(port->hub));
}

static const struct port_ops port_ops = {
	.kind = "nat", .send = gateway_receive, .free = gateway_free};

int gateway_new(struct loop *loop, const struct gateway_settings *settings,
	struct gateway **ret_gateway, struct error *error)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	struct outside *outside = outside_new(loop);
	int err = -ENOMEM;

	if (gateway && outside)
		err = gateway_init(gateway, settings, outside, error);
	else
		error_set(error, ENOMEM, "port '%s': out of memory", settings->name);
	if (err < 0) {
		if (gateway && outside)
			gateway_done(gateway);
		outside_free(outside);
		free(gateway);
		return err;
	}
	gateway->host.port.ops = &port_ops;
	driver_start(&gateway->driver, loop, &gateway->machine);
	*ret_gateway = gateway;
	return 0;
}

struct port *gateway_port(struct gateway *gateway)
{
	return &gateway->host.port;
}

struct host *gateway_host(struct gateway *gateway)
{
	return &gateway->host;
}

int gateway_set_beyond(struct gateway *gateway, const struct ip_prefix *prefixes, size_t count)
{
	struct ip_prefix *copy = calloc(count + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, prefixes, count * sizeof(*copy));
	free(gateway->beyond);
	gateway->beyond = copy;
	gateway->beyond_count = count;
	gateway->host.known_from = (struct ip){0};
	return 0;
}

int gateway_flow_insert(struct gateway *gateway, struct flow *flow, nsec now)
{
	int err = flow_insert(&gateway->flows, flow, now);

	if (err != -ENOSPC || list_is_empty(&gateway->datagram_flows))
		return err;
	flow_end(&gateway->flows, LIST_ENTRY(gateway->datagram_flows.next, struct flow, age));
	return flow_insert(&gateway->flows, flow, now);
}

void gateway_flows(const struct gateway *gateway, nsec now,
	void (*each)(void *argument, const struct flow_info *flow), void *argument)
{
	struct map_cursor cursor = {0};
	struct map_node *node;

	while ((node = map_walk(&gateway->flows.map, &cursor))) {
		const struct flow *flow = CONTAINER_OF(node, struct flow, node);
		struct flow_info info = {
			.protocol = (uint8_t)flow->key.protocol,
			.guest = {flow->key.guest, flow->key.guest_port},
			.remote = {flow->key.remote, flow->key.remote_port},
			.is_inbound = flow->is_inbound,
			.up_bytes = flow->up_bytes,
			.down_bytes = flow->down_bytes,
			.age = now - flow->opened_at,
			.idle = now - flow->last_at,
		};

		flow->ops->describe(flow, &info);
		each(argument, &info);
	}
}

struct gateway_counters gateway_counters(const struct gateway *gateway)
{
	struct gateway_counters counters = gateway->counters;

	counters.tcp_half_open = gateway->half_open_count;
	counters.tcp_retransmitted_bytes = gateway->tcp.retransmitted_bytes;
	counters.tcp_timeouts = gateway->tcp.timeouts;
	counters.memory_reserved = gateway->tcp.pool.reserved;
	counters.memory_used = gateway->tcp.pool.used;
	return counters;
}
