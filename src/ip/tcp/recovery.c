/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What acknowledgements tell: round-trip times (RFC 6298), losses (RFC 8985, 6675), how much may be
 * in the network (RFC 5681, 6582), and when to stop waiting. */
#include "ip/tcp/internal.h"

#define REORDER_MIN	(500 * NSEC_PER_USEC)
#define PROBE_MIN	(10 * NSEC_PER_MSEC)  /* RFC 8985 7.2 */
#define DELAYED_ACK_MAX (200 * NSEC_PER_MSEC) /* what a peer may wait with a lone segment */
#define CWND_MAX	(2 * RING_SIZE_MAX)
#define DUPLICATE_ACKS	3

void recovery_start(struct tcp *tcp)
{
	tcp->cwnd = 10u * tcp->mss; /* RFC 6928 */
	tcp->ssthresh = CWND_MAX;
	tcp->recover = tcp->una;
	tcp->rttmin = NSEC_NEVER;
	tcp->rto = RTO_FIRST;
}

uint32_t recovery_pipe(const struct tcp *tcp)
{
	return tcp->nxt - tcp->una - tcp->sent.sacked_len - tcp->sent.lost_len;
}

void recovery_measure(struct tcp *tcp, nsec rtt)
{
	nsec error;

	if (!tcp->srtt) {
		tcp->srtt = rtt;
		tcp->rttvar = rtt / 2;
	} else {
		error = rtt > tcp->srtt ? rtt - tcp->srtt : tcp->srtt - rtt;
		tcp->rttvar += (error - tcp->rttvar) / 4;
		tcp->srtt += (rtt - tcp->srtt) / 8;
	}
	tcp->rttmin = MIN(tcp->rttmin, rtt);
	tcp->rto = MIN(MAX(tcp->srtt + 4 * tcp->rttvar, RTO_MIN), RTO_MAX);
}

/* RFC 5681 3.1, equation 4. What was sent and has arrived out of order was in flight too. */
static uint32_t half_of_flight(const struct tcp *tcp)
{
	return MAX(MIN(tcp->nxt - tcp->una, tcp->cwnd) / 2, 2u * tcp->mss);
}

static void enter_recovery(struct tcp *tcp)
{
	if (tcp->is_in_recovery || seq_before(tcp->una, tcp->recover))
		return; /* this window's loss has had its answer */
	tcp->is_in_recovery = true;
	tcp->must_resend = true;
	tcp->recover = tcp->nxt;
	tcp->ssthresh = half_of_flight(tcp);
	tcp->cwnd = tcp->ssthresh;
	tcp->cwnd_count = 0;
}

/* RFC 8985 6.2 step 2: the newest transmission known to have arrived. */
static void note_delivery(struct tcp *tcp, const struct sent *run, nsec now)
{
	nsec rtt = now - run->at;

	if (run->is_retransmitted && rtt < tcp->rttmin)
		return; /* the original arrived, not the copy */
	if (!run->is_retransmitted)
		recovery_measure(tcp, rtt);
	if (run->at > tcp->rack_sent_at ||
		(run->at == tcp->rack_sent_at && seq_after(run->end, tcp->rack_end))) {
		tcp->rack_sent_at = run->at;
		tcp->rack_end = run->end;
		tcp->rack_rtt = rtt;
	}
}

/* RFC 8985 6.2 step 5: what left before something that arrived, a reordering window ago. */
static void detect_losses(struct tcp *tcp, nsec now)
{
	nsec window = tcp->rttmin == NSEC_NEVER ? REORDER_MIN : MAX(tcp->rttmin / 4, REORDER_MIN);

	tcp->reorder_at = NSEC_NEVER;
	for (uint32_t i = 0; i < tcp->sent.count; i++) {
		struct sent *run = scoreboard_at(&tcp->sent, i);
		nsec due = run->at + tcp->rack_rtt + window;

		if (run->is_sacked || run->is_lost || run->at > tcp->rack_sent_at ||
			(run->at == tcp->rack_sent_at && !seq_before(run->end, tcp->rack_end)))
			continue;
		if (due <= now)
			scoreboard_lose(&tcp->sent, run);
		else
			tcp->reorder_at = MIN(tcp->reorder_at, due);
	}
	if (tcp->sent.lost_len)
		enter_recovery(tcp);
}

