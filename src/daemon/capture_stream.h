/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What crosses a hub, as a pcapng stream for one client. Frames are copied on the hub's thread to a
 * ring, from where control feeds the client; what a slow client has no room for is counted, and
 * the count is part of the stream.
 */
#pragma once

#include "daemon/stream.h"
#include "daemon/world.h"

#define CAPTURE_STREAMS_MAX 16

/*
 * port: frames as they enter and leave the hub there; NULL: each frame once, as it enters. Frames
 * that are lost are shown too, with the reason. filter: in libpcap's language (pcap-filter(7)), may
 * be empty or NULL. Ends with the client or the hub. -EINVAL: the filter; -ENOSPC: there are
 * CAPTURE_STREAMS_MAX.
 */
int capture_stream_start(struct world_hub *hub, const struct world_port *port, const char *filter,
	struct stream **ret_stream, struct error *error) MUST_USE;
/* The hub is about to go: what was captured is still sent. */
void capture_streams_end(struct world_hub *hub);
