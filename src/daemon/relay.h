/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control thread's half of a link that others join: a store of members and invitations, each
 * member a client of the entrance (docs/ports.md), and the answers to those who come with an
 * invitation. The other half is port/link/.
 */
#pragma once

#include "daemon/stock_member.h"
#include "daemon/world.h"
#include "port/link/invite.h"

struct relay;

int relay_open(struct world_port *entrance, struct relay **ret_relay, struct error *error) MUST_USE;
/* Its members are no ports any more. */
void relay_close(struct relay *relay);
void relay_begin(struct relay *relay); /* the entrance is in the world: so are its members now */

/* The hub's thread: kind->make() of a client. NULL: errno. */
struct port *relay_make_port(struct relay *relay, struct world_port *client);
/* The hub's thread: WG_DROP_COUNT, of datagrams of nobody's. */
const uint64_t *relay_drops(const struct relay *relay);

const struct link_store *relay_store(const struct relay *relay);
struct wg_key relay_public(const struct relay *relay);
/* The address that invitations name. */
int relay_place(const struct relay *relay, const char *given, char ret_host[INVITE_HOST_SIZE],
	uint16_t *ret_port, struct error *error) MUST_USE;

/* place: HOST or HOST:PORT; NULL: what the relay is known by. */
int relay_invite(struct relay *relay, const char *name, enum link_role role, int64_t seconds,
	const char *place, char ret_text[INVITE_TEXT_SIZE], struct error *error) MUST_USE;

/* A member that is a client of WireGuard's own, as on a phone: what it is to be given, with a
 * private key that is kept nowhere else. address: as stock_member_address() has it. */
int relay_add_stock(struct relay *relay, const char *name, const char *address, const char *place,
	char ret_text[STOCK_CONFIG_SIZE], struct error *error) MUST_USE;
/* Lets in who waits for it. -ENOENT; -EEXIST: it is in. */
int relay_approve(struct relay *relay, const char *name, struct error *error) MUST_USE;
/* A member, one that waits to be, or an open invitation. -ENOENT. */
int relay_revoke(struct relay *relay, const char *name, struct error *error) MUST_USE;
