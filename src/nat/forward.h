/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Port forwards: what listens outside on behalf of a guest. */
#pragma once

#include "nat/internal.h"

/* Closes every listener. */
void forwards_done(struct gateway *gateway);

/* The guest sees the client's own address, where it can answer it: not a loopback address, and not
 * one of its own network, which it would look for on the hub. */
struct endpoint forward_client_seen(
	const struct gateway *gateway, const struct endpoint *client, const struct endpoint *guest);
