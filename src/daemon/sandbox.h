/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up, once everything is set up, what the daemon never needs again. */
#pragma once

/*
 * No new privileges through exec; of root's capabilities those that plugging needs; no call of the
 * kernel that serves only to take over a machine. Called before worker threads exist: they inherit
 * it. What the kernel does not offer is logged and gone without.
 */
void sandbox_enter(void);
