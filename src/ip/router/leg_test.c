/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/router/leg_fixture.h"

static const char data[8000] = "the payload";

static void test_forward(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	const struct heard *heard;

	say_udp(f, 0, &ip, data, 100);
	heard = only_heard(f, 1);
	assert_memory_equal(heard->bytes + 6, leg_mac(1).bytes, 6);
	assert_true(mac_equal(to_of(&heard->frame), peer_mac(1)));
	assert_int_equal(heard->packet.ttl, 63);
	assert_memory_equal(heard->bytes + heard->packet.l4, f->out + ETH_HEADER_LEN + 20, 108);
	assert_int_equal(f->places[0].leg.counters.forwarded, 1);
}

static void test_forward6(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("fd00:1::10", "fd00:0::20");
	const struct heard *heard;

	say_udp(f, 1, &ip, data, 100);
	heard = only_heard(f, 0);
	assert_int_equal(heard->packet.ttl, 63);
	assert_memory_equal(heard->bytes + heard->packet.l4, f->out + ETH_HEADER_LEN + 40, 108);
}

static void test_static_route(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.1.10", "172.20.1.1");

	say_udp(f, 1, &ip, data, 100);
	assert_ip_equal(only_heard(f, 0)->packet.to, "172.20.1.1");
	forget_heard(f);
	ip = between("fd00:1::10", "fd77:1::1");
	say_udp(f, 1, &ip, data, 100);
	assert_ip_equal(only_heard(f, 0)->packet.to, "fd77:1::1");
	forget_heard(f);
	/* And from there: its sender is on no subnet of ours. */
	ip = between("172.20.1.1", "10.0.1.10");
	say_udp(f, 0, &ip, data, 100);
	assert_ip_equal(only_heard(f, 1)->packet.from, "172.20.1.1");
}

/* On a hub on which the leg has no address of it. */
static void test_second_subnet(void **state)
{
	static const char *const pairs[][2] = {
		{"10.0.1.10", "10.7.0.20"}, {"fd00:1::10", "fd07::20"}};
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct ip_fields ip = between(pairs[i][0], pairs[i][1]);

		say_udp(f, 1, &ip, data, 100);
		assert_ip_equal(only_heard(f, 0)->packet.to, pairs[i][1]);
		assert_true(mac_equal(to_of(&only_heard(f, 0)->frame), peer_mac(0)));
		forget_heard(f);
		ip = between(pairs[i][1], pairs[i][0]); /* its sender is known by now */
		say_udp(f, 0, &ip, data, 100);
		assert_ip_equal(only_heard(f, 1)->packet.from, pairs[i][1]);
		forget_heard(f);
	}
	say_udp(f, 0,
		&(struct ip_fields){.from = ip_of_text("10.0.0.10"), .to = ip_of_text("10.7.0.20")},
		data, 10);
	assert_ip_equal(only_heard(f, 0)->packet.to, "10.7.0.20");
	forget_heard(f);
	say_udp(f, 1,
		&(struct ip_fields){
			.from = ip_of_text("10.0.1.10"), .to = ip_of_text("10.7.0.255")},
		data, 10);
	assert_silence(f);
}

static void test_nobody_in_the_second_subnet(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.1.10", "10.7.0.20");

	f->places[0].is_mute = true;
	say_udp(f, 1, &ip, data, 100);
	for (unsigned i = 0; i < 4; i++)
		pass(f, NSEC_PER_SEC);
	assert_error(f, only_heard(f, 1), ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, "10.0.1.3",
		"10.0.1.10");
}

/* It leaves where it came in: not from within the hub's own turn. */
static void test_same_hub(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "172.20.1.1");

	say_udp(f, 0, &ip, data, 100);
	assert_int_equal(only_heard(f, 0)->packet.ttl, 63);
}

static void test_padding_is_left_behind(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	begin_udp(f, 0, &ip, data, 1);
	write_zeros(&f->w, 17);
	say(f, 0);
	assert_int_equal(only_heard(f, 1)->frame.len, ETH_HEADER_LEN + 29);
}

