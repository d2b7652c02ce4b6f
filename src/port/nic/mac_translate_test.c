/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *   vm .3 ──┐
 *   vm2 .5 ─┴─ hub ── the machine ── PC-CARD .2 ── LAN ── host4 .4, router .1
 */
#include "port/nic/frame_fixture.h"
#include "port/nic/mac_translate.h"
#include "wire/packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct mac NIC = {{0x02, 0, 0, 0, 0, 0xaa}};
static const struct mac VM = {{0x02, 0, 0, 0, 0x01, 0x03}};
static const struct mac VM2 = {{0x02, 0, 0, 0, 0x01, 0x05}};
static const struct mac HOST4 = {{0x02, 0, 0, 0, 0x02, 0x04}};
static const struct mac ZERO;

#define EMITTED_MAX 64

static struct stage {
	struct mac_translate *translate;
	nsec now;
	struct built emitted[EMITTED_MAX];
	enum translate_side sides[EMITTED_MAX];
	unsigned emitted_count;
	struct translate_event events[EMITTED_MAX];
	unsigned event_count;
	enum drop reason; /* of the last refusal */
	unsigned to;
} stage;

static void emit(void *, enum translate_side to, const struct frame *frame)
{
	struct built *built = &stage.emitted[stage.emitted_count];

	assert_in_range(stage.emitted_count, 0, EMITTED_MAX - 1);
	stage.sides[stage.emitted_count++] = to;
	built->len = frame_copy(frame, 0, built->bytes, sizeof(built->bytes));
}

static void on_event(void *, const struct translate_event *event)
{
	assert_in_range(stage.event_count, 0, EMITTED_MAX - 1);
	stage.events[stage.event_count++] = *event;
}

static void own_addresses(struct mac mac)
{
	struct ip_prefix addresses[3];

	assert_true(prefix_parse("10.0.0.2/24", &addresses[0]));
	assert_true(prefix_parse("fe80::aa/64", &addresses[1]));
	assert_true(prefix_parse("fd00::2/64", &addresses[2]));
	mac_translate_set_nic(stage.translate, mac, addresses, 3);
}

static void start(const struct mac_translate_settings *settings)
{
	static const struct hash_key key = {1, 2};
	struct mac_translate_settings own = *settings;

	own.emit = emit;
	own.on_event = on_event;
	mac_translate_free(stage.translate);
	stage.translate = mac_translate_new(&own, &key);
	assert_non_null(stage.translate);
	own_addresses(NIC);
}

static int set_up(void **)
{
	stage = (struct stage){.now = 1000 * NSEC_PER_SEC};
	start(&(struct mac_translate_settings){.serves_host = true});
	return 0;
}

static int tear_down(void **)
{
	mac_translate_free(stage.translate);
	stage.translate = NULL;
	return 0;
}

static struct built changed(const struct frame *frame, const struct translated *translated)
{
	struct built built = {0};
	uint32_t rest = frame->len - translated->replaces;

	assert_in_range(translated->len + rest, 1, sizeof(built.bytes));
	assert_in_range(translated->replaces, 0, frame->len);
	memcpy(built.bytes, translated->bytes, translated->len);
	frame_copy(frame, translated->replaces, built.bytes + translated->len, rest);
	built.len = translated->len + rest;
	return built;
}

static enum translate_verdict cross(
	enum translate_side from, const struct frame *frame, struct built *ret)
{
	struct translated translated;
	enum translate_verdict verdict = from == TRANSLATE_HUB
						 ? translate_out(stage.translate, frame,
							   &translated, stage.now)
						 : translate_in(stage.translate, from, frame,
							   &translated, stage.now);

	stage.reason = translated.reason;
	stage.to = translated.to;
	if (verdict == TRANSLATE_PASS)
		*ret = changed(frame, &translated);
	return verdict;
}

static void assert_same(const struct built *seen, const struct built *wanted)
{
	for (uint32_t i = 0; i < seen->len && i < wanted->len; i++) {
		if (seen->bytes[i] != wanted->bytes[i])
			print_error(
				"byte %u: %02x, not %02x\n", i, seen->bytes[i], wanted->bytes[i]);
	}
	assert_int_equal(seen->len, wanted->len);
	assert_memory_equal(seen->bytes, wanted->bytes, wanted->len);
}

static void assert_crosses(
	enum translate_side from, struct built before, struct built after, unsigned to)
{
	struct frame frame = frame_of_built(&before);
	struct built seen;

	assert_int_equal(cross(from, &frame, &seen), TRANSLATE_PASS);
	assert_same(&seen, &after);
	assert_int_equal(stage.to, to);
}

static void assert_goes_out(struct built before, struct built after)
{
	bool is_group = before.bytes[0] & 1;

	assert_crosses(TRANSLATE_HUB, before, after,
		is_group ? TRANSLATE_WIRE | TRANSLATE_HOST : TRANSLATE_WIRE);
}

static void assert_comes_in(struct built before, struct built after)
{
	assert_crosses(TRANSLATE_WIRE, before, after, TRANSLATE_HUB);
}

static void assert_refused(enum translate_side from, struct built built, enum drop reason)
{
	struct frame frame = frame_of_built(&built);
	struct built seen;

	assert_int_equal(cross(from, &frame, &seen), TRANSLATE_DROP);
	assert_string_equal(drop_name(stage.reason), drop_name(reason));
}

static nsec run_machine(void)
{
	struct machine *machine = mac_translate_machine(stage.translate);

	return machine->run(machine, stage.now);
}

static struct built udp(struct mac to, struct mac from, const char *from_ip, const char *to_ip)
{
	return build_udp(to, from, 0, from_ip, 4000, to_ip, 5000, "hello", 5);
}

/* A gratuitous request, as hosts send when they get an address. */
static void introduce(struct mac mac, const char *ip)
{
	assert_goes_out(
		build_arp(ETHERTYPE_ARP, MAC_BROADCAST, mac, ARP_REQUEST, mac, ip, ZERO, ip),
		build_arp(ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, ip, ZERO, ip));
}

static void assert_reaches(struct mac mac, const char *ip)
{
	assert_comes_in(udp(NIC, HOST4, "10.0.0.4", ip), udp(mac, HOST4, "10.0.0.4", ip));
}

/* --- IP --- */

static void test_ip4_is_learnt_and_found(void **)
{
	assert_refused(TRANSLATE_WIRE, udp(NIC, HOST4, "10.0.0.4", "10.0.0.3"), DROP_UNREACHABLE);
	assert_goes_out(
		udp(HOST4, VM, "10.0.0.3", "10.0.0.4"), udp(HOST4, NIC, "10.0.0.3", "10.0.0.4"));
	assert_reaches(VM, "10.0.0.3");
}

static void test_ip6_is_learnt_and_found(void **)
{
	assert_goes_out(
		udp(HOST4, VM, "fd00::3", "fd00::4"), udp(HOST4, NIC, "fd00::3", "fd00::4"));
	assert_comes_in(
		udp(NIC, HOST4, "fd00::4", "fd00::3"), udp(VM, HOST4, "fd00::4", "fd00::3"));
	assert_goes_out(
		udp(HOST4, VM, "fe80::3", "fe80::4"), udp(HOST4, NIC, "fe80::3", "fe80::4"));
	assert_comes_in(
		udp(NIC, HOST4, "fe80::4", "fe80::3"), udp(VM, HOST4, "fe80::4", "fe80::3"));
}

