/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/check_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void path_append(struct complaint *complaint, const char *format, ...) PRINTF_LIKE(2, 3);

static void path_append(struct complaint *complaint, const char *format, ...)
{
	size_t used = strlen(complaint->path);
	va_list args;

	va_start(args, format);
	vsnprintf(complaint->path + used, sizeof(complaint->path) - used, format, args);
	va_end(args);
}

bool complain(const struct site *site, const char *format, ...)
{
	struct complaint *complaint = site->complaint;
	va_list args;

	complaint->path[0] = '\0';
	path_append(complaint, "hubs.%s", site->hub->name);
	if (site->port)
		path_append(complaint, ".ports[%zu].%s", (size_t)(site->port - site->hub->ports),
			port_kind_name(site->port->kind));
	if (site->key)
		path_append(complaint, ".%s", site->key);
	if (site->has_item)
		path_append(complaint, "[%zu]", site->item);
	if (site->item_key)
		path_append(complaint, ".%s", site->item_key);
	va_start(args, format);
	vsnprintf(complaint->text, sizeof(complaint->text), format, args);
	va_end(args);
	return false;
}

struct site site_of_key(const struct site *site, const char *key)
{
	struct site inner = *site;

	inner.key = key;
	return inner;
}

struct site site_of_item(const struct site *site, const char *key, size_t item)
{
	struct site inner = site_of_key(site, key);

	inner.item = item;
	inner.has_item = true;
	return inner;
}

bool check_inside(const struct site *site, struct ip ip, const struct ip_prefix *subnet)
{
	char ip_text[IP_TEXT_SIZE], subnet_text[PREFIX_TEXT_SIZE];

	return prefix_contains(subnet, ip) ||
	       complain(site, "%s is outside %s", ip_format(ip, ip_text),
		       prefix_format(subnet, subnet_text));
}

/* The addresses of a subnet that no guest may have. */
#define TAKEN_COUNT 5
struct taken {
	struct ip ip;
	const char *whose;
};

static void taken_addresses(const struct hub_config *hub, struct taken ret[TAKEN_COUNT])
{
	ret[0] = (struct taken){prefix_nth(&hub->subnet, 0), "the network's own address"};
	ret[1] = (struct taken){hub_config_host(hub), "the host's address"};
	ret[2] = (struct taken){hub_config_gateway(hub), "the gateway's address"};
	ret[3] = (struct taken){hub_config_dhcp_server(hub), "the DHCP server's address"};
	ret[4] = (struct taken){prefix_last(&hub->subnet), "the broadcast address"};
}

bool check_free_for_guest(const struct site *site, struct ip ip)
{
	struct taken taken[TAKEN_COUNT];
	char text[IP_TEXT_SIZE];

	taken_addresses(site->hub, taken);
	for (unsigned i = 0; i < TAKEN_COUNT; i++)
		if (ip_equal(taken[i].ip, ip))
			return complain(site, "%s is %s", ip_format(ip, text), taken[i].whose);
	return true;
}

static uint32_t number_of(struct ip ip)
{
	return ip4_number(ip_to_v4(ip));
}

static bool check_pool_order(const struct site *site, const struct dhcp_config *dhcp)
{
	char first[IP_TEXT_SIZE], last[IP_TEXT_SIZE];

	if (number_of(dhcp->pool_first) <= number_of(dhcp->pool_last))
		return true;
	ip_format(dhcp->pool_first, first);
	ip_format(dhcp->pool_last, last);
	return complain(site, "%s-%s is the wrong way round; %s-%s would be right", first, last,
		last, first);
}

/* Said rather than left out in silence: the pool is what the user reads in the file. */
static bool check_pool_holds_no_taken(const struct site *site, const struct dhcp_config *dhcp)
{
	uint32_t first = number_of(dhcp->pool_first), last = number_of(dhcp->pool_last), number;
	char text[IP_TEXT_SIZE], from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
	struct taken taken[TAKEN_COUNT];

	taken_addresses(site->hub, taken);
	ip_format(prefix_nth(&site->hub->subnet, 3), from);
	ip_format(ip_from_v4(ip4_from_number(number_of(taken[3].ip) - 1)), to);
	for (unsigned i = 0; i < TAKEN_COUNT; i++) {
		number = number_of(taken[i].ip);
		if (number >= first && number <= last)
			return complain(site, "holds %s, %s; at most %s-%s would be right",
				ip_format(taken[i].ip, text), taken[i].whose, from, to);
	}
	return true;
}

