/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A member's port: from the hub into its session. */
#include "hub/segment.h"
#include "port/link/clamp.h"
#include "port/link/header.h"
#include "port/link/link_state.h"
#include "wire/packet.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <errno.h>
#include <stdlib.h>

#define PARTS_MAX (FRAME_BODY_MAX + 3)

/* Frames on their way: one call seals what segment_lower() gives at a time. */
struct sealing {
	struct segment_sink sink;
	struct link_member *member;
	nsec now;
	unsigned count;
	uint32_t longest;
	struct wg_packet packets[WG_PACKETS_MAX];
	struct iovec parts[WG_PACKETS_MAX][PARTS_MAX];
	uint8_t headers[WG_PACKETS_MAX][LINK_HEADER_LEN + LINK_FRAGMENT_LEN];
};

static void seal(struct sealing *sealing)
{
	if (sealing->count)
		wg_peer_send(
			sealing->member->peer.wg, sealing->packets, sealing->count, sealing->now);
	sealing->count = 0;
}

/* A packet of the header and the parts of a frame, which the caller has put in its place already.
 */
static void add(struct sealing *sealing, const struct link_header *header, unsigned part_count)
{
	const unsigned i = sealing->count;
	struct iovec *parts = sealing->parts[i];
	const size_t header_len = link_header_write(header, sealing->headers[i]);

	parts[0] = (struct iovec){sealing->headers[i], header_len};
	sealing->packets[i] = (struct wg_packet){
		parts, part_count + 1, (uint32_t)header_len + header->len};
	sealing->longest = MAX(sealing->longest, sealing->packets[i].len);
	if (++sealing->count == WG_PACKETS_MAX)
		seal(sealing);
}

static unsigned put_whole(const struct frame *frame, struct iovec *parts)
{
	parts[0] = (struct iovec){(void *)frame->head, frame->head_len};
	for (unsigned i = 0; i < frame->body_count; i++)
		parts[1 + i] = frame->body[i];
	return 1 + frame->body_count;
}

static uint8_t flags_of(const struct frame *frame)
{
	return frame->offload.needs_checksum ? LINK_UNSUMMED : 0;
}

/* Pieces of one length, as far as can be: those leave in one call. Each is even, for its offset. */
static uint32_t piece_len(uint32_t frame_len, uint32_t frame_max)
{
	const uint32_t most = (frame_max - LINK_FRAGMENT_LEN) & ~1u;
	const uint32_t count = (frame_len + most - 1) / most;

	return ((frame_len + count - 1) / count + 1) & ~1u;
}

/* Authenticated one by one, so that the other side keeps nothing for somebody else. */
static void add_fragments(struct sealing *sealing, const struct frame *frame)
{
	struct link_member *member = sealing->member;
	const uint32_t size = piece_len(frame->len, member->frame_max);
	struct link_header header = {.flags = LINK_FRAGMENT | flags_of(frame),
		.hops = (uint8_t)(LINK_HOPS - frame->crossed),
		.number = member->fragment_number++};

	for (uint32_t offset = 0; offset < frame->len; offset += size) {
		unsigned count;

		header.offset = offset;
		header.len = (uint16_t)MIN(size, frame->len - offset);
		header.is_last = offset + size >= frame->len;
		count = frame_slice(frame, offset, header.len, sealing->parts[sealing->count] + 1);
		add(sealing, &header, count);
	}
}

static void add_frame(struct sealing *sealing, const struct frame *frame)
{
	struct link_member *member = sealing->member;
	const struct link_header header = {.flags = flags_of(frame),
		.hops = (uint8_t)(LINK_HOPS - frame->crossed),
		.len = (uint16_t)frame->len};

	if (LIKELY(frame->len <= member->frame_max)) {
		add(sealing, &header, put_whole(frame, sealing->parts[sealing->count] + 1));
		return;
	}
	if (member->forges_mtu && frame->len > member->mtu + ETH_HEADER_LEN)
		forge_too_big(&member->forge, member->mtu, frame, sealing->now);
	add_fragments(sealing, frame);
}

static void add_clamped(struct sealing *sealing, const struct frame *frame)
{
	uint32_t copied = MIN(frame->head_len, CLAMP_HEAD_MAX);
	struct iovec body[FRAME_BODY_MAX + 1];
	uint8_t head[CLAMP_HEAD_MAX];
	struct frame clamped = {.head = head, .head_len = copied, .len = frame->len, .body = body};

	memcpy(head, frame->head, copied);
	clamp_head(head, frame, sealing->member->tcp_mtu);
	clamped.offload = frame->offload;
	clamped.crossed = frame->crossed;
	clamped.body_count = frame_slice(frame, copied, frame->len - copied, body);
	add_frame(sealing, &clamped);
	seal(sealing); /* before the copy is gone */
}

static void take(struct segment_sink *sink, const struct frame *frames, unsigned count)
{
	struct sealing *sealing = CONTAINER_OF(sink, struct sealing, sink);

	for (unsigned i = 0; i < count; i++) {
		if (UNLIKELY(clamp_is_needed(&frames[i], sealing->member->tcp_mtu)))
			add_clamped(sealing, &frames[i]);
		else
			add_frame(sealing, &frames[i]);
	}
	seal(sealing); /* they are lent until we return */
}

/* What of a frame's offloads the other side can be left with: a checksum that it finds by itself.
 */
