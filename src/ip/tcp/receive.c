/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes from the peer: offered from the frame they came in, kept when they cannot be taken or came
 * too early, and the window that promises room for them. */
#include "ip/tcp/internal.h"

#include <stdlib.h>

#define WINDOW_LEAST	   ((uint32_t)512 * 1024) /* not below this for a queue: eight super-frames */
#define EARLY_ANSWERS	   64			  /* in a turn */
#define EARLY_ANSWERS_SACK 3			  /* as many as make anybody send again */

/* RFC 9293 3.8.6.2.2: what the peer may send without our being asked to say anything. */
static uint32_t promised(const struct tcp *tcp)
{
	return tcp->edge - tcp->rcv_nxt;
}

/* One unit of the scale stays back, so that rounding up never promises more than is reserved. */
static uint32_t target_edge(const struct tcp *tcp)
{
	return tcp->rcv_read + tcp->window - (1u << tcp->own_scale);
}

void receive_start(struct tcp *tcp)
{
	uint32_t size = RING_SIZE_FIRST;

	tcp->receive.pool = &tcp->shared->pool;
	while (size > RING_SIZE_MIN && !ring_reserve(&tcp->receive, size))
		size /= 2;
	if (size == RING_SIZE_MIN && !ring_reserve(&tcp->receive, size))
		tcp->must_reset =
			true; /* nothing left to promise: the peer shall try again later */
	tcp->window = tcp->receive.reserved;
	receive_begin(tcp);
}

static void start_round(struct tcp *tcp)
{
	tcp->round_end = tcp->rcv_nxt + tcp->window;
	tcp->round_most = 0;
}

void receive_begin(struct tcp *tcp)
{
	tcp->rcv_read = tcp->rcv_nxt;
	tcp->edge = tcp->rcv_nxt;
	start_round(tcp);
}

/* The edge never moves left: what was promised is rounded up, what is new is rounded down. */
uint32_t receive_window(const struct tcp *tcp)
{
	uint32_t target = target_edge(tcp), unit = 1u << tcp->own_scale;
	uint32_t window = (promised(tcp) + unit - 1) & ~(unit - 1);

	if (seq_after(target, tcp->rcv_nxt))
		window = MAX(window, (target - tcp->rcv_nxt) & ~(unit - 1));
	return MIN(window, 0xffffu << tcp->own_scale);
}

void receive_window_told(struct tcp *tcp, uint32_t window)
{
	uint32_t edge = tcp->rcv_nxt + window;

	/* What rounding up added is in the unit that was kept back, and no new promise: else the
	 * edge would creep with every acknowledgement. */
	if (seq_after(edge, tcp->edge) && !seq_after(edge, target_edge(tcp)))
		tcp->edge = edge;
	tcp->acked = tcp->rcv_nxt;
}

/* RFC 9293 3.8.6.2.2, receiver's silly window avoidance. */
bool receive_window_is_news(const struct tcp *tcp)
{
	uint32_t target = target_edge(tcp), gain;

	if (!seq_after(target, tcp->edge) || promised(tcp) >= tcp->window / 2)
		return false;
	if (tcp->is_fin_known && tcp->rcv_nxt == tcp->fin_seq + 1)
		return false; /* to whom? It may be gone, and would answer with RST */
	gain = target - tcp->edge;
	return gain >= MIN(tcp->window / 2, 2u * tcp->mss);
}

/* The window doubles while the owner takes bytes about as fast as they come, and is halved while
 * half of it lies in the ring: that queue makes nothing faster, and is not in the cache when it is
 * taken. */
static void reconsider_window(struct tcp *tcp)
{
	uint32_t kept = tcp->rcv_nxt - tcp->rcv_read;

	tcp->round_most = MAX(tcp->round_most, kept);
	if (!seq_after(tcp->rcv_nxt, tcp->round_end))
		return;
	if (tcp->round_most < tcp->window / 4) {
		if (tcp->window == tcp->receive.reserved)
			(void)!ring_reserve(&tcp->receive, tcp->receive.reserved * 2);
		tcp->window = MIN(tcp->window * 2, tcp->receive.reserved);
	} else if (tcp->round_most > tcp->window / 2 && tcp->window > WINDOW_LEAST) {
		tcp->window /= 2;
	}
	start_round(tcp);
}

static uint32_t highest_kept(const struct tcp *tcp)
{
	const struct tcp_gap_list *gaps = tcp->gaps;

	return gaps && gaps->count ? gaps->ranges[gaps->count - 1].end : tcp->rcv_nxt;
}

/* Puts [seq, seq + len) into the ring. False: no memory. */
static bool keep(struct tcp *tcp, uint32_t seq, const struct iovec *parts, unsigned count,
	size_t offset, uint32_t len)
{
	if (!ring_hold(&tcp->receive, tcp->rcv_read, highest_kept(tcp)))
		return false;
	if (seq + len - tcp->rcv_read > tcp->receive.size)
		return false;
	ring_write(&tcp->receive, seq, parts, count, offset, len);
	return true;
}

static void release_when_empty(struct tcp *tcp)
{
	if (tcp->gaps && !tcp->gaps->count) {
		free(tcp->gaps);
		tcp->gaps = NULL;
	}
	if (tcp->rcv_read == tcp->rcv_nxt && !tcp->gaps)
		ring_release(&tcp->receive);
}

