/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/snapshot.h"
#include "wire/ip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FLOWS_MAX 10000

static json_t *hub_json(const struct world_hub *hub)
{
	struct hub_snapshot snapshot;
	json_t *value;

	if (snapshot_take(hub, &snapshot))
		return NULL;
	value = snapshot_hub_json(&snapshot);
	snapshot_done(&snapshot);
	return value;
}

void api_get_hubs(struct api *api, struct request *, struct reply *reply)
{
	json_t *hubs = json_array();

	LIST_EACH(node, &api_world(api)->hubs)
		json_array_append_new(hubs, hub_json(LIST_ENTRY(node, struct world_hub, node)));
	reply_json(reply, 200, json_pack("{s:o}", "hubs", hubs));
}

void api_get_hub(struct api *api, struct request *request, struct reply *reply)
{
	struct world_hub *hub = api_find_hub(api, request, reply);

	if (hub)
		reply_json(reply, 200, hub_json(hub));
}

/* Each of the lists below is copied on the hub's thread and written as JSON on ours. */
struct address_list {
	const struct world_hub *hub;
	struct hub_address *addresses;
	size_t count;
};

static void copy_addresses(void *argument)
{
	struct address_list *list = argument;

	list->count = hub_addresses(list->hub->hub, HUB_PORTS_MAX,
		loop_now(worker_loop(list->hub->worker)), list->addresses, HUB_MACS_MAX);
}

static const char *port_name(const struct world_hub *hub, unsigned slot)
{
	LIST_EACH(node, &hub->ports) {
		const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->slot == slot)
			return port->name;
	}
	return "";
}

static json_t *addresses_json(const struct address_list *list)
{
	json_t *addresses = json_array();
	char mac[MAC_TEXT_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		const struct hub_address *address = &list->addresses[i];

		json_array_append_new(addresses,
			json_pack("{s:s, s:i, s:s, s:f}", "mac", mac_format(address->mac, mac),
				"slot", (int)address->slot, "port",
				port_name(list->hub, address->slot), "age",
				(double)address->age / NSEC_PER_SEC));
	}
	return json_pack("{s:o}", "addresses", addresses);
}

void api_get_addresses(struct api *api, struct request *request, struct reply *reply)
{
	struct address_list list = {.hub = api_find_hub(api, request, reply)};

	if (!list.hub)
		return;
	list.addresses = malloc(
		HUB_MACS_MAX * sizeof(*list.addresses)); /* touched as far as used */
	if (list.addresses)
		worker_call(list.hub->worker, copy_addresses, &list);
	reply_json(reply, 200, list.addresses ? addresses_json(&list) : NULL);
	free(list.addresses);
}

struct lease_copy {
	struct ip4 ip;
	struct mac mac;
	char name[DHCP_NAME_SIZE];
	enum lease_state state;
	int64_t expires; /* seconds since 1970 */
};

struct lease_list {
	const struct world_port *port;
	struct lease_copy *leases;
	size_t count, size;
};

static void copy_lease(
	void *context, const struct lease *lease, enum lease_state state, int64_t expires)
{
	struct lease_list *list = context;
	struct lease_copy *copy;

	if (list->count == list->size) {
		size_t size = list->size ? 2 * list->size : 64;
		struct lease_copy *leases = realloc(list->leases, size * sizeof(*leases));

		if (!leases)
			return;
		list->leases = leases;
		list->size = size;
	}
	copy = &list->leases[list->count++];
	*copy = (struct lease_copy){.ip = lease->ip, .mac = lease->mac, .state = state};
	copy->expires = expires;
	memcpy(copy->name, lease->name, sizeof(copy->name));
}

static void copy_leases(void *argument)
{
	struct lease_list *list = argument;

	dhcp_walk(list->port->dhcp, copy_lease, list);
}

static bool is_reserved(const struct world_port *port, struct mac mac, struct ip4 ip)
{
	const struct dhcp_config *config = &port->config.dhcp;

	for (size_t i = 0; i < config->reservation_count; i++) {
		if (mac_equal(config->reservations[i].mac, mac) &&
			ip_equal(config->reservations[i].ip, ip_from_v4(ip)))
			return true;
	}
	return false;
}