static void test_groups_pass(void **)
{
	const struct mac mdns = mac_from("01:00:5e:00:00:fb"),
			 mdns6 = mac_from("33:33:00:00:00:fb");

	assert_goes_out(udp(mdns, VM, "10.0.0.3", "224.0.0.251"),
		udp(mdns, NIC, "10.0.0.3", "224.0.0.251"));
	assert_comes_in(udp(mdns, HOST4, "10.0.0.4", "224.0.0.251"),
		udp(mdns, HOST4, "10.0.0.4", "224.0.0.251"));
	assert_goes_out(
		udp(mdns6, VM, "fe80::3", "ff02::fb"), udp(mdns6, NIC, "fe80::3", "ff02::fb"));
	assert_goes_out(udp(MAC_BROADCAST, VM, "10.0.0.3", "10.0.0.255"),
		udp(MAC_BROADCAST, NIC, "10.0.0.3", "10.0.0.255"));
	assert_comes_in(udp(MAC_BROADCAST, HOST4, "10.0.0.4", "10.0.0.255"),
		udp(MAC_BROADCAST, HOST4, "10.0.0.4", "10.0.0.255"));
}

/* Access points make group frames into frames for each station. */
static void test_a_group_in_a_unicast_frame_is_a_group_again(void **)
{
	assert_comes_in(udp(NIC, HOST4, "10.0.0.4", "224.129.2.251"),
		udp(mac_from("01:00:5e:01:02:fb"), HOST4, "10.0.0.4", "224.129.2.251"));
	assert_comes_in(udp(NIC, HOST4, "fe80::4", "ff02::1:2"),
		udp(mac_from("33:33:00:01:00:02"), HOST4, "fe80::4", "ff02::1:2"));
	assert_comes_in(udp(NIC, HOST4, "10.0.0.4", "10.0.0.255"),
		udp(MAC_BROADCAST, HOST4, "10.0.0.4", "10.0.0.255"));
	assert_comes_in(udp(NIC, HOST4, "10.0.0.4", "255.255.255.255"),
		udp(MAC_BROADCAST, HOST4, "10.0.0.4", "255.255.255.255"));
}

static void test_what_is_the_hosts_is_left_to_it(void **)
{
	assert_refused(TRANSLATE_WIRE, udp(NIC, HOST4, "10.0.0.4", "10.0.0.2"), DROP_UNWANTED);
	assert_refused(TRANSLATE_WIRE, udp(NIC, HOST4, "fd00::4", "fd00::2"), DROP_UNWANTED);
	assert_refused(TRANSLATE_WIRE, udp(HOST4, VM2, "10.0.0.9", "10.0.0.3"), DROP_UNWANTED);
	assert_refused(TRANSLATE_WIRE,
		build_arp(ETHERTYPE_ARP, NIC, HOST4, ARP_REQUEST, HOST4, "10.0.0.4", ZERO,
			"10.0.0.2"),
		DROP_UNWANTED);
}

static struct built tagged(struct mac to, struct mac from, const char *from_ip, const char *to_ip)
{
	return build_udp(to, from, 5, from_ip, 4000, to_ip, 5000, "hello", 5);
}

static void test_a_tag_is_another_lan(void **)
{
	introduce(VM, "10.0.0.3");
	assert_goes_out(tagged(HOST4, VM2, "10.0.0.3", "10.0.0.4"),
		tagged(HOST4, NIC, "10.0.0.3", "10.0.0.4"));
	assert_comes_in(tagged(NIC, HOST4, "10.0.0.4", "10.0.0.3"),
		tagged(VM2, HOST4, "10.0.0.4", "10.0.0.3"));
	assert_reaches(VM, "10.0.0.3");
	assert_refused(
		TRANSLATE_WIRE, tagged(NIC, HOST4, "10.0.0.4", "10.0.0.7"), DROP_UNREACHABLE);
}

static void test_off_the_subnet_is_not_learnt(void **)
{
	static const char *const nobodys[] = {"192.0.2.1", "0.0.0.0", "127.0.0.1",
		"255.255.255.255", "10.0.0.255", "224.0.0.1", "2001:db8::1", "::", "::1",
		"ff02::1"};
	struct translate_binding bindings[4];

	for (unsigned i = 0; i < ARRAY_SIZE(nobodys); i++) {
		const char *to = strchr(nobodys[i], ':') ? "fd00::4" : "10.0.0.4";

		assert_goes_out(udp(HOST4, VM, nobodys[i], to), udp(HOST4, NIC, nobodys[i], to));
	}
	introduce(VM, "192.0.2.7");
	assert_int_equal(mac_translate_bindings(stage.translate, stage.now, bindings, 4), 0);
}

/* A NIC without addresses says nothing of its subnets; ARP and Discovery do not cross routers. */
static void test_without_a_subnet_only_claims_are_learnt(void **)
{
	struct translate_binding bindings[4];

	mac_translate_set_nic(stage.translate, NIC, NULL, 0);
	assert_goes_out(
		udp(HOST4, VM, "10.0.0.3", "10.0.0.4"), udp(HOST4, NIC, "10.0.0.3", "10.0.0.4"));
	assert_int_equal(mac_translate_bindings(stage.translate, stage.now, bindings, 4), 0);
	introduce(VM, "10.0.0.3");
	assert_reaches(VM, "10.0.0.3");
}

static void test_other_types(void **)
{
	struct built built, after;
	struct writer w = begin_built(&built);

	write_eth(&w, MAC_BROADCAST, VM, 0x88b5);
	write_zeros(&w, 46);
	after = end_built(&built, &w);
	memcpy(after.bytes + 6, &NIC, 6);
	assert_goes_out(built, after);
	memcpy(built.bytes, &HOST4, 6);
	assert_refused(TRANSLATE_HUB, built, DROP_UNWANTED);
	store_be16(built.bytes + 12, 0x888e); /* 802.1X is the NIC's own business */
	memcpy(built.bytes, &MAC_BROADCAST, 6);
	assert_refused(TRANSLATE_HUB, built, DROP_UNWANTED);
	memcpy(built.bytes + 6, &HOST4, 6);
	assert_refused(TRANSLATE_WIRE, built, DROP_UNWANTED);
	store_be16(built.bytes + 12, 0x88b5);
	assert_comes_in(built, built);
	memcpy(built.bytes, &NIC, 6);
	assert_refused(TRANSLATE_WIRE, built, DROP_UNWANTED);
}

static void test_bridges_words_never_cross(void **)
{
	static const char *const groups[] = {
		"01:80:c2:00:00:00", "01:80:c2:00:00:0e", "01:00:0c:cc:cc:cc", "01:00:0c:cc:cc:cd"};

	for (unsigned i = 0; i < ARRAY_SIZE(groups); i++) {
		struct built built;
		struct writer w = begin_built(&built);

		write_eth(&w, mac_from(groups[i]), VM, 38);
		write_zeros(&w, 46);
		end_built(&built, &w);
		assert_refused(TRANSLATE_HUB, built, DROP_RESERVED);
		memcpy(built.bytes + 6, &HOST4, 6);
		assert_refused(TRANSLATE_WIRE, built, DROP_RESERVED);
	}
}

static void test_what_cannot_be(void **)
{
	struct built built = udp(HOST4, VM, "10.0.0.3", "10.0.0.4"), runt = built;
	struct frame frame;
	struct built seen;

	runt.len = 13;
	assert_refused(TRANSLATE_HUB, runt, DROP_RUNT);
	runt.len = 30;
	assert_refused(TRANSLATE_HUB, runt, DROP_MALFORMED);
	built.bytes[24] ^= 1; /* the header's checksum */
	assert_refused(TRANSLATE_HUB, built, DROP_CHECKSUM);
	built = udp(HOST4, mac_from("03:00:00:00:00:01"), "10.0.0.3", "10.0.0.4");
	assert_refused(TRANSLATE_HUB, built, DROP_SOURCE_GROUP);
	built = udp(HOST4, NIC, "10.0.0.3", "10.0.0.4");
	assert_refused(TRANSLATE_HUB, built, DROP_SOURCE_SPOOFED);
	/* A checksum that is to be stored over the source address. */
	built = udp(HOST4, VM, "10.0.0.3", "10.0.0.4");
	frame = frame_of_built(&built);
	frame.offload = (struct offload){.needs_checksum = true, .checksum_offset = 6};
	assert_int_equal(cross(TRANSLATE_HUB, &frame, &seen), TRANSLATE_DROP);
	assert_int_equal(stage.reason, DROP_MALFORMED);
	mac_translate_set_nic(stage.translate, ZERO, NULL, 0);
	assert_refused(TRANSLATE_HUB, built, DROP_LINK_DOWN);
}

