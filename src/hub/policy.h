/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a port may do, and what its wire does to frames: one for a port that has any of it, made
 * and freed by whoever made the port, on the hub's thread. All of it can change while it runs.
 *
 *   the port ── may it? ── wire in ──▶ hub ── may it? ── wire out ──▶ the port
 *
 * A frame enters the hub (and is counted, and captured) when it comes out of the wire in; it leaves
 * it when it is put on the wire out.
 */
#pragma once

#include "hub/guard.h"
#include "hub/impair.h"
#include "hub/storm.h"

struct loop_port;

struct policy_settings {
	struct mac mac;	  /* the only address that frames may come from; zero: any */
	bool is_isolated; /* nothing passes between two ports that are */
	bool is_down;	  /* the link, beside what struct port says */
	unsigned guards;  /* enum guard: what the port may not say */
	uint32_t storm;	  /* frames for everybody a second, of each kind; 0: any number */
	struct impair_settings in, out;
};

struct port_policy {
	struct port *port;
	struct policy_settings settings; /* by policy_change() */
	struct impair in, out;		 /* machines, for the owner to drive */
	struct storm storm;
	/* The port claimed an address that is another's (GUARD_ARP); only to be noted. Or NULL. */
	void (*on_claim)(struct port_policy *policy, struct ip ip);
	struct loop_port *loop; /* the owner's, where the port is looked at for loops; or NULL */
};

/* Is the port's from here on, and allows everything. seed: of the wires' fates. */
void policy_init(struct port_policy *policy, struct port *port, uint64_t seed);
/* The port has none after it. */
void policy_done(struct port_policy *policy);
void policy_change(struct port_policy *policy, const struct policy_settings *settings, nsec now);

/* Frames from the port, on their way to the hub. */
void policy_receive(
	struct port_policy *policy, const struct frame *frames, unsigned count, nsec now);
/* Why frames from another port are not for this one; DROP_COUNT: they are. */
enum drop policy_refusal(const struct port_policy *policy, const struct port *from);

/* Whether a frame from the port may go to everybody. */
bool policy_may_flood(
	struct port_policy *policy, enum storm_kind kind, const struct frame *frame, nsec now);

bool port_is_up(const struct port *port);
/* By hub/loop_guard.h. */
bool port_is_blocked(const struct port *port);
