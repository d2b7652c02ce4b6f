/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces of this process's own: a network without interfaces, mounts nobody else sees. */
#pragma once

#include "base/error.h"

/*
 * Leaves the caller's network and mount namespaces for new ones; who may not do that becomes root
 * of a user namespace first. The loopback interface is up. Only before any thread was made.
 */
int own_namespaces_enter(struct error *error) MUST_USE;
