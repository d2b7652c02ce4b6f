/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/claims.h"

#include "base/bytes.h"
#include "hub/fake_port.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/ip.h"

static const struct hash_key key = {3, 4};
static struct port a, b, trusted;

static struct frame arp_of(uint8_t mac, uint8_t ip, uint16_t operation)
{
	static uint8_t bytes[64];
	struct eth_header eth = {MAC_BROADCAST, mac_of(mac), 0};
	struct arp arp = {.operation = operation,
		.from_mac = mac_of(mac),
		.from = ip4_from_number(ip ? 0x0a000000u + ip : 0)};
	struct writer w = writer_on(bytes, sizeof(bytes));

	memset(bytes, 0, sizeof(bytes));
	write_bytes(&w, &eth, 12);
	write_be16(&w, ETHERTYPE_ARP);
	write_arp(&w, &arp);
	return frame_linear(bytes, 60);
}

static struct frame discovery_of(uint8_t mac, uint8_t from, uint8_t target, uint8_t type)
{
	static uint8_t bytes[128];

	memset(bytes, 0, sizeof(bytes));
	memset(bytes, 0xff, 6);
	bytes[6] = 2;
	bytes[11] = mac;
	store_be16(bytes + 12, ETHERTYPE_IP6);
	bytes[14] = 0x60;
	store_be16(bytes + 18, ND_NEIGHBOUR_LEN);
	bytes[20] = IP_PROTOCOL_ICMP6;
	bytes[21] = 255;
	if (from) {
		bytes[22] = 0xfd;
		bytes[37] = from;
	}
	bytes[38] = 0xff;
	bytes[39] = 2;
	bytes[53] = 1;
	bytes[54] = type;
	bytes[62] = 0xfd;
	bytes[77] = target;
	return frame_linear(bytes, 54 + ND_NEIGHBOUR_LEN);
}

static struct ip ip4_of(uint8_t number)
{
	return ip_from_v4(ip4_from_number(0x0a000000u + number));
}

static bool note(struct claims *all, struct port *port, struct frame frame, nsec now)
{
	struct ip ip;

	return claims_note(all, port, port != &trusted, &frame, now, &ip);
}

static void the_first_owner_keeps_it(void **)
{
	struct claims all;
	struct frame frame;
	struct ip ip;

	claims_init(&all, &key);
	assert_true(note(&all, &a, arp_of(1, 9, ARP_REQUEST), NOW));
	frame = arp_of(2, 9, ARP_REQUEST);
	assert_false(claims_note(&all, &b, true, &frame, NOW, &ip));
	assert_true(ip_equal(ip, ip4_of(9)));
	assert_true(note(&all, &a, arp_of(1, 9, ARP_REPLY), NOW));
	assert_ptr_equal(claims_find(&all, ip4_of(9), NOW)->port, &a);
	claims_done(&all);
}

/* Nobody is misled where the same station comes by another way. */
static void it_goes_with_its_station(void **)
{
	struct claims all;

	claims_init(&all, &key);
	assert_true(note(&all, &a, arp_of(1, 9, ARP_REQUEST), NOW));
	assert_true(note(&all, &b, arp_of(1, 9, ARP_REQUEST), NOW));
	assert_ptr_equal(claims_find(&all, ip4_of(9), NOW)->port, &b);
	assert_false(note(&all, &a, arp_of(2, 9, ARP_REQUEST), NOW));
	claims_done(&all);
}

static void who_is_silent_loses_it(void **)
{
	struct claims all;

	claims_init(&all, &key);
	assert_true(note(&all, &a, arp_of(1, 9, ARP_REQUEST), NOW));
	assert_false(note(&all, &b, arp_of(2, 9, ARP_REQUEST), NOW + CLAIM_AGE - 1));
	assert_true(note(&all, &b, arp_of(2, 9, ARP_REQUEST), NOW + CLAIM_AGE));
	assert_ptr_equal(claims_find(&all, ip4_of(9), NOW + CLAIM_AGE)->port, &b);
	assert_null(claims_find(&all, ip4_of(9), NOW + 2 * CLAIM_AGE));
	claims_done(&all);
}

