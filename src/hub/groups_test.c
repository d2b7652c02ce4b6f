/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which groups a guest is in, from what it says on the wire. */
#include "hub/fake_port.h"
#include "hub/groups.h"
#include "wire/group.h"
#include "wire/icmp.h"
#include "wire/ip.h"

static uint8_t bytes[1600];

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

static struct mac mac_of_text(const char *text)
{
	struct mac mac;

	assert_true(mac_parse(text, &mac));
	return mac;
}

/* IPv4 with the router alert that reports have, IPv6 with hop-by-hop options. */
static struct frame report(const char *to_text, const uint8_t *message, uint32_t len)
{
	static const uint8_t hop_by_hop[8] = {IP_PROTOCOL_ICMP6, 0, 5, 2, 0, 0, 1, 0};
	struct ip to = ip_of(to_text);
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct ip_fields fields = {.to = to, .ttl = 1};

	write_eth(&w, group_mac(to), mac_of_text("00:0c:29:1b:85:3d"),
		ip_is_v4(to) ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	if (ip_is_v4(to)) {
		fields.from = ip_of("10.0.0.7");
		fields.protocol = IP_PROTOCOL_IGMP;
		fields.payload_len = len;
		write_ip(&w, &fields);
	} else {
		fields.from = ip_of("fe80::20c:29ff:fe1b:853d");
		fields.protocol = IP_PROTOCOL_HOP_BY_HOP;
		fields.payload_len = len + sizeof(hop_by_hop);
		write_ip(&w, &fields);
		write_bytes(&w, hop_by_hop, sizeof(hop_by_hop));
	}
	write_bytes(&w, message, len);
	assert_false(w.failed);
	return frame_linear(bytes, (uint32_t)writer_len(&w));
}

static void say(struct groups *groups, const char *to, const uint8_t *message, uint32_t len)
{
	struct frame frame = report(to, message, len);

	groups_note(groups, &frame);
}

/* A report with one record. */
static void say_record(
	struct groups *groups, const char *group, enum group_record type, unsigned source_count)
{
	uint8_t message[8 + 20 + 64] = {0};
	struct ip ip = ip_of(group);
	unsigned skip = ip_is_v4(ip) ? 12 : 0, size = 16 - skip;

	message[0] = ip_is_v4(ip) ? IGMP3_REPORT : ICMP6_MLD2_REPORT;
	message[7] = 1;
	message[8] = (uint8_t)type;
	message[11] = (uint8_t)source_count;
	memcpy(message + 12, ip.bytes + skip, size);
	say(groups, ip_is_v4(ip) ? "224.0.0.22" : "ff02::16", message,
		12 + size + source_count * size);
}

static void say_igmp(struct groups *groups, enum igmp_type type, const char *group)
{
	uint8_t message[8] = {(uint8_t)type};

	memcpy(message + 4, ip_of(group).bytes + 12, 4);
	say(groups, type == IGMP2_LEAVE ? "224.0.0.2" : group, message, sizeof(message));
}

static void say_mld(struct groups *groups, enum icmp6_type type, const char *group)
{
	uint8_t message[24] = {(uint8_t)type};

	memcpy(message + 8, ip_of(group).bytes, 16);
	say(groups, type == ICMP6_MLD_DONE ? "ff02::2" : group, message, sizeof(message));
}

static void assert_list(const struct groups *groups, unsigned count, const char *const *wanted)
{
	struct mac macs[GROUPS_LIST_MAX];

	assert_int_equal(groups_list(groups, macs), count);
	for (unsigned i = 0; i < count; i++)
		assert_true(mac_equal(macs[i], mac_of_text(wanted[i])));
}

/* The guest of vmnet_text_test.c's ladrf 00:00:80:00:00:00:40:40. */
static void test_a_guest(void **)
{
	static const char *const wanted[] = {
		"01:00:5e:00:00:01", "33:33:00:00:00:01", "33:33:ff:1b:85:3d"};
	struct groups groups = {0};
	uint8_t arp[60] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x0c, 0x29, 0x1b, 0x85, 0x3d, 8, 6};
	struct frame frame = frame_linear(arp, sizeof(arp));

	groups_note(&groups, &frame);
	assert_list(&groups, 1, wanted);
	say_record(&groups, "ff02::1:ff1b:853d", GROUP_TO_EXCLUDE, 0);
	assert_list(&groups, 3, wanted);
	assert_true(mac_equal(groups.source, mac_of_text("00:0c:29:1b:85:3d")));
}

static void test_old_versions(void **)
{
	static const char *const wanted[] = {"01:00:5e:00:00:01", "33:33:00:00:00:01",
		"01:00:5e:01:02:03", "01:00:5e:00:00:fb", "33:33:00:00:00:fb"};
	struct groups groups = {0};

	say_igmp(&groups, IGMP_REPORT, "239.1.2.3");
	say_igmp(&groups, IGMP2_REPORT, "224.0.0.251");
	say_mld(&groups, ICMP6_MLD_REPORT, "ff02::fb");
	say_igmp(&groups, IGMP2_REPORT, "10.0.0.1"); /* no group */
	assert_list(&groups, 5, wanted);
	say_mld(&groups, ICMP6_MLD_DONE, "ff02::fb");
	assert_list(&groups, 4, wanted);
	say_igmp(&groups, IGMP2_LEAVE, "224.0.0.251");
	say_igmp(&groups, IGMP2_LEAVE, "224.0.0.252"); /* not in it */
	assert_list(&groups, 3, wanted);
}

