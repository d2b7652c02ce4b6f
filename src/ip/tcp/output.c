/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Speaking: segments, as super-frames whose payload is the ring itself. */
#include "ip/tcp/internal.h"

#include "wire/checksum.h"

#define ACK_DELAY                                                                                  \
	(3 * NSEC_PER_MSEC) /* an answer that comes sooner carries the acknowledgement             \
			     */
#define MSS_OPTION_LEN 4

static unsigned header_overhead(const struct tcp *tcp)
{
	return ip_header_len(tcp->remote.ip) + TCP_HEADER_LEN;
}

static void write_syn_options(const struct tcp *tcp, struct writer *w)
{
	bool is_first = tcp->state == TCP_SYN_SENT;

	write_u8(w, TCP_OPTION_MSS);
	write_u8(w, MSS_OPTION_LEN);
	write_be16(w, (uint16_t)MIN(tcp->shared->host->port.mtu - header_overhead(tcp), 65495u));
	if (is_first || tcp->has_sack) {
		write_u8(w, TCP_OPTION_NOP);
		write_u8(w, TCP_OPTION_NOP);
		write_u8(w, TCP_OPTION_SACK_PERMITTED);
		write_u8(w, 2);
	}
	if (is_first || tcp->has_scale) {
		write_u8(w, TCP_OPTION_NOP);
		write_u8(w, TCP_OPTION_WINDOW_SCALE);
		write_u8(w, 3);
		write_u8(w, WINDOW_SCALE);
	}
}

static void write_range(struct writer *w, const struct gap_range *range)
{
	write_be32(w, range->start);
	write_be32(w, range->end);
}

/* RFC 2018 4: the range that grew last first, so that it is told more than once. */
static void write_sack(const struct tcp_gap_list *gaps, struct writer *w)
{
	unsigned count = MIN(gaps->count, TCP_SACK_BLOCKS_MAX);

	write_u8(w, TCP_OPTION_NOP);
	write_u8(w, TCP_OPTION_NOP);
	write_u8(w, TCP_OPTION_SACK);
	write_u8(w, (uint8_t)(2 + 8 * count));
	write_range(w, &gaps->ranges[gaps->newest]);
	for (unsigned i = 0, written = 1; written < count; i++) {
		if (i == gaps->newest)
			continue;
		write_range(w, &gaps->ranges[i]);
		written++;
	}
}

static unsigned sack_len(const struct tcp *tcp)
{
	if (!tcp->has_sack || !tcp->gaps || !tcp->gaps->count)
		return 0;
	return 4 + 8 * MIN(tcp->gaps->count, TCP_SACK_BLOCKS_MAX);
}

static uint16_t window_field(struct tcp *tcp, uint8_t flags)
{
	uint32_t window = receive_window(tcp);

	if (flags & TCP_SYN) { /* never scaled, RFC 7323 2.2 */
		window = MIN(window, 0xffff);
		receive_window_told(tcp, window);
		return (uint16_t)window;
	}
	receive_window_told(tcp, window);
	return (uint16_t)(window >> tcp->own_scale);
}

static void set_offload(const struct tcp *tcp, struct frame *frame, uint32_t payload,
	uint32_t segment_size, uint32_t l4)
{
	struct offload *offload = &frame->offload;

	*offload = (struct offload){.needs_checksum = true,
		.checksum_start = (uint16_t)l4,
		.checksum_offset = TCP_CHECKSUM_OFFSET};
	if (payload <= segment_size)
		return;
	offload->kind = ip_is_v4(tcp->remote.ip) ? SEGMENT_TCP4 : SEGMENT_TCP6;
	offload->segment_size = (uint16_t)segment_size;
	offload->header_len = (uint16_t)frame->head_len;
}

static unsigned syn_options_len(const struct tcp *tcp)
{
	bool is_first = tcp->state == TCP_SYN_SENT;

	return MSS_OPTION_LEN + (is_first || tcp->has_sack ? 4 : 0) +
	       (is_first || tcp->has_scale ? 4 : 0);
}

