/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UDP: one socket of the outside for each endpoint of a guest, whomever it talks to
 * (endpoint-independent mapping, RFC 4787 REQ-1), under the same port where that is free. Runs of
 * datagrams pass as the super-frames they are, both ways.
 */
#include "nat/udp_internal.h"

#include "ip/checksum.h"
#include "wire/udp.h"

#include <errno.h>
#include <stdlib.h>

#define LIFE		(300 * NSEC_PER_SEC) /* RFC 4787 REQ-5 */
#define LIFE_UNANSWERED (30 * NSEC_PER_SEC)
#define LIFE_DNS	(10 * NSEC_PER_SEC) /* RFC 4787 REQ-5(a): a question that was answered */
#define DNS_PORT	53

struct udp_flow {
	struct datagram_flow datagram;
	struct endpoint peer; /* the latest the guest spoke to */
	bool has_several_peers;
	bool is_all_dns;
};

static nsec life(const struct datagram_flow *d)
{
	const struct udp_flow *u = CONTAINER_OF(d, const struct udp_flow, datagram);

	if (!d->is_answered)
		return LIFE_UNANSWERED;
	return u->is_all_dns ? LIFE_DNS : LIFE;
}

void udp_deliver(struct datagram_flow *d, const struct outside_datagram *datagram,
	const struct endpoint *peer, const uint8_t *bytes, uint32_t len, nsec now)
{
	struct udp_send send = {
		.from = *peer,
		.to = {d->flow.key.guest, d->flow.key.guest_port},
		.to_mac = d->guest_mac,
		.ttl = datagram->ttl > 1 ? datagram->ttl - 1 : datagram->ttl,
		.tos = datagram->tos,
		.segment_size = datagram->segment_size,
		.data = bytes,
		.len = len,
	};

	host_post_udp(&d->flow.gateway->host, &send, now);
}

void udp_tell(struct datagram_flow *d, const struct outside_failure *failure,
	const struct endpoint *peer, const uint8_t *quoted, size_t len, nsec now)
{
	struct endpoint guest = {d->flow.key.guest, d->flow.key.guest_port};
	uint8_t bytes[UDP_HEADER_LEN + DATAGRAM_QUOTE_MAX];
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct lost_packet lost = {.guest_mac = d->guest_mac,
		.from = guest.ip,
		.to = peer->ip,
		.protocol = IP_PROTOCOL_UDP,
		.l4 = bytes,
		.l4_len = UDP_HEADER_LEN + len};

	write_udp(&w, &guest, peer, quoted, (uint32_t)len);
	write_bytes(&w, quoted, len);
	if (!w.failed)
		datagram_tell(d->flow.gateway, &lost, failure, now);
}

static struct datagram_flow *from_socket(struct datagram_socket *socket)
{
	return CONTAINER_OF(socket, struct datagram_flow, socket);
}

static struct endpoint peer_seen(const struct datagram_flow *d, const struct endpoint *peer)
{
	return (struct endpoint){
		datagram_address_seen(d->flow.gateway, peer->ip, d->flow.key.guest), peer->port};
}

static void on_datagram(struct datagram_socket *socket, const struct outside_datagram *datagram,
	const uint8_t *bytes, uint32_t len, nsec now)
{
	struct datagram_flow *d = from_socket(socket);
	struct endpoint peer = peer_seen(d, &datagram->peer);

	if (datagram_flow_hears(d, datagram, len, now))
		udp_deliver(d, datagram, &peer, bytes, len, now);
}

static void on_lost(struct datagram_socket *socket, const struct outside_failure *failure,
	const struct endpoint *peer, const uint8_t *quoted, size_t len, nsec now)
{
	struct datagram_flow *d = from_socket(socket);
	struct endpoint seen = peer_seen(d, peer);

	udp_tell(d, failure, &seen, quoted, len, now);
}

static const struct datagram_ops datagram_ops = {.on_datagram = on_datagram, .on_lost = on_lost};

static struct datagram_flow *from_flow(struct flow *flow)
{
	return CONTAINER_OF(flow, struct datagram_flow, flow);
}

static nsec flow_run(struct flow *flow, nsec now)
{
	return datagram_flow_run(from_flow(flow), life, now);
}

static void flow_free(struct flow *flow)
{
	struct datagram_flow *d = from_flow(flow);

	flow->gateway->counters.udp_flows--;
	datagram_flow_done(d);
	free(CONTAINER_OF(d, struct udp_flow, datagram));
}

static void describe(const struct flow *flow, struct flow_info *ret)
{
	const struct udp_flow *u = CONTAINER_OF(flow, const struct udp_flow, datagram.flow);

	ret->state = "mapped";
	if (!u->has_several_peers)
		ret->remote = u->peer;
}

static const struct flow_ops flow_ops = {.run = flow_run, .free = flow_free, .describe = describe};

static int open_socket(struct datagram_flow *d)
{
	struct outside *outside = d->flow.gateway->outside;

	return outside->ops->open_udp(
		outside, &d->socket.outside, d->flow.key.guest, d->flow.key.guest_port);
}

static struct udp_flow *flow_new(struct gateway *gateway, const struct flow_key *key, nsec now)
{
	struct udp_flow *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	datagram_flow_init(&u->datagram, gateway, &flow_ops, &datagram_ops, key);
	u->is_all_dns = true;
	if (datagram_flow_open(&u->datagram, open_socket) < 0 ||
		datagram_flow_insert(&u->datagram, now) < 0) {
		datagram_flow_done(&u->datagram);
		free(u);
		return NULL;
	}
	gateway->counters.udp_flows++;
	gateway->counters.udp_opened++;
	return u;
}

static struct udp_flow *flow_for(struct gateway *gateway, const struct packet *packet, nsec now)
{
	struct flow_key key = {.guest = packet->from,
		.guest_port = packet->from_port,
		.protocol = IP_PROTOCOL_UDP};
	struct flow *flow = flow_find(&gateway->flows, &key);

	return flow ? CONTAINER_OF(flow, struct udp_flow, datagram.flow)
		    : flow_new(gateway, &key, now);
}

static void note_peer(struct udp_flow *u, const struct packet *packet)
{
	struct endpoint peer = {packet->to, packet->to_port};

	if (endpoint_equal(&u->peer, &peer))
		return;
	u->has_several_peers |= !ip_is_none(u->peer.ip);
	u->is_all_dns &= peer.port == DNS_PORT;
	u->peer = peer;
}

static void send_outward(struct gateway *gateway, const struct frame *frame,
	const struct packet *packet, const struct outside_datagram *datagram, nsec now)
{
	struct udp_flow *u = flow_for(gateway, packet, now);

	if (!u) {
		port_drop(&gateway->host.port, DROP_FLOW_LIMIT, frame);
		return;
	}
	note_peer(u, packet);
	datagram_flow_speaks(&u->datagram, frame, datagram->peer.ip, now);
	if (datagram_send(&u->datagram.socket, datagram, frame, packet, packet->payload, now))
		u->datagram.flow.up_bytes += packet->end - packet->payload;
}

void udp_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct endpoint to = {packet->to, packet->to_port};
	struct outside_datagram datagram = {0};

	if (!host_checksum_is_right(frame, packet))
		port_drop(&gateway->host.port, DROP_CHECKSUM, frame);
	else if (udp_forward_transit(gateway, frame, packet, now))
		return;
	else if (!policy_destination(gateway, &to, &datagram.peer))
		datagram_refuse(gateway, frame, packet, now);
	else if (datagram_route(gateway, frame, packet, &datagram, now))
		send_outward(gateway, frame, packet, &datagram, now);
}
