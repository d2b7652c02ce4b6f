/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/host_fixture.h"

#define OWN4  "192.168.120.2"
#define PEER4 "192.168.120.10"
#define OWN6  "fd00:8::2"
#define PEER6 "fd00:8::10"
#define FAR4  "8.8.8.8"
#define FAR6  "2001:db8::1"

static uint8_t data[65535];

static uint8_t data_at(uint32_t i)
{
	return (uint8_t)(i * 11 + i / 251);
}

static int fill_data(void **)
{
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = data_at(i);
	return 0;
}

/* A datagram from the peer to port 53 far away, behind its IP header; returns its length. */
static uint32_t make_udp(uint8_t *out, const char *from, const char *to, uint32_t len)
{
	struct endpoint f = at(from, 4000), t = at(to, 53);
	struct writer w = writer_on(out, UDP_HEADER_LEN);

	write_udp(&w, &f, &t, data, len);
	memcpy(out + UDP_HEADER_LEN, data, len);
	return UDP_HEADER_LEN + len;
}

/* One fragment of a datagram. */
struct piece {
	const char *from, *to;
	uint32_t id, start, len;
	bool is_last;
};

static void say_piece(struct fixture *f, const struct piece *p, const uint8_t *bytes)
{
	struct ip_fields ip = {.from = ip_of_text(p->from),
		.to = ip_of_text(p->to),
		.id = (uint16_t)p->id,
		.payload_len = p->len};

	if (ip_is_v4(ip.to)) {
		ip.protocol = IP_PROTOCOL_UDP;
		ip.fragment = (uint16_t)(p->start / 8 | (p->is_last ? 0 : 0x2000));
		begin_ip(f, host_mac, &ip);
	} else {
		ip.protocol = IP_PROTOCOL_FRAGMENT;
		ip.payload_len += 8;
		begin_ip(f, host_mac, &ip);
		write_u8(&f->w, IP_PROTOCOL_UDP);
		write_u8(&f->w, 0);
		write_be16(&f->w, (uint16_t)(p->start | !p->is_last));
		write_be32(&f->w, p->id);
	}
	write_bytes(&f->w, bytes + p->start, p->len);
	say(f);
}

static void say_part(struct fixture *f, const uint8_t *bytes, uint32_t total, uint32_t id,
	uint32_t start, uint32_t len)
{
	struct piece p = {PEER4, FAR4, id, start, MIN(len, total - start), start + len >= total};

	say_piece(f, &p, bytes);
}

static void assert_whole(struct fixture *f, uint32_t len)
{
	struct packet packet;
	struct frame frame = frame_linear(f->transit_bytes, f->transit_len);

	assert_int_equal(
		packet_parse(f->transit_bytes, f->transit_len, f->transit_len, &packet), PACKET_OK);
	assert_false(packet.is_fragment);
	assert_int_equal(packet.protocol, IP_PROTOCOL_UDP);
	assert_int_equal(packet.to_port, 53);
	assert_int_equal(packet.end - packet.payload, len);
	assert_int_equal(packet.end, f->transit_len);
	assert_true(host_checksum_is_right(&frame, &packet));
	assert_memory_equal(f->transit_bytes + packet.payload, data, len);
}

static void puts_together_in_any_order(void **state)
{
	static const uint32_t orders[][4] = {
		{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}, {1, 0, 2, 3}};
	static uint8_t bytes[UDP_HEADER_LEN + 5000];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER4, FAR4, 5000);

	for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
		for (unsigned k = 0; k < 4; k++) {
			assert_int_equal(f->transits, i);
			say_part(f, bytes, total, i, orders[i][k] * 1480, 1480);
		}
		assert_int_equal(f->transits, i + 1);
		assert_whole(f, 5000);
	}
	assert_no_drops(f);
	pass(f, FRAGMENT_PATIENCE);
	assert_null(f->host.fragments);
	assert_int_equal(f->next, NSEC_NEVER);
}