static bool check_pool(const struct site *port, const struct dhcp_config *dhcp)
{
	struct site site = site_of_key(port, "pool");

	return check_inside(&site, dhcp->pool_first, &port->hub->subnet) &&
	       check_inside(&site, dhcp->pool_last, &port->hub->subnet) &&
	       check_pool_order(&site, dhcp) && check_pool_holds_no_taken(&site, dhcp);
}

static bool check_reservation_twins(struct site *site, const struct dhcp_config *dhcp)
{
	const struct reservation_config *all = dhcp->reservations, *own = &all[site->item];
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < site->item; i++) {
		site->item_key = "mac";
		if (mac_equal(all[i].mac, own->mac))
			return complain(site, "%s is reserved twice, first by reservations[%zu]",
				mac_format(own->mac, text), i);
		site->item_key = "ip";
		if (ip_equal(all[i].ip, own->ip))
			return complain(site, "%s is reserved twice, first by reservations[%zu]",
				ip_format(own->ip, text), i);
	}
	return true;
}

static bool check_reservation(const struct site *port, const struct dhcp_config *dhcp, size_t i)
{
	const struct reservation_config *reservation = &dhcp->reservations[i];
	struct site site = site_of_item(port, "reservations", i);

	site.item_key = "ip";
	return check_inside(&site, reservation->ip, &port->hub->subnet) &&
	       check_free_for_guest(&site, reservation->ip) && check_reservation_twins(&site, dhcp);
}

static bool check_needs_subnet(const struct site *site)
{
	return site->hub->has_subnet ||
	       complain(site, "needs a subnet; give %s one, such as 'subnet: 192.168.120.0/24'",
		       site->hub->name);
}

static bool check_dhcp(const struct site *port)
{
	const struct dhcp_config *dhcp = &port->port->dhcp;
	struct site router = site_of_key(port, "router");

	if (!check_needs_subnet(port) || !check_pool(port, dhcp))
		return false;
	if (dhcp->has_routers && !check_inside(&router, dhcp->router, &port->hub->subnet))
		return false;
	for (size_t i = 0; i < dhcp->reservation_count; i++)
		if (!check_reservation(port, dhcp, i))
			return false;
	return true;
}

static bool check_guest(const struct site *site, struct ip guest)
{
	const struct hub_config *hub = site->hub;
	char text[IP_TEXT_SIZE];

	if (ip_is_v4(guest))
		return check_inside(site, guest, &hub->subnet);
	if (!hub->has_subnet6)
		return complain(site, "%s has no place: %s has no subnet6", ip_format(guest, text),
			hub->name);
	return check_inside(site, guest, &hub->subnet6);
}

static bool is_any(struct ip ip)
{
	return ip_is_none(ip) || (ip_is_v4(ip) && !ip_to_v4(ip).be);
}

/* Whether the host could not listen for both. */
static bool forwards_collide(const struct forward_config *a, const struct forward_config *b)
{
	const struct endpoint *x = &a->outside, *y = &b->outside;

	if (a->is_udp != b->is_udp || ip_is_v4(x->ip) != ip_is_v4(y->ip))
		return false;
	if (!ip_equal(x->ip, y->ip) && !is_any(x->ip) && !is_any(y->ip))
		return false;
	return x->port < y->port + b->count && y->port < x->port + a->count;
}

static const struct forward_config *find_collision(
	const struct nat_config *nat, size_t count, const struct forward_config *forward)
{
	for (size_t i = 0; i < count; i++)
		if (forwards_collide(&nat->forwards[i], forward))
			return &nat->forwards[i];
	return NULL;
}

static bool check_nat(const struct site *port)
{
	const struct nat_config *nat = &port->port->nat;
	const struct forward_config *twin;
	char text[160];

	if (!check_needs_subnet(port))
		return false;
	for (size_t i = 0; i < nat->forward_count; i++) {
		struct site site = site_of_item(port, "forwards", i);

		if (!check_guest(&site, nat->forwards[i].guest.ip))
			return false;
		twin = find_collision(nat, i, &nat->forwards[i]);
		if (twin)
			return complain(&site, "listens where '%s' does already",
				forward_format(twin, text));
	}
	return true;
}

