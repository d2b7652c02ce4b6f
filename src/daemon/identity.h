/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who this installation is: 16 random bytes in the state directory, made once. MAC addresses of
 * our own ports come from it, so that guests find the same gateway after a restart, and two
 * installations on one segment do not meet with the same addresses.
 */
#pragma once

#include "base/error.h"
#include "base/hash.h"
#include "wire/address.h"

/* Reads state_dir/identity, or makes it (mode 0600, written whole or not at all). -errno. */
int identity_open(
	const char *state_dir, struct hash_key *ret_identity, struct error *error) MUST_USE;

/* A locally administered address that depends on nothing else: 02 and 40 bits of hash. which tells
 * apart the ports of one kind on one hub; empty where there is only one. */
struct mac identity_mac(
	const struct hash_key *identity, const char *hub, const char *kind, const char *which);
