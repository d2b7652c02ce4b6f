/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_dhcp.h"

#include "daemon/identity.h"
#include "daemon/kind_link.h"
#include "daemon/kind_router.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ip4 v4_or_none(struct ip ip)
{
	return ip_is_v4(ip) ? ip_to_v4(ip) : (struct ip4){0};
}

static struct dhcp_reservation *reservations_of(const struct dhcp_config *config)
{
	struct dhcp_reservation *all = calloc(config->reservation_count + 1, sizeof(*all));

	for (size_t i = 0; all && i < config->reservation_count; i++) {
		const struct reservation_config *from = &config->reservations[i];

		all[i] = (struct dhcp_reservation){.mac = from->mac, .ip = v4_or_none(from->ip)};
		snprintf(all[i].name, sizeof(all[i].name), "%s", from->name);
	}
	return all;
}

/* RFC 3442: one to everywhere would be a second router beside the one that is told. */
static void fill_routes(const struct world_port *port, struct dhcp_settings *settings)
{
	struct router_way ways[DHCP_ROUTES_MAX];
	size_t count = kind_router_ways(port->hub, ways, DHCP_ROUTES_MAX);

	for (size_t i = 0; i < count; i++) {
		const struct ip_prefix *to = &ways[i].to;

		if (!ip_is_v4(to->address) || (!to->len && settings->router.be))
			continue;
		settings->routes[settings->route_count++] = (struct dhcp_route){
			ip_to_v4(to->address), ip_to_v4(ways[i].via), (uint8_t)to->len};
	}
}

static void fill_told(const struct world_port *port, struct dhcp_settings *settings)
{
	const struct dhcp_config *config = &port->config.dhcp;

	settings->mtu = (uint16_t)kind_link_told_mtu(port->hub);
	if (config->has_routers)
		settings->router = v4_or_none(config->router);
	fill_routes(port, settings);
	for (size_t i = 0; i < config->dns_count; i++) {
		if (ip_is_v4(config->dns[i]))
			settings->dns[settings->dns_count++] = ip_to_v4(config->dns[i]);
	}
	snprintf(settings->domain, sizeof(settings->domain), "%s", config->domain);
	snprintf(settings->search, sizeof(settings->search), "%s", config->search);
	settings->boot_server = v4_or_none(config->boot_server);
	snprintf(settings->boot_file, sizeof(settings->boot_file), "%s", config->boot_file);
}

/* free(settings->reservations) when done. */
static int fill(const struct world_port *port, struct dhcp_settings *settings, struct error *error)
{
	const struct hub_config *hub = &port->hub->config;
	const struct port_config *config = &port->config;

	settings->mac = config->has_mac
				? config->mac
				: identity_mac(&port->hub->world->identity, hub->name, "dhcp", "");
	settings->address = (struct ip_prefix){hub_config_dhcp_server(hub), hub->subnet.len};
	settings->pool_first = ip_to_v4(config->dhcp.pool_first);
	settings->pool_last = ip_to_v4(config->dhcp.pool_last);
	settings->lease_time = config->dhcp.lease_seconds;
	settings->reservations = reservations_of(&config->dhcp);
	settings->reservation_count = config->dhcp.reservation_count;
	fill_told(port, settings);
	return settings->reservations ? 0 : error_set(error, ENOMEM, "out of memory");
}

/* The hub's thread, all three. */
static void on_lease(void *context, const struct lease *lease, enum lease_event event)
{
	const struct world_port *port = context;
	char ip[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	events_post(port->hub->world->events, "lease", port->hub->config.name,
		"{s:s, s:s, s:s, s:s}", "state", lease_event_name(event), "ip",
		ip_format(ip_from_v4(lease->ip), ip), "mac", mac_format(lease->mac, mac), "name",
		lease->name);
}

static void on_conflict(void *context, struct ip ip, struct mac mac)
{
	const struct world_port *port = context;
	char ip_text[IP_TEXT_SIZE], mac_text[MAC_TEXT_SIZE];

	events_post(port->hub->world->events, "conflict", port->hub->config.name, "{s:s, s:s}",
		"ip", ip_format(ip, ip_text), "mac", mac_format(mac, mac_text));
}

static void on_file_trouble(void *context, int err)
{
	const struct world_port *port = context;
	char text[160];

	if (err)
		snprintf(text, sizeof(text), "leases cannot be written down: %s", strerror(-err));
	else
		snprintf(text, sizeof(text), "leases are written down again");
	events_post(
		port->hub->world->events, "warning", port->hub->config.name, "{s:s}", "text", text);
}

int kind_dhcp_make(struct world_port *port, struct error *error)
{
	const struct dhcp_watcher watcher = {on_lease, on_conflict, on_file_trouble, port};
	struct dhcp_settings settings = {0};
	char path[512];
	int err = fill(port, &settings, error);

	snprintf(path, sizeof(path), "%s/%s.leases", port->hub->world->state_dir,
		port->hub->config.name);
	if (!err)
		err = dhcp_new(worker_loop(port->hub->worker), &settings, path, &watcher,
			&port->dhcp, error);
	free(settings.reservations);
	if (err)
		return err;
	port->port = dhcp_port(port->dhcp);
	snprintf(port->port->name, sizeof(port->port->name), "%s", port->config.name);
	return 0;
}

bool kind_dhcp_may_change(const struct port_config *from, const struct port_config *to)
{
	struct port_config other = *from;

	other.dhcp = to->dhcp;
	return port_config_equal(&other, to);
}

int kind_dhcp_change(struct world_port *port, const struct port_config *, struct error *error)
{
	struct dhcp_settings settings = {0};
	int err = fill(port, &settings, error);

	if (!err)
		err = dhcp_configure(port->dhcp, &settings, error);
	free(settings.reservations);
	return err;
}

static void refresh(void *argument)
{
	struct world_port *port = argument;

	(void)!kind_dhcp_change(port, &port->config, NULL);
}

void kind_dhcp_refresh(struct world_port *port)
{
	worker_call(port->hub->worker, refresh, port);
}

void kind_dhcp_describe(const struct world_port *port, json_t *details)
{
	const struct dhcp_config *config = &port->config.dhcp;
	const struct dhcp_counters *c = dhcp_counters(port->dhcp);
	char first[IP_TEXT_SIZE], last[IP_TEXT_SIZE], pool[2 * IP_TEXT_SIZE];

	ip_format(hub_config_dhcp_server(&port->hub->config), first);
	json_object_set_new(details, "address", json_string(first));
	ip_format(config->pool_first, first);
	ip_format(config->pool_last, last);
	snprintf(pool, sizeof(pool), "%s-%s", first, last);
	json_object_set_new(details, "pool", json_string(pool));
	json_object_set_new(details, "lease", json_integer(config->lease_seconds));
	json_object_set_new(details, "counters",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "discover",
			(json_int_t)c->discover, "request", (json_int_t)c->request, "decline",
			(json_int_t)c->decline, "release", (json_int_t)c->release, "inform",
			(json_int_t)c->inform, "offer", (json_int_t)c->offer, "ack",
			(json_int_t)c->ack, "nak", (json_int_t)c->nak, "exhausted",
			(json_int_t)c->exhausted, "conflict", (json_int_t)c->conflict));
}
