/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet that is for others: whether it may pass (RFC 1812 5), where to, and in which size. */
#include "ip/host_parts.h"
#include "ip/router/leg_parts.h"
#include "hub/segment.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"

#define IP4_MAY_NOT_FRAGMENT 0x4000
#define IP4_MORE_FRAGMENTS   0x2000
#define IP4_FRAGMENT_OFFSET  0x1fff
#define IP4_OPTION_COPIED    0x80 /* RFC 791 3.1: in all fragments, not in the first one alone */
#define IP4_OPTION_END	     0
#define IP4_OPTION_NOTHING   1
#define IP4_CLASS_E	     240

const struct ip_route *leg_route(struct leg *leg, struct ip to)
{
	if (leg->last_route && ip_equal(to, leg->last_to))
		return leg->last_route;
	leg->last_to = to;
	leg->last_route = ip_route_find(leg->map->routes, to);
	return leg->last_route;
}

/* RFC 1812 5.3.7, RFC 4291 2.5. */
static bool is_no_station(struct ip ip)
{
	if (ip_is_none(ip) || ip_is_loopback(ip) || ip_is_multicast(ip) || ip_is_link_local(ip))
		return true;
	return ip_is_v4(ip) && (!ip.bytes[12] || ip.bytes[12] >= IP4_CLASS_E);
}

bool leg_is_martian(const struct leg *leg, struct ip from)
{
	const struct ip_route *own;

	if (is_no_station(from))
		return true;
	own = leg->map ? ip_route_find(leg->map->routes, from) : NULL;
	return own && (own->kind == ROUTE_OWN || own->kind == ROUTE_GROUP);
}

static bool source_is_right(struct leg *leg, struct ip from)
{
	if (LIKELY(ip_equal(from, leg->known_from)))
		return true;
	if (leg_is_martian(leg, from))
		return false;
	leg->known_from = from;
	return true;
}

/* Of the IP packet, without the padding behind it. */
static uint32_t packet_len(const struct frame *frame, const struct packet *packet)
{
	const uint8_t *ip = frame->head + packet->l3;

	return packet->version == 4 ? load_be16(ip + 2) : IP6_HEADER_LEN + load_be16(ip + 4);
}

/* What is left of what the sender left undone, when the headers before IP are another few bytes. */
static struct offload moved(const struct frame *frame, uint16_t l3)
{
	struct offload offload = frame->offload;

	if (offload.needs_checksum)
		offload.checksum_start = (uint16_t)(offload.checksum_start - l3 + ETH_HEADER_LEN);
	if (offload.header_len)
		offload.header_len = (uint16_t)(offload.header_len - l3 + ETH_HEADER_LEN);
	return offload;
}

