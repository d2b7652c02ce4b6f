/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies where in a frame: the one parser of Ethernet, IP and L4 headers that all rooms share.
 */
#pragma once

#include "wire/address.h"
#include "wire/ip.h"

struct packet {
	uint16_t ethertype; /* behind VLAN tags */
	uint16_t vlan;	    /* the outer tag's VID, when has_vlan */
	bool has_vlan;
	uint8_t version;  /* 4 or 6; 0: not IP, and nothing below is set but l3 */
	uint8_t protocol; /* L4, behind IPv6 extension headers */
	uint8_t ttl, tos;
	bool may_not_fragment; /* IPv4 DF */
	bool is_fragment;      /* any but a whole datagram; ports are set only in the first one */
	bool has_more_fragments;
	uint16_t fragment_offset; /* bytes */
	uint32_t fragment_id;
	uint16_t l3, l4, payload; /* offsets in the frame: IP header, L4 header, what follows it */
	uint32_t end;		  /* offset where the IP packet ends; Ethernet padding follows.
				   * UDP, whole: where its own length says it ends */
	struct ip from, to;
	uint16_t from_port, to_port; /* TCP and UDP */
	uint8_t tcp_flags;
};

enum packet_result {
	PACKET_OK,
	PACKET_RUNT,	  /* shorter than an Ethernet header */
	PACKET_MALFORMED, /* headers that contradict each other or reach past the frame's head */
	PACKET_CHECKSUM,  /* a wrong IPv4 header checksum */
};

/*
 * head, head_len: the frame's linear first bytes (hub/frame.h); frame_len: the whole frame.
 * Checks lengths and the IPv4 header checksum; L4 checksums are not looked at. For TCP, UDP and
 * ICMP the whole L4 header (TCP: with options) lies in the head when PACKET_OK is returned.
 * *ret is meaningful only with PACKET_OK. IPv4: RFC 791, RFC 1122 3.2.1; IPv6: RFC 8200 4.
 */
enum packet_result packet_parse(
	const uint8_t *head, uint32_t head_len, uint32_t frame_len, struct packet *ret) MUST_USE;
