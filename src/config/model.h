/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config/ is what the user wants: a model, read from YAML and checked, or refused with one line
 * that says where and what would be right. It opens no sockets and knows no hub.
 *
 * model.h: the desired state. Plain values, owned by struct config; config_free() ends all.
 */
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "wire/address.h"

#include <stddef.h>
#include <stdint.h>

#define CONFIG_NAME_SIZE      32
#define CONFIG_PATH_SIZE      256
#define CONFIG_BOOT_FILE_SIZE 256
#define CONFIG_INVITE_SIZE    320

/* One entry for each kind that can be written in a file or given to plug. */
enum port_kind {
	PORT_KIND_HOST,
	PORT_KIND_NETNS,
	PORT_KIND_NAT,
	PORT_KIND_DHCP,
	PORT_KIND_VM,
	PORT_KIND_VHOST_USER,
	PORT_KIND_VDE,
	PORT_KIND_NIC,
	PORT_KIND_ROUTER,
	PORT_KIND_LINK,
	PORT_KIND_COUNT,
};

struct place {
	unsigned line, column; /* 1-based; 0: not from a file */
};

/* "tcp 127.0.0.1:2222 192.168.120.10:22", ranges "tcp 0.0.0.0:8000-8010 192.168.120.10:8000-8010"
 */
struct forward_config {
	bool is_udp;
	struct endpoint outside,
		guest;	/* the first port of each; outside.ip may be 0.0.0.0 or :: */
	unsigned count; /* ports in the range, 1 for a single one */
	struct place place;
};

struct reservation_config {
	struct mac mac;
	struct ip ip;
	char name[CONFIG_NAME_SIZE]; /* may be empty */
	struct place place;
};

struct nat_config {
	struct forward_config *forwards;
	size_t forward_count;
	bool may_reach_host;	/* guests may reach the host's loopback services at the gateway
				 * address;    key "host-loopback", default false */
	struct endpoint dns[3]; /* key "dns": upstream resolvers instead of the host's */
	size_t dns_count;
};

struct dhcp_config {
	struct ip pool_first, pool_last; /* default: .128 to .253 of the subnet */
	unsigned lease_seconds;		 /* default 1800 */
	struct reservation_config *reservations;
	size_t reservation_count;
	bool has_routers; /* key "router": an address, or none; default: .2 with a nat port */
	struct ip router;
	struct ip dns[3]; /* key "dns"; default: .2 with a nat port */
	size_t dns_count;
	char domain[256];      /* option 15; default "localdomain" */
	char search[1024];     /* option 119: space-separated */
	struct ip boot_server; /* key "boot-server"; default: none */
	char boot_file[CONFIG_BOOT_FILE_SIZE];
};

/* "10.0.0.0/8 via 192.168.120.9", "10.0.0.0/24 via leg" */
struct route_config {
	struct ip_prefix to; /* host bits zero */
	struct ip via;	     /* on the leg's hub; none: `to` itself is */
	struct place place;
};

/* One leg of a router; those with the same name are one. */
struct router_config {
	char router[CONFIG_NAME_SIZE];
	struct ip address, address6; /* default: the third of the subnet; address6 may be none */
	struct route_config *routes;
	size_t route_count;
};

/* How a VM's frames are told apart. */
enum vm_protocol {
	VM_STREAM, /* QEMU -netdev stream: a length before each */
	VM_DGRAM,  /* QEMU -netdev dgram: a datagram each */
};

/* Where the clients of an entrance come from. */
struct entrance_config {
	/* Listened on: a path, ADDRESS:PORT, or fd:NAME for a socket that was inherited; empty: a
	 * path of the hub's in the runtime directory. */
	char socket[CONFIG_PATH_SIZE];
	char connect[CONFIG_PATH_SIZE]; /* dialled instead, a path or ADDRESS:PORT; or empty */
	char group[CONFIG_NAME_SIZE];	/* that may use the socket; empty: "lanyard", if any */
	enum vm_protocol protocol;	/* of the kind vm */
};

enum nic_config_mode {
	NIC_CONFIG_AUTO,
	NIC_CONFIG_TRANSPARENT,
	NIC_CONFIG_TRANSLATE,
};

/* Where a machine behind a translating NIC is, agreed and not learnt. */
struct nic_guest_config {
	struct ip ip;
	struct mac mac;
	struct place place;
};

struct nic_config {
	char dev[16];
	enum nic_config_mode mode;
	bool has_dhcp_proxy; /* key "dhcp": proxy instead of broadcast */
	bool has_host; /* key "host": it is reached, and kept from forwarding what is guests' */
	struct nic_guest_config *guests;
	size_t guest_count;
};

/* A way to other hubs: either of listen and invite. */
struct link_config {
	struct endpoint listen; /* where members come to; port 0: nowhere, ip none: all addresses */
	char address[CONFIG_PATH_SIZE];	 /* HOST or HOST:PORT that members are told; or empty */
	char invite[CONFIG_INVITE_SIZE]; /* lanyard://HOST:PORT/#TOKEN; or empty */
	bool forges_mtu;		 /* key "forge-mtu": senders of longer packets are told */
	bool needs_approval; /* key "approve": who comes with an invitation waits for a person */
};

/* What a wire does to frames; all zero: nothing. */
struct wire_config {
	nsec delay, jitter;
	uint32_t loss, duplicate, reorder; /* probabilities in millionths */
	uint64_t rate;			   /* bits a second */
};

/* What the port may not say. */
struct guards_config {
	bool dhcp, ra, arp;
};

/* What a port may do, and what its wire does: changes while the port is there. */
struct policy_config {
	bool is_isolated, is_down;
	bool is_spared; /* by questions that the hub can answer; default: links */
	struct guards_config guards;
	unsigned storm; /* frames for everybody a second, of each kind; 0: any number */
	bool looks_for_loops;
	uint64_t rate; /* bits a second, each way; 0: no limit */
	/* Both ways; or, where they are given, instead of it from the port into the hub, and to
	 * it. */
	struct wire_config impair, impair_in, impair_out;
};

struct port_config {
	enum port_kind kind;
	char name[CONFIG_NAME_SIZE]; /* empty: none given */
	bool has_mac;
	struct mac mac;
	unsigned mtu; /* 0: the hub's */
	struct policy_config policy;
	struct place place;
	union {
		struct {
			char dev[16]; /* TAP name; default "lanHUB", as lan8 */
		} host;
		struct {
			char netns[CONFIG_PATH_SIZE]; /* path, name under /run/netns, or PID */
			char dev[16];		      /* default eth0 */
		} netns;
		struct nat_config nat;
		struct dhcp_config dhcp;
		struct router_config router;
		struct entrance_config entrance; /* vm, vhost-user, vde */
		struct nic_config nic;
		struct link_config link;
	};
};

struct hub_config {
	char name[16]; /* "hub" and a number */
	bool has_subnet, has_subnet6;
	struct ip_prefix subnet, subnet6; /* host bits zero */
	bool has_mtu;
	unsigned mtu; /* default 1500 */
	struct port_config *ports;
	size_t port_count;
	struct place place;
};

struct config {
	struct hub_config *hubs;
	size_t hub_count;
};

void config_free(struct config *config); /* NULL is fine */
const char *port_kind_name(enum port_kind kind);
