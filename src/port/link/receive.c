/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a member's session into the hub. */
#include "hub/coalesce.h"
#include "port/link/clamp.h"
#include "port/link/header.h"
#include "port/link/link_state.h"
#include "wire/packet.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <assert.h>

#define ETHERIP_LEN 2

/* Frames that came together and go into the hub together. */
struct arrivals {
	struct link_member *member;
	nsec now;
	uint8_t crossed; /* links, each of them */
	struct coalescer frames;
};

static_assert(WG_PACKETS_MAX <= COALESCE_MAX);

static void flush(struct arrivals *arrivals)
{
	struct link_member *member = arrivals->member;

	coalesce_end(&arrivals->frames);
	for (unsigned i = 0; i < arrivals->frames.count; i++)
		arrivals->frames.frames[i].crossed = arrivals->crossed;
	if (arrivals->frames.count)
		hub_receive(&member->port, arrivals->frames.frames, arrivals->frames.count,
			arrivals->now);
	coalesce_begin(&arrivals->frames);
}

/* The first address it shows is the one it has. */
static bool is_its_own(struct link_member *member, const uint8_t *bytes)
{
	struct eth_header eth;

	memcpy(&eth, bytes, sizeof(eth));
	if (mac_equal(eth.from, member->port.mac))
		return true;
	if (!mac_is_zero(member->port.mac) || mac_is_group(eth.from) || mac_is_zero(eth.from))
		return false;
	member->port.mac = eth.from;
	tell_news(&member->peer, LINK_MAC_BOUND, NULL);
	return true;
}

static void add(
	struct arrivals *arrivals, uint8_t *bytes, uint32_t len, const struct offload *offload)
{
	struct link_member *member = arrivals->member;
	struct frame frame = frame_linear(bytes, len);

	if (UNLIKELY(len < ETH_HEADER_LEN)) {
		port_drop_in(&member->port, DROP_RUNT, &frame);
	} else if (UNLIKELY(member->is_one_host && !is_its_own(member, bytes))) {
		port_drop_in(&member->port, DROP_SOURCE_SPOOFED, &frame);
	} else {
		frame.offload = *offload;
		if (UNLIKELY(clamp_is_needed(&frame, member->tcp_mtu)))
			clamp_head(bytes, &frame, member->tcp_mtu);
		coalesce_add(&arrivals->frames, bytes, len, offload);
	}
}

static const struct offload NOTHING_LEFT;

/* The sender left the checksum to whoever needs one: the session is proof enough. */
static bool find_checksum(const uint8_t *bytes, uint32_t len, struct offload *ret)
{
	struct packet packet;

	*ret = NOTHING_LEFT;
	if (packet_parse(bytes, len, len, &packet) != PACKET_OK || packet.is_fragment ||
		(packet.protocol != IP_PROTOCOL_TCP && packet.protocol != IP_PROTOCOL_UDP))
		return false;
	ret->needs_checksum = true;
	ret->checksum_start = packet.l4;
	ret->checksum_offset = packet.protocol == IP_PROTOCOL_TCP ? TCP_CHECKSUM_OFFSET
								  : UDP_CHECKSUM_OFFSET;
	return true;
}

/* How many links a frame has crossed, ours among them: a relay takes one from what it lets others
 * cross. */
static uint8_t crossed_of(const struct link_header *header)
{
	return (uint8_t)(LINK_HOPS + 1 - MIN(header->hops, LINK_HOPS));
}

static void refuse(struct arrivals *arrivals, const uint8_t *bytes, size_t len)
{
	struct frame frame = frame_linear(bytes, (uint32_t)len);

	port_drop_in(&arrivals->member->port, DROP_MALFORMED, &frame);
}

static void add_from_session(
	struct arrivals *arrivals, uint8_t *bytes, uint32_t len, const struct link_header *header)
{
	struct offload offload = NOTHING_LEFT;

	if (UNLIKELY(crossed_of(header) != arrivals->crossed)) {
		flush(arrivals);
		arrivals->crossed = crossed_of(header);
	}
	if (header->flags & LINK_UNSUMMED && !find_checksum(bytes, len, &offload))
		refuse(arrivals, bytes, len);
	else
		add(arrivals, bytes, len, &offload);
}

static void take_frame(struct arrivals *arrivals, uint8_t *packet, size_t len)
{
	struct link_member *member = arrivals->member;
	struct link_header header;
	const uint8_t *bytes = link_header_read(packet, len, &header);
	uint32_t whole_len;

	if (!bytes) {
		refuse(arrivals, packet, len);
	} else if (LIKELY(!(header.flags & LINK_FRAGMENT))) {
		add_from_session(arrivals, (uint8_t *)bytes, header.len, &header);
	} else {
		bytes = reassembly_add(
			&member->reassembly, &header, bytes, arrivals->now, &whole_len);
		if (!bytes)
			return;
		add_from_session(arrivals, (uint8_t *)bytes, whole_len, &header);
		flush(arrivals); /* before the next piece takes its place */
	}
}

static void take_control(struct link_peer *peer, const uint8_t *packet, size_t len, nsec now)
{
	struct control control;

	if (!control_read(packet, len, &control))
		return;
	if (peer->is_member)
		member_hear(member_of_peer(peer), &control, now);
	else
		tell_news(peer, LINK_ASKED, &control);
}

static void take_ip(struct arrivals *arrivals, uint8_t *packet, size_t len)
{
	struct routed *routed = arrivals->member->routed;
	uint32_t frame_len;

	if (!routed) {
		refuse(arrivals, packet, len);
		return;
	}
	/* Before each packet is what it was sealed in. */
	frame_len = routed_frame(routed, packet, len, arrivals->now);
	if (frame_len)
		add(arrivals, packet - ROUTED_HEADROOM, frame_len, &NOTHING_LEFT);
}

static void take(struct arrivals *arrivals, const struct iovec *packet)
{
	enum link_nibble nibble = *(const uint8_t *)packet->iov_base >> 4;
	uint8_t *bytes = packet->iov_base;

	if (nibble == LINK_IP4 || nibble == LINK_IP6)
		take_ip(arrivals, bytes, packet->iov_len);
	else if (arrivals->member->routed)
		refuse(arrivals, bytes, packet->iov_len);
	else if (nibble == LINK_FRAME)
		take_frame(arrivals, bytes, packet->iov_len);
	else if (nibble == LINK_CONTROL)
		take_control(&arrivals->member->peer, bytes, packet->iov_len, arrivals->now);
	else if (nibble == LINK_ETHERIP && packet->iov_len > ETHERIP_LEN)
		add(arrivals, bytes + ETHERIP_LEN, (uint32_t)packet->iov_len - ETHERIP_LEN,
			&NOTHING_LEFT);
}

void link_deliver(void *, struct wg_peer *wg, const struct iovec *packets, unsigned count, nsec now)
{
	struct link_peer *peer = wg_peer_owner(wg);
	struct arrivals arrivals;

	if (!peer->is_member) {
		for (unsigned i = 0; i < count; i++)
			take_control(peer, packets[i].iov_base, packets[i].iov_len, now);
		return;
	}
	arrivals.member = member_of_peer(peer);
	arrivals.member->heard_at = now;
	arrivals.now = now;
	arrivals.crossed = 1;
	coalesce_begin(&arrivals.frames);
	for (unsigned i = 0; i < count; i++)
		take(&arrivals, &packets[i]);
	flush(&arrivals);
}
