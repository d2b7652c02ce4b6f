/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/fake_port.h"
#include "hub/policy.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/packet.h"

/* Headers and eight bytes behind them, in one static frame. */
static struct frame packet_of(unsigned version, uint8_t protocol, uint16_t from, uint16_t to)
{
	static uint8_t bytes[128];
	uint8_t *ip = bytes + ETH_HEADER_LEN, *l4 = ip + (version == 4 ? 20 : 40);
	uint32_t len = (uint32_t)(l4 + 8 - bytes);
	uint16_t sum;

	memset(bytes, 0, sizeof(bytes));
	bytes[5] = 2;
	bytes[11] = 1;
	store_be16(bytes + 12, version == 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	if (version == 4) {
		ip[0] = 0x45;
		store_be16(ip + 2, 28);
		ip[8] = 64;
		ip[9] = protocol;
		ip[15] = 1;
		ip[19] = 2;
		sum = checksum_fold(checksum_add(0, ip, 20));
		memcpy(ip + 10, &sum, sizeof(sum));
	} else {
		ip[0] = 0x60;
		store_be16(ip + 4, 8);
		ip[6] = protocol;
		ip[7] = 255;
		ip[23] = 1;
		ip[39] = 2;
	}
	store_be16(l4, from);
	store_be16(l4 + 2, to);
	store_be16(l4 + 4, 8);
	return frame_linear(bytes, len);
}

static bool refuses(unsigned guards, struct frame frame)
{
	struct packet packet;

	assert_int_equal(packet_parse(frame.head, frame.head_len, frame.len, &packet), PACKET_OK);
	return guard_refuses(guards, &frame);
}

static void dhcp_servers(void **)
{
	assert_true(refuses(GUARD_DHCP, packet_of(4, IP_PROTOCOL_UDP, 67, 68)));
	assert_true(refuses(GUARD_DHCP, packet_of(6, IP_PROTOCOL_UDP, 547, 546)));
	assert_false(refuses(GUARD_DHCP, packet_of(4, IP_PROTOCOL_UDP, 68, 67)));
	assert_false(refuses(GUARD_DHCP, packet_of(6, IP_PROTOCOL_UDP, 546, 547)));
	assert_false(refuses(GUARD_DHCP, packet_of(4, IP_PROTOCOL_UDP, 547, 546)));
	assert_false(refuses(GUARD_RA, packet_of(4, IP_PROTOCOL_UDP, 67, 68)));
	assert_false(refuses(0, packet_of(4, IP_PROTOCOL_UDP, 67, 68)));
}

static void routers(void **)
{
	assert_true(
		refuses(GUARD_RA, packet_of(6, IP_PROTOCOL_ICMP6, ICMP6_ROUTER_ADVERT << 8, 0)));
	assert_true(refuses(GUARD_RA, packet_of(6, IP_PROTOCOL_ICMP6, ICMP6_REDIRECT << 8, 0)));
	assert_true(refuses(GUARD_RA, packet_of(4, IP_PROTOCOL_ICMP, ICMP_REDIRECT << 8, 0)));
	assert_false(
		refuses(GUARD_RA, packet_of(6, IP_PROTOCOL_ICMP6, ICMP6_ROUTER_SOLICIT << 8, 0)));
	assert_false(
		refuses(GUARD_RA, packet_of(6, IP_PROTOCOL_ICMP6, ICMP6_NEIGHBOUR_ADVERT << 8, 0)));
	assert_false(refuses(GUARD_RA, packet_of(4, IP_PROTOCOL_ICMP, ICMP_ECHO_REPLY << 8, 0)));
	assert_false(
		refuses(GUARD_DHCP, packet_of(6, IP_PROTOCOL_ICMP6, ICMP6_ROUTER_ADVERT << 8, 0)));
}

static void what_is_no_ip_passes(void **)
{
	uint8_t bytes[60] = {0};
	struct frame frame = frame_linear(bytes, sizeof(bytes));

	assert_false(guard_refuses(GUARD_DHCP | GUARD_RA, &frame));
	frame = frame_linear(bytes, 5);
	assert_false(guard_refuses(GUARD_DHCP | GUARD_RA, &frame));
}

static void a_port_with_a_guard(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[2] = {plug(hub, ""), plug(hub, "")};
	struct policy_settings settings = {.guards = GUARD_DHCP};
	struct port_policy policy;

	policy_init(&policy, &f[0]->port, 1);
	policy_change(&policy, &settings, NOW);
	receive(f[0], packet_of(4, IP_PROTOCOL_UDP, 67, 68), NOW);
	receive(f[0], packet_of(4, IP_PROTOCOL_UDP, 68, 67), NOW);
	assert_int_equal(f[1]->frames, 1);
	assert_int_equal(f[0]->port.in.drops[DROP_POLICY], 1);
	receive(f[1], packet_of(4, IP_PROTOCOL_UDP, 67, 68), NOW);
	assert_int_equal(f[0]->frames, 1);
	policy_done(&policy);
	hub_free(hub);
}

static struct frame arp_of(uint8_t mac, uint8_t ip)
{
	static uint8_t bytes[60];
	struct frame frame = frame_of(0xff, mac);

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, frame.head, 12);
	memcpy(bytes + 12, (uint8_t[]){8, 6, 0, 1, 8, 0, 6, 4, 0, 1}, 10);
	memcpy(bytes + 22, frame.head + 6, 6);
	memcpy(bytes + 28, (uint8_t[]){10, 0, 0, ip}, 4);
	return frame_linear(bytes, sizeof(bytes));
}

static unsigned claims;

static void on_claim(struct port_policy *, struct ip)
{
	claims++;
}

static void what_is_anothers_is_not_claimed(void **)
{
	struct hub *hub = open_hub();
	struct fake *f[2] = {plug(hub, ""), plug(hub, "")};
	struct policy_settings settings = {.guards = GUARD_ARP};
	struct port_policy policy;

	claims = 0;
	policy_init(&policy, &f[0]->port, 1);
	policy.on_claim = on_claim;
	policy_change(&policy, &settings, NOW);
	receive(f[1], arp_of(2, 1), NOW);
	receive(f[0], arp_of(1, 1), NOW);
	assert_int_equal(f[1]->frames, 0);
	assert_int_equal(f[0]->port.in.drops[DROP_POLICY], 1);
	assert_int_equal(claims, 1);
	receive(f[0], arp_of(1, 7), NOW);
	assert_int_equal(f[1]->frames, 1);

	/* Until the other is gone. */
	hub_detach(&f[1]->port);
	receive(f[0], arp_of(1, 1), NOW);
	assert_int_equal(f[0]->port.in.drops[DROP_POLICY], 1);
	f[1]->port.ops->free(&f[1]->port);
	policy_done(&policy);
	hub_free(hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dhcp_servers),
		cmocka_unit_test(routers),
		cmocka_unit_test(what_is_no_ip_passes),
		cmocka_unit_test(a_port_with_a_guard),
		cmocka_unit_test(what_is_anothers_is_not_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