/* On one hub: the two would be at the same address. */
static bool is_lone_kind(const struct hub_config *hub, enum port_kind kind)
{
	switch (kind) {
	case PORT_KIND_NAT:
	case PORT_KIND_DHCP:
		return true;
	case PORT_KIND_HOST:
		return hub->has_subnet;
	case PORT_KIND_NETNS:
	case PORT_KIND_VM:
	case PORT_KIND_VHOST_USER:
	case PORT_KIND_VDE:
	case PORT_KIND_NIC:
	case PORT_KIND_ROUTER:
	case PORT_KIND_LINK:
	case PORT_KIND_COUNT:
		return false;
	}
	return false;
}

static bool check_port_twins(const struct site *port, const struct port_config *other)
{
	const struct port_config *own = port->port;
	struct site mac = site_of_key(port, "mac");
	char text[MAC_TEXT_SIZE];

	if (own->kind == other->kind && is_lone_kind(port->hub, own->kind))
		return complain(port, "%s has a %s port already, ports[%zu]", port->hub->name,
			port_kind_name(own->kind), (size_t)(other - port->hub->ports));
	if (own->has_mac && other->has_mac && mac_equal(own->mac, other->mac))
		return complain(&mac, "%s is the address of ports[%zu] already",
			mac_format(own->mac, text), (size_t)(other - port->hub->ports));
	return true;
}

/* The interface that a port is, or takes for itself; NULL: none. */
static const char *dev_of(const struct port_config *port)
{
	switch (port->kind) {
	case PORT_KIND_HOST:
		return port->host.dev;
	case PORT_KIND_NETNS:
		return port->netns.dev;
	case PORT_KIND_NIC:
		return port->nic.dev;
	default:
		return NULL;
	}
}

static bool is_same_dev(const struct port_config *a, const struct port_config *b)
{
	if (a->kind != b->kind || !dev_of(a) || strcmp(dev_of(a), dev_of(b)) != 0)
		return false;
	return a->kind != PORT_KIND_NETNS || !strcmp(a->netns.netns, b->netns.netns);
}

/* Across hubs: names are given to unplug, and interfaces are the host's. */
static bool check_namesakes(
	const struct site *port, const struct hub_config *hub, const struct port_config *other)
{
	const struct port_config *own = port->port;
	struct site name = site_of_key(port, "name"), dev = site_of_key(port, "dev");
	size_t other_index = (size_t)(other - hub->ports);

	if (own->name[0] && !strcmp(own->name, other->name))
		return complain(&name, "'%s' is the name of %s.ports[%zu] already", own->name,
			hub->name, other_index);
	return !is_same_dev(own, other) ||
	       complain(&dev, "'%s' is the interface of %s.ports[%zu] already", dev_of(own),
		       hub->name, other_index);
}

/* Only QEMU's stream goes over TCP: the others send datagrams, or descriptors. */
static bool check_entrance_place(const struct site *site, const char *place)
{
	const struct port_config *port = site->port;

	if (!place[0] || place[0] == '/' || !strncmp(place, "fd:", 3) ||
		(port->kind == PORT_KIND_VM && port->entrance.protocol == VM_STREAM))
		return true;
	return complain(site, "'%s' is a TCP address; a path would be right%s", place,
		port->kind == PORT_KIND_VM ? ", or protocol stream" : "");
}

static bool check_entrance(const struct site *site)
{
	const struct entrance_config *entrance = &site->port->entrance;
	struct site socket = site_of_key(site, "socket"), dial = site_of_key(site, "connect");

	if (entrance->socket[0] && entrance->connect[0])
		return complain(&dial, "either this or socket, not both");
	if (entrance->connect[0] && entrance->protocol == VM_DGRAM)
		return complain(&dial, "datagrams need no connection; socket would be right");
	if (entrance->connect[0] && entrance->group[0]) {
		struct site group = site_of_key(site, "group");

		return complain(&group, "is for a socket of ours, not with connect");
	}
	return check_entrance_place(&socket, entrance->socket) &&
	       check_entrance_place(&dial, entrance->connect);
}

static bool check_port(const struct site *site)
{
	const struct hub_config *hub = site->hub;

	for (const struct port_config *other = hub->ports; other < site->port; other++)
		if (!check_port_twins(site, other) || !check_namesakes(site, hub, other))
			return false;
	switch (site->port->kind) {
	case PORT_KIND_NAT:
		return check_nat(site);
	case PORT_KIND_DHCP:
		return check_dhcp(site);
	case PORT_KIND_VM:
	case PORT_KIND_VHOST_USER:
	case PORT_KIND_VDE:
		return check_entrance(site);
	case PORT_KIND_ROUTER:
		return check_needs_subnet(site) && check_router(site);
	case PORT_KIND_LINK:
		return check_link(site);
	case PORT_KIND_HOST:
	case PORT_KIND_NETNS:
	case PORT_KIND_NIC:
	case PORT_KIND_COUNT:
		return true;
	}
	return true;
}

