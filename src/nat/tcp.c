/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP flows: the machine of ip/tcp/ towards the guest, a socket towards the outside, and two pipes
 * between them. The guest's SYN is answered when the outside has answered ours; what the outside
 * does not take stays in the machine's ring and closes the guest's window; what the guest does not
 * take stays in the other ring and then in the host's socket.
 */
#include "nat/internal.h"

#include "ip/checksum.h"
#include "ip/tcp/time_wait.h"
#include "nat/time_wait.h"
#include "wire/icmp.h"
#include "wire/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define HALF_OPEN_MAX 4096 /* the oldest goes: black holes starve nobody */
#define STARVED_PAUSE (50 * NSEC_PER_MSEC)
#define READ_FRAMES   4 /* of a flow in a turn: 256 KiB still lie in the cache when they leave */

struct tcp_flow {
	struct flow flow;
	struct tcp tcp;
	struct outside_socket outside;
	bool is_connecting : 1; /* outwards, for the guest's SYN */
	bool is_readable : 1;	/* the socket may have more: edge-triggered */
	bool is_at_end : 1;	/* the outside sent FIN, or failed: nothing more to read */
	bool is_broken : 1;	/* the outside takes no more, and will tell no more than it has */
	bool has_failed : 1;	/* RST for the guest, once it has what came before */
	bool is_starved : 1;	/* no memory for a ring: nothing that happens would wake it */
};

static struct tcp_flow *from_flow(const struct flow *flow)
{
	return CONTAINER_OF(flow, struct tcp_flow, flow);
}

static struct tcp_flow *from_tcp(struct tcp *tcp)
{
	return CONTAINER_OF(tcp, struct tcp_flow, tcp);
}

static nsec now_of(const struct gateway *gateway)
{
	return gateway->outside->ops->now(gateway->outside);
}

static void left_half_open(struct tcp_flow *t)
{
	if (!t->is_connecting)
		return;
	t->is_connecting = false;
	list_remove(&t->flow.age);
	t->flow.gateway->half_open_count--;
}

static void let_go(struct tcp_flow *t, bool abort)
{
	left_half_open(t);
	t->flow.gateway->outside->ops->close(&t->outside, abort);
}

static void end(struct tcp_flow *t, bool abort)
{
	if (t->flow.is_ended)
		return;
	let_go(t, abort);
	flow_end(&t->flow.gateway->flows, &t->flow);
}

/* It may have been ended by others: with the gateway. */
static void flow_free(struct flow *flow)
{
	struct tcp_flow *t = from_flow(flow);

	let_go(t, true);
	flow->gateway->counters.tcp_flows--;
	tcp_done(&t->tcp);
	free(t);
}

/* What the outside does not take now, the machine keeps until the socket is writable again. */
static size_t on_data(struct tcp *tcp, const struct iovec *parts, unsigned count, size_t len)
{
	struct tcp_flow *t = from_tcp(tcp);
	ssize_t sent;

	if (t->has_failed)
		return len; /* it will hear RST; nobody is left to take this */
	sent = t->flow.gateway->outside->ops->send(&t->outside, parts, count);
	if (sent < 0 && sent != -EAGAIN) {
		/* Whatever the outside said before it went away is still to be read; this error
		 * is not told again there. */
		t->is_broken = t->is_readable = true;
		flow_wake(&t->flow.gateway->flows, &t->flow);
		return len;
	}
	if (sent <= 0)
		return 0;
	t->flow.up_bytes += (uint64_t)sent;
	return (size_t)sent;
}

/* Both sides finished. The machine of a connection that waits only for stray segments is large; a
 * note of what to answer them is not. */
static void end_when_finished(struct tcp_flow *t, nsec now)
{
	if (t->tcp.state != TCP_TIME_WAIT && t->tcp.state != TCP_CLOSED)
		return;
	if (t->tcp.is_fin_known && !t->tcp.is_fin_told && !t->has_failed)
		return; /* the outside has yet to take what the guest said before its FIN */
	if (t->tcp.state == TCP_TIME_WAIT)
		time_wait_add(t->flow.gateway, &t->flow.key, &t->tcp, now);
	end(t, !t->tcp.is_fin_told);
}

static void on_event(struct tcp *tcp, enum tcp_event event, nsec now)
{
	struct tcp_flow *t = from_tcp(tcp);
	struct gateway *gateway = t->flow.gateway;

	switch (event) {
	case TCP_EVENT_ESTABLISHED:
	case TCP_EVENT_ROOM:
		if (t->is_readable || t->has_failed)
			flow_wake(&gateway->flows, &t->flow);
		break;
	case TCP_EVENT_FINISHED:
		gateway->outside->ops->finish(&t->outside);
		flow_wake(&gateway->flows, &t->flow);
		break;
	case TCP_EVENT_RESET:
	case TCP_EVENT_TIMEOUT:
		end(t, true);
		break;
	case TCP_EVENT_CLOSED:
		/* A last ACK is still owed: run() says it before the flow goes. */
		flow_wake(&gateway->flows, &t->flow);
		break;
	}
	t->flow.last_at = now;
}

