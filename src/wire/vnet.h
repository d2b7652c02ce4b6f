/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Offloads: work a sender left to whoever comes next. The meaning is that of struct virtio_net_hdr
 * (virtio 1.2, 5.1.6), which is also what TAP and AF_PACKET speak (linux/virtio_net.h).
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum segment_kind {
	SEGMENT_NONE,
	SEGMENT_TCP4,
	SEGMENT_TCP6,
	SEGMENT_UDP, /* USO: UDP over IPv4 or IPv6, linux VIRTIO_NET_HDR_GSO_UDP_L4 */
};

/* All zero: a plain frame. */
struct offload {
	bool needs_checksum; /* sum from checksum_start to the end, store at + checksum_offset; the
			      * field holds the pseudo-header's sum, not inverted */
	bool is_checked;     /* checksums were verified by the sender (virtio DATA_VALID) */
	uint8_t kind;	     /* enum segment_kind; any but SEGMENT_NONE goes with needs_checksum */
	uint16_t header_len; /* bytes up to the payload that is to be cut; a hint, may be 0 */
	uint16_t segment_size;	  /* payload bytes of each segment; kind != SEGMENT_NONE */
	uint16_t checksum_start;  /* from the start of the frame */
	uint16_t checksum_offset; /* from checksum_start */
};

#define VNET_HEADER_LEN 10 /* without num_buffers; 12 with it */

/* The 10 bytes of virtio_net_hdr, little endian as on a TAP set to that (our hosts are). */
void vnet_write(uint8_t out[VNET_HEADER_LEN], const struct offload *offload);
/* False for kinds we do not know (ECN alone is accepted and forgotten) and offsets that cannot be
 * right for a frame of frame_len bytes. */
bool vnet_read(const uint8_t in[VNET_HEADER_LEN], uint32_t frame_len, struct offload *ret) MUST_USE;