/* A priority tag: the packet moves by four bytes, and so does its offload. */
static void test_tagged_offload(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	static const uint8_t tag[4] = {0x81, 0, 0xa0, 0};
	struct offload offload = {.needs_checksum = true,
		.checksum_start = ETH_HEADER_LEN + 4 + 20,
		.checksum_offset = UDP_CHECKSUM_OFFSET};
	uint16_t pseudo = (uint16_t)~checksum_fold(
		checksum_pseudo(ip.from, ip.to, IP_PROTOCOL_UDP, 108));
	const struct heard *heard;

	begin_udp(f, 0, &ip, data, 100);
	memcpy(f->out + ETH_HEADER_LEN + 20 + UDP_CHECKSUM_OFFSET, &pseudo, 2);
	memmove(f->out + 16, f->out + 12, writer_len(&f->w) - 12);
	memcpy(f->out + 12, tag, 4);
	f->w.at += 4;
	say_only(f, 0, &offload);
	settle(f);
	heard = only_heard(f, 1);
	assert_true(heard->frame.offload.needs_checksum);
	assert_int_equal(heard->frame.offload.checksum_start, ETH_HEADER_LEN + 20);
}

static void test_ttl(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	ip.ttl = 1;
	say_udp(f, 0, &ip, data, 100);
	assert_error(f, only_heard(f, 0), ICMP_TIME_EXCEEDED, 0, "10.0.0.3", "10.0.0.10");
	assert_int_equal(drops(f, 0, DROP_TTL), 1);
	forget_heard(f);
	ip = between("fd00:0::10", "fd00:1::20");
	ip.ttl = 1;
	say_udp(f, 0, &ip, data, 100);
	assert_error(f, only_heard(f, 0), ICMP6_TIME_EXCEEDED, 0, "fd00::3", "fd00::10");
	forget_heard(f);
	ip.ttl = 2;
	say_udp(f, 0, &ip, data, 100);
	assert_int_equal(only_heard(f, 1)->packet.ttl, 1);
}

static void test_no_route(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.1.10", "192.0.2.1");

	say_udp(f, 1, &ip, data, 100);
	assert_error(f, only_heard(f, 1), ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, "10.0.1.3",
		"10.0.1.10");
	forget_heard(f);
	ip = between("fd00:1::10", "2001:db8::1");
	say_udp(f, 1, &ip, data, 100);
	assert_error(
		f, only_heard(f, 1), ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, "fd00:1::3", "fd00:1::10");
	assert_int_equal(drops(f, 1, DROP_UNREACHABLE), 2);
}

static void test_no_neighbour(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	f->places[1].is_mute = true;
	say_udp(f, 0, &ip, data, 100);
	assert_silence(f);
	for (unsigned i = 0; i < 4; i++)
		pass(f, NSEC_PER_SEC);
	assert_error(f, only_heard(f, 0), ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, "10.0.0.3",
		"10.0.0.10");
	assert_int_equal(f->places[1].leg.counters.no_neighbour, 1);
	assert_int_equal(f->places[1].leg.host.port.in.drops[DROP_UNREACHABLE], 1);
	forget_heard(f);
	ip = between("fd00:0::10", "fd00:1::20");
	say_udp(f, 0, &ip, data, 100);
	for (unsigned i = 0; i < 4; i++)
		pass(f, NSEC_PER_SEC);
	assert_error(f, only_heard(f, 0), ICMP6_UNREACHABLE, ICMP6_ADDRESS_UNREACHABLE, "fd00::3",
		"fd00::10");
}

/* Sixteen wait for each, and leave in order. */
static void test_waiting_is_bounded(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	for (unsigned i = 0; i < 20; i++) {
		begin_udp(f, 0, &ip, data, 100 + i);
		say_only(f, 0, NULL);
	}
	settle(f);
	assert_int_equal(f->places[1].heard_count, 16);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(f->places[1].heard[i].frame.len, ETH_HEADER_LEN + 28 + 100 + i);
	assert_int_equal(f->places[1].leg.host.port.in.drops[DROP_QUEUE_FULL], 4);
	assert_int_equal(f->places[1].leg.waiting.bytes, 0);
	assert_int_equal(f->places[1].leg.waiting.hop_count, 0);
}

