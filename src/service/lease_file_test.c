/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/lease_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define HEADER "# lanyard leases 1\n"

static const struct hash_key key = {3, 4};

/* A loop, a table and their file, in a directory of their own. */
struct world {
	char dir[64], path[96];
	struct loop *loop;
	struct lease_table table;
	struct lease_file *file;
	uint64_t written;
	uint64_t awaited; /* the loop stops when it is written */
	int trouble;
	unsigned troubles;
};

static void on_written(void *owner, uint64_t ticket, nsec)
{
	struct world *world = owner;

	assert_true(ticket >= world->written);
	world->written = ticket;
	if (ticket >= world->awaited)
		loop_stop(world->loop);
}

static void on_trouble(void *context, int err)
{
	struct world *world = context;

	world->trouble = err;
	world->troubles++;
}

static int try_open(struct world *world, struct error *error)
{
	struct lease_file_owner owner = {world->loop, &world->table, on_trouble, world};
	int err;

	lease_table_init(&world->table, &key);
	err = lease_file_open(world->path, &owner, &world->file, error);
	if (err)
		return err;
	lease_file_store(world->file)->on_written = on_written;
	lease_file_store(world->file)->owner = world;
	world->written = 0;
	return 0;
}

static void open_file(struct world *world)
{
	struct error error = {0};

	assert_int_equal(try_open(world, &error), 0);
}

