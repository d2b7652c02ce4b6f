/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both roles, the other side played by hand: a pair of stream sockets for the control connection,
 * and a data socket at a path. */
#include "port/vde/port.h"

#include "port/frame_queue.h"
#include "port/stage.h"
#include "port/vde/folder.h"
#include "port/vde/request.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

static struct {
	char folder[64];
	int control; /* the other side's end */
	int data;    /* its data socket */
	struct peer_address data_address;
} his;

static struct peer_address address_of(const char *which)
{
	struct peer_address address = {{.sun_family = AF_UNIX}, sizeof(address.name)};

	snprintf(address.name.sun_path, sizeof(address.name.sun_path), "%s/%s", his.folder, which);
	return address;
}

static int bound(const char *which)
{
	struct peer_address address = address_of(which);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address.name, address.len), 0);
	return fd;
}

static int set_up(void **)
{
	struct error error;

	stage.guest = -1;
	his.control = his.data = -1;
	snprintf(his.folder, sizeof(his.folder), "/tmp/lanyard-vde-test-%d", getpid());
	if (set_up_hub() || vde_folder_open(his.folder, NULL, &error))
		return -1;
	his.data_address = address_of("his");
	his.data = bound("his");
	return 0;
}

static unsigned count_files(void)
{
	char command[100];
	unsigned count = 0;
	FILE *list;

	snprintf(command, sizeof(command), "ls -A %s", his.folder);
	list = popen(command, "r");
	while (fscanf(list, "%*s") != EOF)
		count++;
	pclose(list);
	return count;
}

static int tear_down_all(void **state)
{
	int err = tear_down(state);

	if (his.control >= 0)
		close(his.control);
	close(his.data);
	unlink(his.data_address.name.sun_path);
	if (count_files())
		return -1; /* ours are to be gone */
	vde_folder_close(his.folder);
	return err || !access(his.folder, F_OK);
}

static void plug_vde(
	struct port *(*make)(struct loop *loop, int fd, const struct vde_settings *settings))
{
	const struct vde_settings settings = {his.folder, stage_settings()};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	his.control = ends[0];
	plug(make(stage.loop, ends[1], &settings));
	assert_true(stage.port->is_down);
}

static void say(const void *bytes, size_t len)
{
	assert_int_equal(send(his.control, bytes, len, MSG_NOSIGNAL), len);
}

static void say_request(const char *description)
{
	uint8_t request[VDE_REQUEST_MAX];

	say(request, vde_request_write(request, &his.data_address, description));
}

static void connect_his_data(const struct peer_address *to)
{
	assert_int_equal(connect(his.data, (struct sockaddr *)&to->name, to->len), 0);
}

/* The switch's answer; and as plugs do, ours is the only one that is heard from then on. */
static void hear_answer(void)
{
	uint8_t answer[VDE_ANSWER_LEN + 1];
	struct peer_address address;

	turn();
	assert_int_equal(recv(his.control, answer, sizeof(answer), 0), VDE_ANSWER_LEN);
	assert_int_equal(vde_answer_parse(answer, VDE_ANSWER_LEN, &address), 0);
	assert_memory_equal(address.name.sun_path, his.folder, strlen(his.folder));
	connect_his_data(&address);
	unlink(his.data_address.name.sun_path);
	assert_false(stage.port->is_down);
}

static void become_switch(void)
{
	plug_vde(vde_port_new);
	say_request("a test");
	hear_answer();
}

static void compose(uint8_t *out, uint32_t len, uint8_t last, struct mac to, struct mac from)
{
	const struct eth_header header = {to, from, __builtin_bswap16(0x88b5)};

	memset(out, 0, len);
	memcpy(out, &header, MIN(sizeof(header), len));
	if (len > sizeof(header))
		out[len - 1] = last;
}

static void he_sends(uint32_t len, uint8_t last)
{
	uint8_t bytes[2000];

	compose(bytes, len, last, OTHER, GUEST);
	assert_int_equal(send(his.data, bytes, len, 0), len);
}

