/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a member's path carries (path_mtu.h), and with that where its frames are cut. */
#include "port/link/link_state.h"
#include "wire/ip.h"
#include "wire/udp.h"

#define PAD_LEN	  1024
#define PARTS_MAX (2 + UINT16_MAX / PAD_LEN)

/* What an IP packet on the path has beside the packet in the session. */
static uint32_t overhead_of(const struct link_member *member)
{
	bool is_v4 = ip_is_v4(wg_peer_endpoint(member->peer.wg)->ip);

	return (is_v4 ? IP4_HEADER_LEN : IP6_HEADER_LEN) + UDP_HEADER_LEN + WG_OVERHEAD;
}

static uint32_t frame_max_of(const struct link_member *member)
{
	const uint32_t wanted = member->mtu + ETH_HEADER_LEN;
	const uint32_t carried = member->path.confirmed - overhead_of(member) - LINK_HEADER_LEN;

	return member->path.phase == PATH_MTU_UNKNOWN ? wanted : MIN(wanted, carried);
}

/* Before anything arrived, connections that begin are told what may turn out to be too much: they
 * last longer than the search. */
static void apply(struct link_member *member)
{
	const nsec due = path_mtu_due(&member->path);

	member->frame_max = frame_max_of(member);
	member->tcp_mtu = member->path.low ? member->frame_max - ETH_HEADER_LEN : member->mtu;
	wg_peer_set_mtu(member->peer.wg, member->frame_max + LINK_HEADER_LEN);
	wg_peer_set_whole(member->peer.wg, member->path.phase != PATH_MTU_UNKNOWN);
	if (due < NSEC_NEVER)
		timer_set(member->peer.link->loop, &member->path_timer, due);
	else
		timer_cancel(member->peer.link->loop, &member->path_timer);
}

/* A control message of the probe's size: zeros follow what it says. */
static void send_probe(struct link_member *member, uint32_t size, uint64_t stamp, nsec now)
{
	static const uint8_t zeros[PAD_LEN];
	const struct control control = {.type = CONTROL_PROBE, .stamp = stamp};
	uint8_t bytes[CONTROL_MAX];
	uint32_t left = size - overhead_of(member);
	struct iovec parts[PARTS_MAX];
	struct wg_packet packet = {.parts = parts, .part_count = 1, .len = left};

	parts[0] = (struct iovec){bytes, control_write(&control, bytes)};
	for (left -= (uint32_t)parts[0].iov_len; left; packet.part_count++) {
		parts[packet.part_count] = (struct iovec){(void *)zeros, MIN(left, PAD_LEN)};
		left -= MIN(left, PAD_LEN);
	}
	wg_peer_send(member->peer.wg, &packet, 1, now);
}

static void on_timer(struct timer *timer, nsec now)
{
	struct link_member *member = CONTAINER_OF(timer, struct link_member, path_timer);
	uint64_t stamp;
	uint32_t size;

	do {
		size = path_mtu_run(&member->path, now, &stamp);
		apply(member); /* before: a probe is not to be padded */
		if (size)
			send_probe(member, size, stamp, now);
	} while (size);
}

void path_init(struct link_member *member)
{
	member->path_timer.on_expire = on_timer;
	path_mtu_end(&member->path);
	apply(member);
}

void path_done(struct link_member *member)
{
	timer_cancel(member->peer.link->loop, &member->path_timer);
}

void path_begin(struct link_member *member, nsec now)
{
	const struct endpoint *at = wg_peer_endpoint(member->peer.wg);
	uint32_t longest = member->mtu + ETH_HEADER_LEN + LINK_HEADER_LEN + overhead_of(member);

	path_mtu_begin(&member->path, ip_is_v4(at->ip) ? PATH_MTU_FLOOR4 : PATH_MTU_BASE,
		MIN(longest, (uint32_t)UINT16_MAX), now);
	apply(member);
}

void path_end(struct link_member *member)
{
	path_mtu_end(&member->path);
	apply(member);
}

void path_renew(struct link_member *member, nsec now)
{
	if (member->path.phase != PATH_MTU_UNKNOWN)
		path_begin(member, now);
}

void path_hear(struct link_member *member, uint64_t stamp, nsec now)
{
	path_mtu_hear(&member->path, stamp, now);
	apply(member);
}

void path_tick(struct link_member *member, nsec now)
{
	const uint32_t longest = member->longest_sent + overhead_of(member);

	member->longest_sent = 0;
	if (longest <= member->path.floor)
		return;
	path_mtu_use(&member->path, now);
	apply(member);
}

static void refuse(struct link_member *member, size_t len)
{
	const uint32_t size = (uint32_t)len + overhead_of(member) - WG_OVERHEAD;

	path_mtu_refuse(&member->path, size, loop_now(member->peer.link->loop));
	apply(member);
}

void path_refuse(struct link *link, const struct endpoint *at, size_t len)
{
	LIST_EACH(node, &link->members) {
		struct link_member *member = CONTAINER_OF(node, struct link_member, peer.node);

		if (endpoint_equal(wg_peer_endpoint(member->peer.wg), at))
			refuse(member, len);
	}
}
