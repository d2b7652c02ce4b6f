/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that make up the host (host.h) have in common, and nobody else needs. */
#pragma once

#include "ip/host.h"

#define HOST_TTL 64 /* RFC 1700: the recommended default */

/* arp.c */
void arp_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now);
void arp_ask(struct host *host, struct ip ip, bool is_probe, nsec now);
void arp_announce(struct host *host, struct ip ip, nsec now);

/* discovery.c: Neighbour Discovery. True: the packet was one of its messages, and is dealt with.
 * Fragments never are (RFC 6980 5). */
bool discovery_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now);
void discovery_ask(struct host *host, struct ip ip, bool is_probe, nsec now);
void discovery_announce(struct host *host, struct ip ip, nsec now);

/* icmp.c */
void icmp_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now);

/* host.c: ip, one of ours, was heard to be at another MAC. Tells the owner and defends it. */
void host_conflict(struct host *host, struct ip ip, struct mac mac, nsec now);

/* receive.c: one frame of host_receive()'s, and a packet as if it were for an address of ours. */
void host_receive_frame(struct host *host, const struct frame *frame, nsec now);
void host_receive_own(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now);
/* Whether ip can be that of somebody we hear through the hub: on it, or behind a machine there. */
bool is_possible_peer(const struct host *host, struct ip ip);
/* Whether ip can be that of a machine on the hub which is not us. */
bool is_neighbour_address(const struct host *host, struct ip ip);
/* Whether ip names more than one machine: multicast, or a broadcast address of the host's. */
bool is_group_address(const struct host *host, struct ip ip);

/* compose.c: room for len bytes until the flush; NULL: none, counted. Comes before host_compose().
 */
uint8_t *host_copy_room(struct host *host, size_t len, nsec now);
/* Counts a frame that was lost before it was one. Returns false. */
bool host_lose(struct host *host, enum drop reason);
/* An IP packet: `l4` (at most 64 bytes, copied) and then data (lent until the flush) behind the IP
 * header; fragmented where it must be. offload: for a packet that is not. */
struct ip_send {
	struct mac to_mac;
	struct ip_fields ip; /* payload_len is filled in */
	const uint8_t *l4;
	const void *data;
	uint32_t l4_len, len;
	struct offload offload;
};
bool host_post_ip(struct host *host, const struct ip_send *send, nsec now);
/* Bytes of IP packet that one frame holds. */
uint32_t host_mtu(const struct host *host, struct ip to);

/* udp.c: */
void udp_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now);
struct udp_binding *udp_find(const struct host *host, uint16_t port);
void waiting_forget(struct host *host);

static inline struct mac frame_from(const struct frame *frame)
{
	struct mac mac;

	memcpy(&mac, frame->head + 6, sizeof(mac));
	return mac;
}

static inline struct mac frame_to(const struct frame *frame)
{
	struct mac mac;

	memcpy(&mac, frame->head, sizeof(mac));
	return mac;
}