static void other_says(uint32_t len, uint8_t last)
{
	uint8_t bytes[2000];
	struct frame frame = frame_linear(bytes, len);

	compose(bytes, len, last, GUEST, OTHER);
	hub_receive(&other.port, &frame, 1, loop_now(stage.loop));
}

static uint8_t he_reads(uint32_t len)
{
	uint8_t bytes[2000];
	ssize_t got;

	for (unsigned tries = 0; tries < 1000; tries++) {
		got = recv(his.data, bytes, sizeof(bytes), 0);
		if (got >= 0) {
			assert_int_equal(got, len);
			return bytes[len - 1];
		}
		turn();
	}
	fail_msg("no frame");
	return 0;
}

static void expect_frames(void)
{
	he_sends(60, 1);
	he_sends(13, 0);
	he_sends(1514, 2);
	run_until_seen(2);
	assert_int_equal(other.lens[1], 1514);
	assert_int_equal(other.lasts[1], 2);
	assert_int_equal(stage.port->in.drops[DROP_RUNT], 1);
	other_says(70, 3);
	assert_int_equal(he_reads(70), 3);
}

static void test_as_the_switch(void **)
{
	become_switch();
	assert_string_equal(stage.port->ops->kind, "vde");
	expect_frames();
	expect_sleep();
	run_for(VDE_PATIENCE + 100 * NSEC_PER_MSEC);
	assert_int_equal(stage.gone_count, 0);
}

/* In any pieces, with or without a description, or with a long one. */
static void test_a_request_in_pieces(void **)
{
	uint8_t request[VDE_REQUEST_MAX];
	size_t len = vde_request_write(request, &his.data_address, "");

	plug_vde(vde_port_new);
	for (size_t i = 0; i < len; i++) {
		assert_true(stage.port->is_down);
		say(request + i, 1);
		turn();
	}
	hear_answer();
	expect_frames();
	for (unsigned i = 0; i < 100; i++)
		say(request, sizeof(request)); /* what comes later is nobody's business */
	expect_sleep();
	he_sends(60, 9);
	run_until_seen(3);
}

static void test_a_request_with_a_long_description(void **)
{
	char description[VDE_DESCRIPTION_MAX + 100];

	memset(description, 'x', sizeof(description));
	description[sizeof(description) - 1] = '\0';
	plug_vde(vde_port_new);
	say_request(description);
	hear_answer();
	expect_frames();
}

/* Of version 1, which has a MAC address in the middle; with a port that is wished for. */
static void test_an_old_request(void **)
{
	const uint32_t head[2] = {0xfeedface, 0};
	uint8_t request[124] = {0};

	memcpy(request, head, sizeof(head));
	memcpy(request + 14, &his.data_address.name, sizeof(his.data_address.name));
	plug_vde(vde_port_new);
	say(request, sizeof(request));
	hear_answer();
	expect_frames();
}

static void test_a_wish_for_a_port_is_heard(void **)
{
	uint8_t request[VDE_REQUEST_MAX];
	size_t len = vde_request_write(request, &his.data_address, "x");

	request[9] = 7;
	plug_vde(vde_port_new);
	say(request, len);
	hear_answer();
	expect_frames();
}

static void expect_gone(const char *why)
{
	run();
	assert_string_equal(stage.gone, why);
	assert_int_equal(stage.gone_count, 1);
	assert_null(hub_find(stage.hub, "guest"));
}

static void test_no_request(void **)
{
	plug_vde(vde_port_new);
	say("GET / HTTP/1.0\r\n\r\n", 18);
	expect_gone("what it sent is no request of VDE");
}

static void test_an_unknown_version(void **)
{
	const uint32_t head[3] = {0xfeedface, 4, 0};

	plug_vde(vde_port_new);
	say(head, sizeof(head));
	expect_gone("its request is of version 4; 1 and 3 are understood");
}

static void test_an_unknown_type(void **)
{
	const uint32_t head[3] = {0xfeedface, 3, 2};

	plug_vde(vde_port_new);
	say(head, sizeof(head));
	expect_gone("its request is of the unknown type 2");
}

static void expect_refusal(const char *format)
{
	char why[256];

	say_request("");
	snprintf(why, sizeof(why), format, his.data_address.name.sun_path);
	expect_gone(why);
	his.data_address = address_of("his");
}