static void close_file(struct world *world)
{
	lease_file_close(world->file);
	world->file = NULL;
	lease_table_done(&world->table);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	strcpy(world->dir, "/tmp/lease_file_test.XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(world->path, sizeof(world->path), "%s/leases", world->dir);
	world->loop = loop_new();
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	loop_free(world->loop);
	unlink(world->path);
	strcat(world->path, ".new");
	unlink(world->path);
	rmdir(world->dir);
	free(world);
	return 0;
}

static void wait_for(struct world *world, uint64_t ticket)
{
	world->awaited = ticket;
	if (world->written < ticket)
		assert_int_equal(loop_run(world->loop), 0);
	assert_true(world->written >= ticket);
}

static uint64_t bind_and_note(struct world *world, uint8_t n, uint32_t seconds)
{
	struct dhcp_client_id id = {2, {9, n}};
	struct ip4 ip = ip4_from_number(0xc0a87800 + n);
	struct lease *lease = lease_find_ip(&world->table, ip);
	struct lease_store *store = lease_file_store(world->file);
	nsec now = loop_now(world->loop);

	if (!lease)
		lease = lease_add(&world->table, ip, &id, (struct mac){{2, 0, 0, 0, 0, n}});
	lease_bind(&world->table, lease, seconds, now + seconds * NSEC_PER_SEC);
	return store->note(store, lease, now);
}

static size_t read_back(struct world *world, char *out, size_t size)
{
	int fd = open(world->path, O_RDONLY);
	ssize_t len = read(fd, out, size - 1);

	close(fd);
	out[len] = '\0';
	return len;
}

static void write_text(struct world *world, const char *text, size_t len)
{
	int fd = open(world->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void keeps_leases(void **state)
{
	struct world *world = *state;
	struct lease *lease;

	open_file(world);
	bind_and_note(world, 1, 1000);
	bind_and_note(world, 2, 1000);
	wait_for(world, bind_and_note(world, 1, 2000));
	close_file(world);

	open_file(world);
	assert_int_equal(lease_file_ignored(world->file), 0);
	assert_int_equal(world->table.by_ip.count, 2);
	lease = lease_find_ip(&world->table, ip4_from_number(0xc0a87801));
	assert_int_equal(lease->duration, 2000);
	assert_true(lease_expires(lease) - loop_now(world->loop) > 1990 * NSEC_PER_SEC);
	close_file(world);
}

static void forgets(void **state)
{
	struct world *world = *state;
	struct lease_store *store;
	struct ip4 ip = ip4_from_number(0xc0a87801);

	open_file(world);
	store = lease_file_store(world->file);
	bind_and_note(world, 1, 1000);
	bind_and_note(world, 2, 1000);
	lease_remove(&world->table, lease_find_ip(&world->table, ip));
	wait_for(world, store->forget(store, ip));
	close_file(world);
	open_file(world);
	assert_int_equal(world->table.by_ip.count, 1);
	close_file(world);
}

/* Killed at any byte: what lies before the last whole line is there, and more can follow. */
static void survives_a_torn_end(void **state)
{
	struct world *world = *state;
	char text[1024], more[2048];
	size_t len, lines;

	open_file(world);
	for (uint8_t n = 1; n <= 5; n++)
		bind_and_note(world, n, 1000);
	close_file(world);
	len = read_back(world, text, sizeof(text));
	for (size_t cut = 0; cut <= len; cut++) {
		write_text(world, text, cut);
		lines = 0;
		for (size_t i = strlen(HEADER); i < cut; i++)
			lines += text[i] == '\n';
		open_file(world);
		assert_int_equal(world->table.by_ip.count, lines);
		assert_int_equal(lease_file_ignored(world->file), 0);
		wait_for(world, bind_and_note(world, 9, 1000));
		close_file(world);
		open_file(world);
		assert_int_equal(world->table.by_ip.count, lines + 1);
		close_file(world);
	}
	assert_true(read_back(world, more, sizeof(more)) > len);
}

static void passes_over_a_broken_line(void **state)
{
	struct world *world = *state;
	static const char text[] = HEADER "10.0.0.1 02:00:00:00:00:01 bound 1700000060 90 0901 -\n"
					  "\0\0\0 what is this\n"
					  "10.0.0.2 02:00:00:00:00:02 bound 1700000060 90 0902 -\n";

	write_text(world, text, sizeof(text) - 1);
	open_file(world);
	assert_int_equal(world->table.by_ip.count, 2);
	assert_int_equal(lease_file_ignored(world->file), 1);
	close_file(world);
}

static void leaves_other_files_alone(void **state)
{
	struct world *world = *state;
	struct error error = {0};
	char text[64];

	write_text(world, "root:x:0:0\n", 11);
	assert_int_equal(try_open(world, &error), -EINVAL);
	assert_non_null(strstr(error.text, world->path));
	read_back(world, text, sizeof(text));
	assert_string_equal(text, "root:x:0:0\n");
	lease_table_done(&world->table);

	unlink(world->path);
	mkdir(world->path, 0700);
	error.text[0] = '\0';
	assert_int_equal(try_open(world, &error), -EISDIR);
	assert_non_null(strstr(error.text, "directory"));
	lease_table_done(&world->table);
	rmdir(world->path);
}

static void does_not_grow_for_ever(void **state)
{
	struct world *world = *state;
	struct stat status;

	open_file(world);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t ticket = bind_and_note(world, i % 3 + 1, 1000 + i);

		if (i % 16 == 0)
			wait_for(world, ticket);
	}
	close_file(world);
	assert_int_equal(stat(world->path, &status), 0);
	assert_true(status.st_size < 400 * 80);
	open_file(world);
	assert_int_equal(world->table.by_ip.count, 3);
	for (uint8_t n = 1; n <= 3; n++)
		assert_true(
			lease_find_ip(&world->table, ip4_from_number(0xc0a87800 + n))->duration >=
			2997);
	close_file(world);
}

/* Notes and tells a pipe of every ticket that is written, until it is killed. */
static void run_until_killed(struct world *world, int pipe_fd)
{
	open_file(world);
	for (unsigned i = 0;; i++) {
		uint64_t ticket = bind_and_note(world, i % 200 + 1, 10000 + i);

		if (i % 3)
			continue;
		wait_for(world, ticket);
		if (write(pipe_fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static void loses_nothing_that_was_written(void **state)
{
	struct world *world = *state;

	for (unsigned round = 0; round < 5; round++) {
		unsigned last = 0;
		int pipe_fds[2];
		pid_t child;

		assert_int_equal(pipe(pipe_fds), 0);
		child = fork();
		if (!child) {
			run_until_killed(world, pipe_fds[1]);
			_exit(0);
		}
		close(pipe_fds[1]);
		usleep(30000 + 7000 * round);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(pipe_fds[0], &last, sizeof(last)) == sizeof(last))
			;
		close(pipe_fds[0]);
		open_file(world);
		for (unsigned i = last > 199 ? last - 199 : 0; last && i <= last; i++) {
			struct lease *lease = lease_find_ip(
				&world->table, ip4_from_number(0xc0a87800 + i % 200 + 1));

			assert_non_null(lease);
			assert_true(lease->duration >= 10000 + i);
		}
		assert_int_equal(lease_file_ignored(world->file), 0);
		close_file(world);
		unlink(world->path);
	}
}

/* A file that may not grow (RLIMIT_FSIZE) stands in for a full disk. */
static void tells_of_a_full_disk_and_mends(void **state)
{
	struct world *world = *state;
	struct rlimit before, little = {120, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	little.rlim_max = before.rlim_max;
	open_file(world);
	wait_for(world, bind_and_note(world, 1, 1000));
	assert_int_equal(world->troubles, 0);
	setrlimit(RLIMIT_FSIZE, &little);
	wait_for(world, bind_and_note(world, 2, 1000));
	wait_for(world, bind_and_note(world, 3, 1000));
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(world->troubles, 1);
	assert_int_equal(world->trouble, -EFBIG);
	wait_for(world, bind_and_note(world, 4, 1000));
	assert_int_equal(world->troubles, 2);
	assert_int_equal(world->trouble, 0);
	close_file(world);
	open_file(world);
	assert_int_equal(world->table.by_ip.count, 4); /* what was lost came with the whole */
	close_file(world);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(keeps_leases),
		WORLD_TEST(forgets),
		WORLD_TEST(survives_a_torn_end),
		WORLD_TEST(passes_over_a_broken_line),
		WORLD_TEST(leaves_other_files_alone),
		WORLD_TEST(does_not_grow_for_ever),
		WORLD_TEST(loses_nothing_that_was_written),
		WORLD_TEST(tells_of_a_full_disk_and_mends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
