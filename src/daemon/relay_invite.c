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

void relay_forget_old(struct relay *relay, int64_t now)
{
	struct link_store *store = &relay->store;
	struct link_invite_record *past;

	while ((past = link_store_past_invite(store, now)) &&
		(invite_end(past) + LINK_REMEMBER < now ||
			store->invite_count >= LINK_INVITES_MAX)) {
		relay_remove_caller(relay, &past->key);
		link_store_remove_invite(store, past);
	}
}

struct link_invite_record *relay_remember(
	struct relay *relay, const struct link_invite_record *wanted)
{
	struct link_invite_record *invite;
	struct list node;

	relay_forget_old(relay, time(NULL));
	invite = link_store_add_invite(&relay->store);
	if (!invite)
		return NULL;
	node = invite->node;
	*invite = *wanted;
	invite->node = node;
	invite->is_changed = true;
	return invite;
}

static int add_invite(
	struct relay *relay, const struct link_invite_record *wanted, struct error *error)
{
	struct link_invite_record *invite = relay_remember(relay, wanted);
	int err;

	if (!invite)
		return error_set(error, ENOMEM, "out of memory");
	err = link_store_save(&relay->store, error);
	if (!err) {
		err = relay_add_caller(relay, &wanted->key);
		if (err)
			error_set(error, -err, "%s", strerror(-err));
	}
	if (err)
		link_store_remove_invite(&relay->store, invite);
	return err;
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
	relay_forget_old(relay, record.since);
	if (relay->store.invite_count >= LINK_INVITES_MAX)
		return error_set(error, ENOSPC, "%d invitations are open, and there can be no more",
			LINK_INVITES_MAX);
	wg_key_make_private(&invite.enrolment);
	record.key = wg_key_public(&invite.enrolment);
	record.expires = record.since + seconds;
	snprintf(record.name, sizeof(record.name), "%s", name);
	err = add_invite(relay, &record, error);
	if (!err)
		invite_format(&invite, ret_text);
	wg_key_wipe(&invite.enrolment);
	return err;
}