/* A super-frame in parts: only the Ethernet header is exchanged. */
static void test_a_super_frame_is_not_copied(void **)
{
	struct built built = udp(HOST4, VM, "10.0.0.3", "10.0.0.4");
	static uint8_t payload[60000];
	struct iovec body = {payload, sizeof(payload)};
	struct translated translated;
	struct frame frame = frame_of_built(&built);
	uint16_t checksum;

	store_be16(built.bytes + 16, (uint16_t)(built.len - 14 + sizeof(payload)));
	store_be16(built.bytes + 38, (uint16_t)(built.len - 34 + sizeof(payload)));
	memset(built.bytes + 24, 0, 2);
	checksum = checksum_fold(checksum_add(0, built.bytes + 14, 20));
	memcpy(built.bytes + 24, &checksum, 2);
	frame.body = &body;
	frame.body_count = 1;
	frame.len += sizeof(payload);
	frame.offload = (struct offload){.needs_checksum = true,
		.kind = SEGMENT_UDP,
		.segment_size = 1400,
		.checksum_start = 34,
		.checksum_offset = 6};
	assert_int_equal(
		translate_out(stage.translate, &frame, &translated, stage.now), TRANSLATE_PASS);
	assert_int_equal(translated.len, 14);
	assert_int_equal(translated.replaces, 14);
	assert_memory_equal(translated.bytes + 6, &NIC, 6);
}

/* --- ARP --- */

static void test_arp_out(void **)
{
	introduce(VM, "10.0.0.3");
	assert_goes_out(
		build_arp(ETHERTYPE_ARP, HOST4, VM, ARP_REPLY, VM, "10.0.0.3", HOST4, "10.0.0.4"),
		build_arp(
			ETHERTYPE_ARP, HOST4, NIC, ARP_REPLY, NIC, "10.0.0.3", HOST4, "10.0.0.4"));
	/* Gratuitous replies name their sender twice. */
	assert_goes_out(build_arp(ETHERTYPE_ARP, MAC_BROADCAST, VM, ARP_REPLY, VM, "10.0.0.3", VM,
				"10.0.0.3"),
		build_arp(ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REPLY, NIC, "10.0.0.3", NIC,
			"10.0.0.3"));
	assert_reaches(VM, "10.0.0.3");
}

static void test_arp_in(void **)
{
	struct built request = build_arp(ETHERTYPE_ARP, MAC_BROADCAST, HOST4, ARP_REQUEST, HOST4,
		"10.0.0.4", ZERO, "10.0.0.3");

	assert_comes_in(request, request);
	introduce(VM, "10.0.0.3");
	assert_comes_in(build_arp(ETHERTYPE_ARP, NIC, HOST4, ARP_REQUEST, HOST4, "10.0.0.4", NIC,
				"10.0.0.3"),
		build_arp(
			ETHERTYPE_ARP, VM, HOST4, ARP_REQUEST, HOST4, "10.0.0.4", VM, "10.0.0.3"));
	assert_comes_in(
		build_arp(ETHERTYPE_ARP, NIC, HOST4, ARP_REPLY, HOST4, "10.0.0.4", NIC, "10.0.0.3"),
		build_arp(ETHERTYPE_ARP, VM, HOST4, ARP_REPLY, HOST4, "10.0.0.4", VM, "10.0.0.3"));
	assert_comes_in(build_arp(ETHERTYPE_ARP, MAC_BROADCAST, HOST4, ARP_REPLY, HOST4, "10.0.0.4",
				NIC, "10.0.0.3"),
		build_arp(ETHERTYPE_ARP, MAC_BROADCAST, HOST4, ARP_REPLY, HOST4, "10.0.0.4", VM,
			"10.0.0.3"));
	assert_refused(TRANSLATE_WIRE,
		build_arp(ETHERTYPE_ARP, NIC, HOST4, ARP_REPLY, HOST4, "10.0.0.4", NIC, "10.0.0.9"),
		DROP_UNREACHABLE);
}

/* RFC 5227: the answer to a probe is for 0.0.0.0. */
static void test_a_probe_is_answered_to_whom_it_was_from(void **)
{
	struct built reply = build_arp(
		ETHERTYPE_ARP, NIC, HOST4, ARP_REPLY, HOST4, "10.0.0.4", NIC, "0.0.0.0");

	assert_refused(TRANSLATE_WIRE, reply, DROP_UNREACHABLE);
	assert_goes_out(build_arp(ETHERTYPE_ARP, MAC_BROADCAST, VM, ARP_REQUEST, VM, "0.0.0.0",
				ZERO, "10.0.0.4"),
		build_arp(ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, "0.0.0.0", ZERO,
			"10.0.0.4"));
	assert_comes_in(reply,
		build_arp(ETHERTYPE_ARP, VM, HOST4, ARP_REPLY, HOST4, "10.0.0.4", VM, "0.0.0.0"));
	stage.now += 11 * NSEC_PER_SEC;
	assert_refused(TRANSLATE_WIRE, reply, DROP_UNREACHABLE);
}

static void test_echoes_are_no_conflicts(void **)
{
	struct built built = build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, "0.0.0.0", ZERO, "10.0.0.3");

	introduce(VM, "10.0.0.3");
	assert_refused(TRANSLATE_WIRE, built, DROP_HAIRPIN);
	memcpy(built.bytes + 6, &HOST4, 6); /* sent on by somebody else */
	assert_refused(TRANSLATE_WIRE, built, DROP_HAIRPIN);
	built = build_arp(ETHERTYPE_ARP, MAC_BROADCAST, HOST4, ARP_REQUEST, NIC, "10.0.0.3", ZERO,
		"10.0.0.3");
	assert_refused(TRANSLATE_WIRE, built, DROP_HAIRPIN);
	/* A true one comes through. */
	built = build_arp(ETHERTYPE_ARP, MAC_BROADCAST, HOST4, ARP_REQUEST, HOST4, "10.0.0.3", ZERO,
		"10.0.0.3");
	assert_comes_in(built, built);
}

static void test_rarp(void **)
{
	/* The target is the question and stays. */
	assert_goes_out(build_arp(ETHERTYPE_RARP, MAC_BROADCAST, VM, RARP_REQUEST, VM, "0.0.0.0",
				VM, "0.0.0.0"),
		build_arp(ETHERTYPE_RARP, MAC_BROADCAST, NIC, RARP_REQUEST, NIC, "0.0.0.0", VM,
			"0.0.0.0"));
	assert_comes_in(build_arp(ETHERTYPE_RARP, NIC, HOST4, RARP_REPLY, HOST4, "10.0.0.4", VM,
				"10.0.0.3"),
		build_arp(
			ETHERTYPE_RARP, VM, HOST4, RARP_REPLY, HOST4, "10.0.0.4", VM, "10.0.0.3"));
	assert_refused(TRANSLATE_WIRE,
		build_arp(
			ETHERTYPE_RARP, NIC, HOST4, RARP_REPLY, HOST4, "10.0.0.4", VM2, "10.0.0.5"),
		DROP_UNREACHABLE);
	assert_refused(TRANSLATE_HUB,
		build_arp(ETHERTYPE_ARP, MAC_BROADCAST, VM, RARP_REQUEST, VM, "0.0.0.0", VM,
			"0.0.0.0"),
		DROP_UNWANTED);
}

/* The hub floods what one guest says to another until it knows where that one is. */
static void test_guests_words_to_each_other_stay_inside(void **)
{
	introduce(VM, "10.0.0.3");
	introduce(VM2, "10.0.0.5");
	assert_refused(TRANSLATE_HUB, udp(VM2, VM, "10.0.0.3", "10.0.0.5"), DROP_UNWANTED);
	assert_refused(TRANSLATE_HUB,
		build_arp(ETHERTYPE_ARP, VM2, VM, ARP_REQUEST, VM, "10.0.0.3", VM2, "10.0.0.5"),
		DROP_UNWANTED);
}

