/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where leases are written down. A store is told of each change after it was made in the table;
 * it says later, in a turn of its own, that the change will outlive the power.
 */
#pragma once

#include "service/lease.h"

struct lease_store {
	/* The lease as it stands now. Returns a ticket, larger than all before it. */
	uint64_t (*note)(struct lease_store *store, const struct lease *lease, nsec now);
	/* The address has no lease any more. */
	uint64_t (*forget)(struct lease_store *store, struct ip4 ip);

	/* Set by who uses the store: everything up to the ticket is written, or could not be (the
	 * store has then said so elsewhere). Never called from within the two above. */
	void (*on_written)(void *owner, uint64_t ticket, nsec now);
	void *owner;
};
