/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame that looks for loops (hub/loop_guard.h). */
#pragma once

#include "hub/frame.h"

#define LOOP_ETHERTYPE 0x88b5 /* IEEE 802: local experimental */
#define LOOP_PROBE_LEN 60
#define LOOP_NAME_SIZE 20

enum loop_probe_flag {
	LOOP_STANDBY = 1, /* the port that it left by is blocked */
	/* Nothing that looks for a loop: */
	LOOP_TAKEOVER = 2, /* a port was blocked until now */
	LOOP_BACK_OFF = 4, /* and is from now on */
};

struct loop_probe {
	uint64_t id; /* of the hub */
	uint32_t slot, sequence;
	uint32_t age;		   /* of the port: seconds since it first looked */
	uint8_t flags, rank;	   /* enum loop_probe_flag; of the port */
	char name[LOOP_NAME_SIZE]; /* of the hub; printable, or empty */
};

void loop_probe_write(const struct loop_probe *probe, uint8_t bytes[LOOP_PROBE_LEN]);
/* False: it is none. */
bool loop_probe_read(const struct frame *frame, struct loop_probe *ret) MUST_USE;