static const struct tcp_ops machine_ops = {.on_data = on_data, .on_event = on_event};

/* From the socket into the ring, as much as there is room for. */
static void pump(struct tcp_flow *t)
{
	struct gateway *gateway = t->flow.gateway;
	struct iovec parts[2];
	unsigned count;
	ssize_t got;

	t->is_starved = false;
	if (!t->is_readable || t->is_at_end || t->is_connecting)
		return;
	count = tcp_room(&t->tcp, READ_FRAMES * tcp_frame_len(&t->tcp), parts);
	t->is_starved = !count && !tcp_unacknowledged(&t->tcp);
	if (!count)
		return;
	got = gateway->outside->ops->receive(&t->outside, parts, count);
	tcp_push(&t->tcp, got > 0 ? (uint32_t)got : 0);
	if (got > 0) {
		t->flow.down_bytes += (uint64_t)got;
		flow_wake(&gateway->flows, &t->flow);
	} else if (t->is_broken || (got < 0 && got != -EAGAIN)) {
		t->is_at_end = t->is_broken = true;
	} else if (got == 0) {
		t->is_at_end = true;
		tcp_finish(&t->tcp);
	} else {
		t->is_readable = false;
	}
}

/* A reset must not overtake what the outside said before it. */
static void pass_failure_on(struct tcp_flow *t)
{
	t->has_failed |= t->is_broken && t->is_at_end;
	if (t->has_failed && !tcp_unacknowledged(&t->tcp))
		tcp_abort(&t->tcp);
}

static nsec flow_run(struct flow *flow, nsec now)
{
	struct tcp_flow *t = from_flow(flow);
	nsec next;

	pump(t);
	pass_failure_on(t);
	next = tcp_run(&t->tcp, now);
	end_when_finished(t, now);
	return t->is_starved ? MIN(next, now + STARVED_PAUSE) : next;
}

static void describe(const struct flow *flow, struct flow_info *ret)
{
	struct tcp_flow *t = from_flow(flow);

	ret->state = tcp_state_name(t->tcp.state);
}

static const struct flow_ops flow_ops = {.run = flow_run, .free = flow_free, .describe = describe};

/* The guest's SYN once more, as the text an ICMP error quotes: RFC 792 asks for the IP header and
 * eight bytes, and the machine remembers them all. */
