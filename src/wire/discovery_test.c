/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written is read again; what RFC 4861 7.1 would have thrown away is not. */
#include "wire/discovery.h"

#include "wire/checksum.h"
#include "wire/eth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct mac mac_1 = {{2, 0, 0, 0, 0, 1}}, mac_2 = {{2, 0, 0, 0, 0, 2}};

struct written {
	uint8_t bytes[ETH_HEADER_LEN + DISCOVERY_LEN];
	uint32_t len;
	struct packet packet;
};

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

static struct discovery solicit(void)
{
	return (struct discovery){.from = ip_of("fd00::1"),
		.to = solicited_node(ip_of("fd00::12:3456")),
		.target = ip_of("fd00::12:3456"),
		.type = ICMP6_NEIGHBOUR_SOLICIT,
		.has_mac = true,
		.mac = mac_1};
}

static struct discovery advert(void)
{
	return (struct discovery){.from = ip_of("fd00::2"),
		.to = ip_of("fd00::1"),
		.target = ip_of("fd00::2"),
		.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = ND_SOLICITED | ND_OVERRIDE,
		.has_mac = true,
		.mac = mac_2};
}

static struct written written_of(const struct discovery *m)
{
	struct written written = {0};
	struct writer w = writer_on(written.bytes, sizeof(written.bytes));

	write_eth(&w, mac_2, mac_1, ETHERTYPE_IP6);
	write_discovery(&w, m);
	assert_false(w.failed);
	written.len = (uint32_t)writer_len(&w);
	assert_int_equal(
		packet_parse(written.bytes, written.len, written.len, &written.packet), PACKET_OK);
	return written;
}

static bool parse(const struct written *written, struct discovery *ret)
{
	return packet_is_discovery(written->bytes, &written->packet) &&
	       discovery_parse(written->bytes, written->len, &written->packet, ret);
}

static void test_read_again(void **)
{
	const struct discovery messages[] = {solicit(), advert()};

	for (unsigned i = 0; i < ARRAY_SIZE(messages); i++) {
		const struct discovery *m = &messages[i];
		struct written written = written_of(m);
		const struct packet *packet = &written.packet;
		struct discovery read;

		assert_int_equal(written.len, sizeof(written.bytes));
		assert_true(parse(&written, &read));
		assert_true(ip_equal(read.from, m->from) && ip_equal(read.to, m->to) &&
			    ip_equal(read.target, m->target));
		assert_int_equal(read.type, m->type);
		assert_int_equal(read.flags, m->flags);
		assert_true(read.has_mac && mac_equal(read.mac, m->mac));
		assert_int_equal(checksum_fold(checksum_add(
					 checksum_pseudo(packet->from, packet->to,
						 IP_PROTOCOL_ICMP6, packet->end - packet->l4),
					 written.bytes + packet->l4, packet->end - packet->l4)),
			0);
	}
}

static void test_a_probe(void **)
{
	struct discovery m = solicit(), read;
	struct written written;

	m.from = (struct ip){0};
	written = written_of(&m);
	assert_false(parse(&written, &read)); /* one without an address has no option either */
	m.has_mac = false;
	written = written_of(&m);
	assert_true(parse(&written, &read));
	assert_false(read.has_mac);
	m.to = m.target;
	written = written_of(&m);
	assert_false(parse(&written, &read));
}

static void test_what_is_thrown_away(void **)
{
	struct discovery m = advert(), read;
	struct written written;

	m.to = ip_of("ff02::1"); /* an answer to nobody */
	written = written_of(&m);
	assert_false(parse(&written, &read));
	m = solicit();
	m.target = ip_of("ff02::1");
	written = written_of(&m);
	assert_false(parse(&written, &read));
	m = solicit();
	written = written_of(&m);
	written.packet.ttl = 254; /* came through a router */
	assert_false(parse(&written, &read));
	written = written_of(&m);
	assert_false(discovery_parse(written.bytes, written.len - 1, &written.packet, &read));
	written.bytes[written.len - DISCOVERY_MAC_LEN + 1] = 0; /* an option of no length */
	assert_false(parse(&written, &read));
	written.bytes[written.len - DISCOVERY_MAC_LEN + 1] = 2; /* reaches past the end */
	assert_false(parse(&written, &read));
	written = written_of(&m);
	written.bytes[written.packet.l4 + 1] = 1; /* code */
	assert_false(parse(&written, &read));
	written = written_of(&m);
	written.bytes[written.packet.l4] = ICMP6_ROUTER_ADVERT;
	assert_false(packet_is_discovery(written.bytes, &written.packet));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_again),
		cmocka_unit_test(test_a_probe),
		cmocka_unit_test(test_what_is_thrown_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
