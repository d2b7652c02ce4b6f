/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What no single value can be wrong about: things that do not fit together. */
#pragma once

#include "config/config.h"

struct complaint {
	char path[160]; /* "hubs.hub8.ports[1].dhcp.pool" */
	char text[300]; /* "192.168.121.9 is outside 192.168.120.0/24" */
};

/* True: all fits. False: ret_complaint says what does not. */
bool check_config(const struct config *config, struct complaint *ret_complaint) MUST_USE;
/* One hub alone; also the last of its ports against the others. */
bool check_hub(const struct hub_config *hub, struct complaint *ret_complaint) MUST_USE;
