/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little that TIME-WAIT (RFC 9293 3.6.1) needs to know of a connection. */
#pragma once

#include "ip/tcp/tcp.h"

struct tcp_time_wait {
	uint32_t nxt, rcv_nxt;
	struct mac remote_mac;
};

void tcp_time_wait_note(const struct tcp *tcp, struct tcp_time_wait *ret);
/* A SYN beyond what was received: a new connection of the same name (RFC 6191, RFC 1122 4.2.2.13).
 */
bool tcp_time_wait_begins_anew(
	const struct tcp_time_wait *wait, const struct frame *frame, const struct packet *packet);
/* The guest knows nothing of it: the answer to an acknowledgement that it did not expect. */
bool tcp_time_wait_is_reset(
	const struct tcp_time_wait *wait, const struct frame *frame, const struct packet *packet);
/* Acknowledges once more. */
void tcp_time_wait_answer(const struct tcp_time_wait *wait, struct tcp_shared *shared,
	const struct endpoint *local, const struct endpoint *remote, nsec now);
