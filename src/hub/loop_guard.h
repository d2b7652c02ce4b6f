/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds loops: two ways from a hub to one segment (two NICs on a LAN; a bridge here and one at the
 * far end of a link). A machine that sends a small frame of its own out of each port it watches.
 * One that comes back through another port has found a loop, and one of the two ports is blocked:
 * nothing but these frames passes it, until none has come back for a while.
 *
 * Several hubs may see one loop: two that bridge one LAN, relays in a ring. Each hears the others'
 * frames. The one that leads to a LAN stands by rather than the one that leads to hubs, then the
 * one that came later, then the one with the higher id; the others wait whether that was it. Hubs
 * hear that one stands by, and for whom; when it does, and when it takes over, they look for
 * machines anew. They carry these frames like any.
 */
#pragma once

#include "base/list.h"
#include "base/machine.h"
#include "hub/hub.h"
#include "hub/loop_probe.h"

#define LOOP_PROBE_INTERVAL (1 * NSEC_PER_SEC)
/* Not oftener, however many ports come. */
#define LOOP_PROBE_LEAST (100 * NSEC_PER_MSEC)
/* Without a probe that came back for so long, the loop is gone; a rival, too. */
#define LOOP_GONE (4 * LOOP_PROBE_INTERVAL)
/* How long one waits for another to block a port. */
#define LOOP_PATIENCE (3 * LOOP_PROBE_INTERVAL)
/* Who came at most so much earlier came at the same time. */
#define LOOP_LATER (3 * NSEC_PER_SEC)
/* Of two that stand by the lower goes on so much earlier. */
#define LOOP_TURN	   (LOOP_PROBE_INTERVAL + LOOP_PROBE_INTERVAL / 2)
#define LOOP_STANDBYS_MAX  16
#define LOOP_STANDBY_KNOWN (60 * NSEC_PER_SEC)

/* What is heard of another hub. */
struct loop_rival {
	uint64_t id;
	unsigned rank;
	nsec since, heard_at; /* its port's first look; 0: never */
	char name[LOOP_NAME_SIZE];
};

/* Another hub stands by: the LAN that it could bridge, too, is behind this port. */
struct loop_standby {
	uint64_t id;
	const struct port *port;
	nsec heard_at;
};

struct loop_guard {
	struct machine machine;
	/* A port was blocked because a probe of `other` came back through it, or the other way
	 * round; or it is free again (other: NULL). From within the machine's run() or
	 * hub_receive(): only to be noted. */
	void (*on_change)(
		struct loop_guard *guard, const struct port *port, const struct port *other);

	/* Another hub stands by, and what it could do is done through this port. Once, and no
	 * oftener than once a second; likewise only to be noted. Or NULL. */
	void (*on_standby)(struct loop_guard *guard, const struct port *port, const char *name);

	char name[LOOP_NAME_SIZE]; /* that others hear; the owner's */
	struct hub *hub;
	uint64_t id;
	struct list ports; /* struct loop_port */
	uint32_t sequence;
	nsec next_at, probed_at;
	struct loop_rival most; /* of those that do not stand by: who is the first to */
	struct loop_standby standbys[LOOP_STANDBYS_MAX];
	nsec standby_told_at, forgot_at;
	unsigned to_tell; /* LOOP_TAKEOVER, LOOP_BACK_OFF */
};

/* A port that is watched. */
struct loop_port {
	struct list node; /* the guard's */
	struct loop_guard *guard;
	struct port *port;
	unsigned rank; /* of two the one with more is blocked; then the one in the later slot */
	bool is_blocked;
	nsec since;	/* its first look; 0: none yet */
	nsec looped_at; /* the last probe that showed it, of those since */
	nsec loop_began_at;
	struct loop_rival active; /* the last heard here that does not stand by */
	nsec lower_waits_at;	  /* when one that stands by and is to go on earlier was heard */
};

/* Who goes on while the port stands by; NULL: it does not, or nobody knows. */
const char *loop_port_stands_by_for(const struct loop_port *watched, nsec now);

/* The hub has it from here on. id: random. */
void loop_guard_init(struct loop_guard *guard, struct hub *hub, uint64_t id);
void loop_guard_done(struct loop_guard *guard);

/* The port is on the guard's hub, or will be. */
void loop_guard_watch(
	struct loop_guard *guard, struct loop_port *watched, struct port *port, unsigned rank);
void loop_guard_forget(struct loop_port *watched);
/* A port leaves the hub. */
void loop_guard_detached(struct loop_guard *guard, const struct port *port);
/* A port came to be on the hub, and perhaps a loop with it: probes go out before much can go
 * round. */
void loop_guard_attached(struct loop_guard *guard, const struct port *port);

/* Whether it is a probe, of whatever hub. */
bool loop_guard_sees(const struct frame *frame);
/* A frame that came in from the port, with LOOP_ETHERTYPE. True: it was ours, and is done with. */
bool loop_guard_take(
	struct loop_guard *guard, struct port *from, const struct frame *frame, nsec now);