/* A peer without SACK: three duplicates mean that the first segment is missing (RFC 5681 3.2), an
 * acknowledgement that ends short of `recover` that the next one is (RFC 6582 3.2). */
static void lose_first(struct tcp *tcp)
{
	if (!tcp->sent.count)
		return;
	scoreboard_lose(&tcp->sent, scoreboard_at(&tcp->sent, 0));
	enter_recovery(tcp);
	tcp->must_resend = true;
}

static void grow_cwnd(struct tcp *tcp, uint32_t acked, uint32_t flight)
{
	if (tcp->is_in_recovery || tcp->cwnd / 2 > flight)
		return; /* not used, so not known to be possible: RFC 7661 */
	if (tcp->cwnd < tcp->ssthresh) {
		tcp->cwnd = MIN(tcp->cwnd + acked, CWND_MAX);
		return;
	}
	tcp->cwnd_count += acked;
	if (tcp->cwnd_count >= tcp->cwnd) {
		tcp->cwnd_count = 0;
		tcp->cwnd = MIN(tcp->cwnd + tcp->mss, CWND_MAX);
	}
}

/* The send ring follows what the peer takes in a round trip. */
static void reconsider_ring(struct tcp *tcp, uint32_t acked)
{
	tcp->delivered_round += acked;
	if (seq_before(tcp->una, tcp->round_una))
		return;
	if (tcp->is_ring_short && tcp->delivered_round >= tcp->send.reserved / 2 &&
		tcp->peer_window > tcp->send.reserved)
		(void)!ring_reserve(&tcp->send, tcp->send.reserved * 2);
	tcp->is_ring_short = false;
	tcp->delivered_round = 0;
	tcp->round_una = tcp->nxt;
}

static void our_fin_arrived(struct tcp *tcp, nsec now)
{
	switch ((enum tcp_state)tcp->state) {
	case TCP_FIN_WAIT_1:
		tcp_change(tcp, TCP_FIN_WAIT_2, now);
		break;
	case TCP_CLOSING:
		tcp_change(tcp, TCP_TIME_WAIT, now);
		break;
	case TCP_LAST_ACK:
		tcp_close(tcp, TCP_EVENT_CLOSED, now);
		break;
	case TCP_HALF_OPEN:
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_TIME_WAIT:
	case TCP_CLOSED:
		break;
	}
}

static void una_moved(struct tcp *tcp, uint32_t ack, nsec now)
{
	uint32_t acked = ack - tcp->una, flight = recovery_pipe(tcp);
	bool is_partial;
	struct sent newest;

	tcp->una = ack;
	tcp->duplicate_acks = 0;
	tcp->backoff = 0;
	tcp->probes = 0;
	tcp->is_probe_sent = false;
	if (scoreboard_acknowledge(&tcp->sent, ack, &newest))
		note_delivery(tcp, &newest, now);
	is_partial = tcp->is_in_recovery && seq_before(ack, tcp->recover);
	if (tcp->is_in_recovery && !is_partial)
		tcp->is_in_recovery = false;
	if (is_partial && !tcp->has_sack)
		lose_first(tcp);
	grow_cwnd(tcp, acked, flight);
	reconsider_ring(tcp, acked);
	if (seq_before(tcp->end, ack)) { /* the FIN, which is no byte */
		ring_release(&tcp->send);
		our_fin_arrived(tcp, now);
		return;
	}
	if (ack == tcp->end)
		ring_release(&tcp->send);
	tcp->ops->on_event(tcp, TCP_EVENT_ROOM, now);
}

