/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: a guest whose every segment is made by hand, on a hub beside the host under test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "hub/hub.h"
#include "wire/eth.h"
#include "wire/packet.h"
#include "wire/tcp.h"

#define GUEST_HEARD_MAX 4096
#define GUEST_FRAME_MAX (64 + 65535)

static const struct mac guest_mac = {{2, 0, 0, 0, 0, 0x10}};

/* A segment, said or heard. Payload: byte n of the stream is guest_byte(n). */
struct heard {
	uint8_t flags;
	uint32_t seq, ack, window, len;
	bool is_icmp;
	uint8_t type, code; /* of ICMP */
	struct tcp_options options;
};

struct guest {
	struct port port;
	struct hub *hub;
	struct endpoint self, peer;
	struct mac peer_mac;
	nsec *now;
	uint32_t iss; /* our stream's byte 0 is at iss + 1 */
	uint32_t irs; /* theirs, once their SYN is heard */
	uint8_t options[40];
	unsigned options_len;	    /* put into SYNs, or whatever is said next */
	uint64_t bad_bytes;	    /* heard, and not as guest_byte() says */
	unsigned heard_count, next; /* next: the first not yet looked at */
	struct heard heard[GUEST_HEARD_MAX];
	uint8_t out[GUEST_FRAME_MAX];
};

static inline uint8_t guest_byte(uint32_t n)
{
	return (uint8_t)(n * 2654435761u >> 24 ^ n >> 3);
}

static inline void guest_look(
	struct guest *guest, const uint8_t *bytes, const struct packet *packet)
{
	struct heard *heard = &guest->heard[guest->heard_count++];
	const uint8_t *tcp = bytes + packet->l4;

	assert_true(guest->heard_count <= GUEST_HEARD_MAX);
	if (packet->protocol != IP_PROTOCOL_TCP) {
		*heard = (struct heard){.is_icmp = true, .type = tcp[0], .code = tcp[1]};
		return;
	}
	*heard = (struct heard){.flags = packet->tcp_flags,
		.seq = load_be32(tcp + 4),
		.ack = load_be32(tcp + 8),
		.window = load_be16(tcp + 14),
		.len = packet->end - packet->payload};
	tcp_options_parse(tcp + TCP_HEADER_LEN, packet->payload - packet->l4 - TCP_HEADER_LEN,
		&heard->options);
	if (heard->flags & TCP_SYN)
		guest->irs = heard->seq;
	for (uint32_t i = 0; i < heard->len; i++)
		guest->bad_bytes += bytes[packet->payload + i] !=
				    guest_byte(heard->seq + i - guest->irs - 1);
}

static inline void guest_hear(struct port *port, const struct frame *frames, unsigned count)
{
	struct guest *guest = CONTAINER_OF(port, struct guest, port);

	for (unsigned i = 0; i < count; i++) {
		uint8_t *bytes = malloc(frames[i].len);
		struct packet packet;

		assert_int_equal(frame_copy(&frames[i], 0, bytes, frames[i].len), frames[i].len);
		assert_int_equal(
			packet_parse(bytes, frames[i].len, frames[i].len, &packet), PACKET_OK);
		if (packet.version)
			guest_look(guest, bytes, &packet);
		free(bytes);
	}
}

static const struct port_ops guest_ops = {.kind = "guest", .send = guest_hear};

static inline void guest_plug(struct guest *guest, struct hub *hub, nsec *now)
{
	guest->hub = hub;
	guest->now = now;
	guest->port.ops = &guest_ops;
	guest->port.mac = guest_mac;
	guest->port.takes = TAKES_ALL;
	assert_int_equal(hub_attach(hub, &guest->port, *now), 0);
}

static inline void guest_say_raw(struct guest *guest, const struct heard *segment)
{
	struct ip_fields ip = {.from = guest->self.ip,
		.to = guest->peer.ip,
		.protocol = IP_PROTOCOL_TCP,
		.ttl = 64,
		.payload_len = TCP_HEADER_LEN + guest->options_len + segment->len};
	struct writer w = writer_on(guest->out, sizeof(guest->out));
	struct frame frame;

	write_eth(&w, guest->peer_mac, guest_mac, ip_is_v4(ip.to) ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(&w, &ip);
	write_be16(&w, guest->self.port);
	write_be16(&w, guest->peer.port);
	write_be32(&w, segment->seq);
	write_be32(&w, segment->ack);
	write_u8(&w, (uint8_t)((TCP_HEADER_LEN + guest->options_len) / 4 << 4));
	write_u8(&w, segment->flags);
	write_be16(&w, (uint16_t)segment->window);
	write_be32(&w, 0);
	write_bytes(&w, guest->options, guest->options_len);
	for (uint32_t i = 0; i < segment->len; i++)
		write_u8(&w, guest_byte(segment->seq + i - guest->iss - 1));
	assert_false(w.failed);
	frame = frame_linear(guest->out, (uint32_t)writer_len(&w));
	frame.offload.is_checked = true;
	if (segment->len > 1460)
		frame.offload = (struct offload){.kind = SEGMENT_TCP4,
			.needs_checksum = true,
			.segment_size = 1460,
			.header_len = (uint16_t)(frame.len - segment->len),
			.checksum_start = ETH_HEADER_LEN + IP4_HEADER_LEN,
			.checksum_offset = TCP_CHECKSUM_OFFSET};
	hub_receive(&guest->port, &frame, 1, *guest->now);
	guest->options_len = 0;
}

/* seq and ack count from the streams' first bytes: -1 is the SYN. */
static inline void guest_say(struct guest *guest, uint8_t flags, uint32_t seq, uint32_t len,
	uint32_t ack, uint16_t window)
{
	guest_say_raw(guest, &(struct heard){.flags = flags,
				     .seq = guest->iss + 1 + seq,
				     .ack = flags & TCP_ACK ? guest->irs + 1 + ack : 0,
				     .window = window,
				     .len = len});
}

/* The next segment that was heard, counted likewise; none: flags are 0. */
static inline struct heard guest_next(struct guest *guest)
{
	struct heard heard = {0};

	if (guest->next == guest->heard_count)
		return heard;
	heard = guest->heard[guest->next++];
	heard.seq -= guest->irs + 1;
	heard.ack -= guest->iss + 1;
	return heard;
}

/* The newest one; what came before it is passed over. */
static inline struct heard guest_last(struct guest *guest)
{
	assert_true(guest->heard_count > guest->next);
	guest->next = guest->heard_count - 1;
	return guest_next(guest);
}

static inline void guest_hears_nothing(const struct guest *guest)
{
	assert_int_equal(guest->heard_count - guest->next, 0);
}

static inline void guest_add_option(struct guest *guest, const void *bytes, unsigned len)
{
	memcpy(guest->options + guest->options_len, bytes, len);
	guest->options_len += len;
}

/* MSS 1460, SACK, a window scale of 7: as most guests. */
static inline void guest_add_syn_options(struct guest *guest)
{
	guest_add_option(guest, "\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x07", 12);
}

static inline void guest_add_sack(struct guest *guest, uint32_t start, uint32_t end)
{
	uint8_t option[12] = {TCP_OPTION_NOP, TCP_OPTION_NOP, TCP_OPTION_SACK, 10};

	store_be32(option + 4, guest->irs + 1 + start);
	store_be32(option + 8, guest->irs + 1 + end);
	guest_add_option(guest, option, sizeof(option));
}
