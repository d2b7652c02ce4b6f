/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports of VDE (vde-2): a plug speaks to a switch over a control connection, which lives as
 * long as the plug, and a pair of datagram sockets, a frame a datagram. Frames carry no offloads.
 * Everything here is called on the loop's thread.
 */
#pragma once

#include "hub/hub.h"
#include "io/loop.h"
#include "port/settings.h"

/* What a plug and a switch have for coming to terms. */
#define VDE_PATIENCE (5 * NSEC_PER_SEC)

struct vde_settings {
	const char *folder; /* an absolute path; lent until the call returns */
	struct port_settings port;
};

/*
 * We are the switch: control_fd is a connection that was accepted at FOLDER/ctl. It is taken over,
 * also on failure. The port is down until the plug has said what it wants. NULL: errno says why.
 * The port is to be on a hub before the caller returns to the loop.
 */
struct port *vde_port_new(struct loop *loop, int control_fd, const struct vde_settings *settings);

/* We are a plug in somebody's switch: control_fd is connected to FOLDER/ctl. Else as above. */
struct port *vde_plug_port_new(
	struct loop *loop, int control_fd, const struct vde_settings *settings);
