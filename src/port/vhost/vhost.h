/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port of a virtual machine whose virtio-net queues lie in memory that it shares with us:
 * vhost-user, as the back end. Frames keep their offloads both ways, and a body goes from the
 * guest's memory to where it is wanted in one copy.
 *
 * Everything here is called on the loop's thread.
 */
#pragma once

#include "io/loop.h"
#include "port/settings.h"

/*
 * fd: a connected Unix socket that does not block; who listened and who dialled makes no
 * difference. Taken over, also on failure. NULL: errno says why. The port is there from now on,
 * and down until the front end has started a queue.
 */
struct port *vhost_port_new(struct loop *loop, int fd, const struct port_settings *settings);

struct vhost_port_state {
	uint64_t features, protocol_features; /* agreed on; see the names below */
	uint64_t memory_size;		      /* shared with us, bytes */
	unsigned region_count;
	unsigned queue_count;	       /* that run, both ways */
	unsigned pair_count, pair_max; /* pairs whose receiving queue is live; that may be */
	uint16_t queue_size;	       /* descriptors; of the first queue */
	uint32_t guest_mtu;	       /* as the front end told it to the guest; 0: it did not */
	bool is_packed;
};
void vhost_port_describe(const struct port *port, struct vhost_port_state *ret);

/* "mrg-rxbuf", for a bit of the features; NULL: none that we speak of. */
const char *vhost_feature_name(unsigned bit);
const char *vhost_protocol_feature_name(unsigned bit);
