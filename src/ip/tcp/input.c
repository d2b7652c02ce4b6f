/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A segment arrives: RFC 9293 3.10.7, with the resets of RFC 5961. */
#include "ip/tcp/internal.h"

#include "base/bytes.h"

static void read_segment(
	const struct frame *frame, const struct packet *packet, struct segment *ret)
{
	const uint8_t *header = frame->head + packet->l4;

	*ret = (struct segment){
		.seq = load_be32(header + 4),
		.ack = load_be32(header + 8),
		.flags = header[13],
		.window = load_be16(header + 14),
		.offset = packet->payload,
		.len = packet->end - packet->payload,
	};
	if (packet->payload - packet->l4 > TCP_HEADER_LEN)
		tcp_options_parse(header + TCP_HEADER_LEN,
			packet->payload - packet->l4 - TCP_HEADER_LEN, &ret->options);
}

/* What a SYN says about its sender. */
static void take_syn(struct tcp *tcp, const struct segment *syn)
{
	uint32_t ours = tcp->shared->host->port.mtu - ip_header_len(tcp->remote.ip) -
			TCP_HEADER_LEN;
	uint32_t theirs = syn->options.mss;

	if (!theirs)
		theirs = ip_is_v4(tcp->remote.ip) ? TCP_MSS_DEFAULT4 : TCP_MSS_DEFAULT6;
	tcp->mss = (uint16_t)MAX(MIN(ours, theirs), 88u); /* RFC 9293 3.7.1; none smaller is real */
	tcp->has_sack = syn->options.has_sack_permitted;
	tcp->has_scale = syn->options.has_window_scale;
	tcp->peer_scale = tcp->has_scale ? syn->options.window_scale : 0;
	tcp->own_scale = tcp->has_scale ? WINDOW_SCALE : 0;
	tcp->irs = syn->seq;
	tcp->rcv_nxt = syn->seq + 1;
	tcp->acked = tcp->rcv_nxt;
	tcp->peer_window = syn->window; /* not scaled in a SYN, RFC 7323 2.2 */
	tcp->peer_window_max = syn->window;
	tcp->window_seq = syn->seq;
	tcp->window_ack = syn->ack;
	recovery_start(tcp);
}

/* RFC 6528: a secret hash of the four-tuple and a clock of 4 microseconds. */
static uint32_t initial_sequence(const struct tcp *tcp, nsec now)
{
	struct {
		struct ip local, remote;
		uint16_t local_port, remote_port, zeros[2];
	} tuple = {tcp->local.ip, tcp->remote.ip, tcp->local.port, tcp->remote.port, {0}};

	return (uint32_t)(hash_sip(&tcp->shared->key, &tuple, sizeof(tuple)) +
			  (uint64_t)now / 4096);
}

static void start(struct tcp *tcp, struct tcp_shared *shared, const struct tcp_ops *ops, nsec now)
{
	tcp->ops = ops;
	tcp->shared = shared;
	tcp->send.pool = &shared->pool;
	tcp->rto_at = tcp->ack_at = tcp->reorder_at = NSEC_NEVER;
	tcp->idle_at = now + KEEPALIVE_IDLE;
	tcp->last_heard = now;
	tcp->rto = RTO_FIRST;
	tcp->iss = initial_sequence(tcp, now);
	tcp->una = tcp->nxt = tcp->iss;
	tcp->end = tcp->iss + 1;
	tcp->round_una = tcp->end;
}

void tcp_open_passive(struct tcp *tcp, struct tcp_shared *shared, const struct tcp_ops *ops,
	const struct frame *syn, const struct packet *packet, nsec now)
{
	struct segment segment;

	*tcp = (struct tcp){
		.state = TCP_HALF_OPEN,
		.local = {packet->to, packet->to_port},
		.remote = {packet->from, packet->from_port},
	};
	memcpy(&tcp->remote_mac, syn->head + sizeof(struct mac), sizeof(tcp->remote_mac));
	start(tcp, shared, ops, now);
	read_segment(syn, packet, &segment);
	take_syn(tcp, &segment);
}

void tcp_open_active(struct tcp *tcp, struct tcp_shared *shared, const struct tcp_ops *ops,
	const struct endpoint *local, const struct endpoint *remote, struct mac remote_mac,
	nsec now)
{
	*tcp = (struct tcp){
		.state = TCP_SYN_SENT,
		.local = *local,
		.remote = *remote,
		.remote_mac = remote_mac,
		.mss = TCP_MSS_DEFAULT4,
	};
	start(tcp, shared, ops, now);
	receive_start(tcp);
}

void tcp_accept(struct tcp *tcp, nsec now)
{
	if (tcp->state != TCP_HALF_OPEN)
		return;
	receive_start(tcp);
	tcp_change(tcp, TCP_SYN_RECEIVED, now);
}

/* Until the owner has decided, only a reset or another attempt means something. */
static void half_open(struct tcp *tcp, const struct segment *segment, nsec now)
{
	if (segment->flags & TCP_RST) {
		if (segment->seq == tcp->rcv_nxt)
			tcp_close(tcp, TCP_EVENT_RESET, now);
	} else if (segment->flags & TCP_SYN && segment->seq != tcp->irs) {
		take_syn(tcp, segment);
	}
}

