/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/host_fixture.h"

#include "wire/tcp.h"

#define OWN4  "192.168.120.2"
#define PEER4 "192.168.120.10"
#define OWN6  "fd00:8::2"
#define PEER6 "fd00:8::10"

/* A bound port, and the last datagram it got. */
struct service {
	struct udp_binding binding;
	unsigned count;
	struct datagram last;
	uint8_t data[65536];
};

static void on_datagram(struct udp_binding *binding, const struct datagram *datagram, nsec)
{
	struct service *s = CONTAINER_OF(binding, struct service, binding);

	s->count++;
	s->last = *datagram;
	memcpy(s->data, datagram->data, datagram->len);
}

static struct service *bind_udp(struct fixture *f, uint16_t port, bool takes_broadcast)
{
	static struct service s;

	s = (struct service){.binding = {.port = port,
				     .takes_broadcast = takes_broadcast,
				     .on_datagram = on_datagram}};
	host_bind_udp(&f->host, &s.binding);
	return &s;
}

static void delivers_datagrams(void **state)
{
	struct fixture *f = *state;
	struct service *s = bind_udp(f, 53, false);

	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 53), "hello", 5);
	assert_int_equal(s->count, 1);
	assert_int_equal(s->last.len, 5);
	assert_memory_equal(s->data, "hello", 5);
	assert_int_equal(s->last.from.port, 4000);
	assert_int_equal(s->last.to.port, 53);
	assert_int_equal(s->last.ttl, 64);
	assert_true(mac_equal(s->last.from_mac, peer_mac));
	say_udp(f, host_mac, at(PEER6, 4000), at(OWN6, 53), "", 0);
	assert_int_equal(s->count, 2);
	assert_int_equal(s->last.len, 0);
	assert_no_drops(f);
	host_unbind_udp(&s->binding);
	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 53), "hello", 5);
	assert_int_equal(s->count, 2);
}

static void delivers_scattered_datagrams(void **state)
{
	struct fixture *f = *state;
	struct service *s = bind_udp(f, 53, false);
	struct ip_fields ip = {.from = ip_of_text(PEER4),
		.to = ip_of_text(OWN4),
		.protocol = IP_PROTOCOL_UDP,
		.payload_len = UDP_HEADER_LEN + 1400};
	struct endpoint from = at(PEER4, 4000), to = at(OWN4, 53);
	struct frame frame;
	struct iovec body[2];
	uint8_t data[1400];

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	begin_ip(f, host_mac, &ip);
	write_udp(&f->w, &from, &to, data, sizeof(data));
	write_bytes(&f->w, data, FRAME_HEAD_MIN - writer_len(&f->w));
	body[0] = (struct iovec){data + 150, 333};
	body[1] = (struct iovec){data + 483, 1400 - 483};
	frame = frame_linear(f->out, FRAME_HEAD_MIN);
	frame.len = 14 + 20 + 8 + 1400;
	frame.body = body;
	frame.body_count = 2;
	say_frame(f, &frame);
	assert_int_equal(s->count, 1);
	assert_int_equal(s->last.len, 1400);
	assert_memory_equal(s->data, data, 1400);
	assert_no_drops(f);
}

static void takes_super_frames_apart(void **state)
{
	struct fixture *f = *state;
	struct service *s = bind_udp(f, 53, false);
	struct ip_fields ip = {.from = ip_of_text(PEER4),
		.to = ip_of_text(OWN4),
		.protocol = IP_PROTOCOL_UDP,
		.payload_len = UDP_HEADER_LEN + 25};
	struct endpoint from = at(PEER4, 4000), to = at(OWN4, 53);
	struct frame frame;

	f->host.port.takes = TAKES_ALL;
	begin_ip(f, host_mac, &ip);
	write_udp(&f->w, &from, &to, "aaaaaaaaaabbbbbbbbbbccccc", 25);
	write_bytes(&f->w, "aaaaaaaaaabbbbbbbbbbccccc", 25);
	frame = frame_linear(f->out, (uint32_t)writer_len(&f->w));
	frame.offload = (struct offload){.needs_checksum = true,
		.kind = SEGMENT_UDP,
		.segment_size = 10,
		.checksum_start = 34,
		.checksum_offset = UDP_CHECKSUM_OFFSET};
	say_frame(f, &frame);
	assert_int_equal(s->count, 3);
	assert_int_equal(s->last.len, 5);
	assert_memory_equal(s->data, "ccccc", 5);
}