static void puts_ip6_together(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 5000];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER6, FAR6, 5000);

	for (uint32_t start = 0; start < total; start += 1448) {
		struct piece p = {
			PEER6, FAR6, 77, start, MIN(1448, total - start), start + 1448 >= total};

		say_piece(f, &p, bytes);
	}
	assert_int_equal(f->transits, 1);
	assert_whole(f, 5000);
	assert_no_drops(f);
}

/* RFC 8200 4.5: what stands in front of the fragment header stays, the rest is put together. */
static void keeps_extension_headers(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 100];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER6, FAR6, 100);
	struct ip_fields ip = {.from = ip_of_text(PEER6),
		.to = ip_of_text(FAR6),
		.protocol = IP_PROTOCOL_DESTINATION};

	for (uint32_t start = 0; start < total; start += 56) {
		uint32_t len = MIN(56, total - start);

		ip.payload_len = 8 + 8 + len;
		begin_ip(f, host_mac, &ip);
		write_bytes(&f->w, (uint8_t[]){IP_PROTOCOL_FRAGMENT, 0, 1, 4, 0, 0, 0, 0}, 8);
		write_bytes(&f->w, (uint8_t[]){IP_PROTOCOL_UDP, 0}, 2);
		write_be16(&f->w, (uint16_t)(start | (start + len < total)));
		write_be32(&f->w, 5);
		write_bytes(&f->w, bytes + start, len);
		say(f);
	}
	assert_int_equal(f->transits, 1);
	assert_whole(f, 100);
	assert_int_equal(f->transit.l4, ETH_HEADER_LEN + IP6_HEADER_LEN + 8);
	assert_int_equal(f->transit_bytes[ETH_HEADER_LEN + IP6_HEADER_LEN], IP_PROTOCOL_UDP);
}

static void the_largest_datagram_fits(void **state)
{
	static uint8_t bytes[65515];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER4, FAR4, 65507);

	for (uint32_t start = 0; start < total; start += 1480)
		say_part(f, bytes, total, 1, start, 1480);
	assert_int_equal(f->transits, 1);
	assert_whole(f, 65507);
}

static void larger_ones_do_not(void **state)
{
	struct piece p = {PEER4, FAR4, 1, 65528, 100, true};
	static uint8_t bytes[70000];
	struct fixture *f = *state;

	say_piece(f, &p, bytes);
	assert_only_drop(f, DROP_MALFORMED);
}

static void copies_are_ignored(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 3000];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER4, FAR4, 3000);

	say_part(f, bytes, total, 1, 0, 1480);
	say_part(f, bytes, total, 1, 0, 1480);
	say_part(f, bytes, total, 1, 1480, 1480);
	say_part(f, bytes, total, 1, 1480, 1480);
	say_part(f, bytes, total, 1, 2960, 1480);
	assert_int_equal(f->transits, 1);
	assert_whole(f, 3000);
	assert_no_drops(f);
}

/* RFC 5722 4: the datagram is lost, with all that still comes of it. */
static void overlaps_spoil_the_datagram(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 3000];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER4, FAR4, 3000);

	say_part(f, bytes, total, 1, 0, 1480);
	say_part(f, bytes, total, 1, 1472, 1480);
	assert_only_drop(f, DROP_FRAGMENT);
	say_part(f, bytes, total, 1, 1480, 1480);
	say_part(f, bytes, total, 1, 2960, 1480);
	assert_int_equal(drops(f, DROP_FRAGMENT), 3);
	assert_int_equal(f->transits, 0);
	pass(f, FRAGMENT_PATIENCE);
	assert_int_equal(drops(f, DROP_FRAGMENT), 3); /* its loss was counted */
	assert_int_equal(f->heard_count, 0);
	say_part(f, bytes, total, 1, 0, 1480);
	say_part(f, bytes, total, 1, 1480, 1480);
	say_part(f, bytes, total, 1, 2960, 1480);
	assert_int_equal(f->transits, 1);
}