/* Whoever comes when the answer is there, but those who waited have not left, does not overtake. */
static void test_order_after_waiting(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	struct place *place = &f->places[1];

	begin_udp(f, 0, &ip, data, 100);
	say_only(f, 0, NULL);
	turn(f);
	answer_arp(f, 1, &place->heard[0]);
	begin_udp(f, 0, &ip, data, 101);
	say_only(f, 0, NULL);
	leg_drain(&place->leg, place->leg.map->in[0], f->now);
	settle(f);
	assert_int_equal(place->heard_count, 3);
	assert_int_equal(place->heard[1].frame.len, ETH_HEADER_LEN + 128);
	assert_int_equal(place->heard[2].frame.len, ETH_HEADER_LEN + 129);
}

/* A scan of empty addresses does not keep others from theirs. */
static void test_scan(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	f->places[1].is_mute = true;
	for (unsigned i = 0; i < 250; i++) {
		ip.to = ip_from_v4(ip4_from_number(0x0a000104 + i));
		begin_udp(f, 0, &ip, data, 10);
		say_only(f, 0, NULL);
		turn(f);
		forget_heard(f);
	}
	assert_int_equal(f->places[1].leg.waiting.hop_count, 128);
	f->places[1].is_mute = false;
	ip = between("10.0.0.10", "10.0.1.20");
	say_udp(f, 0, &ip, data, 100);
	assert_ip_equal(f->places[1].heard[f->places[1].heard_count - 1].packet.to, "10.0.1.20");
}

static void test_too_big(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	const struct heard *heard;

	ip.may_not_fragment = true;
	say_udp(f, 0, &ip, data, 1380 - 28);
	only_heard(f, 1);
	forget_heard(f);
	say_udp(f, 0, &ip, data, 1380 - 27);
	heard = only_heard(f, 0);
	assert_error(f, heard, ICMP_UNREACHABLE, ICMP_TOO_BIG, "10.0.0.3", "10.0.0.10");
	assert_int_equal(load_be32(heard->bytes + heard->packet.l4 + 4), 1380);
	assert_int_equal(heard->frame.len, ETH_HEADER_LEN + 576);
	assert_int_equal(drops(f, 0, DROP_GIANT), 1);
	forget_heard(f);
	ip = between("fd00:0::10", "fd00:1::20");
	say_udp(f, 0, &ip, data, 1400);
	heard = only_heard(f, 0);
	assert_error(f, heard, ICMP6_TOO_BIG, 0, "fd00::3", "fd00::10");
	assert_int_equal(load_be32(heard->bytes + heard->packet.l4 + 4), 1380);
	assert_int_equal(heard->frame.len, ETH_HEADER_LEN + 1280);
}

/* RFC 8200 5: what 1280 bytes need not go through is not IPv6's link, and no packet is too big. */
static void test_least_mtu_of_ip6(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("fd00:0::10", "fd00:1::20");
	const struct heard *heard;

	f->places[0].leg.map->legs[1].mtu = 600;
	say_udp(f, 0, &ip, data, 1280 - 48);
	only_heard(f, 1);
	forget_heard(f);
	say_udp(f, 0, &ip, data, 1280 - 47);
	heard = only_heard(f, 0);
	assert_int_equal(load_be32(heard->bytes + heard->packet.l4 + 4), 1280);
}

static void put_together(const struct place *place, uint8_t *out, uint32_t *ret_len)
{
	uint32_t len = 0;

	for (unsigned i = 0; i < place->heard_count; i++) {
		const struct packet *packet = &place->heard[i].packet;

		assert_true(packet->end - packet->l3 <= 1380);
		assert_int_equal(packet->fragment_offset, len);
		assert_int_equal(packet->has_more_fragments, i + 1 < place->heard_count);
		memcpy(out + len, place->heard[i].bytes + packet->l4, packet->end - packet->l4);
		len += packet->end - packet->l4;
	}
	*ret_len = len;
}

