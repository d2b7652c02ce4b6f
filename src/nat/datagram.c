/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/datagram.h"

#include "wire/icmp.h"

#include <errno.h>
#include <stdlib.h>

#define BUFFER_SIZE (4 * DATAGRAM_SIZE)
#define QUOTE_MAX   512 /* bytes of a lost datagram that the guest is shown again */
#define ERRORS_MOST 64	/* of a queue at a time */

static void on_ready(struct watch *watch, uint32_t events)
{
	struct datagram_flow *d = CONTAINER_OF(watch, struct datagram_flow, outside.watch);

	if (events & EPOLLERR)
		d->has_errors = true;
	d->is_readable = true;
	flow_wake(&d->flow.gateway->flows, &d->flow);
}

void datagram_init(struct datagram_flow *d, struct gateway *gateway, const struct flow_ops *ops,
	const struct flow_key *key)
{
	d->flow.ops = ops;
	d->flow.gateway = gateway;
	d->flow.key = *key;
	d->outside.watch.fd = -1;
	d->outside.watch.on_ready = on_ready;
}

int datagram_insert(struct datagram_flow *d, nsec now)
{
	struct gateway *gateway = d->flow.gateway;
	int err = gateway_flow_insert(gateway, &d->flow, now);

	if (err < 0)
		return err;
	list_push_back(&gateway->datagram_flows, &d->flow.age);
	flow_wake(&gateway->flows, &d->flow); /* it has a deadline */
	return 0;
}

void datagram_touch(struct flow *flow, nsec now)
{
	flow->last_at = now;
	list_remove(&flow->age);
	list_push_back(&flow->gateway->datagram_flows, &flow->age);
}

void datagram_end(struct datagram_flow *d)
{
	struct gateway *gateway = d->flow.gateway;

	if (d->outside.watch.fd >= 0)
		gateway->outside->ops->close(&d->outside, false);
	flow_end(&gateway->flows, &d->flow);
}

void datagram_done(struct datagram_flow *d)
{
	if (d->outside.watch.fd >= 0)
		d->flow.gateway->outside->ops->close(&d->outside, false);
	contacts_done(&d->contacts);
}

uint8_t *datagram_room(struct gateway *gateway, nsec now)
{
	if (!gateway->datagrams)
		gateway->datagrams = malloc(BUFFER_SIZE);
	if (!gateway->datagrams)
		return NULL;
	if (!gateway->host.frame_count)
		gateway->datagrams_len = 0; /* they have left */
	if (gateway->datagrams_len + DATAGRAM_SIZE > BUFFER_SIZE) {
		host_flush(&gateway->host, now);
		gateway->datagrams_len = 0;
	}
	return gateway->datagrams + gateway->datagrams_len;
}

void datagram_keep(struct gateway *gateway, size_t len)
{
	gateway->datagrams_len += len;
}

void datagram_drop(struct gateway *gateway, enum drop reason)
{
	static const uint8_t nothing[1];
	struct frame unknown = frame_linear(nothing, 0);

	port_drop_in(&gateway->host.port, reason, &unknown);
}

struct ip datagram_address_seen(const struct gateway *gateway, struct ip outside, struct ip guest)
{
	return ip_is_loopback(outside) ? host_address_for(&gateway->host, guest) : outside;
}

static void refuse(struct gateway *gateway, const struct frame *frame, const struct packet *packet,
	uint8_t type, uint8_t code, enum drop reason, nsec now)
{
	host_send_icmp_error(&gateway->host, (struct ip){0}, type, code, 0, frame, packet, now);
	port_drop(&gateway->host.port, reason, frame);
}

void datagram_refuse(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	bool is_v4 = packet->version == 4;

	refuse(gateway, frame, packet, is_v4 ? ICMP_UNREACHABLE : ICMP6_UNREACHABLE,
		is_v4 ? ICMP_PROHIBITED : ICMP6_PROHIBITED, DROP_UNREACHABLE, now);
}

static void refuse_expired(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	refuse(gateway, frame, packet,
		packet->version == 4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED, ICMP_TTL_EXCEEDED,
		DROP_TTL, now);
}

