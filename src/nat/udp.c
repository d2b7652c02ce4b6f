/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UDP: one socket of the outside for each endpoint of a guest, whomever it talks to
 * (endpoint-independent mapping, RFC 4787 REQ-1), under the same port where that is free. Runs of
 * datagrams pass as the super-frames they are, both ways.
 */
#include "nat/datagram.h"
#include "nat/udp_forward.h"

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
	struct endpoint peer; /* the latest */
	bool has_several : 1; /* peers */
	bool is_only_dns : 1;
};

static struct udp_flow *from_flow(const struct flow *flow)
{
	return CONTAINER_OF(flow, struct udp_flow, datagram.flow);
}

static nsec life(const struct udp_flow *u)
{
	if (!u->datagram.is_answered)
		return LIFE_UNANSWERED;
	return u->is_only_dns ? LIFE_DNS : LIFE;
}

static void on_datagram(struct datagram_flow *d, const struct outside_datagram *datagram,
	const uint8_t *bytes, size_t len, nsec now)
{
	const struct flow_key *key = &d->flow.key;
	struct gateway *gateway = d->flow.gateway;
	struct udp_send send = {
		.from = {datagram_address_seen(gateway, datagram->peer.ip, key->guest),
			datagram->peer.port},
		.to = {key->guest, key->guest_port},
		.to_mac = d->guest_mac,
		.ttl = datagram->ttl > 1 ? datagram->ttl - 1 : datagram->ttl,
		.tos = datagram->tos,
		.segment_size = datagram->segment_size,
		.data = bytes,
		.len = (uint32_t)len,
	};

	host_post_udp(&gateway->host, &send, now);
}

static void on_lost(struct datagram_flow *d, const struct outside_failure *failure,
	const struct endpoint *peer, const uint8_t *quoted, size_t len, nsec now)
{
	const struct flow_key *key = &d->flow.key;

	udp_tell(d->flow.gateway,
		&(struct udp_lost){.guest = {key->guest, key->guest_port},
			.guest_mac = d->guest_mac,
			.peer = {datagram_address_seen(d->flow.gateway, peer->ip, key->guest),
				peer->port},
			.payload = quoted,
			.len = len},
		failure, now);
}

static const struct datagram_ops datagram_ops = {.on_datagram = on_datagram, .on_lost = on_lost};

static nsec flow_run(struct flow *flow, nsec now)
{
	struct udp_flow *u = from_flow(flow);

	datagram_receive(&u->datagram, &datagram_ops, now);
	if (flow->last_at + life(u) <= now)
		datagram_end(&u->datagram);
	return flow->last_at + life(u);
}

static void flow_free(struct flow *flow)
{
	struct udp_flow *u = from_flow(flow);

	flow->gateway->counters.udp_flows--;
	datagram_done(&u->datagram);
	free(u);
}

static void describe(const struct flow *flow, struct flow_info *ret)
{
	const struct udp_flow *u = from_flow(flow);

	ret->state = "mapped";
	if (!u->has_several)
		ret->remote = u->peer;
}

static const struct flow_ops flow_ops = {.run = flow_run, .free = flow_free, .describe = describe};

/* Only one socket is had for a guest's port, so it is worth that of a flow that says nothing. */
static int open_socket(struct udp_flow *u)
{
	struct gateway *gateway = u->datagram.flow.gateway;
	const struct flow_key *key = &u->datagram.flow.key;
	const struct outside_ops *ops = gateway->outside->ops;
	int err = ops->open_udp(
		gateway->outside, &u->datagram.outside, key->guest, key->guest_port);

	if ((err == -EMFILE || err == -ENFILE) && datagram_evict(gateway))
		err = ops->open_udp(
			gateway->outside, &u->datagram.outside, key->guest, key->guest_port);
	if (err < 0)
		gateway->counters.connect_no_socket++;
	return err;
}

static struct udp_flow *flow_new(struct gateway *gateway, const struct flow_key *key, nsec now)
{
	struct udp_flow *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	datagram_init(&u->datagram, gateway, &flow_ops, key);
	u->is_only_dns = true;
	if (open_socket(u) < 0 || datagram_insert(&u->datagram, now) < 0) {
		datagram_done(&u->datagram);
		free(u);
		return NULL;
	}
	gateway->counters.udp_flows++;
	gateway->counters.udp_opened++;
	return u;
}

static void note_peer(struct udp_flow *u, const struct packet *packet)
{
	struct endpoint peer = {packet->to, packet->to_port};

	if (endpoint_equal(&u->peer, &peer))
		return;
	u->has_several |= u->peer.port != 0;
	u->is_only_dns &= peer.port == DNS_PORT;
	u->peer = peer;
}

static void send_outward(struct gateway *gateway, const struct frame *frame,
	const struct packet *packet, const struct outside_datagram *datagram, nsec now)
{
	struct flow_key key = {.guest = packet->from,
		.guest_port = packet->from_port,
		.protocol = IP_PROTOCOL_UDP};
	struct flow *flow = flow_find(&gateway->flows, &key);
	struct udp_flow *u = flow ? from_flow(flow) : flow_new(gateway, &key, now);

	if (!u) {
		port_drop(&gateway->host.port, DROP_FLOW_LIMIT, frame);
		return;
	}
	memcpy(&u->datagram.guest_mac, frame->head + sizeof(struct mac), sizeof(struct mac));
	contacts_add(&u->datagram.contacts, datagram->peer.ip);
	note_peer(u, packet);
	datagram_touch(&u->datagram.flow, now);
	datagram_send(&u->datagram, &datagram_ops, datagram, frame, packet, packet->payload, now);
}

void udp_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct outside_datagram datagram;

	if (!host_checksum_is_right(frame, packet))
		port_drop(&gateway->host.port, DROP_CHECKSUM, frame);
	else if (udp_forward_transit(gateway, frame, packet, now))
		return;
	else if (datagram_may_leave(gateway, frame, packet, &datagram, now))
		send_outward(gateway, frame, packet, &datagram, now);
}

void udp_tell(struct gateway *gateway, const struct udp_lost *lost,
	const struct outside_failure *failure, nsec now)
{
	uint8_t bytes[UDP_HEADER_LEN + UDP_QUOTE_MAX];
	struct writer w = writer_on(bytes, sizeof(bytes));
	size_t len = MIN(lost->len, UDP_QUOTE_MAX);

	write_udp(&w, &lost->guest, &lost->peer, lost->payload, (uint32_t)len);
	write_bytes(&w, lost->payload, len);
	datagram_tell(gateway,
		&(struct lost_packet){.guest_mac = lost->guest_mac,
			.from = lost->guest.ip,
			.to = lost->peer.ip,
			.protocol = IP_PROTOCOL_UDP,
			.l4 = bytes,
			.l4_len = writer_len(&w)},
		failure, now);
}
