/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hub/ is the learning switch that everything meets on. It knows ports, MAC addresses and what is
 * needed to lower an offloaded frame; it never opens a descriptor, reads a clock or knows what
 * kind a port is. A hub and its ports belong to one thread.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "hub/port.h"

#define HUB_NAME_SIZE	  16
#define HUB_PORTS_MAX	  4096
#define HUB_MACS_MAX	  131072 /* over all ports */
#define HUB_PORT_MACS_MAX HUB_MACS_MAX
#define HUB_MAC_AGE	  (300 * NSEC_PER_SEC) /* IEEE 802.1D 7.9.2 */

struct hub *hub_new(const char *name, const struct hash_key *key);
/* Frees the hub and every port still on it. NULL is fine. */
void hub_free(struct hub *hub);
const char *hub_name(const struct hub *hub);

/* Gives the port the lowest free slot and starts its counters. -EEXIST: the name is taken;
 * -ENOSPC: HUB_PORTS_MAX; -ENOMEM. */
int hub_attach(struct hub *hub, struct port *port, nsec now) MUST_USE;
/* Forgets the port and its addresses; the port itself lives on. Not from within send(). */
void hub_detach(struct port *port);
/* What is behind the port may be elsewhere now: frames for it go to everybody until it is heard of
 * again. */
void hub_forget_addresses(struct port *port);

/* The only way in: frames that came from outside through `from`. */
void hub_receive(struct port *from, const struct frame *frames, unsigned count, nsec now);
/* The time of the latest hub_receive(): within port_ops.send, that of the turn. */
nsec hub_now(const struct hub *hub);

unsigned hub_slot_count(const struct hub *hub);
/* NULL for a hole. */
struct port *hub_port(const struct hub *hub, unsigned slot);
/* By name or by slot number in decimal; NULL when there is none. */
struct port *hub_find(const struct hub *hub, const char *name_or_slot);
/* Frames that entered through the slot since the hub was made, whichever ports held it. */
uint64_t hub_slot_frames(const struct hub *hub, unsigned slot);
uint64_t hub_frames(const struct hub *hub); /* that entered through any slot */

/* The MAC table as it stands, without what has aged; returns how many of at most max were
 * written. slot: only this port's, or HUB_PORTS_MAX for all. */
struct hub_address {
	struct mac mac;
	unsigned slot;
	nsec age;
};
size_t hub_addresses(
	const struct hub *hub, unsigned slot, nsec now, struct hub_address *ret, size_t max);
/* Where frames to mac go now; NULL: flooded. */
struct port *hub_lookup(const struct hub *hub, struct mac mac, nsec now);

/* Somebody watching: called for each frame as it enters (before it is judged), leaves, or is lost.
 */
enum capture_point {
	CAPTURE_IN,
	CAPTURE_OUT,
	CAPTURE_DROP,
};
struct capture {
	struct list node; /* the hub's */
	void (*on_frame)(struct capture *capture, const struct port *port, enum capture_point point,
		enum drop reason, const struct frame *frame, nsec now);
};
void hub_capture_start(struct hub *hub, struct capture *capture);
void hub_capture_stop(struct capture *capture);
