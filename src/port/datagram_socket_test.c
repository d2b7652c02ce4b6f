/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several peers at one socket, as QEMU (each datagram sent to a name) and as vfkit (connected). */
#include "port/datagram_socket.h"

#include "port/frame_queue.h"
#include "port/peer_path.h"
#include "port/stage.h"
#include "port/strangers.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define GUESTS_MAX 8

static struct guest {
	int fd;
	struct port *port;
	char gone[128];
} guests[GUESTS_MAX];

static struct {
	struct datagram_socket *socket;
	struct sockaddr_un peers[100]; /* that were told of */
	socklen_t peer_lens[100];
	unsigned peer_count;
	bool makes_no_ports;
} entrance;

static char folder[64];

static struct sockaddr_un name_of(const char *which)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/%s", folder, which);
	return name;
}

static int bound(const char *which)
{
	struct sockaddr_un name = name_of(which);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	unlink(name.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static void on_guest_gone(void *owner, struct port *port, const char *why)
{
	struct guest *guest = owner;

	assert_ptr_equal(guest->port, port);
	assert_string_equal(guest->gone, "");
	snprintf(guest->gone, sizeof(guest->gone), "%s", why);
	hub_detach(port);
	port->ops->free(port);
	guest->port = NULL;
	loop_stop(stage.loop);
}

static struct port *plug_peer(const struct sockaddr_un *peer, socklen_t len, unsigned number)
{
	struct port_settings settings = {
		.mtu = 1500, .on_gone = on_guest_gone, .owner = &guests[number]};
	struct port *port = datagram_port_new(entrance.socket, peer, len, &settings);

	if (!port)
		return NULL;
	guests[number].port = port;
	guests[number].gone[0] = '\0';
	assert_int_equal(hub_attach(stage.hub, port, loop_now(stage.loop)), 0);
	return port;
}

/* Peers are named by their number. */
static void on_peer(void *owner, const struct sockaddr_un *peer, socklen_t len)
{
	unsigned number = (unsigned)atoi(peer->sun_path + strlen(folder) + 1);

	assert_ptr_equal(owner, &entrance);
	assert_in_range(entrance.peer_count, 0, 99);
	entrance.peers[entrance.peer_count] = *peer;
	entrance.peer_lens[entrance.peer_count++] = len;
	if (!entrance.makes_no_ports)
		assert_non_null(plug_peer(peer, len, number));
}

static int tear_down_all(void **state)
{
	char command[100];

	for (unsigned i = 0; i < GUESTS_MAX; i++) {
		if (guests[i].fd >= 0)
			close(guests[i].fd);
	}
	datagram_socket_free(entrance.socket);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) || tear_down(state);
}

static struct mac mac_of_guest(unsigned number)
{
	return (struct mac){{2, 0, 0, 0, 1, (uint8_t)number}};
}

static void compose(uint8_t *out, uint32_t len, uint8_t last, struct mac to, struct mac from)
{
	const struct eth_header header = {to, from, __builtin_bswap16(0x88b5)};

	memset(out, 0, len);
	memcpy(out, &header, MIN(sizeof(header), len));
	if (len > sizeof(header))
		out[len - 1] = last;
}

static void guest_sends(unsigned number, uint32_t len, uint8_t last)
{
	struct sockaddr_un ours = name_of("ours");
	uint8_t bytes[4000];

	compose(bytes, len, last, OTHER, mac_of_guest(number));
	assert_int_equal(
		sendto(guests[number].fd, bytes, len, 0, (struct sockaddr *)&ours, sizeof(ours)),
		len);
}

static void bind_guest(unsigned number)
{
	char which[8];

	snprintf(which, sizeof(which), "%u", number);
	guests[number].fd = bound(which);
}

static void connect_guest(unsigned number)
{
	struct sockaddr_un ours = name_of("ours");

	assert_int_equal(connect(guests[number].fd, (struct sockaddr *)&ours, sizeof(ours)), 0);
}

/* A guest that has a port, and whose address the hub knows. */
static void introduce_guest(unsigned number)
{
	unsigned before = other.frames;

	guest_sends(number, 60, (uint8_t)number);
	run_until_seen(before + 1);
	assert_non_null(guests[number].port);
}

static void other_says(unsigned number, uint32_t len, uint8_t last)
{
	uint8_t bytes[4000];
	struct frame frame = frame_linear(bytes, len);

	compose(bytes, len, last, mac_of_guest(number), OTHER);
	hub_receive(&other.port, &frame, 1, loop_now(stage.loop));
}

static int set_up(void **)
{
	const struct datagram_socket_settings settings = {.on_peer = on_peer, .owner = &entrance};

	stage.guest = -1;
	snprintf(folder, sizeof(folder), "/tmp/lanyard-datagram-socket-test-%d", getpid());
	for (unsigned i = 0; i < GUESTS_MAX; i++)
		guests[i] = (struct guest){.fd = -1};
	memset(&entrance, 0, sizeof(entrance));
	if (set_up_hub() || mkdir(folder, 0755))
		return -1;
	other_says(0, 60, 0); /* so that the hub knows where it is */
	entrance.socket = datagram_socket_new(stage.loop, bound("ours"), &settings);
	return entrance.socket ? 0 : -1;
}

/* Returns its last byte, letting the loop run until there is one. */
static uint8_t guest_reads(unsigned number, uint32_t len)
{
	uint8_t bytes[4000];
	ssize_t got;

	for (unsigned tries = 0; tries < 1000; tries++) {
		got = recv(guests[number].fd, bytes, sizeof(bytes), 0);
		if (got >= 0) {
			assert_int_equal(got, len);
			return bytes[len - 1];
		}
		assert_int_equal(errno, EAGAIN);
		run_for(NSEC_PER_MSEC);
	}
	fail_msg("no frame");
	return 0;
}

/* The frame that made it known is the first one that the hub sees. */
static void test_a_stranger_becomes_a_port(void **)
{
	bind_guest(0);
	guest_sends(0, 100, 42);
	guest_sends(0, 101, 43); /* more than is kept of one without a port */
	run_until_seen(1);
	assert_int_equal(entrance.peer_count, 1);
	assert_string_equal(entrance.peers[0].sun_path, name_of("0").sun_path);
	assert_int_equal(other.lens[0], 100);
	assert_int_equal(other.lasts[0], 42);
	assert_int_equal(datagram_socket_ignored(entrance.socket), 1);
	guest_sends(0, 102, 44);
	run_until_seen(2);
	assert_int_equal(other.lasts[1], 44);
	assert_int_equal(guests[0].port->in.frames, 2);
	other_says(0, 90, 7);
	assert_int_equal(guest_reads(0, 90), 7);
	assert_int_equal(entrance.peer_count, 1);
}

/* As vfkit and libkrun do: connected, with a greeting. */
static void test_a_connected_peer_greets(void **)
{
	bind_guest(0);
	connect_guest(0);
	assert_int_equal(send(guests[0].fd, "VFKT", 4, 0), 4);
	turn();
	assert_int_equal(entrance.peer_count, 1);
	assert_int_equal(other.frames, 0);
	other_says(0, 90, 7);
	assert_int_equal(guest_reads(0, 90), 7);
	guest_sends(0, 60, 8);
	run_until_seen(1);
	assert_int_equal(other.lasts[0], 8);
	assert_int_equal(datagram_socket_ignored(entrance.socket), 0);
	assert_int_equal(guests[0].port->in.drops[DROP_RUNT], 0);
}

static void test_peers_are_told_apart(void **)
{
	for (unsigned i = 0; i < 4; i++) {
		bind_guest(i);
		if (i & 1)
			connect_guest(i);
		introduce_guest(i);
	}
	for (unsigned i = 0; i < 4; i++)
		other_says(i, 200 + i, (uint8_t)(50 + i));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(guest_reads(i, 200 + i), 50 + i);
	/* Several in one read, in runs of different length. */
	for (unsigned i = 0; i < 9; i++)
		guest_sends((i * i) % 4, 60, (uint8_t)i);
	run_until_seen(13);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(other.lasts[4 + i], i);
	assert_int_equal(guests[0].port->in.frames, 6);
	assert_int_equal(guests[1].port->in.frames, 5);
}

static void test_bad_lengths_between_good_ones(void **)
{
	bind_guest(0);
	bind_guest(1);
	introduce_guest(0);
	introduce_guest(1);
	guest_sends(0, 60, 1);
	guest_sends(0, 13, 0);
	guest_sends(0, 60, 2);
	guest_sends(1, 13, 0);
	guest_sends(1, 60, 3);
	guest_sends(0, 5, 0);
	run_until_seen(5);
	turn();
	assert_int_equal(other.frames, 5);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(other.lasts[2 + i], i + 1);
	assert_int_equal(guests[0].port->in.drops[DROP_RUNT], 2);
	assert_int_equal(guests[1].port->in.drops[DROP_RUNT], 1);
}

static void test_strangers_are_bounded(void **)
{
	int fds[40];

	entrance.makes_no_ports = true;
	for (unsigned i = 0; i < 40; i++) {
		char which[8];
		struct sockaddr_un ours = name_of("ours");

		snprintf(which, sizeof(which), "s%u", i);
		fds[i] = bound(which);
		assert_int_equal(
			sendto(fds[i], "hello", 5, 0, (struct sockaddr *)&ours, sizeof(ours)), 5);
		turn();
	}
	assert_int_equal(entrance.peer_count, STRANGERS_MAX);
	assert_int_equal(datagram_socket_ignored(entrance.socket), 40 - STRANGERS_MAX);
	for (unsigned i = 0; i < 40; i++)
		close(fds[i]);
}

/* He who is not wanted is spoken of once in a second. */
static void test_an_unwanted_stranger_is_told_of_seldom(void **)
{
	entrance.makes_no_ports = true;
	bind_guest(0);
	for (unsigned i = 0; i < 50; i++) {
		guest_sends(0, 60, 1);
		turn();
	}
	assert_int_equal(entrance.peer_count, 1);
	run_for(STRANGER_PATIENCE + NSEC_PER_MSEC);
	guest_sends(0, 60, 1);
	turn();
	assert_int_equal(entrance.peer_count, 2);
	entrance.makes_no_ports = false;
	assert_non_null(plug_peer(&entrance.peers[0], entrance.peer_lens[0], 0));
	run_until_seen(1);
}

static void expect_ignored(int fd)
{
	struct sockaddr_un ours = name_of("ours");
	uint8_t bytes[60] = {0};

	entrance.makes_no_ports = true;
	assert_int_equal(
		sendto(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&ours, sizeof(ours)), 60);
	turn();
	assert_int_equal(entrance.peer_count, 0);
	assert_int_equal(datagram_socket_ignored(entrance.socket), 1);
	close(fd);
}

static void test_nobody_is_ignored(void **)
{
	expect_ignored(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static void test_an_abstract_name_is_ignored(void **)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)), 0);
	expect_ignored(fd);
}

