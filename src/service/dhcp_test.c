/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server with its loop and its file: what the machine alone (dhcp_server_test.c) cannot show.
 */
#include "service/dhcp.h"

#include "hub/hub.h"
#include "wire/ip.h"
#include "wire/packet.h"
#include "wire/udp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SERVER 0xc0a878fe
#define FIRST  0xc0a87880

static const struct mac guest_mac = {{2, 0, 0, 0, 1, 1}};
static const struct hash_key key = {7, 8};

struct world {
	char dir[64], path[96];
	struct loop *loop;
	struct hub *hub;
	struct port guest;
	struct dhcp *dhcp;
	struct dhcp_message reply;
	size_t file_len; /* when the reply came */
};

static size_t file_len(const struct world *world)
{
	struct stat status;

	return stat(world->path, &status) < 0 ? 0 : status.st_size;
}

static void on_frame(struct port *port, const struct frame *frames, unsigned count)
{
	struct world *world = CONTAINER_OF(port, struct world, guest);
	uint8_t bytes[2048];
	struct packet packet;

	for (unsigned i = 0; i < count; i++) {
		uint32_t len = frame_copy(&frames[i], 0, bytes, sizeof(bytes));

		assert_int_equal(packet_parse(bytes, len, len, &packet), PACKET_OK);
		if (packet.ethertype != ETHERTYPE_IP4)
			continue;
		assert_true(dhcp_parse(
			bytes + packet.payload, packet.end - packet.payload, &world->reply));
		world->file_len = file_len(world);
		loop_stop(world->loop);
	}
}

static void on_free(struct port *)
{
}

static const struct port_ops guest_ops = {.kind = "guest", .send = on_frame, .free = on_free};

static struct dhcp_settings settings(void)
{
	return (struct dhcp_settings){
		.mac = {{2, 0, 0, 0, 0, 0xfe}},
		.address = {ip_from_v4(ip4_from_number(SERVER)), 24},
		.pool_first = ip4_from_number(FIRST),
		.pool_last = ip4_from_number(FIRST + 9),
		.lease_time = 1800,
		.mtu = 1500,
	};
}

static void start(struct world *world)
{
	struct dhcp_settings wanted = settings();
	struct error error = {0};

	assert_int_equal(
		dhcp_new(world->loop, &wanted, world->path, NULL, &world->dhcp, &error), 0);
	assert_int_equal(hub_attach(world->hub, dhcp_port(world->dhcp), loop_now(world->loop)), 0);
}

static void stop(struct world *world)
{
	struct port *port = dhcp_port(world->dhcp);

	hub_detach(port);
	port->ops->free(port);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	strcpy(world->dir, "/tmp/dhcp_test.XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(world->path, sizeof(world->path), "%s/leases", world->dir);
	world->loop = loop_new();
	world->hub = hub_new("hub8", &key);
	world->guest.ops = &guest_ops;
	assert_int_equal(hub_attach(world->hub, &world->guest, 0), 0);
	start(world);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	stop(world);
	hub_free(world->hub);
	loop_free(world->loop);
	unlink(world->path);
	rmdir(world->dir);
	free(world);
	return 0;
}

/* Sends, and runs the loop until the reply is there. */
static const struct dhcp_message *ask(struct world *world, struct dhcp_message *m)
{
	uint8_t message[DHCP_MESSAGE_MAX], bytes[DHCP_MESSAGE_MAX + 64];
	struct endpoint from = {ip_from_v4((struct ip4){0}), DHCP_CLIENT_PORT};
	struct endpoint to = {ip_from_v4(ip4_from_number(0xffffffff)), DHCP_SERVER_PORT};
	struct writer w = writer_on(bytes, sizeof(bytes));
	struct frame frame;
	size_t len;

	m->op = BOOT_REQUEST;
	m->mac = guest_mac;
	len = dhcp_write(m, message, 576);
	write_eth(&w, MAC_BROADCAST, guest_mac, ETHERTYPE_IP4);
	write_ip(&w, &(struct ip_fields){.from = from.ip,
			     .to = to.ip,
			     .protocol = IP_PROTOCOL_UDP,
			     .ttl = 64,
			     .payload_len = UDP_HEADER_LEN + len});
	write_udp(&w, &from, &to, message, len);
	write_bytes(&w, message, len);
	frame = frame_linear(bytes, writer_len(&w));
	world->reply = (struct dhcp_message){0};
	hub_receive(&world->guest, &frame, 1, loop_now(world->loop));
	assert_int_equal(loop_run(world->loop), 0);
	return &world->reply;
}

static uint32_t bind_address(struct world *world)
{
	struct dhcp_message discover = {.type = DHCP_DISCOVER, .name = "redhat"};
	struct dhcp_message request = {.type = DHCP_REQUEST, .name = "redhat"};
	const struct dhcp_message *reply = ask(world, &discover);

	assert_int_equal(reply->type, DHCP_OFFER);
	request.server = reply->server;
	request.requested = reply->yours;
	reply = ask(world, &request);
	assert_int_equal(reply->type, DHCP_ACK);
	return ip4_number(reply->yours);
}

struct seen {
	unsigned count;
	enum lease_state state;
	int64_t left;
};

static void visit(void *context, const struct lease *, enum lease_state state, int64_t expires)
{
	struct seen *seen = context;

	seen->count++;
	seen->state = state;
	seen->left = expires - time(NULL);
}

static void acknowledges_after_the_file_has_it(void **state)
{
	struct world *world = *state;
	size_t before = file_len(world);
	struct seen seen = {0};

	bind_address(world);
	assert_true(world->file_len > before);
	dhcp_walk(world->dhcp, visit, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.state, LEASE_BOUND);
	assert_true(seen.left >= 1795 && seen.left <= 1801);
	assert_int_equal(dhcp_counters(world->dhcp)->ack, 1);
	assert_non_null(dhcp_find_name(world->dhcp, "redhat"));
}

static void remembers_over_a_restart(void **state)
{
	struct world *world = *state;
	struct dhcp_message reboot = {.type = DHCP_REQUEST};
	uint32_t ip = bind_address(world);

	stop(world);
	start(world);
	assert_int_equal(dhcp_ignored_lines(world->dhcp), 0);
	reboot.requested = ip4_from_number(ip);
	assert_int_equal(ask(world, &reboot)->type, DHCP_ACK);
	assert_non_null(dhcp_find_name(world->dhcp, "redhat"));
}

static void changes_settings_while_it_runs(void **state)
{
	struct world *world = *state;
	struct dhcp_settings other = settings();
	struct error error = {0};

	other.pool_first = ip4_from_number(FIRST + 5);
	assert_int_equal(dhcp_configure(world->dhcp, &other, &error), 0);
	assert_int_equal(bind_address(world), FIRST + 5);
}

static void says_what_is_wrong(void **state)
{
	struct world *world = *state;
	struct dhcp_settings wrong = settings();
	struct error error = {0};
	struct dhcp *dhcp;

	wrong.pool_last = ip4_from_number(FIRST - 1);
	assert_int_equal(dhcp_configure(world->dhcp, &wrong, &error), -EINVAL);
	assert_non_null(strstr(error.text, "pool"));
	error.text[0] = '\0';
	wrong = settings();
	assert_int_equal(
		dhcp_new(world->loop, &wrong, "/no/such/place", NULL, &dhcp, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/no/such/place"));
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(acknowledges_after_the_file_has_it),
		WORLD_TEST(remembers_over_a_restart),
		WORLD_TEST(changes_settings_while_it_runs),
		WORLD_TEST(says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
