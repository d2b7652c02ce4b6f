/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of the files under /proc/vmnet as VMware's driver (17.5) writes them, from values. Each
 * is one line. Counters are 32 bits wide there, and wrap.
 */
#pragma once

#include "daemon/snapshot.h"
#include "daemon/vmnet_kind.h"

#define VMNET_NAME_SIZE 32
#define VMNET_TEXT_SIZE 512

/* A LANCE chip's filter of group addresses: 64 bits, one for each hash. */
struct vmnet_filter {
	uint8_t bytes[8];
};

void vmnet_filter_add(struct vmnet_filter *filter, struct mac group);

/* Flags as in net_device(7), IFF_*. What the driver has no word for is left out. */
struct vmnet_interface {
	unsigned flags;
	struct vmnet_filter filter;
};

/* "userif11". */
char *vmnet_port_name(enum vmnet_kind kind, unsigned id, char name[VMNET_NAME_SIZE]);
/* "hub8.3". */
char *vmnet_slot_name(const char *hub, unsigned slot, char name[VMNET_NAME_SIZE]);

/* hubM.N: peer is the file name of the port in the slot. */
char *vmnet_slot_text(
	const struct port_snapshot *port, const char *peer, char text[VMNET_TEXT_SIZE]);
/* userifN. slot: the file name of the slot it is in. */
char *vmnet_userif_text(
	const struct port_snapshot *port, const char *slot, char text[VMNET_TEXT_SIZE]);
/* netifN and bridgeN; interface: the one on the host. */
char *vmnet_netif_text(const struct port_snapshot *port, const char *slot,
	const struct vmnet_interface *interface, char text[VMNET_TEXT_SIZE]);
