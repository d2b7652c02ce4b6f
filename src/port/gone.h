/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a port over a descriptor begins and ends: what all of them do with their settings. */
#pragma once

#include "base/attr.h"
#include "io/loop.h"
#include "port/settings.h"

struct gone {
	struct port *port;
	struct loop *loop;
	struct watch *watches[2]; /* of the port, that end with it; may be NULL */
	struct task task;
	bool is_told;
	char why[128];
	void (*on_gone)(void *owner, struct port *port, const char *why);
	void *owner;
};

/* Fills the port's name and MTU too. */
void gone_init(struct gone *gone, struct loop *loop, struct port *port,
	const struct port_settings *settings);
/* The port is down and deaf from now on; its owner hears why at the end of the turn, once. */
void gone_tell(struct gone *gone, const char *format, ...) PRINTF_LIKE(2, 3);
void gone_done(struct gone *gone);
