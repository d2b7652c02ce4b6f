/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/host_fixture.h"

#include "ip/neighbour.h"

#define OWN4  "192.168.120.2"
#define PEER4 "192.168.120.10"
#define OWN6  "fd00:8::2"
#define PEER6 "fd00:8::10"

static bool knows(const struct fixture *f, const char *ip, struct mac mac)
{
	struct mac found;

	return host_neighbour(&f->host, ip_of_text(ip), f->now, &found) && mac_equal(found, mac);
}

static void answers_for_its_own_address(void **state)
{
	struct fixture *f = *state;
	struct arp arp;

	say_arp(f, MAC_BROADCAST, ARP_REQUEST, peer_mac, PEER4, OWN4);
	arp = heard_arp(f, 0);
	assert_int_equal(f->heard_count, 1);
	assert_int_equal(arp.operation, ARP_REPLY);
	assert_true(mac_equal(arp.from_mac, host_mac));
	assert_true(mac_equal(arp.to_mac, peer_mac));
	assert_true(mac_equal(heard_to(f, 0), peer_mac));
	assert_true(ip_equal(ip_from_v4(arp.from), ip_of_text(OWN4)));
	assert_true(ip_equal(ip_from_v4(arp.to), ip_of_text(PEER4)));
	assert_true(knows(f, PEER4, peer_mac));
	assert_no_drops(f);
}

static void does_not_answer_for_others(void **state)
{
	struct fixture *f = *state;

	say_arp(f, MAC_BROADCAST, ARP_REQUEST, peer_mac, PEER4, "192.168.120.3");
	assert_int_equal(f->heard_count, 0);
	assert_false(knows(f, PEER4, peer_mac));
	assert_only_drop(f, DROP_UNWANTED);
}

static void answers_probes_and_learns_nothing_from_them(void **state)
{
	struct fixture *f = *state;
	struct mac mac;

	say_arp(f, MAC_BROADCAST, ARP_REQUEST, peer_mac, "0.0.0.0", OWN4);
	assert_int_equal(heard_arp(f, 0).operation, ARP_REPLY);
	assert_false(host_neighbour(&f->host, ip_of_text("0.0.0.0"), f->now, &mac));
	assert_no_drops(f);
}

static void learns_from_no_impossible_sender(void **state)
{
	static const char *const impossible[] = {
		"10.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255", "192.168.120.255"};
	struct fixture *f = *state;
	struct mac mac;

	for (unsigned i = 0; i < ARRAY_SIZE(impossible); i++) {
		say_arp(f, MAC_BROADCAST, ARP_REQUEST, peer_mac, impossible[i], OWN4);
		assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), i + 1);
		assert_false(host_neighbour(&f->host, ip_of_text(impossible[i]), f->now, &mac));
	}
	say_arp(f, MAC_BROADCAST, ARP_REQUEST, MAC_BROADCAST, PEER4, OWN4);
	assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), ARRAY_SIZE(impossible) + 1);
	assert_int_equal(f->heard_count, 0);
}

static void gratuitous_arp_changes_what_is_known_only(void **state)
{
	struct fixture *f = *state;

	say_arp(f, MAC_BROADCAST, ARP_REQUEST, peer_mac, PEER4, PEER4);
	assert_false(knows(f, PEER4, peer_mac));
	say_arp(f, MAC_BROADCAST, ARP_REQUEST, peer_mac, PEER4, OWN4);
	say_arp(f, MAC_BROADCAST, ARP_REQUEST, other_mac, PEER4, PEER4);
	assert_true(knows(f, PEER4, other_mac));
}

static void tells_conflicts_once_a_minute_and_defends(void **state)
{
	struct fixture *f = *state;

	say_arp(f, MAC_BROADCAST, ARP_REQUEST, other_mac, OWN4, OWN4);
	assert_int_equal(f->conflicts, 1);
	assert_true(ip_equal(f->conflict_ip, ip_of_text(OWN4)));
	assert_true(mac_equal(f->conflict_mac, other_mac));
	assert_int_equal(f->heard_count, 1);
	assert_true(mac_equal(heard_to(f, 0), MAC_BROADCAST));
	assert_int_equal(heard_arp(f, 0).from.be, heard_arp(f, 0).to.be);
	assert_only_drop(f, DROP_SOURCE_SPOOFED);

	f->now += 5 * NSEC_PER_SEC;
	say_arp(f, MAC_BROADCAST, ARP_REQUEST, other_mac, OWN4, OWN4);
	assert_int_equal(f->heard_count, 1); /* RFC 5227 2.4: not again within ten seconds */
	f->now += 10 * NSEC_PER_SEC;
	say_arp(f, MAC_BROADCAST, ARP_REQUEST, other_mac, OWN4, OWN4);
	assert_int_equal(f->heard_count, 2);
	assert_int_equal(f->conflicts, 1);
	f->now += 60 * NSEC_PER_SEC;
	say_arp(f, MAC_BROADCAST, ARP_REQUEST, other_mac, OWN4, OWN4);
	assert_int_equal(f->conflicts, 2);
}

