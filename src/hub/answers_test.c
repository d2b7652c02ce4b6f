/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three ports, the last to be spared; whoever asks for who is known is answered by the hub. */
#include "hub/answers.h"

#include "hub/claims.h"
#include "hub/fake_port.h"
#include "hub/policy.h"
#include "wire/arp.h"

struct fixture {
	struct hub *hub;
	struct answers answers;
	struct fake *asker, *owner, *far;
	struct port_policy policies[3];
	nsec now;
};

static const struct ip none;

static struct ip ip4_of(uint8_t number)
{
	return ip_from_v4(ip4_from_number(0x0a000000u + number));
}

static struct ip ip6_of(uint8_t number)
{
	return (struct ip){{0xfd, [15] = number}};
}

static struct fake *plug_with(struct fixture *f, unsigned i, const char *name)
{
	struct fake *fake = plug(f->hub, name);

	fake->port.is_spared = i == 2;
	policy_init(&f->policies[i], &fake->port, 1);
	return fake;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->now = NOW;
	f->hub = open_hub();
	answers_init(&f->answers, f->hub);
	f->asker = plug_with(f, 0, "asker");
	f->owner = plug_with(f, 1, "owner");
	f->far = plug_with(f, 2, "far");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 3; i++)
		policy_done(&f->policies[i]);
	answers_done(&f->answers);
	hub_free(f->hub);
	free(f);
	return 0;
}

static void turn(struct fixture *f)
{
	f->answers.machine.run(&f->answers.machine, f->now);
}

static void say_arp(struct fixture *f, struct fake *from, uint8_t mac, const struct arp *said)
{
	uint8_t bytes[64] = {0};
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct arp arp = *said;

	arp.from_mac = mac_of(mac);
	write_eth(&w, MAC_BROADCAST, mac_of(mac), ETHERTYPE_ARP);
	write_arp(&w, &arp);
	receive(from, frame_linear(bytes, 60), f->now);
}

static void ask4(struct fixture *f, struct fake *from, uint8_t mac, struct ip own, struct ip wanted)
{
	const struct arp arp = {
		.operation = ARP_REQUEST, .from = ip_to_v4(own), .to = ip_to_v4(wanted)};

	say_arp(f, from, mac, &arp);
}

static void say_discovery(
	struct fixture *f, struct fake *from, uint8_t mac, const struct discovery *said)
{
	uint8_t bytes[ETH_HEADER_LEN + DISCOVERY_LEN];
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct discovery message = *said;

	message.has_mac = !ip_is_none(said->from);
	message.mac = mac_of(mac);
	write_eth(&w, group_mac(said->to), mac_of(mac), ETHERTYPE_IP6);
	write_discovery(&w, &message);
	receive(from, frame_linear(bytes, (uint32_t)writer_len(&w)), f->now);
}

static void ask6(struct fixture *f, struct fake *from, uint8_t mac, struct ip own, struct ip wanted)
{
	const struct discovery message = {.type = ICMP6_NEIGHBOUR_SOLICIT,
		.from = own,
		.to = solicited_node(wanted),
		.target = wanted};

	say_discovery(f, from, mac, &message);
}

static void advertise(struct fixture *f, struct fake *from, uint8_t mac, struct ip own, bool router)
{
	const struct discovery message = {.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = ND_OVERRIDE | (router ? ND_FROM_ROUTER : 0),
		.from = own,
		.to = {{0xff, 2, [15] = 1}},
		.target = own};

	say_discovery(f, from, mac, &message);
}

/* Who heard what since the last time. */
static void assert_heard(struct fixture *f, unsigned asker, unsigned owner, unsigned far)
{
	turn(f);
	assert_int_equal(f->asker->frames, asker);
	assert_int_equal(f->owner->frames, owner);
	assert_int_equal(f->far->frames, far);
	f->asker->frames = f->owner->frames = f->far->frames = 0;
}

