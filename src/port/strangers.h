/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Peers of a datagram socket that have spoken and have no port yet: a few of them, each with the
 * first frame it sent. */
#pragma once

#include "port/datagram_read.h"

#define STRANGERS_MAX 16

/* Somebody is spoken of once in that time, and keeps his place for it. */
#define STRANGER_PATIENCE (1 * NSEC_PER_SEC)
/* The longest first frame that is kept: that of a DHCP client, not one of a bulk transfer. */
#define STRANGER_FRAME_MAX 2048

struct stranger {
	struct peer_address address;
	uid_t who;
	nsec met_at;
	bool is_to_tell;
	uint32_t frame_len; /* 0: none yet */
	uint8_t frame[STRANGER_FRAME_MAX];
};

struct strangers {
	struct stranger places[STRANGERS_MAX];
	uint64_t ignored; /* datagrams of which nothing was kept */
};

/* True: there is somebody to tell of. */
bool strangers_hear(struct strangers *strangers, const struct datagram_source *source,
	const struct frame *frame, nsec now);
/* The next who is to be told of, once; NULL: none. */
const struct stranger *strangers_tell(struct strangers *strangers);
/* NULL: not met, or forgotten. */
const struct stranger *strangers_find(
	const struct strangers *strangers, const struct peer_address *address);
void strangers_forget(struct strangers *strangers, const struct peer_address *address);