static void malformed_arp_is_dropped(void **state)
{
	struct fixture *f = *state;

	begin(f, MAC_BROADCAST, ETHERTYPE_ARP);
	write_zeros(&f->w, 10);
	say(f);
	assert_only_drop(f, DROP_MALFORMED);
}

/* Who asked, and what he was told. */
struct asker {
	struct resolve resolve;
	unsigned count;
	struct ip ip;
	struct mac mac;
};

static void on_resolved(struct resolve *resolve, struct ip ip, struct mac mac, nsec)
{
	struct asker *asker = CONTAINER_OF(resolve, struct asker, resolve);

	asker->count++;
	asker->ip = ip;
	asker->mac = mac;
}

static void resolves_and_tells_everybody(void **state)
{
	struct asker a = {.resolve.on_resolved = on_resolved}, b = a, c = a;
	struct fixture *f = *state;

	host_resolve(&f->host, ip_of_text(PEER4), &a.resolve, f->now);
	host_resolve(&f->host, ip_of_text(PEER4), &b.resolve, f->now);
	assert_true(f->wakes);
	run(f);
	assert_int_equal(f->heard_count, 1);
	assert_int_equal(heard_arp(f, 0).operation, ARP_REQUEST);
	assert_true(ip_equal(ip_from_v4(heard_arp(f, 0).from), ip_of_text(OWN4)));
	assert_int_equal(f->next, f->now + NSEC_PER_SEC);

	say_arp(f, host_mac, ARP_REPLY, peer_mac, PEER4, OWN4);
	assert_int_equal(a.count, 1);
	assert_int_equal(b.count, 1);
	assert_true(mac_equal(b.mac, peer_mac));
	run(f);
	assert_int_equal(f->next, NSEC_NEVER);
	host_resolve(&f->host, ip_of_text(PEER4), &c.resolve, f->now);
	assert_int_equal(c.count, 1); /* at once */
	assert_no_drops(f);
}

static void gives_up_after_three_tries(void **state)
{
	struct asker a = {.resolve.on_resolved = on_resolved, .mac = peer_mac};
	struct fixture *f = *state;

	host_resolve(&f->host, ip_of_text(PEER4), &a.resolve, f->now);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(a.count, 0);
		run(f);
		assert_int_equal(f->heard_count, i + 1);
		f->now = f->next;
	}
	run(f);
	assert_int_equal(f->heard_count, 3);
	assert_int_equal(a.count, 1);
	assert_true(mac_is_zero(a.mac));
	assert_int_equal(f->next, NSEC_NEVER);
}

static void what_is_off_the_link_is_not_asked_for(void **state)
{
	struct asker a = {.resolve.on_resolved = on_resolved}, own = a;
	struct fixture *f = *state;

	host_resolve(&f->host, ip_of_text("8.8.8.8"), &a.resolve, f->now);
	assert_int_equal(a.count, 1);
	assert_true(mac_is_zero(a.mac));
	host_resolve(&f->host, ip_of_text(OWN4), &own.resolve, f->now);
	assert_true(mac_equal(own.mac, host_mac));
	run(f);
	assert_int_equal(f->heard_count, 0);
}

