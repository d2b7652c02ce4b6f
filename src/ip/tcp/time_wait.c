/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/tcp/time_wait.h"

#include "base/bytes.h"
#include "ip/tcp/internal.h"

void tcp_time_wait_note(const struct tcp *tcp, struct tcp_time_wait *ret)
{
	*ret = (struct tcp_time_wait){
		.nxt = tcp->nxt, .rcv_nxt = tcp->rcv_nxt, .remote_mac = tcp->remote_mac};
}

bool tcp_time_wait_begins_anew(
	const struct tcp_time_wait *wait, const struct frame *frame, const struct packet *packet)
{
	return (packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
	       seq_after(load_be32(frame->head + packet->l4 + 4), wait->rcv_nxt);
}

bool tcp_time_wait_is_reset(
	const struct tcp_time_wait *wait, const struct frame *frame, const struct packet *packet)
{
	return packet->tcp_flags & TCP_RST &&
	       load_be32(frame->head + packet->l4 + 4) == wait->rcv_nxt;
}

void tcp_time_wait_answer(const struct tcp_time_wait *wait, struct tcp_shared *shared,
	const struct endpoint *local, const struct endpoint *remote, nsec now)
{
	struct tcp tcp = {
		.shared = shared,
		.local = *local,
		.remote = *remote,
		.remote_mac = wait->remote_mac,
		.state = TCP_TIME_WAIT,
		.must_ack = true,
		.una = wait->nxt,
		.nxt = wait->nxt,
		.end = wait->nxt,
		.rcv_nxt = wait->rcv_nxt,
		.rcv_read = wait->rcv_nxt,
		.acked = wait->rcv_nxt,
		.edge = wait->rcv_nxt,
		.mss = TCP_MSS_DEFAULT4,
		.rto_at = NSEC_NEVER,
		.ack_at = NSEC_NEVER,
		.reorder_at = NSEC_NEVER,
		.idle_at = NSEC_NEVER,
	};

	output_run(&tcp, now);
}