static void test_a_data_socket_without_a_path(void **)
{
	plug_vde(vde_port_new);
	his.data_address.name.sun_path[0] = '\0';
	expect_refusal("its data socket has no absolute path%.0s");
}

static void test_a_data_socket_that_is_missing(void **)
{
	plug_vde(vde_port_new);
	his.data_address = address_of("missing");
	expect_refusal("its data socket, %s: No such file or directory");
}

static void test_a_data_socket_that_is_a_file(void **)
{
	plug_vde(vde_port_new);
	snprintf(his.data_address.name.sun_path, sizeof(his.data_address.name.sun_path),
		"/etc/passwd");
	expect_refusal("its data socket, %s: Socket operation on non-socket");
}

static void test_a_data_socket_that_listens_to_another(void **)
{
	int another = bound("another");
	struct peer_address address = address_of("another");

	connect_his_data(&address);
	plug_vde(vde_port_new);
	expect_refusal("its data socket, %s: Operation not permitted");
	close(another);
	unlink(address.name.sun_path);
}

/* The folder was removed meanwhile. */
static void test_no_place_for_our_data_socket(void **)
{
	plug_vde(vde_port_new);
	unlink(his.data_address.name.sun_path);
	rmdir(his.folder);
	say_request("");
	run();
	assert_memory_equal(stage.gone, "a data socket in /tmp/lanyard-vde-test-", 39);
	mkdir(his.folder, 0700);
}

static void test_the_plug_is_pulled(void **)
{
	become_switch();
	close(his.control);
	his.control = -1;
	expect_gone("the other side closed the connection");
	assert_int_equal(count_files(), 0);
}

static void test_the_plug_is_pulled_before_it_spoke(void **)
{
	plug_vde(vde_port_new);
	close(his.control);
	his.control = -1;
	expect_gone("the other side closed the connection");
}

static void test_the_data_socket_closes(void **)
{
	become_switch();
	he_sends(60, 1);
	run_until_seen(1);
	close(his.data);
	his.data = socket(AF_UNIX, SOCK_DGRAM, 0);
	other_says(60, 1);
	expect_gone("the other side closed its socket");
}

/* In the middle of its request; the hub counts what it floods as lost. */
static void test_a_plug_that_says_nothing(void **)
{
	plug_vde(vde_port_new);
	say("\xce\xfa\xed\xfe", 4);
	other_says(60, 1);
	assert_int_equal(stage.port->out.drops[DROP_LINK_DOWN], 1);
	expect_sleep();
	expect_gone("it did not say its data socket within 5 seconds");
}

static void test_a_stuck_plug(void **)
{
	unsigned sent = 0;

	become_switch();
	he_sends(60, 1);
	run_until_seen(1);
	while (!stage.port->out.drops[DROP_QUEUE_FULL])
		other_says(1514, (uint8_t)sent++);
	expect_sleep();
	for (unsigned i = 0; i < sent - 1; i++)
		assert_int_equal(he_reads(1514), (uint8_t)i);
	expect_sleep();
}

/* What the switch got; and its data socket is the one that we hear. */
static void hear_request(void)
{
	uint8_t request[VDE_REQUEST_MAX];
	struct peer_address address;
	struct error error;
	ssize_t len = recv(his.control, request, sizeof(request), 0);

	assert_int_equal(len, 122 + strlen("lanyard"));
	assert_int_equal(vde_request_parse(request, (size_t)len, &address, &error), 0);
	connect_his_data(&address);
}

static void say_answer(void)
{
	uint8_t answer[VDE_ANSWER_LEN];

	vde_answer_write(answer, &his.data_address);
	say(answer, 50);
	turn();
	assert_true(stage.port->is_down);
	say(answer + 50, sizeof(answer) - 50);
}

static void test_as_a_plug(void **)
{
	plug_vde(vde_plug_port_new);
	assert_int_equal(count_files(), 2);
	hear_request();
	say_answer();
	turn();
	assert_false(stage.port->is_down);
	assert_int_equal(count_files(), 1); /* our path has served */
	expect_frames();
	close(his.control);
	his.control = -1;
	expect_gone("the other side closed the connection");
}