static void changed_copies_spoil_the_datagram(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 3000];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER4, FAR4, 3000);

	say_part(f, bytes, total, 1, 0, 1480);
	bytes[100]++;
	say_part(f, bytes, total, 1, 0, 1480);
	assert_only_drop(f, DROP_FRAGMENT);
}

static void two_ends_spoil_the_datagram(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 3000];
	struct piece long_end = {PEER4, FAR4, 1, 2960, 48, true};
	struct piece short_end = {PEER4, FAR4, 1, 1480, 16, true};
	struct fixture *f = *state;

	say_piece(f, &long_end, bytes);
	say_piece(f, &short_end, bytes);
	assert_only_drop(f, DROP_FRAGMENT);
}

static void odd_lengths_are_malformed(void **state)
{
	static uint8_t bytes[100];
	struct piece p = {PEER4, FAR4, 1, 0, 13, false};
	struct fixture *f = *state;

	say_piece(f, &p, bytes);
	assert_only_drop(f, DROP_MALFORMED);
}

static void gives_up_in_time_and_says_so(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 3000];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER4, FAR4, 3000);
	const struct packet *packet = &f->heard[0].packet;

	say_part(f, bytes, total, 1, 0, 1480);
	assert_int_equal(f->next, f->now + FRAGMENT_PATIENCE);
	pass(f, FRAGMENT_PATIENCE - 1);
	assert_no_drops(f);
	pass(f, 1);
	assert_only_drop(f, DROP_FRAGMENT);
	assert_int_equal(f->next, NSEC_NEVER);
	assert_null(f->host.fragments);
	assert_int_equal(f->heard_count, 1);
	assert_int_equal(f->heard[0].bytes[packet->l4], ICMP_TIME_EXCEEDED);
	assert_int_equal(f->heard[0].bytes[packet->l4 + 1], ICMP_REASSEMBLY_EXCEEDED);
	assert_memory_equal(f->heard[0].bytes + packet->payload + 20, bytes, 8);
	assert_true(mac_equal(heard_to(f, 0), peer_mac));
}

static void silence_without_the_first_fragment(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 3000];
	struct fixture *f = *state;

	say_part(f, bytes, sizeof(bytes), 1, 1480, 1480);
	pass(f, FRAGMENT_PATIENCE);
	assert_only_drop(f, DROP_FRAGMENT);
	assert_int_equal(f->heard_count, 0);
}

static void a_source_has_its_share(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 3000];
	struct fixture *f = *state;
	uint32_t total = make_udp(bytes, PEER4, FAR4, 3000);
	struct piece other = {"192.168.120.11", FAR4, 1, 0, 1480, false};

	say_piece(f, &other, bytes);
	for (uint32_t id = 1; id <= FRAGMENT_PER_SOURCE_MAX + 1; id++)
		say_part(f, bytes, total, id, 0, 1480);
	assert_only_drop(f, DROP_FRAGMENT);
	say_part(f, bytes, total, 2, 1480, 1480);
	say_part(f, bytes, total, 2, 2960, 1480);
	assert_int_equal(f->transits, 1); /* the first one went, no other */
	pass(f, FRAGMENT_PATIENCE);
	assert_int_equal(drops(f, DROP_FRAGMENT), 1 + FRAGMENT_PER_SOURCE_MAX - 1 + 1);
}

static void the_table_is_bounded(void **state)
{
	static uint8_t bytes[3000];
	struct fixture *f = *state;

	for (uint32_t i = 0; i < FRAGMENT_DATAGRAMS_MAX + 10; i++) {
		char from[IP_TEXT_SIZE];
		struct piece p = {from, FAR4, 1, 1480, 1480, false};

		snprintf(from, sizeof(from), "192.168.120.%u", 10 + i);
		say_piece(f, &p, bytes);
	}
	assert_int_equal(drops(f, DROP_FRAGMENT), 10);
}

