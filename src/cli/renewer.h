/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process in the background that renews an attached guest's lease, as DHCP clients leave one
 * behind. It ends when the port, the interface or the daemon is gone, and between two renewals it
 * holds nothing of the guest's.
 */
#pragma once

#include "cli/visit.h"

/* The visit has a lease with an end. -errno when there can be no process. */
int renewer_start(const struct visit *visit) MUST_USE;
