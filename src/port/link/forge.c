/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/forge.h"

#include "hub/hub.h"
#include "ip/icmp_error.h"
#include "wire/icmp.h"

#include <stdlib.h>

struct forged {
	struct list node;
	struct ip from, to;
	uint32_t len;
	uint8_t bytes[];
};

static void clear(struct forge *forge)
{
	while (!list_is_empty(&forge->errors)) {
		struct forged *error = LIST_ENTRY(forge->errors.next, struct forged, node);

		list_remove(&error->node);
		free(error);
	}
}

static void speak(struct task *task)
{
	struct forge *forge = CONTAINER_OF(task, struct forge, speak);

	LIST_EACH(node, &forge->errors) {
		const struct forged *error = LIST_ENTRY(node, struct forged, node);
		const struct frame frame = frame_linear(error->bytes, error->len);

		hub_receive(forge->port, &frame, 1, loop_now(forge->loop));
	}
	clear(forge);
}

/* The MAC addresses change places; tags stay. */
static void write_way_back(uint8_t *bytes, const struct frame *frame, uint32_t len)
{
	memcpy(bytes, frame->head, len);
	memcpy(bytes, frame->head + sizeof(struct mac), sizeof(struct mac));
	memcpy(bytes + sizeof(struct mac), frame->head, sizeof(struct mac));
}

static void add(
	struct forge *forge, uint32_t mtu, const struct frame *frame, const struct packet *packet)
{
	const bool is_v4 = packet->version == 4;
	const struct icmp_error error = {.from = packet->to,
		.type = is_v4 ? ICMP_UNREACHABLE : ICMP6_TOO_BIG,
		.code = is_v4 ? ICMP_TOO_BIG : 0,
		.rest = mtu,
		.id = ++forge->next_id};
	const uint32_t len = packet->l3 + icmp_error_len(packet);
	struct forged *forged = malloc(sizeof(*forged) + len);

	if (!forged)
		return;
	forged->from = packet->from;
	forged->to = packet->to;
	forged->len = len;
	write_way_back(forged->bytes, frame, packet->l3);
	icmp_error_write(forged->bytes + packet->l3, &error, frame, packet);
	list_push_back(&forge->errors, &forged->node);
	loop_defer(forge->loop, &forge->speak);
}

static bool is_station(const struct frame *frame)
{
	struct eth_header eth;

	memcpy(&eth, frame->head, sizeof(eth));
	return !mac_is_group(eth.to) && !mac_is_group(eth.from) && !mac_is_zero(eth.from);
}

static bool is_host(struct ip ip)
{
	return !ip_is_none(ip) && !ip_is_multicast(ip) && !ip_is_broadcast(ip) &&
	       !ip_is_loopback(ip) && !(ip_is_v4(ip) && !ip_to_v4(ip).be);
}

/* IPv6 takes no MTU below its least for an answer (RFC 8201 4). */
static bool may_be_told(uint32_t mtu, const struct frame *frame, const struct packet *packet)
{
	if (packet->end - packet->l3 <= mtu || !icmp_error_may_be(frame, packet))
		return false;
	if (packet->version == 4 ? !packet->may_not_fragment : mtu < IP6_MTU_MIN)
		return false;
	return is_host(packet->from) && is_host(packet->to);
}

/* Of one super-frame each segment comes here. */
static bool is_told(const struct forge *forge, const struct packet *packet)
{
	LIST_EACH(node, &forge->errors) {
		const struct forged *error = LIST_ENTRY(node, struct forged, node);

		if (ip_equal(error->from, packet->from) && ip_equal(error->to, packet->to))
			return true;
	}
	return false;
}

void forge_too_big(struct forge *forge, uint32_t mtu, const struct frame *frame, nsec now)
{
	struct packet packet;

	if (packet_parse(frame->head, frame->head_len, frame->len, &packet) == PACKET_OK &&
		packet.version && is_station(frame) && may_be_told(mtu, frame, &packet) &&
		!is_told(forge, &packet) && icmp_error_take_token(&forge->full_at, now))
		add(forge, mtu, frame, &packet);
}

void forge_init(struct forge *forge, struct port *port, struct loop *loop)
{
	*forge = (struct forge){.port = port, .loop = loop, .speak.run = speak};
	list_init(&forge->errors);
}

void forge_done(struct forge *forge)
{
	loop_undefer(forge->loop, &forge->speak);
	clear(forge);
}