static void test_a_switch_that_does_not_answer(void **)
{
	plug_vde(vde_plug_port_new);
	expect_gone("it did not say its data socket within 5 seconds");
}

static void test_a_switch_that_answers_nonsense(void **)
{
	plug_vde(vde_plug_port_new);
	hear_request();
	his.data_address = address_of("missing");
	say_answer();
	run();
	assert_int_equal(stage.gone_count, 1);
	his.data_address = address_of("his");
}

static void test_a_plug_without_a_place_for_its_socket(void **)
{
	const struct vde_settings settings = {"/nonexistent", stage_settings()};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	his.control = ends[0];
	assert_null(vde_plug_port_new(stage.loop, ends[1], &settings));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(fcntl(ends[1], F_GETFD), -1);
}

static void test_a_folder_with_a_long_name(void **)
{
	char folder[200];
	const struct vde_settings settings = {folder, stage_settings()};
	int ends[2];

	memset(folder, 'x', sizeof(folder));
	folder[0] = '/';
	folder[199] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	his.control = ends[0];
	assert_null(vde_port_new(stage.loop, ends[1], &settings));
	assert_int_equal(errno, ENAMETOOLONG);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

static void test_folders(void **)
{
	struct peer_address address = {.len = 0};
	struct error error = {0};
	int fd;

	assert_int_equal(mode_of(his.folder), 0700);
	fd = vde_data_socket_open(his.folder, geteuid(), &address);
	assert_int_equal(mode_of(address.name.sun_path), 0600);
	close(fd);
	unlink(address.name.sun_path);
	assert_int_equal(vde_folder_open(his.folder, "no such group", &error), 0);
	assert_int_equal(mode_of(his.folder), 0700);
	assert_int_equal(vde_folder_open(his.folder, getgrgid(getegid())->gr_name, &error), 0);
	assert_int_equal(mode_of(his.folder), 02770);
	fd = vde_data_socket_open(his.folder, 12345, &address);
	assert_int_equal(mode_of(address.name.sun_path), 0660);
	close(fd);
	unlink(address.name.sun_path);
	assert_int_equal(vde_folder_open("/etc/passwd", NULL, &error), -ENOTDIR);
	assert_int_equal(vde_folder_open("/nonexistent/folder", NULL, &error), -ENOENT);
}

static void test_a_folder_of_another(void **)
{
	struct error error = {0};

	if (geteuid())
		skip();
	assert_int_equal(chown(his.folder, 12345, 0), 0);
	assert_int_equal(vde_folder_open(his.folder, NULL, &error), -EPERM);
	assert_non_null(strstr(error.text, "belongs to the user with the number 12345"));
}

#define VDE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VDE_TEST(test_as_the_switch),
		VDE_TEST(test_a_request_in_pieces),
		VDE_TEST(test_a_request_with_a_long_description),
		VDE_TEST(test_an_old_request),
		VDE_TEST(test_a_wish_for_a_port_is_heard),
		VDE_TEST(test_no_request),
		VDE_TEST(test_an_unknown_version),
		VDE_TEST(test_an_unknown_type),
		VDE_TEST(test_a_data_socket_without_a_path),
		VDE_TEST(test_a_data_socket_that_is_missing),
		VDE_TEST(test_a_data_socket_that_is_a_file),
		VDE_TEST(test_a_data_socket_that_listens_to_another),
		VDE_TEST(test_no_place_for_our_data_socket),
		VDE_TEST(test_the_plug_is_pulled),
		VDE_TEST(test_the_plug_is_pulled_before_it_spoke),
		VDE_TEST(test_the_data_socket_closes),
		VDE_TEST(test_a_plug_that_says_nothing),
		VDE_TEST(test_a_stuck_plug),
		VDE_TEST(test_as_a_plug),
		VDE_TEST(test_a_switch_that_does_not_answer),
		VDE_TEST(test_a_switch_that_answers_nonsense),
		VDE_TEST(test_a_plug_without_a_place_for_its_socket),
		VDE_TEST(test_a_folder_with_a_long_name),
		VDE_TEST(test_folders),
		VDE_TEST(test_a_folder_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