static void write_tcp(
	struct tcp *tcp, struct writer *w, uint32_t seq, uint8_t flags, unsigned options_len)
{
	write_be16(w, tcp->local.port);
	write_be16(w, tcp->remote.port);
	write_be32(w, seq);
	write_be32(w, flags & TCP_ACK ? tcp->rcv_nxt : 0);
	write_u8(w, (uint8_t)((TCP_HEADER_LEN + options_len) / 4 << 4));
	write_u8(w, flags);
	write_be16(w, window_field(tcp, flags));
	write_be32(w, 0); /* checksum, urgent pointer */
	if (flags & TCP_SYN)
		write_syn_options(tcp, w);
	else if (options_len)
		write_sack(tcp->gaps, w);
}

/* Whoever comes last fills the checksum in; what it starts from is the pseudo-header's sum. */
static void store_pseudo_sum(const struct tcp *tcp, uint8_t *header, uint32_t l4_len)
{
	uint16_t sum = (uint16_t)~checksum_fold(
		checksum_pseudo(tcp->local.ip, tcp->remote.ip, IP_PROTOCOL_TCP, l4_len));

	memcpy(header + TCP_CHECKSUM_OFFSET, &sum, sizeof(sum));
}

/* One segment, or one super-frame of them. The payload, [seq, seq + len), lies in the ring. A frame
 * for which there is no room is lost like any other. */
static void emit(struct tcp *tcp, uint32_t seq, uint32_t len, uint8_t flags, nsec now)
{
	struct host *host = tcp->shared->host;
	struct host_frame *out = host_compose(host, now);
	unsigned options_len = flags & TCP_SYN ? syn_options_len(tcp) : sack_len(tcp);
	struct ip_fields ip = {.from = tcp->local.ip,
		.to = tcp->remote.ip,
		.protocol = IP_PROTOCOL_TCP,
		.ttl = 64,
		.may_not_fragment = true,
		.payload_len = TCP_HEADER_LEN + options_len + len};
	struct writer w;
	uint32_t l4;

	if (!out)
		return;
	w = writer_on(out->head, sizeof(out->head));
	host_write_headers(host, &w, tcp->remote_mac, &ip);
	l4 = (uint32_t)writer_len(&w);
	write_tcp(tcp, &w, seq, flags, options_len);
	store_pseudo_sum(tcp, out->head + l4, ip.payload_len);
	out->frame.head_len = (uint32_t)writer_len(&w);
	out->frame.len = out->frame.head_len + len;
	out->frame.body_count = ring_slice(&tcp->send, seq, len, out->body);
	set_offload(tcp, &out->frame, len, tcp->mss - sack_len(tcp), l4);
	host_post(host, out);
	if (flags & TCP_ACK) {
		tcp->must_ack = false;
		tcp->ack_at = NSEC_NEVER;
	}
}

/* Whole segments within 65535 bytes of IP. */
uint32_t tcp_frame_len(const struct tcp *tcp)
{
	uint32_t segment = tcp->mss - sack_len(tcp);

	return (65535 - header_overhead(tcp) - sack_len(tcp)) / segment * segment;
}

/* What [start, end) of the sequence space is on the wire: bytes, and the FIN behind the last. */
static void emit_run(struct tcp *tcp, uint32_t start, uint32_t end, nsec now)
{
	bool has_fin = seq_after(end, tcp->end);
	uint32_t len = (has_fin ? tcp->end : end) - start;
	uint8_t flags = TCP_ACK;

	if (start + len == tcp->end && len)
		flags |= TCP_PSH;
	if (has_fin)
		flags |= TCP_FIN;
	emit(tcp, start, len, flags, now);
}

static void resend_lost(struct tcp *tcp, nsec now)
{
	struct sent run;

	while (tcp->sent.lost_len) {
		uint32_t pipe = recovery_pipe(tcp), most = tcp_frame_len(tcp);

		if (pipe && pipe + tcp->mss > tcp->cwnd && !tcp->must_resend)
			return;
		most = MIN(most, tcp->cwnd > pipe ? MAX(tcp->cwnd - pipe, tcp->mss) : tcp->mss);
		if (!scoreboard_resend(&tcp->sent, most, now, &run))
			return;
		tcp->must_resend = false;
		tcp->shared->retransmitted_bytes += run.end - run.start;
		emit_run(tcp, run.start, run.end, now);
	}
}