static void wrong_checksums_are_dropped_unless_vouched_for(void **state)
{
	struct fixture *f = *state;
	struct service *s = bind_udp(f, 53, false);
	struct frame frame;

	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 53), "hello", 5);
	f->out[writer_len(&f->w) - 1] ^= 1;
	say(f);
	assert_int_equal(s->count, 1);
	assert_only_drop(f, DROP_CHECKSUM);
	frame = frame_linear(f->out, (uint32_t)writer_len(&f->w));
	frame.offload.is_checked = true;
	say_frame(f, &frame);
	assert_int_equal(s->count, 2);
	f->out[40] = f->out[41] = 0; /* RFC 768: none */
	say(f);
	assert_int_equal(s->count, 3);
}

static void wrong_ip_checksums_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct service *s = bind_udp(f, 53, false);

	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 53), "hello", 5);
	f->out[ETH_HEADER_LEN + 8]--;
	say(f);
	assert_int_equal(s->count, 1);
	assert_only_drop(f, DROP_CHECKSUM);
}

static void headers_that_lie_are_dropped(void **state)
{
	struct fixture *f = *state;

	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 53), "hello", 5);
	assert_only_drop(f, DROP_UNWANTED);
	f->out[ETH_HEADER_LEN] = 0x4f;
	say(f);
	assert_int_equal(drops(f, DROP_MALFORMED), 1);
}

/* The hub refuses runts at entry; a port may still be handed one by another way in. */
static void runts_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_linear(f->out, 13);

	host_receive(&f->host.port, &frame, 1);
	assert_only_drop(f, DROP_RUNT);
}

static void unbound_ports_are_unreachable(void **state)
{
	struct fixture *f = *state;
	const struct heard *heard = f->heard;

	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 9), "hello", 5);
	assert_int_equal(f->heard_count, 1);
	assert_true(mac_equal(heard_to(f, 0), peer_mac));
	assert_int_equal(heard->bytes[heard->packet.l4], ICMP_UNREACHABLE);
	assert_int_equal(heard->bytes[heard->packet.l4 + 1], ICMP_PORT_UNREACHABLE);
	assert_true(ip_equal(heard->packet.from, ip_of_text(OWN4)));
	assert_memory_equal(heard->bytes + heard->packet.payload, f->out + ETH_HEADER_LEN, 33);
	assert_int_equal(heard->packet.end - heard->packet.payload, 33);
	assert_only_drop(f, DROP_UNWANTED);

	say_udp(f, host_mac, at(PEER6, 4000), at(OWN6, 9), "hello", 5);
	assert_int_equal(f->heard[1].bytes[f->heard[1].packet.l4], ICMP6_UNREACHABLE);
	assert_int_equal(f->heard[1].bytes[f->heard[1].packet.l4 + 1], ICMP6_PORT_UNREACHABLE);
}

static void errors_quote_what_fits_and_are_rationed(void **state)
{
	static const uint8_t data[1400];
	struct fixture *f = *state;

	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 9), data, sizeof(data));
	assert_int_equal(f->heard[0].frame.len, ETH_HEADER_LEN + 576);
	say_udp(f, host_mac, at(PEER6, 4000), at(OWN6, 9), data, sizeof(data));
	assert_int_equal(f->heard[1].frame.len, ETH_HEADER_LEN + 1280);
	for (unsigned i = 2; i < 150; i++)
		say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 9), "hello", 5);
	assert_int_equal(f->heard_count, 100);
	f->now += NSEC_PER_SEC / 100;
	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 9), "hello", 5);
	say_udp(f, host_mac, at(PEER4, 4000), at(OWN4, 9), "hello", 5);
	assert_int_equal(f->heard_count, 101);
}

