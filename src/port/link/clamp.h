/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling both ends of a TCP connection what a link can carry (RFC 9293 3.7.1), so that nothing
 * they send has to be cut. */
#pragma once

#include "hub/frame.h"

/* Enough of a frame's beginning: tags, IP with all options, TCP with all options. */
#define CLAMP_HEAD_MAX 192

/* Whether the frame opens a connection with segments that are longer than an MTU allows. */
bool clamp_is_needed(const struct frame *frame, uint32_t mtu);
/* Makes it say less. head: a copy of the frame's first bytes, min(head_len, CLAMP_HEAD_MAX). */
void clamp_head(uint8_t *head, const struct frame *frame, uint32_t mtu);
