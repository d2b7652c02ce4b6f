/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hubs joined over UDP: WireGuard's sessions (wg/device.h) on one socket, and behind each member's
 * a port of the hub. The same at both ends: a relay has a port for each of its members, a member
 * one for its relay. Who may be a member is for the owner to know; here are those it was told of,
 * and callers, who may only talk. Everything is called on the hub's thread.
 */
#pragma once

#include "base/error.h"
#include "hub/hub.h"
#include "io/loop.h"
#include "io/udp.h"
#include "port/link/control.h"
#include "wg/device.h"

struct link;

#define LINK_MTU_STANDARD  1380 /* fits PPPoE and IPv6, and what a relay may add one day */
#define LINK_KEEPALIVE	   (25 * NSEC_PER_SEC)
#define LINK_SILENCE	   (75 * NSEC_PER_SEC)	/* after which a member is gone */
#define LINK_SILENCE_STOCK (180 * NSEC_PER_SEC) /* of others' clients, that need not say a word */

enum link_event {
	LINK_ASKED,	/* a caller said something: control */
	LINK_UP,	/* a member can get and send frames */
	LINK_DOWN,	/* it has not been heard of for LINK_SILENCE */
	LINK_SILENT,	/* who we go to does not answer: it may be elsewhere */
	LINK_REFUSED,	/* the relay said why: control */
	LINK_NOTICED,	/* the other side finds fault with ours: control */
	LINK_MOVED,	/* a member is at another endpoint */
	LINK_STRANGERS, /* datagrams of nobody's, in the last minute: unknown, forged */
	LINK_SUBNETS,	/* a member's hub has another subnet than ours: control */
	LINK_MAC_BOUND, /* a host showed its address, its only one from now on */
	LINK_UNWANTED,	/* somebody told wg(8) to remove the member */
};

/* Lent. */
struct link_news {
	enum link_event event;
	struct wg_key key; /* of the peer */
	struct endpoint from;
	struct mac mac;
	const struct control *control;
	uint64_t unknown, forged;
};

struct link_settings {
	struct udp udp; /* taken over, also on failure */
	const struct wg_key *private;
	/* From within its loop: only to be noted. */
	void (*on_news)(void *owner, const struct link_news *news);
	void *owner;
	struct ip_prefix subnet; /* of the hub, that members are told; len 0: none */
};

/* NULL: errno says why. */
struct link *link_new(struct loop *loop, const struct link_settings *settings);
/* With its callers; its members' ports have been freed. NULL is fine. */
void link_free(struct link *link);
uint64_t link_lost(const struct link *link);	     /* datagrams that the kernel did not take */
const uint64_t *link_drops(const struct link *link); /* WG_DROP_COUNT: of nobody's */

/* A peer that may only talk. endpoint: where it is; or none. -EEXIST, -EINVAL, -ENOMEM. */
int link_caller_add(
	struct link *link, const struct wg_key *key, const struct endpoint *endpoint) MUST_USE;
void link_caller_remove(struct link *link, const struct wg_key *key);
/* To any peer; nothing, where it is not known. */
void link_say(struct link *link, const struct wg_key *key, const struct control *control);

/* What wg(8) is told (wg/uapi.h), to be freed; NULL: no memory. The peers are the members. It may
 * say where one is and how often it is spoken to, and ask that it be removed: LINK_UNWANTED. */
char *link_answer_wg(struct link *link, const char *request, size_t len, size_t *ret_len) MUST_USE;

/* Of a client of WireGuard's own. */
struct link_address {
	struct ip_prefix prefix; /* with its subnet's length; len 0: it has none of the family */
	struct ip gateway;	 /* who knows the way to what is off the subnet; or none */
};

struct link_member_settings {
	char name[PORT_NAME_SIZE];
	struct wg_key key;	    /* public */
	struct wg_key preshared;    /* zero: none */
	uint32_t mtu;		    /* of the segment; 0: LINK_MTU_STANDARD */
	struct endpoint endpoint;   /* where it was; or none */
	bool is_dialled;	    /* we go to it, and again and again */
	bool is_meshed;		    /* it is linked with all that we are so linked with */
	bool is_one_host;	    /* frames may come from one address */
	bool forges_mtu;	    /* who sends longer packets is told (forge.h) */
	struct mac mac;		    /* that one, where it is known */
	struct link_address v4, v6; /* of a client of WireGuard's own */
};

/* To be freed before the link. NULL: errno is EEXIST, EINVAL or ENOMEM. */
struct port *link_member_new(struct link *link, const struct link_member_settings *settings);
/* Where it is by its name, for one that is silent. */
void link_member_move(struct port *port, const struct endpoint *endpoint);

/* It is spoken to at once: our own address may be another, which the other side learns from that.
 */
void link_member_nudge(struct port *port);

struct link_member_state {
	struct wg_peer_state wg;
	bool is_up;
	nsec rtt; /* 0: not known */
	nsec heard_at, now;
	uint64_t lost_fragments;
	uint32_t path_mtu; /* bytes of an IP packet on the way; 0: nobody looks for it */
};
void link_member_look(const struct port *port, struct link_member_state *ret);
