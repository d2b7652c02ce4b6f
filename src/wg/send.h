/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a peer is sent. */
#pragma once

#include "wg/device.h"

/* As it is, to the peer's endpoint. */
void send_message(struct wg_peer *peer, const void *message, size_t len, nsec now);
/* All that waited for a session; or nothing, sealed, so that the other side hears of us. Without a
 * session it asks for one. */
void send_nothing(struct wg_peer *peer, nsec now);
