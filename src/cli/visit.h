/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A short stay in somebody else's network namespace, by a child process: who stays there keeps the
 * namespace alive, and who entered a user namespace cannot leave it.
 */
#pragma once

#include "cli/dhcp_client.h"
#include "cli/guest.h"

struct visit {
	const char *netns; /* as netns_open() takes it */
	const char *api_path;
	struct guest guest;
	struct dhcp_client client; /* with a lease, or as it was when the last visit ended */
	bool without_dhcp;
};

/* Makes the interface, plugs it and waits for an address. Fills visit->guest.slot and
 * visit->client; an exit code. */
int visit_plug(struct visit *visit, struct error *error) MUST_USE;
/* Does what visit->client has to do now, waiting shortly for answers. False: the interface is not
 * there any more. */
bool visit_renew(struct visit *visit) MUST_USE;
