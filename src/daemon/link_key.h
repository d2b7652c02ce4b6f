/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A private key that never leaves this machine: a file of one line, as wg(8) reads it. */
#pragma once

#include "base/error.h"
#include "wg/key.h"

/* Reads it, or makes one. The caller wipes it. -errno. */
int link_key_open(const char *path, struct wg_key *ret_private, struct error *error) MUST_USE;