static void test_fragment(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	uint8_t whole[8000];
	uint32_t len;

	ip.id = 77;
	say_udp(f, 0, &ip, data, 1400);
	assert_int_equal(f->places[1].heard_count, 2);
	put_together(&f->places[1], whole, &len);
	assert_int_equal(len, 1408);
	assert_memory_equal(whole, f->out + ETH_HEADER_LEN + 20, 1408);
	assert_int_equal(f->places[1].heard[1].packet.fragment_id, 77);
	assert_int_equal(f->places[0].leg.counters.fragmented, 1);
}

/* A fragment that is not the last is cut into two that are not the last. */
static void test_fragment_of_a_fragment(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	ip.protocol = IP_PROTOCOL_UDP;
	ip.ttl = 64;
	ip.id = 78;
	ip.payload_len = 1480;
	ip.fragment = 0x2000 | 185;
	begin(f, leg_mac(0), peer_mac(0), ETHERTYPE_IP4);
	write_ip(&f->w, &ip);
	write_bytes(&f->w, data, 1480);
	say(f, 0);
	assert_int_equal(f->places[1].heard_count, 2);
	assert_int_equal(f->places[1].heard[0].packet.fragment_offset, 1480);
	assert_int_equal(f->places[1].heard[1].packet.fragment_offset, 1480 + 1360);
	assert_true(f->places[1].heard[1].packet.has_more_fragments);
}

/* RFC 791 3.1: a record route (7) stays in the first fragment, a security label (130) in all. */
static void test_fragment_options(void **state)
{
	struct fixture *f = *state;
	static const uint8_t options[12] = {7, 7, 4, 0, 0, 0, 0, 130, 4, 1, 2, 0};
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	const struct heard *second;
	uint16_t checksum = 0;
	uint8_t *header = f->out + ETH_HEADER_LEN;

	begin_udp(f, 0, &ip, data, 1400);
	memmove(header + 32, header + 20, 1408);
	memcpy(header + 20, options, sizeof(options));
	f->w.at += 12;
	header[0] = 0x48;
	store_be16(header + 2, 32 + 1408);
	memcpy(header + 10, &checksum, 2);
	checksum = checksum_fold(checksum_add(0, header, 32));
	memcpy(header + 10, &checksum, 2);
	say(f, 0);
	assert_int_equal(f->places[1].heard_count, 2);
	assert_memory_equal(f->places[1].heard[0].bytes + ETH_HEADER_LEN + 20, options, 12);
	second = &f->places[1].heard[1];
	assert_int_equal(second->packet.l4 - second->packet.l3, 32);
	assert_memory_equal(second->bytes + ETH_HEADER_LEN + 20, "\1\1\1\1\1\1\1\202\4\1\2\0", 12);
}

