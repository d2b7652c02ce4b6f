/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kind `nic`: a physical LAN on a hub, through a NIC of this machine. The NIC stays the host's,
 * with its addresses; nothing of it is configured. Guests are machines of the LAN:
 *
 *   transparent  with MAC addresses of their own; the NIC is promiscuous in company
 *   translate    behind the NIC's MAC address (mac_translate.h), where only that one may speak
 *   auto         the first where it works: on the air and until it is known, the second
 *
 * The host itself is reached, and kept from forwarding what is the guests', only where that is
 * asked for.
 */
#pragma once

#include "io/link_watch.h"
#include "port/nic/host_guard.h"
#include "port/nic/host_reach.h"
#include "port/nic/mac_translate.h"
#include "port/nic/packet_socket.h"
#include "port/settings.h"

enum nic_mode {
	NIC_AUTO,
	NIC_TRANSPARENT,
	NIC_TRANSLATE,
};

struct nic_settings {
	char dev[INTERFACE_NAME_SIZE]; /* the NIC, which has to be there when it is opened */
	enum nic_mode mode;
	bool reaches_host; /* host_reach.h */
	bool guards_host;  /* host_guard.h */
};

/* A NIC that is opened: what needs privileges is done. */
struct nic {
	struct nic_settings settings;
	struct packet_socket socket;
	struct link_watch *watch;
	struct host_reach reach;
	struct host_guard guard;
};

/* In the calling thread's network namespace. CAP_NET_RAW; for reaches_host and
 * guards_host CAP_NET_ADMIN too. */
int nic_open(
	const struct nic_settings *settings, struct nic *ret_nic, struct error *error) MUST_USE;
void nic_close(struct nic *nic);

struct nic_port_settings {
	struct port_settings port; /* mtu: 0, as the NIC's; on_gone never comes: it waits */
	enum translate_dhcp dhcp;
	/* On the loop's thread. A second machine claims an address, and so on; the mode, the link
	 * or the way to the host is another than before. May be NULL. */
	void (*on_event)(void *owner, struct port *port, const struct translate_event *event);
	void (*on_change)(void *owner, struct port *port);
};

/* Takes over *nic, also when it fails. NULL: errno says why. The port is to be on a hub before the
 * caller returns to the loop. Everything here is called on the loop's thread. */
struct port *nic_port_new(
	struct loop *loop, const struct nic *nic, const struct nic_port_settings *settings);

/* For people. */
struct nic_status {
	enum nic_mode mode; /* not NIC_AUTO: until that is decided, it translates */
	const char *why;    /* that mode */
	bool is_promiscuous;
	char host_by[INTERFACE_NAME_SIZE]; /* the TAP the host is reached by; empty: it is not */
	bool host_forwards;		   /* ip_forward is on for the NIC, */
	bool host_guarded;		   /* and what is for guests is kept out of that */
};
void nic_port_status(struct port *port, struct nic_status *ret);
/* What is known of its machines, and what is agreed: mac_translate.h. */
struct mac_translate *nic_port_translate(struct port *port);