static void test_a_relative_path_is_ignored(void **)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "relative"};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), here = open(".", O_PATH);

	assert_int_equal(chdir(folder), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(fchdir(here), 0);
	close(here);
	expect_ignored(fd);
}

/* Somebody else's name: bound by root, and then root gave itself up. */
static void test_a_path_of_another_is_refused(void **)
{
	struct port_settings settings = {.mtu = 1500};

	if (geteuid())
		skip();
	entrance.makes_no_ports = true;
	assert_int_equal(chmod(name_of("ours").sun_path, 0777), 0);
	bind_guest(0);
	if (!fork()) {
		if (setuid(65534))
			_exit(1);
		guest_sends(0, 60, 1);
		_exit(0);
	}
	wait(NULL);
	turn();
	assert_int_equal(entrance.peer_count, 1);
	assert_null(datagram_port_new(
		entrance.socket, &entrance.peers[0], entrance.peer_lens[0], &settings));
	assert_int_equal(errno, EPERM);
}

/* Another user's peer, connected and at a path of its own; once it has a port, the path leads to
 * a socket of ours. Exits with 0 when the frame comes to it all the same. */
static void be_swindler(int ready)
{
	struct sockaddr_un name = name_of("his/0");
	uint8_t bytes[100];

	alarm(5);
	if (setuid(65534))
		_exit(1);
	guests[0].fd = bound("his/0");
	connect_guest(0);
	guest_sends(0, 60, 1);
	fcntl(guests[0].fd, F_SETFL, 0);
	if (recv(guests[0].fd, bytes, sizeof(bytes), 0) != 61 || unlink(name.sun_path) ||
		symlink(name_of("victim").sun_path, name.sun_path) || write(ready, "", 1) != 1)
		_exit(2);
	_exit(recv(guests[0].fd, bytes, sizeof(bytes), 0) == 77 ? 0 : 3);
}