static void probes_once_without_a_sender(void **state)
{
	struct asker a = {.resolve.on_resolved = on_resolved}, b = a;
	struct fixture *f = *state;

	say_arp(f, MAC_BROADCAST, ARP_REQUEST, peer_mac, PEER4, OWN4);
	forget_heard(f);
	host_probe(&f->host, ip_of_text(PEER4), NSEC_PER_SEC / 2, &a.resolve, f->now);
	run(f);
	assert_int_equal(f->heard_count, 1); /* though it is in the table */
	assert_int_equal(heard_arp(f, 0).from.be, 0);
	say_arp(f, host_mac, ARP_REPLY, peer_mac, PEER4, "0.0.0.0");
	assert_int_equal(a.count, 1);
	assert_true(mac_equal(a.mac, peer_mac));

	host_probe(&f->host, ip_of_text("192.168.120.20"), NSEC_PER_SEC / 2, &b.resolve, f->now);
	run(f);
	assert_int_equal(f->next, f->now + NSEC_PER_SEC / 2);
	pass(f, NSEC_PER_SEC / 2);
	assert_int_equal(b.count, 1);
	assert_true(mac_is_zero(b.mac));
	assert_int_equal(f->heard_count, 2);
}

static void cancelled_questions_end(void **state)
{
	struct asker a = {.resolve.on_resolved = on_resolved};
	struct fixture *f = *state;

	host_resolve(&f->host, ip_of_text(PEER4), &a.resolve, f->now);
	run(f);
	host_resolve_cancel(&a.resolve);
	pass(f, NSEC_PER_SEC);
	assert_int_equal(f->next, NSEC_NEVER);
	assert_int_equal(f->heard_count, 1);
	assert_int_equal(a.count, 0);
}

static void entries_age(void **state)
{
	struct fixture *f = *state;

	say_arp(f, MAC_BROADCAST, ARP_REQUEST, peer_mac, PEER4, OWN4);
	run(f);
	assert_int_equal(f->next, NSEC_NEVER);
	f->now += NEIGHBOUR_AGE - 1;
	assert_true(knows(f, PEER4, peer_mac));
	f->now++;
	assert_false(knows(f, PEER4, peer_mac));
}

static void the_oldest_neighbour_goes(void **)
{
	struct hash_key key = {3, 4};
	struct neighbours *n = neighbours_new(NULL, NULL, &key);
	struct mac mac;

	for (uint32_t i = 0; i <= NEIGHBOURS_MAX; i++)
		neighbours_learn(n, ip_from_v4(ip4_from_number(0x0a000000 + i)), peer_mac, i);
	assert_false(neighbours_find(n, ip_of_text("10.0.0.0"), NEIGHBOURS_MAX, &mac));
	assert_true(neighbours_find(n, ip_of_text("10.0.0.1"), NEIGHBOURS_MAX, &mac));
	assert_true(neighbours_find(n, ip_of_text("10.0.4.0"), NEIGHBOURS_MAX, &mac));
	neighbours_free(n);
}

static void too_many_questions_are_answered_no(void **state)
{
	static struct asker askers[QUERIES_MAX + 1];
	struct fixture *f = *state;

	for (uint32_t i = 0; i <= QUERIES_MAX; i++) {
		struct ip ip = ip_from_v4(ip4_from_number(0xc0a87903 + i));

		askers[i] = (struct asker){.resolve.on_resolved = on_resolved};
		host_probe(&f->host, ip, NSEC_PER_SEC, &askers[i].resolve, f->now);
		assert_int_equal(askers[i].count, i == QUERIES_MAX);
	}
}

/* Neighbour Discovery. */

static void say_nd(struct fixture *f, struct mac to_mac, struct ip from, struct ip to, uint8_t type,
	uint8_t flags, struct ip target, const struct mac *mac, uint8_t ttl)
{
	uint8_t message[32] = {type, 0, 0, 0, flags};

	memcpy(message + 8, &target, sizeof(target));
	message[24] = type == ICMP6_NEIGHBOUR_SOLICIT ? ND_OPTION_SOURCE_MAC : ND_OPTION_TARGET_MAC;
	message[25] = 1;
	if (mac)
		memcpy(message + 26, mac, sizeof(*mac));
	begin_icmp(f, to_mac, from, to, ttl, message, mac ? 32 : 24);
}

static const struct mac own_group_mac = {{0x33, 0x33, 0xff, 0, 0, 2}};

static void solicit(struct fixture *f, const char *from, const struct mac *mac)
{
	say_nd(f, own_group_mac, ip_of_text(from), ip_of_text("ff02::1:ff00:2"),
		ICMP6_NEIGHBOUR_SOLICIT, 0, ip_of_text(OWN6), mac, ND_HOP_LIMIT);
}