static void begin_super(struct fixture *f, unsigned i, const struct ip_fields *ip, uint16_t size,
	uint32_t len, struct offload *ret_offload)
{
	uint8_t tcp[TCP_HEADER_LEN] = {0, 80, 1, 0, [12] = 0x50, [13] = TCP_ACK};
	struct ip_fields fields = *ip;
	bool is_v4 = ip_is_v4(ip->to);
	uint16_t pseudo = (uint16_t)~checksum_fold(
		checksum_pseudo(ip->from, ip->to, IP_PROTOCOL_TCP, TCP_HEADER_LEN + len));

	fields.protocol = IP_PROTOCOL_TCP;
	fields.ttl = 64;
	fields.payload_len = TCP_HEADER_LEN + len;
	memcpy(tcp + TCP_CHECKSUM_OFFSET, &pseudo, 2);
	begin(f, leg_mac(i), peer_mac(i), is_v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(&f->w, &fields);
	write_bytes(&f->w, tcp, sizeof(tcp));
	write_bytes(&f->w, data, len);
	*ret_offload = (struct offload){.needs_checksum = true,
		.kind = is_v4 ? SEGMENT_TCP4 : SEGMENT_TCP6,
		.segment_size = size,
		.checksum_start = (uint16_t)(ETH_HEADER_LEN + ip_header_len(ip->to)),
		.checksum_offset = TCP_CHECKSUM_OFFSET};
}

/* Field by field: there is room between them. */
static bool offload_equal(const struct offload *a, const struct offload *b)
{
	return a->needs_checksum == b->needs_checksum && a->is_checked == b->is_checked &&
	       a->kind == b->kind && a->header_len == b->header_len &&
	       a->segment_size == b->segment_size && a->checksum_start == b->checksum_start &&
	       a->checksum_offset == b->checksum_offset;
}

/* A super-frame stays one, whatever its whole length. */
static void test_super_frame(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	struct offload offload;
	const struct heard *heard;

	ip.may_not_fragment = true;
	begin_super(f, 0, &ip, 1340, 8000, &offload);
	say_only(f, 0, &offload);
	settle(f);
	heard = only_heard(f, 1);
	assert_int_equal(heard->frame.len, ETH_HEADER_LEN + 40 + 8000);
	assert_true(offload_equal(&heard->frame.offload, &offload));
	assert_int_equal(f->places[0].leg.counters.forwarded, 6);
}

static void test_super_frame_too_big(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	struct offload offload;

	ip.may_not_fragment = true;
	begin_super(f, 0, &ip, 1460, 8000, &offload);
	say_only(f, 0, &offload);
	settle(f);
	assert_error(f, only_heard(f, 0), ICMP_UNREACHABLE, ICMP_TOO_BIG, "10.0.0.3", "10.0.0.10");
	forget_heard(f);
	ip = between("fd00::10", "fd00:1::20");
	begin_super(f, 0, &ip, 1440, 8000, &offload);
	say_only(f, 0, &offload);
	settle(f);
	assert_error(f, only_heard(f, 0), ICMP6_TOO_BIG, 0, "fd00::3", "fd00::10");
}

/* Without DF it is cut into the packets it stands for, and each of those for the MTU. */
static void test_super_frame_in_pieces(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	struct offload offload;

	begin_super(f, 0, &ip, 1460, 3000, &offload);
	say_only(f, 0, &offload);
	settle(f);
	assert_int_equal(f->places[1].heard_count, 5); /* 1460, 1460 and 80 */
	assert_int_equal(f->places[0].leg.counters.fragmented, 2);
	assert_int_equal(f->places[0].leg.counters.forwarded, 3);
}

static void begin_echo(struct fixture *f, unsigned i, const struct ip_fields *ip)
{
	bool is_v4 = ip_is_v4(ip->to);
	struct ip_fields fields = *ip;
	uint8_t icmp[16] = {is_v4 ? ICMP_ECHO_REQUEST : ICMP6_ECHO_REQUEST};
	uint16_t checksum;

	fields.protocol = is_v4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMP6;
	fields.ttl = 64;
	fields.payload_len = sizeof(icmp);
	checksum = checksum_fold(checksum_add(
		is_v4 ? 0 : checksum_pseudo(ip->from, ip->to, IP_PROTOCOL_ICMP6, sizeof(icmp)),
		icmp, sizeof(icmp)));
	memcpy(icmp + 2, &checksum, 2);
	begin(f, leg_mac(i), peer_mac(i), is_v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(&f->w, &fields);
	write_bytes(&f->w, icmp, sizeof(icmp));
}

/* All its addresses answer on each of its legs, also those who are beyond. */
static void test_echo(void **state)
{
	static const char *const pairs[][2] = {{"10.0.0.10", "10.0.0.3"}, {"10.0.0.10", "10.0.1.3"},
		{"172.16.0.1", "10.0.0.3"}, {"172.16.0.1", "10.0.2.3"}, {"fd00::10", "fd00::3"},
		{"fd00::10", "fd00:1::3"}, {"fd77::1", "fd00:2::3"}};
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct ip_fields ip = between(pairs[i][0], pairs[i][1]);
		const struct heard *heard;

		begin_echo(f, 0, &ip);
		say(f, 0);
		heard = only_heard(f, 0);
		assert_true(ip_equal(heard->packet.from, ip.to));
		assert_true(ip_equal(heard->packet.to, ip.from));
		assert_true(mac_equal(to_of(&heard->frame), peer_mac(0)));
		forget_heard(f);
	}
}

/* The end of a traceroute. */
static void test_port_unreachable(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("172.16.0.1", "10.0.1.3");

	say_udp(f, 0, &ip, data, 10);
	assert_error(f, only_heard(f, 0), ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, "10.0.1.3",
		"172.16.0.1");
}

static void test_what_is_not_forwarded(void **state)
{
	static const char *const pairs[][2] = {{"127.0.0.1", "10.0.1.20"}, {"0.0.0.0", "10.0.1.20"},
		{"224.0.0.1", "10.0.1.20"}, {"255.255.255.255", "10.0.1.20"},
		{"240.0.0.1", "10.0.1.20"}, {"169.254.0.1", "10.0.1.20"}, {"10.0.1.3", "10.0.1.20"},
		{"10.0.0.3", "10.0.1.20"}, {"10.0.1.255", "10.0.1.20"}, {"10.0.0.10", "10.0.1.255"},
		{"10.0.0.10", "10.0.1.0"}, {"10.0.0.10", "10.0.0.255"}, {"10.0.0.10", "224.0.0.9"},
		{"10.0.0.10", "255.255.255.255"}, {"10.0.0.10", "127.0.0.1"},
		{"10.0.0.10", "169.254.1.1"}, {"10.0.0.10", "0.0.0.0"}, {"fe80::1", "fd00:1::20"},
		{"::1", "fd00:1::20"}, {"fd00::10", "fe80::1"}, {"fd00::10", "ff0e::1"},
		{"fd00::10", "::1"}, {"::", "fd00:1::20"}, {"fd00:1::3", "fd00:1::20"}};
	struct fixture *f = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct ip_fields ip = between(pairs[i][0], pairs[i][1]);
		uint64_t lost = 0;

		say_udp(f, 0, &ip, data, 10);
		assert_silence(f);
		for (unsigned j = 0; j < DROP_COUNT; j++)
			lost += drops(f, 0, j);
		assert_int_equal(lost, i + 1);
	}
}