static void test_a_path_that_changes(void **)
{
	int victim = bound("victim"), ready[2], status;
	uint8_t bytes[100];

	if (geteuid())
		skip();
	assert_int_equal(chmod(name_of("ours").sun_path, 0777), 0);
	assert_int_equal(mkdir(name_of("his").sun_path, 0755), 0);
	assert_int_equal(chown(name_of("his").sun_path, 65534, 65534), 0);
	assert_int_equal(pipe(ready), 0);
	if (!fork())
		be_swindler(ready[1]);
	close(ready[1]);
	run_until_seen(1);
	other_says(0, 61, 0);
	assert_int_equal(read(ready[0], bytes, 1), 1);
	other_says(0, 77, 0);
	assert_int_equal(recv(victim, bytes, sizeof(bytes), 0), -1);
	wait(&status);
	assert_int_equal(status, 0);
	close(victim);
	close(ready[0]);
}

static void test_who_is_no_stranger_gets_no_port(void **)
{
	struct port_settings settings = {.mtu = 1500};
	struct sockaddr_un name = name_of("7");

	assert_null(datagram_port_new(entrance.socket, &name, sizeof(name), &settings));
	assert_int_equal(errno, ENOENT);
	assert_null(datagram_port_new(entrance.socket, &name, 0, &settings));
	assert_int_equal(errno, ENOENT);
	bind_guest(0);
	introduce_guest(0);
	assert_null(datagram_port_new(
		entrance.socket, &entrance.peers[0], entrance.peer_lens[0], &settings));
	assert_int_equal(errno, EADDRINUSE);
}

