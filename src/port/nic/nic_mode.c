/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which mode, where it was left to us. */
#include "base/random.h"
#include "port/nic/nic_internal.h"

#include <stdio.h>
#include <unistd.h>

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

static void decide(struct nic_port *self, enum nic_mode mode, const char *why)
{
	self->mode = mode;
	self->why = why;
	nic_port_tune(self);
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
		return;
	case NIC_TRIAL_PASSED:
		decide(self, NIC_TRANSPARENT, "the gateway answered a foreign MAC address");
		return;
	case NIC_TRIAL_BLOCKED:
		decide(self, NIC_TRANSLATE, "the gateway answered the NIC's MAC address only");
		return;
	case NIC_TRIAL_SILENT:
		decide(self, NIC_TRANSPARENT,
			"the gateway answered nothing; taken for an ordinary wired LAN");
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

static void start_trial(struct nic_port *self, struct ip gateway)
{
	self->mode = NIC_AUTO;
	self->why = "asking the gateway from a foreign MAC address";
	self->trial.emit = emit;
	self->trial.on_result = on_result;
	self->trial.owner = self;
	nic_trial_start(&self->trial, self->port.mac, made_up_mac(), gateway);
	nic_port_tune(self);
}

void nic_port_choose_mode(struct nic_port *self)
{
	const struct link_state *link = link_watch_state(self->nic.watch);
	struct ip gateway;

	if (self->nic.settings.mode != NIC_AUTO)
		decide(self, self->nic.settings.mode, "as configured");
	else if (is_wireless(link->name))
		decide(self, NIC_TRANSLATE, "an access point takes one MAC address of a station");
	else if (link_watch_gateway(self->nic.watch, &gateway))
		start_trial(self, gateway);
	else
		decide(self, NIC_TRANSPARENT,
			"there is no gateway to ask; taken for an ordinary wired LAN");
}
