/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/vmnet_text.h"

#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct mac mac(const char *text)
{
	struct mac mac;

	assert_true(mac_parse(text, &mac));
	return mac;
}

static void assert_filter(const struct vmnet_filter *filter, const char *wanted)
{
	char text[25] = "";

	for (unsigned i = 0; i < 8; i++)
		sprintf(text + 3 * i, "%02x%s", filter->bytes[i], i < 7 ? ":" : "");
	assert_string_equal(text, wanted);
}

/* A guest 00:0c:29:1b:85:3d that joined 224.0.0.1, ff02::1 and its own solicited-node group. */
static void test_filter_of_a_guest(void **)
{
	struct vmnet_filter filter = {0};

	vmnet_filter_add(&filter, mac("01:00:5e:00:00:01"));
	vmnet_filter_add(&filter, mac("33:33:00:00:00:01"));
	vmnet_filter_add(&filter, mac("33:33:ff:1b:85:3d"));
	assert_filter(&filter, "00:00:80:00:00:00:40:40");
}

static void test_filter_bits(void **)
{
	static const struct {
		const char *group;
		unsigned bit;
	} cases[] = {
		{"01:00:5e:00:00:01", 54},
		{"33:33:00:00:00:01", 23},
		{"33:33:ff:1b:85:3d", 62},
		{"01:00:5e:00:00:fb", 33},
		{"33:33:00:00:00:fb", 0},
		{"33:33:00:00:00:02", 49},
		{"33:33:00:00:00:16", 55},
		{"01:00:5e:00:00:16", 22},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vmnet_filter filter = {0}, wanted = {0};

		vmnet_filter_add(&filter, mac(cases[i].group));
		wanted.bytes[cases[i].bit >> 3] = (uint8_t)(1 << (cases[i].bit & 7));
		assert_memory_equal(&filter, &wanted, sizeof(filter));
	}
}

static void test_names(void **)
{
	char name[VMNET_NAME_SIZE];

	assert_string_equal(vmnet_port_name(VMNET_USERIF, 11, name), "userif11");
	assert_string_equal(vmnet_port_name(VMNET_NETIF, 0, name), "netif0");
	assert_string_equal(vmnet_port_name(VMNET_BRIDGE, 1, name), "bridge1");
	assert_string_equal(vmnet_slot_name("hub8", 3, name), "hub8.3");
}

static void test_slot(void **)
{
	struct port_snapshot port = {.slot_frames = 366};
	char text[VMNET_TEXT_SIZE];

	assert_string_equal(vmnet_slot_text(&port, "userif9", text), "connected userif9 tx 366 \n");
	port.slot_frames = ((uint64_t)1 << 32) + 5; /* a u32 wraps */
	assert_string_equal(vmnet_slot_text(&port, "netif0", text), "connected netif0 tx 5 \n");
}

static struct port_snapshot guest(void)
{
	return (struct port_snapshot){
		.mac = mac("00:0c:29:1b:85:3d"),
		.in.frames = 366,
		.out.frames = 4310,
		.mismatch = 8147,
	};
}

static void test_userif(void **)
{
	struct port_snapshot port = guest();
	char text[VMNET_TEXT_SIZE];

	port.out.drops[DROP_LINK_DOWN] = 12;
	port.out.drops[DROP_QUEUE_FULL] = 5;
	port.out.drops[DROP_IO] = 2;
	port.out.drops[DROP_NO_MEMORY] = 1;
	port.out.drops[DROP_GIANT] = 4;
	assert_string_equal(vmnet_userif_text(&port, "hub8.3", text),
		"connected hub8.3 mac 00:0c:29:1b:85:3d ladrf 00:00:00:00:00:00:00:00 "
		"flags IFF_RUNNING,IFF_UP,IFF_BROADCAST,IFF_MULTICAST,IFF_ALLMULTI "
		"read 4286 written 366 queued 4286 dropped.down 12 dropped.mismatch 8147 "
		"dropped.overflow 8 dropped.largePacket 4\n");
}

static void test_userif_with_groups(void **)
{
	struct port_snapshot port = guest();
	char text[VMNET_TEXT_SIZE];

	port.groups[0] = mac("01:00:5e:00:00:01");
	port.groups[1] = mac("33:33:00:00:00:01");
	port.groups[2] = mac("33:33:ff:1b:85:3d");
	port.group_count = 3;
	vmnet_userif_text(&port, "hub8.3", text);
	assert_non_null(strstr(text, " ladrf 00:00:80:00:00:00:40:40 flags "
				     "IFF_RUNNING,IFF_UP,IFF_BROADCAST,IFF_MULTICAST read "));
}

/* Queued and all receive drops make up what entered elsewhere, whatever a port dropped. */
static void test_userif_adds_up(void **)
{
	for (enum drop drop = 0; drop < DROP_COUNT; drop++) {
		struct port_snapshot port = guest();
		unsigned queued, down, mismatch, overflow, large;
		char text[VMNET_TEXT_SIZE];

		port.out.drops[drop] = 10;
		vmnet_userif_text(&port, "hub8.3", text);
		assert_int_equal(sscanf(strstr(text, "queued"),
					 "queued %u dropped.down %u dropped.mismatch %u "
					 "dropped.overflow %u dropped.largePacket %u",
					 &queued, &down, &mismatch, &overflow, &large),
			5);
		assert_int_equal(queued + down + mismatch + overflow + large,
			port.out.frames + port.mismatch);
	}
}

/* What it wanted to say while it was down is in dropped.down too, and was not written. */
static void test_userif_down(void **)
{
	struct port_snapshot port = guest();
	char text[VMNET_TEXT_SIZE];

	port.is_down = true;
	port.in.drops[DROP_LINK_DOWN] = 7;
	vmnet_userif_text(&port, "hub8.3", text);
	assert_non_null(strstr(text, " flags IFF_RUNNING read "));
	assert_non_null(strstr(text, " written 366 "));
	assert_non_null(strstr(text, " dropped.down 7 "));
}

static void test_netif(void **)
{
	struct port_snapshot port = guest();
	struct vmnet_interface interface = {.flags = IFF_UP | IFF_BROADCAST | IFF_DEBUG |
						     IFF_PROMISC | IFF_MULTICAST | IFF_ALLMULTI |
						     IFF_NOARP | IFF_LOOPBACK};
	char text[VMNET_TEXT_SIZE];

	memcpy(port.interface, "lan8", sizeof("lan8"));
	vmnet_filter_add(&interface.filter, mac("01:00:5e:00:00:01"));
	assert_string_equal(vmnet_netif_text(&port, "hub8.1", &interface, text),
		"connected hub8.1 mac 00:0c:29:1b:85:3d ladrf 00:00:00:00:00:00:40:00 "
		"flags IFF_RUNNING,IFF_UP,IFF_BROADCAST,IFF_DEBUG,IFF_PROMISC,IFF_MULTICAST,"
		"IFF_ALLMULTI dev lan8 \n");
	interface.flags = 0;
	vmnet_netif_text(&port, "hub8.1", &interface, text);
	assert_non_null(strstr(text, " flags IFF_RUNNING dev lan8 \n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter_of_a_guest),
		cmocka_unit_test(test_filter_bits),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_slot),
		cmocka_unit_test(test_userif),
		cmocka_unit_test(test_userif_with_groups),
		cmocka_unit_test(test_userif_adds_up),
		cmocka_unit_test(test_userif_down),
		cmocka_unit_test(test_netif),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
