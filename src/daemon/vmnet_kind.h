/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a port is among the vmnet files: who has the other end of the cable. */
#pragma once

enum vmnet_kind {
	VMNET_USERIF, /* a program: a guest, a gateway, a service */
	VMNET_NETIF,  /* an interface of the host */
	VMNET_BRIDGE, /* a NIC of the host */
	VMNET_KIND_COUNT,
};