static void test_a_known_owner(void **state)
{
	struct fixture *f = *state;
	struct eth_header eth;
	struct arp arp;

	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99)); /* so he is heard of */
	assert_heard(f, 1, 0, 1);
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	turn(f);
	memcpy(&eth, f->asker->got[0].head, sizeof(eth));
	assert_true(mac_equal(eth.to, mac_of(1)) && mac_equal(eth.from, mac_of(2)));
	assert_true(arp_parse(f->asker->got[0].head + ETH_HEADER_LEN, ARP_LEN, &arp));
	assert_int_equal(arp.operation, ARP_REPLY);
	assert_true(mac_equal(arp.from_mac, mac_of(2)) && mac_equal(arp.to_mac, mac_of(1)));
	assert_true(ip_equal(ip_from_v4(arp.from), ip4_of(2)));
	assert_true(ip_equal(ip_from_v4(arp.to), ip4_of(1)));
	assert_heard(f, 1, 0, 0);
	assert_int_equal(f->answers.given, 1);
	assert_int_equal(f->asker->port.in.frames, 1);
	assert_int_equal(f->asker->port.out.frames, 2);
	/* And who asked is known by it. */
	ask4(f, f->owner, 2, ip4_of(2), ip4_of(1));
	assert_heard(f, 0, 1, 0);
}

static void test_ipv6(void **state)
{
	struct fixture *f = *state;
	struct discovery message;
	struct packet packet;

	ask6(f, f->owner, 2, ip6_of(2), ip6_of(99));
	assert_heard(f, 1, 0, 1);
	ask6(f, f->asker, 1, ip6_of(1), ip6_of(2)); /* nobody knows whether it is a router */
	assert_heard(f, 0, 1, 0);
	advertise(f, f->owner, 2, ip6_of(2), true);
	assert_heard(f, 1, 0, 1);
	ask6(f, f->owner, 2, ip6_of(2), ip6_of(99));
	assert_heard(f, 1, 0, 1);
	ask6(f, f->asker, 1, ip6_of(1), ip6_of(2));
	turn(f);
	assert_int_equal(packet_parse(f->asker->got[0].head, f->asker->got[0].len,
				 f->asker->got[0].len, &packet),
		PACKET_OK);
	assert_true(
		discovery_parse(f->asker->got[0].head, f->asker->got[0].len, &packet, &message));
	assert_int_equal(message.flags, ND_SOLICITED | ND_FROM_ROUTER);
	assert_true(ip_equal(message.target, ip6_of(2)) && ip_equal(message.to, ip6_of(1)));
	assert_true(mac_equal(message.mac, mac_of(2)));
	assert_heard(f, 1, 0, 0);
	advertise(f, f->owner, 3, ip6_of(2), false); /* another station, no router */
	assert_heard(f, 1, 0, 1);
	ask6(f, f->asker, 1, ip6_of(1), ip6_of(2));
	turn(f);
	assert_true(
		discovery_parse(f->asker->got[0].head, f->asker->got[0].len, &packet, &message));
	assert_int_equal(message.flags, ND_SOLICITED);
}

/* Whether an address is free its owner must hear, and all must who tells that it is his. */
static void test_probes_and_announcements(void **state)
{
	struct fixture *f = *state;

	ask4(f, f->owner, 2, ip4_of(2), ip4_of(2));
	advertise(f, f->owner, 2, ip6_of(2), false);
	assert_heard(f, 2, 0, 2);
	ask4(f, f->asker, 1, ip_from_v4((struct ip4){0}), ip4_of(2));
	assert_heard(f, 0, 1, 1);
	ask6(f, f->asker, 1, none, ip6_of(2));
	assert_heard(f, 0, 1, 1);
	ask4(f, f->owner, 2, ip4_of(2), ip4_of(2));
	assert_heard(f, 1, 0, 1);
	assert_int_equal(f->answers.given, 0);
}

