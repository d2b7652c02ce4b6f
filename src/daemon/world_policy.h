/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joins hub/policy.h and hub/groups.h to the ports of the world. The hub's thread. */
#pragma once

#include "daemon/world.h"

/* Puts port->config.policy, and the MAC address where kind->fixes_mac, into force. -ENOMEM: as it
 * was. */
int world_policy_apply(struct world_port *port) MUST_USE;
/* Notes the groups that the guest behind the port joins; without memory it does not. */
void world_policy_note_groups(struct world_port *port);
/* Before the port ends. */
void world_policy_end(struct world_port *port);