static void test_records(void **)
{
	static const struct {
		enum group_record type;
		unsigned sources;
		bool is_in;
	} steps[] = {
		{GROUP_IS_EXCLUDE, 0, true},
		{GROUP_TO_INCLUDE, 0, false},
		{GROUP_TO_EXCLUDE, 2, true},
		{GROUP_BLOCK_SOURCES, 1, true},
		{GROUP_IS_INCLUDE, 0, false},
		{GROUP_BLOCK_SOURCES, 1, false},
		{GROUP_ALLOW_SOURCES, 3, true},
		{GROUP_IS_INCLUDE, 1, true},
		{(enum group_record)0, 0, true},
		{(enum group_record)7, 0, true},
		{GROUP_TO_INCLUDE, 0, false},
		{GROUP_TO_INCLUDE, 2, true},
	};
	static const char *const names[] = {"232.1.1.1", "ff3e::8000:1"};

	for (unsigned n = 0; n < 2; n++) {
		struct groups groups = {0};

		for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
			say_record(&groups, names[n], steps[i].type, steps[i].sources);
			assert_int_equal(groups.count, steps[i].is_in);
		}
	}
}

/* Two groups with one address: it is wanted until both are left. */
static void test_shared_address(void **)
{
	static const char *const wanted[] = {"01:00:5e:00:00:01", "01:00:5e:01:02:03"};
	struct groups groups = {0};

	say_igmp(&groups, IGMP2_REPORT, "239.1.2.3");
	say_igmp(&groups, IGMP2_REPORT, "239.129.2.3");
	assert_list(&groups, 2, wanted);
	say_igmp(&groups, IGMP2_LEAVE, "239.1.2.3");
	assert_list(&groups, 2, wanted);
	say_igmp(&groups, IGMP2_LEAVE, "239.129.2.3");
	assert_list(&groups, 1, wanted);
}

static void test_bounded(void **)
{
	struct groups groups = {0};
	char text[32];

	for (unsigned i = 0; i < GROUPS_MAX + 10; i++) {
		snprintf(text, sizeof(text), "239.0.0.%u", i);
		say_igmp(&groups, IGMP2_REPORT, text);
	}
	assert_int_equal(groups.count, GROUPS_MAX);
	assert_true(ip_equal(groups.joined[0], ip_of("239.0.0.10")));
	assert_true(ip_equal(groups.joined[GROUPS_MAX - 1], ip_of("239.0.0.73")));
}

/* Records behind the end, counts that lie, a message of every shorter length. */
static void test_malformed(void **)
{
	uint8_t message[28] = {
		ICMP6_MLD2_REPORT, [6] = 0xff, 0xff, GROUP_TO_EXCLUDE, [12] = 0xff, 0x05};
	struct groups groups = {0};

	for (uint32_t len = 0; len < sizeof(message); len++)
		say(&groups, "ff02::16", message, len);
	assert_int_equal(groups.count, 0);
	say(&groups, "ff02::16", message, sizeof(message));
	assert_int_equal(groups.count, 1);
	message[10] = 0xff; /* sources that are not there */
	message[27] = 9;
	say(&groups, "ff02::16", message, sizeof(message));
	assert_int_equal(groups.count, 1);
	message[0] = IGMP3_REPORT;
	for (uint32_t len = 0; len < 16; len++)
		say(&groups, "224.0.0.22", message, len);
	assert_int_equal(groups.count, 1);
}

/* Where the head does not hold all of a report. */
static void test_scattered(void **)
{
	uint8_t message[8 + 20 * 20] = {ICMP6_MLD2_REPORT, [7] = 20};
	struct groups groups = {0};
	struct frame frame;
	struct iovec body;

	for (unsigned i = 0; i < 20; i++) {
		message[8 + i * 20] = GROUP_IS_EXCLUDE;
		message[8 + i * 20 + 4] = 0xff;
		message[8 + i * 20 + 19] = (uint8_t)i;
	}
	frame = report("ff02::16", message, sizeof(message));
	body = (struct iovec){bytes + FRAME_HEAD_MIN, frame.len - FRAME_HEAD_MIN};
	frame.head_len = FRAME_HEAD_MIN;
	frame.body = &body;
	frame.body_count = 1;
	groups_note(&groups, &frame);
	assert_int_equal(groups.count, 20);
}

static void test_hub_notes(void **)
{
	struct hub *hub = open_hub();
	struct fake *a = plug(hub, ""), *b = plug(hub, "");
	struct groups groups = {0};

	a->port.groups = &groups;
	receive(a, frame_of(2, 1), NOW);
	receive(b, frame_of(0xff, 2), NOW);
	assert_true(mac_is_zero(groups.source));
	receive(a, frame_of(0xff, 1), NOW);
	assert_true(mac_equal(groups.source, mac_of(1)));
	hub_free(hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_guest),
		cmocka_unit_test(test_old_versions),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_shared_address),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_scattered),
		cmocka_unit_test(test_hub_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
