/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/private_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MSEC 5000
#define STOP_MSEC  3000

/* A folder with everything the daemon owns, and names in it. */
struct home {
	char path[32];
};

static char *in_home(const struct home *home, const char *name, char text[64])
{
	snprintf(text, 64, "%s/%s", home->path, name);
	return text;
}

static int remove_one(const char *path, const struct stat *, int, struct FTW *)
{
	remove(path);
	return 0;
}

static void remove_home(const struct home *home)
{
	char vmnet[64];

	umount2(in_home(home, "vmnet", vmnet),
		MNT_DETACH); /* one that was killed left it mounted */
	nftw(home->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* lanyardd beside our own program, else wherever $PATH finds it. */
static void find_program(char ret_path[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", ret_path, PATH_MAX - sizeof("lanyardd"));
	char *slash;

	ret_path[MAX(len, 0)] = '\0';
	slash = strrchr(ret_path, '/');
	if (slash)
		strcpy(slash + 1, "lanyardd");
	if (access(ret_path, X_OK))
		strcpy(ret_path, "lanyardd");
}

/* In the process that becomes the daemon. */
static void become_daemon(const struct home *home)
{
	char program[PATH_MAX], state[64], api[64], notify[64], log[64];
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int written = open(in_home(home, "log", log), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (nothing < 0 || written < 0 || dup2(nothing, 0) < 0 || dup2(written, 1) < 0 ||
		dup2(written, 2) < 0)
		_exit(1);
	setenv("XDG_CONFIG_HOME", home->path, 1); /* no file of the user's: the default network */
	setenv("NOTIFY_SOCKET", in_home(home, "notify", notify), 1);
	unsetenv("JOURNAL_STREAM");
	find_program(program);
	execlp(program, "lanyardd", "--user", "--state", in_home(home, "state", state), "--api",
		in_home(home, "api.sock", api), NULL);
	dprintf(2, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

static bool ends_within(int process, int msec)
{
	struct pollfd ends = {process, POLLIN, 0};

	return poll(&ends, 1, msec) > 0;
}

static void end_daemon(pid_t pid, int process)
{
	kill(pid, SIGTERM);
	if (!ends_within(process, STOP_MSEC))
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* In the guardian, which is nobody's foreground: Ctrl-C is not for the daemon. ended: closed when
 * the daemon is gone. */
static void guard(const struct home *home, int lifeline, int ended)
{
	pid_t pid;
	int process;
	char byte;

	setsid();
	pid = fork();
	if (!pid)
		become_daemon(home);
	process = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (process >= 0) {
		struct pollfd polled[2] = {{process, POLLIN, 0}, {lifeline, POLLIN, 0}};

		close(0);
		close(1);
		close(2);
		poll(polled, 2, -1);
	}
	close(ended);
	while (read(lifeline, &byte, 1) < 0 && errno == EINTR)
		;
	if (pid > 0)
		end_daemon(pid, process);
	remove_home(home);
	_exit(0);
}

static int open_notify(const struct home *home)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", home->path);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static bool says_ready(int notify)
{
	char text[256];
	ssize_t len = recv(notify, text, sizeof(text) - 1, 0);

	text[MAX(len, 0)] = '\0';
	return strstr(text, "READY=1");
}

/* The last line the daemon wrote is the reason it ended. */
static int explain(const struct home *home, const char *what, struct error *error)
{
	char path[64], line[400] = "", last[400] = "";
	FILE *log = fopen(in_home(home, "log", path), "re");

	while (log && fgets(line, sizeof(line), log))
		strcpy(last, line);
	if (log)
		fclose(log);
	last[strcspn(last, "\n")] = '\0';
	return error_set(error, ECHILD, "a private daemon %s%s%s", what, last[0] ? ": " : "", last);
}

static int wait_ready(const struct home *home, int notify, int ended, struct error *error)
{
	struct pollfd polled[2] = {{notify, POLLIN, 0}, {ended, POLLIN, 0}};

	for (;;) {
		int count = poll(polled, 2, READY_MSEC);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return explain(home, "does not get ready", error);
		if (polled[0].revents && says_ready(notify))
			return 0;
		if (polled[1].revents)
			return explain(home, "could not run", error);
	}
}

/* Starts the guardian. ret_ended: readable when the daemon is gone. */
static int start_guardian(const struct home *home, struct private_daemon *daemon, int *ret_ended)
{
	int lifeline[2], ended[2];

	if (pipe2(lifeline, O_CLOEXEC))
		return -errno;
	if (pipe2(ended, O_CLOEXEC)) {
		close(lifeline[0]);
		close(lifeline[1]);
		return -ENFILE;
	}
	daemon->guardian = fork();
	if (!daemon->guardian) {
		close(lifeline[1]);
		close(ended[0]);
		guard(home, lifeline[0], ended[1]);
	}
	close(lifeline[0]);
	close(ended[1]);
	daemon->lifeline = lifeline[1];
	*ret_ended = ended[0];
	return daemon->guardian < 0 ? -EAGAIN : 0;
}

static int make_home(struct home *home, int *ret_notify, struct error *error)
{
	char state[64];
	int notify;

	snprintf(home->path, sizeof(home->path), "/tmp/lanyard-XXXXXX");
	if (!mkdtemp(home->path))
		return error_set(error, errno, "%s: %s", home->path, strerror(errno));
	notify = open_notify(home);
	if (notify < 0 || mkdir(in_home(home, "state", state), 0700)) {
		remove_home(home);
		return error_set(error, EIO, "%s: cannot be written to", home->path);
	}
	*ret_notify = notify;
	return 0;
}

int private_daemon_start(struct private_daemon *ret_daemon, struct error *error)
{
	struct private_daemon daemon = {.lifeline = -1};
	int err, notify = -1, ended = -1;
	struct home home;

	err = make_home(&home, &notify, error);
	if (err)
		return err;
	err = start_guardian(&home, &daemon, &ended);
	if (err) {
		remove_home(&home);
		error_set(error, -err, "a private daemon: %s", strerror(-err));
	} else {
		err = wait_ready(&home, notify, ended, error);
		if (err)
			private_daemon_stop(&daemon);
	}
	close(notify);
	if (ended >= 0)
		close(ended);
	if (err)
		return err;
	in_home(&home, "api.sock", daemon.api_path);
	*ret_daemon = daemon;
	return 0;
}

void private_daemon_stop(struct private_daemon *daemon)
{
	close(daemon->lifeline);
	while (waitpid(daemon->guardian, NULL, 0) < 0 && errno == EINTR)
		;
}
