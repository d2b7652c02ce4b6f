/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams for and from the host. */
#include "wire/udp.h"

#include "ip/checksum.h"
#include "ip/host_parts.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"

#include <stdlib.h>

#define WAITING_MAX	64    /* datagrams */
#define UDP_PAYLOAD_MAX 65527 /* bytes */

struct udp_binding *udp_find(const struct host *host, uint16_t port)
{
	LIST_EACH(node, &host->udp_bindings) {
		struct udp_binding *binding = LIST_ENTRY(node, struct udp_binding, node);

		if (binding->port == port)
			return binding;
	}
	return NULL;
}

/* data: the payload, linear. A super-frame holds several datagrams of one size. */
static void hand_over(struct udp_binding *binding, const struct frame *frame,
	const struct packet *packet, const uint8_t *data, nsec now)
{
	uint32_t left = packet->end - packet->payload;
	uint32_t step = frame->offload.kind == SEGMENT_UDP ? frame->offload.segment_size : left;
	struct datagram datagram = {.from = {packet->from, packet->from_port},
		.to = {packet->to, packet->to_port},
		.from_mac = frame_from(frame),
		.ttl = packet->ttl,
		.tos = packet->tos};

	do {
		datagram.data = data;
		datagram.len = step ? MIN(step, left) : left;
		data += datagram.len;
		left -= datagram.len;
		binding->on_datagram(binding, &datagram, now);
	} while (left);
}

/* Apart, because of what it takes of the stack. */
__attribute__((noinline)) static void hand_over_scattered(struct udp_binding *binding,
	const struct frame *frame, const struct packet *packet, nsec now)
{
	uint8_t data[UDP_PAYLOAD_MAX];

	frame_copy(frame, packet->payload, data, packet->end - packet->payload);
	hand_over(binding, frame, packet, data, now);
}

void udp_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct udp_binding *binding = udp_find(host, packet->to_port);
	uint8_t type = packet->version == 4 ? ICMP_UNREACHABLE : ICMP6_UNREACHABLE;
	uint8_t code = packet->version == 4 ? ICMP_PORT_UNREACHABLE : ICMP6_PORT_UNREACHABLE;

	if (!host_checksum_is_right(frame, packet)) {
		port_drop(&host->port, DROP_CHECKSUM, frame);
	} else if (!binding) {
		if (host->ops->on_unbound && host->ops->on_unbound(host, frame, packet, now))
			return;
		host_send_icmp_error(host, packet->to, type, code, 0, frame, packet, now);
		port_drop(&host->port, DROP_UNWANTED, frame);
	} else if (packet->end <= frame->head_len) {
		hand_over(binding, frame, packet, frame->head + packet->payload, now);
	} else {
		hand_over_scattered(binding, frame, packet, now);
	}
}

static struct ip_fields ip_of(const struct udp_send *send)
{
	return (struct ip_fields){.from = send->from.ip,
		.to = send->to.ip,
		.protocol = IP_PROTOCOL_UDP,
		.ttl = send->ttl,
		.tos = send->tos,
		.may_not_fragment = send->may_not_fragment};
}

/* In one frame, the checksum left to whoever needs it. */
static bool post_offloaded(struct host *host, const struct udp_send *send, nsec now)
{
	uint32_t len = UDP_HEADER_LEN + send->len;
	uint32_t l4 = ETH_HEADER_LEN + ip_header_len(send->to.ip);
	uint8_t header[UDP_HEADER_LEN];
	uint16_t sum = (uint16_t)~checksum_fold(
		checksum_pseudo(send->from.ip, send->to.ip, IP_PROTOCOL_UDP, len));
	struct ip_send ip = {.to_mac = send->to_mac,
		.ip = ip_of(send),
		.l4 = header,
		.l4_len = UDP_HEADER_LEN,
		.data = send->data,
		.len = send->len,
		.offload = {.needs_checksum = true,
			.checksum_start = (uint16_t)l4,
			.checksum_offset = UDP_CHECKSUM_OFFSET}};

	if (send->segment_size && send->segment_size < send->len) {
		ip.offload.kind = SEGMENT_UDP;
		ip.offload.segment_size = send->segment_size;
		ip.offload.header_len = (uint16_t)(l4 + UDP_HEADER_LEN);
	}
	store_be16(header, send->from.port);
	store_be16(header + 2, send->to.port);
	store_be16(header + 4, (uint16_t)len);
	memcpy(header + UDP_CHECKSUM_OFFSET, &sum, sizeof(sum));
	return host_post_ip(host, &ip, now);
}

