/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/lanyard/lanyard.yaml"

static const char help[] =
	"usage: lanyardd [-c FILE] [--state DIR] [--api PATH] [--user]\n"
	"\n"
	"  -c, --config FILE  the networks to make; default " SYSTEM_CONFIG ",\n"
	"                     or where that is missing hub8, a NAT network\n"
	"      --state DIR    leases and keys; default /var/lib/lanyard\n"
	"      --api PATH     the socket that lanyard(1) talks to; default /run/lanyard/api.sock\n"
	"      --user         the files of one user: $XDG_CONFIG_HOME, $XDG_STATE_HOME and\n"
	"                     $XDG_RUNTIME_DIR instead of the above; implied for all but root\n"
	"      --version, --help\n"
	"\n"
	"SIGHUP applies FILE again. See lanyardd(8).\n";

const char *options_help(void)
{
	return help;
}

enum {
	OPTION_STATE = 256,
	OPTION_API,
	OPTION_USER,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"state", required_argument, NULL, OPTION_STATE},
	{"api", required_argument, NULL, OPTION_API},
	{"user", no_argument, NULL, OPTION_USER},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static int set_path(
	char path[OPTIONS_PATH_SIZE], const char *option, const char *value, struct error *error)
{
	if (!value[0])
		return error_set(error, EINVAL, "%s '': a path is wanted", option);
	if (snprintf(path, OPTIONS_PATH_SIZE, "%s", value) >= OPTIONS_PATH_SIZE)
		return error_set(error, EINVAL, "%s %.40s...: longer than %d bytes", option, value,
			OPTIONS_PATH_SIZE - 1);
	return 0;
}

static int refuse(char *const argv[], int found, struct error *error)
{
	const char *argument = argv[optind - 1];

	if (found == ':')
		return error_set(
			error, EINVAL, "%s: a value is missing; see lanyardd --help", argument);
	return error_set(error, EINVAL, "%s: no such option; see lanyardd --help", argument);
}

static int read_arguments(
	int argc, char *const argv[], struct options *options, bool *is_user, struct error *error)
{
	int found, err = 0;

	optind = 0; /* glibc: start anew, so that this can be called twice */
	while (!err && (found = getopt_long(argc, argv, ":c:", long_options, NULL)) >= 0) {
		if (found == 'c')
			err = set_path(options->config_path, "-c", optarg, error);
		else if (found == OPTION_STATE)
			err = set_path(options->state_dir, "--state", optarg, error);
		else if (found == OPTION_API)
			err = set_path(options->api_path, "--api", optarg, error);
		else if (found == OPTION_USER)
			*is_user = true;
		else if (found == OPTION_VERSION)
			options->wish = OPTIONS_SAY_VERSION;
		else if (found == OPTION_HELP)
			options->wish = OPTIONS_SAY_HELP;
		else
			err = refuse(argv, found, error);
	}
	if (!err && optind < argc)
		err = error_set(
			error, EINVAL, "%s: not expected; see lanyardd --help", argv[optind]);
	return err;
}

/* $VARIABLE/TAIL, or $HOME/HOME_TAIL/TAIL where the variable is not set; else empty. */
static void set_xdg(
	char path[OPTIONS_PATH_SIZE], const char *variable, const char *home_tail, const char *tail)
{
	const char *base = getenv(variable), *home = getenv("HOME");
	int len = 0;

	if (base && base[0] == '/')
		len = snprintf(path, OPTIONS_PATH_SIZE, "%s/%s", base, tail);
	else if (home_tail && home && home[0] == '/')
		len = snprintf(path, OPTIONS_PATH_SIZE, "%s/%s/%s", home, home_tail, tail);
	if (len >= OPTIONS_PATH_SIZE)
		path[0] = '\0';
}

static void set_user_defaults(struct options *options)
{
	char config[OPTIONS_PATH_SIZE] = "";

	set_xdg(config, "XDG_CONFIG_HOME", ".config", "lanyard/lanyard.yaml");
	if (!options->config_path[0] && !access(config, F_OK))
		strcpy(options->config_path, config);
	if (!options->state_dir[0])
		set_xdg(options->state_dir, "XDG_STATE_HOME", ".local/state", "lanyard");
	if (!options->api_path[0])
		set_xdg(options->api_path, "XDG_RUNTIME_DIR", NULL, "lanyard/api.sock");
}

static void set_system_defaults(struct options *options)
{
	if (!options->config_path[0] && !access(SYSTEM_CONFIG, F_OK))
		strcpy(options->config_path, SYSTEM_CONFIG);
	if (!options->state_dir[0])
		strcpy(options->state_dir, "/var/lib/lanyard");
	if (!options->api_path[0])
		strcpy(options->api_path, "/run/lanyard/api.sock");
}

static int check_paths(struct options *options, struct error *error)
{
	const char *slash;

	if (!options->state_dir[0])
		return error_set(error, EINVAL,
			"--state: neither XDG_STATE_HOME nor HOME is set; "
			"say --state DIR");
	if (!options->api_path[0])
		return error_set(
			error, EINVAL, "--api: XDG_RUNTIME_DIR is not set; say --api PATH");
	if (strlen(options->api_path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return error_set(error, EINVAL,
			"--api %.40s...: a socket's path has at most 107 bytes", options->api_path);
	slash = strrchr(options->api_path, '/');
	if (!slash)
		strcpy(options->runtime_dir, ".");
	else
		snprintf(options->runtime_dir, OPTIONS_PATH_SIZE, "%.*s",
			(int)MAX(slash - options->api_path, 1), options->api_path);
	return 0;
}

int options_read(int argc, char *const argv[], struct options *ret_options, struct error *error)
{
	struct options options = {0};
	bool is_user = geteuid() != 0;
	int err;

	err = read_arguments(argc, argv, &options, &is_user, error);
	if (!err && options.wish == OPTIONS_RUN) {
		if (is_user)
			set_user_defaults(&options);
		else
			set_system_defaults(&options);
		err = check_paths(&options, error);
	}
	if (!err)
		*ret_options = options;
	return err;
}
