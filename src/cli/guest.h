/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What exec and attach have in common: an interface made here, whose other end is plugged. */
#pragma once

#include "cli/api.h"
#include "cli/call.h"
#include "wire/address.h"

#include <stdint.h>

/* As typed: what was not given is NULL. */
struct guest_options {
	const char *hub, *interface, *name, *mac, *mtu;
	bool without_dhcp;
};

struct guest {
	const char *hub, *interface, *name; /* name: empty when there is none */
	struct mac mac;			    /* zero: the kernel chooses */
	uint32_t mtu;			    /* 0: the hub's */
	bool has_own_mtu;		    /* mtu was asked for, and is not the hub's */
	unsigned slot;			    /* once plugged */
};

/* EXIT_BAD_INPUT with the error when a value is none. */
int guest_read(
	struct call *call, const struct guest_options *options, struct guest *ret_guest) MUST_USE;
/* Asks the daemon for the hub, and takes its MTU. As api_get(). */
int guest_find_hub(struct guest *guest, struct api *api, struct error *error) MUST_USE;
/* Makes the interface in a network namespace (as netns_open() takes it), up and without addresses,
 * and plugs it; the daemon holds its other end from here on. As api_post(), or -EIO. */
int guest_plug(
	struct guest *guest, const char *netns, struct api *api, struct error *error) MUST_USE;
