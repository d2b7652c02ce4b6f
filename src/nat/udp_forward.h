/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between udp.c and udp_forward.c. */
#pragma once

#include "nat/datagram.h"

/* A guest's datagram that answers somebody who came through a forward: true, and it is sent. */
bool udp_forward_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now);

#define UDP_QUOTE_MAX 512

/* What a guest sent, and how much of it came back. */
struct udp_lost {
	struct endpoint guest, peer; /* peer: as the guest knows it */
	struct mac guest_mac;
	const uint8_t *payload;
	size_t len;
};
void udp_tell(struct gateway *gateway, const struct udp_lost *lost,
	const struct outside_failure *failure, nsec now);
