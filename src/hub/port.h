/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port: all the hub sees. A kind embeds struct port in its own struct and fills ops, name, mac,
 * mtu and takes before hub_attach(); everything below that line is the hub's.
 */
#pragma once

#include "base/attr.h"
#include "base/time.h"
#include "hub/frame.h"
#include "hub/mac_table.h"

struct groups;
struct hub;
struct port;
struct port_policy;

/* Why a frame was lost. Each has a name the user sees (drop_name) and a test that raises it. */
enum drop {
	DROP_RUNT,	     /* shorter than an Ethernet header */
	DROP_GIANT,	     /* longer than the port's MTU lets through, and not to be segmented */
	DROP_MALFORMED,	     /* headers or offload fields that contradict each other */
	DROP_CHECKSUM,	     /* a wrong IP, ICMP or transport checksum */
	DROP_SOURCE_GROUP,   /* a multicast source address */
	DROP_SOURCE_SPOOFED, /* a source address the port may not use */
	DROP_HAIRPIN,	     /* for the port it came from */
	DROP_RESERVED,	     /* 01:80:c2:00:00:0x, not for bridges to forward */
	DROP_LINK_DOWN,	     /* the port is down, or its peer is gone */
	DROP_QUEUE_FULL,     /* the port's queue, or the kernel's behind it, is full */
	DROP_IO,	     /* the kernel refused the frame */
	DROP_NO_MEMORY,
	DROP_UNWANTED,	  /* a port that is a host: not for it, or a protocol it does not speak */
	DROP_UNREACHABLE, /* no way to the destination: no route, no neighbour, forbidden */
	DROP_TTL,	  /* time to live used up: an IP packet's; a frame's that crosses links */
	DROP_FRAGMENT,	  /* a fragment that could not be put together: overlap, timeout, limit */
	DROP_FLOW_LIMIT,  /* no room for another flow, guest or half-open connection */
	DROP_POLICY,	  /* a rule of the port or hub says no */
	DROP_IMPAIRED,	  /* the port's wire is told to lose some (hub/impair.h) */
	DROP_STORM,	  /* more frames for everybody than the port may send (hub/storm.h) */
	DROP_LOOP,	  /* the port is blocked: there is another way (hub/loop_guard.h) */
	DROP_COUNT,
};

const char *drop_name(enum drop drop);

/* What a port takes as it is; the hub lowers a frame in software for a port that does not. */
enum port_takes {
	TAKES_CHECKSUM = 1, /* checksums still to be filled in */
	TAKES_TCP4 = 2,
	TAKES_TCP6 = 4,
	TAKES_UDP = 8,
	TAKES_ALL = 15,
};

/* A super-frame counts as the frames it stands for, so that sums come out even when a port has it
 * lowered; its bytes are counted as they crossed. */
struct port_counters {
	uint64_t frames, bytes; /* in: let in, without the drops; out: for the port, with them */
	uint64_t drops[DROP_COUNT];
};

struct port_ops {
	const char *kind;
	/*
	 * Takes frames that leave the hub here. What it cannot take it counts with port_drop().
	 * Never calls back into the hub: a port that answers, or dies, does so later (loop_defer,
	 * machine_wake). Frames are lent until it returns.
	 */
	void (*send)(struct port *port, const struct frame *frames, unsigned count);
	/* Once, after the hub has let go; the port's own memory ends here. */
	void (*free)(struct port *port);
	/* Shows whoever is behind the port whether there is a link, where its protocol has words
	 * for that. NULL: it has none. */
	void (*set_link)(struct port *port, bool is_up);
	/* It is on the hub from here on; it may have been at work before. May be NULL. Calls
	 * nothing of the hub. */
	void (*on_attach)(struct port *port);
	/* Other ports came to be on the hub, or the last of them went; it starts without any. May
	 * be NULL. Calls nothing of the hub. */
	void (*on_company)(struct port *port, bool has_company);
	/* A port of the hub was blocked or freed (hub/loop_guard.h): what others know of where
	 * machines are no longer holds. May be NULL. Calls nothing of the hub. */
	void (*on_new_ways)(struct port *port);
	/* Another port left the hub, and with it who had this address. May be NULL. Calls nothing
	 * of the hub. */
	void (*on_departure)(struct port *port, struct mac mac);
};

#define PORT_NAME_SIZE 32

struct port {
	const struct port_ops *ops;
	char name[PORT_NAME_SIZE]; /* unique on the hub, or empty: "KINDSLOT" is made up */
	struct mac mac;		   /* of what is behind the port, where it has one; else zero */
	uint32_t mtu;	/* L3 bytes: a frame may have this, the header and one tag. 0: no limit */
	unsigned takes; /* enum port_takes */
	bool is_down;	/* the port's own business; the hub counts DROP_LINK_DOWN for it */
	bool is_meshed; /* frames from another that is are not for it: their sender has a way of his
			   own */
	bool is_spared; /* by questions that the hub can answer: hub/answers.h */
	char interface[16];	    /* the kernel interface behind the port, or empty */
	struct port_policy *policy; /* hub/policy.h; NULL: it may do everything */
	struct groups *groups;	    /* hub/groups.h; NULL: nobody asks for them */

	/* The hub's. */
	struct hub *hub;	  /* NULL: on none */
	unsigned slot;		  /* hub8.3: 3 */
	struct port_counters in;  /* frames that entered the hub here; drops: refused at entry */
	struct port_counters out; /* frames that left the hub here; drops: lost on the way out */
	uint64_t hub_frames_at_attach; /* see port_mismatch() */
	nsec attached_at;
	struct mac_owner addresses; /* seen behind the port */
};

/* Counts a frame that came to port->ops->send() and was lost, and shows it to captures. */
void port_drop(struct port *port, enum drop reason, const struct frame *frame);
/* Counts one that came from the port's side and was lost before or at the hub. */
void port_drop_in(struct port *port, enum drop reason, const struct frame *frame);
/* Frames that entered the hub elsewhere while the port was attached and were not for it: derived
 * from the hub's total, not counted per frame. */
uint64_t port_mismatch(const struct port *port);