/* --- DHCP --- */

static struct dhcp_message discover(struct mac mac)
{
	return (struct dhcp_message){
		.op = BOOT_REQUEST, .xid = 0x11223344, .mac = mac, .type = DHCP_DISCOVER};
}

static struct dhcp_message offer(struct mac mac)
{
	struct dhcp_message message = {
		.op = BOOT_REPLY, .xid = 0x11223344, .mac = mac, .type = DHCP_OFFER};

	message.yours = ip_to_v4(ip_from("10.0.0.3"));
	message.server = ip_to_v4(ip_from("10.0.0.1"));
	return message;
}

static struct built request_built(struct mac from, const struct dhcp_message *message)
{
	return build_dhcp(MAC_BROADCAST, from, "0.0.0.0", "255.255.255.255", message);
}

static void test_dhcp_asks_for_broadcasts(void **)
{
	struct dhcp_message message = discover(VM), wanted = message;

	wanted.wants_broadcast = true;
	assert_goes_out(request_built(VM, &message), request_built(NIC, &wanted));
	assert_goes_out(request_built(VM, &wanted), request_built(NIC, &wanted));
}

static void test_dhcp_without_a_checksum_has_none_after(void **)
{
	struct dhcp_message message = discover(VM), wanted = message;
	struct built before = request_built(VM, &message), after;

	wanted.wants_broadcast = true;
	after = request_built(NIC, &wanted);
	memset(before.bytes + 40, 0, 2);
	memset(after.bytes + 40, 0, 2);
	assert_goes_out(before, after);
}

static void test_a_pending_checksum_is_left_alone(void **)
{
	struct dhcp_message message = discover(VM);
	struct built built = request_built(VM, &message), seen;
	struct frame frame = frame_of_built(&built);

	store_be16(built.bytes + 40, 0x1234);
	frame.offload = (struct offload){
		.needs_checksum = true, .checksum_start = 34, .checksum_offset = 6};
	assert_int_equal(cross(TRANSLATE_HUB, &frame, &seen), TRANSLATE_PASS);
	assert_int_equal(load_be16(seen.bytes + 40), 0x1234);
}

static void test_dhcp_replies_find_who_asked(void **)
{
	struct dhcp_message request = discover(VM), reply = offer(VM);
	struct built unicast = build_dhcp(NIC, HOST4, "10.0.0.1", "10.0.0.3", &reply), out;
	struct frame frame;
	struct built broadcast = build_dhcp(
		MAC_BROADCAST, HOST4, "10.0.0.1", "255.255.255.255", &reply);

	assert_refused(TRANSLATE_WIRE, unicast, DROP_UNREACHABLE);
	out = request_built(VM, &request);
	frame = frame_of_built(&out);
	assert_int_equal(cross(TRANSLATE_HUB, &frame, &out), TRANSLATE_PASS);
	assert_comes_in(unicast, build_dhcp(VM, HOST4, "10.0.0.1", "10.0.0.3", &reply));
	assert_comes_in(broadcast, broadcast);
	assert_comes_in(build_dhcp(NIC, HOST4, "10.0.0.1", "255.255.255.255", &reply), broadcast);
	/* The host's own lease is the host's. */
	reply.mac = NIC;
	assert_refused(TRANSLATE_WIRE, build_dhcp(NIC, HOST4, "10.0.0.1", "10.0.0.2", &reply),
		DROP_UNWANTED);
}

static void test_a_release_frees_the_address(void **)
{
	struct dhcp_message release = discover(VM);
	struct built out;
	struct frame frame;

	introduce(VM, "10.0.0.3");
	release.type = DHCP_RELEASE;
	release.client = ip_to_v4(ip_from("10.0.0.3"));
	out = build_dhcp(HOST4, VM, "10.0.0.3", "10.0.0.1", &release);
	frame = frame_of_built(&out);
	assert_int_equal(cross(TRANSLATE_HUB, &frame, &out), TRANSLATE_PASS);
	introduce(VM2, "10.0.0.3");
	assert_reaches(VM2, "10.0.0.3");
}

static struct dhcp_client_id id_of(struct mac mac)
{
	struct dhcp_client_id id = {.len = 7, .bytes = {1}};

	memcpy(id.bytes + 1, &mac, sizeof(mac));
	return id;
}

/* What the server gets, whatever the order of options in it. */
static struct dhcp_message parsed(const struct built *built)
{
	struct dhcp_message message;
	struct packet packet;

	assert_int_equal(packet_parse(built->bytes, built->len, built->len, &packet), PACKET_OK);
	assert_int_equal(
		checksum_fold(checksum_add(checksum_pseudo(packet.from, packet.to, packet.protocol,
						   packet.end - packet.l4),
			built->bytes + packet.l4, packet.end - packet.l4)),
		0);
	assert_true(
		dhcp_parse(built->bytes + packet.payload, packet.end - packet.payload, &message));
	return message;
}

static struct built goes_out(struct built before)
{
	struct frame frame = frame_of_built(&before);
	struct built seen;

	assert_int_equal(cross(TRANSLATE_HUB, &frame, &seen), TRANSLATE_PASS);
	return seen;
}

static void test_proxied_dhcp_has_the_nics_chaddr(void **)
{
	struct dhcp_message message = discover(VM), reply = offer(NIC), seen;
	struct built out, in;

	start(&(struct mac_translate_settings){.dhcp = TRANSLATE_DHCP_PROXY});
	out = goes_out(request_built(VM, &message));
	seen = parsed(&out);
	assert_true(mac_equal(seen.mac, NIC));
	assert_true(seen.wants_broadcast);
	assert_int_equal(seen.type, DHCP_DISCOVER);
	assert_int_equal(seen.client_id.len, 7);
	assert_memory_equal(&seen.client_id, &(struct dhcp_client_id[]){id_of(VM)}[0], 8);
	/* It comes back as the client knows itself: with its chaddr, without the id it never sent.
	 */
	reply.client_id = id_of(VM);
	in = build_dhcp(MAC_BROADCAST, HOST4, "10.0.0.1", "255.255.255.255", &reply);
	{
		struct frame frame = frame_of_built(&in);

		assert_int_equal(cross(TRANSLATE_WIRE, &frame, &in), TRANSLATE_PASS);
	}
	seen = parsed(&in);
	assert_true(mac_equal(seen.mac, VM));
	assert_int_equal(seen.client_id.len, 0);
	assert_int_equal(seen.type, DHCP_OFFER);
	assert_comes_in(build_dhcp(NIC, HOST4, "10.0.0.1", "10.0.0.3",
				&(struct dhcp_message[]){offer(NIC)}[0]),
		build_dhcp(
			VM, HOST4, "10.0.0.1", "10.0.0.3", &(struct dhcp_message[]){offer(VM)}[0]));
}

static void test_proxied_dhcp_keeps_a_client_id(void **)
{
	struct dhcp_message message = discover(VM), wanted, reply = offer(NIC), back;

	start(&(struct mac_translate_settings){.dhcp = TRANSLATE_DHCP_PROXY, .serves_host = true});
	message.client_id = (struct dhcp_client_id){4, {0, 'a', 'b', 'c'}};
	wanted = message;
	wanted.wants_broadcast = true;
	wanted.mac = NIC;
	assert_goes_out(request_built(VM, &message), request_built(NIC, &wanted));
	reply.client_id = message.client_id;
	back = reply;
	back.mac = VM;
	assert_comes_in(build_dhcp(MAC_BROADCAST, HOST4, "10.0.0.1", "255.255.255.255", &reply),
		build_dhcp(MAC_BROADCAST, HOST4, "10.0.0.1", "255.255.255.255", &back));
}

