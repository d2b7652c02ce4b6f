/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link_store.h"

#include "daemon/state_file.h"
#include "io/secret_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct link_member_record *link_store_member(const struct link_store *store, const char *name)
{
	LIST_EACH(node, &store->members) {
		struct link_member_record *member = LIST_ENTRY(
			node, struct link_member_record, node);

		if (!strcmp(member->name, name))
			return member;
	}
	return NULL;
}

struct link_member_record *link_store_member_of(
	const struct link_store *store, const struct wg_key *key)
{
	LIST_EACH(node, &store->members) {
		struct link_member_record *member = LIST_ENTRY(
			node, struct link_member_record, node);

		if (wg_key_equal(&member->key, key))
			return member;
	}
	return NULL;
}

struct link_invite_record *link_store_invite(
	const struct link_store *store, const struct wg_key *key)
{
	LIST_EACH(node, &store->invites) {
		struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		if (wg_key_equal(&invite->key, key))
			return invite;
	}
	return NULL;
}

struct link_invite_record *link_store_open_invite(
	const struct link_store *store, const char *name, int64_t now)
{
	LIST_EACH(node, &store->invites) {
		struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		if (!strcmp(invite->name, name) && invite_state(invite, now) == INVITE_OPEN)
			return invite;
	}
	return NULL;
}

enum invite_state invite_state(const struct link_invite_record *invite, int64_t now)
{
	if (invite->is_left)
		return INVITE_LEFT;
	if (invite->is_revoked)
		return INVITE_REVOKED;
	if (!wg_key_is_zero(&invite->used_by))
		return INVITE_USED;
	return now >= invite->expires ? INVITE_EXPIRED : INVITE_OPEN;
}

const char *invite_state_name(enum invite_state state)
{
	static const char *const names[] = {"open", "used", "expired", "revoked", "left"};

	return names[state];
}

struct link_member_record *link_store_add_member(struct link_store *store)
{
	struct link_member_record *member = calloc(1, sizeof(*member));

	if (!member)
		return NULL;
	list_push_back(&store->members, &member->node);
	store->member_count++;
	return member;
}

struct link_invite_record *link_store_add_invite(struct link_store *store)
{
	struct link_invite_record *invite = calloc(1, sizeof(*invite));

	if (!invite)
		return NULL;
	list_push_back(&store->invites, &invite->node);
	store->invite_count++;
	return invite;
}

void link_store_remove_member(struct link_store *store, struct link_member_record *member)
{
	list_remove(&member->node);
	store->member_count--;
	free(member);
}

void link_store_remove_invite(struct link_store *store, struct link_invite_record *invite)
{
	list_remove(&invite->node);
	store->invite_count--;
	free(invite);
}

void link_store_close(struct link_store *store)
{
	LIST_EACH(node, &store->members)
		link_store_remove_member(store, LIST_ENTRY(node, struct link_member_record, node));
	LIST_EACH(node, &store->invites)
		link_store_remove_invite(store, LIST_ENTRY(node, struct link_invite_record, node));
}

/* Writing */

static void set_key(json_t *object, const char *name, const struct wg_key *key)
{
	char text[WG_KEY_TEXT_SIZE];

	if (!wg_key_is_zero(key))
		json_object_set_new(object, name, json_string(wg_key_format(key, text)));
}

static json_t *member_json(const struct link_member_record *member)
{
	char mac[MAC_TEXT_SIZE], endpoint[ENDPOINT_TEXT_SIZE], address[PREFIX_TEXT_SIZE];
	json_t *object = json_pack("{s:s, s:s, s:I}", "name", member->name, "role",
		link_role_name(member->role), "since", (json_int_t)member->since);

	set_key(object, "key", &member->key);
	if (!mac_is_zero(member->mac))
		json_object_set_new(object, "mac", json_string(mac_format(member->mac, mac)));
	if (!ip_is_none(member->endpoint.ip))
		json_object_set_new(object, "endpoint",
			json_string(endpoint_format(&member->endpoint, endpoint)));
	if (member->address.len)
		json_object_set_new(
			object, "address", json_string(prefix_format(&member->address, address)));
	return object;
}

