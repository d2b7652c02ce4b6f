/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Those who come to a relay with an invitation. */
#include "base/log.h"
#include "daemon/relay_state.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* Of those who are refused: they may ask as often as they like. */
#define TELL_EVERY (1 * NSEC_PER_SEC)

static void refuse(
	struct relay *relay, const struct link_news *news, const char *name, const char *why)
{
	struct control control = {.type = CONTROL_REFUSED};
	nsec now = loop_now(relay_world(relay)->loop);
	char from[ENDPOINT_TEXT_SIZE];

	snprintf(control.text, sizeof(control.text), "%s", why);
	relay_say(relay, &news->key, &control);
	if (now - relay->refused_at < TELL_EVERY)
		return;
	relay->refused_at = now;
	events_tell(relay_world(relay)->events, "link-refused", relay_hub(relay), "{s:s, s:s, s:s}",
		"name", name, "from", endpoint_format(&news->from, from), "why", why);
	log_info("%s: '%s' from %s was refused: %s", relay_hub(relay), name, from, why);
}

static char *date(int64_t when, char text[32])
{
	time_t seconds = (time_t)when;
	struct tm tm;

	strftime(text, 32, "%Y-%m-%d %H:%M UTC", gmtime_r(&seconds, &tm));
	return text;
}

/* To who came with an invitation: what became of it. */
static void answer(
	struct relay *relay, const struct wg_key *invite, const struct link_member_record *member)
{
	struct control control = {
		.type = member->is_waiting ? CONTROL_WAITS : CONTROL_ACCEPTED,
		.role = member->role,
		.mtu = relay->entrance->config.mtu ? relay->entrance->config.mtu
						   : LINK_MTU_STANDARD,
		.subnet = relay->entrance->hub->config.subnet,
	};

	snprintf(control.name, sizeof(control.name), "%s", member->name);
	snprintf(control.segment, sizeof(control.segment), "%s", relay_hub(relay));
	if (member->is_waiting)
		snprintf(control.text, sizeof(control.text), "waits for the relay's owner");
	else
		control.preshared = member->preshared;
	relay_say(relay, invite, &control);
	wg_key_wipe(&control.preshared);
}

static int enrol(struct relay *relay, struct link_invite_record *invite,
	const struct control *asked, int64_t now, struct error *error)
{
	struct link_member_record *member = link_store_add_member(&relay->store);
	int err;

	if (!member)
		return error_set(error, ENOMEM, "the relay is out of memory");
	snprintf(member->name, sizeof(member->name), "%s", invite->name);
	member->key = asked->key;
	if (asked->capabilities & CAN_PRESHARE)
		wg_key_make_preshared(&member->preshared);
	member->role = invite->role;
	member->since = now;
	member->is_waiting = relay->entrance->config.link.needs_approval;
	err = member->is_waiting ? 0 : relay_plug_member(relay, member, error);
	if (!err) {
		invite->used_by = asked->key;
		invite->ended = now;
		invite->is_changed = true;
		err = link_store_save(&relay->store, error);
	}
	if (!err)
		return 0;
	relay_unplug_member(relay, member);
	link_store_remove_member(&relay->store, member);
	invite->used_by = (struct wg_key){0};
	invite->ended = 0;
	return err;
}

static void tell_of_decision(struct relay *relay, const struct link_member_record *member,
	const char *event, const struct endpoint *from)
{
	char text[ENDPOINT_TEXT_SIZE];

	events_tell(relay_world(relay)->events, event, relay_hub(relay), "{s:s, s:s, s:s*}", "name",
		member->name, "role", link_role_name(member->role), "from",
		from ? endpoint_format(from, text) : NULL);
	log_info("%s: '%s': %s", relay_hub(relay), member->name, event);
}

static void take_open(struct relay *relay, const struct link_news *news,
	struct link_invite_record *invite, int64_t now)
{
	const struct wg_key *key = &news->control->key;
	const struct link_member_record *member;
	struct error error = {0};

	if (wg_key_is_zero(key) || link_store_member_of(&relay->store, key) ||
		link_store_invite(&relay->store, key))
		refuse(relay, news, invite->name, "this key is somebody's already");
	else if (relay->store.member_count >= LINK_MEMBERS_MAX)
		refuse(relay, news, invite->name, "the relay has as many members as it can have");
	else if (enrol(relay, invite, news->control, now, &error))
		refuse(relay, news, invite->name, error.text);
	else {
		member = link_store_member(&relay->store, invite->name);
		tell_of_decision(relay, member, member->is_waiting ? "link-waits" : "link-joined",
			&news->from);
		answer(relay, &invite->key, member);
	}
}

/* When our answer was lost. But whoever came in his own session has got it, and what he was told is
 * a secret, which a used invitation is not. */
static bool may_hear_again(const struct link_member_record *member)
{
	return ip_is_none(member->endpoint.ip);
}

void relay_take_asked(struct relay *relay, const struct link_news *news)
{
	int64_t now = time(NULL);
	const struct link_member_record *member;
	struct link_invite_record *invite = link_store_invite(&relay->store, &news->key);
	char why[160], when[32];

	if (!invite)
		return;
	switch (invite_state(invite, now)) {
	case INVITE_OPEN:
		if (news->control->type == CONTROL_ENROL)
			take_open(relay, news, invite, now);
		return;
	case INVITE_USED:
		member = link_store_member_of(&relay->store, &news->control->key);
		if (member && wg_key_equal(&invite->used_by, &member->key) &&
			may_hear_again(member)) {
			answer(relay, &invite->key, member);
			return;
		}
		snprintf(why, sizeof(why),
			"this invitation was used already, on %s; each is good for one member",
			date(invite->ended, when));
		break;
	case INVITE_EXPIRED:
		snprintf(why, sizeof(why), "this invitation expired on %s; ask for a new one",
			date(invite->expires, when));
		break;
	case INVITE_REVOKED:
		snprintf(why, sizeof(why), "this invitation was revoked on %s",
			date(invite->ended, when));
		break;
	case INVITE_LEFT:
		snprintf(why, sizeof(why), "'%s' is no member since %s: it was revoked",
			invite->name, date(invite->ended, when));
		break;
	}
	refuse(relay, news, invite->name, why);
}

int relay_approve(struct relay *relay, const char *name, struct error *error)
{
	struct link_member_record *member = link_store_member(&relay->store, name);
	const struct link_invite_record *invite;
	int err;

	if (!member)
		return error_set(
			error, ENOENT, "%s: nobody named '%s' waits", relay_hub(relay), name);
	if (!member->is_waiting)
		return error_set(error, EEXIST, "name: '%s' is a member already", name);
	err = relay_plug_member(relay, member, error);
	if (err)
		return err;
	member->is_waiting = false;
	member->is_changed = true;
	err = link_store_save(&relay->store, error);
	if (err) {
		member->is_waiting = true;
		relay_unplug_member(relay, member);
		return err;
	}
	tell_of_decision(relay, member, "link-approved", NULL);
	invite = link_store_invite_of(&relay->store, &member->key);
	if (invite)
		answer(relay, &invite->key, member);
	return 0;
}