/* How much may leave now, as one frame; 0: wait. */
static uint32_t sendable(const struct tcp *tcp)
{
	uint32_t left = tcp->end - tcp->nxt, pipe = recovery_pipe(tcp);
	uint32_t flight = tcp->nxt - tcp->una;
	uint32_t len = MIN(left, tcp_frame_len(tcp));

	if (!seq_before(tcp->nxt, tcp->end) || flight >= tcp->peer_window || pipe >= tcp->cwnd)
		return 0;
	len = MIN(len, MIN(tcp->peer_window - flight, tcp->cwnd - pipe));
	/* RFC 9293 3.8.6.2.1: no crumbs while more is on its way. */
	if (len < tcp->mss && len < left && flight && len < tcp->peer_window_max / 2)
		return 0;
	return len;
}

static void send_new(struct tcp *tcp, nsec now)
{
	uint32_t len;

	while ((len = sendable(tcp)) > 0) {
		bool is_last = tcp->nxt + len == tcp->end && tcp->is_finishing;

		if (!scoreboard_append(&tcp->sent, tcp->nxt, tcp->nxt + len + is_last, now))
			return;
		emit_run(tcp, tcp->nxt, tcp->nxt + len + is_last, now);
		tcp->nxt += len + is_last;
		if (is_last)
			tcp_change(tcp,
				tcp->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1, now);
	}
}

/* A FIN for which no byte is left to carry it. */
static void send_fin(struct tcp *tcp, nsec now)
{
	if (!tcp->is_finishing || tcp->nxt != tcp->end)
		return;
	if (tcp->state != TCP_ESTABLISHED && tcp->state != TCP_CLOSE_WAIT)
		return;
	if (!scoreboard_append(&tcp->sent, tcp->end, tcp->end + 1, now))
		return;
	emit_run(tcp, tcp->end, tcp->end + 1, now);
	tcp->nxt++;
	tcp_change(tcp, tcp->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1, now);
}

/* RFC 9293 3.8.6.3: for every second full segment, and for all that must not wait. Of those for
 * early segments, none takes the place of the first that tells of what is in order. */
static void acknowledge(struct tcp *tcp, nsec now)
{
	uint32_t owed = tcp->rcv_nxt - tcp->acked;

	if (tcp->early) {
		for (unsigned count = tcp->early + (owed > 0); count; count--)
			emit(tcp, tcp->nxt, 0, TCP_ACK, now);
		tcp->early = 0;
	} else if (tcp->must_ack || owed >= 2u * tcp->mss || receive_window_is_news(tcp))
		emit(tcp, tcp->nxt, 0, TCP_ACK, now);
	else if (owed && tcp->ack_at == NSEC_NEVER)
		tcp->ack_at = now + ACK_DELAY;
}

static void send_reset(struct tcp *tcp, nsec now)
{
	if (tcp->state == TCP_HALF_OPEN || tcp->state == TCP_SYN_SENT)
		emit(tcp, 0, 0, TCP_RST | TCP_ACK, now);
	else if (tcp->state != TCP_CLOSED)
		emit(tcp, tcp->nxt, 0, TCP_RST | TCP_ACK, now);
	tcp->state = TCP_CLOSED;
	tcp->must_reset = false;
}

static void send_syn(struct tcp *tcp, nsec now)
{
	if (tcp->nxt != tcp->iss)
		return;
	emit(tcp, tcp->iss, 0, TCP_SYN | (tcp->state == TCP_SYN_RECEIVED ? TCP_ACK : 0), now);
	tcp->nxt = tcp->iss + 1;
	/* The first tries come quickly: a guest that boots is not made to wait (RFC 6298 2.1
	 * floor). */
	tcp->rto_at = now + (RTO_FIRST << (tcp->backoff > 3 ? tcp->backoff - 3 : 0));
}

void output_run(struct tcp *tcp, nsec now)
{
	if (tcp->must_reset) {
		send_reset(tcp, now);
		return;
	}
	if (tcp->state == TCP_SYN_SENT || tcp->state == TCP_SYN_RECEIVED)
		send_syn(tcp, now);
	if (!tcp_is_synchronized(tcp))
		return;
	resend_lost(tcp, now);
	send_new(tcp, now);
	send_fin(tcp, now);
	if (tcp->must_probe) {
		tcp->must_probe = false;
		emit(tcp, tcp->una - 1, 0, TCP_ACK, now);
	}
	acknowledge(tcp, now);
	recovery_arm(tcp, now);
}
