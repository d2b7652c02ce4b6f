/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What stands before the command. */
static int read_first(struct call *call, const struct command **ret_command)
{
	bool asks_help = false, asks_short = false, asks_version = false;
	const struct option options[] = {
		{"help", .flag = &asks_help},
		{"h", .flag = &asks_short},
		{"version", .flag = &asks_version},
	};
	int refused = options_read(call, options, ARRAY_SIZE(options), OPERANDS_END_OPTIONS);
	const char *name = asks_version ? "version" : "help";

	if (refused)
		return refused;
	if (!asks_help && !asks_short && !asks_version) {
		if (!call->arg_count)
			return call_refuse(call, "which command?");
		name = call->args[0];
		call->args++;
		call->arg_count--;
	}
	*ret_command = command_find(name);
	if (!*ret_command)
		return call_refuse(call, "there is no command '%s'", name);
	return EXIT_FINE;
}

static bool asks_for_help(const struct call *call)
{
	return call->arg_count &&
	       (!strcmp(call->args[0], "--help") || !strcmp(call->args[0], "-h"));
}

static int run(struct call *call)
{
	const struct command *command;
	char *name[] = {NULL, NULL};
	int refused = read_first(call, &command);

	if (refused)
		return refused;
	if (asks_for_help(call)) {
		name[0] = (char *)command->name;
		call->args = name;
		call->arg_count = 1;
		command = command_find("help");
	}
	call->name = command->name;
	call->usage = command->usage;
	return command->run(call);
}

int main(int argc, char **argv)
{
	struct call call = {.args = argv + 1, .arg_count = argc - 1};
	int code;

	if (!argc)
		return EXIT_BAD_INPUT;
	code = run(&call);
	if (call.error.text[0])
		fprintf(stderr, "%s%s\n", call.error_has_place ? "" : "lanyard: ", call.error.text);
	/* A full disk or a closed pipe behind stdout is a failure too. */
	if ((fflush(stdout) || ferror(stdout)) && code == EXIT_FINE) {
		fprintf(stderr, "lanyard: standard output: %s\n", strerror(errno));
		code = EXIT_FAILED;
	}
	return code;
}