static bool post_checked(struct host *host, const struct udp_send *send, nsec now)
{
	uint8_t header[UDP_HEADER_LEN];
	struct writer w = writer_on(header, sizeof(header));
	struct ip_send ip = {.to_mac = send->to_mac,
		.ip = ip_of(send),
		.l4 = header,
		.l4_len = UDP_HEADER_LEN,
		.data = send->data,
		.len = send->len};

	write_udp(&w, &send->from, &send->to, send->data, send->len);
	return host_post_ip(host, &ip, now);
}

static bool fits(const struct host *host, struct ip to, uint32_t len)
{
	return ip_header_len(to) + UDP_HEADER_LEN + len <= host_mtu(host, to);
}

static bool post_each(struct host *host, const struct udp_send *send, nsec now)
{
	struct udp_send one = *send;
	bool is_sent = true;

	one.segment_size = 0;
	for (uint32_t at = 0; at < send->len; at += send->segment_size) {
		one.data = (const uint8_t *)send->data + at;
		one.len = MIN(send->segment_size, send->len - at);
		is_sent &= post_checked(host, &one, now);
	}
	return is_sent;
}

bool host_post_udp(struct host *host, const struct udp_send *send, nsec now)
{
	bool is_several = send->segment_size && send->segment_size < send->len;

	if (send->len > UDP_PAYLOAD_MAX)
		return host_lose(host, DROP_GIANT);
	if (fits(host, send->to.ip, is_several ? send->segment_size : send->len))
		return post_offloaded(host, send, now);
	return is_several ? post_each(host, send, now) : post_checked(host, send, now);
}

/* A datagram whose receiver is being looked for. */
struct waiting {
	struct list node; /* the host's */
	struct resolve resolve;
	struct host *host;
	struct endpoint from, to;
	uint32_t len;
	uint8_t data[];
};

static void forget(struct waiting *waiting)
{
	host_resolve_cancel(&waiting->resolve);
	list_remove(&waiting->node);
	waiting->host->waiting_count--;
	free(waiting);
}

void waiting_forget(struct host *host)
{
	LIST_EACH(node, &host->waiting)
		forget(LIST_ENTRY(node, struct waiting, node));
}

static void on_resolved(struct resolve *resolve, struct ip, struct mac mac, nsec now)
{
	struct waiting *waiting = CONTAINER_OF(resolve, struct waiting, resolve);

	if (mac_is_zero(mac))
		host_lose(waiting->host, DROP_UNREACHABLE);
	else
		host_send_udp(waiting->host, &waiting->from, &waiting->to, mac, waiting->data,
			waiting->len, now);
	forget(waiting);
}

/* RFC 1122 2.3.2.2: the latest one waits, those before it are lost. */
static void replace(struct host *host, struct ip to)
{
	LIST_EACH(node, &host->waiting) {
		struct waiting *waiting = LIST_ENTRY(node, struct waiting, node);

		if (!ip_equal(waiting->to.ip, to))
			continue;
		host_lose(host, DROP_QUEUE_FULL);
		forget(waiting);
	}
}

static bool wait_for_neighbour(struct host *host, const struct udp_send *send, nsec now)
{
	struct waiting *waiting;

	replace(host, send->to.ip);
	if (host->waiting_count == WAITING_MAX)
		return host_lose(host, DROP_QUEUE_FULL);
	waiting = malloc(sizeof(*waiting) + send->len);
	if (!waiting)
		return host_lose(host, DROP_NO_MEMORY);
	*waiting = (struct waiting){.resolve.on_resolved = on_resolved,
		.host = host,
		.from = send->from,
		.to = send->to,
		.len = send->len};
	memcpy(waiting->data, send->data, send->len);
	list_push_back(&host->waiting, &waiting->node);
	host->waiting_count++;
	host_resolve(host, send->to.ip, &waiting->resolve, now);
	return true;
}

/* Zero: not known, or not to be known. */
static struct mac mac_for(const struct host *host, struct ip to, nsec now)
{
	struct mac mac;

	if (is_group_address(host, to))
		return group_mac(to);
	return host_neighbour(host, to, now, &mac) ? mac : (struct mac){0};
}

bool host_send_udp(struct host *host, const struct endpoint *from, const struct endpoint *to,
	struct mac to_mac, const void *data, uint32_t len, nsec now)
{
	struct udp_send send = {
		.from = *from, .to = *to, .to_mac = to_mac, .data = data, .len = len};
	uint8_t *copy;

	if (len > UDP_PAYLOAD_MAX)
		return host_lose(host, DROP_GIANT);
	if (mac_is_zero(to_mac))
		send.to_mac = mac_for(host, to->ip, now);
	if (mac_is_zero(send.to_mac))
		return is_neighbour_address(host, to->ip) ? wait_for_neighbour(host, &send, now)
							  : host_lose(host, DROP_UNREACHABLE);
	copy = host_copy_room(host, len, now);
	if (!copy)
		return false;
	memcpy(copy, data, len);
	send.data = copy;
	return host_post_udp(host, &send, now);
}
