/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP interfaces (the kernel's tuntap.rst): making one here or in another network namespace, and
 * checking a descriptor that was made elsewhere. Every frame read or written has the 10 bytes of
 * wire/vnet.h before it. The interface ends with the last descriptor.
 */
#pragma once

#include "base/error.h"
#include "io/netlink.h"

#include <stdbool.h>

/*
 * The kernel's ring between an interface and its descriptor, in packets; what does not fit is lost.
 * A peer with the usual 6 MiB of receive window (tcp_rmem) has 4 300 segments of MTU 1500 in flight
 * when they are not offloaded; the kernel's own 1 000 lose them.
 */
#define TAP_QUEUE_LEN 4500

struct tap_settings {
	const char *netns;		/* see netns_open(); NULL or empty: here */
	char name[INTERFACE_NAME_SIZE]; /* of the interface; must be free there */
	struct mac mac;			/* zero: the kernel chooses */
	uint32_t mtu;			/* zero: the kernel's, 1500 */
	bool ignores_routers;		/* IPv6 router advertisements: whoever sends one on the
					 * segment would become this machine's way out */
	bool is_plumbing; /* for frames only: the host has no IPv6 on it and sees no carrier, so
			   * that nothing thinks it a network */
	const struct ip_prefix *addresses;
	unsigned address_count;
};

struct tap {
	int fd; /* the owner's; non-blocking */
	char name[INTERFACE_NAME_SIZE];
	struct mac mac;
	/* Super-frames the kernel takes from us, and hands to us: TCP always, UDP since 6.2. */
	bool has_udp_segments;
};

/* Makes the interface with its addresses and sets it up. Any thread; blocks shortly. */
int tap_open(
	const struct tap_settings *settings, struct tap *ret_tap, struct error *error) MUST_USE;
/* A descriptor of a TAP made elsewhere, with IFF_NO_PI and IFF_VNET_HDR: readied as tap_open()
 * would. Ours from here on, also on failure. */
int tap_adopt(int fd, struct tap *ret_tap, struct error *error) MUST_USE;
/* Whether the interface has a link, as it is told; up when it is made. Before Linux 5.0 it always
 * has one. */
void tap_set_carrier(const struct tap *tap, bool is_up);
/* Of an interface that is ours. -errno. */
int tap_set_mac(struct tap *tap, struct mac mac) MUST_USE;
void tap_close(struct tap *tap); /* one that was never opened has fd -1 */
