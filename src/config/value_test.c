/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/excerpt.h"
#include "config/test_support.h"
#include "config/value.h"

/* Room for any value, aligned for any. */
union any {
	struct {
		struct hub_config hub;
		struct port_config port;
	} most;
	char text[1024];
	unsigned number;
};

struct wording {
	int (*parse)(const char *text, void *ret, struct error *error);
	void (*format)(const void *value, char text[VALUE_TEXT_SIZE]);
	const char *text;
	const char *written; /* NULL: refused */
};

/* More than a socket's path has room for. */
#define ZEROS32 "00000000000000000000000000000000"
#define ZEROS	ZEROS32 ZEROS32 ZEROS32 ZEROS32

#define AS(noun) noun##_parse, noun##_format

static const struct wording wordings[] = {
	{AS(flag), "true", "true"},
	{AS(flag), "false", "false"},
	{AS(flag), "yes", NULL},
	{AS(flag), "", NULL},
	{AS(mtu), "576", "576"},
	{AS(mtu), "65520", "65520"},
	{AS(mtu), "575", NULL},
	{AS(mtu), "65521", NULL},
	{AS(mtu), "99999999999999999999", NULL},
	{AS(mtu), "-1", NULL},
	{AS(mtu), "+1500", NULL},
	{AS(mtu), " 1500", NULL},
	{AS(mtu), "1500 ", NULL},
	{AS(mtu), "0x5dc", NULL},
	{AS(mtu), "", NULL},
	{AS(nic_mode), "auto", "auto"},
	{AS(nic_mode), "translate", "translate"},
	{AS(nic_mode), "bridge", NULL},
	{AS(nic_dhcp), "proxy", "proxy"},
	{AS(nic_dhcp), "broadcast", "broadcast"},
	{AS(nic_dhcp), "relay", NULL},
	{AS(host_address), "192.168.1.10", "192.168.1.10"},
	{AS(host_address), "fd00::10", "fd00::10"},
	{AS(host_address), "224.0.0.1", NULL},
	{AS(guards), "dhcp", "dhcp"},
	{AS(guards), "arp,dhcp", "dhcp arp"},
	{AS(guards), "ra dhcp", "dhcp ra"},
	{AS(guards), "none", "none"},
	{AS(guards), "", NULL},
	{AS(guards), "dhcpd", NULL},
	{AS(guards), "dhcp none", NULL},
	{AS(storm), "1000", "1000"},
	{AS(storm), "none", "none"},
	{AS(storm), "0", NULL},
	{AS(storm), "-1", NULL},
	{AS(storm), "1000001", NULL},
	{AS(storm), "1k", NULL},
	{AS(listen_place), "/run/lanyard/hub8.sock", "/run/lanyard/hub8.sock"},
	{AS(listen_place), "127.0.0.1:5558", "127.0.0.1:5558"},
	{AS(listen_place), "[::1]:5558", "[::1]:5558"},
	{AS(listen_place), "fd:vms", "fd:vms"},
	{AS(listen_place), "fd:", NULL},
	{AS(listen_place), "fd:a b", NULL},
	{AS(listen_place), "hub8.sock", NULL},
	{AS(listen_place), "127.0.0.1:0", NULL},
	{AS(listen_place), ":5558", NULL},
	{AS(listen_place), "127.0.0.1:" ZEROS "5558", NULL},
	{AS(listen_place), "/" ZEROS, NULL},
	{AS(listen_place), "/a\nb", NULL},
	{AS(dial_place), "/tmp/qemu.sock", "/tmp/qemu.sock"},
	{AS(dial_place), "127.0.0.1:5558", "127.0.0.1:5558"},
	{AS(dial_place), "fd:vms", NULL},
	{AS(dial_place), "", NULL},
	{AS(socket_path), "/run/vde.ctl", "/run/vde.ctl"},
	{AS(socket_path), "127.0.0.1:5558", NULL},
	{AS(group), "libvirt-qemu", "libvirt-qemu"},
	{AS(group), "", NULL},
	{AS(group), "a:b", NULL},
	{AS(leg_address6), "fd00:8::3", "fd00:8::3"},
	{AS(leg_address6), "none", "none"},
	{AS(leg_address6), "192.168.120.3", NULL},
	{AS(leg_address6), "fe80::3", NULL},
	{AS(leg_address6), "::", NULL},
	{AS(leg_address6), "ff02::1", NULL},
	{AS(route), "10.0.0.0/8 via 192.168.120.9", "10.0.0.0/8 via 192.168.120.9"},
	{AS(route), "0.0.0.0/0 via 192.168.120.9", "0.0.0.0/0 via 192.168.120.9"},
	{AS(route), "::/0 via fe80::1", "::/0 via fe80::1"},
	{AS(route), "10.0.0.0/24 via leg", "10.0.0.0/24 via leg"},
	{AS(route), "fd00:9::/64 via leg", "fd00:9::/64 via leg"},
	{AS(route), "10.0.0.1/8 via 192.168.120.9", NULL},
	{AS(route), "10.0.0.1/8 via leg", NULL},
	{AS(route), "10.0.0.0/8 via legs", NULL},
	{AS(route), "10.0.0.0/8 via ::", NULL},
	{AS(route), "10.0.0.0/8 via fd00:8::9", NULL},
	{AS(route), "10.0.0.0/8 via 224.0.0.9", NULL},
	{AS(route), "10.0.0.0/8 via", NULL},
	{AS(route), "10.0.0.0/8", NULL},
	{AS(route), " via 192.168.120.9", NULL},
	{AS(route), "10.0.0.0/8 via 192.168.120.9 ", NULL},
	{AS(route), ZEROS " via 192.168.120.9", NULL},
	{AS(vm_protocol), "stream", "stream"},
	{AS(vm_protocol), "dgram", "dgram"},
	{AS(vm_protocol), "tcp", NULL},
	{AS(link_state), "up", "up"},
	{AS(link_state), "down", "down"},
	{AS(link_state), "on", NULL},
	{AS(rate), "100mbit", "100mbit"},
	{AS(rate), "1000mbit", "1gbit"},
	{AS(rate), "1.5mbit", "1.5mbit"},
	{AS(rate), "0.0081mbit", "8.1kbit"},
	{AS(rate), "1000gbit", "1000gbit"},
	{AS(rate), "1000.1gbit", NULL},
	{AS(rate), "8kbit", "8kbit"},
	{AS(rate), "7999bit", NULL},
	{AS(rate), "8123bit", "8.123kbit"},
	{AS(rate), "none", ""},
	{AS(rate), "100", NULL},
	{AS(rate), "100MBit", NULL},
	{AS(rate), "100 mbit", NULL},
	{AS(rate), "-1mbit", NULL},
	{AS(rate), "0mbit", NULL},
	{AS(rate), "1.mbit", NULL},
	{AS(rate), ".5mbit", NULL},
	{AS(rate), "1.0000001mbit", NULL},
	{AS(rate), "9999999999mbit", NULL},
	{AS(rate), "", NULL},
	{AS(wire), "delay 50ms jitter 5ms loss 1% duplicate 0.1% reorder 2% rate 10mbit",
		"delay 50ms jitter 5ms loss 1% duplicate 0.1% reorder 2% rate 10mbit"},
	{AS(wire), "rate 10mbit  loss 100%", "loss 100% rate 10mbit"},
	{AS(wire), "delay 1.5s", "delay 1.5s"},
	{AS(wire), "delay 0.000001ms", "delay 0.001us"},
	{AS(wire), "delay 60s", "delay 60s"},
	{AS(wire), "delay 60.001s", NULL},
	{AS(wire), "delay 1000us", "delay 1ms"},
	{AS(wire), "loss 0.0001%", "loss 0.0001%"},
	{AS(wire), "loss 0.00001%", NULL},
	{AS(wire), "loss 100.1%", NULL},
	{AS(wire), "loss 1", NULL},
	{AS(wire), "none", ""},
	{AS(wire), "", NULL},
	{AS(wire), " ", ""},
	{AS(wire), "delay", NULL},
	{AS(wire), "delay 5ms delay 6ms", NULL},
	{AS(wire), "delay 5ms jitter 6ms", NULL},
	{AS(wire), "jitter 5ms", NULL},
	{AS(wire), "reorder 5%", NULL},
	{AS(wire), "corrupt 5%", NULL},
	{AS(wire), "none none", NULL},
	{AS(wire), ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS, NULL},
	{AS(duration), "30m", "30m"},
	{AS(duration), "90s", "90s"},
	{AS(duration), "120s", "2m"},
	{AS(duration), "48h", "2d"},
	{AS(duration), "365d", "365d"},
	{AS(duration), "366d", NULL},
	{AS(duration), "4294967295d", NULL},
	{AS(duration), "0s", NULL},
	{AS(duration), "30", NULL},
	{AS(duration), "m", NULL},
	{AS(duration), "1.5h", NULL},
	{AS(duration), "30 m", NULL},
	{AS(duration), "", NULL},
	{AS(duration), "00000000000000000000030m", NULL},
	{AS(port_name), "uplink-2_b", "uplink-2_b"},
	{AS(port_name), "a123456789012345678901234567890", "a123456789012345678901234567890"},
	{AS(port_name), "a1234567890123456789012345678901", NULL},
	{AS(port_name), "3", NULL},
	{AS(port_name), "hub8.3", NULL},
	{AS(port_name), "", NULL},
	{AS(guest_name), "redhat", "redhat"},
	{AS(guest_name), "3com", "3com"},
	{AS(guest_name), "-a", NULL},
	{AS(guest_name), "a-", NULL},
	{AS(guest_name), "a.b", NULL},
	{AS(guest_name), "a_b", NULL},
	{AS(guest_name), "", NULL},
	{AS(guest_name), "a1234567890123456789012345678901", NULL},
	{AS(interface), "eth0", "eth0"},
	{AS(interface), "a12345678901234", "a12345678901234"},
	{AS(interface), "a123456789012345", NULL},
	{AS(interface), "tap%d", NULL},
	{AS(interface), "a/b", NULL},
	{AS(interface), "a:b", NULL},
	{AS(interface), "a b", NULL},
	{AS(interface), "..", NULL},
	{AS(interface), "", NULL},
	{AS(netns), "/run/netns/a b", "/run/netns/a b"},
	{AS(netns), "1234", "1234"},
	{AS(netns), "a\tb", NULL},
	{AS(netns), "", NULL},
	{AS(domain), "lab.example.org", "lab.example.org"},
	{AS(domain), "localdomain", "localdomain"},
	{AS(domain), "", ""},
	{AS(domain), ".", NULL},
	{AS(domain), "a..b", NULL},
	{AS(domain), "a.", NULL},
	{AS(domain), "a b", NULL},
	{AS(domain), "1234567890123456789012345678901234567890123456789012345678901234", NULL},
	{AS(search), " a.org  b.org ", "a.org b.org"},
	{AS(search), "", ""},
	{AS(search), "a.org, b.org", NULL},
	{AS(boot_file), "http://boot.example/a b?c", "http://boot.example/a b?c"},
	{AS(boot_file), "", ""},
	{AS(boot_file), "a\tb", NULL},
	{AS(station_mac), "00:0C:29:1b:85:3d", "00:0c:29:1b:85:3d"},
	{AS(station_mac), "01:00:5e:00:00:01", NULL},
	{AS(station_mac), "ff:ff:ff:ff:ff:ff", NULL},
	{AS(station_mac), "00:00:00:00:00:00", NULL},
	{AS(station_mac), "00-0c-29-1b-85-3d", NULL},
	{AS(station_mac), "00:0c:29:1b:85", NULL},
	{AS(station_mac), "", NULL},
	{AS(port_mac), "02:00:00:00:00:01", "02:00:00:00:00:01"},
	{AS(port_mac), "03:00:00:00:00:01", NULL},
	{AS(address4), "192.168.120.10", "192.168.120.10"},
	{AS(address4), "fd00::1", NULL},
	{AS(address4), "0.0.0.0", NULL},
	{AS(address4), "127.0.0.1", NULL},
	{AS(address4), "224.0.0.1", NULL},
	{AS(address4), "239.255.255.255", NULL},
	{AS(address4), "240.0.0.0", NULL},
	{AS(address4), "255.255.255.255", NULL},
	{AS(address4), "192.168.120", NULL},
	{AS(resolver), "9.9.9.9", "9.9.9.9"},
	{AS(resolver), "9.9.9.9:53", "9.9.9.9"},
	{AS(resolver), "127.0.0.53:5353", "127.0.0.53:5353"},
	{AS(resolver), "fd00::1", "fd00::1"},
	{AS(resolver), "[fd00::1]:5353", "[fd00::1]:5353"},
	{AS(resolver), "9.9.9.9:0", NULL},
	{AS(resolver), "9.9.9.9:65536", NULL},
	{AS(resolver), "0.0.0.0", NULL},
	{AS(resolver), "::", NULL},
	{AS(resolver), "dns.example.org", NULL},
	{AS(hub_mtu), "1500", "1500"},
	{AS(hub_mtu), "575", NULL},
	{AS(hub_subnet), "192.168.120.0/24", "192.168.120.0/24"},
	{AS(hub_subnet), "10.0.0.0/8", "10.0.0.0/8"},
	{AS(hub_subnet), "10.0.0.8/29", "10.0.0.8/29"},
	{AS(hub_subnet), "10.0.0.8/30", NULL},
	{AS(hub_subnet), "0.0.0.0/0", NULL},
	{AS(hub_subnet), "127.0.0.0/8", NULL},
	{AS(hub_subnet), "224.0.0.0/24", NULL},
	{AS(hub_subnet), "192.168.120.1/24", NULL},
	{AS(hub_subnet), "192.168.120.0", NULL},
	{AS(hub_subnet), "fd00:8::/64", NULL},
	{AS(hub_subnet6), "fd00:8::/64", "fd00:8::/64"},
	{AS(hub_subnet6), "fd00:8::/48", NULL},
	{AS(hub_subnet6), "fd00:8::1/64", NULL},
	{AS(hub_subnet6), "fe80::/64", NULL},
	{AS(hub_subnet6), "ff02::/64", NULL},
	{AS(hub_subnet6), "::/64", NULL},
	{AS(hub_subnet6), "192.168.120.0/24", NULL},
	{AS(dhcp_pool), "10.0.0.3-10.0.0.9", "10.0.0.3-10.0.0.9"},
	{AS(dhcp_pool), "10.0.0.3", NULL},
	{AS(dhcp_pool), "10.0.0.3-", NULL},
	{AS(dhcp_pool), "-10.0.0.3", NULL},
	{AS(dhcp_pool), "10.0.0.3-9", NULL},
	{AS(dhcp_pool), "10.0.0.3 - 10.0.0.9", NULL},
	{AS(dhcp_pool), "fd00::1-fd00::2", NULL},
	{AS(dhcp_router), "10.0.0.2", "10.0.0.2"},
	{AS(dhcp_router), "none", "none"},
	{AS(dhcp_router), "fd00::1", NULL},
	{AS(dhcp_router), "", NULL},
};