/* RFC 8200 5: a datagram that its sender did not cut is not cut on the way. */
static bool may_not_fragment(
	const struct gateway *gateway, const struct frame *frame, const struct packet *packet)
{
	if (packet->version == 4)
		return packet->may_not_fragment;
	return frame->offload.kind == SEGMENT_UDP ||
	       packet->end - packet->l3 <= gateway->host.port.mtu;
}

bool datagram_may_leave(struct gateway *gateway, const struct frame *frame,
	const struct packet *packet, struct outside_datagram *ret, nsec now)
{
	struct endpoint to = {packet->to, packet->to_port};
	bool is_for_us = host_owns(&gateway->host, packet->to);

	*ret = (struct outside_datagram){0};
	if (!policy_destination(gateway, &to, &ret->peer)) {
		datagram_refuse(gateway, frame, packet, now);
		return false;
	}
	if (packet->ttl <= 1 && !is_for_us) {
		refuse_expired(gateway, frame, packet, now);
		return false;
	}
	ret->ttl = packet->ttl - !is_for_us; /* we are a router on the way */
	ret->tos = packet->tos;
	ret->may_not_fragment = may_not_fragment(gateway, frame, packet);
	if (frame->offload.kind == SEGMENT_UDP)
		ret->segment_size = frame->offload.segment_size;
	return true;
}

/* Tells the guest of all that came back; *ret_mtu: the path's, where a datagram did not even leave.
 */
static void read_errors(
	struct datagram_flow *d, const struct datagram_ops *ops, uint32_t *ret_mtu, nsec now)
{
	const struct outside_ops *outside = d->flow.gateway->outside->ops;
	struct outside_failure failure;
	uint8_t quoted[QUOTE_MAX];
	struct endpoint peer;
	size_t len;

	d->has_errors = false;
	for (unsigned i = 0; i < ERRORS_MOST; i++) {
		if (!outside->receive_error(
			    &d->outside, &failure, &peer, quoted, sizeof(quoted), &len))
			return;
		if (failure.has_icmp)
			ops->on_lost(d, &failure, &peer, quoted, len, now);
		else if (failure.code == EMSGSIZE && ret_mtu)
			*ret_mtu = failure.mtu;
	}
}

static void too_big(struct gateway *gateway, const struct frame *frame, const struct packet *packet,
	uint32_t mtu, nsec now)
{
	bool is_v4 = packet->version == 4;

	if (mtu)
		host_send_icmp_error(&gateway->host, (struct ip){0},
			is_v4 ? ICMP_UNREACHABLE : ICMP6_TOO_BIG, is_v4 ? ICMP_TOO_BIG : 0, mtu,
			frame, packet, now);
	port_drop(&gateway->host.port, DROP_GIANT, frame);
}

static void send_failed(struct gateway *gateway, int code, const struct frame *frame,
	const struct packet *packet, nsec now)
{
	struct outside_failure failure = {.code = code};
	uint8_t type, icmp_code;

	if (code == EAGAIN || code == ENOBUFS) {
		port_drop(&gateway->host.port, DROP_QUEUE_FULL, frame);
		return;
	}
	if (policy_icmp_for(&failure, packet->version == 4, &type, &icmp_code))
		host_send_icmp_error(
			&gateway->host, (struct ip){0}, type, icmp_code, 0, frame, packet, now);
	port_drop(&gateway->host.port, DROP_UNREACHABLE, frame);
}

