/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/netns.h"

static const struct port_ops netns_port_ops = {
	.kind = "netns",
	.send = tap_port_send,
	.free = tap_port_free,
	.set_link = tap_port_set_link,
};

int netns_port_open(
	const struct netns_port_settings *settings, struct tap *ret_tap, struct error *error)
{
	struct tap_settings tap = {
		.netns = settings->netns,
		.mac = settings->mac,
		.mtu = settings->mtu,
	};

	memcpy(tap.name, settings->dev, sizeof(tap.name));
	return tap_open(&tap, ret_tap, error);
}

struct port *netns_port_new(
	struct loop *loop, const struct tap *tap, const struct port_settings *settings)
{
	return tap_port_new(loop, &netns_port_ops, tap, settings);
}
