/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link_store.h"

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

size_t link_store_waiting(const struct link_store *store)
{
	size_t count = 0;

	LIST_EACH(node, &store->members)
		count += LIST_ENTRY(node, struct link_member_record, node)->is_waiting;
	return count;
}

struct link_invite_record *link_store_invite_of(
	const struct link_store *store, const struct wg_key *used_by)
{
	LIST_EACH(node, &store->invites) {
		struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		if (wg_key_equal(&invite->used_by, used_by))
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

int64_t invite_end(const struct link_invite_record *invite)
{
	return MAX(invite->expires, invite->ended);
}

static bool is_past(
	const struct link_store *store, const struct link_invite_record *invite, int64_t now)
{
	const struct link_member_record *member;

	if (invite_state(invite, now) == INVITE_OPEN)
		return false;
	member = wg_key_is_zero(&invite->used_by) ? NULL
						  : link_store_member_of(store, &invite->used_by);
	return !member || !member->is_waiting;
}

struct link_invite_record *link_store_past_invite(const struct link_store *store, int64_t now)
{
	struct link_invite_record *oldest = NULL;

	LIST_EACH(node, &store->invites) {
		struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		if ((!oldest || invite_end(invite) < invite_end(oldest)) &&
			is_past(store, invite, now))
			oldest = invite;
	}
	return oldest;
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
	member->is_changed = true;
	list_push_back(&store->members, &member->node);
	store->member_count++;
	return member;
}

struct link_invite_record *link_store_add_invite(struct link_store *store)
{
	struct link_invite_record *invite = calloc(1, sizeof(*invite));

	if (!invite)
		return NULL;
	invite->is_changed = true;
	list_push_back(&store->invites, &invite->node);
	store->invite_count++;
	return invite;
}

void link_store_remove_member(struct link_store *store, struct link_member_record *member)
{
	list_remove(&member->node);
	store->member_count--;
	wg_key_wipe(&member->preshared);
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
