/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP and ICMPv6 echo (RFC 5508): one socket of the outside for each identifier of a guest. */
#include "nat/datagram_flow.h"

#include "ip/checksum.h"
#include "wire/checksum.h"
#include "wire/icmp.h"

#include <errno.h>
#include <stdlib.h>

static struct datagram_flow *from_flow(const struct flow *flow)
{
	return CONTAINER_OF(flow, struct datagram_flow, flow);
}

static uint8_t request_type(struct ip ip)
{
	return ip_is_v4(ip) ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST;
}

static uint8_t reply_type(struct ip ip)
{
	return ip_is_v4(ip) ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY;
}

static void on_datagram(struct datagram_socket *socket, const struct outside_datagram *datagram,
	const uint8_t *bytes, uint32_t len, nsec now)
{
	struct datagram_flow *d = CONTAINER_OF(socket, struct datagram_flow, socket);
	const struct flow_key *key = &d->flow.key;
	struct gateway *gateway = d->flow.gateway;
	struct icmp_send send = {
		.from = datagram_address_seen(gateway, datagram->peer.ip, key->guest),
		.to = key->guest,
		.to_mac = d->guest_mac,
		.ttl = datagram->ttl > 1 ? datagram->ttl - 1 : datagram->ttl,
		.tos = datagram->tos,
		.type = reply_type(key->guest),
	};

	if (len < ICMP_HEADER_LEN || bytes[0] != send.type || bytes[1]) {
		datagram_drop(gateway, DROP_UNWANTED);
		return;
	}
	if (!datagram_flow_hears(d, datagram, len - ICMP_HEADER_LEN, now))
		return;
	send.rest = (uint32_t)key->guest_port << 16 | load_be16(bytes + 6);
	send.data = bytes + ICMP_HEADER_LEN;
	send.len = len - ICMP_HEADER_LEN;
	host_post_icmp(&gateway->host, &send, now);
}

/* The request as the guest sent it: its own identifier, and the checksum that goes with that. */
static void restore(uint8_t *request, uint16_t id)
{
	uint8_t old_id[2];
	uint16_t checksum;

	memcpy(old_id, request + 4, sizeof(old_id));
	store_be16(request + 4, id);
	memcpy(&checksum, request + 2, sizeof(checksum));
	checksum = checksum_update(checksum, old_id, request + 4, sizeof(old_id));
	memcpy(request + 2, &checksum, sizeof(checksum));
}

static void on_lost(struct datagram_socket *socket, const struct outside_failure *failure,
	const struct endpoint *peer, const uint8_t *quoted, size_t len, nsec now)
{
	struct datagram_flow *d = CONTAINER_OF(socket, struct datagram_flow, socket);
	const struct flow_key *key = &d->flow.key;
	struct gateway *gateway = d->flow.gateway;
	uint8_t request[DATAGRAM_QUOTE_MAX];
	struct lost_packet lost = {.guest_mac = d->guest_mac,
		.from = key->guest,
		.to = datagram_address_seen(gateway, peer->ip, key->guest),
		.protocol = (uint8_t)key->protocol,
		.l4 = request,
		.l4_len = MIN(len, sizeof(request))};

	/* A raw socket hears what became of the requests of others, too. */
	if (len < ICMP_HEADER_LEN || quoted[0] != request_type(key->guest) ||
		load_be16(quoted + 4) != socket->outside.echo_id)
		return;
	memcpy(request, quoted, lost.l4_len);
	restore(request, key->guest_port);
	datagram_tell(gateway, &lost, failure, now);
}

static const struct datagram_ops datagram_ops = {.on_datagram = on_datagram, .on_lost = on_lost};

/* RFC 5508 REQ-2. */
static nsec life(const struct datagram_flow *)
{
	return 60 * NSEC_PER_SEC;
}

static nsec flow_run(struct flow *flow, nsec now)
{
	return datagram_flow_run(from_flow(flow), life, now);
}

static void flow_free(struct flow *flow)
{
	struct datagram_flow *d = from_flow(flow);

	flow->gateway->counters.icmp_flows--;
	datagram_flow_done(d);
	free(d);
}

static void describe(const struct flow *, struct flow_info *ret)
{
	ret->state = "echo";
}

static const struct flow_ops flow_ops = {.run = flow_run, .free = flow_free, .describe = describe};

static int open_socket(struct datagram_flow *d)
{
	struct outside *outside = d->flow.gateway->outside;

	return outside->ops->open_ping(
		outside, &d->socket.outside, d->flow.key.guest, d->flow.key.guest_port);
}

static int flow_new(
	struct gateway *gateway, const struct flow_key *key, struct datagram_flow **ret, nsec now)
{
	struct datagram_flow *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	datagram_flow_init(d, gateway, &flow_ops, &datagram_ops, key);
	err = datagram_flow_open(d, open_socket);
	if (err == 0)
		err = datagram_flow_insert(d, now);
	if (err < 0) {
		datagram_flow_done(d);
		free(d);
		return err;
	}
	gateway->counters.icmp_flows++;
	gateway->counters.icmp_opened++;
	*ret = d;
	return 0;
}

static struct datagram_flow *flow_for(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct flow_key key = {.guest = packet->from,
		.guest_port = load_be16(frame->head + packet->l4 + 4),
		.protocol = packet->protocol};
	struct flow *flow = flow_find(&gateway->flows, &key);
	struct datagram_flow *d = NULL;
	int err;

	if (flow)
		return from_flow(flow);
	err = flow_new(gateway, &key, &d, now);
	if (err == -EACCES)
		datagram_refuse(gateway, frame, packet, now);
	else if (err < 0)
		port_drop(&gateway->host.port, DROP_FLOW_LIMIT, frame);
	return d;
}

static void send_outward(struct gateway *gateway, const struct frame *frame,
	const struct packet *packet, const struct outside_datagram *datagram, nsec now)
{
	struct datagram_flow *d = flow_for(gateway, frame, packet, now);

	if (!d)
		return;
	datagram_flow_speaks(d, frame, datagram->peer.ip, now);
	if (datagram_send(&d->socket, datagram, frame, packet, packet->l4, now))
		d->flow.up_bytes += packet->end - packet->payload;
}

/* Errors that guests report tell us nothing that the outside would have to know. */
void icmp_transit(
	struct gateway *gateway, const struct frame *frame, const struct packet *packet, nsec now)
{
	const uint8_t *icmp = frame->head + packet->l4;
	struct endpoint to = {.ip = packet->to};
	struct outside_datagram datagram = {0};

	if (!host_checksum_is_right(frame, packet))
		port_drop(&gateway->host.port, DROP_CHECKSUM, frame);
	else if (icmp[0] != request_type(packet->to) || icmp[1])
		port_drop(&gateway->host.port, DROP_UNWANTED, frame);
	else if (!policy_destination(gateway, &to, &datagram.peer))
		datagram_refuse(gateway, frame, packet, now);
	else if (datagram_route(gateway, frame, packet, &datagram, now))
		send_outward(gateway, frame, packet, &datagram, now);
}
