/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a link and its peers are made of: for the files of this folder alone. */
#pragma once

#include "base/list.h"
#include "io/driver.h"
#include "port/link/forge.h"
#include "port/link/header.h"
#include "port/link/link.h"
#include "port/link/path_mtu.h"
#include "port/link/reassembly.h"
#include "port/link/routed.h"

struct link {
	struct loop *loop;
	struct udp udp;
	struct watch watch;
	struct wg_device *device;
	struct driver driver;
	struct timer tick;
	struct list members; /* struct link_member */
	struct list callers; /* struct link_peer */
	struct ip_prefix subnet;
	void (*on_news)(void *owner, const struct link_news *news);
	void *owner;
	uint64_t lost;
	nsec strangers_at; /* when they were last told of */
	uint64_t unknown, forged;
};

/* What a peer's owner is. */
struct link_peer {
	struct list node; /* the link's */
	struct link *link;
	struct wg_peer *wg;
	bool is_member;
};

struct link_member {
	struct link_peer peer;
	struct port port;
	uint32_t mtu;	    /* of what is within a frame */
	uint32_t frame_max; /* longer ones are cut */
	uint32_t tcp_mtu;   /* what connections are told of */
	uint16_t fragment_number;
	bool is_dialled, is_one_host, forges_mtu;

	struct path_mtu path;
	struct timer path_timer;
	uint32_t longest_sent; /* packet in the session, since the last tick */

	uint32_t capabilities; /* what the other side announced */
	nsec hello_at, ping_at, heard_at;
	nsec doubted_at; /* when it was last said that it is silent */
	nsec told_at;	 /* of what it said, which it may say as often as it likes */
	nsec rtt;
	struct reassembly reassembly;
	struct forge forge;
	struct routed *routed; /* of one that knows no Ethernet; or NULL */
};

static inline struct link_member *member_of_port(struct port *port)
{
	return CONTAINER_OF(port, struct link_member, port);
}

static inline struct link_member *member_of_peer(struct link_peer *peer)
{
	return CONTAINER_OF(peer, struct link_member, peer);
}

void peer_say(struct link_peer *peer, const struct control *control, nsec now);
void tell_news(struct link_peer *peer, enum link_event event, const struct control *control);

/* member.c */
void member_set_up(struct link_member *member, bool is_up);
void member_send(struct port *port, const struct frame *frames, unsigned count);

/* talk.c */
void member_hear(struct link_member *member, const struct control *control, nsec now);
void member_greet(struct link_member *member, nsec now); /* a session began */
void member_ping(struct link_member *member, nsec now);
void member_tick(struct link_member *member, nsec now);

/* doubt.c */
void member_doubt(struct link_member *member, nsec now); /* once a second, while it is up */

/* path.c */
void path_init(struct link_member *member);
void path_done(struct link_member *member);
void path_begin(struct link_member *member, nsec now); /* the other side answers probes */
void path_end(struct link_member *member);	       /* it does not, or is gone */
void path_renew(struct link_member *member, nsec now); /* it is elsewhere */
void path_hear(struct link_member *member, uint64_t stamp, nsec now);
void path_tick(struct link_member *member, nsec now);
/* The kernel refused datagrams of that length, to whoever is there. */
void path_refuse(struct link *link, const struct endpoint *at, size_t len);

/* receive.c */
void link_deliver(
	void *owner, struct wg_peer *wg, const struct iovec *packets, unsigned count, nsec now);
