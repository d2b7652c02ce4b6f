/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/kinds.h"
#include "daemon/relay.h"
#include "daemon/snapshot.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define INVITE_SECONDS ((int64_t)24 * 3600)
#define INVITE_LONGEST ((int64_t)365 * 86400)

/* NULL: the reply is a 404 already. */
static struct relay *find_relay(struct api *api, struct request *request, struct reply *reply)
{
	struct world_hub *hub = api_find_hub(api, request, reply);

	if (!hub)
		return NULL;
	LIST_EACH(node, &hub->ports) {
		struct world_port *port = LIST_ENTRY(node, struct world_port, node);

		if (port->relay)
			return port->relay;
	}
	reply_problem(reply, 404,
		"%s listens for no links; 'lanyard link listen %s --port 4000' makes it",
		hub->config.name, hub->config.name);
	return NULL;
}

static json_t *invite_json(const struct link_invite_record *invite, int64_t now)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "name", invite->name, "role",
		link_role_name(invite->role), "state", invite_state_name(invite_state(invite, now)),
		"expires", (json_int_t)(invite->expires - now));
}

/* The member as a port, with what there is to know besides. */
static json_t *member_json(
	const struct link_member_record *member, const struct hub_snapshot *snapshot)
{
	char key[WG_KEY_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	json_t *object = json_pack("{s:s, s:s, s:s, s:I}", "name", member->name, "role",
		link_role_name(member->role), "key", wg_key_format(&member->key, key), "since",
		(json_int_t)member->since);

	if (member->is_waiting)
		json_object_set_new(object, "waits", json_true());
	if (!mac_is_zero(member->mac))
		json_object_set_new(object, "mac", json_string(mac_format(member->mac, mac)));
	for (size_t i = 0; i < snapshot->port_count; i++) {
		if (!strcmp(snapshot->ports[i].name, member->name))
			json_object_set_new(
				object, "port", snapshot_port_json(&snapshot->ports[i]));
	}
	return object;
}

void api_get_link(struct api *api, struct request *request, struct reply *reply)
{
	struct relay *relay = find_relay(api, request, reply);
	json_t *members = json_array(), *invites = json_array();
	struct hub_snapshot snapshot;
	struct wg_key public;
	char key[WG_KEY_TEXT_SIZE];

	if (!relay ||
		snapshot_take(world_find_hub(api_world(api), request->parts.text[0]), &snapshot)) {
		json_decref(members);
		json_decref(invites);
		if (relay)
			reply_json(reply, 200, NULL);
		return;
	}
	LIST_EACH(node, &relay_store(relay)->members)
		json_array_append_new(members,
			member_json(LIST_ENTRY(node, struct link_member_record, node), &snapshot));
	LIST_EACH(node, &relay_store(relay)->invites)
		json_array_append_new(invites,
			invite_json(LIST_ENTRY(node, struct link_invite_record, node), time(NULL)));
	snapshot_done(&snapshot);
	public = relay_public(relay);
	reply_json(reply, 200,
		json_pack("{s:s, s:o, s:o}", "key", wg_key_format(&public, key), "members", members,
			"invites", invites));
}

struct wish {
	const char *name, *address;
	enum link_role role;
	int64_t seconds;
};

static int read_text(const json_t *value, const char *key, const char **ret, struct error *error)
{
	*ret = json_string_value(value);
	return *ret ? 0 : error_set(error, EINVAL, "%s: a text is wanted", key);
}

static int read_member(const char *key, const json_t *value, struct wish *ret, struct error *error)
{
	const char *role;
	int err;

	if (!strcmp(key, "name"))
		return read_text(value, key, &ret->name, error);
	if (!strcmp(key, "address"))
		return read_text(value, key, &ret->address, error);
	if (!strcmp(key, "role")) {
		err = read_text(value, key, &role, error);
		if (err || link_role_parse(role, &ret->role))
			return err;
		return error_set(error, EINVAL,
			"role: '%.32s' is none; host, bridge, router and relay are", role);
	}
	if (strcmp(key, "expires") != 0)
		return error_set(error, EINVAL,
			"'%.32s' is unknown; name, role, expires and address are", key);
	ret->seconds = json_integer_value(value);
	if (ret->seconds >= 1 && ret->seconds <= INVITE_LONGEST)
		return 0;
	return error_set(error, EINVAL, "expires: seconds are wanted, from 1 to a year's 31536000");
}

static int read_wish(json_t *body, struct wish *ret, struct error *error)
{
	const char *key;
	json_t *value;
	int err;

	json_object_foreach(body, key, value) {
		err = read_member(key, value, ret, error);
		if (err)
			return err;
	}
	return ret->name ? 0 : error_set(error, EINVAL, "name: missing; who is invited?");
}

void api_post_invite(struct api *api, struct request *request, struct reply *reply)
{
	struct relay *relay = find_relay(api, request, reply);
	json_t *body = relay ? api_body(request, reply) : NULL;
	struct wish wish = {.role = ROLE_HOST, .seconds = INVITE_SECONDS};
	char text[INVITE_TEXT_SIZE];
	struct error error = {0};
	int err;

	if (!body)
		return;
	err = read_wish(body, &wish, &error);
	if (!err)
		err = relay_invite(
			relay, wish.name, wish.role, wish.seconds, wish.address, text, &error);
	if (err)
		reply_error(reply, err, &error);
	else
		reply_json(reply, 201,
			json_pack("{s:s, s:s, s:s, s:I}", "name", wish.name, "role",
				link_role_name(wish.role), "invite", text, "expires",
				(json_int_t)wish.seconds));
	explicit_bzero(text, sizeof(text));
	json_decref(body);
}

static const char *text_in(const json_t *body, const char *key)
{
	return json_string_value(json_object_get(body, key));
}

void api_post_member(struct api *api, struct request *request, struct reply *reply)
{
	struct relay *relay = find_relay(api, request, reply);
	json_t *body = relay ? api_body(request, reply) : NULL;
	const char *name = text_in(body, "name");
	char text[STOCK_CONFIG_SIZE];
	struct error error = {0};
	int err;

	if (!body)
		return;
	err = name ? relay_add_stock(relay, name, text_in(body, "ip"), text_in(body, "address"),
			     text, &error)
		   : error_set(&error, EINVAL, "name: missing; who is it for?");
	if (err)
		reply_error(reply, err, &error);
	else
		reply_json(reply, 201, json_pack("{s:s, s:s}", "name", name, "config", text));
	explicit_bzero(text, sizeof(text));
	json_decref(body);
}

static void decide(struct api *api, struct request *request, struct reply *reply,
	int (*decide_on)(struct relay *relay, const char *name, struct error *error))
{
	struct relay *relay = find_relay(api, request, reply);
	struct error error = {0};

	if (relay)
		reply_outcome(reply, decide_on(relay, request->parts.text[1], &error), &error);
}

void api_post_approval(struct api *api, struct request *request, struct reply *reply)
{
	decide(api, request, reply, relay_approve);
}

void api_delete_member(struct api *api, struct request *request, struct reply *reply)
{
	decide(api, request, reply, relay_revoke);
}
