/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which mode, where it was left to us. */
#include "base/random.h"
#include "port/nic/nic_internal.h"

#include <stdio.h>
#include <unistd.h>

#define SUBNETS_ASKED 3

static bool is_wireless(const char *name)
{
	static const char *const signs[] = {"wireless", "phy80211"};
	char path[64];

	for (unsigned i = 0; i < ARRAY_SIZE(signs); i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, signs[i]);
		if (!access(path, F_OK))
			return true;
	}
	return false;
}

/* Guests are found at other MAC addresses from here on: who knows them is told. */
static void decide(struct nic_port *self, enum nic_mode mode, const char *why)
{
	bool was_transparent = is_transparent(self), is_new = self->why != why;

	self->mode = mode;
	self->why = why;
	mac_translate_show(self->translate, is_transparent(self));
	if (was_transparent != is_transparent(self))
		mac_translate_announce(self->translate);
	nic_port_tune(self);
	if (is_new)
		nic_port_tell_change(self);
}

static void emit(void *owner, const struct frame *frame)
{
	nic_port_emit(owner, TRANSLATE_WIRE, frame);
}

static void on_result(void *owner, enum nic_trial_result result)
{
	struct nic_port *self = owner;

	switch (result) {
	case NIC_TRIAL_RUNNING:
		nic_port_tune(self);
		return;
	case NIC_TRIAL_SILENT:
		decide(self, NIC_AUTO,
			"nobody on the LAN has answered yet whether foreign MAC addresses pass");
		return;
	case NIC_TRIAL_PASSED:
		decide(self, NIC_TRANSPARENT, "a neighbour answered a foreign MAC address");
		return;
	case NIC_TRIAL_BLOCKED:
		decide(self, NIC_TRANSLATE, "neighbours answer the NIC's MAC address only");
		return;
	}
}

/* Locally administered, and nobody's. */
static struct mac made_up_mac(void)
{
	struct mac mac;

	random_bytes(&mac, sizeof(mac));
	mac.bytes[0] = (mac.bytes[0] & ~1) | 2;
	return mac;
}

static struct ip last_host(const struct ip_prefix *subnet)
{
	return ip_from_v4(ip4_from_number(ip4_number(ip_to_v4(prefix_last(subnet))) - 1));
}

/* The gateway; where there is none, who is a router more often than others: the first and the last
 * of a subnet. Others are asked when they are heard. */
static void name_neighbours(struct nic_port *self)
{
	const struct link_state *link = link_watch_state(self->nic.watch);
	struct ip gateway;

	if (link_watch_gateway(self->nic.watch, &gateway)) {
		nic_trial_add(&self->trial, gateway);
		return;
	}
	for (unsigned i = 0; i < link->address_count && i < SUBNETS_ASKED; i++) {
		const struct ip_prefix *own = &link->addresses[i];

		if (!ip_is_v4(own->address) || own->len > 30)
			continue;
		nic_trial_add(&self->trial, prefix_nth(own, 1));
		nic_trial_add(&self->trial, last_host(own));
	}
}

static void start_trial(struct nic_port *self)
{
	self->trial.emit = emit;
	self->trial.on_result = on_result;
	self->trial.owner = self;
	nic_trial_start(&self->trial, self->port.mac, made_up_mac());
	name_neighbours(self);
	decide(self, NIC_AUTO, "asking neighbours from a foreign MAC address");
}

void nic_port_choose_mode(struct nic_port *self)
{
	const struct link_state *link = link_watch_state(self->nic.watch);

	if (self->nic.settings.mode != NIC_AUTO)
		decide(self, self->nic.settings.mode, "as configured");
	else if (is_wireless(link->name))
		decide(self, NIC_TRANSLATE, "an access point takes one MAC address of a station");
	else
		start_trial(self);
}
