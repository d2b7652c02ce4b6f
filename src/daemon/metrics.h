/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters of everything that runs as text for Prometheus (exposition format 0.0.4). */
#pragma once

#include "daemon/snapshot.h"
#include "ip/router/leg.h"
#include "port/link/link.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What a port has beside what all ports have. */
struct metrics_port {
	bool is_leg, is_member;
	struct leg_counters leg;
	struct link_member_state member;
};

struct metrics_hub {
	struct hub_snapshot snapshot;
	struct metrics_port *ports; /* as in the snapshot */
	uint64_t address_count;	    /* in the MAC table */
	bool has_nat, has_dhcp, has_relay;
	struct gateway_counters nat;
	struct dhcp_counters dhcp;
	uint64_t leases[LEASE_DECLINED + 1]; /* by enum lease_state */
	uint64_t strangers[WG_DROP_COUNT];   /* datagrams of nobody's, at its relays */
};

struct metrics {
	struct metrics_hub *hubs;
	size_t hub_count;
	uint64_t resident; /* bytes of the process's memory, its own and shared */
	double processor;  /* seconds it has used */
};

/* Asks every hub's thread. -ENOMEM. */
int metrics_take(const struct world *world, struct metrics *ret_metrics) MUST_USE;
void metrics_done(struct metrics *metrics);
/* malloc'ed; NULL: no memory. */
char *metrics_text(const struct metrics *metrics);