static bool take_sacks(struct tcp *tcp, const struct segment *segment, nsec now)
{
	bool has_news = false;

	for (unsigned i = 0; tcp->has_sack && i < segment->options.sack_count; i++) {
		uint32_t start = segment->options.sack[i].start, end = segment->options.sack[i].end;
		struct sent newest;

		/* Blocks below una are reports of duplicates (RFC 2883); above nxt, nonsense. */
		if (!seq_before(start, end) || seq_before(start, tcp->una) ||
			seq_after(end, tcp->nxt))
			continue;
		if (scoreboard_sack(&tcp->sent, start, end, &newest)) {
			note_delivery(tcp, &newest, now);
			has_news = true;
		}
	}
	return has_news;
}

static void update_window(struct tcp *tcp, const struct segment *segment)
{
	uint32_t window = (uint32_t)segment->window << tcp->peer_scale;

	if (seq_before(segment->seq, tcp->window_seq) ||
		(segment->seq == tcp->window_seq && seq_before(segment->ack, tcp->window_ack)))
		return;
	tcp->window_seq = segment->seq;
	tcp->window_ack = segment->ack;
	if (window > tcp->peer_window && (!tcp->sent.count || tcp->peer_window < tcp->mss)) {
		/* It was held off: what leaves now has a timeout of its own. */
		tcp->probes = tcp->backoff = 0;
		tcp->rto_at = NSEC_NEVER;
	}
	tcp->peer_window = window;
	tcp->peer_window_max = MAX(tcp->peer_window_max, window);
}

bool recovery_acknowledge(struct tcp *tcp, const struct segment *segment, nsec now)
{
	uint32_t old_window = tcp->peer_window;
	bool has_moved = seq_after(segment->ack, tcp->una), has_news;

	if (seq_after(segment->ack, tcp->nxt)) {
		tcp->must_ack = true;
		return false;
	}
	if (seq_before(segment->ack, tcp->una))
		return true;
	update_window(tcp, segment);
	has_news = take_sacks(tcp, segment, now);
	if (has_moved) {
		tcp->rto_at = NSEC_NEVER; /* armed anew after what can be sent was sent */
		una_moved(tcp, segment->ack, now);
	} else if (!tcp->has_sack && !segment->len && tcp->nxt != tcp->una &&
		   tcp->peer_window == old_window) {
		if (++tcp->duplicate_acks == DUPLICATE_ACKS)
			lose_first(tcp);
	}
	if (tcp->has_sack && tcp->sent.count && (has_moved || has_news))
		detect_losses(tcp, now);
	return true;
}

static bool may_probe_tail(const struct tcp *tcp)
{
	return tcp->has_sack && !tcp->is_in_recovery && !tcp->is_probe_sent && !tcp->backoff &&
	       tcp->srtt && !tcp->sent.sacked_len && !tcp->sent.lost_len;
}

/* A tail loss probe comes first, where it can help (RFC 8985 7.2), then the timeout. */
void recovery_arm(struct tcp *tcp, nsec now)
{
	nsec probe;

	if (tcp->rto_at != NSEC_NEVER)
		return;
	if (!tcp->sent.count) {
		/* Nothing can be lost, but a window that stays shut must be asked about, and a FIN
		 * for which there was no memory said. */
		if (seq_before(tcp->nxt, tcp->end + tcp->is_finishing))
			tcp->rto_at = now + MIN(tcp->rto << tcp->backoff, RTO_MAX);
		return;
	}
	tcp->rto_at = now + MIN(tcp->rto << tcp->backoff, RTO_MAX);
	if (!may_probe_tail(tcp))
		return;
	probe = MAX(2 * tcp->srtt, PROBE_MIN);
	if (recovery_pipe(tcp) <= tcp->mss)
		probe += DELAYED_ACK_MAX;
	tcp->rto_at = MIN(tcp->rto_at, now + probe);
}

/* RFC 8985 7.3: the last segment again, so that its acknowledgement shows what is missing. */
static void probe_tail(struct tcp *tcp)
{
	struct sent *last = scoreboard_at(&tcp->sent, tcp->sent.count - 1);

	tcp->is_probe_sent = tcp->must_resend = true;
	if (last->end - last->start > tcp->mss) {
		struct sent tail = *last;

		last->end = tail.end - tcp->mss;
		tail.start = last->end;
		tail.at = tail.at + 1; /* not to be joined with the run it was cut from */
		if (!scoreboard_append(&tcp->sent, tail.start, tail.end, tail.at)) {
			last->end = tail.end;
			return;
		}
		last = scoreboard_at(&tcp->sent, tcp->sent.count - 1);
	}
	scoreboard_lose(&tcp->sent, last);
}

