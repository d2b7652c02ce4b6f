/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds loops: two ways from a hub to one segment (two NICs on a LAN; a bridge here and one at the
 * far end of a link). A machine that sends a small frame of its own out of each port it watches.
 * One that comes back through another port has found a loop, and one of the two ports is blocked:
 * nothing but these frames passes it, until none has come back for a while.
 *
 * Of several hubs that bridge one LAN the one with the lowest id goes on; each hears the others'
 * frames there. Other hubs carry these frames like any.
 */
#pragma once

#include "base/list.h"
#include "base/machine.h"
#include "hub/hub.h"

#define LOOP_ETHERTYPE	    0x88b5 /* IEEE 802: local experimental */
#define LOOP_PROBE_INTERVAL (1 * NSEC_PER_SEC)
/* Not oftener, however many ports come. */
#define LOOP_PROBE_LEAST (100 * NSEC_PER_MSEC)
/* Without a probe that came back for so long, the loop is gone; a rival, too. */
#define LOOP_GONE (4 * LOOP_PROBE_INTERVAL)

struct loop_guard {
	struct machine machine;
	/* A port was blocked because a probe of `other` came back through it, or the other way
	 * round; or it is free again (other: NULL). From within the machine's run() or
	 * hub_receive(): only to be noted. */
	void (*on_change)(
		struct loop_guard *guard, const struct port *port, const struct port *other);

	struct hub *hub;
	uint64_t id;
	struct list ports; /* struct loop_port */
	uint32_t sequence;
	nsec next_at, probed_at;
};

/* A port that is watched. */
struct loop_port {
	struct list node; /* the guard's */
	struct loop_guard *guard;
	struct port *port;
	unsigned rank; /* of two the one with more is blocked; then the one in the later slot */
	bool is_blocked;
	nsec looped_at; /* the last probe that showed it */
	uint64_t rival; /* the lowest id of others that was heard here; */
	nsec rival_at;
};

/* The hub has it from here on. id: random. */
void loop_guard_init(struct loop_guard *guard, struct hub *hub, uint64_t id);
void loop_guard_done(struct loop_guard *guard);

/* The port is on the guard's hub, or will be. */
void loop_guard_watch(
	struct loop_guard *guard, struct loop_port *watched, struct port *port, unsigned rank);
void loop_guard_forget(struct loop_port *watched);
/* A port came to be on the hub, and perhaps a loop with it: probes go out before much can go
 * round. */
void loop_guard_attached(struct loop_guard *guard, const struct port *port);

/* Whether it is a probe, of whatever hub. */
bool loop_guard_sees(const struct frame *frame);
/* A frame that came in from the port, with LOOP_ETHERTYPE. True: it was ours, and is done with. */
bool loop_guard_take(
	struct loop_guard *guard, struct port *from, const struct frame *frame, nsec now);
