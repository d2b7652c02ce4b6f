/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/entrance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[80];

/* The loop, an entrance, and the last who came in. */
struct house {
	struct loop *loop;
	struct entrance *entrance;
	struct timer patience;
	int fd;
	unsigned client_count;
};

static void on_client(void *owner, int fd)
{
	struct house *house = owner;

	if (house->fd >= 0)
		close(house->fd);
	house->fd = fd;
	house->client_count++;
	loop_stop(house->loop);
}

static void on_patience(struct timer *timer, nsec)
{
	loop_stop(CONTAINER_OF(timer, struct house, patience)->loop);
}

static int set_up(void **state)
{
	static struct house house;

	snprintf(directory, sizeof(directory), "/tmp/entrance-test-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/hub8.sock", directory);
	house = (struct house){.loop = loop_new(), .fd = -1};
	house.patience.on_expire = on_patience;
	*state = &house;
	return 0;
}

static int tear_down(void **state)
{
	struct house *house = *state;

	timer_cancel(house->loop, &house->patience);
	entrance_close(house->entrance);
	loop_free(house->loop);
	if (house->fd >= 0)
		close(house->fd);
	return rmdir(directory); /* fails where something was left behind */
}

/* Until somebody comes in, or that long. */
static void run_for(struct house *house, nsec duration)
{
	timer_set(house->loop, &house->patience, loop_now(house->loop) + duration);
	assert_int_equal(loop_run(house->loop), 0);
}

static int try_open(struct house *house, const char *place, bool is_dialled, struct error *error)
{
	struct entrance_settings settings = {
		.is_dialled = is_dialled,
		.group = "nobody-has-this-group",
		.on_client = on_client,
		.owner = house,
	};

	snprintf(settings.place, sizeof(settings.place), "%s", place);
	return entrance_open(house->loop, &settings, &house->entrance, error);
}

static void open_at(struct house *house, const char *place, bool is_dialled)
{
	struct error error = {0};

	if (try_open(house, place, is_dialled, &error))
		fail_msg("%s", error.text);
}

static struct sockaddr_un address_of(const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", text);
	return address;
}

static int listen_at(const char *text)
{
	struct sockaddr_un address = address_of(text);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(listen(fd, 8), errno);
	return fd;
}

static int call(const char *text)
{
	struct sockaddr_un address = address_of(text);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	return fd;
}

static void assert_joined(int one, int other)
{
	char byte = 'x', got = 0;

	assert_int_equal(write(one, &byte, 1), 1);
	assert_int_equal(read(other, &got, 1), 1);
	assert_int_equal(got, 'x');
}

static void each_who_calls_comes_in(void **state)
{
	struct house *house = *state;
	struct stat status;
	int first, second;

	open_at(house, path, false);
	assert_return_code(stat(path, &status), errno);
	assert_int_equal(status.st_mode & 0777, 0660);
	first = call(path);
	run_for(house, NSEC_PER_SEC);
	assert_joined(first, house->fd);
	second = call(path);
	run_for(house, NSEC_PER_SEC);
	assert_joined(second, house->fd);
	assert_int_equal(house->client_count, 2);
	close(first);
	close(second);
}

static void what_a_dead_program_left_goes(void **state)
{
	struct house *house = *state;
	int client;

	close(listen_at(path));
	open_at(house, path, false);
	client = call(path);
	run_for(house, NSEC_PER_SEC);
	assert_int_equal(house->client_count, 1);
	close(client);
}

static void what_somebody_uses_stays(void **state)
{
	struct house *house = *state;
	struct error error = {0};
	int other = listen_at(path);

	assert_int_equal(try_open(house, path, false, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, "somebody uses this socket already"));
	close(call(path));
	close(other);
	unlink(path);
}

static void what_is_no_socket_stays(void **state)
{
	struct house *house = *state;
	struct error error = {0};
	FILE *file = fopen(path, "w");

	fclose(file);
	assert_int_equal(try_open(house, path, false, &error), -EEXIST);
	assert_non_null(strstr(error.text, "is no socket"));
	assert_int_equal(unlink(path), 0);
}

static void tcp(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct house *house = *state;
	socklen_t len = sizeof(address);
	char place[32];
	int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client;

	/* A port that was free a moment ago. */
	assert_return_code(bind(probe, (struct sockaddr *)&address, len), errno);
	getsockname(probe, (struct sockaddr *)&address, &len);
	close(probe);
	snprintf(place, sizeof(place), "127.0.0.1:%u", ntohs(address.sin_port));
	open_at(house, place, false);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(connect(client, (struct sockaddr *)&address, len), errno);
	run_for(house, NSEC_PER_SEC);
	assert_joined(client, house->fd);
	close(client);
}

static void dials_until_somebody_answers(void **state)
{
	struct house *house = *state;
	int listener, accepted;

	open_at(house, path, true);
	run_for(house, NSEC_PER_SEC / 10);
	assert_int_equal(house->client_count, 0);
	listener = listen_at(path);
	run_for(house, 3 * ENTRANCE_REDIAL);
	assert_int_equal(house->client_count, 1);
	accepted = accept(listener, NULL, NULL);
	assert_joined(accepted, house->fd);
	close(accepted);

	/* Once is enough, until that client is gone. */
	run_for(house, 3 * ENTRANCE_REDIAL / 2);
	assert_int_equal(house->client_count, 1);
	entrance_redial(house->entrance);
	run_for(house, 3 * ENTRANCE_REDIAL);
	assert_int_equal(house->client_count, 2);
	close(listener);
	unlink(path);
}

/* As systemd hands sockets over: from 3 on, with names. main() keeps the place. */
static void inherit(int fd, const char *names)
{
	char pid[16];

	assert_int_equal(dup2(fd, 3), 3);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static void an_inherited_socket_listens(void **state)
{
	struct house *house = *state;
	int listener = listen_at(path), client;

	inherit(listener, "vms");
	open_at(house, "fd:vms", false);
	client = call(path);
	run_for(house, NSEC_PER_SEC);
	assert_joined(client, house->fd);
	close(client);
	entrance_close(house->entrance);
	house->entrance = NULL;

	/* It was lent: the next one finds it there again. */
	open_at(house, "fd:vms", false);
	client = call(path);
	run_for(house, NSEC_PER_SEC);
	assert_int_equal(house->client_count, 2);
	close(client);
	close(listener);
	unlink(path);
}

static void an_inherited_connection_is_one_client(void **state)
{
	struct house *house = *state;
	int ends[2];

	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), errno);
	inherit(ends[0], "vm");
	open_at(house, "fd:vm", false);
	run_for(house, NSEC_PER_SEC);
	assert_joined(ends[1], house->fd);
	assert_int_equal(house->client_count, 1);
	close(ends[0]);
	close(ends[1]);
}

static void a_name_nobody_gave_is_refused(void **state)
{
	struct house *house = *state;
	struct error error = {0};

	unsetenv("LISTEN_PID");
	assert_int_equal(try_open(house, "fd:vms", false, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no socket of this name was inherited"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_who_calls_comes_in),
		TEST(what_a_dead_program_left_goes),
		TEST(what_somebody_uses_stays),
		TEST(what_is_no_socket_stays),
		TEST(tcp),
		TEST(dials_until_somebody_answers),
		TEST(an_inherited_socket_listens),
		TEST(an_inherited_connection_is_one_client),
		TEST(a_name_nobody_gave_is_refused),
	};

	dup2(STDERR_FILENO, 3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