static json_t *invite_json(const struct link_invite_record *invite)
{
	json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:b}", "name", invite->name,
		"role", link_role_name(invite->role), "since", (json_int_t)invite->since, "expires",
		(json_int_t)invite->expires, "ended", (json_int_t)invite->ended, "revoked",
		(int)invite->is_revoked, "left", (int)invite->is_left);

	set_key(object, "key", &invite->key);
	set_key(object, "used_by", &invite->used_by);
	return object;
}

int link_store_save(const struct link_store *store, struct error *error)
{
	json_t *members = json_array(), *invites = json_array(), *whole;
	char *text;
	int err;

	LIST_EACH(node, &store->members)
		json_array_append_new(
			members, member_json(LIST_ENTRY(node, struct link_member_record, node)));
	LIST_EACH(node, &store->invites)
		json_array_append_new(
			invites, invite_json(LIST_ENTRY(node, struct link_invite_record, node)));
	whole = json_pack("{s:i, s:o, s:o}", "version", 1, "members", members, "invites", invites);
	text = whole ? json_dumps(whole, JSON_INDENT(1)) : NULL;
	json_decref(whole);
	if (!text)
		return error_set(error, ENOMEM, "%s: out of memory", store->path);
	err = secret_file_write(store->path, text, strlen(text), error);
	free(text);
	return err;
}

/* Reading */

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

static bool read_member(struct link_store *store, const json_t *object)
{
	struct link_member_record *member = link_store_add_member(store);
	const char *mac = json_string_value(json_object_get(object, "mac"));
	const char *endpoint = json_string_value(json_object_get(object, "endpoint"));
	const char *address = json_string_value(json_object_get(object, "address"));

	if (!member || !get_text(object, "name", member->name, sizeof(member->name)) ||
		!get_key(object, "key", &member->key) || !get_role(object, &member->role))
		return false;
	member->since = get_time(object, "since");
	return (!mac || mac_parse(mac, &member->mac)) &&
	       (!endpoint || endpoint_parse(endpoint, &member->endpoint)) &&
	       (!address || prefix_parse(address, &member->address));
}

static bool read_invite(struct link_store *store, const json_t *object)
{
	struct link_invite_record *invite = link_store_add_invite(store);

	if (!invite || !get_text(object, "name", invite->name, sizeof(invite->name)) ||
		!get_key(object, "key", &invite->key) || !get_role(object, &invite->role))
		return false;
	invite->since = get_time(object, "since");
	invite->expires = get_time(object, "expires");
	invite->ended = get_time(object, "ended");
	invite->is_revoked = json_is_true(json_object_get(object, "revoked"));
	invite->is_left = json_is_true(json_object_get(object, "left"));
	return !json_object_get(object, "used_by") || get_key(object, "used_by", &invite->used_by);
}

static bool read_all(struct link_store *store, const json_t *whole)
{
	json_t *object;
	size_t i;

	json_array_foreach(json_object_get(whole, "members"), i, object)
		if (!read_member(store, object))
			return false;
	json_array_foreach(json_object_get(whole, "invites"), i, object)
		if (!read_invite(store, object))
			return false;
	return json_integer_value(json_object_get(whole, "version")) == 1;
}

int link_store_open(struct link_store *store, const char *path, struct error *error)
{
	json_t *whole;
	char *text;
	size_t len;
	int err;

	*store = (struct link_store){0};
	snprintf(store->path, sizeof(store->path), "%s", path);
	list_init(&store->members);
	list_init(&store->invites);
	err = state_file_read(path, &text, &len, error);
	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	whole = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (!whole || !read_all(store, whole))
		err = error_set(error, EINVAL,
			"%s: is no list of members that this version of lanyard can read", path);
	json_decref(whole);
	if (err)
		link_store_close(store);
	return err;
}
