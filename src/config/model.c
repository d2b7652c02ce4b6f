/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames for everybody a second, of each kind: a LAN of thousands of machines stays below. */
#define NIC_STORM 2000
#define POOL_MAX  65536 /* addresses, where nobody asked for more */

static const char default_text[] = "hubs:\n"
				   "  hub8:\n"
				   "    subnet: 192.168.120.0/24\n"
				   "    subnet6: fd00:8::/64\n"
				   "    ports: [{kind: nat}, {kind: dhcp}, {kind: vm}]\n";

struct config *config_default(void)
{
	struct config *config = NULL;

	if (config_read("built-in default", default_text, strlen(default_text), &config, NULL))
		return NULL;
	return config;
}

struct ip hub_config_host(const struct hub_config *hub)
{
	return prefix_nth(&hub->subnet, 1);
}

struct ip hub_config_gateway(const struct hub_config *hub)
{
	return prefix_nth(&hub->subnet, 2);
}

struct ip hub_config_gateway6(const struct hub_config *hub)
{
	return prefix_nth(&hub->subnet6, 2);
}

static uint32_t last_number(const struct ip_prefix *subnet)
{
	return ip4_number(ip_to_v4(prefix_last(subnet)));
}

struct ip hub_config_dhcp_server(const struct hub_config *hub)
{
	return ip_from_v4(ip4_from_number(last_number(&hub->subnet) - 1));
}

/* The upper half, below the DHCP server: .128 to .253 of a /24. */
static void fill_pool(struct dhcp_config *dhcp, const struct ip_prefix *subnet)
{
	uint32_t last = last_number(subnet) - 2, half = 1u << (31 - subnet->len);

	dhcp->pool_first = ip_from_v4(ip4_from_number(MAX(last + 3 - half, last + 1 - POOL_MAX)));
	dhcp->pool_last = ip_from_v4(ip4_from_number(last));
}

static bool has_nat(const struct hub_config *hub)
{
	for (size_t i = 0; i < hub->port_count; i++)
		if (hub->ports[i].kind == PORT_KIND_NAT)
			return true;
	return false;
}

static void fill_dhcp(struct dhcp_config *dhcp, const struct hub_config *hub)
{
	dhcp->lease_seconds = 1800;
	strcpy(dhcp->domain, "localdomain");
	if (!hub || !hub->has_subnet)
		return;
	fill_pool(dhcp, &hub->subnet);
	dhcp->has_routers = has_nat(hub);
	if (!dhcp->has_routers)
		return;
	dhcp->router = dhcp->dns[0] = hub_config_gateway(hub);
	dhcp->dns_count = 1;
}

static void fill_router(struct router_config *router, const struct hub_config *hub)
{
	if (hub && hub->has_subnet)
		router->address = prefix_nth(&hub->subnet, 3);
	if (hub && hub->has_subnet6)
		router->address6 = prefix_nth(&hub->subnet6, 3);
}

void hub_config_fill(struct hub_config *hub)
{
	hub->mtu = 1500;
}

void port_config_fill(struct port_config *port, const struct hub_config *hub)
{
	switch (port->kind) {
	case PORT_KIND_HOST:
		if (hub)
			snprintf(port->host.dev, sizeof(port->host.dev), "lan%.4s", hub->name + 3);
		break;
	case PORT_KIND_NETNS:
		strcpy(port->netns.dev, "eth0");
		break;
	case PORT_KIND_DHCP:
		fill_dhcp(&port->dhcp, hub);
		break;
	case PORT_KIND_NIC:
		port->policy.looks_for_loops = true;
		port->policy.storm = NIC_STORM;
		break;
	case PORT_KIND_LINK:
		port->policy.is_spared = true;
		port->link.forges_mtu = true;
		break;
	case PORT_KIND_ROUTER:
		fill_router(&port->router, hub);
		break;
	case PORT_KIND_NAT:
	case PORT_KIND_VM:
	case PORT_KIND_VHOST_USER:
	case PORT_KIND_VDE:
	case PORT_KIND_COUNT:
		break;
	}
}

void port_config_done(struct port_config *port)
{
	const struct key_set *set = schema_port(port->kind);
	const struct key *key;

	for (size_t i = 0; (key = key_set_at(set, i)); i++)
		if (key->list)
			list_free(key->list, port);
}

int port_config_copy(const struct port_config *from, struct port_config *ret)
{
	const struct key_set *set = schema_port(from->kind);
	struct port_config copy = *from;
	const struct key *key;
	int err = 0;

	/* To the end even when memory runs out: no list may stay the original's. */
	for (size_t i = 0; (key = key_set_at(set, i)); i++)
		if (key->list && list_copy(key->list, &copy))
			err = -ENOMEM;
	if (err)
		port_config_done(&copy);
	else
		*ret = copy;
	return err;
}

bool port_config_equal(const struct port_config *a, const struct port_config *b)
{
	return a->kind == b->kind && keys_equal(schema_port(a->kind), a, b);
}

bool port_config_equal_but_policy(const struct port_config *a, const struct port_config *b)
{
	struct port_config other = *b;

	other.policy = a->policy;
	return port_config_equal(a, &other);
}

bool hub_config_equal_but_ports(const struct hub_config *a, const struct hub_config *b)
{
	return !strcmp(a->name, b->name) && keys_equal(schema_hub(), a, b);
}

struct hub_config *config_find_hub(struct config *config, const char *name)
{
	for (size_t i = 0; i < config->hub_count; i++)
		if (!strcmp(config->hubs[i].name, name))
			return &config->hubs[i];
	return NULL;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->hub_count; i++) {
		for (size_t j = 0; j < config->hubs[i].port_count; j++)
			port_config_done(&config->hubs[i].ports[j]);
		free(config->hubs[i].ports);
	}
	free(config->hubs);
	free(config);
}