/* A message whose options end where it does: it grows. */
static void test_proxied_dhcp_makes_room(void **)
{
	struct dhcp_message message = discover(VM), seen;
	uint8_t bytes[DHCP_MESSAGE_MAX];
	size_t len = dhcp_write(&message, bytes, sizeof(bytes));
	struct built out;

	start(&(struct mac_translate_settings){.dhcp = TRANSLATE_DHCP_PROXY});
	while (bytes[len - 1] != DHCP_OPTION_END)
		len--;
	out = goes_out(build_udp(MAC_BROADCAST, VM, 0, "0.0.0.0", DHCP_CLIENT_PORT,
		"255.255.255.255", DHCP_SERVER_PORT, bytes, (uint32_t)len));
	assert_int_equal(out.len, 42 + len + 9);
	seen = parsed(&out);
	assert_true(mac_equal(seen.mac, NIC));
	assert_int_equal(seen.client_id.len, 7);
}

/* --- Neighbour Discovery --- */

static struct built nd_built(const struct nd *nd, struct mac to, struct mac from, struct mac mac)
{
	struct nd copy = *nd;

	copy.to = to;
	copy.from = from;
	copy.mac = mac;
	return build_nd(&copy);
}

static void assert_nd_goes_out(const struct nd *nd, struct mac to)
{
	assert_goes_out(nd_built(nd, to, VM, VM), nd_built(nd, to, NIC, NIC));
}

static void test_discovery_out(void **)
{
	const struct mac routers = mac_from("33:33:00:00:00:02"),
			 nodes = mac_from("33:33:00:00:00:01"),
			 solicited = mac_from("33:33:ff:00:00:04");

	for (unsigned has_extension = 0; has_extension < 2; has_extension++) {
		const struct nd messages[] = {
			{.type = ICMP6_ROUTER_SOLICIT,
				.from_ip = "fe80::3",
				.to_ip = "ff02::2",
				.option = ND_OPTION_SOURCE_MAC},
			{.type = ICMP6_ROUTER_ADVERT,
				.from_ip = "fe80::3",
				.to_ip = "ff02::1",
				.option = ND_OPTION_SOURCE_MAC,
				.prefix = "fd00:7::"},
			{.type = ICMP6_NEIGHBOUR_SOLICIT,
				.from_ip = "fe80::3",
				.to_ip = "ff02::1:ff00:4",
				.target = "fe80::4",
				.option = ND_OPTION_SOURCE_MAC},
			{.type = ICMP6_NEIGHBOUR_ADVERT,
				.from_ip = "fe80::3",
				.to_ip = "fe80::4",
				.target = "fe80::3",
				.option = ND_OPTION_TARGET_MAC},
			{.type = ICMP6_REDIRECT,
				.from_ip = "fe80::3",
				.to_ip = "fe80::4",
				.target = "fe80::3",
				.option = ND_OPTION_TARGET_MAC},
		};
		const struct mac to[] = {routers, nodes, solicited, HOST4, HOST4};

		for (unsigned i = 0; i < ARRAY_SIZE(messages); i++) {
			struct nd nd = messages[i];

			nd.has_extension = has_extension;
			assert_nd_goes_out(&nd, to[i]);
		}
	}
	assert_comes_in(
		udp(NIC, HOST4, "fe80::4", "fe80::3"), udp(VM, HOST4, "fe80::4", "fe80::3"));
}

/* A guest that is a router sends a LAN host to another machine, of which nothing is known here. */
static void test_a_redirect_elsewhere_loses_its_hint(void **)
{
	struct nd nd = {.type = ICMP6_REDIRECT,
		.from_ip = "fe80::3",
		.to_ip = "fe80::4",
		.target = "fe80::9",
		.option = ND_OPTION_TARGET_MAC};
	struct built before = nd_built(&nd, HOST4, VM, mac_from("02:00:00:00:02:09"));

	nd.option = 253;
	assert_goes_out(before, nd_built(&nd, HOST4, NIC, ZERO));
}

static const struct nd dad = {.type = ICMP6_NEIGHBOUR_SOLICIT,
	.from_ip = "::",
	.to_ip = "ff02::1:ff00:33",
	.target = "fd00::33"};

static void test_a_duplicate_check_is_learnt_from(void **)
{
	const struct mac group = mac_from("33:33:ff:00:00:33");

	assert_nd_goes_out(&dad, group);
	assert_comes_in(
		udp(NIC, HOST4, "fd00::4", "fd00::33"), udp(VM, HOST4, "fd00::4", "fd00::33"));
	/* Who asks for it as well takes nothing and is no event: the owner answers him. */
	assert_goes_out(nd_built(&dad, group, VM2, VM2), nd_built(&dad, group, NIC, NIC));
	assert_comes_in(
		udp(NIC, HOST4, "fd00::4", "fd00::33"), udp(VM, HOST4, "fd00::4", "fd00::33"));
	run_machine();
	assert_int_equal(stage.event_count, 0);
}

static void test_discovery_in(void **)
{
	const struct mac group = mac_from("33:33:ff:00:00:33");
	struct nd nd = {.type = ICMP6_NEIGHBOUR_SOLICIT,
		.from_ip = "fd00::4",
		.to_ip = "fd00::33",
		.target = "fd00::33",
		.option = ND_OPTION_SOURCE_MAC};

	assert_nd_goes_out(&dad, group);
	assert_comes_in(nd_built(&nd, NIC, HOST4, HOST4), nd_built(&nd, VM, HOST4, HOST4));
	nd.type = ICMP6_NEIGHBOUR_ADVERT;
	assert_comes_in(nd_built(&nd, NIC, HOST4, HOST4), nd_built(&nd, VM, HOST4, HOST4));
	nd.to_ip = "ff02::1";
	assert_comes_in(nd_built(&nd, group, HOST4, HOST4), nd_built(&nd, group, HOST4, HOST4));
	/* Our own advertisement, sent on by somebody else. */
	nd.option = ND_OPTION_TARGET_MAC;
	assert_refused(TRANSLATE_WIRE, nd_built(&nd, group, HOST4, NIC), DROP_HAIRPIN);
	/* A router knows the other guest at the NIC's address. */
	introduce(VM, "10.0.0.3");
	nd = (struct nd){.type = ICMP6_REDIRECT,
		.from_ip = "fe80::1",
		.to_ip = "fd00::33",
		.target = "fd00::33",
		.option = ND_OPTION_TARGET_MAC};
	assert_comes_in(nd_built(&nd, NIC, HOST4, NIC), nd_built(&nd, VM, HOST4, VM));
}

static void test_discovery_that_cannot_be(void **)
{
	struct nd nd = {.type = ICMP6_NEIGHBOUR_SOLICIT,
		.from_ip = "fe80::3",
		.to_ip = "fe80::4",
		.target = "fe80::4",
		.option = ND_OPTION_SOURCE_MAC};
	struct built built = nd_built(&nd, HOST4, VM, VM);

	built.bytes[14 + 40 + 24 + 1] = 0; /* an option without a length */
	assert_refused(TRANSLATE_HUB, built, DROP_MALFORMED);
	built = nd_built(&nd, HOST4, VM, VM);
	built.bytes[14 + 40 + 24 + 9] = 2; /* one that reaches past the end */
	assert_refused(TRANSLATE_HUB, built, DROP_MALFORMED);
	nd.hop_limit = 64; /* through a router */
	assert_refused(TRANSLATE_HUB, nd_built(&nd, HOST4, VM, VM), DROP_MALFORMED);
}

