/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For servers and switches that want a request's chaddr to be the MAC address it came from: chaddr
 * becomes the NIC's, and the client is told apart by its client id (RFC 2132 9.14), which is made
 * of its MAC address where it has none. A host that asks the same server without a client id of its
 * own may be taken for a guest: that is why this is only done on demand.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct crossing;

/* Where in a message of len bytes the option lies; 0: it has none, or none that is whole. */
uint32_t dhcp_option_at(const uint8_t *message, uint32_t len, uint8_t code);

/* A request in ret->bytes. False: its checksum is wrong, or it would be too long. */
bool dhcp_proxy_out(struct crossing *crossing);
/* A reply to a client that sent no client id: it gets none back (RFC 6842 3). */
bool dhcp_proxy_in(struct crossing *crossing);
