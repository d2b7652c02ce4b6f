/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"
#include "daemon/api.h"
#include "daemon/apply.h"
#include "daemon/identity.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/procview.h"
#include "daemon/sandbox.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_BAD_ARGUMENTS 2
#define STACK_SIZE	   (256 * 1024) /* bytes, of each worker */

struct daemon {
	struct options options;
	struct loop *loop;
	struct watch signals;
	struct events *events;
	struct world world;
	struct api *api;
	struct procview *view; /* NULL: this machine has no place for it */
};

/* Descriptors: each flow of the NAT is one. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Every thread would have stacks and heaps of its own, most of them never touched again. */
static void keep_memory_small(void)
{
	pthread_attr_t attributes;

	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}

/* The directory and those above it; those that are made are ours alone, but for the last one, which
 * holds the socket and must be passable for its group. */
static int make_directory(const char *path, mode_t mode, struct error *error)
{
	char part[OPTIONS_PATH_SIZE];

	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		const char *end = strchr(slash + 1, '/');

		snprintf(part, sizeof(part), "%.*s", (int)(end ? end - path : (long)strlen(path)),
			path);
		if (mkdir(part, mode) < 0 && errno != EEXIST && access(part, X_OK) < 0)
			return error_set(error, errno, "%s: %m", part);
		if (!end)
			break;
	}
	return 0;
}

static int apply_file(struct daemon *daemon, struct error *error)
{
	struct apply_report report;
	struct config *config = NULL;
	int err = config_read_file(daemon->options.config_path, &config, error);

	if (err)
		return err;
	apply_report_init(&report);
	err = apply(&daemon->world, config, &report, error);
	apply_report_done(&report);
	config_free(config);
	return err;
}

static int apply_wish(struct daemon *daemon, struct error *error)
{
	if (daemon->options.config_path[0])
		return apply_file(daemon, error);
	return apply_default(&daemon->world, error);
}

/* SIGHUP. Where there is no file, there is nothing that could have changed. */
static void reload(struct daemon *daemon)
{
	struct error error = {0};

	notify("RELOADING=1");
	if (!daemon->options.config_path[0])
		log_info("no file to apply: the built-in default runs");
	else if (apply_file(daemon, &error))
		log_error("nothing changed: %s", error.text);
	else
		log_info("%s: applied", daemon->options.config_path);
	notify("READY=1");
}

static void on_signal(struct watch *watch, uint32_t)
{
	struct daemon *daemon = CONTAINER_OF(watch, struct daemon, signals);
	struct signalfd_siginfo signal;

	if (read(watch->fd, &signal, sizeof(signal)) != sizeof(signal))
		return;
	if (signal.ssi_signo == SIGHUP)
		reload(daemon);
	else
		loop_stop(daemon->loop);
}

/* Blocked before any thread starts, so that they come by the descriptor alone. */
static int watch_signals(struct daemon *daemon)
{
	sigset_t signals;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	daemon->signals.on_ready = on_signal;
	return loop_watch(daemon->loop, &daemon->signals, fd, EPOLLIN);
}

static int start_loop(struct daemon *daemon, struct error *error)
{
	int err;

	daemon->loop = loop_new();
	if (!daemon->loop)
		return error_set(error, errno, "the event loop: %m");
	err = watch_signals(daemon);
	if (err)
		return error_set(error, -err, "signals: %s", strerror(-err));
	daemon->events = events_new(daemon->loop);
	if (!daemon->events)
		return error_set(error, ENOMEM, "out of memory");
	world_init(&daemon->world, daemon->loop, daemon->events);
	daemon->world.state_dir = daemon->options.state_dir;
	daemon->world.runtime_dir = daemon->options.runtime_dir;
	return 0;
}

/* A convenience: the API says the same. */
static void open_view(struct daemon *daemon)
{
	char path[OPTIONS_PATH_SIZE + sizeof("/vmnet")];
	struct error error = {0};

	snprintf(path, sizeof(path), "%s/vmnet", daemon->options.runtime_dir);
	if (procview_open(&daemon->world, path, daemon->options.api_path, &daemon->view, &error))
		log_info("no vmnet files: %s", error.text);
}

static int start(struct daemon *daemon, struct error *error)
{
	int err = start_loop(daemon, error);

	if (!err)
		err = make_directory(daemon->options.state_dir, 0700, error);
	if (!err)
		err = make_directory(daemon->options.runtime_dir, 0755, error);
	if (!err)
		err = identity_open(daemon->options.state_dir, &daemon->world.identity, error);
	/* The door first: a second daemon must not take the first one's leases and interfaces. */
	if (!err)
		err = api_open(&daemon->world, daemon->options.api_path, &daemon->api, error);
	if (err)
		return err;
	open_view(daemon);
	sandbox_enter();
	return apply_wish(daemon, error);
}

static void stop(struct daemon *daemon)
{
	int fd;

	if (!daemon->loop)
		return;
	api_close(daemon->api);
	procview_close(daemon->view);
	if (daemon->events)
		world_done(&daemon->world);
	/* What the workers posted with their last breath has nobody to hear it, but is not lost. */
	loop_stop(daemon->loop);
	(void)!loop_run(daemon->loop);
	fd = daemon->signals.fd;
	loop_unwatch(&daemon->signals);
	if (fd > 0)
		close(fd);
	events_free(daemon->events);
	loop_free(daemon->loop);
}

static int run(struct daemon *daemon)
{
	struct error error = {0};
	int err = start(daemon, &error);

	if (err) {
		log_error("lanyardd: %s", error.text);
		stop(daemon);
		return err == -EINVAL ? EXIT_BAD_ARGUMENTS : EXIT_FAILURE;
	}
	log_info("ready: %s", daemon->options.api_path);
	notify("READY=1");
	err = loop_run(daemon->loop);
	if (err)
		log_error("lanyardd: the event loop: %s", strerror(-err));
	notify("STOPPING=1");
	stop(daemon);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	static struct daemon daemon;
	struct error error = {0};

	log_open(LOG_LEVEL_INFO);
	if (options_read(argc, argv, &daemon.options, &error)) {
		log_error("lanyardd: %s", error.text);
		return EXIT_BAD_ARGUMENTS;
	}
	switch (daemon.options.wish) {
	case OPTIONS_SAY_VERSION:
		puts("lanyardd " LANYARD_VERSION);
		return EXIT_SUCCESS;
	case OPTIONS_SAY_HELP:
		fputs(options_help(), stdout);
		return EXIT_SUCCESS;
	case OPTIONS_RUN:
		break;
	}
	raise_limits();
	keep_memory_small();
	return run(&daemon);
}
