/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/schema.h"

#include <string.h>

#define SCALAR(noun) static const struct scalar noun = {noun##_parse, noun##_format}
#define SET(keys, ...)                                                                             \
	{                                                                                          \
		keys, ARRAY_SIZE(keys), ##__VA_ARGS__                                              \
	}
#define LIST_MAX       4096 /* each item is compared with those before it */
#define ROUTES_MAX     1024
#define AT(type, path) offsetof(struct type, path)

SCALAR(flag);
SCALAR(mtu);
SCALAR(duration);
SCALAR(port_name);
SCALAR(guest_name);
SCALAR(interface);
SCALAR(netns);
SCALAR(domain);
SCALAR(search);
SCALAR(boot_file);
SCALAR(station_mac);
SCALAR(address4);
SCALAR(resolver);
SCALAR(nat_forward);
SCALAR(port_mac);
SCALAR(rate);
SCALAR(wire);
SCALAR(guards);
SCALAR(storm);
SCALAR(link_state);
SCALAR(hub_mtu);
SCALAR(hub_subnet);
SCALAR(hub_subnet6);
SCALAR(dhcp_pool);
SCALAR(dhcp_router);
SCALAR(listen_place);
SCALAR(dial_place);
SCALAR(socket_path);
SCALAR(group);
SCALAR(vm_protocol);
SCALAR(nic_mode);
SCALAR(nic_dhcp);
SCALAR(host_address);
SCALAR(leg_address6);
SCALAR(route);
SCALAR(link_listen);
SCALAR(link_address);
SCALAR(link_invite);

static const struct key port_keys[] = {
	{"kind"},
	{"name", AT(port_config, name), &port_name},
	{"mac", 0, &port_mac},
	{"mtu", AT(port_config, mtu), &mtu},
	{"link", AT(port_config, policy.is_down), &link_state, .is_policy = true},
	{"isolated", AT(port_config, policy.is_isolated), &flag, .is_policy = true},
	{"spared", AT(port_config, policy.is_spared), &flag, .is_policy = true},
	{"guard", AT(port_config, policy.guards), &guards, .is_policy = true},
	{"storm", AT(port_config, policy.storm), &storm, .is_policy = true},
	{"loop-guard", AT(port_config, policy.looks_for_loops), &flag, .is_policy = true},
	{"rate", AT(port_config, policy.rate), &rate, .is_policy = true},
	{"impair", AT(port_config, policy.impair), &wire, .is_policy = true},
	{"impair-in", AT(port_config, policy.impair_in), &wire, .is_policy = true},
	{"impair-out", AT(port_config, policy.impair_out), &wire, .is_policy = true},
};
static const struct key_set port_set = SET(port_keys);

static const struct key host_keys[] = {
	{"dev", AT(port_config, host.dev), &interface},
};
static const struct key_set host_set = SET(host_keys, &port_set);

static const struct key netns_keys[] = {
	{"netns", AT(port_config, netns.netns), &netns, .is_required = true},
	{"dev", AT(port_config, netns.dev), &interface},
};
static const struct key_set netns_set = SET(netns_keys, &port_set);

static const struct list forward_list = {
	.items = AT(port_config, nat.forwards),
	.count = AT(port_config, nat.forward_count),
	.item_size = sizeof(struct forward_config),
	.max = LIST_MAX,
	.place = AT(forward_config, place),
	.scalar = &nat_forward,
};
static const struct list nat_dns_list = {
	.items = AT(port_config, nat.dns),
	.count = AT(port_config, nat.dns_count),
	.item_size = sizeof(struct endpoint),
	.max = 3,
	.is_inline = true,
	.place = NO_PLACE,
	.scalar = &resolver,
};
static const struct key nat_keys[] = {
	{"forwards", .list = &forward_list},
	{"host-loopback", AT(port_config, nat.may_reach_host), &flag},
	{"dns", .list = &nat_dns_list},
};
static const struct key_set nat_set = SET(nat_keys, &port_set);

static const struct key reservation_keys[] = {
	{"mac", AT(reservation_config, mac), &station_mac, .is_required = true},
	{"ip", AT(reservation_config, ip), &address4, .is_required = true},
	{"name", AT(reservation_config, name), &guest_name},
};
static const struct key_set reservation_set = SET(reservation_keys);
static const struct list reservation_list = {
	.items = AT(port_config, dhcp.reservations),
	.count = AT(port_config, dhcp.reservation_count),
	.item_size = sizeof(struct reservation_config),
	.max = LIST_MAX,
	.place = AT(reservation_config, place),
	.keys = &reservation_set,
};
static const struct list dhcp_dns_list = {
	.items = AT(port_config, dhcp.dns),
	.count = AT(port_config, dhcp.dns_count),
	.item_size = sizeof(struct ip),
	.max = 3,
	.is_inline = true,
	.place = NO_PLACE,
	.scalar = &address4,
};
static const struct key dhcp_keys[] = {
	{"pool", AT(port_config, dhcp), &dhcp_pool},
	{"lease", AT(port_config, dhcp.lease_seconds), &duration},
	{"reservations", .list = &reservation_list},
	{"router", AT(port_config, dhcp), &dhcp_router},
	{"dns", .list = &dhcp_dns_list},
	{"domain", AT(port_config, dhcp.domain), &domain},
	{"search", AT(port_config, dhcp.search), &search},
	{"boot-server", AT(port_config, dhcp.boot_server), &address4},
	{"boot-file", AT(port_config, dhcp.boot_file), &boot_file},
};
static const struct key_set dhcp_set = SET(dhcp_keys, &port_set);

