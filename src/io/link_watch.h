/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An interface as it is now, and a call whenever that changes: address, MAC, MTU, carrier, up and
 * down, another name, gone and back. It is found by name, then followed under whatever name it
 * gets; when it is gone, the next one of the first name takes its place. In the network namespace
 * of the thread that opens it; needs no privilege.
 */
#pragma once

#include "io/loop.h"
#include "io/netlink.h"

#define LINK_ADDRESSES_MAX 64

struct link_state {
	char name[INTERFACE_NAME_SIZE]; /* the one it has now */
	int index;			/* 0: there is none, and nothing below is set */
	uint16_t hardware;		/* ARPHRD_ETHER or another */
	struct mac mac;
	uint32_t mtu;
	bool is_up, has_carrier;
	struct ip_prefix addresses[LINK_ADDRESSES_MAX]; /* with the lengths of their subnets */
	unsigned address_count;				/* more are left out */
};

struct link_watch;

/* Opens and reads the state. An interface that is not there is no error. Any thread. */
int link_watch_open(const char *name, struct link_watch **ret_watch, struct error *error) MUST_USE;
void link_watch_close(struct link_watch *watch); /* NULL is fine */
const struct link_state *link_watch_state(const struct link_watch *watch);
/* Calls on_change on the loop's thread, when the state is another than before: at once, if it has
 * changed since it was opened. on_change may not close the watch. -errno of epoll_ctl(2). */
int link_watch_start(struct link_watch *watch, struct loop *loop,
	void (*on_change)(void *owner, const struct link_state *state), void *owner) MUST_USE;

/* The IPv4 router that the interface's default route names. False: it has none. */
bool link_watch_gateway(struct link_watch *watch, struct ip *ret);