static void no_errors_about_errors(void **state)
{
	uint8_t unreachable[16] = {ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE};
	struct fixture *f = *state;
	struct frame frame;
	struct packet packet;

	begin_icmp(f, host_mac, ip_of_text(PEER4), ip_of_text("8.8.8.8"), 1, unreachable,
		sizeof(unreachable));
	frame = frame_linear(f->out, (uint32_t)writer_len(&f->w));
	assert_int_equal(packet_parse(f->out, frame.len, frame.len, &packet), PACKET_OK);
	host_send_icmp_error(
		&f->host, (struct ip){0}, ICMP_TIME_EXCEEDED, 0, 0, &frame, &packet, f->now);
	run(f);
	assert_int_equal(f->heard_count, 0);
	say_udp(f, MAC_BROADCAST, at(PEER4, 4000), at("192.168.120.255", 9), "hello", 5);
	assert_int_equal(f->heard_count, 0);
}

static void broadcasts_reach_who_asks_for_them(void **state)
{
	struct fixture *f = *state;
	struct service *s = bind_udp(f, 67, true);

	say_udp(f, MAC_BROADCAST, at("0.0.0.0", 68), at("255.255.255.255", 67), "discover", 8);
	assert_int_equal(s->count, 1);
	say_udp(f, MAC_BROADCAST, at(PEER4, 68), at("192.168.120.255", 67), "discover", 8);
	assert_int_equal(s->count, 2);
	say_udp(f, host_mac, at(PEER4, 68), at(OWN4, 67), "renew", 5);
	assert_int_equal(s->count, 3);
	assert_no_drops(f);
	say_udp(f, MAC_BROADCAST, at(PEER4, 68), at("255.255.255.255", 68), "other", 5);
	assert_only_drop(f, DROP_UNWANTED);
	say_udp(f, host_mac, at("0.0.0.0", 68), at(OWN4, 53), "nobody", 6);
	assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), 1);
	assert_int_equal(s->count, 3);
}

static void broadcasts_pass_others_by(void **state)
{
	struct fixture *f = *state;
	struct service *s = bind_udp(f, 53, false);

	say_udp(f, MAC_BROADCAST, at(PEER4, 4000), at("255.255.255.255", 53), "hello", 5);
	assert_int_equal(s->count, 0);
	assert_only_drop(f, DROP_UNWANTED);
	assert_int_equal(f->heard_count, 0);
}

static void impossible_sources_are_dropped(void **state)
{
	static const char *const impossible[] = {"10.0.0.1", "127.0.0.1", "224.0.0.1",
		"255.255.255.255", "192.168.120.255", OWN4, "0.0.0.0"};
	static const char *const impossible6[] = {"2001:db8::1", "::1", "ff02::1", OWN6, "::"};
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(impossible); i++) {
		say_udp(f, host_mac, at(impossible[i], 1), at("8.8.8.8", 53), "hello", 5);
		assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), i + 1);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(impossible6); i++) {
		say_udp(f, host_mac, at(impossible6[i], 1), at("2001:db8::2", 53), "hello", 5);
		assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), ARRAY_SIZE(impossible) + i + 1);
	}
	assert_int_equal(f->transits, 0);
	assert_int_equal(f->heard_count, 0);
}

static void transit_reaches_the_owner(void **state)
{
	struct fixture *f = *state;

	say_udp(f, host_mac, at(PEER4, 4000), at("8.8.8.8", 53), "hello", 5);
	assert_int_equal(f->transits, 1);
	assert_int_equal(f->transit.to_port, 53);
	f->out[writer_len(&f->w) - 1] ^= 1; /* the owner looks at checksums */
	say(f);
	assert_int_equal(f->transits, 2);
	say_udp(f, host_mac, at(PEER6, 4000), at("2001:db8::1", 53), "hello", 5);
	assert_int_equal(f->transits, 3);
	assert_no_drops(f);
	assert_int_equal(f->wakes, 0);
}

static void some_transit_is_unwanted(void **state)
{
	static const char *const unwanted[] = {
		"127.0.0.1", "0.0.0.0", "224.0.0.251", "255.255.255.255"};
	static const struct host_ops no_transit = {0};
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(unwanted); i++)
		say_udp(f, host_mac, at(PEER4, 4000), at(unwanted[i], 53), "hello", 5);
	say_udp(f, host_mac, at(PEER6, 4000), at("fe80::1234", 53), "hello", 5);
	say_udp(f, other_mac, at(PEER4, 4000), at("8.8.8.8", 53), "flooded", 7);
	begin(f, host_mac, 0x88cc);
	write_zeros(&f->w, 46);
	say(f);
	begin(f, MAC_BROADCAST, ETHERTYPE_RARP);
	write_zeros(&f->w, 46);
	say(f);
	assert_int_equal(drops(f, DROP_UNWANTED), ARRAY_SIZE(unwanted) + 4);
	assert_int_equal(f->transits, 0);
	f->host.ops = &no_transit;
	say_udp(f, host_mac, at(PEER4, 4000), at("8.8.8.8", 53), "hello", 5);
	assert_int_equal(drops(f, DROP_UNWANTED), ARRAY_SIZE(unwanted) + 5);
}

