/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/options.h"

#include <string.h>

/* Does argument, without its dashes, spell the option? value: what follows '=', or NULL. */
static bool spells(const struct option *option, const char *argument, const char **ret_value)
{
	size_t len = strlen(option->name);
	size_t dashes = len == 1 ? 1 : 2;

	if (strncmp(argument, "--", dashes) || strncmp(argument + dashes, option->name, len))
		return false;
	argument += dashes + len;
	if (*argument && *argument != '=')
		return false;
	*ret_value = *argument ? argument + 1 : NULL;
	return true;
}

static const struct option *find(
	const struct option *options, size_t count, const char *argument, const char **ret_value)
{
	for (size_t i = 0; i < count; i++)
		if (spells(&options[i], argument, ret_value))
			return &options[i];
	return NULL;
}

/* Takes call->args[*at], an option, and its value; moves *at past them. */
static int take(struct call *call, const struct option *options, size_t count, int *at)
{
	const struct option every[] = {
		{"json", .flag = &call->wants_json},
		{"api", .value = &call->api_path},
	};
	const char *argument = call->args[(*at)++], *value;
	const struct option *option = find(options, count, argument, &value);

	if (!option)
		option = find(every, ARRAY_SIZE(every), argument, &value);
	if (!option)
		return call_refuse(call, "%s is no option of it", argument);
	if (option->flag && value)
		return call_refuse(call, "%s: it takes no value", argument);
	if (option->flag) {
		*option->flag = true;
		return EXIT_FINE;
	}
	if (!value && *at < call->arg_count)
		value = call->args[(*at)++];
	if (!value)
		return call_refuse(call, "%s needs a value", argument);
	*option->value = value;
	return EXIT_FINE;
}

int options_read(
	struct call *call, const struct option *options, size_t count, enum operands operands)
{
	int left = 0, at = 0, refused;

	while (at < call->arg_count) {
		const char *argument = call->args[at];

		if (!strcmp(argument, "--")) {
			at++;
			break;
		}
		if (argument[0] == '-' && argument[1]) {
			refused = take(call, options, count, &at);
			if (refused)
				return refused;
			continue;
		}
		if (operands == OPERANDS_END_OPTIONS)
			break;
		call->args[left++] = call->args[at++];
	}
	while (at < call->arg_count)
		call->args[left++] = call->args[at++];
	call->args[left] = NULL;
	call->arg_count = left;
	return EXIT_FINE;
}

int options_read_between(
	struct call *call, const struct option *options, size_t count, int min, int max)
{
	int refused = options_read(call, options, count, OPERANDS_ANYWHERE);

	if (refused)
		return refused;
	if (call->arg_count < min)
		return call_refuse(call, "something is missing");
	if (call->arg_count > max)
		return call_refuse(call, "'%s' is too much", call->args[max]);
	return EXIT_FINE;
}
