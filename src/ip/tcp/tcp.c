/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection's life, and what its owner does with it. */
#include "ip/tcp/tcp.h"

#include "ip/tcp/internal.h"

#include <stdlib.h>

const char *tcp_state_name(enum tcp_state state)
{
	switch (state) {
	case TCP_HALF_OPEN:
		return "half-open";
	case TCP_SYN_SENT:
		return "syn-sent";
	case TCP_SYN_RECEIVED:
		return "syn-received";
	case TCP_ESTABLISHED:
		return "established";
	case TCP_FIN_WAIT_1:
		return "fin-wait-1";
	case TCP_FIN_WAIT_2:
		return "fin-wait-2";
	case TCP_CLOSE_WAIT:
		return "close-wait";
	case TCP_CLOSING:
		return "closing";
	case TCP_LAST_ACK:
		return "last-ack";
	case TCP_TIME_WAIT:
		return "time-wait";
	case TCP_CLOSED:
		return "closed";
	}
	return "unknown";
}

bool tcp_is_synchronized(const struct tcp *tcp)
{
	return tcp->state >= TCP_ESTABLISHED && tcp->state != TCP_CLOSED;
}

void tcp_change(struct tcp *tcp, enum tcp_state state, nsec now)
{
	tcp->state = (uint8_t)state;
	if (state != TCP_TIME_WAIT)
		return;
	tcp->rto_at = now + TIME_WAIT_LEN;
	tcp->ops->on_event(tcp, TCP_EVENT_CLOSED, now);
}

void tcp_close(struct tcp *tcp, enum tcp_event why, nsec now)
{
	tcp->state = TCP_CLOSED;
	tcp->rto_at = tcp->ack_at = tcp->reorder_at = tcp->idle_at = NSEC_NEVER;
	tcp->ops->on_event(tcp, why, now);
}

void tcp_done(struct tcp *tcp)
{
	ring_done(&tcp->send);
	ring_done(&tcp->receive);
	scoreboard_done(&tcp->sent);
	free(tcp->gaps);
	tcp->gaps = NULL;
	tcp->state = TCP_CLOSED;
}

nsec tcp_run(struct tcp *tcp, nsec now)
{
	nsec next;

	if (tcp->state != TCP_CLOSED && recovery_timers(tcp, now))
		output_run(tcp, now);
	if (tcp->state == TCP_CLOSED)
		return NSEC_NEVER;
	next = MIN(tcp->rto_at, tcp->ack_at);
	next = MIN(next, tcp->reorder_at);
	return MIN(next, tcp->idle_at);
}

static bool may_send(const struct tcp *tcp)
{
	return (tcp->state == TCP_ESTABLISHED || tcp->state == TCP_CLOSE_WAIT) &&
	       !tcp->is_finishing;
}

unsigned tcp_room(struct tcp *tcp, uint32_t most, struct iovec parts[2])
{
	uint32_t used = tcp->end - tcp->una, room;

	if (!may_send(tcp))
		return 0;
	if (!tcp->send.reserved && !ring_reserve(&tcp->send, RING_SIZE_FIRST) &&
		!ring_reserve(&tcp->send, RING_SIZE_MIN))
		return 0;
	if (!ring_hold(&tcp->send, tcp->una, tcp->end))
		return 0;
	room = tcp->send.size - used;
	tcp->is_ring_short |= room < most;
	/* No crumbs: with much on its way, wait until a good part is free. */
	if (used && room < tcp->send.size / 4)
		return 0;
	return ring_slice(&tcp->send, tcp->end, MIN(room, most), parts);
}

void tcp_push(struct tcp *tcp, uint32_t len)
{
	tcp->end += len;
	if (tcp->end == tcp->una)
		ring_release(&tcp->send);
}

uint32_t tcp_write(struct tcp *tcp, const void *bytes, uint32_t len)
{
	struct iovec whole = {(void *)(uintptr_t)bytes, len}, parts[2];
	unsigned count = tcp_room(tcp, len, parts);
	uint32_t room = 0;

	for (unsigned i = 0; i < count; i++)
		room += (uint32_t)parts[i].iov_len;
	ring_write(&tcp->send, tcp->end, &whole, 1, 0, room);
	tcp_push(tcp, room);
	return room;
}

void tcp_finish(struct tcp *tcp)
{
	tcp->is_finishing = true;
}

void tcp_abort(struct tcp *tcp)
{
	tcp->must_reset = true;
}

uint32_t tcp_unacknowledged(const struct tcp *tcp)
{
	return seq_before(tcp->una, tcp->end) ? tcp->end - tcp->una : 0; /* the FIN is no byte */
}
