/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A member that is a client of WireGuard's own, as on a phone: which addresses it has, and what it
 * is to be given. */
#pragma once

#include "daemon/link_store.h"
#include "daemon/world.h"

#define STOCK_CONFIG_SIZE 1024

/* Fills the record's addresses. text: "192.168.1.77/24", "fd00::77/64", or both with a comma
 * between; what it does not say, or NULL, is chosen where the hub has a subnet of the family. */
int stock_member_address(const struct world_hub *hub, const struct link_store *store,
	const char *text, struct link_member_record *ret, struct error *error) MUST_USE;
/* What wg-quick(8), and the applications for phones, read. relay: its public key, at host:port. */
void stock_member_write(const struct world_hub *hub, const struct link_member_record *member,
	const struct wg_key *private, const struct wg_key *relay, const char *host, uint16_t port,
	char ret_text[STOCK_CONFIG_SIZE]);
