/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A leg's life, what is for it, and what leaves by it. */
#include "ip/router/leg_parts.h"

#include "ip/host_parts.h"
#include "wire/eth.h"

#define DRAIN_BATCH  64
#define DRAIN_ROUNDS 8 /* batches in a turn: others have something to do as well */

static struct leg *leg_of_host(const struct host *host)
{
	return CONTAINER_OF(host, struct leg, host);
}

/* Whole packets that came to our MAC address and are for none of this leg's addresses. */
static void on_transit(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct leg *leg = leg_of_host(host);
	const struct ip_route *route = leg->map ? leg_route(leg, packet->to) : NULL;

	if (route && route->kind == ROUTE_OWN)
		host_receive_own(host, frame, packet, now);
	else
		port_drop(&host->port, DROP_UNREACHABLE, frame);
}

static bool may_be_beyond(const struct host *host, struct ip ip)
{
	return !leg_is_martian(leg_of_host(host), ip);
}

/* By a route of our own. */
static bool is_on_link_too(const struct host *host, struct ip ip)
{
	const struct leg *leg = leg_of_host(host);
	const struct ip_route *route = leg->map ? ip_route_find(leg->map->routes, ip) : NULL;

	return route && route->kind == ROUTE_LINK && route->leg == leg->map->self;
}

static const struct host_ops host_ops = {
	.on_transit = on_transit, .may_be_beyond = may_be_beyond, .is_on_link_too = is_on_link_too};

static nsec leg_run(struct machine *machine, nsec now)
{
	struct leg *leg = CONTAINER_OF(machine, struct leg, machine);
	nsec next = host_run(&leg->host, now);

	hops_run(leg, now);
	if (leg->map && !leg_drain(leg, leg->map->in[leg->map->self], now))
		machine_wake(machine);
	leg_publish(leg);
	return next;
}

int leg_init(struct leg *leg, const struct leg_settings *settings)
{
	int err;

	*leg = (struct leg){.machine.run = leg_run};
	hops_init(leg);
	err = host_init(&leg->host, &host_ops, &leg->machine, settings->mac, &settings->key);
	if (err)
		return err;
	leg->host.port.mtu = settings->mtu;
	leg->host.port.takes = TAKES_ALL;
	err = host_add_address(&leg->host, &settings->address);
	if (!err && !ip_is_none(settings->address6.address))
		err = host_add_address(&leg->host, &settings->address6);
	return err;
}

void leg_done(struct leg *leg)
{
	hops_done(leg);
	host_done(&leg->host);
}

struct router_map *leg_set_map(struct leg *leg, struct router_map *map)
{
	struct router_map *before = leg->map;

	leg_publish(leg);
	leg->map = map;
	leg->last_route = NULL;
	leg->known_from = leg->host.known_from = (struct ip){0};
	return before;
}

/* A router speaks no family that it has no address in. */
static bool speaks(const struct leg *leg, const struct packet *packet)
{
	return packet->version == 4 || !ip_is_none(leg->map->legs[leg->map->self].address6);
}

/* 169.254/16 and fe80::/10 stay on their link (RFC 3927 2.7, RFC 4291 2.5.6). */
static bool is_for_others(
	const struct leg *leg, const struct frame *frame, const struct packet *packet)
{
	if (!packet->version || !mac_equal(frame_to(frame), leg->host.port.mac))
		return false;
	if (!leg->map || (packet->has_vlan && packet->vlan) || !speaks(leg, packet))
		return false;
	return !host_owns(&leg->host, packet->to) && !is_group_address(&leg->host, packet->to) &&
	       !ip_is_loopback(packet->to) && !ip_is_link_local(packet->to);
}

static void receive(struct leg *leg, const struct frame *frame, nsec now)
{
	struct packet packet;

	/* The host looks at the rest for itself: it is not what there is much of. */
	if (packet_parse(frame->head, frame->head_len, frame->len, &packet) == PACKET_OK &&
		is_for_others(leg, frame, &packet))
		leg_forward(leg, frame, &packet, now);
	else
		host_receive_frame(&leg->host, frame, now);
}

void leg_receive(struct port *port, const struct frame *frames, unsigned count)
{
	struct leg *leg = CONTAINER_OF(port, struct leg, host.port);
	nsec now = hub_now(port->hub);

	leg->host.is_receiving = true;
	for (unsigned i = 0; i < count; i++)
		receive(leg, &frames[i], now);
	leg->host.is_receiving = false;
	leg_publish(leg);
}

struct handed *leg_reserve(
	struct leg *leg, const struct ip_route *route, struct ip to, uint32_t len)
{
	struct handed *handed = handover_reserve(leg->map->to[route->leg], ETH_HEADER_LEN + len);

	if (!handed)
		return NULL;
	leg->touched |= 1u << route->leg;
	handed->hop = route_hop(route, to);
	return handed;
}

void leg_publish(struct leg *leg)
{
	if (leg->map && leg->touched & 1u << leg->map->self)
		machine_wake(&leg->machine); /* nobody else reads that one */
	for (; leg->touched; leg->touched &= leg->touched - 1)
		handover_publish(leg->map->to[__builtin_ctz(leg->touched)]);
}

/* True: the frame is in *ret, ready to leave. */
static bool address(struct leg *leg, struct handed *handed, nsec now, struct frame *ret)
{
	struct writer w = writer_on(handed->bytes, ETH_HEADER_LEN);
	bool is_v4 = handed->bytes[ETH_HEADER_LEN] >> 4 == 4;
	struct mac mac;

	if (hop_is_awaited(leg, handed->hop) ||
		!host_neighbour(&leg->host, handed->hop, now, &mac)) {
		write_eth(&w, (struct mac){0}, leg->host.port.mac,
			is_v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
		hop_await(leg, handed, now);
		return false;
	}
	write_eth(&w, mac, leg->host.port.mac, is_v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	*ret = frame_linear(handed->bytes, handed->len);
	ret->offload = handed->offload;
	return true;
}

void leg_send(struct leg *leg, const struct frame *frames, unsigned count, nsec now)
{
	if (count && leg->host.port.hub)
		hub_receive(&leg->host.port, frames, count, now);
	else
		for (unsigned i = 0; i < count; i++)
			port_drop_in(&leg->host.port, DROP_LINK_DOWN, &frames[i]);
}

/* False: the ring is empty. */
static bool drain_batch(struct leg *leg, struct handover *from, nsec now)
{
	struct frame frames[DRAIN_BATCH];
	struct handed *handed = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < DRAIN_BATCH && (handed = handover_next(from)); i++)
		count += address(leg, handed, now, &frames[count]);
	leg_send(leg, frames, count, now);
	handover_release(from);
	return handed;
}

bool leg_drain(struct leg *leg, struct handover *from, nsec now)
{
	bool has_more = true;

	for (unsigned i = 0; i < DRAIN_ROUNDS && has_more; i++)
		has_more = drain_batch(leg, from, now);
	leg_publish(leg);
	return !has_more;
}
