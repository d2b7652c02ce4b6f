/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dhcp_world.h"

#include "wire/arp.h"
#include "wire/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct hash_key key = {5, 6};

struct mac world_guest(uint8_t n)
{
	return (struct mac){{2, 0, 0, 0, 1, n}};
}

void world_run(struct world *world)
{
	for (unsigned turns = 0; world->is_woken; turns++) {
		assert_true(turns < 100);
		world->is_woken = false;
		world->deadline = world->server.machine.run(&world->server.machine, world->now);
		if (!world->is_store_slow && world->server.written < world->ticket)
			world->store.on_written(world->store.owner, world->ticket, world->now);
	}
}

void world_pass(struct world *world, nsec duration)
{
	nsec until = world->now + duration;

	while (world->deadline <= until) {
		world->now = world->deadline;
		world->is_woken = true;
		world_run(world);
	}
	world->now = until;
}

void world_receive(struct world *world, const void *bytes, size_t len)
{
	struct frame frame = frame_linear(bytes, len);

	hub_receive(&world->guests, &frame, 1, world->now);
	world->is_woken = true;
	world_run(world);
}

void world_answer_arp(struct world *world)
{
	struct arp arp = {
		.operation = ARP_REPLY,
		.from_mac = world->occupier,
		.to_mac = WORLD_SERVER_MAC,
		.from = ip4_from_number(world->occupied),
		.to = ip4_from_number(0),
	};
	uint8_t bytes[64];
	struct writer w = writer_on(bytes, sizeof(bytes));

	write_eth(&w, WORLD_SERVER_MAC, world->occupier, ETHERTYPE_ARP);
	write_arp(&w, &arp);
	world_receive(world, bytes, writer_len(&w));
}

static void take_reply(struct world *world, const struct packet *packet, const uint8_t *bytes)
{
	struct received *r = &world->replies[world->reply_count++ % ARRAY_SIZE(world->replies)];

	assert_int_equal(packet->to_port, DHCP_CLIENT_PORT);
	assert_int_equal(packet->from_port, DHCP_SERVER_PORT);
	assert_int_equal(ip4_number(ip_to_v4(packet->from)), SERVER);
	assert_true(
		dhcp_parse(bytes + packet->payload, packet->end - packet->payload, &r->message));
	memcpy(&r->to_mac, bytes, sizeof(r->to_mac));
	r->to = ip4_number(ip_to_v4(packet->to));
	assert_int_equal(r->message.op, BOOT_REPLY);
	assert_int_equal(ip4_number(r->message.server), SERVER);
}

static void on_frame(struct port *port, const struct frame *frames, unsigned count)
{
	struct world *world = CONTAINER_OF(port, struct world, guests);
	uint8_t bytes[2048];
	struct packet packet;
	struct arp arp;

	for (unsigned i = 0; i < count; i++) {
		uint32_t len = frame_copy(&frames[i], 0, bytes, sizeof(bytes));

		assert_int_equal(packet_parse(bytes, len, len, &packet), PACKET_OK);
		if (packet.ethertype == ETHERTYPE_IP4) {
			take_reply(world, &packet, bytes);
		} else if (arp_parse(bytes + ETH_HEADER_LEN, len - ETH_HEADER_LEN, &arp) &&
			   !arp.from.be) { /* a probe, RFC 5227 2.1.1 */
			world->probed[world->probe_count++ % 256] = ip4_number(arp.to);
		}
	}
}

static void on_free(struct port *)
{
}

static const struct port_ops guest_ops = {.kind = "guests", .send = on_frame, .free = on_free};
static const struct port_ops server_ops = {.kind = "dhcp", .send = host_receive, .free = on_free};

static uint64_t on_note(struct lease_store *store, const struct lease *, nsec)
{
	struct world *world = CONTAINER_OF(store, struct world, store);

	world->notes++;
	world->is_woken = true;
	return ++world->ticket;
}

static uint64_t on_forget(struct lease_store *store, struct ip4)
{
	struct world *world = CONTAINER_OF(store, struct world, store);

	world->forgets++;
	return ++world->ticket;
}

static void on_wake(struct machine *machine)
{
	CONTAINER_OF(machine, struct world, server.machine)->is_woken = true;
}

static void on_lease(void *context, const struct lease *lease, enum lease_event event)
{
	struct world *world = context;

	assert_true(lease->ip.be != 0);
	world->events[world->event_count++ % ARRAY_SIZE(world->events)] = event;
}

static void on_conflict(void *context, struct ip ip, struct mac)
{
	((struct world *)context)->conflict = ip4_number(ip_to_v4(ip));
}

struct dhcp_settings world_settings(void)
{
	return (struct dhcp_settings){
		.mac = WORLD_SERVER_MAC,
		.address = {ip_from_v4(ip4_from_number(SERVER)), 24},
		.pool_first = ip4_from_number(POOL),
		.pool_last = ip4_from_number(POOL + POOL_SIZE - 1),
		.lease_time = LEASE,
		.mtu = 1400,
		.router = ip4_from_number(0xc0a87802),
		.dns = {ip4_from_number(0xc0a87802)},
		.dns_count = 1,
		.domain = "localdomain",
		.search = "a.example b.example",
	};
}

