/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/secret_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96];
static struct error error;

static int set_up(void **)
{
	snprintf(folder, sizeof(folder), "/tmp/lanyard-secret-XXXXXX");
	error = (struct error){0};
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

/* Also says what was left behind. */
static unsigned empty_folder(void)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.') {
			unlinkat(dirfd(dir), entry->d_name, 0);
			count++;
		}
	}
	closedir(dir);
	return count;
}

static int tear_down(void **)
{
	empty_folder();
	return rmdir(folder);
}

static void check_content(const char *expected)
{
	char bytes[32];
	size_t len;

	assert_int_equal(secret_file_read(path, bytes, sizeof(bytes), &len, &error), 0);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(bytes, expected, len);
}

static void test_written_and_read(void **)
{
	struct stat stat_of;

	umask(0);
	assert_int_equal(secret_file_write(path, "one", 3, &error), 0);
	check_content("one");
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0600);
	assert_int_equal(secret_file_write(path, "another", 7, &error), 0);
	check_content("another");
	assert_int_equal(secret_file_write(path, "", 0, &error), 0);
	check_content("");
	assert_int_equal(empty_folder(), 1);
}

static void test_the_first_one_stays(void **)
{
	assert_int_equal(secret_file_create(path, "one", 3, &error), 0);
	assert_int_equal(secret_file_create(path, "two", 3, &error), -EEXIST);
	assert_string_equal(error.text, "");
	check_content("one");
	assert_int_equal(empty_folder(), 1);
}

static void test_none(void **)
{
	char bytes[4];
	size_t len;

	assert_int_equal(secret_file_read(path, bytes, sizeof(bytes), &len, &error), -ENOENT);
	assert_string_equal(error.text, "");
}

static void check_refused(int err, const char *words)
{
	char bytes[4];
	size_t len = 77;

	error = (struct error){0};
	assert_int_equal(secret_file_read(path, bytes, sizeof(bytes), &len, &error), err);
	assert_non_null(strstr(error.text, words));
	assert_non_null(strstr(error.text, path));
	assert_int_equal(len, 77);
}

static void test_others_may_use_it(void **)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0777};

	assert_int_equal(secret_file_write(path, "one", 3, &error), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		check_refused(-EPERM, "chmod 600");
	}
	assert_int_equal(chmod(path, 0400), 0);
	check_content("one");
}

static void test_what_is_no_file_of_ours(void **)
{
	char other[128];

	assert_int_equal(mkfifo(path, 0600), 0);
	check_refused(-EINVAL, "not a file");
	assert_int_equal(unlink(path), 0);
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(secret_file_write(other, "one", 3, &error), 0);
	assert_int_equal(symlink(other, path), 0);
	check_refused(-ELOOP, "symbolic links");
	assert_int_equal(unlink(path), 0);
	if (geteuid())
		return; /* may not give files away */
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(chown(path, 12345, 0), 0);
	check_refused(-EPERM, "belongs to user 12345");
}

static void test_longer_than_it_may_be(void **)
{
	assert_int_equal(secret_file_write(path, "12345", 5, &error), 0);
	check_refused(-EFBIG, "longer than 4 bytes");
	assert_int_equal(secret_file_write(path, "1234", 4, &error), 0);
	check_content("1234");
}

static void test_a_full_disk_leaves_what_was(void **)
{
	static const char large[8192];
	const struct rlimit small = {4096, RLIM_INFINITY}, any = {RLIM_INFINITY, RLIM_INFINITY};

	assert_int_equal(secret_file_write(path, "one", 3, &error), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(secret_file_write(path, large, sizeof(large), &error), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &any), 0);
	assert_non_null(strstr(error.text, path));
	check_content("one");
	assert_int_equal(empty_folder(), 1);
}

static void test_appended(void **)
{
	assert_int_equal(secret_file_append(path, 0, "one", 3, &error), -ESTALE);
	assert_int_equal(secret_file_write(path, "one", 3, &error), 0);
	assert_int_equal(secret_file_append(path, 2, "two", 3, &error), -ESTALE);
	assert_int_equal(secret_file_append(path, 4, "two", 3, &error), -ESTALE);
	assert_string_equal(error.text, "");
	assert_int_equal(secret_file_append(path, 3, "two", 3, &error), 0);
	check_content("onetwo");
}

static void test_a_full_disk_appends_nothing(void **)
{
	static const char large[8192];
	const struct rlimit small = {4096, RLIM_INFINITY}, any = {RLIM_INFINITY, RLIM_INFINITY};

	assert_int_equal(secret_file_write(path, "one", 3, &error), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(secret_file_append(path, 3, large, sizeof(large), &error), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &any), 0);
	assert_non_null(strstr(error.text, path));
	check_content("one");
}

static void test_nowhere(void **)
{
	snprintf(path, sizeof(path), "%s/no/key", folder);
	assert_int_equal(secret_file_write(path, "one", 3, &error), -ENOENT);
	assert_non_null(strstr(error.text, "No such file"));
}

#define SECRET_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SECRET_TEST(test_written_and_read),
		SECRET_TEST(test_the_first_one_stays),
		SECRET_TEST(test_none),
		SECRET_TEST(test_others_may_use_it),
		SECRET_TEST(test_what_is_no_file_of_ours),
		SECRET_TEST(test_longer_than_it_may_be),
		SECRET_TEST(test_a_full_disk_leaves_what_was),
		SECRET_TEST(test_appended),
		SECRET_TEST(test_a_full_disk_appends_nothing),
		SECRET_TEST(test_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
