/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames for a host with bound ports, on a real hub. Input: for each frame one byte of enum how,
 * its length in two bytes, then its bytes; the source MAC is always ours to keep the hub out of it.
 * Whatever is said, what the host answers parses, and its checksums are right.
 */
#include "base/bytes.h"
#include "hub/hub.h"
#include "ip/checksum.h"
#include "ip/host.h"
#include "wire/checksum.h"
#include "wire/eth.h"

#include <stdlib.h>

enum how {
	HOW_CHECKED = 1,     /* the transport's checksum was verified */
	HOW_IP_CHECKSUM = 2, /* the IPv4 header's checksum is made right */
	HOW_LATER = 4,	     /* some seconds pass first */
	HOW_RUN = 8,	     /* the host gets its turn afterwards */
	HOW_SCATTERED = 16,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct mac host_mac = {{2, 0, 0, 0, 0, 2}}, peer_mac = {{2, 0, 0, 0, 0, 0x10}};
static uint64_t seen; /* keeps the look at every byte from being optimised away */

static void look_at(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		seen += bytes[i];
}

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void peer_send(struct port *, const struct frame *frames, unsigned count)
{
	static uint8_t bytes[ETH_FRAME_MAX];
	struct packet packet;

	for (unsigned i = 0; i < count; i++) {
		check(frame_copy(&frames[i], 0, bytes, sizeof(bytes)) == frames[i].len);
		check(frames[i].head_len >= MIN(frames[i].len, FRAME_HEAD_MIN));
		check(packet_parse(bytes, frames[i].len, frames[i].len, &packet) == PACKET_OK);
		if (packet.version && !packet.is_fragment)
			check(host_checksum_is_right(&frames[i], &packet));
	}
}

static void nothing_to_free(struct port *)
{
}

static void on_transit(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	if (packet->is_fragment)
		abort();
	if (host_checksum_is_right(frame, packet))
		host_send_icmp_error(host, (struct ip){0}, packet->version == 4 ? 3 : 1, 0, 0,
			frame, packet, now);
	if (packet->protocol == IP_PROTOCOL_TCP)
		host_refuse_tcp(host, frame, packet, now);
}

static void on_datagram(struct udp_binding *, const struct datagram *datagram, nsec)
{
	look_at(datagram->data, datagram->len);
}

static void on_segment(
	struct tcp_binding *, const struct frame *frame, const struct packet *packet, nsec)
{
	look_at(frame->head + packet->l4, packet->payload - packet->l4);
}

static void on_resolved(struct resolve *, struct ip, struct mac, nsec)
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

/* Exactly as much memory as the frame has, so that a look past its end is seen. */
static void say(struct port *peer, struct reader *r, uint8_t how, nsec now)
{
	uint32_t wish = read_be16(r), len = (uint32_t)MIN(wish, reader_left(r));
	uint32_t head_len = how & HOW_SCATTERED ? MIN(len, FRAME_HEAD_MIN) : len;
	uint8_t *head = malloc(head_len), *body = malloc(len - head_len);
	struct iovec part = {body, len - head_len};
	struct frame frame = {.head = head,
		.head_len = head_len,
		.len = len,
		.body = &part,
		.body_count = len > head_len,
		.offload.is_checked = how & HOW_CHECKED};

	read_copy(r, head, head_len);
	read_copy(r, body, len - head_len);
	if (len >= ETH_HEADER_LEN)
		memcpy(head + 6, &peer_mac, sizeof(peer_mac));
	if (how & HOW_IP_CHECKSUM)
		fix_ip_checksum(head, head_len);
	hub_receive(peer, &frame, 1, now);
	free(head);
	free(body);
}

static void add_address(struct host *host, const char *text)
{
	struct ip_prefix prefix;

	check(prefix_parse(text, &prefix));
	check(!host_add_address(host, &prefix));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct port_ops host_ops = {"host", host_receive, nothing_to_free};
	static const struct port_ops peer_ops = {"peer", peer_send, nothing_to_free};
	static const struct host_ops ops = {.on_transit = on_transit};
	struct udp_binding dhcp = {.port = 67, .takes_broadcast = true, .on_datagram = on_datagram};
	struct udp_binding dns = {.port = 53, .on_datagram = on_datagram};
	struct tcp_binding dns_stream = {.port = 53, .on_segment = on_segment};
	struct resolve resolve = {.on_resolved = on_resolved}, resolve6 = resolve;
	struct hash_key key = {1, 2};
	struct hub *hub = hub_new("hub8", &key);
	struct port peer = {.ops = &peer_ops};
	struct reader r = reader_on(bytes, len);
	nsec now = NSEC_PER_SEC;
	struct host host;
	struct ip ip;

	check(!host_init(&host, &ops, NULL, host_mac, &key));
	host.port.ops = &host_ops;
	host.port.mtu = 1500;
	add_address(&host, "192.168.120.2/24");
	add_address(&host, "fd00:8::2/64");
	check(!hub_attach(hub, &host.port, now) && !hub_attach(hub, &peer, now));
	host_bind_udp(&host, &dhcp);
	host_bind_udp(&host, &dns);
	host_bind_tcp(&host, &dns_stream);
	check(ip_parse("192.168.120.10", &ip));
	host_resolve(&host, ip, &resolve, now);
	check(ip_parse("fd00:8::10", &ip));
	host_resolve(&host, ip, &resolve6, now);

	while (reader_left(&r)) {
		uint8_t how = read_u8(&r);

		if (how & HOW_LATER)
			now += 7 * NSEC_PER_SEC;
		say(&peer, &r, how, now);
		if (how & HOW_RUN)
			host_run(&host, now);
	}
	host_run(&host, now);
	hub_free(hub);
	host_done(&host);
	return 0;
}