static void tagged_frames_are_for_others(void **state)
{
	struct fixture *f = *state;
	uint8_t tagged[64];

	say_udp(f, host_mac, at(PEER4, 4000), at("8.8.8.8", 53), "hello", 5);
	memcpy(tagged, f->out, 12);
	memcpy(tagged + 12, "\x81\0\0\7", 4);
	memcpy(tagged + 16, f->out + 12, writer_len(&f->w) - 12);
	say_frame(f, &(struct frame){.head = tagged, .head_len = 51, .len = 51});
	assert_int_equal(f->transits, 1);
	assert_only_drop(f, DROP_UNWANTED);
	tagged[15] = 0; /* a priority, no VLAN */
	say_frame(f, &(struct frame){.head = tagged, .head_len = 51, .len = 51});
	assert_int_equal(f->transits, 2);
}

static void say_echo(struct fixture *f, const char *from, const char *to, uint32_t len)
{
	static uint8_t message[ICMP_HEADER_LEN + 65000];
	struct ip own = ip_of_text(to);

	message[0] = ip_is_v4(own) ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST;
	store_be32(message + 4, 0x12340001);
	for (uint32_t i = 0; i < len; i++)
		message[ICMP_HEADER_LEN + i] = (uint8_t)(i * 3);
	begin_icmp(f, host_mac, ip_of_text(from), own, 64, message, ICMP_HEADER_LEN + len);
}

