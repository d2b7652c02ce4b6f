/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/door.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[80], lock[96];

/* The loop, a door, and the last guest that came through it. */
struct house {
	struct loop *loop;
	struct door *door;
	struct door_guest guest;
	struct timer patience;
	int fd, fds[8];
	unsigned fd_count, guest_count;
};

static void on_guest(struct door_guest *guest, int fd, const int *fds, unsigned fd_count)
{
	struct house *house = CONTAINER_OF(guest, struct house, guest);

	house->fd = fd;
	house->fd_count = fd_count;
	house->guest_count++;
	memcpy(house->fds, fds, fd_count * sizeof(*fds));
	loop_stop(house->loop);
}

static void on_patience(struct timer *timer, nsec)
{
	loop_stop(CONTAINER_OF(timer, struct house, patience)->loop);
}

static int set_up(void **state)
{
	static struct house house;
	struct error error = {};

	snprintf(directory, sizeof(directory), "/tmp/door-test-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/api.sock", directory);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	house = (struct house){.loop = loop_new(), .guest.on_guest = on_guest, .fd = -1};
	house.patience.on_expire = on_patience;
	*state = &house;
	return door_open(house.loop, path, &house.guest, &house.door, &error);
}

static int tear_down(void **state)
{
	struct house *house = *state;

	timer_cancel(house->loop, &house->patience);
	door_close(house->door);
	loop_free(house->loop);
	if (house->fd >= 0)
		close(house->fd);
	unlink(lock);
	return rmdir(directory);
}

static void run_for(struct house *house, nsec duration)
{
	timer_set(house->loop, &house->patience, loop_now(house->loop) + duration);
	assert_int_equal(loop_run(house->loop), 0);
	timer_cancel(house->loop, &house->patience);
}

static int knock(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_with(int socket, const char *text, int fd, unsigned fd_count)
{
	char control[CMSG_SPACE(16 * sizeof(int))] = {};
	struct iovec part = {(void *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header = (struct cmsghdr *)control;
	int fds[16];

	for (unsigned i = 0; i < fd_count; i++)
		fds[i] = fd;
	if (fd_count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &message, 0), (ssize_t)strlen(text));
}

static unsigned count_open(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void hands_on_with_all_bytes(void **state)
{
	struct house *house = *state;
	int client = knock();
	char text[16] = "";

	send_with(client, "GET", -1, 0);
	run_for(house, NSEC_PER_SEC);
	assert_int_equal(house->guest_count, 1);
	assert_int_equal(house->fd_count, 0);
	assert_int_equal(recv(house->fd, text, sizeof(text), 0), 3);
	assert_string_equal(text, "GET");
	close(client);
}

static void collects_descriptors(void **state)
{
	struct house *house = *state;
	int client = knock();
	struct stat sent, got;

	send_with(client, "\r\n", client, 2);
	run_for(house, NSEC_PER_SEC);
	assert_int_equal(house->fd_count, 2);
	assert_int_equal(fstat(client, &sent), 0);
	assert_int_equal(fstat(house->fds[1], &got), 0);
	assert_int_equal(sent.st_ino, got.st_ino);
	assert_int_equal(fcntl(house->fds[0], F_GETFD), FD_CLOEXEC);
	close(house->fds[0]);
	close(house->fds[1]);
	close(client);
}

static void takes_no_more_than_it_said(void **state)
{
	struct house *house = *state;
	int client = knock();
	unsigned before = count_open();

	send_with(client, "x", client, 9);
	run_for(house, NSEC_PER_SEC);
	assert_int_equal(house->fd_count, 4);
	/* The rest was closed by the kernel: its own, and the four are all that came. */
	assert_int_equal(count_open(), before + 1 + 4);
	for (unsigned i = 0; i < 4; i++)
		close(house->fds[i]);
	close(client);
}

static void closes_for_who_leaves_silently(void **state)
{
	struct house *house = *state;
	unsigned before = count_open();

	close(knock());
	run_for(house, 50 * NSEC_PER_MSEC);
	assert_int_equal(house->guest_count, 0);
	assert_int_equal(count_open(), before);
}

static void lets_only_so_many_wait(void **state)
{
	struct house *house = *state;
	int clients[DOOR_WAITING_MAX + 4];
	unsigned before;

	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = knock();
	before = count_open();
	run_for(house, 50 * NSEC_PER_MSEC);
	assert_int_equal(count_open(), before + DOOR_WAITING_MAX);
	/* One that speaks makes room for the next. */
	send_with(clients[0], "x", -1, 0);
	run_for(house, NSEC_PER_SEC);
	assert_int_equal(house->guest_count, 1);
	run_for(house, 50 * NSEC_PER_MSEC);
	assert_int_equal(count_open(), before + DOOR_WAITING_MAX + 1);
	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
}

static void is_for_owner_and_group(void **)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
}

static void refuses_a_second_door(void **state)
{
	struct house *house = *state;
	struct door *second = NULL;
	struct error error = {};

	assert_int_equal(door_open(house->loop, path, &house->guest, &second, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, "another lanyardd is running here"));
	close(knock()); /* the first one's is untouched */
}

/* As after kill -9: the socket's file is there, and nobody's. */
static void replaces_a_dead_socket(void **state)
{
	struct house *house = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct error error = {};
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);

	door_close(house->door);
	house->door = NULL;
	strcpy(address.sun_path, path);
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	assert_int_equal(door_open(house->loop, path, &house->guest, &house->door, &error), 0);
	close(knock());
}

static void keeps_a_file_that_is_no_socket(void **state)
{
	struct house *house = *state;
	struct error error = {};

	door_close(house->door);
	house->door = NULL;
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(
		door_open(house->loop, path, &house->guest, &house->door, &error), -EEXIST);
	assert_int_equal(unlink(path), 0);
}

/* The loop turns for every descriptor that is ready: it must not do so for one nobody can serve. */
static void rests_without_descriptors(void **state)
{
	struct house *house = *state;
	struct rlimit before, few;
	int client = knock(), free_fd = dup(0);
	struct timespec used, start;

	close(free_fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){(rlim_t)free_fd, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	run_for(house, 3 * DOOR_REST);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true((used.tv_sec - start.tv_sec) * NSEC_PER_SEC + used.tv_nsec - start.tv_nsec <
		    DOOR_REST / 2);
	send_with(client, "GET", -1, 0);
	run_for(house, 5 * NSEC_PER_SEC);
	assert_int_equal(house->guest_count, 1);
	close(client);
}

#define HOUSE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOUSE_TEST(hands_on_with_all_bytes),
		HOUSE_TEST(collects_descriptors),
		HOUSE_TEST(takes_no_more_than_it_said),
		HOUSE_TEST(closes_for_who_leaves_silently),
		HOUSE_TEST(lets_only_so_many_wait),
		HOUSE_TEST(rests_without_descriptors),
		HOUSE_TEST(is_for_owner_and_group),
		HOUSE_TEST(refuses_a_second_door),
		HOUSE_TEST(replaces_a_dead_socket),
		HOUSE_TEST(keeps_a_file_that_is_no_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