/* To a group's MAC address: not ours to forward, whatever the IP header says. */
static void test_broadcast_frame(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	begin_udp(f, 0, &ip, data, 10);
	memset(f->out, 0xff, 6);
	say(f, 0);
	assert_silence(f);
}

static void test_no_errors_about_errors(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "192.0.2.1");
	uint8_t icmp[8] = {ICMP_UNREACHABLE};

	ip.protocol = IP_PROTOCOL_ICMP;
	ip.ttl = 64;
	ip.payload_len = sizeof(icmp);
	begin(f, leg_mac(0), peer_mac(0), ETHERTYPE_IP4);
	write_ip(&f->w, &ip);
	write_bytes(&f->w, icmp, sizeof(icmp));
	say(f, 0);
	assert_silence(f);
	/* Nor about any but the first fragment. */
	ip.protocol = IP_PROTOCOL_UDP;
	ip.fragment = 2;
	begin(f, leg_mac(0), peer_mac(0), ETHERTYPE_IP4);
	write_ip(&f->w, &ip);
	write_bytes(&f->w, icmp, sizeof(icmp));
	say(f, 0);
	assert_silence(f);
	assert_int_equal(drops(f, 0, DROP_UNREACHABLE), 2);
}

static void test_errors_are_limited(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "192.0.2.1");

	for (unsigned i = 0; i < 300; i++) {
		begin_udp(f, 0, &ip, data, 10);
		say_only(f, 0, NULL);
		if (i % 50 == 49)
			settle(f);
	}
	assert_true(f->places[0].leg.counters.errors >= 99);
	assert_true(f->places[0].leg.counters.errors <= 101);
	assert_int_equal(drops(f, 0, DROP_UNREACHABLE), 300);
}

