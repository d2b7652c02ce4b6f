/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What udp.c and udp_forward.c tell each other. */
#pragma once

#include "nat/datagram_flow.h"

/* A guest's datagram that answers somebody who came through a forward: true, and it is dealt with.
 */
bool udp_forward_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now);

/* From outside to a flow's guest; peer: as the guest is to see it. */
void udp_deliver(struct datagram_flow *d, const struct outside_datagram *datagram,
	const struct endpoint *peer, const uint8_t *bytes, uint32_t len, nsec now);
/* A datagram of a flow's guest was lost; peer likewise. */
void udp_tell(struct datagram_flow *d, const struct outside_failure *failure,
	const struct endpoint *peer, const uint8_t *quoted, size_t len, nsec now);
