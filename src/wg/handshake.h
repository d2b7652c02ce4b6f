/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handshakes of a device's peers: begun, answered, turned into sessions. */
#pragma once

#include "wg/device.h"

/* Somebody has something to say, or is in doubt: begins a handshake, unless one was sent less than
 * timing.rekey_timeout ago. */
void handshake_want(struct wg_peer *peer, nsec now);
/* The same, because the last one was not answered. */
void handshake_repeat(struct wg_peer *peer, nsec now);

/* A datagram that is none of data. */
void handshake_receive(struct wg_device *device, const uint8_t *bytes, size_t len,
	const struct endpoint *from, nsec now);
