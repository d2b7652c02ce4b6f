/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checking the transport's checksum of a frame, scattered as it is. */
#pragma once

#include "hub/frame.h"
#include "wire/packet.h"

/* Whether TCP's, UDP's or ICMP's checksum is right, or needs no look (frame->offload says it was
 * checked, or is still to be filled in). packet: whole, of this frame. Other protocols: true. */
bool host_checksum_is_right(const struct frame *frame, const struct packet *packet) MUST_USE;
