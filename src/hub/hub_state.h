/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of hub/ share behind hub.h; nobody else looks here. */
#pragma once

#include "hub/answers.h"
#include "hub/claims.h"
#include "hub/hub.h"
#include "hub/loop_guard.h"

/* A slot outlives the ports that were in it. */
struct slot {
	struct port *port;	/* NULL: a hole */
	uint64_t frames_before; /* that entered through ports that are gone */
};

struct hub {
	char name[HUB_NAME_SIZE];
	struct mac_table addresses;
	struct slot *slots;
	unsigned slot_count, slot_size; /* ever used; allocated */
	uint64_t frames;		/* that entered */
	struct list captures;
	struct claims claims;
	struct loop_guard *loop_guard; /* NULL: nobody looks for loops */
	struct answers *answers;       /* NULL: who asks everybody asks everybody */
	nsec now;		       /* of the last hub_receive() */
	const struct port *from;       /* whose frames cross now, while is_forwarding */
	bool is_forwarding;
};

static inline uint32_t second_of(nsec now)
{
	return (uint32_t)(now / NSEC_PER_SEC);
}

static inline bool is_watched(const struct hub *hub)
{
	return UNLIKELY(!list_is_empty(&hub->captures));
}

/* Shows a frame to those who watch; only when is_watched(). */
void capture_frame(const struct hub *hub, const struct port *port, enum capture_point point,
	enum drop reason, const struct frame *frame);

/* hub_receive() behind the port's policy: what came through its wire enters the hub. */
void hub_enter(struct port *from, const struct frame *frames, unsigned count, nsec now);
/* A frame of the hub's own that is as if it came from one port and went to another. */
void hub_say(const struct port *from, struct port *to, const struct frame *frame, nsec now);
/* Hands the port what left the hub before and was on its wire since. */
void hub_hand_over(struct port *to, const struct frame *frames, unsigned count, nsec now);
