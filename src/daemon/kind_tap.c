/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_tap.h"

#include "daemon/identity.h"
#include "daemon/kind_link.h"
#include "io/netlink.h"
#include "io/netns.h"
#include "port/host.h"
#include "port/netns.h"

#include <errno.h>
#include <string.h>

static int make(struct world_port *port, struct error *error,
	struct port *(*new)(
		struct loop *loop, const struct tap *tap, const struct port_settings *settings))
{
	struct port_settings settings = world_port_settings(port);

	port->port = new (worker_loop(port->hub->worker), &port->tap, &settings);
	return port->port ? 0 : error_set(error, errno, "interface '%s': %m", port->tap.name);
}

/* Of the interface; what the port lets through is the hub's. */
static uint32_t interface_mtu(const struct world_port *port)
{
	return port->config.mtu ? port->config.mtu : kind_link_told_mtu(port->hub);
}

struct telling {
	const char *interface;
	uint32_t before, mtu;
};

static int change_mtu(void *argument)
{
	const struct telling *telling = argument;
	const struct link_change change = {.mtu = telling->mtu};
	struct link_info now;
	struct netlink *netlink;
	int err = netlink_open(&netlink, NULL);

	if (err)
		return err;
	err = netlink_find_link(netlink, telling->interface, &now, NULL);
	if (!err && now.mtu == telling->before)
		err = netlink_change_link(netlink, telling->interface, &change, NULL);
	netlink_close(netlink);
	return err;
}

void kind_tap_retell(const struct world_port *port, uint32_t before, uint32_t mtu)
{
	struct telling telling = {port->interface, before, mtu};
	const bool is_netns = port->config.kind == PORT_KIND_NETNS;

	if ((port->config.kind != PORT_KIND_HOST && !is_netns) || port->config.mtu ||
		port->is_from_descriptor)
		return;
	(void)!netns_call(is_netns ? port->config.netns.netns : NULL, change_mtu, &telling, NULL);
}

int kind_host_open(struct world_port *port, struct error *error)
{
	const struct hub_config *hub = &port->hub->config;
	const struct port_config *config = &port->config;
	struct host_port_settings settings = {
		.mtu = interface_mtu(port),
		.has_subnet = hub->has_subnet,
		.has_subnet6 = hub->has_subnet6,
		.subnet = hub->subnet,
		.subnet6 = hub->subnet6,
	};

	memcpy(settings.dev, config->host.dev, sizeof(settings.dev));
	settings.mac = config->has_mac ? config->mac
				       : identity_mac(&port->hub->world->identity, hub->name,
						 "host", config->host.dev);
	return host_port_open(&settings, &port->tap, error);
}

int kind_host_make(struct world_port *port, struct error *error)
{
	return make(port, error, host_port_new);
}

static void add_address(json_t *list, const struct ip_prefix *subnet)
{
	const struct ip_prefix address = {prefix_nth(subnet, 1), subnet->len};
	char text[PREFIX_TEXT_SIZE];

	json_array_append_new(list, json_string(prefix_format(&address, text)));
}

void kind_host_describe(const struct world_port *port, json_t *details)
{
	const struct hub_config *hub = &port->hub->config;
	json_t *addresses = json_array();

	if (hub->has_subnet)
		add_address(addresses, &hub->subnet);
	if (hub->has_subnet6)
		add_address(addresses, &hub->subnet6);
	json_object_set_new(details, "addresses", addresses);
}

bool kind_host_is_same_place(const struct port_config *from, const struct port_config *to)
{
	return !strcmp(from->host.dev, to->host.dev);
}

int kind_netns_open(struct world_port *port, struct error *error)
{
	const struct port_config *config = &port->config;
	struct netns_port_settings settings = {
		.netns = config->netns.netns,
		.mac = config->has_mac ? config->mac : (struct mac){},
		.mtu = interface_mtu(port),
	};
	int fd = port->fd;

	port->fd = -1;
	if (fd >= 0)
		return tap_adopt(fd, &port->tap, error);
	memcpy(settings.dev, config->netns.dev, sizeof(settings.dev));
	return netns_port_open(&settings, &port->tap, error);
}

int kind_netns_make(struct world_port *port, struct error *error)
{
	return make(port, error, netns_port_new);
}

void kind_netns_describe(const struct world_port *port, json_t *details)
{
	if (port->is_from_descriptor)
		json_object_set_new(details, "descriptor", json_true());
	else
		json_object_set_new(details, "netns", json_string(port->config.netns.netns));
}

/* One that came as a descriptor has no namespace that we know of. */
bool kind_netns_is_same_place(const struct port_config *from, const struct port_config *to)
{
	return from->netns.netns[0] && !strcmp(from->netns.netns, to->netns.netns) &&
	       !strcmp(from->netns.dev, to->netns.dev);
}