static void who_has_no_guard_is_believed(void **)
{
	struct claims all;

	claims_init(&all, &key);
	assert_true(note(&all, &a, arp_of(1, 2, ARP_REQUEST), NOW));
	assert_true(note(&all, &trusted, arp_of(7, 2, ARP_REQUEST), NOW));
	assert_false(note(&all, &a, arp_of(1, 2, ARP_REQUEST), NOW));
	claims_done(&all);
}

static void a_probe_claims_nothing(void **)
{
	struct claims all;

	claims_init(&all, &key);
	assert_true(note(&all, &a, arp_of(1, 0, ARP_REQUEST), NOW));
	assert_true(note(&all, &b, arp_of(2, 0, ARP_REQUEST), NOW));
	assert_int_equal(all.by_ip.count, 0);
	assert_true(note(&all, &a, discovery_of(1, 0, 9, ICMP6_NEIGHBOUR_SOLICIT), NOW));
	assert_int_equal(all.by_ip.count, 0);
	claims_done(&all);
}

static void neighbour_discovery(void **)
{
	struct claims all;

	claims_init(&all, &key);
	assert_true(note(&all, &a, discovery_of(1, 5, 9, ICMP6_NEIGHBOUR_SOLICIT), NOW));
	assert_true(note(&all, &a, discovery_of(1, 5, 6, ICMP6_NEIGHBOUR_ADVERT), NOW));
	assert_int_equal(all.by_ip.count, 2);
	assert_false(note(&all, &b, discovery_of(2, 7, 6, ICMP6_NEIGHBOUR_ADVERT), NOW));
	assert_false(note(&all, &b, discovery_of(2, 5, 9, ICMP6_NEIGHBOUR_SOLICIT), NOW));
	assert_true(note(&all, &b, discovery_of(2, 7, 9, ICMP6_NEIGHBOUR_ADVERT), NOW));
	claims_done(&all);
}

static void a_port_that_goes_leaves_nothing(void **)
{
	struct claims all;

	claims_init(&all, &key);
	assert_true(note(&all, &a, arp_of(1, 9, ARP_REQUEST), NOW));
	assert_true(note(&all, &b, arp_of(2, 8, ARP_REQUEST), NOW));
	claims_forget(&all, &a);
	assert_true(note(&all, &b, arp_of(2, 9, ARP_REQUEST), NOW));
	assert_int_equal(all.by_ip.count, 2);
	claims_done(&all);
}

/* A port that claims the world keeps only its latest claims, and nobody else loses any. */
static void bounded(void **)
{
	struct claims all;
	struct ip ip;

	claims_init(&all, &key);
	assert_true(note(&all, &b, arp_of(2, 200, ARP_REQUEST), NOW));
	for (uint32_t i = 0; i < 3 * CLAIMS_PORT_MAX; i++) {
		struct frame frame = arp_of(1, 1, ARP_REQUEST);
		uint8_t bytes[64];

		memcpy(bytes, frame.head, 64);
		store_be32(bytes + 28, 0x0b000000u + i);
		frame = frame_linear(bytes, 60);
		assert_true(claims_note(&all, &a, true, &frame, NOW + i, &ip));
	}
	assert_int_equal(all.by_ip.count, CLAIMS_PORT_MAX + 1);
	assert_non_null(claims_find(&all, ip4_of(200), NOW));
	claims_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_owner_keeps_it),
		cmocka_unit_test(it_goes_with_its_station),
		cmocka_unit_test(who_is_silent_loses_it),
		cmocka_unit_test(who_has_no_guard_is_believed),
		cmocka_unit_test(a_probe_claims_nothing),
		cmocka_unit_test(neighbour_discovery),
		cmocka_unit_test(a_port_that_goes_leaves_nothing),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
