/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/datagram.h"

#include "wire/icmp.h"
#include "wire/udp.h"

#include <errno.h>
#include <stdlib.h>

#define BUFFER_SIZE (4 * DATAGRAM_SIZE)
#define READS_MOST  16 /* of a socket in a turn, so that frames are not kept waiting */
#define ERRORS_MOST 64

void datagram_close(struct datagram_socket *socket)
{
	if (socket->outside.watch.fd >= 0)
		socket->gateway->outside->ops->close(&socket->outside, false);
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

/* RFC 5508 REQ-9. */
void datagram_refuse(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	if (packet->version == 4)
		refuse(gateway, frame, packet, ICMP_UNREACHABLE, ICMP_PROHIBITED, DROP_UNREACHABLE,
			now);
	else
		refuse(gateway, frame, packet, ICMP6_UNREACHABLE, ICMP6_PROHIBITED,
			DROP_UNREACHABLE, now);
}

static void refuse_expired(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	refuse(gateway, frame, packet,
		packet->version == 4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED, ICMP_TTL_EXCEEDED,
		DROP_TTL, now);
}

/* RFC 8200 5: what its sender did not cut is not cut on the way. */
static bool may_not_fragment(
	const struct gateway *gateway, const struct frame *frame, const struct packet *packet)
{
	uint32_t mtu = gateway->host.port.mtu;

	if (packet->version == 4)
		return packet->may_not_fragment;
	return !mtu || frame->offload.kind == SEGMENT_UDP || packet->end - packet->l3 <= mtu;
}

bool datagram_route(struct gateway *gateway, const struct frame *frame, const struct packet *packet,
	struct outside_datagram *ret, nsec now)
{
	/* We are a router on the way, unless it is to us. */
	uint8_t hops = !host_owns(&gateway->host, packet->to);

	if (packet->ttl <= hops) {
		refuse_expired(gateway, frame, packet, now);
		return false;
	}
	ret->ttl = packet->ttl - hops;
	ret->tos = packet->tos;
	ret->may_not_fragment = may_not_fragment(gateway, frame, packet);
	if (frame->offload.kind == SEGMENT_UDP)
		ret->segment_size = frame->offload.segment_size;
	return true;
}

/* Tells of all that came back. Returns the path's MTU where a datagram was too big to leave, or 0.
 */
static uint32_t read_errors(struct datagram_socket *socket, nsec now)
{
	const struct outside_ops *ops = socket->gateway->outside->ops;
	uint8_t quoted[DATAGRAM_QUOTE_MAX];
	struct outside_failure failure;
	struct endpoint peer;
	uint32_t mtu = 0;
	size_t len;

	socket->has_errors = false;
	for (unsigned i = 0; i < ERRORS_MOST; i++) {
		if (!ops->receive_error(
			    &socket->outside, &failure, &peer, quoted, sizeof(quoted), &len))
			break;
		if (failure.has_icmp)
			socket->ops->on_lost(socket, &failure, &peer, quoted, len, now);
		else if (failure.code == EMSGSIZE)
			mtu = failure.mtu;
	}
	return mtu;
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

bool datagram_send(struct datagram_socket *socket, const struct outside_datagram *datagram,
	const struct frame *frame, const struct packet *packet, uint32_t offset, nsec now)
{
	const struct outside_ops *ops = socket->gateway->outside->ops;
	struct iovec parts[FRAME_BODY_MAX + 1];
	unsigned count = frame_slice(frame, offset, packet->end - offset, parts);
	ssize_t sent = ops->send_datagram(&socket->outside, datagram, parts, count);
	uint32_t mtu = 0;

	if (sent < 0 && sent != -EAGAIN)
		mtu = read_errors(socket, now);
	/* It may have been the error of a datagram before, that this call was told of. */
	if (sent < 0 && sent != -EAGAIN && sent != -EMSGSIZE)
		sent = ops->send_datagram(&socket->outside, datagram, parts, count);
	if (sent == -EMSGSIZE)
		too_big(socket->gateway, frame, packet, mtu, now);
	else if (sent < 0)
		send_failed(socket->gateway, (int)-sent, frame, packet, now);
	return sent >= 0;
}

/* Room for one more. The host's frames point at those before, until they have left. */
static uint8_t *room(struct gateway *gateway, nsec now)
{
	if (!gateway->datagrams)
		gateway->datagrams = malloc(BUFFER_SIZE);
	if (!gateway->datagrams)
		return NULL;
	if (gateway->datagrams_len + DATAGRAM_SIZE > BUFFER_SIZE)
		host_flush(&gateway->host, now);
	if (!gateway->host.frame_count)
		gateway->datagrams_len = 0;
	return gateway->datagrams + gateway->datagrams_len;
}

/* False: no more for now. */
static bool receive_one(struct datagram_socket *socket, nsec now)
{
	struct gateway *gateway = socket->gateway;
	uint8_t small[1], *bytes = room(gateway, now);
	struct outside_datagram datagram;
	ssize_t got = gateway->outside->ops->receive_datagram(&socket->outside, &datagram,
		bytes ? bytes : small, bytes ? DATAGRAM_SIZE : sizeof(small));

	if (got == -EAGAIN)
		return false;
	if (got < 0) {
		read_errors(socket, now);
	} else if (!bytes) {
		datagram_drop(gateway, DROP_NO_MEMORY);
	} else {
		gateway->datagrams_len += (size_t)got;
		socket->ops->on_datagram(socket, &datagram, bytes, (uint32_t)got, now);
	}
	return true;
}

bool datagram_receive(struct datagram_socket *socket, nsec now)
{
	if (socket->has_errors)
		read_errors(socket, now);
	for (unsigned i = 0; i < READS_MOST; i++)
		if (!receive_one(socket, now))
			return false;
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
		.ttl = 1, /* as it was when it was lost, for all we know */
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
	uint8_t bytes[ETH_HEADER_LEN + IP6_HEADER_LEN + UDP_HEADER_LEN + DATAGRAM_QUOTE_MAX];
	struct frame frame = rebuild(gateway, lost, bytes, sizeof(bytes));
	bool is_v4 = ip_is_v4(lost->to);
	struct packet packet;
	uint8_t type, code;

	if (ip_is_v4(lost->from) != is_v4 || !policy_icmp_for(failure, is_v4, &type, &code))
		return;
	if (ip_is_v4(from) != is_v4)
		from = (struct ip){0}; /* then we say it ourselves */
	if (packet_parse(bytes, frame.len, frame.len, &packet) == PACKET_OK)
		host_send_icmp_error(
			&gateway->host, from, type, code, failure->mtu, &frame, &packet, now);
}