bool datagram_send(struct datagram_flow *d, const struct datagram_ops *ops,
	const struct outside_datagram *datagram, const struct frame *frame,
	const struct packet *packet, uint32_t offset, nsec now)
{
	struct gateway *gateway = d->flow.gateway;
	const struct outside_ops *outside = gateway->outside->ops;
	struct iovec parts[FRAME_BODY_MAX + 1];
	unsigned count = frame_slice(frame, offset, packet->end - offset, parts);
	ssize_t sent = outside->send_datagram(&d->outside, datagram, parts, count);
	uint32_t mtu = 0;

	if (sent < 0 && sent != -EAGAIN)
		read_errors(d, ops, &mtu, now);
	/* The error may have been one of a datagram before, reported with this one. */
	if (sent < 0 && sent != -EAGAIN && sent != -EMSGSIZE)
		sent = outside->send_datagram(&d->outside, datagram, parts, count);
	if (sent == -EMSGSIZE)
		too_big(gateway, frame, packet, mtu, now);
	else if (sent < 0)
		send_failed(gateway, (int)-sent, frame, packet, now);
	if (sent < 0)
		return false;
	d->flow.up_bytes += packet->end - packet->payload;
	return true;
}

/* False: nothing more for now. */
static bool receive_one(struct datagram_flow *d, const struct datagram_ops *ops, nsec now)
{
	struct gateway *gateway = d->flow.gateway;
	uint8_t *bytes = datagram_room(gateway, now);
	struct outside_datagram datagram;
	ssize_t got;

	if (!bytes) {
		datagram_drop(gateway, DROP_NO_MEMORY);
		return false;
	}
	got = gateway->outside->ops->receive_datagram(&d->outside, &datagram, bytes, DATAGRAM_SIZE);
	if (got == -EAGAIN) {
		d->is_readable = false;
		return false;
	}
	if (got < 0) {
		read_errors(d, ops, NULL, now);
		return true;
	}
	if (!contacts_has(&d->contacts, datagram.peer.ip)) {
		datagram_drop(gateway, DROP_POLICY);
		return true;
	}
	datagram_keep(gateway, (size_t)got);
	d->is_answered = true;
	d->flow.down_bytes += (uint64_t)got;
	datagram_touch(&d->flow, now);
	ops->on_datagram(d, &datagram, bytes, (size_t)got, now);
	return true;
}

void datagram_receive(struct datagram_flow *d, const struct datagram_ops *ops, nsec now)
{
	if (d->has_errors)
		read_errors(d, ops, NULL, now);
	if (!d->is_readable)
		return;
	for (unsigned i = 0; i < DATAGRAM_READS; i++)
		if (!receive_one(d, ops, now))
			return;
	flow_wake(&d->flow.gateway->flows, &d->flow);
}

bool datagram_evict(struct gateway *gateway)
{
	if (list_is_empty(&gateway->datagram_flows))
		return false;
	datagram_end(LIST_ENTRY(gateway->datagram_flows.next, struct datagram_flow, flow.age));
	return true;
}

/* The packet as the guest sent it, in as much of it as came back. */
static struct frame rebuild(
	const struct gateway *gateway, const struct lost_packet *lost, uint8_t *bytes, size_t size)
{
	struct writer w = writer_on(bytes, size);
	struct ip_fields ip = {.from = lost->from,
		.to = lost->to,
		.protocol = lost->protocol,
		.ttl = 1, /* as it was when it was lost */
		.payload_len = (uint32_t)lost->l4_len};

	write_eth(&w, gateway->host.port.mac, lost->guest_mac,
		ip_is_v4(lost->to) ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(&w, &ip);
	write_bytes(&w, lost->l4, lost->l4_len);
	return frame_linear(bytes, w.failed ? 0 : (uint32_t)writer_len(&w));
}

void datagram_tell(struct gateway *gateway, const struct lost_packet *lost,
	const struct outside_failure *failure, nsec now)
{
	struct ip from = datagram_address_seen(gateway, failure->offender, lost->from);
	uint8_t bytes[ETH_HEADER_LEN + IP6_HEADER_LEN + ICMP_HEADER_LEN + QUOTE_MAX];
	struct frame frame = rebuild(gateway, lost, bytes, sizeof(bytes));
	struct packet packet;
	uint8_t type, code;

	if (!policy_icmp_for(failure, ip_is_v4(lost->to), &type, &code))
		return;
	if (packet_parse(bytes, frame.len, frame.len, &packet) == PACKET_OK)
		host_send_icmp_error(
			&gateway->host, from, type, code, failure->mtu, &frame, &packet, now);
}