/* Other legs' threads do not come to it: what does not fit is lost, counted, and nothing else. */
static void test_full_ring(void **state)
{
	struct fixture *f = *state;
	struct ip_fields ip = between("10.0.0.10", "10.0.2.20");
	struct offload offload;
	unsigned sent = 0;

	say_udp(f, 0, &ip, data, 10);
	forget_heard(f);
	while (!drops(f, 0, DROP_QUEUE_FULL)) {
		begin_super(f, 0, &ip, 1340, 8000, &offload);
		say_only(f, 0, &offload);
		sent++;
	}
	assert_true(sent > 100 && sent < 150);
	for (unsigned i = 0; i < 10; i++) {
		settle(f);
		f->places[2].is_woken = true;
		forget_heard(f);
	}
	say_udp(f, 0, &ip, data, 10);
	only_heard(f, 2);
}

/* Another map: what is on its way arrives, and the new one holds from there on. */
static void test_another_map(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");
	struct router_map *before = leg_set_map(&f->places[0].leg, NULL);

	say_udp(f, 0, &ip, data, 10);
	assert_silence(f);
	assert_int_equal(drops(f, 0, DROP_UNREACHABLE), 1);
	assert_null(leg_set_map(&f->places[0].leg, before));
	say_udp(f, 0, &ip, data, 10);
	only_heard(f, 1);
}

static void test_off_the_hub(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	say_udp(f, 0, &ip, data, 10);
	forget_heard(f);
	hub_detach(&f->places[1].leg.host.port);
	say_udp(f, 0, &ip, data, 10);
	assert_silence(f);
	assert_int_equal(f->places[1].leg.host.port.in.drops[DROP_LINK_DOWN], 1);
}

static void test_idle(void **state)
{
	struct fixture *f = *state;
	const struct ip_fields ip = between("10.0.0.10", "10.0.1.20");

	say_udp(f, 0, &ip, data, 10);
	for (unsigned i = 0; i < 4; i++)
		pass(f, NSEC_PER_SEC);
	for (unsigned i = 0; i < LEGS; i++)
		assert_true(f->places[i].next == NSEC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_forward),
		FIXTURE_TEST(test_forward6),
		FIXTURE_TEST(test_static_route),
		FIXTURE_TEST(test_second_subnet),
		FIXTURE_TEST(test_nobody_in_the_second_subnet),
		FIXTURE_TEST(test_same_hub),
		FIXTURE_TEST(test_padding_is_left_behind),
		FIXTURE_TEST(test_tagged_offload),
		FIXTURE_TEST(test_ttl),
		FIXTURE_TEST(test_no_route),
		FIXTURE_TEST(test_no_neighbour),
		FIXTURE_TEST(test_waiting_is_bounded),
		FIXTURE_TEST(test_order_after_waiting),
		FIXTURE_TEST(test_scan),
		FIXTURE_TEST(test_least_mtu_of_ip6),
		FIXTURE_TEST(test_too_big),
		FIXTURE_TEST(test_fragment),
		FIXTURE_TEST(test_fragment_of_a_fragment),
		FIXTURE_TEST(test_fragment_options),
		FIXTURE_TEST(test_super_frame),
		FIXTURE_TEST(test_super_frame_too_big),
		FIXTURE_TEST(test_super_frame_in_pieces),
		FIXTURE_TEST(test_echo),
		FIXTURE_TEST(test_port_unreachable),
		FIXTURE_TEST(test_what_is_not_forwarded),
		FIXTURE_TEST(test_broadcast_frame),
		FIXTURE_TEST(test_no_errors_about_errors),
		FIXTURE_TEST(test_errors_are_limited),
		FIXTURE_TEST(test_full_ring),
		FIXTURE_TEST(test_another_map),
		FIXTURE_TEST(test_off_the_hub),
		FIXTURE_TEST(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
