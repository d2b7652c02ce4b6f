/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip/ is a virtual host on a hub: it has addresses, answers ARP and Neighbour Discovery for them
 * (and for no others), knows its neighbours, puts fragments together and hands datagrams to those
 * who bound a port. It does no I/O. What a host does beyond that (gateway, DHCP server) belongs to
 * the rooms above.
 *
 * host.h: the host. It embeds its port, so its owner's struct embeds the host:
 * owner->host.port.ops is the owner's table (kind, free) with send = host_receive.
 */
#pragma once

#include "base/list.h"
#include "base/machine.h"
#include "hub/hub.h"
#include "ip/fragment.h"
#include "wire/packet.h"

#define HOST_ADDRESSES_MAX 4
#define HOST_BATCH	   64  /* frames composed in a turn before they must be flushed */
#define HOST_HEAD_SIZE	   256 /* bytes */
#define HOST_BODY_MAX	   3   /* parts */

struct host;
struct neighbours;

struct datagram {
	struct endpoint from, to;
	struct mac from_mac;
	uint8_t ttl, tos;
	const uint8_t *data; /* linear, lent */
	uint32_t len;	     /* bytes */
};

/* A UDP port of the host's own addresses (and broadcast, where it asks for it). */
struct udp_binding {
	struct list node; /* the host's */
	uint16_t port;
	bool takes_broadcast; /* also datagrams to 255.255.255.255, the subnet's broadcast, any MAC
				 group */
	void (*on_datagram)(struct udp_binding *binding, const struct datagram *datagram, nsec now);
};

/* A TCP port of the host's own addresses: whole segments, checksums already checked. */
struct tcp_binding {
	struct list node; /* the host's */
	uint16_t port;
	void (*on_segment)(struct tcp_binding *binding, const struct frame *frame,
		const struct packet *packet, nsec now);
};

struct host_ops {
	/* An IP packet that is addressed to the host's MAC but to none of its addresses; whole
	 * (fragments are put together first). NULL: such packets are DROP_UNWANTED. */
	void (*on_transit)(struct host *host, const struct frame *frame,
		const struct packet *packet, nsec now);
	/* Somebody else on the hub uses an address of ours (RFC 5227 2.4). At most once a minute
	 * for each address. May be NULL. */
	void (*on_conflict)(struct host *host, struct ip ip, struct mac mac);
	/* TCP or UDP for one of our addresses, to a port that nobody bound: true when it is dealt
	 * with; else it is refused. May be NULL. */
	bool (*on_unbound)(struct host *host, const struct frame *frame,
		const struct packet *packet, nsec now);
	/* Whether ip, which is on no subnet of ours, can be that of a machine behind another one on
	 * the hub, and may speak to us. NULL: none can. */
	bool (*may_be_beyond)(const struct host *host, struct ip ip);
	/* Whether ip, which is on no subnet of ours, is on the link all the same. NULL: none is. */
	bool (*is_on_link_too)(const struct host *host, struct ip ip);
};

/* One frame being composed: write the head, point the body, say the lengths, host_post() it. */
struct host_frame {
	uint8_t head[HOST_HEAD_SIZE];
	struct iovec body[HOST_BODY_MAX];
	struct frame frame; /* frame.head and frame.body already point at the two above */
};

struct host {
	struct port port;
	const struct host_ops *ops;
	struct machine *machine; /* woken when there is something to flush or a new deadline */
	struct ip_prefix addresses[HOST_ADDRESSES_MAX];
	unsigned address_count;
	struct list udp_bindings, tcp_bindings;
	struct neighbours *neighbours;
	struct fragments *fragments; /* NULL while nothing waits */
	struct fragment_watcher fragment_watcher;
	struct host_frame *frames; /* HOST_BATCH of them, taken with the first one composed */
	unsigned frame_count;
	uint8_t *copies; /* payloads of host_send_udp() waiting for the flush */
	size_t copies_len;
	bool is_receiving;	   /* in host_receive(): what is composed waits */
	uint16_t next_id;	   /* IPv4 identification */
	uint32_t next_fragment_id; /* IPv6 */
	struct list waiting;	   /* datagrams of host_send_udp() without a MAC yet */
	unsigned waiting_count;
	struct ip known_from; /* the last source that was found right: most frames are its */
	nsec icmp_due;	      /* when errors will have used up nothing of their share */
	nsec conflict_told[HOST_ADDRESSES_MAX], conflict_defended[HOST_ADDRESSES_MAX];
};

/* The owner then fills host->port.ops, name and mtu. key: for hash tables. -ENOMEM. */
int host_init(struct host *host, const struct host_ops *ops, struct machine *machine,
	struct mac mac, const struct hash_key *key) MUST_USE;
void host_done(struct host *host);

/* address.address: our own address; address.len: its subnet. -ENOSPC. A link-local IPv6 address
 * (fe80::, from the MAC, RFC 4291 2.5.6) comes by itself with the first IPv6 address. */
