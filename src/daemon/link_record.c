/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link_record.h"

#include <stdio.h>
#include <string.h>

static void set_key(json_t *object, const char *name, const struct wg_key *key)
{
	char text[WG_KEY_TEXT_SIZE];

	if (!wg_key_is_zero(key))
		json_object_set_new(object, name, json_string(wg_key_format(key, text)));
}

static void set_prefix(json_t *object, const char *name, const struct ip_prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE];

	if (prefix->len)
		json_object_set_new(object, name, json_string(prefix_format(prefix, text)));
}

json_t *link_member_json(const struct link_member_record *member)
{
	char mac[MAC_TEXT_SIZE], endpoint[ENDPOINT_TEXT_SIZE];
	json_t *object = json_pack("{s:s, s:s, s:I}", "name", member->name, "role",
		link_role_name(member->role), "since", (json_int_t)member->since);

	set_key(object, "key", &member->key);
	set_key(object, "preshared", &member->preshared);
	if (member->is_waiting)
		json_object_set_new(object, "waits", json_true());
	if (!mac_is_zero(member->mac))
		json_object_set_new(object, "mac", json_string(mac_format(member->mac, mac)));
	if (!ip_is_none(member->endpoint.ip))
		json_object_set_new(object, "endpoint",
			json_string(endpoint_format(&member->endpoint, endpoint)));
	set_prefix(object, "address", &member->address);
	set_prefix(object, "address6", &member->address6);
	return object;
}

json_t *link_invite_json(const struct link_invite_record *invite)
{
	json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:b}", "name", invite->name,
		"role", link_role_name(invite->role), "since", (json_int_t)invite->since, "expires",
		(json_int_t)invite->expires, "ended", (json_int_t)invite->ended, "revoked",
		(int)invite->is_revoked, "left", (int)invite->is_left);

	set_key(object, "key", &invite->key);
	set_key(object, "used_by", &invite->used_by);
	return object;
}

static bool get_text(const json_t *object, const char *name, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && text[0] && (size_t)snprintf(ret, size, "%s", text) < size;
}

static bool get_key(const json_t *object, const char *name, struct wg_key *ret)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && wg_key_parse(text, ret);
}

static bool get_role(const json_t *object, enum link_role *ret)
{
	const char *text = json_string_value(json_object_get(object, "role"));

	return text && link_role_parse(text, ret);
}

static int64_t get_time(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* It may be missing. */
static bool get_prefix(const json_t *object, const char *name, struct ip_prefix *ret)
{
	const char *text = json_string_value(json_object_get(object, name));

	return !text || prefix_parse(text, ret);
}

bool link_member_read(struct link_member_record *member, const json_t *object)
{
	const char *mac = json_string_value(json_object_get(object, "mac"));
	const char *endpoint = json_string_value(json_object_get(object, "endpoint"));

	if (!get_text(object, "name", member->name, sizeof(member->name)) ||
		!get_key(object, "key", &member->key) || !get_role(object, &member->role))
		return false;
	member->since = get_time(object, "since");
	member->is_waiting = json_is_true(json_object_get(object, "waits"));
	if (json_object_get(object, "preshared") &&
		!get_key(object, "preshared", &member->preshared))
		return false;
	return (!mac || mac_parse(mac, &member->mac)) &&
	       (!endpoint || endpoint_parse(endpoint, &member->endpoint)) &&
	       get_prefix(object, "address", &member->address) &&
	       get_prefix(object, "address6", &member->address6);
}

bool link_invite_read(struct link_invite_record *invite, const json_t *object)
{
	if (!get_text(object, "name", invite->name, sizeof(invite->name)) ||
		!get_key(object, "key", &invite->key) || !get_role(object, &invite->role))
		return false;
	invite->since = get_time(object, "since");
	invite->expires = get_time(object, "expires");
	invite->ended = get_time(object, "ended");
	invite->is_revoked = json_is_true(json_object_get(object, "revoked"));
	invite->is_left = json_is_true(json_object_get(object, "left"));
	return !json_object_get(object, "used_by") || get_key(object, "used_by", &invite->used_by);
}