bool check_hub(const struct hub_config *hub, struct complaint *ret_complaint)
{
	struct site site = {.hub = hub, .complaint = ret_complaint},
		    mtu = site_of_key(&site, "mtu");

	if (hub->has_subnet6 && hub->mtu < 1280)
		return complain(&mtu, "%u is too small for subnet6: IPv6 needs 1280 (RFC 8200 5)",
			hub->mtu);
	for (size_t i = 0; i < hub->port_count; i++) {
		site.port = &hub->ports[i];
		if (!check_port(&site))
			return false;
	}
	return true;
}

static bool prefixes_overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return prefix_contains(a, b->address) || prefix_contains(b, a->address);
}

static bool check_overlap(const struct site *site, const struct ip_prefix *own,
	const struct hub_config *hub, const struct ip_prefix *other)
{
	char own_text[PREFIX_TEXT_SIZE], other_text[PREFIX_TEXT_SIZE];

	return !prefixes_overlap(own, other) ||
	       complain(site, "%s overlaps %s's %s", prefix_format(own, own_text), hub->name,
		       prefix_format(other, other_text));
}

static bool check_listeners(
	const struct site *port, const struct nat_config *other, const struct hub_config *hub)
{
	const struct nat_config *own = &port->port->nat;
	const struct forward_config *twin;
	char text[160];

	for (size_t i = 0; i < own->forward_count; i++) {
		struct site site = site_of_item(port, "forwards", i);

		twin = find_collision(other, other->forward_count, &own->forwards[i]);
		if (twin)
			return complain(&site, "listens where %s's '%s' does already", hub->name,
				forward_format(twin, text));
	}
	return true;
}

static bool check_port_and_hub(const struct site *port, const struct hub_config *other)
{
	for (size_t i = 0; i < other->port_count; i++) {
		if (!check_namesakes(port, other, &other->ports[i]))
			return false;
		if (port->port->kind != PORT_KIND_NAT || other->ports[i].kind != PORT_KIND_NAT)
			continue;
		if (!check_listeners(port, &other->ports[i].nat, other))
			return false;
	}
	if (port->port->kind == PORT_KIND_LINK)
		return check_link_and_hub(port, other);
	return port->port->kind != PORT_KIND_ROUTER || check_router_and_hub(port, other);
}

static bool check_hub_and_hub(
	const struct hub_config *hub, const struct hub_config *other, struct complaint *complaint)
{
	struct site site = {.hub = hub, .complaint = complaint};
	struct site subnet = site_of_key(&site, "subnet"), subnet6 = site_of_key(&site, "subnet6");

	if (hub->has_subnet && other->has_subnet &&
		!check_overlap(&subnet, &hub->subnet, other, &other->subnet))
		return false;
	if (hub->has_subnet6 && other->has_subnet6 &&
		!check_overlap(&subnet6, &hub->subnet6, other, &other->subnet6))
		return false;
	for (size_t i = 0; i < hub->port_count; i++) {
		site.port = &hub->ports[i];
		if (!check_port_and_hub(&site, other))
			return false;
	}
	return true;
}

static bool check_routers(
	const struct config *config, const struct hub_config *hub, struct complaint *complaint)
{
	struct site site = {.hub = hub, .complaint = complaint};

	for (size_t i = 0; i < hub->port_count; i++) {
		site.port = &hub->ports[i];
		if (site.port->kind == PORT_KIND_ROUTER && !check_router_size(&site, config))
			return false;
	}
	return true;
}

bool check_config(const struct config *config, struct complaint *ret_complaint)
{
	for (size_t i = 0; i < config->hub_count; i++) {
		if (!check_hub(&config->hubs[i], ret_complaint) ||
			!check_routers(config, &config->hubs[i], ret_complaint))
			return false;
		for (size_t j = 0; j < i; j++)
			if (!check_hub_and_hub(&config->hubs[i], &config->hubs[j], ret_complaint))
				return false;
	}
	return true;
}
