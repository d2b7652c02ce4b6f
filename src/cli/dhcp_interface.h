/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An interface that is configured by DHCP and kept so: address, MTU, routes. In the network
 * namespace of the calling process, on its loop. Name servers are the owner's to write down.
 */
#pragma once

#include "cli/dhcp_client.h"
#include "cli/dhcp_socket.h"
#include "io/driver.h"
#include "io/netlink.h"

struct dhcp_interface {
	/* The lease (client.lease) is new, or was renewed, and the interface says so; err: -errno,
	 * error: in words, when the kernel would not have it. */
	void (*on_lease)(struct dhcp_interface *interface, int err, const struct error *error);

	/* Its own from here on. */
	struct dhcp_client client;
	struct driver driver;
	struct dhcp_socket socket;
	struct watch watch;
	struct netlink *netlink;
	char name[INTERFACE_NAME_SIZE];
	int index;
	bool keeps_mtu;
	struct ip_prefix address; /* that it has; len 0: none */
};

struct dhcp_wish {
	const char *interface;
	const char *name; /* of the guest, told to the server; or empty */
	bool keeps_mtu;	  /* whatever the server says */
};

/* Looks the interface up and asks for an address; it must be up. Starts with on_lease set. */
int dhcp_interface_start(struct dhcp_interface *interface, struct loop *loop,
	const struct dhcp_wish *wish, struct error *error) MUST_USE;
/* Goes on with a lease that another process of the same program got. */
int dhcp_interface_resume(struct dhcp_interface *interface, struct loop *loop,
	const struct dhcp_wish *wish, const struct dhcp_client *client,
	struct error *error) MUST_USE;
/* Gives the lease back. The interface keeps its configuration, and is about to go. */
void dhcp_interface_release(struct dhcp_interface *interface);
/* One that was never started (all zero) is fine. */
void dhcp_interface_stop(struct dhcp_interface *interface);