static void test_a_stranger_that_has_gone(void **)
{
	struct port_settings settings = {.mtu = 1500};

	entrance.makes_no_ports = true;
	bind_guest(0);
	guest_sends(0, 60, 1);
	turn();
	close(guests[0].fd);
	guests[0].fd = -1;
	assert_null(datagram_port_new(
		entrance.socket, &entrance.peers[0], entrance.peer_lens[0], &settings));
	assert_int_equal(errno, ECONNREFUSED);
	unlink(name_of("0").sun_path);
	assert_null(datagram_port_new(
		entrance.socket, &entrance.peers[0], entrance.peer_lens[0], &settings));
	assert_int_equal(errno, ENOENT);
}

static void expect_gone_when_closed(void)
{
	introduce_guest(0);
	close(guests[0].fd);
	guests[0].fd = -1;
	other_says(0, 60, 1);
	assert_string_equal(guests[0].gone, "");
	assert_int_equal(guests[0].port->out.drops[DROP_LINK_DOWN], 1);
	run();
	assert_string_equal(guests[0].gone, "the other side closed its socket");
}

static void test_a_peer_that_closes(void **)
{
	bind_guest(0);
	expect_gone_when_closed();
}

static void test_a_connected_peer_that_closes(void **)
{
	bind_guest(0);
	connect_guest(0);
	expect_gone_when_closed();
}

