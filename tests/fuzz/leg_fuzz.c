/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames for a router with legs on two real hubs of different MTU. Input: for each frame one byte
 * of enum how, its length in two bytes, for one with offloads 8 bytes of them, then its bytes; the
 * source MAC is always ours. Whatever is said, what leaves parses, has hops left and fits its hub.
 */
#include "base/bytes.h"
#include "hub/hub.h"
#include "ip/checksum.h"
#include "ip/router/leg.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"

#include <stdlib.h>

enum how {
	HOW_SECOND = 1,	     /* on the other hub */
	HOW_IP_CHECKSUM = 2, /* the IPv4 header's checksum is made right */
	HOW_LATER = 4,	     /* some seconds pass first */
	HOW_RUN = 8,	     /* the legs get their turns afterwards */
	HOW_SCATTERED = 16,
	HOW_OFFLOAD = 32,
	HOW_ANOTHER_MAP = 64, /* in the middle of it */
	HOW_TO_LEG = 128,     /* the leg's MAC address as destination */
};

#define LEGS 2

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct place {
	struct hub *hub;
	struct leg leg;
	struct port peer;
};

static struct place places[LEGS];
static const uint32_t mtus[LEGS] = {1500, 1280};

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static struct mac leg_mac(unsigned i)
{
	return (struct mac){{2, 0, 0, 0, (uint8_t)i, 3}};
}

static struct mac peer_mac(unsigned i)
{
	return (struct mac){{2, 0, 0, 0, (uint8_t)i, 0x10}};
}

static void peer_send(struct port *port, const struct frame *frames, unsigned count)
{
	static uint8_t bytes[ETH_FRAME_MAX];
	unsigned number = (unsigned)(CONTAINER_OF(port, struct place, peer) - places);
	struct packet packet;

	for (unsigned i = 0; i < count; i++) {
		check(frame_copy(&frames[i], 0, bytes, sizeof(bytes)) == frames[i].len);
		check(frames[i].head_len >= MIN(frames[i].len, FRAME_HEAD_MIN));
		check(packet_parse(bytes, frames[i].len, frames[i].len, &packet) == PACKET_OK);
		check(frames[i].len <= mtus[number] + ETH_HEADER_LEN ||
			frames[i].offload.kind != SEGMENT_NONE);
		if (packet.version)
			check(packet.ttl);
	}
}

static void nothing_to_free(struct port *)
{
}

static void fix_ip_checksum(uint8_t *frame, uint32_t len)
{
	uint32_t header_len = len > ETH_HEADER_LEN ? (frame[ETH_HEADER_LEN] & 15u) * 4 : 0;
	uint16_t checksum;

	if (header_len < IP4_HEADER_LEN || len < ETH_HEADER_LEN + header_len)
		return;
	store_be16(frame + ETH_HEADER_LEN + 10, 0);
	checksum = checksum_fold(checksum_add(0, frame + ETH_HEADER_LEN, header_len));
	memcpy(frame + ETH_HEADER_LEN + 10, &checksum, sizeof(checksum));
}

static struct offload read_offload(struct reader *r)
{
	struct offload offload = {.needs_checksum = true, .kind = read_u8(r) % 4};

	offload.header_len = read_u8(r);
	offload.segment_size = read_be16(r);
	offload.checksum_start = read_be16(r);
	offload.checksum_offset = read_be16(r);
	return offload;
}

