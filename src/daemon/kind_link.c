/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_link.h"

#include "config/value.h"
#include "daemon/joining.h"
#include "daemon/kind_dhcp.h"
#include "daemon/kind_tap.h"
#include "daemon/relay.h"
#include "port/link/link.h"

#include <errno.h>
#include <string.h>

int kind_link_open_entrance(struct world_port *entrance, struct error *error)
{
	if (entrance->config.link.invite[0])
		return joining_open(entrance, &entrance->joining, error);
	return relay_open(entrance, &entrance->relay, error);
}

void kind_link_close_entrance(struct world_port *entrance)
{
	joining_close(entrance->joining);
	relay_close(entrance->relay);
	entrance->joining = NULL;
	entrance->relay = NULL;
}

static uint32_t mtu_of(const struct port_config *config)
{
	return config->mtu ? config->mtu : LINK_MTU_STANDARD;
}

uint32_t kind_link_wished_mtu(const struct hub_config *hub)
{
	uint32_t mtu = UINT32_MAX;

	for (size_t i = 0; i < hub->port_count; i++)
		if (hub->ports[i].kind == PORT_KIND_LINK)
			mtu = MIN(mtu, mtu_of(&hub->ports[i]));
	return mtu;
}

uint32_t kind_link_told_mtu(const struct world_hub *hub)
{
	uint32_t mtu = MIN((uint32_t)hub->config.mtu, hub->wished_mtu);

	if (hub->config.has_mtu)
		return hub->config.mtu;
	LIST_EACH(node, &hub->ports) {
		const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->config.kind != PORT_KIND_LINK || !port->is_entrance || !port->is_plugged)
			continue;
		mtu = MIN(mtu, port->joining && !port->config.mtu ? joining_mtu(port->joining)
								  : mtu_of(&port->config));
	}
	return mtu;
}

void kind_link_tell_guests(struct world_hub *hub)
{
	const uint32_t before = hub->told_mtu, mtu = kind_link_told_mtu(hub);

	if (mtu == before)
		return;
	hub->told_mtu = mtu;
	LIST_EACH(node, &hub->ports) {
		struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->config.kind == PORT_KIND_DHCP)
			kind_dhcp_refresh(port);
		else
			kind_tap_retell(port, before, mtu);
	}
}

/* A member's coming and going changes nothing. */
void kind_link_settle(struct world_port *port, bool is_leaving)
{
	if (!port->is_entrance)
		return;
	if (is_leaving) {
		port->is_plugged = false; /* for those who ask what is there */
		port->hub->wished_mtu = UINT32_MAX;
	}
	kind_link_tell_guests(port->hub);
	port->is_plugged = true;
}

void kind_link_on_plugged(struct world_port *entrance)
{
	kind_link_settle(entrance, false);
	if (entrance->relay)
		relay_begin(entrance->relay);
	if (entrance->joining)
		joining_begin(entrance->joining);
}

int kind_link_make(struct world_port *port, struct error *error)
{
	struct world_port *entrance = port->entrance;

	if (!entrance)
		return error_set(error, EINVAL, "fd: a link is not made from a descriptor");
	port->port = entrance->relay ? relay_make_port(entrance->relay, port)
				     : joining_make_port(entrance->joining, port);
	if (port->port)
		return 0;
	return error_set(error, errno, "the member's key: %s", strerror(errno));
}

static void set_seconds(json_t *object, const char *key, nsec value)
{
	json_object_set_new(object, key, json_real((double)value / NSEC_PER_SEC));
}

static void describe_session(const struct world_port *port, json_t *details)
{
	char endpoint[ENDPOINT_TEXT_SIZE], key[WG_KEY_TEXT_SIZE];
	struct link_member_state state;
	json_t *drops = json_object();

	link_member_look(port->port, &state);
	json_object_set_new(details, "key", json_string(wg_key_format(&state.wg.public, key)));
	if (!ip_is_none(state.wg.endpoint.ip))
		json_object_set_new(details, "endpoint",
			json_string(endpoint_format(&state.wg.endpoint, endpoint)));
	if (state.wg.handshake_at > -NSEC_NEVER)
		set_seconds(details, "handshake", state.now - state.wg.handshake_at);
	if (state.rtt)
		set_seconds(details, "rtt", state.rtt);
	if (state.path_mtu)
		json_object_set_new(details, "path_mtu", json_integer(state.path_mtu));
	json_object_set_new(
		details, "received_bytes", json_integer((json_int_t)state.wg.received_bytes));
	json_object_set_new(details, "sent_bytes", json_integer((json_int_t)state.wg.sent_bytes));
	for (enum wg_drop drop = 0; drop < WG_DROP_COUNT; drop++) {
		if (state.wg.drops[drop])
			json_object_set_new(drops, wg_drop_name(drop),
				json_integer((json_int_t)state.wg.drops[drop]));
	}
	if (state.lost_fragments)
		json_object_set_new(
			drops, "fragment", json_integer((json_int_t)state.lost_fragments));
	json_object_set_new(details, "session_drops", drops);
}

static void describe_relay(const struct world_port *entrance, json_t *details)
{
	struct wg_key public = relay_public(entrance->relay);
	size_t waiting = link_store_waiting(relay_store(entrance->relay));
	char text[VALUE_TEXT_SIZE], key[WG_KEY_TEXT_SIZE];

	link_listen_format(&entrance->config.link.listen, text);
	json_object_set_new(details, "listen", json_string(text));
	json_object_set_new(details, "key", json_string(wg_key_format(&public, key)));
	if (waiting)
		json_object_set_new(details, "waiting", json_integer((json_int_t)waiting));
}

void kind_link_describe(const struct world_port *port, json_t *details)
{
	if (!port->is_entrance)
		describe_session(port, details);
	else if (port->relay)
		describe_relay(port, details);
	else
		joining_describe(port->joining, details);
}

bool kind_link_is_same_place(const struct port_config *from, const struct port_config *to)
{
	return endpoint_equal(&from->link.listen, &to->link.listen) &&
	       !strcmp(from->link.invite, to->link.invite);
}

/* What newcomers are told is looked up when they come. */
bool kind_link_may_change(const struct port_config *from, const struct port_config *to)
{
	struct port_config other = *from;

	memcpy(other.link.address, to->link.address, sizeof(other.link.address));
	other.link.needs_approval = to->link.needs_approval;
	return port_config_equal(&other, to);
}