void tcp_drain(struct tcp *tcp, nsec now)
{
	struct iovec parts[2];
	uint32_t unread = tcp->rcv_nxt - tcp->rcv_read;
	unsigned count;

	if (unread && tcp->is_fin_known && tcp->rcv_nxt == tcp->fin_seq + 1)
		unread--; /* the FIN is no byte */
	tcp->is_blocked = false;
	if (unread) {
		size_t taken;

		count = ring_slice(&tcp->receive, tcp->rcv_read, unread, parts);
		taken = tcp->ops->on_data(tcp, parts, count, unread);
		tcp->rcv_read += (uint32_t)taken;
		tcp->is_blocked = taken < unread;
	}
	release_when_empty(tcp);
	receive_fin(tcp, now);
}

/* What came in the unit that rounding up added, or the FIN, may end behind the edge. */
static void hold_edge(struct tcp *tcp)
{
	if (seq_before(tcp->edge, tcp->rcv_nxt))
		tcp->edge = tcp->rcv_nxt;
}

static void receive_in_order(
	struct tcp *tcp, const struct iovec *parts, unsigned count, uint32_t len, nsec now)
{
	uint32_t seq = tcp->rcv_nxt;
	size_t taken = 0;

	if (!tcp->is_blocked && tcp->rcv_read == seq) {
		taken = tcp->ops->on_data(tcp, parts, count, len);
		tcp->rcv_read += (uint32_t)taken;
		tcp->is_blocked = taken < len;
	}
	tcp->rcv_nxt += (uint32_t)taken;
	if (taken < len &&
		keep(tcp, seq + (uint32_t)taken, parts, count, taken, len - (uint32_t)taken))
		tcp->rcv_nxt = seq + len;
	if (tcp->gaps) {
		tcp->must_ack = true;
		tcp->early = 0; /* late, and not lost */
		tcp->rcv_nxt = gap_list_advance(tcp->gaps, tcp->rcv_nxt);
		if (!tcp->is_blocked)
			tcp_drain(tcp, now);
	}
	hold_edge(tcp);
	reconsider_window(tcp);
}

/* RFC 5681 4.2: each has its answer, at once. A peer without SACK counts three before it sends the
 * missing one again, and sends another segment for each more (3.2); one with SACK is told of them
 * all in one, though some still count. A super-frame stands for several. */
static void owe_answers(struct tcp *tcp, uint32_t len)
{
	uint32_t most = tcp->has_sack ? EARLY_ANSWERS_SACK : EARLY_ANSWERS;

	tcp->early = (uint8_t)MIN(most, tcp->early + (len + tcp->mss - 1) / tcp->mss);
}

static void receive_early(
	struct tcp *tcp, uint32_t seq, const struct iovec *parts, unsigned count, uint32_t len)
{
	owe_answers(tcp, len);
	if (!tcp->gaps)
		tcp->gaps = calloc(1, sizeof(*tcp->gaps));
	if (!tcp->gaps || !keep(tcp, seq, parts, count, 0, len))
		return;
	(void)!gap_list_add(tcp->gaps, seq, seq + len);
}

void receive_payload(struct tcp *tcp, const struct frame *frame, struct segment *segment, nsec now)
{
	struct iovec parts[FRAME_BODY_MAX + 1];
	uint32_t start = segment->seq, end = segment->seq + segment->len, skip;
	uint32_t limit = tcp->edge + (1u << tcp->own_scale) - 1; /* with what rounding up added */
	unsigned count;

	if (seq_before(start, tcp->rcv_nxt))
		start = tcp->rcv_nxt;
	if (tcp->is_fin_known && seq_after(limit, tcp->fin_seq))
		limit = tcp->fin_seq; /* RFC 9293 3.10.7.4: nothing comes behind a FIN */
	if (seq_after(end, limit)) {
		end = limit;
		segment->flags &= (uint8_t)~TCP_FIN; /* it lies behind what was cut */
	}
	if (!segment->len)
		return;
	if (start != segment->seq || !seq_before(start, end))
		tcp->must_ack = true;
	if (!seq_before(start, end))
		return;
	skip = start - segment->seq;
	count = frame_slice(frame, segment->offset + skip, end - start, parts);
	if (start == tcp->rcv_nxt)
		receive_in_order(tcp, parts, count, end - start, now);
	else
		receive_early(tcp, start, parts, count, end - start);
}

static void fin_arrived(struct tcp *tcp, nsec now)
{
	tcp->rcv_nxt++;
	hold_edge(tcp);
	tcp->must_ack = true;
	switch ((enum tcp_state)tcp->state) {
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		tcp_change(tcp, TCP_CLOSE_WAIT, now);
		break;
	case TCP_FIN_WAIT_1:
		tcp_change(tcp, TCP_CLOSING, now);
		break;
	case TCP_FIN_WAIT_2:
		tcp_change(tcp, TCP_TIME_WAIT, now);
		break;
	case TCP_HALF_OPEN:
	case TCP_SYN_SENT:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
	case TCP_CLOSED:
		break;
	}
}

void receive_fin(struct tcp *tcp, nsec now)
{
	if (!tcp->is_fin_known)
		return;
	if (tcp->rcv_nxt == tcp->fin_seq) {
		bool is_read = tcp->rcv_read == tcp->rcv_nxt;

		fin_arrived(tcp, now);
		tcp->rcv_read += is_read;
	} else if (tcp->rcv_read == tcp->fin_seq && tcp->rcv_nxt == tcp->fin_seq + 1) {
		tcp->rcv_read++;
	}
	if (tcp->rcv_read == tcp->fin_seq + 1 && !tcp->is_fin_told) {
		tcp->is_fin_told = true;
		release_when_empty(tcp);
		tcp->ops->on_event(tcp, TCP_EVENT_FINISHED, now);
	}
}

uint32_t tcp_unread(const struct tcp *tcp)
{
	return tcp->rcv_nxt - tcp->rcv_read;
}