static void count_hop(uint8_t *ip)
{
	uint8_t before[2];
	uint16_t checksum;

	if (ip[0] >> 4 == 6) {
		ip[7]--;
		return;
	}
	memcpy(before, ip + 8, sizeof(before));
	ip[8]--;
	memcpy(&checksum, ip + 10, sizeof(checksum));
	checksum = checksum_update(checksum, before, ip + 8, sizeof(before));
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

static void pass(struct leg *leg, const struct ip_route *route, const struct frame *frame,
	const struct packet *packet)
{
	uint32_t len = packet_len(frame, packet);
	struct handed *handed = leg_reserve(leg, route, packet->to, len);

	if (!handed) {
		port_drop(&leg->host.port, DROP_QUEUE_FULL, frame);
		return;
	}
	frame_copy(frame, packet->l3, handed->bytes + ETH_HEADER_LEN, len);
	handed->offload = moved(frame, packet->l3);
	count_hop(handed->bytes + ETH_HEADER_LEN);
	handover_commit(leg->map->to[route->leg], handed);
	leg->counters.forwarded += frame_wire_count(frame);
}

/* RFC 791 3.1: options without the mark are in the first fragment only. */
static void blank_options(uint8_t *option, const uint8_t *end)
{
	while (option < end && *option != IP4_OPTION_END) {
		uint32_t len = 1;

		if (*option != IP4_OPTION_NOTHING) {
			len = option + 1 < end ? option[1] : 0;
			if (len < 2 || len > (size_t)(end - option))
				return;
			if (!(*option & IP4_OPTION_COPIED))
				memset(option, IP4_OPTION_NOTHING, len);
		}
		option += len;
	}
}

/* A packet cut for the MTU; it may be a fragment itself. */
struct cut {
	const struct frame *frame;
	const struct packet *packet;
	const struct ip_route *route;
	uint32_t header_len, len; /* of the header; of all that follows it */
};

static bool pass_piece(struct leg *leg, const struct cut *cut, uint32_t start, uint32_t len)
{
	uint32_t header_len = cut->header_len, l3 = cut->packet->l3;
	struct handed *handed = leg_reserve(leg, cut->route, cut->packet->to, header_len + len);
	bool is_last = start + len == cut->len;
	uint16_t field, checksum = 0;
	uint8_t *ip;

	if (!handed)
		return false;
	ip = handed->bytes + ETH_HEADER_LEN;
	frame_copy(cut->frame, l3, ip, header_len);
	frame_copy(cut->frame, l3 + header_len + start, ip + header_len, len);
	if (start)
		blank_options(ip + IP4_HEADER_LEN, ip + header_len);
	field = load_be16(ip + 6);
	field = (uint16_t)(((field & IP4_FRAGMENT_OFFSET) + start / 8) |
			   (is_last ? field & IP4_MORE_FRAGMENTS : IP4_MORE_FRAGMENTS));
	store_be16(ip + 2, (uint16_t)(header_len + len));
	store_be16(ip + 6, field);
	ip[8]--;
	memcpy(ip + 10, &checksum, sizeof(checksum));
	checksum = checksum_fold(checksum_add(0, ip, header_len));
	memcpy(ip + 10, &checksum, sizeof(checksum));
	handed->offload = (struct offload){.is_checked = cut->frame->offload.is_checked};
	handover_commit(leg->map->to[cut->route->leg], handed);
	return true;
}

static void pass_pieces(struct leg *leg, const struct cut *cut)
{
	uint32_t mtu = leg->map->legs[cut->route->leg].mtu;
	uint32_t step = (mtu - cut->header_len) & ~7u;

	for (uint32_t start = 0; start < cut->len; start += step) {
		if (!pass_piece(leg, cut, start, MIN(step, cut->len - start))) {
			port_drop(&leg->host.port, DROP_QUEUE_FULL, cut->frame);
			return; /* the rest is of no use */
		}
	}
	leg->counters.forwarded++;
	leg->counters.fragmented++;
}

/* Takes the plain frames that a super-frame is cut into. */
struct piece_sink {
	struct segment_sink sink;
	struct leg *leg;
	const struct ip_route *route;
};

static void take_pieces(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	struct piece_sink *self = CONTAINER_OF(sink, struct piece_sink, sink);
	struct leg *leg = self->leg;

	for (unsigned i = 0; i < count; i++) {
		struct packet packet;
		struct cut cut = {&frames[i], &packet, self->route, 0, 0};

		if (packet_parse(frames[i].head, frames[i].head_len, frames[i].len, &packet) !=
			PACKET_OK)
			continue; /* it was sound when it was whole */
		cut.header_len = (frames[i].head[packet.l3] & 15u) * 4;
		cut.len = packet_len(&frames[i], &packet) - cut.header_len;
		if (cut.header_len + cut.len <= leg->map->legs[self->route->leg].mtu)
			pass(leg, self->route, &frames[i], &packet);
		else
			pass_pieces(leg, &cut);
	}
}

static void cut_up(struct leg *leg, const struct ip_route *route, const struct frame *frame)
{
	struct piece_sink sink = {.sink.take = take_pieces, .leg = leg, .route = route};

	if (!segment_lower(frame, 0, &sink.sink))
		port_drop(&leg->host.port, DROP_MALFORMED, frame);
}

/* RFC 1191 4, RFC 4443 3.2. */
static void refuse_size(struct leg *leg, uint32_t mtu, const struct frame *frame,
	const struct packet *packet, nsec now)
{
	leg->counters.too_big++;
	port_drop(&leg->host.port, DROP_GIANT, frame);
	if (packet->version == 4)
		leg_complain(leg, ICMP_UNREACHABLE, ICMP_TOO_BIG, mtu, frame, packet, now);
	else
		leg_complain(leg, ICMP6_TOO_BIG, 0, mtu, frame, packet, now);
}

/* Of the longest packet that the frame stands for. */
static uint32_t longest(const struct frame *frame, const struct packet *packet)
{
	return frame->offload.kind == SEGMENT_NONE ? packet_len(frame, packet)
						   : frame_wire_len(frame) - packet->l3;
}

static void pass_fitting(struct leg *leg, const struct ip_route *route, const struct frame *frame,
	const struct packet *packet, nsec now)
{
	uint32_t mtu = leg->map->legs[route->leg].mtu;

	if (packet->version == 6)
		mtu = MAX(mtu, (uint32_t)IP6_MTU_MIN);
	if (LIKELY(longest(frame, packet) <= mtu))
		pass(leg, route, frame, packet);
	else if (packet->version == 6 || packet->may_not_fragment)
		refuse_size(leg, mtu, frame, packet, now);
	else
		cut_up(leg, route, frame);
}

static void refuse_hop(
	struct leg *leg, const struct frame *frame, const struct packet *packet, nsec now)
{
	leg->counters.time_exceeded++;
	port_drop(&leg->host.port, DROP_TTL, frame);
	leg_complain(leg, packet->version == 4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED,
		ICMP_TTL_EXCEEDED, 0, frame, packet, now);
}

static void refuse_route(
	struct leg *leg, const struct frame *frame, const struct packet *packet, nsec now)
{
	leg->counters.no_route++;
	port_drop(&leg->host.port, DROP_UNREACHABLE, frame);
	leg_complain_unreachable(leg, false, frame, packet, now);
}

void leg_forward(struct leg *leg, const struct frame *frame, const struct packet *packet, nsec now)
{
	const struct ip_route *route = leg_route(leg, packet->to);

	if (route && route->kind == ROUTE_OWN)
		host_receive_frame(&leg->host, frame, now);
	else if (!source_is_right(leg, packet->from))
		port_drop(&leg->host.port, DROP_SOURCE_SPOOFED, frame);
	else if (is_no_station(packet->to) || (route && route->kind == ROUTE_GROUP))
		port_drop(&leg->host.port, DROP_UNWANTED, frame);
	else if (packet->ttl <= 1)
		refuse_hop(leg, frame, packet, now);
	else if (!route)
		refuse_route(leg, frame, packet, now);
	else
		pass_fitting(leg, route, frame, packet, now);
}