static void answers_solicitations(void **state)
{
	struct fixture *f = *state;
	const uint8_t *nd;

	solicit(f, PEER6, &peer_mac);
	say(f);
	assert_int_equal(f->heard_count, 1);
	nd = f->heard[0].bytes + f->heard[0].packet.l4;
	assert_int_equal(f->heard[0].packet.ttl, ND_HOP_LIMIT);
	assert_true(ip_equal(f->heard[0].packet.from, ip_of_text(OWN6)));
	assert_true(ip_equal(f->heard[0].packet.to, ip_of_text(PEER6)));
	assert_int_equal(nd[0], ICMP6_NEIGHBOUR_ADVERT);
	assert_int_equal(nd[4], ND_FROM_ROUTER | ND_SOLICITED | ND_OVERRIDE);
	assert_memory_equal(nd + 26, &host_mac, 6);
	assert_true(knows(f, PEER6, peer_mac));
	assert_no_drops(f);
}

static void answers_duplicate_address_detection_to_all(void **state)
{
	struct fixture *f = *state;

	solicit(f, "::", NULL);
	say(f);
	assert_int_equal(f->heard_count, 1);
	assert_true(ip_equal(f->heard[0].packet.to, ip_of_text("ff02::1")));
	assert_int_equal(
		f->heard[0].bytes[f->heard[0].packet.l4 + 4], ND_FROM_ROUTER | ND_OVERRIDE);
	assert_no_drops(f);
}

static void has_a_link_local_address(void **state)
{
	struct fixture *f = *state;
	struct mac group = {{0x33, 0x33, 0xff, 0, 0, 2}};
	struct ip own = ip_of_text("fe80::ff:fe00:2");

	assert_true(host_owns(&f->host, own));
	say_nd(f, group, ip_of_text("fe80::10"), ip_of_text("ff02::1:ff00:2"),
		ICMP6_NEIGHBOUR_SOLICIT, 0, own, &peer_mac, ND_HOP_LIMIT);
	say(f);
	assert_int_equal(f->heard_count, 1);
}

static void bad_solicitations_are_dropped(void **state)
{
	struct fixture *f = *state;

	say_nd(f, own_group_mac, ip_of_text(PEER6), ip_of_text("ff02::1:ff00:2"),
		ICMP6_NEIGHBOUR_SOLICIT, 0, ip_of_text(OWN6), &peer_mac, 254);
	say(f);
	assert_int_equal(drops(f, DROP_MALFORMED), 1);
	solicit(f, PEER6, &peer_mac);
	f->out[ETH_HEADER_LEN + IP6_HEADER_LEN + 25] = 0; /* an option of no length */
	fill_checksum(f, ETH_HEADER_LEN + IP6_HEADER_LEN, 2, ip_of_text(PEER6),
		ip_of_text("ff02::1:ff00:2"), IP_PROTOCOL_ICMP6);
	say(f);
	assert_int_equal(drops(f, DROP_MALFORMED), 2);
	solicit(f, "::", &peer_mac); /* RFC 4861 7.1.1: from nobody, with his MAC */
	say(f);
	assert_int_equal(drops(f, DROP_MALFORMED), 3);
	solicit(f, PEER6, &peer_mac);
	f->out[ETH_HEADER_LEN + IP6_HEADER_LEN + 27] ^= 1;
	say(f);
	assert_int_equal(drops(f, DROP_CHECKSUM), 1);
	solicit(f, "2001:db8::1", &peer_mac);
	say(f);
	assert_int_equal(drops(f, DROP_SOURCE_SPOOFED), 1);
	assert_int_equal(f->heard_count, 0);
}

static void say_advert(struct fixture *f, const char *target, struct mac mac, uint8_t flags)
{
	say_nd(f, host_mac, ip_of_text(target), ip_of_text(OWN6), ICMP6_NEIGHBOUR_ADVERT, flags,
		ip_of_text(target), &mac, ND_HOP_LIMIT);
	say(f);
}

static void resolves_over_ip6(void **state)
{
	struct asker a = {.resolve.on_resolved = on_resolved};
	struct fixture *f = *state;

	host_resolve(&f->host, ip_of_text(PEER6), &a.resolve, f->now);
	run(f);
	assert_int_equal(f->heard_count, 1);
	assert_true(ip_equal(f->heard[0].packet.to, ip_of_text("ff02::1:ff00:10")));
	assert_true(ip_equal(f->heard[0].packet.from, ip_of_text(OWN6)));
	say_advert(f, PEER6, peer_mac, ND_SOLICITED);
	assert_int_equal(a.count, 1);
	assert_true(knows(f, PEER6, peer_mac));
	say_advert(f, PEER6, other_mac, 0); /* without override */
	assert_true(knows(f, PEER6, peer_mac));
	say_advert(f, PEER6, other_mac, ND_OVERRIDE);
	assert_true(knows(f, PEER6, other_mac));
	assert_no_drops(f);
}

