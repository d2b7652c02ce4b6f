/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's side of DHCP (RFC 2131 4.4) as a machine: it asks for a lease, keeps it, and starts
 * again when it is lost. It does no I/O (base/machine.h). After an ACK it does not probe the
 * address (RFC 2131 4.4.1 allows that): our servers have probed it before the offer, and a guest
 * should not wait for it twice.
 */
#pragma once

#include "base/machine.h"
#include "wire/dhcp.h"

struct dhcp_client;

enum dhcp_client_state {
	DHCP_CLIENT_SELECTING, /* looking for an offer */
	DHCP_CLIENT_REQUESTING,
	DHCP_CLIENT_BOUND,
	DHCP_CLIENT_RENEWING,  /* asking the server of the lease */
	DHCP_CLIENT_REBINDING, /* asking every server */
};

struct dhcp_client_ops {
	/* Without an address of our own: from 0.0.0.0, as a broadcast. */
	void (*broadcast)(struct dhcp_client *client, const struct dhcp_message *message);
	/* From the lease's address; to: a server, or 255.255.255.255. */
	void (*send)(struct dhcp_client *client, struct ip4 to, const struct dhcp_message *message);
	/* client->lease is new, or was renewed. */
	void (*on_lease)(struct dhcp_client *client);
	/* The address in client->lease may not be used any longer. */
	void (*on_lost)(struct dhcp_client *client);
};

struct dhcp_client {
	struct machine machine;
	const struct dhcp_client_ops *ops;
	enum dhcp_client_state state;
	struct dhcp_message request; /* what every message of ours says: mac, name, wishes */
	struct dhcp_message lease;   /* the ACK; before it, the offer */
	unsigned tries;
	nsec started;			      /* asking, this time */
	nsec next;			      /* what is to be said again, is said then */
	nsec renew_at, rebind_at, expires_at; /* NSEC_NEVER: the lease has no end */
};

/* name: option 12, or empty. xid: a random number. The first message is due at once. */
void dhcp_client_init(struct dhcp_client *client, const struct dhcp_client_ops *ops, struct mac mac,
	const char *name, uint32_t xid);
/* Whatever came to the client's port. */
void dhcp_client_receive(struct dhcp_client *client, const struct dhcp_message *message, nsec now);
/* Says that the address is free again (RFC 2131 4.4.6). Only with a lease. */
void dhcp_client_release(struct dhcp_client *client);

static inline bool dhcp_client_has_lease(const struct dhcp_client *client)
{
	return client->state >= DHCP_CLIENT_BOUND;
}
