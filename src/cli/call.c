/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/call.h"

#include "cli/api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int call_exit(int err)
{
	switch (err) {
	case 0:
		return EXIT_FINE;
	case -EINVAL:
		return EXIT_BAD_INPUT;
	case -ENOTCONN:
		return EXIT_UNREACHABLE;
	}
	return EXIT_FAILED;
}

int call_open_api(struct call *call, struct api **ret_api)
{
	*ret_api = api_open(call->api_path);
	if (*ret_api)
		return EXIT_FINE;
	error_set(&call->error, ENOMEM, "out of memory");
	return EXIT_FAILED;
}

int call_refuse(struct call *call, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (call->name)
		error_set(&call->error, EINVAL, "%s: %s; usage: lanyard %s%s%s", call->name, what,
			call->name, call->usage[0] ? " " : "", call->usage);
	else
		error_set(&call->error, EINVAL, "%s; 'lanyard help' lists the commands", what);
	return EXIT_BAD_INPUT;
}

int call_refuse_value(struct call *call, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	error_set(&call->error, EINVAL, "%s: %s", call->name, what);
	return EXIT_BAD_INPUT;
}

/* Values are texts: the daemon reads them as it reads a file's. */
int call_add_settings(struct call *call, int first, json_t *object)
{
	for (int i = first; i < call->arg_count; i++) {
		const char *equals = strchr(call->args[i], '=');
		size_t len = equals ? (size_t)(equals - call->args[i]) : 0;

		if (!len ||
			json_object_setn_new(object, call->args[i], len, json_string(equals + 1)))
			return call_refuse(call, "'%s' is not KEY=VALUE", call->args[i]);
	}
	return EXIT_FINE;
}
