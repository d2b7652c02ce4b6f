/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a frame that the hub sends to the host. */
#include "ip/checksum.h"
#include "ip/host_parts.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/tcp.h"

#include <stdlib.h>

static bool is_any(struct ip ip)
{
	return ip_is_none(ip) || (ip_is_v4(ip) && !ip_to_v4(ip).be);
}

/* The last address of an IPv4 subnet, unless it is too small to have one (RFC 3021). */
static bool is_subnet_broadcast(const struct host *host, struct ip ip)
{
	for (unsigned i = 0; i < host->address_count; i++) {
		const struct ip_prefix *own = &host->addresses[i];

		if (ip_is_v4(own->address) && own->len < 31 && ip_equal(ip, prefix_last(own)))
			return true;
	}
	return false;
}

bool is_group_address(const struct host *host, struct ip ip)
{
	return ip_is_multicast(ip) || ip_is_broadcast(ip) ||
	       (ip_is_v4(ip) && is_subnet_broadcast(host, ip));
}

bool is_neighbour_address(const struct host *host, struct ip ip)
{
	return host_is_on_link(host, ip) && !host_owns(host, ip) && !is_any(ip) &&
	       !ip_is_loopback(ip) && !is_group_address(host, ip);
}

bool is_possible_peer(const struct host *host, struct ip ip)
{
	if (host_is_on_link(host, ip))
		return is_neighbour_address(host, ip);
	return host->ops->may_be_beyond && host->ops->may_be_beyond(host, ip);
}

static bool source_is_right(struct host *host, struct ip from)
{
	if (LIKELY(ip_equal(from, host->known_from)))
		return true;
	if (!is_possible_peer(host, from))
		return false;
	host->known_from = from;
	return true;
}

/* Who has no address yet may speak to a DHCP server, and to nobody else. */
static bool may_be_nobody(const struct host *host, const struct packet *packet)
{
	const struct udp_binding *binding;

	if (packet->protocol != IP_PROTOCOL_UDP || packet->is_fragment)
		return false;
	binding = udp_find(host, packet->to_port);
	return binding && binding->takes_broadcast;
}

static bool may_send(struct host *host, const struct packet *packet)
{
	return is_any(packet->from) ? may_be_nobody(host, packet)
				    : source_is_right(host, packet->from);
}

/* RFC 9293 3.10.7.1: to a port where nobody listens. */
void host_refuse_tcp(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	const uint8_t *tcp = frame->head + packet->l4;
	uint32_t len = packet->end - packet->payload + !!(packet->tcp_flags & TCP_SYN) +
		       !!(packet->tcp_flags & TCP_FIN);
	uint8_t rst[TCP_HEADER_LEN] = {[12] = TCP_HEADER_LEN / 4 << 4, [13] = TCP_RST};
	struct ip_send send = {.to_mac = frame_from(frame),
		.ip = {.from = packet->to,
			.to = packet->from,
			.protocol = IP_PROTOCOL_TCP,
			.may_not_fragment = true},
		.l4 = rst,
		.l4_len = TCP_HEADER_LEN};
	uint16_t checksum;

	if (packet->tcp_flags & TCP_RST)
		return;
	store_be16(rst, packet->to_port);
	store_be16(rst + 2, packet->from_port);
	if (packet->tcp_flags & TCP_ACK) {
		memcpy(rst + 4, tcp + 8, 4);
	} else {
		store_be32(rst + 8, load_be32(tcp + 4) + len);
		rst[13] |= TCP_ACK;
	}
	checksum = checksum_fold(checksum_add(
		checksum_pseudo(packet->to, packet->from, IP_PROTOCOL_TCP, sizeof(rst)), rst,
		sizeof(rst)));
	memcpy(rst + TCP_CHECKSUM_OFFSET, &checksum, sizeof(checksum));
	host_post_ip(host, &send, now);
}

static void tcp_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	if (!host_checksum_is_right(frame, packet)) {
		port_drop(&host->port, DROP_CHECKSUM, frame);
		return;
	}
	LIST_EACH(node, &host->tcp_bindings) {
		struct tcp_binding *binding = LIST_ENTRY(node, struct tcp_binding, node);

		if (binding->port == packet->to_port) {
			binding->on_segment(binding, frame, packet, now);
			return;
		}
	}
	if (host->ops->on_unbound && host->ops->on_unbound(host, frame, packet, now))
		return;
	host_refuse_tcp(host, frame, packet, now);
	port_drop(&host->port, DROP_UNWANTED, frame);
}

static void receive_other(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	/* RFC 1122 3.2.2.1; RFC 8200 4: the pointer is known when nothing lies between. */
	if (packet->version == 4)
		host_send_icmp_error(host, packet->to, ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE,
			0, frame, packet, now);
	else if (packet->l4 == packet->l3 + IP6_HEADER_LEN)
		host_send_icmp_error(
			host, packet->to, ICMP6_PARAMETER_PROBLEM, 1, 6, frame, packet, now);
	port_drop(&host->port, DROP_UNWANTED, frame);
}

void host_receive_own(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	if (packet->protocol == IP_PROTOCOL_UDP)
		udp_receive(host, frame, packet, now);
	else if (packet->protocol == IP_PROTOCOL_TCP)
		tcp_receive(host, frame, packet, now);
	else if (packet->protocol == (packet->version == 4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6))
		icmp_receive(host, frame, packet, now);
	else
		receive_other(host, frame, packet, now);
}

static void receive_whole(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now);

