/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of ip/tcp/ tell each other. input.c takes segments apart, receive.c keeps their
 * bytes, recovery.c reads their acknowledgements, output.c speaks, tcp.c is the connection's life.
 */
#pragma once

#include "ip/tcp/gap_list.h"
#include "ip/tcp/tcp.h"
#include "wire/tcp.h"

#define WINDOW_SCALE	 7 /* 4 MiB in 16 bits */
#define RTO_MIN		 (200 * NSEC_PER_MSEC)
#define RTO_MAX		 (60 * NSEC_PER_SEC)
#define RTO_FIRST	 NSEC_PER_SEC /* RFC 6298 2.1 */
#define TIME_WAIT_LEN	 (30 * NSEC_PER_SEC)
#define SYN_TRIES	 6
#define DATA_TRIES	 12
#define KEEPALIVE_IDLE	 (7200 * NSEC_PER_SEC) /* RFC 1122 4.2.3.6 */
#define KEEPALIVE_PERIOD (75 * NSEC_PER_SEC)
#define KEEPALIVE_TRIES	 9

struct segment {
	uint32_t seq, ack;
	uint16_t window; /* unscaled */
	uint8_t flags;
	uint32_t offset, len; /* the payload in the frame, bytes */
	struct tcp_options options;
};

/* receive.c */
void receive_start(struct tcp *tcp); /* reserves the first window */
void receive_begin(struct tcp *tcp); /* rcv_nxt is known */
/* Payload, trimmed to the window; delivers, keeps, acknowledges. */
void receive_payload(struct tcp *tcp, const struct frame *frame, struct segment *segment, nsec now);
/* The peer's FIN, once all before it has been received. */
void receive_fin(struct tcp *tcp, nsec now);
/* The window we may tell the peer now, in bytes; tell: it is being told. */
uint32_t receive_window(const struct tcp *tcp);
void receive_window_told(struct tcp *tcp, uint32_t window);
bool receive_window_is_news(const struct tcp *tcp);

/* recovery.c */
void recovery_start(struct tcp *tcp);
/* The acknowledgement in a segment that was in the window. False: it acknowledges the future. */
bool recovery_acknowledge(struct tcp *tcp, const struct segment *segment, nsec now);
void recovery_measure(struct tcp *tcp, nsec rtt);
void recovery_arm(struct tcp *tcp, nsec now);
/* Deadlines that have passed. False: gave up; the state is TCP_CLOSED. */
bool recovery_timers(struct tcp *tcp, nsec now);
/* Bytes in the network, RFC 6675 4. */
uint32_t recovery_pipe(const struct tcp *tcp);

/* output.c */
void output_run(struct tcp *tcp, nsec now);

/* tcp.c */
void tcp_change(struct tcp *tcp, enum tcp_state state, nsec now);
void tcp_close(struct tcp *tcp, enum tcp_event why, nsec now);
bool tcp_is_synchronized(const struct tcp *tcp);