static int by_address(const void *a, const void *b)
{
	uint32_t x = ip4_number(((const struct lease_copy *)a)->ip);
	uint32_t y = ip4_number(((const struct lease_copy *)b)->ip);

	return x < y ? -1 : x > y;
}

static json_t *leases_json(struct lease_list *list)
{
	json_t *leases = json_array();
	char ip[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (list->count)
		qsort(list->leases, list->count, sizeof(*list->leases), by_address);
	for (size_t i = 0; i < list->count; i++) {
		const struct lease_copy *lease = &list->leases[i];

		json_array_append_new(
			leases, json_pack("{s:s, s:s, s:s, s:s, s:b, s:I}", "ip",
					ip_format(ip_from_v4(lease->ip), ip), "mac",
					mac_format(lease->mac, mac), "name", lease->name, "state",
					lease_state_name(lease->state), "reserved",
					is_reserved(list->port, lease->mac, lease->ip), "expires",
					(json_int_t)(lease->expires - now.tv_sec)));
	}
	return json_pack("{s:o}", "leases", leases);
}

void api_get_leases(struct api *api, struct request *request, struct reply *reply)
{
	struct lease_list list = {.port = api_find_kind(api, request, PORT_KIND_DHCP, reply)};

	if (!list.port)
		return;
	worker_call(list.port->hub->worker, copy_leases, &list);
	reply_json(reply, 200, leases_json(&list));
	free(list.leases);
}

struct flow_list {
	const struct world_port *port;
	struct flow_info *flows;
	size_t count, total, max;
};

static void copy_flow(void *argument, const struct flow_info *flow)
{
	struct flow_list *list = argument;

	if (list->total++ < list->max)
		list->flows[list->count++] = *flow;
}

static void copy_flows(void *argument)
{
	struct flow_list *list = argument;

	gateway_flows(list->port->gateway, loop_now(worker_loop(list->port->hub->worker)),
		copy_flow, list);
}

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IP_PROTOCOL_TCP:
		return "tcp";
	case IP_PROTOCOL_UDP:
		return "udp";
	case IP_PROTOCOL_ICMP:
		return "icmp";
	case IP_PROTOCOL_ICMP6:
		return "icmp6";
	}
	return "ip";
}

static json_t *flow_json(const struct flow_info *flow)
{
	char guest[ENDPOINT_TEXT_SIZE], remote[ENDPOINT_TEXT_SIZE];
	json_t *value = json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:f, s:f}", "protocol",
		protocol_name(flow->protocol), "state", flow->state, "guest",
		endpoint_format(&flow->guest, guest), "inbound", flow->is_inbound, "up",
		(json_int_t)flow->up_bytes, "down", (json_int_t)flow->down_bytes, "age",
		(double)flow->age / NSEC_PER_SEC, "idle", (double)flow->idle / NSEC_PER_SEC);

	if (value && !ip_is_none(flow->remote.ip))
		json_object_set_new(
			value, "remote", json_string(endpoint_format(&flow->remote, remote)));
	return value;
}

static json_t *flows_json(const struct flow_list *list)
{
	json_t *flows = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(flows, flow_json(&list->flows[i]));
	return json_pack("{s:o, s:I}", "flows", flows, "total", (json_int_t)list->total);
}

/* ?limit=; 0: it is no number. */
static size_t limit_of(const struct request *request)
{
	const char *text = request->query(request, "limit");
	char *end;
	unsigned long limit;

	if (!text)
		return FLOWS_MAX;
	limit = strtoul(text, &end, 10);
	return text[0] < '0' || text[0] > '9' || *end ? 0 : MIN(limit, FLOWS_MAX);
}

void api_get_flows(struct api *api, struct request *request, struct reply *reply)
{
	struct flow_list list = {.port = api_find_kind(api, request, PORT_KIND_NAT, reply)};

	if (!list.port)
		return;
	list.max = limit_of(request);
	if (!list.max) {
		reply_problem(reply, 400, "limit: a number from 1 to %d is wanted", FLOWS_MAX);
		return;
	}
	list.flows = malloc(list.max * sizeof(*list.flows));
	if (list.flows)
		worker_call(list.port->hub->worker, copy_flows, &list);
	reply_json(reply, 200, list.flows ? flows_json(&list) : NULL);
	free(list.flows);
}