static void start(struct world *world, const struct dhcp_settings *settings)
{
	struct dhcp_watcher watcher = {
		.on_lease = on_lease, .on_conflict = on_conflict, .context = world};

	world->hub = hub_new("hub8", &key);
	world->now = 1000 * NSEC_PER_SEC;
	world->deadline = NSEC_NEVER;
	world->store = (struct lease_store){.note = on_note, .forget = on_forget};
	world->guests.ops = &guest_ops;
	assert_int_equal(dhcp_server_init(&world->server, settings, &watcher, &key), 0);
	world->server.host.port.ops = &server_ops;
	world->server.machine.wake = on_wake;
	dhcp_server_set_store(&world->server, &world->store);
	assert_int_equal(hub_attach(world->hub, &world->guests, world->now), 0);
	assert_int_equal(hub_attach(world->hub, &world->server.host.port, world->now), 0);
}

int world_set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct dhcp_settings settings = world_settings();

	start(world, &settings);
	*state = world;
	return 0;
}

int world_tear_down(void **state)
{
	struct world *world = *state;

	world_pass(world, 5 * NSEC_PER_SEC);
	assert_int_equal(world->deadline, NSEC_NEVER);
	hub_free(world->hub);
	dhcp_server_done(&world->server);
	free(world);
	return 0;
}

struct dhcp_message world_request(uint8_t n, enum dhcp_type type)
{
	return (struct dhcp_message){
		.op = BOOT_REQUEST,
		.xid = 0x1000 + n,
		.mac = world_guest(n),
		.type = type,
	};
}

void world_send_from(struct world *world, const struct dhcp_message *m, uint32_t from, uint32_t to)
{
	uint8_t message[DHCP_MESSAGE_MAX], bytes[DHCP_MESSAGE_MAX + 64];
	size_t len = dhcp_write(m, message, 1000);
	struct endpoint source = {ip_from_v4(ip4_from_number(from)), DHCP_CLIENT_PORT};
	struct endpoint target = {ip_from_v4(ip4_from_number(to)), DHCP_SERVER_PORT};
	struct ip_fields ip = {
		.from = source.ip,
		.to = target.ip,
		.protocol = IP_PROTOCOL_UDP,
		.ttl = 64,
		.payload_len = UDP_HEADER_LEN + len,
	};
	struct writer w = writer_on(bytes, sizeof(bytes));

	write_eth(&w, to == EVERYBODY ? MAC_BROADCAST : WORLD_SERVER_MAC, m->mac, ETHERTYPE_IP4);
	write_ip(&w, &ip);
	write_udp(&w, &source, &target, message, len);
	write_bytes(&w, message, len);
	world->reply_count = 0;
	world_receive(world, bytes, writer_len(&w));
}

void world_send(struct world *world, const struct dhcp_message *m)
{
	world_send_from(world, m, 0, EVERYBODY);
}

const struct received *world_reply(struct world *world, enum dhcp_type type)
{
	assert_int_equal(world->reply_count, 1);
	assert_int_equal(world->replies[0].message.type, type);
	return &world->replies[0];
}

void world_no_reply(struct world *world)
{
	assert_int_equal(world->reply_count, 0);
}

uint32_t world_discover(struct world *world, uint8_t n)
{
	struct dhcp_message m = world_request(n, DHCP_DISCOVER);

	world_send(world, &m);
	world_pass(world, NSEC_PER_SEC);
	return ip4_number(world_reply(world, DHCP_OFFER)->message.yours);
}

void world_select(struct world *world, uint8_t n, uint32_t ip)
{
	struct dhcp_message m = world_request(n, DHCP_REQUEST);

	m.server = ip4_from_number(SERVER);
	m.requested = ip4_from_number(ip);
	world_send(world, &m);
}

uint32_t world_bind(struct world *world, uint8_t n)
{
	uint32_t ip = world_discover(world, n);

	world_select(world, n, ip);
	assert_int_equal(ip4_number(world_reply(world, DHCP_ACK)->message.yours), ip);
	return ip;
}

void world_renew(struct world *world, uint8_t n, uint32_t ip)
{
	struct dhcp_message m = world_request(n, DHCP_REQUEST);

	m.client = ip4_from_number(ip);
	world_send_from(world, &m, ip, SERVER);
}

void world_rebind(struct world *world, uint8_t n, uint32_t ip)
{
	struct dhcp_message m = world_request(n, DHCP_REQUEST);

	m.client = ip4_from_number(ip);
	world_send_from(world, &m, ip, EVERYBODY);
}

void world_reboot(struct world *world, uint8_t n, uint32_t ip)
{
	struct dhcp_message m = world_request(n, DHCP_REQUEST);

	m.requested = ip4_from_number(ip);
	world_send(world, &m);
}

enum lease_state world_state(struct world *world, uint32_t ip)
{
	struct lease *lease = lease_find_ip(&world->server.pool.leases, ip4_from_number(ip));

	assert_non_null(lease);
	return lease_state(lease, world->now);
}

bool world_has_lease(struct world *world, uint32_t ip)
{
	return lease_find_ip(&world->server.pool.leases, ip4_from_number(ip));
}

void world_configure(struct world *world, const struct dhcp_settings *settings)
{
	assert_int_equal(dhcp_pool_configure(&world->server.pool, settings), 0);
}

void world_reserve(struct world *world, struct dhcp_reservation *reservations, size_t count)
{
	struct dhcp_settings settings = world_settings();

	settings.reservations = reservations;
	settings.reservation_count = count;
	world_configure(world, &settings);
}
