/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ip/tcp/ is the guest's peer: TCP (RFC 9293) for the side of a connection that faces the hub, as
 * a machine. It has SACK (RFC 2018), window scaling (RFC 7323), RACK-TLP loss detection (RFC 8985),
 * NewReno congestion control (RFC 5681, 6582), RFC 6298 timeouts and RFC 5961 resets. It sends
 * super-frames and leaves cutting and checksums to whoever comes next.
 *
 * Data towards the peer lies in a ring that is also the retransmission queue: tcp_room() lends its
 * free part, tcp_push() says how much was put there. Data from the peer is offered straight from
 * its frame to on_data(); what is not taken waits in a second ring, whose whole size was reserved
 * before it was advertised.
 *
 * Functions here note what is to be said; tcp_run() says it.
 */
#pragma once

#include "ip/host.h"
#include "ip/tcp/ring.h"
#include "ip/tcp/scoreboard.h"

struct tcp;

enum tcp_state {
	TCP_HALF_OPEN, /* the peer's SYN is here and not yet answered: see tcp_accept() */
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
	TCP_CLOSED,
};

enum tcp_event {
	TCP_EVENT_ESTABLISHED,
	TCP_EVENT_ROOM,	    /* acknowledged: tcp_room() may have grown */
	TCP_EVENT_FINISHED, /* the peer's FIN, and all before it was taken */
	TCP_EVENT_RESET,    /* the peer said RST; the state is TCP_CLOSED */
	TCP_EVENT_TIMEOUT,  /* nobody answers; the state is TCP_CLOSED */
	TCP_EVENT_CLOSED,   /* both sides finished: TCP_TIME_WAIT or TCP_CLOSED */
};

struct tcp_ops {
	/* In-order bytes, lent. Returns how many were taken, from the front; the rest is kept.
	 * After fewer than all, nothing is offered until tcp_drain(). */
	size_t (*on_data)(struct tcp *tcp, const struct iovec *parts, unsigned count, size_t len);
	/* May call any function here but tcp_done(). */
	void (*on_event)(struct tcp *tcp, enum tcp_event event, nsec now);
};

/* What all connections of a host share. */
struct tcp_shared {
	struct host *host;
	struct ring_pool pool;
	struct hash_key key;			/* for initial sequence numbers, RFC 6528 */
	uint64_t retransmitted_bytes, timeouts; /* counters */
};

/* Bytes of payload that arrived before those in front of them. */
struct tcp_gap_list;

struct tcp {
	const struct tcp_ops *ops;
	struct tcp_shared *shared;
	struct endpoint local, remote; /* local: who we are to the peer */
	struct mac remote_mac;
	uint8_t state; /* enum tcp_state */

	bool has_sack : 1, has_scale : 1; /* agreed on */
	bool must_ack : 1;		  /* at the next tcp_run() */
	bool must_reset : 1;		  /* RST at the next tcp_run(), then closed */
	bool must_probe : 1;		  /* keepalive or window probe */
	bool must_resend : 1;  /* one lost segment, whatever cwnd says: RFC 6675 5 (4.3) */
	bool is_finishing : 1; /* tcp_finish() was called */
	bool is_fin_known : 1; /* the peer's FIN has been seen; it lies at fin_seq */
	bool is_fin_told : 1;  /* TCP_EVENT_FINISHED was given */
	bool is_blocked : 1;   /* on_data() took less than all */
	bool is_in_recovery : 1;
	bool is_probe_sent : 1; /* tail loss probe outstanding, RFC 8985 7 */
	bool is_ring_short : 1; /* the send ring kept data back: it may grow */

	/* Sending. Sequence numbers as in RFC 9293 3.3.1. */
	uint32_t iss, una, nxt, end;	       /* end: behind the last byte put in the ring */
	uint32_t peer_window, peer_window_max; /* bytes */
	uint32_t window_seq, window_ack;       /* WL1, WL2 */
	struct ring send;
	struct scoreboard sent;
	uint16_t mss; /* payload bytes of a segment, without options */
	uint8_t peer_scale, own_scale;
	uint8_t early; /* segments behind a gap that are not answered yet */

	/* Receiving. */
	uint32_t irs, rcv_nxt, rcv_read; /* rcv_read: the first byte on_data() has not taken */
	uint32_t edge;			 /* right edge of the window we advertised */
	uint32_t acked;			 /* rcv_nxt as last told to the peer */
	uint32_t fin_seq;
	uint32_t window;		/* bytes we mean to promise: at most receive.reserved */
	uint32_t round_end, round_most; /* see receive.c: when the window is reconsidered */
	struct ring receive;
	struct tcp_gap_list *gaps; /* NULL while nothing is out of order */

	/* Congestion, loss and time. */
	uint32_t cwnd, ssthresh, cwnd_count, recover;
	uint32_t delivered_round,
		round_una; /* bytes acknowledged in this round trip: sizes the ring */
	nsec srtt, rttvar, rttmin, rto;
	nsec rack_sent_at, rack_rtt; /* RFC 8985 5.2 */
	uint32_t rack_end;
	uint8_t backoff, duplicate_acks, probes;
	nsec rto_at, ack_at, reorder_at, idle_at; /* deadlines; NSEC_NEVER: not running */
	nsec last_heard;
};

/* A SYN arrived: takes what its options say, answers nothing yet. mtu: the path to the peer.
 * packet: of a segment with SYN and without ACK. */
void tcp_open_passive(struct tcp *tcp, struct tcp_shared *shared, const struct tcp_ops *ops,
	const struct frame *syn, const struct packet *packet, nsec now);
/* We speak first. */
void tcp_open_active(struct tcp *tcp, struct tcp_shared *shared, const struct tcp_ops *ops,
	const struct endpoint *local, const struct endpoint *remote, struct mac remote_mac,
	nsec now);
/* Ends a connection in any state, silently, and gives its memory back. Frames composed from its
 * ring must have been flushed. */
void tcp_done(struct tcp *tcp);

/* TCP_HALF_OPEN: answer with SYN-ACK. */
void tcp_accept(struct tcp *tcp, nsec now);
/* A segment of this connection; its checksum was right. */
void tcp_receive(struct tcp *tcp, const struct frame *frame, const struct packet *packet, nsec now);
/* Says what is to be said. Returns the next deadline. */
nsec tcp_run(struct tcp *tcp, nsec now);

/* Where bytes for the peer may be put: 0 to 2 parts, at most `most` bytes. */
unsigned tcp_room(struct tcp *tcp, uint32_t most, struct iovec parts[2]);
/* The most payload that one (super-)frame carries: what fills whole ones leaves no crumbs. Bytes.
 */
uint32_t tcp_frame_len(const struct tcp *tcp);
/* len bytes were put there. */
void tcp_push(struct tcp *tcp, uint32_t len);
/* Copies up to len bytes in; returns how many found room. */
uint32_t tcp_write(struct tcp *tcp, const void *bytes, uint32_t len);
/* No more after what was pushed: FIN. */
void tcp_finish(struct tcp *tcp);
/* RST; the state is TCP_CLOSED after tcp_run(). */
void tcp_abort(struct tcp *tcp);
/* on_data() may take more now. */
void tcp_drain(struct tcp *tcp, nsec now);
/* Bytes kept for on_data(), and bytes pushed that the peer has not acknowledged. */
uint32_t tcp_unread(const struct tcp *tcp);
uint32_t tcp_unacknowledged(const struct tcp *tcp);
const char *tcp_state_name(enum tcp_state state);
