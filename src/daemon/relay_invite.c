/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invitations. */
#include "config/value.h"
#include "daemon/relay_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int relay_check_name(struct relay *relay, const char *name, int64_t now, struct error *error)
{
	char parsed[CONFIG_NAME_SIZE];
	int err = port_name_parse(name, parsed, error);

	if (err)
		return error_wrap(error, err, "name");
	if (link_store_member(&relay->store, name))
		return error_set(error, EEXIST,
			"name: '%s' is a member already; 'lanyard link revoke %s' ends that", name,
			name);
	if (link_store_open_invite(&relay->store, name, now))
		return error_set(error, EEXIST,
			"name: '%s' is invited already; 'lanyard link revoke %s' ends that", name,
			name);
	if (world_find_port(relay->entrance->hub, name))
		return error_set(
			error, EEXIST, "name: %s has a port '%s' already", relay_hub(relay), name);
	return 0;
}

int relay_add_invite(
	struct relay *relay, const struct link_invite_record *wanted, struct error *error)
{
	struct link_invite_record *invite = link_store_add_invite(&relay->store);
	struct list node;
	int err;

	if (!invite)
		return error_set(error, ENOMEM, "out of memory");
	node = invite->node;
	*invite = *wanted;
	invite->node = node;
	invite->is_changed = true;
	err = link_store_save(&relay->store, error);
	if (!err)
		err = relay_add_caller(relay, &wanted->key);
	if (!err)
		return 0;
	link_store_remove_invite(&relay->store, invite);
	return error_set(error, -err, "%s", strerror(-err));
}

int relay_invite(struct relay *relay, const char *name, enum link_role role, int64_t seconds,
	const char *place, char ret_text[INVITE_TEXT_SIZE], struct error *error)
{
	struct link_invite_record record = {.role = role, .since = time(NULL)};
	struct invite invite = {.relay = relay->public};
	int err = relay_check_name(relay, name, record.since, error);

	if (!err)
		err = relay_place(relay, place, invite.host, &invite.port, error);
	if (err)
		return err;
	relay_forget_old(&relay->store, record.since);
	if (relay->store.invite_count >= LINK_INVITES_MAX)
		return error_set(error, ENOSPC, "%d invitations are remembered, and no more",
			LINK_INVITES_MAX);
	wg_key_make_private(&invite.enrolment);
	record.key = wg_key_public(&invite.enrolment);
	record.expires = record.since + seconds;
	snprintf(record.name, sizeof(record.name), "%s", name);
	err = relay_add_invite(relay, &record, error);
	if (!err)
		invite_format(&invite, ret_text);
	wg_key_wipe(&invite.enrolment);
	return err;
}

void relay_forget_old(struct link_store *store, int64_t now)
{
	LIST_EACH(node, &store->invites) {
		struct link_invite_record *invite = LIST_ENTRY(
			node, struct link_invite_record, node);

		if (MAX(invite->expires, invite->ended) + LINK_REMEMBER < now)
			link_store_remove_invite(store, invite);
	}
}
