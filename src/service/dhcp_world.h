/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests: the server on a real hub, with guests that share one port, a clock that goes when it
 * is told to, and a store that writes when it is told to:
 *
 *     guests (one port) --- hub --- server .254
 *
 * Guest n has the MAC 02:00:00:00:01:n. Addresses are numbers, 192.168.0.1 being 0xc0a80001.
 */
#pragma once

#include "service/dhcp_server.h"

#define SERVER		 0xc0a878fe /* 192.168.120.254 */
#define POOL		 0xc0a87880 /* 192.168.120.128, and up */
#define POOL_SIZE	 8
#define LEASE		 1800 /* seconds */
#define EVERYBODY	 0xffffffff
#define WORLD_SERVER_MAC ((struct mac){{2, 0, 0, 0, 0, 0xfe}})

/* What the server sent to a guest. */
struct received {
	struct dhcp_message message;
	struct mac to_mac;
	uint32_t to; /* IPv4, as a number */
};

struct world {
	struct hub *hub;
	struct dhcp_server server;
	struct port guests;
	struct lease_store store;
	nsec now;
	bool is_woken;
	nsec deadline;

	struct received replies[32];
	unsigned reply_count;
	uint32_t probed[256]; /* addresses somebody asked for by ARP */
	unsigned probe_count;
	uint32_t occupied; /* an address that answers ARP, by `occupier` */
	struct mac occupier;

	bool is_store_slow;
	uint64_t ticket;
	unsigned notes, forgets;
	enum lease_event events[64];
	unsigned event_count;
	uint32_t conflict;
};

/* For cmocka: *state is the world. Ending it checks that nothing was left pending: an idle server
 * wakes nobody. */
int world_set_up(void **state);
int world_tear_down(void **state);

struct dhcp_settings world_settings(void);
void world_configure(struct world *world, const struct dhcp_settings *settings);
void world_reserve(struct world *world, struct dhcp_reservation *reservations, size_t count);

void world_run(struct world *world);
void world_pass(struct world *world, nsec duration);
/* A frame from the guests' port. */
void world_receive(struct world *world, const void *bytes, size_t len);
/* world->occupier answers for world->occupied. */
void world_answer_arp(struct world *world);

struct mac world_guest(uint8_t n);
struct dhcp_message world_request(uint8_t n, enum dhcp_type type);
/* Forgets the replies to what came before. */
void world_send_from(struct world *world, const struct dhcp_message *m, uint32_t from, uint32_t to);
/* From nobody to everybody. */
void world_send(struct world *world, const struct dhcp_message *m);
/* The one reply since the last message, which is of this type. */
const struct received *world_reply(struct world *world, enum dhcp_type type);
void world_no_reply(struct world *world);

/* DISCOVER to OFFER, the probe's time included. Returns the address offered. */
uint32_t world_discover(struct world *world, uint8_t n);
void world_select(struct world *world, uint8_t n, uint32_t ip);
/* Both, to the ACK. */
uint32_t world_bind(struct world *world, uint8_t n);
void world_renew(struct world *world, uint8_t n, uint32_t ip);
void world_rebind(struct world *world, uint8_t n, uint32_t ip);
void world_reboot(struct world *world, uint8_t n, uint32_t ip);

enum lease_state world_state(struct world *world, uint32_t ip);
bool world_has_lease(struct world *world, uint32_t ip);