/* RFC 9293 3.8.6: a peer that took its window back and still answers is not gone. */
static bool is_held_off(const struct tcp *tcp, nsec now)
{
	return tcp->peer_window < tcp->mss && now - tcp->last_heard <= 2 * RTO_MAX;
}

static bool retransmission_timeout(struct tcp *tcp, nsec now)
{
	if (tcp->backoff >= DATA_TRIES && !is_held_off(tcp, now)) {
		tcp_close(tcp, TCP_EVENT_TIMEOUT, now);
		return false;
	}
	if (!tcp->backoff || !seq_before(tcp->una, tcp->recover))
		tcp->ssthresh = half_of_flight(tcp);
	tcp->shared->timeouts++;
	tcp->cwnd = tcp->mss;
	tcp->cwnd_count = 0;
	tcp->is_in_recovery = false;
	tcp->recover = tcp->nxt;
	tcp->backoff = MIN(tcp->backoff + 1, DATA_TRIES);
	scoreboard_lose_all(&tcp->sent);
	return true;
}

/* RFC 9293 3.8.6.1: goes on for as long as the peer answers. */
static bool probe_window(struct tcp *tcp, nsec now)
{
	if (tcp->probes++ >= DATA_TRIES && now - tcp->last_heard > RTO_MAX) {
		tcp_close(tcp, TCP_EVENT_TIMEOUT, now);
		return false;
	}
	tcp->backoff = MIN(tcp->backoff + 1, 8);
	tcp->must_probe = true;
	return true;
}

static bool retransmit_syn(struct tcp *tcp, nsec now)
{
	if (tcp->backoff >= SYN_TRIES) {
		tcp_close(tcp, TCP_EVENT_TIMEOUT, now);
		return false;
	}
	tcp->backoff++;
	tcp->nxt = tcp->iss; /* output.c sends it once more */
	return true;
}

static bool rto_expired(struct tcp *tcp, nsec now)
{
	tcp->rto_at = NSEC_NEVER;
	if (tcp->state == TCP_SYN_SENT || tcp->state == TCP_SYN_RECEIVED)
		return retransmit_syn(tcp, now);
	if (tcp->state == TCP_TIME_WAIT) {
		tcp->state = TCP_CLOSED;
		return false;
	}
	if (!tcp->sent.count)
		return probe_window(tcp, now);
	if (may_probe_tail(tcp)) {
		probe_tail(tcp);
		return true;
	}
	return retransmission_timeout(tcp, now);
}

/* RFC 1122 4.2.3.6: is anybody there? */
static bool keepalive_expired(struct tcp *tcp, nsec now)
{
	nsec quiet = now - tcp->last_heard;

	if (quiet < KEEPALIVE_IDLE) {
		tcp->probes = 0;
		tcp->idle_at = tcp->last_heard + KEEPALIVE_IDLE;
		return true;
	}
	if (quiet >= KEEPALIVE_IDLE + KEEPALIVE_TRIES * KEEPALIVE_PERIOD) {
		tcp_close(tcp, TCP_EVENT_TIMEOUT, now);
		return false;
	}
	tcp->must_probe = true;
	tcp->idle_at = now + KEEPALIVE_PERIOD;
	return true;
}

bool recovery_timers(struct tcp *tcp, nsec now)
{
	if (tcp->ack_at <= now) {
		tcp->ack_at = NSEC_NEVER;
		tcp->must_ack = true;
	}
	if (tcp->reorder_at <= now)
		detect_losses(tcp, now);
	if (tcp->rto_at <= now && !rto_expired(tcp, now))
		return false;
	return tcp->idle_at > now || keepalive_expired(tcp, now);
}
