/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program that has the kernel keep from us what is not for the hub (classic BPF, the kernel's
 * filter.rst): above all the host's own traffic, of which otherwise every byte would be copied.
 */
#pragma once

#include "wire/address.h"

#include <linux/filter.h>
#include <stdbool.h>

#define PACKET_FILTER_OWN_MAX                                                                      \
	32		      /* addresses of the host of each family; of more, all is let in      \
			       */
#define PACKET_FILTER_MAX 512 /* instructions */

struct packet_filter {
	struct mac mac;	 /* the NIC's */
	struct mac also; /* let in as well; zero: none */
	/* Only frames for the NIC and for groups, and of the former what is ARP, RARP or IP and not
	 * for an address of the host. Else: all but what is for the NIC, which is the host. */
	bool is_translating;
	const struct ip_prefix *addresses; /* the host's */
	unsigned address_count;
};

/* Frames the host sends are let in when they are for a group or for the NIC itself, which is where
 * the host believes the hub's machines to be. Returns the number of instructions. */
unsigned packet_filter_write(
	const struct packet_filter *filter, struct sock_filter out[PACKET_FILTER_MAX]);
