/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/netns.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* A process that lives in a namespace of its own until it is killed. */
static pid_t tenant;
static char link_path[64]; /* to it, under /run/netns */
static ino_t home, theirs;

static ino_t namespace_of(const char *who)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", who);
	assert_int_equal(stat(path, &status), 0);
	return status.st_ino;
}

static int start_tenant(void **)
{
	int ready[2];
	char pid[16], byte;

	if (pipe(ready))
		return -1;
	tenant = fork();
	if (!tenant) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return -1;
	close(ready[0]);
	snprintf(pid, sizeof(pid), "%d", tenant);
	home = namespace_of("thread-self");
	theirs = namespace_of(pid);
	return 0;
}

static int stop_tenant(void **)
{
	kill(tenant, SIGKILL);
	waitpid(tenant, NULL, 0);
	unlink(link_path);
	return 0;
}

static int see_where(void *argument)
{
	*(ino_t *)argument = namespace_of("thread-self");
	return -42;
}

static void assert_leads_there(const char *where)
{
	struct error error = {0};
	ino_t seen = 0;

	assert_int_equal(netns_call(where, see_where, &seen, &error), -42);
	assert_string_equal(error.text, "");
	assert_int_equal(seen, theirs);
	assert_int_equal(namespace_of("thread-self"), home);
}

static void test_by_pid_and_path(void **)
{
	char where[64];

	assert_int_not_equal(home, theirs);
	snprintf(where, sizeof(where), "%d", tenant);
	assert_leads_there(where);
	snprintf(where, sizeof(where), "/proc/%d/ns/net", tenant);
	assert_leads_there(where);
}

static void test_by_name(void **)
{
	char name[32], target[64];

	snprintf(name, sizeof(name), "io-test-%d", getpid());
	snprintf(link_path, sizeof(link_path), "/run/netns/%s", name);
	snprintf(target, sizeof(target), "/proc/%d/ns/net", tenant);
	mkdir("/run/netns", 0755);
	if (symlink(target, link_path))
		skip(); /* only root writes there */
	assert_leads_there(name);
}

static void test_nowhere_is_here(void **)
{
	ino_t seen = 0;

	assert_int_equal(netns_call(NULL, see_where, &seen, NULL), -42);
	assert_int_equal(seen, home);
	assert_int_equal(netns_call("", see_where, &seen, NULL), -42);
	assert_int_equal(seen, home);
}

static void assert_refused(const char *where, int err, const char *sentence)
{
	struct error error = {0};
	ino_t seen = 0;

	assert_int_equal(netns_call(where, see_where, &seen, &error), err);
	assert_non_null(strstr(error.text, sentence));
	assert_int_equal(seen, 0);
}

static void test_refused_in_words(void **)
{
	assert_refused("no-such-name", -ENOENT, "'no-such-name': no such name under /run/netns");
	assert_refused("4194305", -ESRCH, "there is no process 4194305");
	assert_refused("/no/such/file", -ENOENT, "No such file or directory");
	assert_refused("/proc/self/ns/uts", -EINVAL, "is not a network namespace");
	assert_refused("/proc/self/status", -EINVAL, "is not a network namespace");
	assert_refused("..", -EINVAL, "is not a network namespace");
}

static void give_up_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0};

	assert_int_equal(syscall(SYS_capset, &header, none), 0);
}

static void test_without_the_capability(void **)
{
	struct error error = {0};
	ino_t seen;
	int status;
	pid_t child = fork();

	if (!child) {
		give_up_capabilities();
		status = netns_call("/proc/self/ns/net", see_where, &seen, &error);
		_exit(status == -EPERM && strstr(error.text, "CAP_SYS_ADMIN") ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_pid_and_path),
		cmocka_unit_test(test_by_name),
		cmocka_unit_test(test_nowhere_is_here),
		cmocka_unit_test(test_refused_in_words),
		cmocka_unit_test(test_without_the_capability),
	};

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		puts("skipped: may not make network namespaces");
		return 77;
	}
	return cmocka_run_group_tests(tests, start_tenant, stop_tenant);
}
