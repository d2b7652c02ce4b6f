/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces for one guest: a network without interfaces, mounts nobody else sees. Who may not make
 * them becomes root of a user namespace first. Only before any thread was made.
 *
 * An interface for the guest is made between the two steps, outside of its network: see io/tap.c.
 */
#pragma once

#include "base/error.h"

/* Leaves a network that belongs to another user namespace than ours for an empty one: only in ours
 * may we make interfaces. -errno. */
int own_namespaces_leave_foreign_network(struct error *error) MUST_USE;
/* Leaves the caller's mounts (and user) behind. Returns a descriptor of the new network, which is
 * the caller's to close, or -errno. */
int own_namespaces_make(struct error *error) MUST_USE;
/* Moves into it; the loopback interface is up. */
int own_namespaces_enter(int network, struct error *error) MUST_USE;
