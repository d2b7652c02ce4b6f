/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/dhcp_interface.h"

#include "base/random.h"
#include "wire/ip.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

static struct dhcp_interface *of(struct dhcp_client *client)
{
	return CONTAINER_OF(client, struct dhcp_interface, client);
}

static void on_ready(struct watch *watch, uint32_t)
{
	struct dhcp_interface *interface = CONTAINER_OF(watch, struct dhcp_interface, watch);
	struct dhcp_message message;

	/* A message may lead to another socket, or none: it is asked for each time. */
	while (interface->socket.fd >= 0 && dhcp_socket_receive(&interface->socket, &message))
		dhcp_client_receive(&interface->client, &message, loop_now(interface->driver.loop));
}

static void close_socket(struct dhcp_interface *interface)
{
	loop_unwatch(&interface->watch);
	dhcp_socket_close(&interface->socket);
}

/* Failing is not the end: the client asks again, and it is tried again. */
static bool open_socket(struct dhcp_interface *interface, bool is_raw)
{
	int err;

	if (interface->socket.fd >= 0 && interface->socket.is_raw == is_raw)
		return true;
	close_socket(interface);
	if (is_raw)
		err = dhcp_socket_open_raw(
			&interface->socket, interface->index, interface->client.request.mac);
	else
		err = dhcp_socket_open_datagram(
			&interface->socket, interface->index, interface->name);
	if (err)
		return false;
	interface->watch.on_ready = on_ready;
	err = loop_watch(interface->driver.loop, &interface->watch, interface->socket.fd, EPOLLIN);
	if (err)
		dhcp_socket_close(&interface->socket);
	return !err;
}

static void on_broadcast(struct dhcp_client *client, const struct dhcp_message *message)
{
	struct dhcp_interface *interface = of(client);

	if (open_socket(interface, true))
		dhcp_socket_send(&interface->socket, (struct ip4){UINT32_MAX}, message);
}

static void on_send(struct dhcp_client *client, struct ip4 to, const struct dhcp_message *message)
{
	struct dhcp_interface *interface = of(client);

	if (open_socket(interface, false))
		dhcp_socket_send(&interface->socket, to, message);
}

static struct ip_prefix address_of(const struct dhcp_message *lease)
{
	unsigned len = (unsigned)__builtin_popcount(lease->mask.be);

	return (struct ip_prefix){ip_from_v4(lease->yours), len ? len : 32};
}

static int set_mtu(struct dhcp_interface *interface, struct error *error)
{
	struct link_change change = {.mtu = interface->client.lease.mtu};

	if (interface->keeps_mtu || change.mtu < IP4_MTU_MIN)
		return 0;
	return netlink_change_link(interface->netlink, interface->name, &change, error);
}

static int add_route(struct dhcp_interface *interface, const struct ip_prefix *to, struct ip4 via,
	struct error *error)
{
	return netlink_add_route(interface->netlink, interface->name, to, ip_from_v4(via), error);
}

/* RFC 3442: who understands classless routes uses them, and then not the routers. */
static int add_routes(struct dhcp_interface *interface, struct error *error)
{
	const struct dhcp_message *lease = &interface->client.lease;
	struct ip_prefix everywhere = {ip_from_v4((struct ip4){0}), 0};
	int err = 0;

	if (!lease->route_count && lease->router_count)
		return add_route(interface, &everywhere, lease->routers[0], error);
	for (unsigned i = 0; i < lease->route_count && !err; i++) {
		struct ip_prefix to = {ip_from_v4(lease->routes[i].to), lease->routes[i].len};

		err = add_route(interface, &to, lease->routes[i].via, error);
	}
	return err;
}

/* Routes through an address go with it. */
static void forget_address(struct dhcp_interface *interface)
{
	struct error unheard = {0};
	int err;

	if (!interface->address.len)
		return;
	err = netlink_delete_address(
		interface->netlink, interface->name, &interface->address, &unheard);
	(void)err; /* somebody else deleted it before */
	interface->address.len = 0;
}

static int configure(struct dhcp_interface *interface, struct error *error)
{
	struct ip_prefix address = address_of(&interface->client.lease);
	int err;

	if (interface->address.len == address.len &&
		ip_equal(interface->address.address, address.address))
		return 0; /* renewed: what the guest changed since is its own affair */
	forget_address(interface);
	err = set_mtu(interface, error);
	if (!err)
		err = netlink_add_address(interface->netlink, interface->name, &address, error);
	if (err)
		return err;
	interface->address = address;
	return add_routes(interface, error);
}

static void on_lease(struct dhcp_client *client)
{
	struct dhcp_interface *interface = of(client);
	struct error error = {0};
	int err;

	close_socket(interface);
	err = configure(interface, &error);
	interface->on_lease(interface, err, &error);
}

static void on_lost(struct dhcp_client *client)
{
	forget_address(of(client));
}

static const struct dhcp_client_ops ops = {
	.broadcast = on_broadcast,
	.send = on_send,
	.on_lease = on_lease,
	.on_lost = on_lost,
};

static int open_interface(struct dhcp_interface *interface, const struct dhcp_wish *wish,
	struct link_info *ret_link, struct error *error)
{
	int err;

	interface->socket.fd = -1;
	interface->watch.fd = -1;
	interface->keeps_mtu = wish->keeps_mtu;
	strncpy(interface->name, wish->interface, sizeof(interface->name) - 1);
	err = netlink_open(&interface->netlink, error);
	if (!err)
		err = netlink_find_link(interface->netlink, interface->name, ret_link, error);
	if (err) {
		netlink_close(interface->netlink);
		interface->netlink = NULL;
		return err;
	}
	interface->index = ret_link->index;
	return 0;
}

static void run(struct dhcp_interface *interface, struct loop *loop)
{
	driver_start(&interface->driver, loop, &interface->client.machine);
	machine_wake(&interface->client.machine);
}

int dhcp_interface_start(struct dhcp_interface *interface, struct loop *loop,
	const struct dhcp_wish *wish, struct error *error)
{
	struct link_info link;
	int err = open_interface(interface, wish, &link, error);

	if (err)
		return err;
	dhcp_client_init(&interface->client, &ops, link.mac, wish->name, random_u32());
	run(interface, loop);
	return 0;
}

int dhcp_interface_resume(struct dhcp_interface *interface, struct loop *loop,
	const struct dhcp_wish *wish, const struct dhcp_client *client, struct error *error)
{
	struct link_info link;
	int err = open_interface(interface, wish, &link, error);

	if (err)
		return err;
	interface->client = *client;
	interface->client.ops = &ops;
	if (dhcp_client_has_lease(client))
		interface->address = address_of(&client->lease);
	run(interface, loop);
	return 0;
}

void dhcp_interface_release(struct dhcp_interface *interface)
{
	if (interface->netlink && dhcp_client_has_lease(&interface->client))
		dhcp_client_release(&interface->client);
}

void dhcp_interface_stop(struct dhcp_interface *interface)
{
	if (!interface->netlink)
		return;
	driver_stop(&interface->driver);
	close_socket(interface);
	netlink_close(interface->netlink);
	interface->netlink = NULL;
}