/* A machine that is started anew at the same path is the same peer. */
static void test_a_peer_that_comes_again(void **)
{
	bind_guest(0);
	introduce_guest(0);
	close(guests[0].fd);
	bind_guest(0);
	other_says(0, 60, 5);
	assert_int_equal(guest_reads(0, 60), 5);
	close(guests[0].fd);
	bind_guest(0);
	connect_guest(0);
	other_says(0, 60, 6);
	assert_int_equal(guest_reads(0, 60), 6);
	close(guests[0].fd);
	bind_guest(0);
	other_says(0, 60, 7);
	assert_int_equal(guest_reads(0, 60), 7);
	guest_sends(0, 60, 8);
	run_until_seen(2);
	assert_int_equal(other.lasts[1], 8);
	assert_int_equal(entrance.peer_count, 1);
	assert_int_equal(guests[0].port->out.drops[DROP_LINK_DOWN], 0);
}

/* First it is sent to, then it connects: from then on it hears only the socket that all share. */
static void test_a_peer_that_connects_later(void **)
{
	bind_guest(0);
	introduce_guest(0);
	other_says(0, 60, 5);
	assert_int_equal(guest_reads(0, 60), 5);
	connect_guest(0);
	other_says(0, 60, 6);
	assert_int_equal(guest_reads(0, 60), 6);
}

static void test_a_peer_that_listens_to_another(void **)
{
	struct sockaddr_un name = name_of("another");
	int another = bound("another");

	bind_guest(0);
	introduce_guest(0);
	assert_int_equal(connect(guests[0].fd, (struct sockaddr *)&name, sizeof(name)), 0);
	other_says(0, 60, 6);
	run();
	assert_string_equal(guests[0].gone, "Operation not permitted");
	close(another);
}

/* Fills guest 0 until frames are lost; returns how many were given. */
static unsigned stick(void)
{
	unsigned sent = 0;

	while (!guests[0].port->out.drops[DROP_QUEUE_FULL]) {
		other_says(0, 1514, (uint8_t)sent++);
		assert_in_range(sent, 1, 100000);
	}
	return sent;
}

static void expect_no_harm_to_others(void)
{
	unsigned sent = stick();

	for (unsigned i = 0; i < 500; i++) {
		other_says(1, 1514, (uint8_t)i);
		assert_int_equal(guest_reads(1, 1514), (uint8_t)i);
		if (i % 16 == 0)
			guest_sends(1, 60, 1);
		turn();
		stick();
	}
	assert_int_equal(guests[1].port->out.drops[DROP_QUEUE_FULL], 0);
	expect_sleep();
	for (unsigned i = 0; i < sent - 1; i++)
		assert_int_equal(guest_reads(0, 1514), (uint8_t)i);
}

static void test_a_stuck_peer_delays_nobody(void **)
{
	bind_guest(0);
	bind_guest(1);
	introduce_guest(0);
	introduce_guest(1);
	expect_no_harm_to_others();
}

static void test_a_stuck_connected_peer_delays_nobody(void **)
{
	for (unsigned i = 0; i < 2; i++) {
		bind_guest(i);
		connect_guest(i);
		introduce_guest(i);
	}
	expect_no_harm_to_others();
}

static void test_the_socket_closes_before_its_ports(void **)
{
	for (unsigned i = 0; i < 2; i++) {
		bind_guest(i);
		introduce_guest(i);
	}
	connect_guest(1);
	other_says(1, 60, 1);
	datagram_socket_free(entrance.socket);
	entrance.socket = NULL;
	other_says(0, 60, 1);
	assert_int_equal(guests[0].port->out.drops[DROP_LINK_DOWN], 1);
	run();
	assert_string_equal(guests[0].gone, "the socket it spoke to was closed");
	assert_string_equal(guests[1].gone, "the socket it spoke to was closed");
}

static void close_socket(struct task *)
{
	datagram_socket_free(entrance.socket);
	entrance.socket = NULL;
}