/* RFC 6980: in pieces nothing of it could be changed. */
static void test_discovery_in_fragments(void **)
{
	static const uint8_t fragment[8] = {IP_PROTOCOL_ICMP6, 0, 0, 1, 0, 0, 0, 9},
			     solicit[16] = {ICMP6_NEIGHBOUR_SOLICIT};
	const struct ip_fields fields = {.from = ip_from("fe80::3"),
		.to = ip_from("fe80::4"),
		.protocol = IP_PROTOCOL_FRAGMENT,
		.ttl = 255,
		.payload_len = 24};
	struct built built;
	struct writer w = begin_built(&built);

	write_eth(&w, HOST4, VM, ETHERTYPE_IP6);
	write_ip(&w, &fields);
	write_bytes(&w, fragment, sizeof(fragment));
	write_bytes(&w, solicit, sizeof(solicit));
	assert_refused(TRANSLATE_HUB, end_built(&built, &w), DROP_FRAGMENT);
}

/* A host without IPv6 still bridges it: the routers say which prefixes are on the link. */
static void test_advertised_prefixes_are_on_the_link(void **)
{
	const struct nd advert = {.type = ICMP6_ROUTER_ADVERT,
		.from_ip = "fe80::1",
		.to_ip = "ff02::1",
		.prefix = "2001:db8:7::"};
	const struct mac nodes = mac_from("33:33:00:00:00:01");
	struct built built = nd_built(&advert, nodes, HOST4, HOST4);

	assert_goes_out(udp(HOST4, VM, "2001:db8:7::3", "fd00::4"),
		udp(HOST4, NIC, "2001:db8:7::3", "fd00::4"));
	assert_refused(
		TRANSLATE_WIRE, udp(NIC, HOST4, "fd00::4", "2001:db8:7::3"), DROP_UNREACHABLE);
	assert_comes_in(built, built);
	assert_goes_out(udp(HOST4, VM, "2001:db8:7::3", "fd00::4"),
		udp(HOST4, NIC, "2001:db8:7::3", "fd00::4"));
	assert_comes_in(udp(NIC, HOST4, "fd00::4", "2001:db8:7::3"),
		udp(VM, HOST4, "fd00::4", "2001:db8:7::3"));
}

static void test_a_prefix_advertised_to_one_guest(void **)
{
	const struct nd advert = {.type = ICMP6_ROUTER_ADVERT,
		.from_ip = "fe80::1",
		.to_ip = "fe80::3",
		.prefix = "2001:db8:7::"};

	assert_goes_out(
		udp(HOST4, VM, "fe80::3", "fe80::4"), udp(HOST4, NIC, "fe80::3", "fe80::4"));
	assert_comes_in(nd_built(&advert, NIC, HOST4, HOST4), nd_built(&advert, VM, HOST4, HOST4));
	assert_goes_out(udp(HOST4, VM, "2001:db8:7::3", "fd00::4"),
		udp(HOST4, NIC, "2001:db8:7::3", "fd00::4"));
	assert_comes_in(udp(NIC, HOST4, "fd00::4", "2001:db8:7::3"),
		udp(VM, HOST4, "fd00::4", "2001:db8:7::3"));
}

/* --- owners --- */

static void test_the_first_owner_keeps_an_address(void **)
{
	struct built claim = build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, VM2, ARP_REQUEST, VM2, "10.0.0.3", ZERO, "10.0.0.3");

	introduce(VM, "10.0.0.3");
	assert_refused(TRANSLATE_HUB, claim, DROP_SOURCE_SPOOFED);
	assert_refused(TRANSLATE_HUB, udp(HOST4, VM2, "10.0.0.3", "10.0.0.4"), DROP_SOURCE_SPOOFED);
	assert_reaches(VM, "10.0.0.3");
	run_machine();
	assert_int_equal(stage.event_count, 1);
	assert_int_equal(stage.events[0].kind, TRANSLATE_CLAIMED);
	assert_true(mac_equal(stage.events[0].owner, VM));
	assert_true(mac_equal(stage.events[0].claimant, VM2));
	/* The owner was asked, and answers. */
	assert_int_equal(stage.emitted_count, 1);
	assert_int_equal(stage.sides[0], TRANSLATE_HUB);
	assert_memory_equal(stage.emitted[0].bytes, &VM, 6);
	stage.now += NSEC_PER_SEC;
	assert_crosses(TRANSLATE_HUB,
		build_arp(ETHERTYPE_ARP, NIC, VM, ARP_REPLY, VM, "10.0.0.3", NIC, "10.0.0.2"),
		build_arp(ETHERTYPE_ARP, NIC, NIC, ARP_REPLY, NIC, "10.0.0.3", NIC, "10.0.0.2"),
		TRANSLATE_HOST);
	stage.now += 4 * NSEC_PER_SEC;
	assert_refused(TRANSLATE_HUB, claim, DROP_SOURCE_SPOOFED);
	run_machine();
	assert_int_equal(stage.event_count, 1); /* not once a frame */
}

static void test_a_silent_owner_loses_an_address(void **)
{
	introduce(VM, "10.0.0.3");
	stage.now += NSEC_PER_SEC;
	assert_refused(TRANSLATE_HUB, udp(HOST4, VM2, "10.0.0.3", "10.0.0.4"), DROP_SOURCE_SPOOFED);
	stage.now += 3 * NSEC_PER_SEC;
	introduce(VM2, "10.0.0.3");
	assert_reaches(VM2, "10.0.0.3");
	run_machine();
	assert_int_equal(stage.event_count, 2);
	assert_int_equal(stage.events[1].kind, TRANSLATE_MOVED);
}

static void test_nobody_takes_the_hosts_address(void **)
{
	assert_refused(TRANSLATE_HUB, udp(HOST4, VM, "10.0.0.2", "10.0.0.4"), DROP_SOURCE_SPOOFED);
	assert_refused(TRANSLATE_HUB,
		nd_built(&(struct nd){.type = ICMP6_NEIGHBOUR_ADVERT,
				 .from_ip = "fe80::3",
				 .to_ip = "ff02::1",
				 .target = "fd00::2",
				 .option = ND_OPTION_TARGET_MAC},
			mac_from("33:33:00:00:00:01"), VM, VM),
		DROP_SOURCE_SPOOFED);
	run_machine();
	assert_int_equal(stage.event_count, 1);
	assert_true(mac_equal(stage.events[0].owner, NIC));
}

static void test_static_entries_stay(void **)
{
	assert_int_equal(mac_translate_add_static(stage.translate, ip_from("10.0.0.3"), 0, VM), 0);
	assert_int_equal(
		mac_translate_add_static(stage.translate, ip_from("10.0.0.3"), 0, VM2), -EEXIST);
	assert_reaches(VM, "10.0.0.3");
	stage.now += 3600 * NSEC_PER_SEC;
	assert_refused(TRANSLATE_HUB, udp(HOST4, VM2, "10.0.0.3", "10.0.0.4"), DROP_SOURCE_SPOOFED);
	stage.now += 4 * NSEC_PER_SEC;
	assert_refused(TRANSLATE_HUB, udp(HOST4, VM2, "10.0.0.3", "10.0.0.4"), DROP_SOURCE_SPOOFED);
	mac_translate_forget(stage.translate, VM);
	assert_reaches(VM, "10.0.0.3");
}

static void test_addresses_age(void **)
{
	introduce(VM, "10.0.0.3");
	stage.now += 599 * NSEC_PER_SEC;
	assert_reaches(VM, "10.0.0.3");
	stage.now += 2 * NSEC_PER_SEC;
	assert_refused(TRANSLATE_WIRE, udp(NIC, HOST4, "10.0.0.4", "10.0.0.3"), DROP_UNREACHABLE);
	introduce(VM2, "10.0.0.3");
	assert_reaches(VM2, "10.0.0.3");
}

static void test_who_left_is_forgotten(void **)
{
	introduce(VM, "10.0.0.3");
	introduce(VM, "10.0.0.6");
	mac_translate_forget(stage.translate, VM);
	introduce(VM2, "10.0.0.3");
	introduce(VM2, "10.0.0.6");
}

static void text_of(char text[IP_TEXT_SIZE], unsigned n)
{
	snprintf(text, IP_TEXT_SIZE, "10.0.0.%u", n);
}

