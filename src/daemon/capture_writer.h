/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches a hub and writes what crosses it as pcapng, into a ring that somebody on another thread
 * reads. Super-frames are written as they cross, with checksums that may be still to be filled in.
 * What the ring has no room for is counted, and the counts are written too.
 */
#pragma once

#include "base/error.h"
#include "hub/hub.h"
#include "io/loop.h"

struct capture_ring;
struct capture_writer;

struct capture_settings {
	/* A port's: frames as they enter and leave the hub there; HUB_PORTS_MAX: each frame once,
	 * as it enters. In both cases frames that are lost, with the reason as a comment. */
	unsigned slot;
	const char *filter; /* pcap-filter(7); NULL or blank: none */
	size_t ring_size;   /* bytes, a multiple of the page size */
	struct loop *loop;  /* the reader's, and what is posted there when it rests */
	struct task *wake;
};

/* wake is posted until capture_writer_stop() has returned. -EINVAL: the filter, in libpcap's words.
 */
int capture_writer_new(const struct capture_settings *settings, struct capture_writer **ret_writer,
	struct error *error) MUST_USE;
/* One that is not started, or stopped. NULL is fine. */
void capture_writer_free(struct capture_writer *writer);
struct capture_ring *capture_writer_ring(struct capture_writer *writer);

/* These three on the hub's thread. */
void capture_writer_start(struct capture_writer *writer, struct hub *hub);
void capture_writer_stop(struct capture_writer *writer);
/* How many frames each port showed, and how many of them were lost for want of room. */
void capture_writer_tell(struct capture_writer *writer);

/* Lost for want of room, over all ports. Any thread. */
uint64_t capture_writer_lost(const struct capture_writer *writer);