static void assert_echo(struct fixture *f, uint8_t type, uint32_t len)
{
	const struct heard *heard = &f->heard[f->heard_count - 1];
	const uint8_t *icmp = heard->bytes + heard->packet.l4;

	assert_int_equal(icmp[0], type);
	assert_int_equal(load_be32(icmp + 4), 0x12340001);
	assert_int_equal(heard->packet.end - heard->packet.payload, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(heard->bytes[heard->packet.payload + i], (uint8_t)(i * 3));
}

static void answers_echo_requests(void **state)
{
	struct fixture *f = *state;

	say_echo(f, PEER4, OWN4, 56);
	say(f);
	assert_echo(f, ICMP_ECHO_REPLY, 56);
	say_echo(f, PEER4, OWN4, 1472);
	say(f);
	assert_echo(f, ICMP_ECHO_REPLY, 1472);
	say_echo(f, PEER4, OWN4, 0);
	say(f);
	assert_echo(f, ICMP_ECHO_REPLY, 0);
	say_echo(f, PEER6, OWN6, 57);
	say(f);
	assert_echo(f, ICMP6_ECHO_REPLY, 57);
	assert_true(mac_equal(heard_to(f, 3), peer_mac));
	assert_no_drops(f);
	say_echo(f, PEER4, OWN4, 56);
	f->out[60] ^= 1;
	say(f);
	assert_only_drop(f, DROP_CHECKSUM);
	assert_int_equal(f->heard_count, 4);
}

static void unknown_protocols_are_unreachable(void **state)
{
	struct ip_fields ip = {.from = ip_of_text(PEER4),
		.to = ip_of_text(OWN4),
		.protocol = 47,
		.payload_len = 20};
	struct fixture *f = *state;

	begin_ip(f, host_mac, &ip);
	write_zeros(&f->w, 20);
	say(f);
	assert_int_equal(f->heard[0].bytes[f->heard[0].packet.l4 + 1], ICMP_PROTOCOL_UNREACHABLE);
	assert_only_drop(f, DROP_UNWANTED);
	ip.from = ip_of_text(PEER6);
	ip.to = ip_of_text(OWN6);
	begin_ip(f, host_mac, &ip);
	write_zeros(&f->w, 20);
	say(f);
	assert_int_equal(f->heard[1].bytes[f->heard[1].packet.l4], ICMP6_PARAMETER_PROBLEM);
	assert_int_equal(load_be32(f->heard[1].bytes + f->heard[1].packet.l4 + 4), 6);
}

static void say_tcp(
	struct fixture *f, uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct ip_fields ip = {.from = ip_of_text(PEER4),
		.to = ip_of_text(OWN4),
		.protocol = IP_PROTOCOL_TCP,
		.payload_len = TCP_HEADER_LEN + len};

	begin_ip(f, host_mac, &ip);
	write_be16(&f->w, 4000);
	write_be16(&f->w, port);
	write_be32(&f->w, seq);
	write_be32(&f->w, ack);
	write_u8(&f->w, 5 << 4);
	write_u8(&f->w, flags);
	write_zeros(&f->w, 6 + len);
	fill_checksum(f, 34, TCP_CHECKSUM_OFFSET, ip.from, ip.to, IP_PROTOCOL_TCP);
	say(f);
}

static void refuses_unbound_tcp(void **state)
{
	struct fixture *f = *state;
	const uint8_t *rst;

	say_tcp(f, 80, TCP_SYN, 0xfffffff0, 0, 16);
	rst = f->heard[0].bytes + f->heard[0].packet.l4;
	assert_int_equal(f->heard[0].packet.tcp_flags, TCP_RST | TCP_ACK);
	assert_int_equal(load_be32(rst + 4), 0);
	assert_int_equal(load_be32(rst + 8), 1);
	assert_int_equal(f->heard[0].packet.from_port, 80);
	assert_int_equal(f->heard[0].packet.to_port, 4000);
	say_tcp(f, 80, TCP_ACK, 7, 1234, 0);
	rst = f->heard[1].bytes + f->heard[1].packet.l4;
	assert_int_equal(f->heard[1].packet.tcp_flags, TCP_RST);
	assert_int_equal(load_be32(rst + 4), 1234);
	say_tcp(f, 80, TCP_RST, 7, 0, 0);
	assert_int_equal(f->heard_count, 2);
	assert_int_equal(drops(f, DROP_UNWANTED), 3);
}

static unsigned segments;

static void on_segment(
	struct tcp_binding *, const struct frame *, const struct packet *packet, nsec)
{
	segments += packet->to_port == 53;
}

static void delivers_segments(void **state)
{
	struct tcp_binding binding = {.port = 53, .on_segment = on_segment};
	struct fixture *f = *state;

	segments = 0;
	host_bind_tcp(&f->host, &binding);
	say_tcp(f, 53, TCP_SYN, 1, 0, 0);
	assert_int_equal(segments, 1);
	f->out[50] ^= 1;
	say(f);
	assert_int_equal(segments, 1);
	assert_only_drop(f, DROP_CHECKSUM);
	host_unbind_tcp(&binding);
	say_tcp(f, 53, TCP_SYN, 1, 0, 0);
	assert_int_equal(segments, 1);
}

static bool send_udp(
	struct fixture *f, const char *to, struct mac mac, const void *data, uint32_t len)
{
	bool is_v4 = ip_is_v4(ip_of_text(to));
	struct endpoint own = at(is_v4 ? OWN4 : OWN6, 53), peer = at(to, 4000);

	return host_send_udp(&f->host, &own, &peer, mac, data, len, f->now);
}

static void sends_datagrams(void **state)
{
	struct fixture *f = *state;
	const struct heard *heard = f->heard;

	assert_true(send_udp(f, PEER4, peer_mac, "hello", 5));
	assert_true(f->wakes);
	assert_int_equal(f->heard_count, 0); /* not before it is run */
	run(f);
	assert_int_equal(f->heard_count, 1);
	assert_int_equal(heard->packet.to_port, 4000);
	assert_int_equal(heard->packet.end - heard->packet.payload, 5);
	assert_memory_equal(heard->bytes + heard->packet.payload, "hello", 5);
	assert_true(mac_equal(heard_to(f, 0), peer_mac));
	assert_true(send_udp(f, "255.255.255.255", (struct mac){0}, "all", 3));
	assert_true(send_udp(f, "224.0.0.251", (struct mac){0}, "some", 4));
	assert_true(send_udp(f, "ff02::fb", (struct mac){0}, "some", 4));
	run(f);
	assert_true(mac_equal(heard_to(f, 1), MAC_BROADCAST));
	assert_true(mac_equal(heard_to(f, 2), (struct mac){{1, 0, 0x5e, 0, 0, 0xfb}}));
	assert_true(mac_equal(heard_to(f, 3), (struct mac){{0x33, 0x33, 0, 0, 0, 0xfb}}));
	assert_int_equal(f->next, NSEC_NEVER);
	assert_no_drops(f);
}

static void the_latest_datagram_waits_for_its_neighbour(void **state)
{
	struct fixture *f = *state;

	assert_true(send_udp(f, PEER4, (struct mac){0}, "first", 5));
	assert_true(send_udp(f, PEER4, (struct mac){0}, "second", 6));
	assert_int_equal(drops_in(f, DROP_QUEUE_FULL), 1);
	run(f);
	assert_int_equal(f->heard_count, 1);
	say_arp(f, host_mac, ARP_REPLY, peer_mac, PEER4, OWN4);
	assert_int_equal(f->heard_count, 2);
	assert_memory_equal(f->heard[1].bytes + f->heard[1].packet.payload, "second", 6);
	assert_true(send_udp(f, PEER4, (struct mac){0}, "third", 5));
	run(f);
	assert_int_equal(f->heard_count, 3);
}

static void datagrams_for_nobody_are_dropped(void **state)
{
	struct fixture *f = *state;

	assert_false(send_udp(f, "8.8.8.8", (struct mac){0}, "hello", 5));
	assert_int_equal(drops_in(f, DROP_UNREACHABLE), 1);
	assert_true(send_udp(f, PEER4, (struct mac){0}, "hello", 5));
	for (unsigned i = 0; i < 4; i++)
		pass(f, NSEC_PER_SEC);
	assert_int_equal(drops_in(f, DROP_UNREACHABLE), 2);
	assert_int_equal(f->next, NSEC_NEVER);
}

static void too_many_waiting_datagrams_are_dropped(void **state)
{
	struct fixture *f = *state;
	char text[IP_TEXT_SIZE];

	for (unsigned i = 3; i < 3 + 64; i++) {
		snprintf(text, sizeof(text), "192.168.120.%u", i);
		assert_true(send_udp(f, text, (struct mac){0}, "hello", 5));
	}
	assert_false(send_udp(f, "192.168.120.90", (struct mac){0}, "hello", 5));
	assert_int_equal(drops_in(f, DROP_QUEUE_FULL), 1);
}

static void giants_are_not_sent(void **state)
{
	static const uint8_t data[65536];
	struct fixture *f = *state;

	assert_false(send_udp(f, PEER4, peer_mac, data, sizeof(data)));
	assert_false(send_udp(f, PEER4, peer_mac, data, 65508));
	assert_int_equal(drops_in(f, DROP_GIANT), 2);
}

static void a_full_batch_is_flushed(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < HOST_BATCH + 1; i++)
		assert_true(send_udp(f, PEER4, peer_mac, "hello", 5));
	assert_int_equal(f->heard_count, HOST_BATCH);
	run(f);
	assert_int_equal(f->heard_count, HOST_BATCH + 1);
}