static void receive_assembled(struct host *host, uint8_t *bytes, uint32_t len, nsec now)
{
	struct frame frame = frame_linear(bytes, len);
	struct packet packet;

	if (packet_parse(bytes, len, len, &packet) == PACKET_OK && !packet.is_fragment)
		receive_whole(host, &frame, &packet, now);
	else
		port_drop(&host->port, DROP_MALFORMED, &frame);
	free(bytes);
}

static void receive_fragment(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	uint8_t *bytes;
	uint32_t len;

	if (!host->fragments)
		host->fragments = fragments_new(&host->fragment_watcher);
	if (!host->fragments) {
		port_drop(&host->port, DROP_NO_MEMORY, frame);
		return;
	}
	switch (fragments_add(host->fragments, frame, packet, now, &bytes, &len)) {
	case FRAGMENT_KEPT:
		if (host->machine)
			machine_wake(host->machine); /* a deadline, maybe the first */
		break;
	case FRAGMENT_WHOLE:
		receive_assembled(host, bytes, len, now);
		break;
	case FRAGMENT_SPOILT:
		port_drop(&host->port, DROP_FRAGMENT, frame);
		break;
	case FRAGMENT_MALFORMED:
		port_drop(&host->port, DROP_MALFORMED, frame);
		break;
	case FRAGMENT_NO_MEMORY:
		port_drop(&host->port, DROP_NO_MEMORY, frame);
		break;
	}
}

/* Never to this machine's own loopback, and not from one link to another (RFC 4291 2.5.6). */
static bool may_transit(const struct host *host, const struct packet *packet)
{
	return host->ops->on_transit && !ip_is_loopback(packet->to) && !is_any(packet->to) &&
	       !(packet->version == 6 && ip_is_link_local(packet->to));
}

static void receive_group(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	const struct udp_binding *binding = udp_find(host, packet->to_port);

	if (packet->protocol == IP_PROTOCOL_UDP && binding && binding->takes_broadcast)
		udp_receive(host, frame, packet, now);
	else
		port_drop(&host->port, DROP_UNWANTED, frame);
}

static bool is_for_group(const struct host *host, const struct frame *frame, struct ip to)
{
	return mac_is_group(frame_to(frame)) || is_group_address(host, to);
}

static void receive_whole(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	if (is_for_group(host, frame, packet->to))
		receive_group(host, frame, packet, now);
	else if (host_owns(host, packet->to))
		host_receive_own(host, frame, packet, now);
	else if (may_transit(host, packet))
		host->ops->on_transit(host, frame, packet, now);
	else
		port_drop(&host->port, DROP_UNWANTED, frame);
}

/* Multicast of others is most of what a quiet segment carries: it is no attempt to deceive. */
static bool wants(const struct host *host, const struct frame *frame, const struct packet *packet)
{
	const struct udp_binding *binding;

	if (!is_for_group(host, frame, packet->to))
		return true;
	if (!host_owns(host, packet->to) && !is_group_address(host, packet->to))
		return false;
	if (packet->protocol != IP_PROTOCOL_UDP)
		return false;
	binding = udp_find(host, packet->to_port);
	return packet->is_fragment || (binding && binding->takes_broadcast);
}

static bool speaks(const struct host *host, const struct packet *packet)
{
	for (unsigned i = 0; i < host->address_count; i++)
		if (ip_is_v4(host->addresses[i].address) == (packet->version == 4))
			return true;
	return false;
}

static void receive_ip(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	if (!speaks(host, packet))
		port_drop(&host->port, DROP_UNWANTED, frame);
	else if (packet->version == 6 && discovery_receive(host, frame, packet, now))
		return;
	else if (!wants(host, frame, packet))
		port_drop(&host->port, DROP_UNWANTED, frame);
	else if (!may_send(host, packet))
		port_drop(&host->port, DROP_SOURCE_SPOOFED, frame);
	else if (packet->is_fragment)
		receive_fragment(host, frame, packet, now);
	else
		receive_whole(host, frame, packet, now);
}

static void receive_known(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct mac to = frame_to(frame);

	if (!mac_equal(to, host->port.mac) && !mac_is_group(to))
		port_drop(&host->port, DROP_UNWANTED, frame);
	else if (packet->has_vlan && packet->vlan)
		port_drop(&host->port, DROP_UNWANTED, frame);
	else if (packet->version)
		receive_ip(host, frame, packet, now);
	else if (packet->ethertype == ETHERTYPE_ARP)
		arp_receive(host, frame, packet, now);
	else
		port_drop(&host->port, DROP_UNWANTED, frame);
}

void host_receive_frame(struct host *host, const struct frame *frame, nsec now)
{
	struct packet packet;

	switch (packet_parse(frame->head, frame->head_len, frame->len, &packet)) {
	case PACKET_OK:
		receive_known(host, frame, &packet, now);
		break;
	case PACKET_RUNT:
		port_drop(&host->port, DROP_RUNT, frame);
		break;
	case PACKET_MALFORMED:
		port_drop(&host->port, DROP_MALFORMED, frame);
		break;
	case PACKET_CHECKSUM:
		port_drop(&host->port, DROP_CHECKSUM, frame);
		break;
	}
}

void host_receive(struct port *port, const struct frame *frames, unsigned count)
{
	struct host *host = CONTAINER_OF(port, struct host, port);
	nsec now = hub_now(port->hub);

	host->is_receiving = true;
	for (unsigned i = 0; i < count; i++)
		host_receive_frame(host, &frames[i], now);
	host->is_receiving = false;
}
