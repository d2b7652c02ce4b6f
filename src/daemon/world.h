/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that runs: hubs, each on a worker of its own, and the ports on them with the wish
 * each was made from. All of it belongs to the control thread, except what struct world_port says
 * is the worker's.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "config/config.h"
#include "daemon/events.h"
#include "daemon/listeners.h"
#include "daemon/vmnet_kind.h"
#include "io/tap.h"
#include "hub/answers.h"
#include "hub/loop_guard.h"
#include "io/driver.h"
#include "io/worker.h"
#include "nat/gateway.h"
#include "port/nic/nic.h"
#include "port/settings.h"
#include "service/dhcp.h"
#include "service/dns.h"
#include "service/router.h"

#include <jansson.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>

struct datagram_entrance;
struct entrance;
struct joining;
struct kind;
struct relay;
struct world_policy;

#define WORLD_NO_SLOT UINT_MAX

struct world {
	struct loop *loop; /* control's */
	struct hash_key identity;
	const char *state_dir, *runtime_dir;
	struct events *events;
	struct listeners listeners;
	struct list hubs;		      /* struct world_hub, by number */
	unsigned vmnet_ids[VMNET_KIND_COUNT]; /* the next of each: none is given twice */
};

struct world_hub {
	struct list node;
	struct world *world;
	struct hub_config config;    /* without ports */
	struct ip_prefix moved_from; /* the subnet it would have had; len 0: that one it has */
	struct worker *worker;
	struct hub *hub; /* the worker's, and the next four */
	struct loop_guard loop_guard;
	struct answers answers;
	struct driver loop_driver, answers_driver;
	struct list ports;    /* struct world_port, in the order they were plugged */
	struct list captures; /* struct capture_stream */
	uint32_t wished_mtu;  /* kind_link_wished_mtu() of the file that was applied */
	uint32_t told_mtu;    /* kind_link_told_mtu() when it was last told */
};

struct world_port {
	struct list node;
	struct world_hub *hub;
	const struct kind *kind;
	struct port_config config;
	bool is_from_file;	 /* it goes when a file is applied that does not have it */
	bool is_from_descriptor; /* no file could have it */
	int fd;			 /* the descriptor it is to be made from, until it is; else -1 */

	/* An entrance (docs/ports.md) is no port itself: it has no slot, and `port` stays NULL. Its
	 * clients are ports whose `entrance` it is, in the hub's list like others. */
	bool is_entrance;
	struct world_port *entrance;
	struct entrance *door;		     /* of an entrance whose clients connect */
	struct datagram_entrance *datagrams; /* of one whose clients send datagrams */
	struct sockaddr_un peer;	     /* of a client of the latter, until kind->make() */
	socklen_t peer_len;
	struct relay *relay;	 /* of a link that others join */
	struct joining *joining; /* of one that joins another's */
	const void *member;	 /* of a client of either, until kind->make() */

	bool is_plugged;
	/* Copied from the port when it was plugged, as they do not change while it is. */
	char name[PORT_NAME_SIZE], interface[INTERFACE_NAME_SIZE];
	unsigned slot;
	unsigned vmnet_id; /* its file among the vmnet files: userif11 */

	/* The worker's from kind->make() on. */
	struct port *port;	     /* ends by its ops->free() */
	struct world_policy *policy; /* NULL: it may do everything */
	union {
		struct tap tap; /* until kind->make() */
		struct nic nic; /* likewise */
		struct {
			struct gateway *gateway;
			struct dns *dns;
		};
		struct dhcp *dhcp;
		struct router_leg *router;
	};
	struct task gone; /* posted to control when the port ended by itself */
	char why[96];	  /* it did so; written before the task is posted */
};

void world_init(struct world *world, struct loop *loop, struct events *events);
/* Unplugs everything, in order, and waits for it. */
void world_done(struct world *world);

struct world_hub *world_find_hub(const struct world *world, const char *name);
/* By name or by slot number. */
struct world_port *world_find_port(const struct world_hub *hub, const char *name_or_slot);
/* The hub's one port of the kind, or NULL. */
struct world_port *world_find_kind(const struct world_hub *hub, enum port_kind kind);
/* Whether the host's interface of that name is a hub's port of kind host. */
bool world_is_host_port(const struct world *world, const char *interface);

/* A hub without ports, not yet in the world. -errno. */
int world_hub_new(struct world *world, const struct hub_config *config, struct world_hub **ret_hub,
	struct error *error) MUST_USE;
/* With all its ports. NULL is fine. */
void world_hub_free(struct world_hub *hub);
void world_hub_insert(struct world_hub *hub);

/*
 * A port made and ready, not yet on its hub: everything that can fail has been done. fd: what it is
 * to be made from, or -1; taken, also on failure.
 */
int world_port_new(struct world_hub *hub, const struct port_config *config, int fd,
	struct world_port **ret_port, struct error *error) MUST_USE;
/* Off its hub first, where it is on it; an entrance takes its clients along. NULL is fine. */
void world_port_free(struct world_port *port);
/* -EEXIST, -ENOSPC, -ENOMEM of hub_attach(). */
int world_port_plug(struct world_port *port, struct error *error) MUST_USE;
/* Frames no longer reach it. The clients of an entrance end. */
void world_port_unplug(struct world_port *port);

/*
 * Somebody came in: makes a port of who is at the other end of the connection (or, where fd is -1,
 * of the peer who sends datagrams), plugs it and tells. fd: taken. Where that fails, it is said as
 * an event. Control thread.
 */
void world_client_plug(
	struct world_port *entrance, int fd, const struct sockaddr_un *peer, socklen_t peer_len);
/* The same for a client with a wish of its own: what kind->make() is given as port->member. -errno.
 */
int world_member_plug(struct world_port *entrance, const struct port_config *config,
	const void *member, struct world_port **ret_port, struct error *error) MUST_USE;
/* The entrance's client of that name; NULL: none. */
struct world_port *world_find_client(const struct world_port *entrance, const char *name);
/* How many of the hub's ports came in there. */
size_t world_client_count(const struct world_port *entrance);

/* "hub8.3"; of an entrance "hub8.vm". */
#define PORT_ID_SIZE 64
char *world_port_id(const struct world_port *port, char id[PORT_ID_SIZE]);

/* What the port is to be told when it is made over a descriptor: when that breaks, control ends it.
 */
struct port_settings world_port_settings(struct world_port *port);
/* Its own MTU, or the hub's. */
uint32_t world_port_mtu(const struct world_port *port);

/* Makes it, while it runs, what kind->may_change() said it can become and kind->open_change()
 * opened what is needed for, or what differs from it in its policy alone. The clients of an
 * entrance come along. next: the port's from here on. */
int world_port_change(
	struct world_port *port, struct port_config *next, struct error *error) MUST_USE;

/* Tells events and log that it came, changed or went. why: NULL where somebody asked for it. */
void world_port_tell(const struct world_port *port, const char *event, const char *why);

/* What runs, as a configuration with hubs and ports in the world's order, without the clients of
 * entrances; config_free() ends it. NULL: no memory. */
struct config *world_config(const struct world *world);
/* Of that what a file can say: without ports that were made from a descriptor. */
struct config *world_config_for_file(const struct world *world);
/* Closes forwards' sockets that no port wants any more. */
void world_sweep_listeners(struct world *world);