/* While frames are received nothing can be sent: what does not fit is lost, and counted. */
static void answers_beyond_a_batch_are_dropped(void **state)
{
	struct frame frames[HOST_BATCH + 1];
	struct fixture *f = *state;

	say_echo(f, PEER4, OWN4, 8);
	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
		frames[i] = frame_linear(f->out, (uint32_t)writer_len(&f->w));
	hub_receive(&f->peer, frames, ARRAY_SIZE(frames), f->now);
	assert_int_equal(f->heard_count, 0);
	run(f);
	assert_int_equal(f->heard_count, HOST_BATCH);
	assert_int_equal(drops_in(f, DROP_QUEUE_FULL), 1);
}

static void frames_without_a_hub_are_dropped(void **state)
{
	struct fixture *f = *state;

	assert_true(send_udp(f, PEER4, peer_mac, "hello", 5));
	hub_detach(&f->host.port);
	run(f);
	assert_int_equal(drops_in(f, DROP_LINK_DOWN), 1);
}

static void super_frames_are_posted_whole(void **state)
{
	static const uint8_t data[4000];
	struct fixture *f = *state;
	struct udp_send send = {.from = at("8.8.8.8", 53),
		.to = at(PEER4, 4000),
		.to_mac = peer_mac,
		.ttl = 9,
		.segment_size = 1200,
		.data = data,
		.len = sizeof(data)};

	f->peer.takes = TAKES_ALL;
	assert_true(host_post_udp(&f->host, &send, f->now));
	run(f);
	assert_int_equal(f->heard_count, 1);
	assert_int_equal(f->heard[0].frame.offload.kind, SEGMENT_UDP);
	assert_int_equal(f->heard[0].packet.ttl, 9);
	f->peer.takes = 0;
	assert_true(host_post_udp(&f->host, &send, f->now));
	run(f);
	assert_int_equal(f->heard_count, 5);
	assert_int_equal(f->heard[4].packet.end - f->heard[4].packet.payload, 400);
	assert_true(ip_equal(f->heard[4].packet.from, ip_of_text("8.8.8.8")));
}

