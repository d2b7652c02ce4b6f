/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind `vm`: virtual machines by QEMU's sockets. See kinds.h for what each function is. */
#pragma once

#include "daemon/world.h"

int kind_vm_open_entrance(struct world_port *entrance, struct error *error);
void kind_vm_close_entrance(struct world_port *entrance);
int kind_vm_make(struct world_port *port, struct error *error);
void kind_vm_describe(const struct world_port *port, json_t *details);
bool kind_vm_is_same_place(const struct port_config *from, const struct port_config *to);
