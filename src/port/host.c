/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/host.h"

static const struct port_ops host_port_ops = {
	.kind = "host",
	.send = tap_port_send,
	.free = tap_port_free,
	.set_link = tap_port_set_link,
};

static struct ip_prefix first_address(const struct ip_prefix *subnet)
{
	return (struct ip_prefix){prefix_nth(subnet, 1), subnet->len};
}

int host_port_open(
	const struct host_port_settings *settings, struct tap *ret_tap, struct error *error)
{
	struct ip_prefix addresses[2];
	struct tap_settings tap = {
		.mac = settings->mac,
		.mtu = settings->mtu,
		.addresses = addresses,
		.ignores_routers = true,
	};

	memcpy(tap.name, settings->dev, sizeof(tap.name));
	if (settings->has_subnet)
		addresses[tap.address_count++] = first_address(&settings->subnet);
	if (settings->has_subnet6)
		addresses[tap.address_count++] = first_address(&settings->subnet6);
	return tap_open(&tap, ret_tap, error);
}

struct port *host_port_new(
	struct loop *loop, const struct tap *tap, const struct port_settings *settings)
{
	return tap_port_new(loop, &host_port_ops, tap, settings);
}