static void read_as_written(const struct wording *wording)
{
	char text[VALUE_TEXT_SIZE];
	union any value = {}, untouched = {};
	struct error error = {};
	int err = wording->parse(wording->text, &value, &error);

	if (err != (wording->written ? 0 : -22))
		fail_msg("'%s' gives %d: %s", wording->text, err, error.text);
	if (!wording->written) {
		assert_memory_equal(&value, &untouched, sizeof(value));
		assert_non_null(strstr(error.text, excerpt(wording->text).text));
		return;
	}
	wording->format(&value, text);
	assert_string_equal(text, wording->written);
}

static void values(void **)
{
	for (size_t i = 0; i < ARRAY_SIZE(wordings); i++)
		read_as_written(&wordings[i]);
}

static void hub_names(void **)
{
	static const char *const bad[] = {
		"", "hub", "hub08", "hub10000", "Hub8", "hub8a", "8", "hub-1"};
	char name[16];

	assert_int_equal(hub_name_parse("hub0", name, NULL), 0);
	assert_int_equal(hub_name_parse("hub9999", name, NULL), 0);
	assert_string_equal(name, "hub9999");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(hub_name_parse(bad[i], name, NULL), -22);
}

static void refusals_say_what_is_right(void **)
{
	union any value;
	struct error error = {};

	assert_int_equal(hub_subnet_parse("192.168.120.5/24", &value, &error), -22);
	assert_string_equal(error.text,
		"'192.168.120.5/24' is a host's address, not its network's; "
		"192.168.120.0/24 would be right");
	error = (struct error){};
	assert_int_equal(duration_parse("30", &value, &error), -22);
	assert_string_equal(error.text, "'30' is not a duration, such as 90s, 30m, 2h or 7d");
	error = (struct error){};
	assert_int_equal(wire_parse("delay 50ms lose 1%", &value, &error), -22);
	assert_string_equal(error.text,
		"'delay 50ms lose 1%': 'lose' is none of delay, jitter, loss, duplicate, reorder and rate, each with a "
		"value behind it, such as 'delay 50ms loss 1%'; or none");
	error = (struct error){};
	assert_int_equal(wire_parse("delay 5ms jitter 6ms", &value, &error), -22);
	assert_string_equal(
		error.text, "'delay 5ms jitter 6ms' has a jitter that is longer than its delay");
	error = (struct error){};
	assert_int_equal(port_mac_parse("01:00:5e:00:00:01", &value, &error), -22);
	assert_string_equal(error.text,
		"'01:00:5e:00:00:01' is a group address; a station's has an "
		"even first byte, as 02:00:00:00:00:01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(hub_names),
		cmocka_unit_test(refusals_say_what_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