int host_add_address(struct host *host, const struct ip_prefix *address) MUST_USE;
bool host_owns(const struct host *host, struct ip ip);
/* Our own address in the family, and on the subnet, of `peer`; none when there is not one. */
struct ip host_address_for(const struct host *host, struct ip peer);
/* Whether ip is in a subnet of one of our addresses. */
bool host_is_on_link(const struct host *host, struct ip ip);

void host_bind_udp(struct host *host, struct udp_binding *binding);
void host_bind_tcp(struct host *host, struct tcp_binding *binding);
void host_unbind_udp(struct udp_binding *binding);
void host_unbind_tcp(struct tcp_binding *binding);

/* port_ops.send of every host. */
void host_receive(struct port *port, const struct frame *frames, unsigned count);
/* The host's part of its owner's machine->run(): flushes, retries ARP, ages; the next deadline. */
nsec host_run(struct host *host, nsec now);
/* Sends what is composed. Not from within host_receive(). */
void host_flush(struct host *host, nsec now);

/* The next frame to compose, or NULL (then DROP_QUEUE_FULL or DROP_NO_MEMORY is counted at entry):
 * outside host_receive() a full batch is flushed first. What the body points at must stay until
 * host_flush(). */
struct host_frame *host_compose(struct host *host, nsec now);
void host_post(struct host *host, struct host_frame *frame);

/* Ethernet and IP header of a frame from us to `to_mac`. */
void host_write_headers(
	struct host *host, struct writer *w, struct mac to_mac, struct ip_fields *ip);

/* A datagram from one of our addresses; data is copied, fragmented when it exceeds the port's MTU
 * (IPv4). to_mac zero: the neighbour table's, or resolved first (one datagram waits for each
 * neighbour). False: dropped and counted. */
bool host_send_udp(struct host *host, const struct endpoint *from, const struct endpoint *to,
	struct mac to_mac, const void *data, uint32_t len, nsec now);

/* The same from any source address to a known MAC, without a copy: data stays until host_flush().
 * What the port's MTU cannot hold is fragmented (both families), unless it may not be: false. */
struct udp_send {
	struct endpoint from, to;
	struct mac to_mac;
	uint8_t ttl, tos; /* ttl 0: the default */
	bool may_not_fragment;
	uint16_t segment_size; /* data is several datagrams of this many bytes, the last one maybe
				* shorter: one super-frame when they fit the MTU. 0: one */
	const void *data;
	uint32_t len; /* bytes */
};
bool host_post_udp(struct host *host, const struct udp_send *send, nsec now);

/* An ICMP message of the family of `to`, likewise. Not rate-limited. */
struct icmp_send {
	struct ip from, to;
	struct mac to_mac;
	uint8_t ttl, tos; /* ttl 0: the default */
	uint8_t type, code;
	uint32_t rest;	  /* the four bytes behind the checksum, host order */
	const void *data; /* what follows them */
	uint32_t len;	  /* bytes */
};
bool host_post_icmp(struct host *host, const struct icmp_send *send, nsec now);

/* An ICMP (v4 or v6) error about `frame`, to its sender, quoting it (RFC 1122 3.2.2: as much as
 * fits 576 bytes; RFC 4443 2.4: 1280). Rate-limited; none about errors, fragments but the first,
 * group addresses. from none: our own address. type and code are those of the frame's family;
 * rest: the four bytes behind the checksum (MTU for too-big), host order. */
void host_send_icmp_error(struct host *host, struct ip from, uint8_t type, uint8_t code,
	uint32_t rest, const struct frame *frame, const struct packet *packet, nsec now);

/* Answers a TCP segment that nobody takes with RST (RFC 9293 3.10.7.1), a RST with nothing. */
void host_refuse_tcp(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now);

/* Asks who has `ip`. on_resolved comes once: with the MAC, or zero when nobody answered (3 tries,
 * a second apart), possibly at once from the table. */
struct resolve {
	struct list node; /* the host's */
	void (*on_resolved)(struct resolve *resolve, struct ip ip, struct mac mac, nsec now);
};
void host_resolve(struct host *host, struct ip ip, struct resolve *resolve, nsec now);
/* As host_resolve(), but asks the wire in any case, with sender address none (RFC 5227 2.1.1),
 * once, and gives up after `patience`. */
void host_probe(struct host *host, struct ip ip, nsec patience, struct resolve *resolve, nsec now);
void host_resolve_cancel(struct resolve *resolve);
/* What was learned: false when there is no fresh entry. */
bool host_neighbour(const struct host *host, struct ip ip, nsec now, struct mac *ret_mac) MUST_USE;
/* Says to the segment that our addresses are here (gratuitous ARP, RFC 5227 3; unsolicited NA). */
void host_announce(struct host *host, nsec now);