static void probes_over_ip6_come_from_nobody(void **state)
{
	struct asker a = {.resolve.on_resolved = on_resolved};
	struct fixture *f = *state;

	host_probe(&f->host, ip_of_text(PEER6), NSEC_PER_SEC, &a.resolve, f->now);
	run(f);
	assert_true(ip_is_none(f->heard[0].packet.from));
	assert_int_equal(f->heard[0].packet.end - f->heard[0].packet.l4, ND_NEIGHBOUR_LEN);
	say_nd(f, (struct mac){{0x33, 0x33, 0, 0, 0, 1}}, ip_of_text(PEER6), ip_of_text("ff02::1"),
		ICMP6_NEIGHBOUR_ADVERT, ND_OVERRIDE, ip_of_text(PEER6), &peer_mac, ND_HOP_LIMIT);
	say(f);
	assert_int_equal(a.count, 1);
}

static void unasked_advertisements_make_no_entry(void **state)
{
	struct fixture *f = *state;

	say_advert(f, PEER6, peer_mac, ND_OVERRIDE);
	assert_false(knows(f, PEER6, peer_mac));
}

static void ip6_conflicts_are_told(void **state)
{
	struct fixture *f = *state;

	say_nd(f, (struct mac){{0x33, 0x33, 0, 0, 0, 1}}, ip_of_text(OWN6), ip_of_text("ff02::1"),
		ICMP6_NEIGHBOUR_ADVERT, ND_OVERRIDE, ip_of_text(OWN6), &other_mac, ND_HOP_LIMIT);
	say(f);
	assert_int_equal(f->conflicts, 1);
	assert_int_equal(f->heard_count, 1); /* defended */
	assert_only_drop(f, DROP_SOURCE_SPOOFED);
}

static void announces_every_address(void **state)
{
	struct fixture *f = *state;

	host_announce(&f->host, f->now);
	run(f);
	assert_int_equal(f->heard_count, f->host.address_count);
	assert_true(ip_equal(ip_from_v4(heard_arp(f, 0).from), ip_of_text(OWN4)));
	assert_int_equal(heard_arp(f, 0).from.be, heard_arp(f, 0).to.be);
	assert_true(ip_equal(f->heard[2].packet.to, ip_of_text("ff02::1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(answers_for_its_own_address),
		FIXTURE_TEST(does_not_answer_for_others),
		FIXTURE_TEST(answers_probes_and_learns_nothing_from_them),
		FIXTURE_TEST(learns_from_no_impossible_sender),
		FIXTURE_TEST(gratuitous_arp_changes_what_is_known_only),
		FIXTURE_TEST(tells_conflicts_once_a_minute_and_defends),
		FIXTURE_TEST(malformed_arp_is_dropped),
		FIXTURE_TEST(resolves_and_tells_everybody),
		FIXTURE_TEST(gives_up_after_three_tries),
		FIXTURE_TEST(what_is_off_the_link_is_not_asked_for),
		FIXTURE_TEST(probes_once_without_a_sender),
		FIXTURE_TEST(cancelled_questions_end),
		FIXTURE_TEST(entries_age),
		cmocka_unit_test(the_oldest_neighbour_goes),
		FIXTURE_TEST(too_many_questions_are_answered_no),
		FIXTURE_TEST(answers_solicitations),
		FIXTURE_TEST(answers_duplicate_address_detection_to_all),
		FIXTURE_TEST(has_a_link_local_address),
		FIXTURE_TEST(bad_solicitations_are_dropped),
		FIXTURE_TEST(resolves_over_ip6),
		FIXTURE_TEST(probes_over_ip6_come_from_nobody),
		FIXTURE_TEST(unasked_advertisements_make_no_entry),
		FIXTURE_TEST(ip6_conflicts_are_told),
		FIXTURE_TEST(announces_every_address),
	};

	return cmocka_run_group_tests_name("neighbour", tests, NULL, NULL);
}
