/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What wg(8) says and is told: the text protocol of user-space WireGuard
 * (wireguard.com/xplatform), as a function from a request to a reply. Whose sockets and routes
 * these are is for the owner to know.
 */
#pragma once

#include "wg/allowed_ips.h"
#include "wg/device.h"

#define UAPI_REQUEST_MAX (1024 * 1024) /* bytes: who sends more is not served */

struct uapi {
	struct wg_device *device;
	struct allowed_ips *allowed; /* owners are peers; NULL: is_ruled, and each_prefix says */
	uint16_t port;
	uint32_t mark; /* of what is sent; 0: none */
	/* Somebody else says who the peers are, with what keys and addresses: what would change
	 * that is -EPERM, but to remove a peer, which the owner may note for later or refuse. */
	bool is_ruled;
	void *owner;
	/* Whether it is one to speak of; NULL: all are. */
	bool (*is_shown)(void *owner, const struct wg_peer *peer);
	/* Calls for each prefix that is to be shown for the peer. */
	void (*each_prefix)(void *owner, const struct wg_peer *peer,
		void (*call)(void *argument, const struct ip_prefix *prefix), void *argument);
	/* All return 0 or -errno, which is the reply's. */
	int (*set_port)(void *owner, uint16_t port);
	int (*set_mark)(void *owner, uint32_t mark);
	int (*add_peer)(void *owner, const struct wg_key *public, struct wg_peer **ret);
	/* Frees it; its prefixes have been removed. */
	int (*remove_peer)(void *owner, struct wg_peer *peer);
};

/* Whether a request is all there: it ends with an empty line. */
bool uapi_is_whole(const char *request, size_t len);
/* The reply, to be freed; NULL: out of memory. request: whole, may hold anything. */
char *uapi_answer(struct uapi *uapi, const char *request, size_t len, nsec now, size_t *ret_len);
