/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a relay is made of: for relay*.c alone. */
#pragma once

#include "daemon/link_mail.h"
#include "daemon/link_wg.h"
#include "daemon/relay.h"

struct relay {
	struct world_port *entrance;
	struct link *link; /* the hub's thread's */
	struct link_wg *wg;
	struct link_mail mail;
	struct link_store store;
	struct timer save; /* what members did, not what we decided */
	nsec saved_at, refused_at;
	struct wg_key public;
	struct wg_key private; /* until the link has it */
	struct udp udp;	       /* likewise; then its port */
	int err;
};

static inline struct world *relay_world(const struct relay *relay)
{
	return relay->entrance->hub->world;
}

static inline const char *relay_hub(const struct relay *relay)
{
	return relay->entrance->hub->config.name;
}

/* relay.c */
void relay_save_soon(struct relay *relay);
/* To the hub's thread and back. */
void relay_say(struct relay *relay, const struct wg_key *key, const struct control *control);
int relay_add_caller(struct relay *relay, const struct wg_key *key) MUST_USE;
void relay_remove_caller(struct relay *relay, const struct wg_key *key);

/* relay_members.c */
int relay_plug_member(
	struct relay *relay, const struct link_member_record *member, struct error *error) MUST_USE;
void relay_unplug_member(struct relay *relay, const struct link_member_record *member);
void relay_bind_mac(struct relay *relay, struct link_member_record *member, struct mac mac);
void relay_tell_of_subnets(struct relay *relay, const struct link_member_record *member,
	const struct ip_prefix *theirs);
int relay_revoke_member(
	struct relay *relay, struct link_member_record *member, struct error *error) MUST_USE;

/* relay_enrol.c */
void relay_take_asked(struct relay *relay, const struct link_news *news);

/* relay_invite.c */
int relay_check_name(
	struct relay *relay, const char *name, int64_t now, struct error *error) MUST_USE;
/* In the store, not yet on the disk; NULL: no memory. */
struct link_invite_record *relay_remember(
	struct relay *relay, const struct link_invite_record *wanted);
/* What is past for LINK_REMEMBER; and what is past longest, when there is no room for one more. */
void relay_forget_old(struct relay *relay, int64_t now);
