/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file: `lanyard apply`, `check` and `config`. */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1 << 20) /* bytes; the daemon takes no more */

/* The whole file, "-" being standard input. malloc'ed, len bytes and a zero; NULL: errno. */
static char *read_whole(FILE *file, size_t *ret_len)
{
	char *text = malloc(FILE_MAX + 2);
	size_t len;

	if (!text)
		return NULL;
	errno = 0;
	len = fread(text, 1, FILE_MAX + 1, file);
	if (!ferror(file) && len <= FILE_MAX) {
		text[len] = '\0';
		*ret_len = len;
		return text;
	}
	if (len > FILE_MAX)
		errno = EFBIG;
	free(text);
	return NULL;
}

/* Reads and checks the file; refusals name it, with line and column. An exit code. */
static int read_file(
	struct call *call, const char *path, char **ret_text, struct config **ret_config)
{
	bool is_stdin = !strcmp(path, "-");
	const char *name = is_stdin ? "(standard input)" : path;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	char *text = file ? read_whole(file, &(size_t){0}) : NULL;
	int err = errno;

	if (file && !is_stdin)
		fclose(file);
	call->error_has_place = true;
	if (!text) {
		error_set(&call->error, err, "%s: %s", name, strerror(err));
		return EXIT_BAD_INPUT;
	}
	err = config_read(name, text, strlen(text), ret_config, &call->error);
	if (err) {
		free(text);
		return call_exit(err);
	}
	call->error_has_place = false;
	*ret_text = text;
	return EXIT_FINE;
}

static void say_changes(const json_t *reply)
{
	const json_t *changes = json_object_get(reply, "changes"), *line;
	size_t i;

	json_array_foreach(changes, i, line)
		puts(json_string_value(line) ?: "");
	if (!json_array_size(changes))
		puts("nothing to change");
	fflush(stdout);
	json_array_foreach(json_object_get(reply, "warnings"), i, line)
		fprintf(stderr, "lanyard: warning: %s\n", json_string_value(line) ?: "");
}

static int apply(struct call *call, const char *yaml)
{
	struct api *api;
	json_t *reply = NULL;
	int code = call_open_api(call, &api);

	if (code)
		return code;
	code = call_exit(api_put_yaml(api, yaml, &reply, &call->error, "/v1/config"));
	if (!code && call->wants_json)
		print_json(reply);
	else if (!code)
		say_changes(reply);
	json_decref(reply);
	api_close(api);
	return code;
}

int apply_run(struct call *call)
{
	int code = options_read_between(call, NULL, 0, 1, 1);
	struct config *config;
	char *text;

	if (!code)
		code = read_file(call, call->args[0], &text, &config);
	if (code)
		return code;
	code = apply(call, text);
	free(text);
	config_free(config);
	return code;
}

int check_run(struct call *call)
{
	int code = options_read_between(call, NULL, 0, 1, 1);
	struct config *config;
	size_t ports = 0;
	char *text;

	if (!code)
		code = read_file(call, call->args[0], &text, &config);
	if (code)
		return code;
	for (size_t i = 0; i < config->hub_count; i++)
		ports += config->hubs[i].port_count;
	if (call->wants_json)
		printf("{\"hubs\": %zu, \"ports\": %zu}\n", config->hub_count, ports);
	else
		printf("%s is good: %zu hub%s, %zu port%s\n", call->args[0], config->hub_count,
			config->hub_count == 1 ? "" : "s", ports, ports == 1 ? "" : "s");
	free(text);
	config_free(config);
	return EXIT_FINE;
}

int config_run(struct call *call)
{
	int code = options_read_between(call, NULL, 0, 0, 0);
	struct api *api;
	char *text;

	if (!code)
		code = call_open_api(call, &api);
	if (code)
		return code;
	code = call_exit(api_get_text(
		api, &text, &call->error, "/v1/config%s", call->wants_json ? "?format=json" : ""));
	if (!code) {
		fputs(text, stdout);
		if (text[0] && text[strlen(text) - 1] != '\n')
			putchar('\n');
		free(text);
	}
	api_close(api);
	return code;
}