static void send_icmp_about_syn(struct tcp_flow *t, const struct outside_failure *failure,
	uint8_t type, uint8_t code, nsec now)
{
	struct host *host = &t->flow.gateway->host;
	const struct tcp *tcp = &t->tcp;
	struct ip_fields ip = {.from = tcp->remote.ip,
		.to = tcp->local.ip,
		.protocol = IP_PROTOCOL_TCP,
		.ttl = 64,
		.may_not_fragment = true,
		.payload_len = TCP_HEADER_LEN};
	uint8_t bytes[FRAME_HEAD_MIN];
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct packet packet;
	struct frame frame;

	write_eth(&w, host->port.mac, tcp->remote_mac,
		ip_is_v4(tcp->remote.ip) ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(&w, &ip);
	write_be16(&w, tcp->remote.port);
	write_be16(&w, tcp->local.port);
	write_be32(&w, tcp->irs);
	write_be32(&w, 0);
	write_u8(&w, TCP_HEADER_LEN / 4 << 4);
	write_u8(&w, TCP_SYN);
	write_be16(&w, (uint16_t)tcp->peer_window);
	write_be32(&w, 0);
	frame = frame_linear(bytes, (uint32_t)writer_len(&w));
	if (packet_parse(bytes, frame.len, frame.len, &packet) == PACKET_OK)
		host_send_icmp_error(
			host, failure->offender, type, code, failure->mtu, &frame, &packet, now);
}

/* RFC 5382 REQ-9: refused is RST, unreachable is ICMP, and what nobody answers stays unanswered. */
static void connect_failed(struct tcp_flow *t, const struct outside_failure *failure, nsec now)
{
	struct gateway *gateway = t->flow.gateway;
	uint8_t type, code;

	if (failure->code == ECONNREFUSED) {
		gateway->counters.connect_refused++;
		tcp_abort(&t->tcp);
		tcp_run(&t->tcp, now);
	} else if (policy_icmp_for(failure, ip_is_v4(t->flow.key.remote), &type, &code)) {
		gateway->counters.connect_unreachable++;
		send_icmp_about_syn(t, failure, type, code, now);
	} else if (failure->code == ETIMEDOUT) {
		gateway->counters.connect_timeout++;
	} else {
		gateway->counters.connect_no_socket++;
	}
	machine_wake(&gateway->machine);
	end(t, true);
}

static void connected(struct tcp_flow *t, nsec now)
{
	struct outside_failure failure = {0};
	int err = t->flow.gateway->outside->ops->connect_result(&t->outside, &failure);

	if (err == -EINPROGRESS)
		return;
	left_half_open(t);
	if (err < 0)
		connect_failed(t, &failure, now);
	else
		tcp_accept(&t->tcp, now);
}

static void on_outside_ready(struct watch *watch, uint32_t events)
{
	struct tcp_flow *t = CONTAINER_OF(watch, struct tcp_flow, outside.watch);
	nsec now = now_of(t->flow.gateway);

	if (t->is_connecting)
		connected(t, now);
	if (t->flow.is_ended || t->is_connecting)
		return;
	t->flow.last_at = now;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		t->is_readable = true;
	if (events & EPOLLERR && t->is_at_end)
		t->is_broken = true; /* a reset behind the FIN */
	if (events & (EPOLLOUT | EPOLLERR) && t->tcp.is_blocked)
		tcp_drain(&t->tcp, now);
	flow_wake(&t->flow.gateway->flows, &t->flow);
}

static struct tcp_flow *flow_new(struct gateway *gateway, const struct flow_key *key, nsec now)
{
	struct tcp_flow *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->flow.ops = &flow_ops;
	t->flow.gateway = gateway;
	t->flow.key = *key;
	t->outside.watch.fd = -1;
	t->outside.watch.on_ready = on_outside_ready;
	if (gateway_flow_insert(gateway, &t->flow, now) < 0) {
		free(t);
		return NULL;
	}
	gateway->counters.tcp_flows++;
	gateway->counters.tcp_opened++;
	return t;
}

static void entered_half_open(struct tcp_flow *t)
{
	struct gateway *gateway = t->flow.gateway;

	if (gateway->half_open_count >= MIN(HALF_OPEN_MAX, gateway->flows.count_max / 2 + 1))
		end(from_flow(LIST_ENTRY(gateway->half_open.next, struct flow, age)), true);
	t->is_connecting = true;
	gateway->half_open_count++;
	list_push_back(&gateway->half_open, &t->flow.age);
}

/* A SYN of a conversation nobody knows yet. */
static void open_outward(struct gateway *gateway, const struct flow_key *key,
	const struct frame *frame, const struct packet *packet, nsec now)
{
	struct endpoint to = {packet->to, packet->to_port};
	struct outside_failure failure = {0};
	struct tcp_flow *t;
	int err;

	if (!policy_destination(gateway, &to, &to)) {
		port_drop(&gateway->host.port, DROP_UNREACHABLE, frame);
		return;
	}
	t = flow_new(gateway, key, now);
	if (!t) {
		port_drop(&gateway->host.port, DROP_FLOW_LIMIT, frame);
		return;
	}
	tcp_open_passive(&t->tcp, &gateway->tcp, &machine_ops, frame, packet, now);
	entered_half_open(t);
	err = gateway->outside->ops->connect(gateway->outside, &t->outside, &to);
	if (err < 0) {
		failure.code = -err;
		connect_failed(t, &failure, now);
	}
}

static void no_flow(struct gateway *gateway, const struct flow_key *key, const struct frame *frame,
	const struct packet *packet, nsec now)
{
	if (time_wait_answer(gateway, key, frame, packet, now))
		return;
	if ((packet->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		open_outward(gateway, key, frame, packet, now);
	else
		host_refuse_tcp(&gateway->host, frame, packet, now);
}

static void take(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct flow_key key = {.guest = packet->from,
		.remote = packet->to,
		.guest_port = packet->from_port,
		.remote_port = packet->to_port,
		.protocol = IP_PROTOCOL_TCP};
	struct flow *flow;

	if (!host_checksum_is_right(frame, packet)) {
		port_drop(&gateway->host.port, DROP_CHECKSUM, frame);
		return;
	}
	flow = flow_find(&gateway->flows, &key);
	if (!flow) {
		no_flow(gateway, &key, frame, packet, now);
		return;
	}
	flow->last_at = now;
	tcp_receive(&from_flow(flow)->tcp, frame, packet, now);
	flow_wake(&gateway->flows, flow);
}

void tcp_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	if (merge_join(&gateway->merge, frame, packet))
		return;
	tcp_batch_done(gateway, now);
	if (merge_may_begin(frame, packet))
		merge_begin(&gateway->merge, frame, packet);
	if (!gateway->merge.frame.len)
		take(gateway, frame, packet, now);
}

void tcp_batch_done(struct gateway *gateway, nsec now)
{
	struct merge *merge = &gateway->merge;

	if (merge->frame.len)
		take(gateway, &merge->frame, &merge->packet, now);
	merge->frame.len = 0;
}

void tcp_inbound(struct gateway *gateway, int fd, const struct endpoint *client,
	const struct endpoint *guest, struct mac guest_mac, nsec now)
{
	struct flow_key key = {.guest = guest->ip,
		.remote = client->ip,
		.guest_port = guest->port,
		.remote_port = client->port,
		.protocol = IP_PROTOCOL_TCP};
	struct tcp_flow *t;

	if (flow_find(&gateway->flows, &key) || !(t = flow_new(gateway, &key, now))) {
		close(fd);
		return;
	}
	t->flow.is_inbound = true;
	tcp_open_active(&t->tcp, &gateway->tcp, &machine_ops, client, guest, guest_mac, now);
	if (gateway->outside->ops->adopt(gateway->outside, &t->outside, fd) < 0) {
		end(t, true);
		return;
	}
	t->is_readable = true;
	flow_wake(&gateway->flows, &t->flow);
}