static void test_a_guest_has_so_many_addresses(void **)
{
	char ip[IP_TEXT_SIZE];

	start(&(struct mac_translate_settings){.member_bindings_max = 4, .serves_host = true});
	for (unsigned i = 10; i < 20; i++) {
		text_of(ip, i);
		introduce(VM, ip);
		stage.now += 2 * NSEC_PER_SEC;
	}
	assert_refused(TRANSLATE_WIRE, udp(NIC, HOST4, "10.0.0.4", "10.0.0.15"), DROP_UNREACHABLE);
	assert_reaches(VM, "10.0.0.16");
	assert_reaches(VM, "10.0.0.19");
}

/* Made-up addresses do not drive out those in use. */
static void test_a_full_table(void **)
{
	char ip[IP_TEXT_SIZE];

	start(&(struct mac_translate_settings){.bindings_max = 4, .serves_host = true});
	introduce(VM, "10.0.0.3");
	for (unsigned i = 10; i < 30; i++) {
		struct mac mac = VM2;

		mac.bytes[5] = (uint8_t)i;
		text_of(ip, i);
		introduce(mac, ip);
	}
	run_machine();
	assert_int_equal(stage.event_count, 1);
	assert_int_equal(stage.events[0].kind, TRANSLATE_FULL);
	assert_reaches(VM, "10.0.0.3");
	stage.now += 29 * NSEC_PER_SEC;
	introduce(VM, "10.0.0.3");
	stage.now += 2 * NSEC_PER_SEC;
	introduce(VM2, "10.0.0.5"); /* in the place of the oldest of the others */
	assert_reaches(VM, "10.0.0.3");
	assert_reaches(VM2, "10.0.0.5");
}

/* --- what it says of its own --- */

static void test_an_unknown_address_is_asked_for(void **)
{
	struct built wanted;

	for (unsigned i = 0; i < 5; i++)
		assert_refused(
			TRANSLATE_WIRE, udp(NIC, HOST4, "10.0.0.4", "10.0.0.3"), DROP_UNREACHABLE);
	assert_refused(TRANSLATE_WIRE, udp(NIC, HOST4, "fd00::4", "fd00::33"), DROP_UNREACHABLE);
	assert_refused(TRANSLATE_WIRE, udp(NIC, HOST4, "10.0.0.4", "192.0.2.1"), DROP_UNREACHABLE);
	run_machine();
	assert_int_equal(stage.emitted_count, 2);
	wanted = build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, "10.0.0.2", ZERO, "10.0.0.3");
	assert_same(&stage.emitted[0], &wanted);
	wanted = nd_built(&(struct nd){.type = ICMP6_NEIGHBOUR_SOLICIT,
				  .from_ip = "fd00::2",
				  .to_ip = "ff02::1:ff00:33",
				  .target = "fd00::33"},
		mac_from("33:33:ff:00:00:33"), NIC, NIC);
	assert_int_equal(stage.emitted[1].len, wanted.len + 8);
	assert_memory_equal(stage.emitted[1].bytes, wanted.bytes, 18);
	stage.now += 2 * NSEC_PER_SEC;
	assert_refused(TRANSLATE_WIRE, udp(NIC, HOST4, "10.0.0.4", "10.0.0.3"), DROP_UNREACHABLE);
	run_machine();
	assert_int_equal(stage.emitted_count, 3);
}

static void test_the_answer_goes_nowhere_else(void **)
{
	struct built reply = build_arp(
		ETHERTYPE_ARP, NIC, VM, ARP_REPLY, VM, "10.0.0.3", NIC, "10.0.0.2");
	struct frame frame = frame_of_built(&reply);

	start(&(struct mac_translate_settings){0});
	assert_int_equal(cross(TRANSLATE_HUB, &frame, &reply), TRANSLATE_DONE);
	assert_reaches(VM, "10.0.0.3");
	assert_refused(TRANSLATE_HUB, udp(NIC, VM, "10.0.0.3", "10.0.0.2"), DROP_UNREACHABLE);
}

static void test_probes_are_few(void **)
{
	char ip[IP_TEXT_SIZE];

	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 20; i++) {
			text_of(ip, 10 + round * 20 + i);
			assert_refused(
				TRANSLATE_WIRE, udp(NIC, HOST4, "10.0.0.4", ip), DROP_UNREACHABLE);
		}
		run_machine();
	}
	assert_int_equal(stage.emitted_count, 20);
}

static void test_a_new_mac_is_announced(void **)
{
	const struct mac moved = mac_from("02:00:00:00:00:bb");
	struct built wanted = build_arp(ETHERTYPE_ARP, MAC_BROADCAST, moved, ARP_REQUEST, moved,
		"10.0.0.3", ZERO, "10.0.0.3");

	introduce(VM, "10.0.0.3");
	assert_nd_goes_out(&dad, mac_from("33:33:ff:00:00:33"));
	own_addresses(NIC);
	assert_int_equal(run_machine(), NSEC_NEVER);
	assert_int_equal(stage.emitted_count, 0);
	own_addresses(moved);
	assert_int_equal(run_machine(), stage.now + 2 * NSEC_PER_SEC); /* again */
	assert_int_equal(stage.emitted_count, 2);
	assert_int_equal(stage.sides[0], TRANSLATE_WIRE);
	assert_same(&stage.emitted[0], &wanted);
	wanted = nd_built(&(struct nd){.type = ICMP6_NEIGHBOUR_ADVERT,
				  .from_ip = "fd00::33",
				  .to_ip = "ff02::1",
				  .target = "fd00::33"},
		mac_from("33:33:00:00:00:01"), moved, moved);
	assert_int_equal(stage.emitted[1].len, wanted.len + 8);
	assert_memory_equal(stage.emitted[1].bytes, wanted.bytes, 18);
	assert_int_equal(stage.emitted[1].bytes[14 + 40 + 4], ND_OVERRIDE);
	assert_memory_equal(stage.emitted[1].bytes + 14 + 40 + 26, &moved, 6);
}

static void test_announcements_are_paced(void **)
{
	char ip[IP_TEXT_SIZE];
	nsec next;

	for (unsigned i = 10; i < 50; i++) {
		text_of(ip, i);
		introduce(VM, ip);
	}
	mac_translate_announce(stage.translate);
	next = run_machine();
	assert_int_equal(stage.emitted_count, 16);
	assert_int_equal(next, stage.now + 100 * NSEC_PER_MSEC);
	assert_int_equal(run_machine(), next);
	assert_int_equal(stage.emitted_count, 16);
	stage.now = next;
	next = run_machine();
	stage.now = next;
	run_machine();
	assert_int_equal(stage.emitted_count, 40);
}

static void test_announcements_are_repeated(void **)
{
	nsec start = stage.now, times[8];
	unsigned count = 0;

	introduce(VM, "10.0.0.3");
	mac_translate_announce(stage.translate);
	for (nsec next = stage.now; next != NSEC_NEVER; next = run_machine()) {
		assert_true(next >= stage.now);
		if (stage.emitted_count > count)
			times[count++] = stage.now - start;
		stage.now = next;
	}
	count += stage.emitted_count > count;
	assert_int_equal(stage.emitted_count, 4);
	assert_int_equal(times[0], 0);
	assert_int_equal(times[1], 2 * NSEC_PER_SEC);
	assert_int_equal(times[2], 10 * NSEC_PER_SEC);
	assert_int_equal(stage.now - start, 42 * NSEC_PER_SEC);
}

/* What QEMU has a guest say after a migration: no IP address is in it. */
static void test_a_guest_that_moved_here_is_announced(void **)
{
	introduce(VM, "10.0.0.3");
	introduce(VM2, "10.0.0.5");
	goes_out(build_arp(
		ETHERTYPE_RARP, MAC_BROADCAST, VM, RARP_REQUEST, VM, "0.0.0.0", VM, "0.0.0.0"));
	run_machine();
	assert_int_equal(stage.emitted_count, 1);
	assert_int_equal(stage.emitted[0].bytes[31], 3);
}