/* Far parts of large datagrams: each costs memory for what is not there yet. */
static void bytes_are_bounded(void **state)
{
	static uint8_t bytes[65535];
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 20; i++) {
		char from[IP_TEXT_SIZE];
		struct piece p = {from, FAR4, 1, 65000, 480, true};

		snprintf(from, sizeof(from), "192.168.120.%u", 10 + i);
		say_piece(f, &p, bytes);
	}
	assert_int_equal(drops(f, DROP_FRAGMENT), 20 - FRAGMENT_BYTES_MAX / 65480);
}

static void gaps_are_bounded(void **state)
{
	static uint8_t bytes[65535];
	struct fixture *f = *state;

	for (uint32_t i = 0; i < FRAGMENT_GAPS_MAX; i++)
		say_part(f, bytes, sizeof(bytes), 1, i * 16, 8);
	assert_no_drops(f);
	say_part(f, bytes, sizeof(bytes), 1, FRAGMENT_GAPS_MAX * 16, 8);
	assert_only_drop(f, DROP_FRAGMENT);
}

static void offloaded_fragments_are_malformed(void **state)
{
	static uint8_t bytes[UDP_HEADER_LEN + 3000];
	struct fixture *f = *state;
	struct frame frame;

	say_part(f, bytes, sizeof(bytes), 1, 0, 1480);
	f->host.port.takes = TAKES_ALL;
	frame = frame_linear(f->out, (uint32_t)writer_len(&f->w));
	frame.offload = (struct offload){
		.needs_checksum = true, .checksum_start = 34, .checksum_offset = 6};
	say_frame(f, &frame);
	assert_only_drop(f, DROP_MALFORMED);
}

/* Sending: what the host cuts, another host puts together. */

static void say_heard(struct fixture *f, const struct heard *heard)
{
	uint8_t turned[2000];
	struct frame frame = frame_linear(turned, heard->frame.len);

	assert_true(heard->frame.len <= sizeof(turned));
	memcpy(turned, heard->bytes, heard->frame.len);
	memcpy(turned, &host_mac, 6);
	memcpy(turned + 6, &peer_mac, 6);
	say_frame(f, &frame);
}

/* The second fixture owns `from`, which the first one's frames are addressed to. */
static void put_together(struct fixture *sender, struct ip_prefix own, uint32_t len)
{
	struct fixture *other = fixture_new();

	other->host.address_count = 0;
	assert_int_equal(host_add_address(&other->host, &own), 0);
	for (unsigned i = 0; i < sender->heard_count; i++) {
		assert_true(sender->heard[i].frame.len <= ETH_HEADER_LEN + sender->host.port.mtu);
		say_heard(other, &sender->heard[i]);
	}
	assert_int_equal(other->transits, 1);
	assert_whole(other, len);
	fixture_free(other);
}

static void sends_fragments(void **state)
{
	struct fixture *f = *state;
	struct endpoint from = at(PEER4, 4000), to = at(FAR4, 53);

	assert_true(host_send_udp(&f->host, &from, &to, peer_mac, data, 5000, f->now));
	run(f);
	assert_int_equal(f->heard_count, 4);
	put_together(f, prefix_of_text("192.168.120.2/24"), 5000);
	forget_heard(f);
	assert_true(host_send_udp(&f->host, &from, &to, peer_mac, data, 65507, f->now));
	run(f);
	assert_int_equal(f->heard_count, 45);
	put_together(f, prefix_of_text("192.168.120.2/24"), 65507);
	assert_no_drops(f);
}

static void sends_ip6_fragments(void **state)
{
	struct fixture *f = *state;
	struct endpoint from = at(PEER6, 4000), to = at(FAR6, 53);

	assert_true(host_send_udp(&f->host, &from, &to, peer_mac, data, 5000, f->now));
	run(f);
	assert_int_equal(f->heard_count, 4);
	put_together(f, prefix_of_text("fd00:8::2/64"), 5000);
}