/* Exactly as much memory as the frame has, so that a look past its end is seen. */
static void say(unsigned number, struct reader *r, uint8_t how, nsec now)
{
	uint32_t wish = read_be16(r);
	struct offload offload = how & HOW_OFFLOAD ? read_offload(r) : (struct offload){0};
	uint32_t len = (uint32_t)MIN(wish, reader_left(r));
	uint32_t head_len = how & HOW_SCATTERED ? MIN(len, FRAME_HEAD_MIN) : len;
	uint8_t *head = malloc(head_len), *body = malloc(len - head_len);
	struct iovec part = {body, len - head_len};
	struct frame frame = {.head = head,
		.head_len = head_len,
		.len = len,
		.body = &part,
		.body_count = len > head_len,
		.offload = offload};

	read_copy(r, head, head_len);
	read_copy(r, body, len - head_len);
	if (len >= ETH_HEADER_LEN && how & HOW_TO_LEG)
		memcpy(head, leg_mac(number).bytes, 6);
	if (len >= ETH_HEADER_LEN)
		memcpy(head + 6, peer_mac(number).bytes, 6);
	if (how & HOW_IP_CHECKSUM)
		fix_ip_checksum(head, head_len);
	hub_receive(&places[number].peer, &frame, 1, now);
	free(head);
	free(body);
}

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix prefix;

	check(prefix_parse(text, &prefix));
	return prefix;
}

static struct router_site make(unsigned i, nsec now)
{
	static const char *const own[LEGS] = {"10.0.0.3/24", "10.0.1.3/24"};
	static const char *const own6[LEGS] = {"fd00:0::3/64", "fd00:1::3/64"};
	static const struct port_ops leg_ops = {"router", leg_receive, nothing_to_free};
	static const struct port_ops peer_ops = {"peer", peer_send, nothing_to_free};
	struct place *place = &places[i];
	struct leg_settings settings = {.mac = leg_mac(i),
		.address = prefix_of(own[i]),
		.address6 = prefix_of(own6[i]),
		.mtu = mtus[i],
		.key = {1, 2}};
	struct router_site site = {.subnet = settings.address,
		.subnet6 = settings.address6,
		.info = {.address = settings.address.address,
			.address6 = settings.address6.address,
			.mtu = mtus[i]}};

	*place = (struct place){.hub = hub_new("hub", &settings.key), .peer.ops = &peer_ops};
	place->peer.takes = TAKES_ALL;
	check(!leg_init(&place->leg, &settings));
	place->leg.host.port.ops = &leg_ops;
	check(!hub_attach(place->hub, &place->leg.host.port, now));
	check(!hub_attach(place->hub, &place->peer, now));
	return site;
}

static void join(struct router_site sites[LEGS])
{
	struct ip_route route = {
		.to = prefix_of("172.16.0.0/12"), .via = prefix_of("10.0.0.9/32").address};
	struct router_map *maps[LEGS], *old[LEGS];

	sites[0].routes = &route;
	sites[0].route_count = 1;
	check(!router_maps_new(sites, LEGS, HANDOVER_SIZE_MIN, maps));
	for (unsigned i = 0; i < LEGS; i++)
		old[i] = leg_set_map(&places[i].leg, maps[i]);
	for (unsigned i = 0; i < LEGS; i++)
		router_map_free(old[i]);
}

static void run(nsec now)
{
	for (unsigned i = 0; i < LEGS; i++) {
		struct leg *leg = &places[i].leg;

		while (!leg_drain(leg, leg->map->in[1 - i], now))
			;
		leg->machine.run(&leg->machine, now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct reader r = reader_on(bytes, len);
	struct router_site sites[LEGS];
	nsec now = NSEC_PER_SEC;

	for (unsigned i = 0; i < LEGS; i++)
		sites[i] = make(i, now);
	join(sites);
	while (reader_left(&r)) {
		uint8_t how = read_u8(&r);

		if (how & HOW_LATER)
			now += 2 * NSEC_PER_SEC;
		say(how & HOW_SECOND, &r, how, now);
		if (how & HOW_ANOTHER_MAP)
			join(sites);
		if (how & HOW_RUN)
			run(now);
	}
	run(now);
	for (unsigned i = 0; i < LEGS; i++) {
		hub_free(places[i].hub);
		leg_done(&places[i].leg);
		router_map_free(places[i].leg.map);
	}
	return 0;
}
