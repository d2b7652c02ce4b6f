/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the way to a relay is made of: for joining*.c alone. */
#pragma once

#include "daemon/joining.h"
#include "daemon/link_mail.h"
#include "daemon/link_wg.h"
#include "daemon/resolver.h"
#include "io/address_watch.h"
#include "port/link/invite.h"

struct joining {
	struct world_port *entrance;
	enum joining_state state;
	struct invite invite;
	struct wg_key private, preshared; /* preshared: zero: there is none */
	struct udp udp;
	char path[400]; /* of what we were told when we were accepted */
	struct link_mail mail;
	struct resolver *resolver;
	struct timer timer, nudge;
	struct address_watch addresses;
	struct endpoint relay;
	unsigned asked; /* without an answer */
	bool is_up;
	/* What the relay said. */
	char name[CONTROL_NAME_SIZE], segment[CONTROL_NAME_SIZE];
	enum link_role role;
	uint32_t mtu;
	char why[sizeof(struct error)], notice[CONTROL_TEXT_SIZE];
	/* The hub's thread's: at first in the invitation's name, then in ours. */
	struct link *link;
	struct link_wg *wg;
	int err;
};

static inline struct world *joining_world(const struct joining *joining)
{
	return joining->entrance->hub->world;
}

/* joining_file.c: what was told before, where it was; then it is a member's. */
int joining_open_files(struct joining *joining, struct error *error) MUST_USE;
/* What the relay said is kept: the invitation is good once. */
int joining_keep(const struct joining *joining, struct error *error) MUST_USE;
/* name, segment, role, mtu, preshared */
void joining_take_told(struct joining *joining, const struct control *told);

/* joining_link.c: to the hub's thread and back. */
int joining_open_link(struct joining *joining, struct error *error) MUST_USE;
void joining_end_link(struct joining *joining);
void joining_ask(struct joining *joining);
void joining_move(struct joining *joining);  /* the relay is at another endpoint */
void joining_nudge(struct joining *joining); /* we are */