/* RFC 9293 3.10.7.3. A SYN without ACK (both sides call at once) is not answered: our SYN, which
 * is repeated, finds the listener that the peer does not have. */
static void syn_sent(struct tcp *tcp, const struct segment *segment, nsec now)
{
	bool has_ack = segment->flags & TCP_ACK;

	if (segment->flags & TCP_RST) {
		if (has_ack)
			tcp_close(tcp, TCP_EVENT_RESET, now);
		return;
	} else if (!(segment->flags & TCP_SYN) || !has_ack) {
		return;
	}
	take_syn(tcp, segment);
	receive_begin(tcp);
	tcp->una = segment->ack;
	tcp->recover = tcp->una;
	tcp->backoff = 0;
	tcp->rto_at = NSEC_NEVER;
	tcp->must_ack = true;
	tcp_change(tcp, TCP_ESTABLISHED, now);
	tcp->ops->on_event(tcp, TCP_EVENT_ESTABLISHED, now);
}

/* RFC 5961 3.2: exactly in place, or asked about. Where both have finished, the peer has only
 * forgotten already, and what it said stays said (RFC 9293 3.10.7.4, second). */
static void reset_arrived(struct tcp *tcp, const struct segment *segment, nsec now)
{
	bool is_over = tcp->state == TCP_CLOSING || tcp->state == TCP_LAST_ACK ||
		       tcp->state == TCP_TIME_WAIT;

	if (segment->seq == tcp->rcv_nxt)
		tcp_close(tcp, is_over ? TCP_EVENT_CLOSED : TCP_EVENT_RESET, now);
	else if (!seq_before(segment->seq, tcp->rcv_nxt) && !seq_after(segment->seq, tcp->edge))
		tcp->must_ack = true;
}

/* RFC 9293 3.10.7.4, first: is any of it in the window? Old bytes ending at rcv_nxt pass, for the
 * acknowledgement that comes with them. */
static bool is_acceptable(const struct tcp *tcp, const struct segment *segment)
{
	return !seq_before(segment->seq + segment->len, tcp->rcv_nxt) &&
	       !seq_after(segment->seq, tcp->edge);
}

/* The acknowledgement of our SYN, even when saying it again is on the way (nxt is iss then). */
static bool syn_received(struct tcp *tcp, const struct segment *segment, nsec now)
{
	tcp->una = tcp->nxt = segment->ack;
	tcp->recover = tcp->una;
	tcp->peer_window = (uint32_t)segment->window << tcp->peer_scale;
	tcp->peer_window_max = tcp->peer_window;
	tcp->window_seq = segment->seq;
	tcp->window_ack = segment->ack;
	tcp->backoff = 0;
	tcp->rto_at = NSEC_NEVER;
	tcp_change(tcp, TCP_ESTABLISHED, now);
	tcp->ops->on_event(tcp, TCP_EVENT_ESTABLISHED, now);
	return tcp->state == TCP_ESTABLISHED;
}

static void synchronized(
	struct tcp *tcp, const struct frame *frame, struct segment *segment, nsec now)
{
	if (segment->flags & TCP_RST) {
		reset_arrived(tcp, segment, now);
		return;
	}
	if (segment->flags & TCP_SYN) {
		if (tcp->state == TCP_SYN_RECEIVED)
			tcp->nxt = tcp->iss; /* our answer was lost, or is for an older SYN */
		else
			tcp->must_ack = true; /* RFC 5961 4.2 */
		return;
	}
	if (!is_acceptable(tcp, segment)) {
		tcp->must_ack = true;
		return;
	}
	if (!(segment->flags & TCP_ACK))
		return;
	if (tcp->state == TCP_SYN_RECEIVED && !syn_received(tcp, segment, now))
		return;
	if (!recovery_acknowledge(tcp, segment, now) || tcp->state == TCP_CLOSED)
		return;
	receive_payload(tcp, frame, segment, now);
	if (segment->flags & TCP_FIN) {
		tcp->must_ack = true; /* early or again: RFC 5681 4.2 */
		if (!tcp->is_fin_known)
			tcp->fin_seq = segment->seq + segment->len;
		tcp->is_fin_known = true;
	}
	receive_fin(tcp, now);
}

/* It acknowledges what this connection never said: the peer's is another one, to be got out of the
 * way (RFC 9293 3.10.7.3 and 3.10.7.4, fifth). */
static bool is_of_another(const struct tcp *tcp, const struct segment *segment)
{
	if (!(segment->flags & TCP_ACK) || segment->ack == tcp->iss + 1)
		return false;
	return tcp->state == TCP_SYN_SENT ||
	       (tcp->state == TCP_SYN_RECEIVED && !(segment->flags & TCP_RST));
}

void tcp_receive(struct tcp *tcp, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct segment segment;

	read_segment(frame, packet, &segment);
	tcp->last_heard = now;
	if (is_of_another(tcp, &segment)) {
		host_refuse_tcp(tcp->shared->host, frame, packet, now);
		return;
	}
	switch ((enum tcp_state)tcp->state) {
	case TCP_HALF_OPEN:
		half_open(tcp, &segment, now);
		break;
	case TCP_SYN_SENT:
		syn_sent(tcp, &segment, now);
		break;
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
		synchronized(tcp, frame, &segment, now);
		break;
	case TCP_CLOSED:
		break;
	}
}