static unsigned leaves(const struct link_member *member, const struct frame *frame)
{
	const struct offload *offload = &frame->offload;
	struct packet packet;

	if (!offload->needs_checksum || !(member->capabilities & CAN_UNSUMMED))
		return 0;
	if (packet_parse(frame->head, frame->head_len, frame->len, &packet) != PACKET_OK ||
		packet.is_fragment || packet.l4 != offload->checksum_start)
		return 0;
	switch (packet.protocol) {
	case IP_PROTOCOL_TCP:
		return offload->checksum_offset == TCP_CHECKSUM_OFFSET ? TAKES_CHECKSUM : 0;
	case IP_PROTOCOL_UDP:
		return offload->checksum_offset == UDP_CHECKSUM_OFFSET ? TAKES_CHECKSUM : 0;
	}
	return 0;
}

void member_send(struct port *port, const struct frame *frames, unsigned count)
{
	struct link_member *member = member_of_port(port);
	struct sealing sealing;

	sealing.sink.take = take;
	sealing.member = member;
	sealing.now = hub_now(port->hub);
	sealing.count = 0;
	sealing.longest = member->longest_sent;
	for (unsigned i = 0; i < count; i++) {
		if (UNLIKELY(frames[i].crossed >= LINK_HOPS))
			port_drop(port, DROP_TTL, &frames[i]);
		else if (!segment_lower(&frames[i], leaves(member, &frames[i]), &sealing.sink))
			port_drop(port, DROP_MALFORMED, &frames[i]);
	}
	member->longest_sent = sealing.longest;
}

void member_set_up(struct link_member *member, bool is_up)
{
	if (member->port.is_down == !is_up)
		return;
	member->port.is_down = !is_up;
	if (!is_up) {
		member->capabilities = 0;
		member->rtt = 0;
		path_end(member);
	}
	tell_news(&member->peer, is_up ? LINK_UP : LINK_DOWN, NULL);
}

static void member_free(struct port *port)
{
	struct link_member *member = member_of_port(port);

	path_done(member);
	forge_done(&member->forge);
	reassembly_done(&member->reassembly);
	routed_free(member->routed);
	list_remove(&member->peer.node);
	wg_peer_free(member->peer.wg);
	free(member);
}

static const struct port_ops member_ops = {
	.kind = "link", .send = member_send, .free = member_free};
static const struct port_ops routed_ops = {
	.kind = "link", .send = routed_send, .free = member_free};

/* It knows no Ethernet. */
static bool is_stock(const struct link_member_settings *settings)
{
	return settings->v4.prefix.len || settings->v6.prefix.len;
}

static void fill(struct link_member *member, const struct link_member_settings *settings)
{
	struct port *port = &member->port;

	port->ops = is_stock(settings) ? &routed_ops : &member_ops;
	memcpy(port->name, settings->name, sizeof(port->name));
	port->mtu = 0; /* what is too long is cut */
	port->takes = TAKES_ALL;
	port->is_down = true;
	port->is_meshed = settings->is_meshed;
	member->mtu = settings->mtu ? settings->mtu : LINK_MTU_STANDARD;
	member->is_dialled = settings->is_dialled;
	member->is_one_host = settings->is_one_host;
	member->forges_mtu = settings->forges_mtu;
	port->mac = settings->mac;
	member->heard_at = member->ping_at = member->hello_at = member->told_at =
		member->doubted_at = -NSEC_NEVER / 2;
	reassembly_init(&member->reassembly);
}

struct port *link_member_new(struct link *link, const struct link_member_settings *settings)
{
	struct link_member *member = calloc(1, sizeof(*member));
	nsec now = loop_now(link->loop);
	int err;

	if (!member)
		return NULL;
	fill(member, settings);
	member->peer = (struct link_peer){.link = link, .is_member = true};
	list_init(&member->peer.node);
	if (is_stock(settings))
		member->routed = routed_new(member, &settings->v4, &settings->v6);
	errno = ENOMEM;
	if (member->routed || !is_stock(settings))
		member->peer.wg = wg_peer_new(link->device, &settings->key, &member->peer);
	if (!member->peer.wg) {
		err = errno;
		routed_free(member->routed);
		free(member);
		errno = err;
		return NULL;
	}
	wg_peer_set_preshared(member->peer.wg, &settings->preshared);
	path_init(member);
	forge_init(&member->forge, &member->port, link->loop);
	if (!ip_is_none(settings->endpoint.ip)) {
		wg_peer_set_endpoint(member->peer.wg, &settings->endpoint);
		wg_peer_connect(member->peer.wg, now);
	}
	if (member->is_dialled)
		wg_peer_set_keepalive(member->peer.wg, LINK_KEEPALIVE, now);
	list_push_back(&link->members, &member->peer.node);
	return &member->port;
}

void link_member_move(struct port *port, const struct endpoint *endpoint)
{
	struct link_member *member = member_of_port(port);
	nsec now = loop_now(member->peer.link->loop);

	wg_peer_set_endpoint(member->peer.wg, endpoint);
	path_renew(member, now);
	wg_peer_renew(member->peer.wg, now);
}

void link_member_nudge(struct port *port)
{
	struct link_member *member = member_of_port(port);

	member_ping(member, loop_now(member->peer.link->loop));
}

void link_member_look(const struct port *port, struct link_member_state *ret)
{
	const struct link_member *member = CONTAINER_OF(port, struct link_member, port);
	nsec now = loop_now(member->peer.link->loop);

	*ret = (struct link_member_state){
		.is_up = !port->is_down,
		.rtt = member->rtt,
		.heard_at = member->heard_at,
		.now = now,
		.lost_fragments = member->reassembly.lost,
		.path_mtu = member->path.phase == PATH_MTU_UNKNOWN ? 0 : member->path.confirmed,
	};
	wg_peer_look(member->peer.wg, now, &ret->wg);
	wg_key_wipe(&ret->wg.preshared);
}