static const struct key vm_keys[] = {
	{"socket", AT(port_config, entrance.socket), &listen_place},
	{"connect", AT(port_config, entrance.connect), &dial_place},
	{"group", AT(port_config, entrance.group), &group},
	{"protocol", AT(port_config, entrance.protocol), &vm_protocol},
};
static const struct key_set vm_set = SET(vm_keys, &port_set);

static const struct key vhost_user_keys[] = {
	{"socket", AT(port_config, entrance.socket), &listen_place},
	{"connect", AT(port_config, entrance.connect), &dial_place},
	{"group", AT(port_config, entrance.group), &group},
};
static const struct key_set vhost_user_set = SET(vhost_user_keys, &port_set);

static const struct key vde_keys[] = {
	{"socket", AT(port_config, entrance.socket), &socket_path},
	{"connect", AT(port_config, entrance.connect), &socket_path},
	{"group", AT(port_config, entrance.group), &group},
};
static const struct key_set vde_set = SET(vde_keys, &port_set);

static const struct key nic_guest_keys[] = {
	{"ip", AT(nic_guest_config, ip), &host_address, .is_required = true},
	{"mac", AT(nic_guest_config, mac), &station_mac, .is_required = true},
};
static const struct key_set nic_guest_set = SET(nic_guest_keys);
static const struct list nic_guest_list = {
	.items = AT(port_config, nic.guests),
	.count = AT(port_config, nic.guest_count),
	.item_size = sizeof(struct nic_guest_config),
	.max = LIST_MAX,
	.place = AT(nic_guest_config, place),
	.keys = &nic_guest_set,
};
static const struct key nic_keys[] = {
	{"dev", AT(port_config, nic.dev), &interface, .is_required = true},
	{"mode", AT(port_config, nic.mode), &nic_mode},
	{"dhcp", AT(port_config, nic.has_dhcp_proxy), &nic_dhcp},
	{"host", AT(port_config, nic.has_host), &flag},
	{"guests", .list = &nic_guest_list},
};
static const struct key_set nic_set = SET(nic_keys, &port_set);
static const struct list route_list = {
	.items = AT(port_config, router.routes),
	.count = AT(port_config, router.route_count),
	.item_size = sizeof(struct route_config),
	.max = ROUTES_MAX,
	.place = AT(route_config, place),
	.scalar = &route,
};
static const struct key router_keys[] = {
	{"router", AT(port_config, router.router), &port_name, .is_required = true},
	{"address", AT(port_config, router.address), &address4},
	{"address6", AT(port_config, router.address6), &leg_address6},
	{"routes", .list = &route_list},
};
static const struct key_set router_set = SET(router_keys, &port_set);

static const struct key link_keys[] = {
	{"listen", AT(port_config, link.listen), &link_listen},
	{"address", AT(port_config, link.address), &link_address},
	{"invite", AT(port_config, link.invite), &link_invite},
	{"approve", AT(port_config, link.needs_approval), &flag},
	{"forge-mtu", AT(port_config, link.forges_mtu), &flag},
};
static const struct key_set link_set = SET(link_keys, &port_set);

static const struct {
	const char *name;
	const struct key_set *keys;
} kinds[PORT_KIND_COUNT] = {
	[PORT_KIND_HOST] = {"host", &host_set},
	[PORT_KIND_NETNS] = {"netns", &netns_set},
	[PORT_KIND_NAT] = {"nat", &nat_set},
	[PORT_KIND_DHCP] = {"dhcp", &dhcp_set},
	[PORT_KIND_VM] = {"vm", &vm_set},
	[PORT_KIND_VHOST_USER] = {"vhost-user", &vhost_user_set},
	[PORT_KIND_VDE] = {"vde", &vde_set},
	[PORT_KIND_NIC] = {"nic", &nic_set},
	[PORT_KIND_ROUTER] = {"router", &router_set},
	[PORT_KIND_LINK] = {"link", &link_set},
};

static const struct key hub_keys[] = {
	{"subnet", 0, &hub_subnet},
	{"subnet6", 0, &hub_subnet6},
	{"mtu", 0, &hub_mtu},
	{"ports"},
};
static const struct key_set hub_set = SET(hub_keys);

static const struct key root_keys[] = {
	{"hubs", .is_required = true},
};
static const struct key_set root_set = SET(root_keys);

const struct key_set *schema_root(void)
{
	return &root_set;
}

const struct key_set *schema_hub(void)
{
	return &hub_set;
}

const struct key_set *schema_port(enum port_kind kind)
{
	return kinds[kind].keys;
}

const char *port_kind_name(enum port_kind kind)
{
	return kinds[kind].name;
}

const struct key *key_set_at(const struct key_set *set, size_t i)
{
	size_t base_count = set->base ? set->base->count : 0;

	if (i < base_count)
		return &set->base->keys[i];
	return i - base_count < set->count ? &set->keys[i - base_count] : NULL;
}

const struct key *key_set_find(const struct key_set *set, const char *name)
{
	const struct key *key;

	for (size_t i = 0; (key = key_set_at(set, i)); i++)
		if (!strcmp(key->name, name))
			return key;
	return NULL;
}
