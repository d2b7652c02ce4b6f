/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DHCP server and its clients, all of them liars. Input: a list of deeds (enum deed), each one
 * byte and what it takes: a raw message, a message made of a few fields so that conversations come
 * about, time, ARP answers, the store's news, other settings.
 *
 * Whatever is done: replies parse; no address goes to a second client before the first one's time
 * is over; none is acknowledged before it was written down for this client; limits hold; a message
 * that is parsed and written again stays what it is.
 */
#include "base/bytes.h"
#include "hub/hub.h"
#include "service/dhcp_server.h"
#include "wire/arp.h"
#include "wire/packet.h"

#include <stdlib.h>

#define SERVER 0xc0a878fe
#define NET    0xc0a87800

enum deed {
	DEED_RAW,
	DEED_MESSAGE,
	DEED_TIME,
	DEED_ARP,
	DEED_WRITTEN,
	DEED_SETTINGS,
	DEED_COUNT,
};

/* Who has an address, by what was noted. */
struct holder {
	struct dhcp_client_id id;
	struct mac mac;
	nsec until;
};

struct world {
	struct hub *hub;
	struct dhcp_server server;
	struct port clients;
	struct lease_store store;
	uint64_t ticket;
	uint64_t first_notes[256][16];	    /* tickets, by address and hash of client; 0: none */
	const struct dhcp_client_id *actor; /* whose message is being dealt with */
	struct holder holders[256];	    /* by the last byte of the address */
	nsec now, deadline;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct mac server_mac = {{2, 0, 0, 0, 0, 0xfe}};

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static struct dhcp_client_id id_of(const struct dhcp_message *m)
{
	struct dhcp_client_id id = m->client_id;

	if (!id.len) {
		id.len = 7;
		id.bytes[0] = 1;
		memcpy(id.bytes + 1, &m->mac, 6);
	}
	return id;
}

static bool is_same(const struct dhcp_client_id *a, const struct dhcp_client_id *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static uint64_t *first_note(struct world *world, struct ip4 ip, const struct dhcp_client_id *id)
{
	static const struct hash_key key = {3, 4};

	return &world->first_notes[ip4_number(ip) & 0xff][hash_sip(&key, id->bytes, id->len) & 15];
}

static void check_ack(struct world *world, const struct dhcp_message *m)
{
	struct dhcp_client_id id = id_of(m);
	uint64_t ticket = *first_note(world, m->yours, &id);

	check(ip4_number(m->yours) >> 8 == NET >> 8);
	check(m->lease_time && m->lease_time <= 1800);
	check(ticket && ticket <= world->server.written);
}

static void on_frame(struct port *port, const struct frame *frames, unsigned count)
{
	struct world *world = CONTAINER_OF(port, struct world, clients);
	static uint8_t bytes[ETH_FRAME_MAX];
	struct packet packet;
	struct dhcp_message m;

	for (unsigned i = 0; i < count; i++) {
		uint32_t len = frame_copy(&frames[i], 0, bytes, sizeof(bytes));

		check(packet_parse(bytes, len, len, &packet) == PACKET_OK);
		if (packet.ethertype != ETHERTYPE_IP4)
			continue;
		check(packet.to_port == DHCP_CLIENT_PORT);
		check(dhcp_parse(bytes + packet.payload, packet.end - packet.payload, &m));
		check(m.op == BOOT_REPLY && ip4_number(m.server) == SERVER);
		if (m.type == DHCP_ACK && m.yours.be)
			check_ack(world, &m);
	}
}

static void nothing_to_free(struct port *)
{
}

static void note_bound(struct world *world, const struct lease *lease, nsec now)
{
	struct holder *holder = &world->holders[ip4_number(lease->ip) & 0xff];
	uint64_t *first = first_note(world, lease->ip, &lease->client_id);

	/* One machine may go by several identifiers. */
	check(now >= holder->until || is_same(&holder->id, &lease->client_id) ||
		mac_equal(holder->mac, lease->mac));
	holder->id = lease->client_id;
	holder->mac = lease->mac;
	holder->until = lease_expires(lease);
	if (!*first)
		*first = world->ticket;
}

static uint64_t on_note(struct lease_store *store, const struct lease *lease, nsec now)
{
	struct world *world = CONTAINER_OF(store, struct world, store);

	world->ticket++;
	if (lease_state(lease, now) == LEASE_BOUND)
		note_bound(world, lease, now);
	else /* given back, or found in use */
		world->holders[ip4_number(lease->ip) & 0xff].until = 0;
	return world->ticket;
}

/* A client may leave its own address for another. */
static uint64_t on_forget(struct lease_store *store, struct ip4 ip)
{
	struct world *world = CONTAINER_OF(store, struct world, store);
	struct holder *holder = &world->holders[ip4_number(ip) & 0xff];

	if (world->actor && is_same(&holder->id, world->actor))
		holder->until = 0;
	return ++world->ticket;
}

static void on_wake(struct machine *)
{
}

static void run(struct world *world)
{
	world->deadline = world->server.machine.run(&world->server.machine, world->now);
}

static void receive(struct world *world, const void *bytes, size_t len, bool is_unicast)
{
	uint32_t to = is_unicast ? SERVER : 0xffffffff;
	uint8_t *exact = malloc(len); /* so that a look past its end is seen */
	struct datagram datagram = {
		.from_mac = {{2, 0, 0, 0, 1, 1}},
		.to = {ip_from_v4(ip4_from_number(to)), DHCP_SERVER_PORT},
		.data = exact,
		.len = len,
	};
	struct dhcp_client_id id;
	struct dhcp_message m;

	memcpy(exact, bytes, len);
	if (dhcp_parse(bytes, len, &m)) {
		id = id_of(&m);
		world->actor = &id;
	}
	world->server.binding.on_datagram(&world->server.binding, &datagram, world->now);
	world->actor = NULL;
	free(exact);
	run(world);
}

static void check_both_ways(const void *bytes, size_t len)
{
	static uint8_t first[DHCP_MESSAGE_MAX], second[DHCP_MESSAGE_MAX];
	struct dhcp_message m, again;

	if (!dhcp_parse(bytes, len, &m))
		return;
	len = dhcp_write(&m, first, sizeof(first));
	check(dhcp_parse(first, len, &again));
	check(dhcp_write(&again, second, sizeof(second)) == len && !memcmp(first, second, len));
}

static void do_raw(struct world *world, struct reader *r)
{
	size_t wish = read_be16(r), len = MIN(wish, reader_left(r));
	const uint8_t *bytes = read_bytes(r, len);

	if (!bytes)
		return;
	check_both_ways(bytes, len);
	receive(world, bytes, len, false);
}

/* who, type and flags, last bytes of requested address and ciaddr, name */
static void do_message(struct world *world, struct reader *r)
{
	uint8_t who = read_u8(r), what = read_u8(r), bytes[DHCP_MESSAGE_MAX];
	uint8_t requested = read_u8(r), client = read_u8(r), name = read_u8(r);
	struct dhcp_message m = {
		.op = BOOT_REQUEST,
		.mac = {{2, 0, 0, 0, 1, who & 31}},
		.type = (what & 7) + 1,
		.requested = ip4_from_number(requested ? NET + requested : 0),
		.client = ip4_from_number(client ? NET + client : 0),
		.server = ip4_from_number(what & 8 ? SERVER : 0),
		.wants_broadcast = what & 16,
		.lease_time = (name & 15) * 60,
		.name = {name ? 'a' + name % 4 : 0},
	};

	if (who & 32)
		m.client_id = (struct dhcp_client_id){2, {0, who >> 6}};
	receive(world, bytes, dhcp_write(&m, bytes, sizeof(bytes)), what & 32);
}

static void do_time(struct world *world, struct reader *r)
{
	nsec until = world->now + (nsec)read_be16(r) * 50 * NSEC_PER_MSEC;

	while (world->deadline <= until) {
		world->now = world->deadline;
		run(world);
	}
	world->now = until;
}

static void do_arp(struct world *world, struct reader *r)
{
	uint8_t address = read_u8(r), who = read_u8(r), bytes[64];
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct arp arp = {
		.operation = ARP_REPLY,
		.from_mac = {{2, 0, 0, 0, 1, who & 31}},
		.to_mac = server_mac,
		.from = ip4_from_number(NET + address),
	};
	struct frame frame;

	write_eth(&w, server_mac, arp.from_mac, ETHERTYPE_ARP);
	write_arp(&w, &arp);
	frame = frame_linear(bytes, writer_len(&w));
	hub_receive(&world->clients, &frame, 1, world->now);
	run(world);
}

static void do_written(struct world *world, struct reader *r)
{
	uint64_t missing = world->ticket - world->server.written;

	world->store.on_written(
		world->store.owner, world->ticket - MIN(missing, read_u8(r) & 3), world->now);
	run(world);
}

static struct dhcp_settings settings_of(uint8_t choice, struct dhcp_reservation reservations[2])
{
	reservations[0] = (struct dhcp_reservation){
		{{2, 0, 0, 0, 1, choice & 3}}, ip4_from_number(NET + 128 + (choice & 7)), "a"};
	reservations[1] = (struct dhcp_reservation){
		{{2, 0, 0, 0, 1, 9}}, ip4_from_number(NET + 10), ""};
	return (struct dhcp_settings){
		.mac = server_mac,
		.address = {ip_from_v4(ip4_from_number(SERVER)), 24},
		.pool_first = ip4_from_number(NET + (choice & 8 ? 130 : 128)),
		.pool_last = ip4_from_number(NET + (choice & 16 ? 255 : 139)),
		.lease_time = choice & 32 ? 1800 : 600,
		.reservations = reservations,
		.reservation_count = choice >> 6 & 2,
		.mtu = 1500,
		.router = ip4_from_number(NET + 2),
		.search = "a.example b.example",
		.boot_server = ip4_from_number(choice & 64 ? NET + 9 : 0),
		.boot_file = "http://boot.example/menu.ipxe",
	};
}

static void do_settings(struct world *world, struct reader *r)
{
	struct dhcp_reservation reservations[2];
	struct dhcp_settings settings = settings_of(read_u8(r), reservations);

	check(!dhcp_pool_configure(&world->server.pool, &settings));
}

static void check_limits(const struct world *world)
{
	const struct lease_table *leases = &world->server.pool.leases;

	check(leases->offered_count <= OFFERS_MAX);
	check(leases->by_ip.count <= 256 && leases->by_ip.count == leases->expiries.count);
	check(leases->by_client.count <= leases->by_ip.count);
	check(world->server.probe_count <= 32 && world->server.waiting_count <= 256);
}

static void start(struct world *world)
{
	static const struct port_ops server_ops = {"dhcp", host_receive, nothing_to_free};
	static const struct port_ops client_ops = {"client", on_frame, nothing_to_free};
	struct dhcp_reservation reservations[2];
	struct dhcp_settings settings = settings_of(32, reservations);
	struct hash_key key = {1, 2};

	world->now = NSEC_PER_SEC;
	world->deadline = NSEC_NEVER;
	world->hub = hub_new("hub8", &key);
	world->store = (struct lease_store){.note = on_note, .forget = on_forget};
	world->clients.ops = &client_ops;
	check(!dhcp_server_init(&world->server, &settings, NULL, &key));
	world->server.host.port.ops = &server_ops;
	world->server.machine.wake = on_wake;
	dhcp_server_set_store(&world->server, &world->store);
	check(!hub_attach(world->hub, &world->clients, world->now));
	check(!hub_attach(world->hub, &world->server.host.port, world->now));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const deeds[DEED_COUNT])(struct world *, struct reader *) = {
		[DEED_RAW] = do_raw,
		[DEED_MESSAGE] = do_message,
		[DEED_TIME] = do_time,
		[DEED_ARP] = do_arp,
		[DEED_WRITTEN] = do_written,
		[DEED_SETTINGS] = do_settings,
	};
	struct world *world = calloc(1, sizeof(*world));
	struct reader r = reader_on(bytes, len);

	start(world);
	while (reader_left(&r)) {
		deeds[read_u8(&r) % DEED_COUNT](world, &r);
		check_limits(world);
	}
	hub_free(world->hub);
	dhcp_server_done(&world->server);
	free(world);
	return 0;
}
