/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A relay's members as ports of its hub. */
#include "base/log.h"
#include "daemon/identity.h"
#include "daemon/relay_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STORM_LIMIT 100 /* frames for everybody a second that a member may send */

/* A member's wish is the entrance's, but for its name and what its role is held to. */
static int member_config(
	const struct relay *relay, const struct link_member_record *member, struct port_config *ret)
{
	int err = port_config_copy(&relay->entrance->config, ret);

	if (err)
		return err;
	snprintf(ret->name, sizeof(ret->name), "%s", member->name);
	ret->policy.guards.arp = true;
	ret->policy.guards.dhcp |= member->role != ROLE_BRIDGE && member->role != ROLE_RELAY;
	ret->policy.guards.ra |= member->role == ROLE_HOST;
	if (!ret->policy.storm)
		ret->policy.storm = STORM_LIMIT;
	ret->policy.looks_for_loops = true;
	return 0;
}

int relay_plug_member(
	struct relay *relay, const struct link_member_record *member, struct error *error)
{
	struct port_config config;
	struct world_port *port;
	int err = member_config(relay, member, &config);

	if (err)
		return error_set(error, ENOMEM, "out of memory");
	err = world_member_plug(relay->entrance, &config, member, &port, error);
	port_config_done(&config);
	return err;
}

void relay_unplug_member(struct relay *relay, const struct link_member_record *member)
{
	world_port_free(world_find_client(relay->entrance, member->name));
}

void relay_begin(struct relay *relay)
{
	relay->wg = link_wg_open(relay->entrance, &relay->link);
	LIST_EACH(node, &relay->store.members) {
		const struct link_member_record *member = LIST_ENTRY(
			node, struct link_member_record, node);
		struct error error = {0};

		if (!member->is_waiting && relay_plug_member(relay, member, &error))
			log_warning(
				"%s: member '%s': %s", relay_hub(relay), member->name, error.text);
	}
}

/* The way out is the NAT gateway's, where there is one for the family. */
static struct link_address side_of(const struct world_hub *hub, const struct ip_prefix *address)
{
	const bool has_nat = world_find_kind(hub, PORT_KIND_NAT);
	struct link_address side = {.prefix = *address};

	if (has_nat && ip_is_v4(address->address) && hub->config.has_subnet)
		side.gateway = hub_config_gateway(&hub->config);
	else if (has_nat && !ip_is_v4(address->address) && hub->config.has_subnet6)
		side.gateway = hub_config_gateway6(&hub->config);
	return side;
}

struct port *relay_make_port(struct relay *relay, struct world_port *client)
{
	const struct link_member_record *member = client->member;
	struct link_member_settings settings = {
		.key = member->key,
		.preshared = member->preshared,
		.mtu = client->config.mtu,
		.endpoint = member->endpoint,
		.is_one_host = member->role == ROLE_HOST,
		.is_meshed = member->role == ROLE_RELAY,
		.forges_mtu = client->config.link.forges_mtu,
		.mac = member->mac,
	};
	struct port *port;

	snprintf(settings.name, sizeof(settings.name), "%s", member->name);
	if (member->address.len || member->address6.len) {
		settings.v4 = side_of(client->hub, &member->address);
		settings.v6 = side_of(client->hub, &member->address6);
		settings.mac = identity_mac(
			&relay_world(relay)->identity, relay_hub(relay), "link", member->name);
	}
	port = link_member_new(relay->link, &settings);
	wg_key_wipe(&settings.preshared);
	return port;
}

static void clash(struct relay *relay, const struct link_member_record *member,
	const struct link_member_record *other, struct mac mac)
{
	struct control control = {.type = CONTROL_NOTICE};
	char text[MAC_TEXT_SIZE];

	snprintf(control.text, sizeof(control.text),
		"%s, the MAC address here, is also that of member '%.31s': one of the two must "
		"change",
		mac_format(mac, text), other->name);
	relay_say(relay, &member->key, &control);
	events_tell(relay_world(relay)->events, "link-clash", relay_hub(relay), "{s:s, s:s, s:s}",
		"name", member->name, "other", other->name, "mac", text);
}

void relay_tell_of_subnets(struct relay *relay, const struct link_member_record *member,
	const struct ip_prefix *theirs)
{
	const struct ip_prefix *ours = &relay->entrance->hub->config.subnet;
	struct control control = {.type = CONTROL_NOTICE};
	char own_text[PREFIX_TEXT_SIZE], their_text[PREFIX_TEXT_SIZE];

	snprintf(control.text, sizeof(control.text),
		"the hub here has the subnet %s, the segment that it joins %s: remove this "
		"hub's, or make them one",
		prefix_format(theirs, their_text), prefix_format(ours, own_text));
	relay_say(relay, &member->key, &control);
	events_tell(relay_world(relay)->events, "link-clash", relay_hub(relay), "{s:s, s:s, s:s}",
		"name", member->name, "subnet", their_text, "segment", own_text);
}

void relay_bind_mac(struct relay *relay, struct link_member_record *member, struct mac mac)
{
	LIST_EACH(node, &relay->store.members) {
		const struct link_member_record *other = LIST_ENTRY(
			node, struct link_member_record, node);

		if (other != member && mac_equal(other->mac, mac))
			clash(relay, member, other, mac);
	}
	member->mac = mac;
	member->is_changed = true;
}

/* Who was a member is a caller from now on, to be told so. He is none whatever the disk says: it is
 * tried again. */
static int note_leaving(
	struct relay *relay, const struct link_invite_record *left, struct error *error)
{
	int err;

	if (!relay_remember(relay, left))
		return error_set(error, ENOMEM, "out of memory");
	err = link_store_save(&relay->store, error);
	if (err)
		relay_save_soon(relay);
	err = relay_add_caller(relay, &left->key) ?: err;
	return err && !error->text[0] ? error_set(error, -err, "%s", strerror(-err)) : err;
}

int relay_revoke_member(struct relay *relay, struct link_member_record *member, struct error *error)
{
	struct link_invite_record left = {.key = member->key,
		.role = member->role,
		.since = member->since,
		.ended = time(NULL),
		.is_left = true};
	struct control control = {.type = CONTROL_REFUSED};
	struct world_port *port = world_find_client(relay->entrance, member->name);
	struct link_invite_record *invite = link_store_invite_of(&relay->store, &member->key);

	snprintf(left.name, sizeof(left.name), "%s", member->name);
	snprintf(control.text, sizeof(control.text),
		member->is_waiting ? "'%s' was not let in: the relay's owner refused it"
				   : "'%s' is no member any more: it was revoked",
		member->name);
	relay_say(relay, &left.key, &control);
	/* Who waits is known by his invitation alone. */
	if (member->is_waiting && invite) {
		relay_say(relay, &invite->key, &control);
		invite->is_revoked = invite->is_changed = true;
		invite->ended = left.ended;
	}
	if (port) {
		world_port_tell(port, "port-down", "revoked");
		world_port_free(port);
	}
	link_store_remove_member(&relay->store, member);
	events_tell(relay_world(relay)->events, "link-revoked", relay_hub(relay), "{s:s}", "name",
		left.name);
	return note_leaving(relay, &left, error);
}