static void what_may_not_be_fragmented_is_refused(void **state)
{
	static const uint8_t data[4000];
	struct fixture *f = *state;
	struct udp_send send = {.from = at("8.8.8.8", 53),
		.to = at(PEER4, 4000),
		.to_mac = peer_mac,
		.may_not_fragment = true,
		.data = data,
		.len = sizeof(data)};

	assert_false(host_post_udp(&f->host, &send, f->now));
	assert_int_equal(drops_in(f, DROP_GIANT), 1);
}

static void an_idle_host_sleeps(void **state)
{
	struct fixture *f = *state;

	run(f);
	assert_int_equal(f->next, NSEC_NEVER);
	assert_null(f->host.frames);
	assert_null(f->host.copies);
	assert_null(f->host.fragments);
}

static void addresses_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct ip_prefix four = prefix_of_text("10.0.0.1/8");

	assert_int_equal(f->host.address_count, 3);
	assert_int_equal(host_add_address(&f->host, &four), 0);
	assert_int_not_equal(host_add_address(&f->host, &four), 0);
	assert_true(ip_equal(host_address_for(&f->host, ip_of_text("10.9.9.9")), four.address));
	assert_true(ip_is_none(host_address_for(&f->host, ip_of_text("11.9.9.9"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(delivers_datagrams),
		FIXTURE_TEST(delivers_scattered_datagrams),
		FIXTURE_TEST(takes_super_frames_apart),
		FIXTURE_TEST(wrong_checksums_are_dropped_unless_vouched_for),
		FIXTURE_TEST(wrong_ip_checksums_are_dropped),
		FIXTURE_TEST(headers_that_lie_are_dropped),
		FIXTURE_TEST(runts_are_dropped),
		FIXTURE_TEST(unbound_ports_are_unreachable),
		FIXTURE_TEST(errors_quote_what_fits_and_are_rationed),
		FIXTURE_TEST(no_errors_about_errors),
		FIXTURE_TEST(broadcasts_reach_who_asks_for_them),
		FIXTURE_TEST(broadcasts_pass_others_by),
		FIXTURE_TEST(impossible_sources_are_dropped),
		FIXTURE_TEST(transit_reaches_the_owner),
		FIXTURE_TEST(some_transit_is_unwanted),
		FIXTURE_TEST(tagged_frames_are_for_others),
		FIXTURE_TEST(answers_echo_requests),
		FIXTURE_TEST(unknown_protocols_are_unreachable),
		FIXTURE_TEST(refuses_unbound_tcp),
		FIXTURE_TEST(delivers_segments),
		FIXTURE_TEST(sends_datagrams),
		FIXTURE_TEST(the_latest_datagram_waits_for_its_neighbour),
		FIXTURE_TEST(datagrams_for_nobody_are_dropped),
		FIXTURE_TEST(too_many_waiting_datagrams_are_dropped),
		FIXTURE_TEST(giants_are_not_sent),
		FIXTURE_TEST(a_full_batch_is_flushed),
		FIXTURE_TEST(answers_beyond_a_batch_are_dropped),
		FIXTURE_TEST(frames_without_a_hub_are_dropped),
		FIXTURE_TEST(super_frames_are_posted_whole),
		FIXTURE_TEST(what_may_not_be_fragmented_is_refused),
		FIXTURE_TEST(an_idle_host_sleeps),
		FIXTURE_TEST(addresses_are_bounded),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