static void test_what_is_not_certain(void **state)
{
	struct fixture *f = *state;
	struct policy_settings settings = {.is_isolated = true};

	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99));
	assert_heard(f, 1, 0, 1);
	receive(f->far, frame_of(0xff, 2), f->now); /* his MAC address is elsewhere */
	assert_heard(f, 1, 1, 0);
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_heard(f, 0, 1, 1);
	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99));
	assert_heard(f, 1, 0, 1);
	f->now += ANSWERS_FRESH; /* he was not heard of lately: he may say it himself */
	ask4(f, f->asker, 4, ip4_of(4), ip4_of(2));
	assert_heard(f, 0, 1, 0);
	f->now += CLAIM_AGE;
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_heard(f, 0, 1, 1);
	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99));
	assert_heard(f, 1, 0, 1);
	f->owner->port.is_down = true;
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_heard(f, 0, 0, 1);
	f->owner->port.is_down = false;
	policy_change(&f->policies[0], &settings, f->now); /* the two do not hear each other */
	policy_change(&f->policies[1], &settings, f->now);
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_heard(f, 0, 0, 1);
	assert_int_equal(f->answers.given, 1);
}

static void test_nobody_to_spare(void **state)
{
	struct fixture *f = *state;

	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99));
	assert_heard(f, 1, 0, 1);
	f->far->port.is_down = true;
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_heard(f, 0, 1, 0);
	f->far->port.is_down = false;
	f->far->port.is_spared = false;
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_heard(f, 0, 1, 1);
	f->far->port.is_spared = true;
	ask4(f, f->far, 3, ip4_of(3), ip4_of(2));
	assert_heard(f, 1, 1, 0);
	assert_int_equal(f->answers.given, 0);
}

/* On a LAN behind one port the owner heard the question, too. */
static void test_an_owner_behind_the_same_port(void **state)
{
	struct fixture *f = *state;

	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99));
	assert_heard(f, 1, 0, 1);
	ask4(f, f->owner, 4, ip4_of(4), ip4_of(2));
	assert_heard(f, 0, 0, 0);
	assert_int_equal(f->answers.given, 1);
}

static void test_a_port_that_leaves(void **state)
{
	struct fixture *f = *state;

	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99));
	assert_heard(f, 1, 0, 1);
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_int_equal(f->answers.count, 1);
	hub_detach(&f->asker->port);
	turn(f);
	assert_int_equal(f->asker->frames, 0);
	assert_int_equal(hub_attach(f->hub, &f->asker->port, f->now), 0);
}

/* What more come in a turn go to everybody. */
static void test_many(void **state)
{
	struct fixture *f = *state;

	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99));
	assert_heard(f, 1, 0, 1);
	for (unsigned i = 0; i < ANSWERS_MAX + 5; i++)
		ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_heard(f, ANSWERS_MAX, 5, 5);
}

/* In the owner's place another one came, and nobody heard of it. */
static void test_who_asks_again_was_not_helped(void **state)
{
	struct fixture *f = *state;

	ask4(f, f->owner, 2, ip4_of(2), ip4_of(99));
	assert_heard(f, 1, 0, 1);
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	ask4(f, f->asker, 1, ip4_of(1), ip4_of(2));
	assert_heard(f, 2, 0, 0);
	f->now += ANSWERS_AGAIN;
	ask4(f, f->asker, 3, ip4_of(3), ip4_of(2));
	assert_heard(f, 1, 0, 0); /* another one */
	f->now += ANSWERS_AGAIN;
	ask4(f, f->asker, 3, ip4_of(3), ip4_of(2));
	assert_heard(f, 0, 1, 1);
	ask4(f, f->asker, 3, ip4_of(3), ip4_of(2));
	assert_heard(f, 1, 0, 0);
	f->now += ANSWERS_HELPED;
	ask4(f, f->asker, 3, ip4_of(3), ip4_of(2));
	assert_heard(f, 0, 1, 0); /* nor heard of him lately */
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_a_known_owner),
		FIXTURE_TEST(test_ipv6),
		FIXTURE_TEST(test_probes_and_announcements),
		FIXTURE_TEST(test_what_is_not_certain),
		FIXTURE_TEST(test_nobody_to_spare),
		FIXTURE_TEST(test_an_owner_behind_the_same_port),
		FIXTURE_TEST(test_a_port_that_leaves),
		FIXTURE_TEST(test_many),
		FIXTURE_TEST(test_who_asks_again_was_not_helped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
