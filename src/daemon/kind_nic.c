/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_nic.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

#define GUESTS_SHOWN 256

static const char *mode_name(enum nic_mode mode)
{
	switch (mode) {
	case NIC_AUTO:
		return "auto";
	case NIC_TRANSPARENT:
		return "transparent";
	case NIC_TRANSLATE:
		return "translate";
	}
	return "";
}

static enum nic_mode mode_of(const struct nic_config *config)
{
	switch (config->mode) {
	case NIC_CONFIG_AUTO:
		return NIC_AUTO;
	case NIC_CONFIG_TRANSPARENT:
		return NIC_TRANSPARENT;
	case NIC_CONFIG_TRANSLATE:
		return NIC_TRANSLATE;
	}
	return NIC_AUTO;
}

/* The hub's thread, both. */
static void on_event(void *owner, struct port *port, const struct translate_event *event)
{
	static const char *const names[] = {
		[TRANSLATE_CLAIMED] = "claim",
		[TRANSLATE_MOVED] = "moved",
		[TRANSLATE_FULL] = "full",
	};
	const struct world_port *self = owner;
	char ip[IP_TEXT_SIZE], from[MAC_TEXT_SIZE], to[MAC_TEXT_SIZE];

	events_post(self->hub->world->events, names[event->kind], self->hub->config.name,
		"{s:s, s:s, s:s, s:s}", "name", port->name, "ip", ip_format(event->ip, ip), "owner",
		mac_format(event->owner, from), "claimant", mac_format(event->claimant, to));
}

static void on_change(void *owner, struct port *port)
{
	const struct world_port *self = owner;
	struct nic_status status;

	nic_port_status(port, &status);
	log_info("%s.%u %s (nic): %s, %s: %s", self->hub->config.name, port->slot, port->name,
		port->is_down ? "down" : "up", mode_name(status.mode), status.why);
	events_post(self->hub->world->events, "nic", self->hub->config.name,
		"{s:s, s:s, s:s, s:s, s:s}", "name", port->name, "interface", port->interface,
		"state", port->is_down ? "down" : "up", "mode", mode_name(status.mode), "why",
		status.why);
}

int kind_nic_open(struct world_port *port, struct error *error)
{
	const struct nic_config *config = &port->config.nic;
	struct nic_settings settings = {.mode = mode_of(config),
		.reaches_host = config->has_host,
		.guards_host = config->has_host};

	memcpy(settings.dev, config->dev, sizeof(settings.dev));
	return nic_open(&settings, &port->nic, error);
}

static int add_guests(const struct world_port *port, struct error *error)
{
	const struct nic_config *config = &port->config.nic;

	for (size_t i = 0; i < config->guest_count; i++) {
		if (mac_translate_add_static(nic_port_translate(port->port), config->guests[i].ip,
			    0, config->guests[i].mac))
			return error_set(error, ENOMEM, "guests: no room for that many");
	}
	return 0;
}

int kind_nic_make(struct world_port *port, struct error *error)
{
	struct nic_port_settings settings = {
		.port = world_port_settings(port),
		.dhcp = port->config.nic.has_dhcp_proxy ? TRANSLATE_DHCP_PROXY
							: TRANSLATE_DHCP_BROADCAST,
		.on_event = on_event,
		.on_change = on_change,
	};

	settings.port.mtu = port->config.mtu; /* else the NIC's own */
	port->port = nic_port_new(worker_loop(port->hub->worker), &port->nic, &settings);
	if (!port->port)
		return error_set(error, errno, "NIC '%s': %m", port->config.nic.dev);
	return add_guests(port, error);
}

static json_t *guests(struct port *port, nsec now)
{
	struct translate_binding bindings[GUESTS_SHOWN];
	size_t count = mac_translate_bindings(
		nic_port_translate(port), now, bindings, GUESTS_SHOWN);
	json_t *list = json_array();
	char ip[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b, s:f}", "ip", ip_format(bindings[i].ip, ip),
				      "mac", mac_format(bindings[i].mac, mac), "static",
				      bindings[i].is_static, "age",
				      (double)bindings[i].age / NSEC_PER_SEC));
	return list;
}

void kind_nic_describe(const struct world_port *port, json_t *details)
{
	struct nic_status status;

	nic_port_status(port->port, &status);
	json_object_set_new(details, "dev", json_string(port->config.nic.dev));
	json_object_set_new(details, "mode", json_string(mode_name(status.mode)));
	json_object_set_new(details, "why", json_string(status.why));
	json_object_set_new(details, "promiscuous", json_boolean(status.is_promiscuous));
	json_object_set_new(
		details, "host", status.host_by[0] ? json_string(status.host_by) : json_false());
	json_object_set_new(details, "host_forwards", json_boolean(status.host_forwards));
	json_object_set_new(details, "host_guarded", json_boolean(status.host_guarded));
	json_object_set_new(
		details, "guests", guests(port->port, loop_now(worker_loop(port->hub->worker))));
}

bool kind_nic_is_same_place(const struct port_config *from, const struct port_config *to)
{
	return !strcmp(from->nic.dev, to->nic.dev);
}