/* More fragments than a batch holds, from a copy the flush in between must not let go of. */
static void sends_very_many_fragments(void **state)
{
	struct fixture *f = *state;
	struct endpoint from = at(PEER4, 4000), to = at(FAR4, 53);
	unsigned first = 119; /* of 552 bytes each */

	f->host.port.mtu = 576;
	assert_true(host_send_udp(&f->host, &from, &to, peer_mac, data, 65507, f->now));
	assert_true(host_send_udp(&f->host, &from, &to, peer_mac, data + 1, 40000, f->now));
	run(f);
	for (unsigned i = first; i < f->heard_count; i++)
		free(f->heard[i].bytes);
	f->heard_count = first;
	put_together(f, prefix_of_text("192.168.120.2/24"), 65507);
}

static void cuts_super_datagrams_that_do_not_fit(void **state)
{
	struct fixture *f = *state;
	struct udp_send send = {.from = at(FAR4, 53),
		.to = at(PEER4, 4000),
		.to_mac = peer_mac,
		.segment_size = 2000,
		.data = data,
		.len = 5000};

	assert_true(host_post_udp(&f->host, &send, f->now));
	run(f);
	assert_int_equal(f->heard_count, 5);
	assert_false(f->heard[4].packet.is_fragment);
	assert_int_equal(f->heard[4].packet.end - f->heard[4].packet.payload, 1000);
}

static void answers_large_echo_requests(void **state)
{
	struct fixture *f = *state;
	static uint8_t icmp[8 + 4000] = {ICMP_ECHO_REQUEST};
	uint16_t checksum = checksum_fold(checksum_add(0, icmp, sizeof(icmp)));

	memcpy(icmp + 2, &checksum, 2);
	for (uint32_t start = 0; start < sizeof(icmp); start += 1480) {
		uint32_t len = MIN(1480, (uint32_t)sizeof(icmp) - start);
		struct ip_fields ip = {.from = ip_of_text(PEER4),
			.to = ip_of_text(OWN4),
			.id = 9,
			.protocol = IP_PROTOCOL_ICMP,
			.payload_len = len,
			.fragment = (uint16_t)(start / 8 |
					       (start + len < sizeof(icmp) ? 0x2000 : 0))};

		begin_ip(f, host_mac, &ip);
		write_bytes(&f->w, icmp + start, len);
		say(f);
	}
	assert_int_equal(f->heard_count, 3);
	assert_int_equal(f->heard[0].bytes[34], ICMP_ECHO_REPLY);
	assert_true(ip_equal(f->heard[2].packet.to, ip_of_text(PEER4)));
	assert_int_equal(f->heard[2].packet.fragment_offset, 2960);
	assert_no_drops(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(puts_together_in_any_order),
		FIXTURE_TEST(puts_ip6_together),
		FIXTURE_TEST(keeps_extension_headers),
		FIXTURE_TEST(the_largest_datagram_fits),
		FIXTURE_TEST(larger_ones_do_not),
		FIXTURE_TEST(copies_are_ignored),
		FIXTURE_TEST(overlaps_spoil_the_datagram),
		FIXTURE_TEST(changed_copies_spoil_the_datagram),
		FIXTURE_TEST(two_ends_spoil_the_datagram),
		FIXTURE_TEST(odd_lengths_are_malformed),
		FIXTURE_TEST(gives_up_in_time_and_says_so),
		FIXTURE_TEST(silence_without_the_first_fragment),
		FIXTURE_TEST(a_source_has_its_share),
		FIXTURE_TEST(the_table_is_bounded),
		FIXTURE_TEST(bytes_are_bounded),
		FIXTURE_TEST(gaps_are_bounded),
		FIXTURE_TEST(offloaded_fragments_are_malformed),
		FIXTURE_TEST(sends_fragments),
		FIXTURE_TEST(sends_ip6_fragments),
		FIXTURE_TEST(sends_very_many_fragments),
		FIXTURE_TEST(cuts_super_datagrams_that_do_not_fit),
		FIXTURE_TEST(answers_large_echo_requests),
	};

	return cmocka_run_group_tests_name("fragment", tests, fill_data, NULL);
}
