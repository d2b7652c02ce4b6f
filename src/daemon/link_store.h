/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who a relay's members are, and who was invited, in a file that is whole at any moment: a line of
 * JSON for each change, which the disk has before anybody is told; written anew, beside itself,
 * when more than half of it is outdated. What was being written when we were killed is not there.
 * Who was a member and who has an invitation that is used up, expired or revoked is
 * remembered for a while, to be told so when he comes.
 */
#pragma once

#include "base/list.h"
#include "config/model.h"
#include "port/link/control.h"

#define LINK_MEMBERS_MAX 4000
#define LINK_INVITES_MAX 1024		       /* the past ones too, as far as there is room */
#define LINK_REMEMBER	 ((int64_t)30 * 86400) /* seconds */

struct link_member_record {
	struct list node;
	char name[CONFIG_NAME_SIZE];
	struct wg_key key;
	struct wg_key preshared; /* made when it enrolled; zero: it has none */
	enum link_role role;
	struct mac mac;		  /* of a host, once it showed it; else zero */
	struct endpoint endpoint; /* where it was last */
	/* Of a client of WireGuard's own, with their subnets; both len 0: it is none. */
	struct ip_prefix address, address6;
	int64_t since;	 /* seconds since 1970, as all times here */
	bool is_waiting; /* for a person to let it in: it has no port yet */
	bool is_changed; /* the file does not have it so */
};

enum invite_state {
	INVITE_OPEN,
	INVITE_USED,
	INVITE_EXPIRED,
	INVITE_REVOKED,
	INVITE_LEFT, /* no invitation: the key of who was a member */
};

struct link_invite_record {
	struct list node;
	char name[CONFIG_NAME_SIZE];
	struct wg_key key; /* public: of the enrolment key; INVITE_LEFT: of the member */
	enum link_role role;
	int64_t since, expires, ended; /* ended: used, revoked, left; 0: not */
	struct wg_key used_by;	       /* zero: by nobody */
	bool is_revoked, is_left;
	bool is_changed;
};

struct link_store {
	char path[400];
	struct list members, invites;
	size_t member_count, invite_count;
	size_t file_len, record_count; /* of the file, as we left it */
};

/* Reads it; none is an empty one. -errno. */
int link_store_open(struct link_store *store, const char *path, struct error *error) MUST_USE;
void link_store_close(struct link_store *store);
/* What is_changed, all of it or nothing. -errno: nothing, and it stays changed. */
int link_store_save(struct link_store *store, struct error *error) MUST_USE;

struct link_member_record *link_store_member(const struct link_store *store, const char *name);
struct link_member_record *link_store_member_of(
	const struct link_store *store, const struct wg_key *key);
struct link_invite_record *link_store_invite(
	const struct link_store *store, const struct wg_key *key);
/* How many members wait for approval. */
size_t link_store_waiting(const struct link_store *store);
/* That made the key a member's; NULL: it is forgotten, or there was none. */
struct link_invite_record *link_store_invite_of(
	const struct link_store *store, const struct wg_key *used_by);
/* The open one for that name. */
struct link_invite_record *link_store_open_invite(
	const struct link_store *store, const char *name, int64_t now);
/* The one whose end is longest ago, so that it may be forgotten; NULL: all are open, or of members
 * that wait. */
struct link_invite_record *link_store_past_invite(const struct link_store *store, int64_t now);
int64_t invite_end(const struct link_invite_record *invite);
enum invite_state invite_state(const struct link_invite_record *invite, int64_t now);
const char *invite_state_name(enum invite_state state);

/* In the store, to be filled, and changed; NULL: no memory. */
struct link_member_record *link_store_add_member(struct link_store *store);
struct link_invite_record *link_store_add_invite(struct link_store *store);
/* The file forgets them by what is said of their keys later, or when it is written anew. */
void link_store_remove_member(struct link_store *store, struct link_member_record *member);
void link_store_remove_invite(struct link_store *store, struct link_invite_record *invite);