/* And what a guest that moved here without a word shows by going on. */
static void test_who_was_not_heard_by_all_is_announced(void **)
{
	struct built wanted = build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, "10.0.0.3", ZERO, "10.0.0.3");

	goes_out(udp(HOST4, VM, "10.0.0.3", "10.0.0.4"));
	run_machine();
	assert_int_equal(stage.emitted_count, 1);
	assert_same(&stage.emitted[0], &wanted);
	goes_out(udp(HOST4, VM, "10.0.0.3", "10.0.0.4"));
	introduce(VM2, "10.0.0.5");
	assert_nd_goes_out(&dad, mac_from("33:33:ff:00:00:33")); /* nobody's yet */
	run_machine();
	assert_int_equal(stage.emitted_count, 1);
	goes_out(build_arp(ETHERTYPE_ARP, HOST4, VM, ARP_REPLY, VM, "10.0.0.6", HOST4, "10.0.0.4"));
	stage.now += NSEC_PER_SEC;
	run_machine();
	assert_int_equal(stage.emitted_count, 2);
}

static void test_who_comes_back_is_announced(void **)
{
	const struct mac elsewhere = mac_from("02:00:00:00:00:bb");
	struct built claim = build_arp(ETHERTYPE_ARP, MAC_BROADCAST, elsewhere, ARP_REQUEST,
		elsewhere, "10.0.0.3", ZERO, "10.0.0.3");

	introduce(VM, "10.0.0.3");
	assert_comes_in(claim, claim);
	run_machine();
	assert_int_equal(stage.emitted_count, 0);
	assert_reaches(VM, "10.0.0.3");
	goes_out(udp(HOST4, VM, "10.0.0.3", "10.0.0.4"));
	goes_out(udp(HOST4, VM, "10.0.0.3", "10.0.0.4"));
	run_machine();
	assert_int_equal(stage.emitted_count, 1);
	assert_int_equal(stage.emitted[0].bytes[31], 3);
}

static void test_who_is_seen_is_announced_as_himself(void **)
{
	struct built wanted = build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, VM, ARP_REQUEST, VM, "10.0.0.3", ZERO, "10.0.0.3");

	introduce(VM, "10.0.0.3");
	mac_translate_show(stage.translate, true);
	mac_translate_announce(stage.translate);
	run_machine();
	assert_int_equal(stage.emitted_count, 1);
	assert_same(&stage.emitted[0], &wanted);
}

/* --- the host --- */

static void test_the_host_is_one_of_the_lan(void **)
{
	struct built request = build_arp(
		ETHERTYPE_ARP, MAC_BROADCAST, NIC, ARP_REQUEST, NIC, "10.0.0.2", ZERO, "10.0.0.3");

	assert_crosses(TRANSLATE_HOST, request, request, TRANSLATE_HUB);
	assert_crosses(TRANSLATE_HUB,
		build_arp(ETHERTYPE_ARP, NIC, VM, ARP_REPLY, VM, "10.0.0.3", NIC, "10.0.0.2"),
		build_arp(ETHERTYPE_ARP, NIC, NIC, ARP_REPLY, NIC, "10.0.0.3", NIC, "10.0.0.2"),
		TRANSLATE_HOST);
	assert_crosses(TRANSLATE_HOST, udp(NIC, NIC, "10.0.0.2", "10.0.0.3"),
		udp(VM, NIC, "10.0.0.2", "10.0.0.3"), TRANSLATE_HUB);
	assert_crosses(TRANSLATE_HUB, udp(NIC, VM, "10.0.0.3", "10.0.0.2"),
		udp(NIC, NIC, "10.0.0.3", "10.0.0.2"), TRANSLATE_HOST);
	/* What it says to others on the LAN is not for us. */
	assert_refused(TRANSLATE_HOST, udp(HOST4, NIC, "10.0.0.2", "10.0.0.4"), DROP_UNWANTED);
}

/* With ip_forward=1 the host sends on what came for a guest; the guest has it already. */
static void test_what_the_host_forwards_is_not_doubled(void **)
{
	introduce(VM, "10.0.0.3");
	assert_refused(TRANSLATE_HOST, udp(NIC, NIC, "10.0.0.4", "10.0.0.3"), DROP_HAIRPIN);
	assert_crosses(TRANSLATE_HOST, udp(NIC, NIC, "192.0.2.1", "10.0.0.3"),
		udp(VM, NIC, "192.0.2.1", "10.0.0.3"), TRANSLATE_HUB);
}

#define STAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_ip4_is_learnt_and_found),
		STAGE_TEST(test_ip6_is_learnt_and_found),
		STAGE_TEST(test_groups_pass),
		STAGE_TEST(test_a_group_in_a_unicast_frame_is_a_group_again),
		STAGE_TEST(test_what_is_the_hosts_is_left_to_it),
		STAGE_TEST(test_a_tag_is_another_lan),
		STAGE_TEST(test_off_the_subnet_is_not_learnt),
		STAGE_TEST(test_without_a_subnet_only_claims_are_learnt),
		STAGE_TEST(test_other_types),
		STAGE_TEST(test_bridges_words_never_cross),
		STAGE_TEST(test_what_cannot_be),
		STAGE_TEST(test_a_super_frame_is_not_copied),
		STAGE_TEST(test_arp_out),
		STAGE_TEST(test_arp_in),
		STAGE_TEST(test_a_probe_is_answered_to_whom_it_was_from),
		STAGE_TEST(test_echoes_are_no_conflicts),
		STAGE_TEST(test_rarp),
		STAGE_TEST(test_guests_words_to_each_other_stay_inside),
		STAGE_TEST(test_dhcp_asks_for_broadcasts),
		STAGE_TEST(test_dhcp_without_a_checksum_has_none_after),
		STAGE_TEST(test_a_pending_checksum_is_left_alone),
		STAGE_TEST(test_dhcp_replies_find_who_asked),
		STAGE_TEST(test_a_release_frees_the_address),
		STAGE_TEST(test_proxied_dhcp_has_the_nics_chaddr),
		STAGE_TEST(test_proxied_dhcp_keeps_a_client_id),
		STAGE_TEST(test_proxied_dhcp_makes_room),
		STAGE_TEST(test_discovery_out),
		STAGE_TEST(test_a_redirect_elsewhere_loses_its_hint),
		STAGE_TEST(test_a_duplicate_check_is_learnt_from),
		STAGE_TEST(test_discovery_in),
		STAGE_TEST(test_discovery_that_cannot_be),
		STAGE_TEST(test_discovery_in_fragments),
		STAGE_TEST(test_advertised_prefixes_are_on_the_link),
		STAGE_TEST(test_a_prefix_advertised_to_one_guest),
		STAGE_TEST(test_the_first_owner_keeps_an_address),
		STAGE_TEST(test_a_silent_owner_loses_an_address),
		STAGE_TEST(test_nobody_takes_the_hosts_address),
		STAGE_TEST(test_static_entries_stay),
		STAGE_TEST(test_addresses_age),
		STAGE_TEST(test_who_left_is_forgotten),
		STAGE_TEST(test_a_guest_has_so_many_addresses),
		STAGE_TEST(test_a_full_table),
		STAGE_TEST(test_an_unknown_address_is_asked_for),
		STAGE_TEST(test_the_answer_goes_nowhere_else),
		STAGE_TEST(test_probes_are_few),
		STAGE_TEST(test_a_new_mac_is_announced),
		STAGE_TEST(test_announcements_are_paced),
		STAGE_TEST(test_announcements_are_repeated),
		STAGE_TEST(test_a_guest_that_moved_here_is_announced),
		STAGE_TEST(test_who_was_not_heard_by_all_is_announced),
		STAGE_TEST(test_who_comes_back_is_announced),
		STAGE_TEST(test_who_is_seen_is_announced_as_himself),
		STAGE_TEST(test_the_host_is_one_of_the_lan),
		STAGE_TEST(test_what_the_host_forwards_is_not_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