/* In the turn in which a stranger has spoken. */
static void test_the_socket_closes_before_it_tells(void **)
{
	struct task closing = {.run = close_socket};

	bind_guest(0);
	guest_sends(0, 60, 1);
	loop_defer(stage.loop, &closing);
	turn();
	assert_int_equal(entrance.peer_count, 0);
}

static void test_a_port_that_is_freed_is_a_stranger_again(void **)
{
	struct port *port;

	bind_guest(0);
	introduce_guest(0);
	port = guests[0].port;
	hub_detach(port);
	port->ops->free(port);
	introduce_guest(0);
	assert_int_equal(entrance.peer_count, 2);
}

/* Freed in the turn it was made in, with its first frame still waiting. */
static void test_a_port_that_is_freed_at_once(void **)
{
	struct port_settings settings = {.mtu = 1500};
	struct port *port;

	entrance.makes_no_ports = true;
	bind_guest(0);
	guest_sends(0, 60, 1);
	turn();
	port = datagram_port_new(
		entrance.socket, &entrance.peers[0], entrance.peer_lens[0], &settings);
	assert_non_null(port);
	port->ops->free(port);
	turn();
	assert_int_equal(other.frames, 0);
}

static void test_a_file_is_no_socket(void **)
{
	const struct datagram_socket_settings settings = {.on_peer = on_peer};
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

	assert_null(datagram_socket_new(stage.loop, fd, &settings));
	assert_int_equal(errno, ENOTSOCK);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_paths_that_lead_elsewhere(void **)
{
	struct peer_address address = {name_of("link"), sizeof(struct sockaddr_un)};

	assert_int_equal(symlink(name_of("ours").sun_path, address.name.sun_path), 0);
	assert_int_equal(peer_path_open(&address, getuid()), -ENOTSOCK);
	snprintf(address.name.sun_path, sizeof(address.name.sun_path), "/dev/null");
	assert_int_equal(peer_path_open(&address, getuid()), -ENOTSOCK);
	snprintf(address.name.sun_path, sizeof(address.name.sun_path), "%s/missing", folder);
	assert_int_equal(peer_path_open(&address, getuid()), -ENOENT);
	memset(address.name.sun_path, '/', sizeof(address.name.sun_path)); /* without an end */
	assert_int_equal(peer_path_open(&address, getuid()), -ENOTSOCK);
	address.len = offsetof(struct sockaddr_un, sun_path);
	assert_int_equal(peer_path_open(&address, getuid()), -EINVAL);
}

#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PEER_TEST(test_a_stranger_becomes_a_port),
		PEER_TEST(test_a_connected_peer_greets),
		PEER_TEST(test_peers_are_told_apart),
		PEER_TEST(test_bad_lengths_between_good_ones),
		PEER_TEST(test_strangers_are_bounded),
		PEER_TEST(test_an_unwanted_stranger_is_told_of_seldom),
		PEER_TEST(test_nobody_is_ignored),
		PEER_TEST(test_an_abstract_name_is_ignored),
		PEER_TEST(test_a_relative_path_is_ignored),
		PEER_TEST(test_a_path_of_another_is_refused),
		PEER_TEST(test_a_path_that_changes),
		PEER_TEST(test_who_is_no_stranger_gets_no_port),
		PEER_TEST(test_a_stranger_that_has_gone),
		PEER_TEST(test_a_peer_that_closes),
		PEER_TEST(test_a_connected_peer_that_closes),
		PEER_TEST(test_a_peer_that_comes_again),
		PEER_TEST(test_a_peer_that_connects_later),
		PEER_TEST(test_a_peer_that_listens_to_another),
		PEER_TEST(test_a_stuck_peer_delays_nobody),
		PEER_TEST(test_a_stuck_connected_peer_delays_nobody),
		PEER_TEST(test_the_socket_closes_before_its_ports),
		PEER_TEST(test_the_socket_closes_before_it_tells),
		PEER_TEST(test_a_port_that_is_freed_is_a_stranger_again),
		PEER_TEST(test_a_port_that_is_freed_at_once),
		PEER_TEST(test_a_file_is_no_socket),
		PEER_TEST(test_paths_that_lead_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
