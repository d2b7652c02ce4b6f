/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol's constants (paper, 6.1 and 5.3), in one place so that a test can have others. */
#pragma once

#include "base/time.h"

struct wg_timing {
	nsec rekey_after, reject_after;	  /* the age at which a session is renewed; is of no use */
	nsec rekey_timeout, rekey_jitter; /* until an initiation is repeated, and up to that more */
	nsec rekey_attempts;		  /* how long initiations are repeated */
	nsec keepalive;			  /* until what was received is answered with nothing */
	nsec initiation_interval;	  /* a peer's initiations may not come faster */
	nsec cookie_age, cookie_latency; /* how long a cookie holds; how much less for who got it */
	uint64_t rekey_after_messages, reject_after_messages;
};

static const struct wg_timing WG_TIMING = {
	.rekey_after = 120 * NSEC_PER_SEC,
	.reject_after = 180 * NSEC_PER_SEC,
	.rekey_timeout = 5 * NSEC_PER_SEC,
	.rekey_jitter = 334 * NSEC_PER_MSEC,
	.rekey_attempts = 90 * NSEC_PER_SEC,
	.keepalive = 10 * NSEC_PER_SEC,
	.initiation_interval = 20 * NSEC_PER_MSEC,
	.cookie_age = 120 * NSEC_PER_SEC,
	.cookie_latency = 5 * NSEC_PER_SEC,
	.rekey_after_messages = (uint64_t)1 << 60,
	/* A counter that far would let the replay window wrap. */
	.reject_after_messages = UINT64_MAX - ((uint64_t)1 << 13),
};
