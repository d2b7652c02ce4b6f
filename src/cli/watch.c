/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events, out of the API's server-sent events (HTML standard, 9.2). */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 65536

struct line_reader {
	struct api_sink sink;
	size_t len;
	char line[LINE_SIZE]; /* longer ones are cut: none of ours is */
};

static bool say(const char *line)
{
	if (strncmp(line, "data: ", 6) != 0)
		return true;
	puts(line + 6);
	return !fflush(stdout);
}

static bool on_bytes(struct api_sink *sink, const void *bytes, size_t len)
{
	struct line_reader *reader = CONTAINER_OF(sink, struct line_reader, sink);
	const char *from = bytes;

	for (size_t i = 0; i < len; i++) {
		if (from[i] != '\n') {
			if (reader->len < LINE_SIZE - 1)
				reader->line[reader->len++] = from[i];
			continue;
		}
		reader->line[reader->len] = '\0';
		reader->len = 0;
		if (!say(reader->line))
			return false;
	}
	return true;
}

int watch_run(struct call *call)
{
	static struct line_reader reader = {.sink.on_bytes = on_bytes};
	int code = options_read_between(call, NULL, 0, 0, 1);
	const char *hub = call->args[0];
	char *escaped;
	struct api *api;

	if (!code)
		code = call_open_api(call, &api);
	if (code)
		return code;
	escaped = api_escape(api, hub ? hub : "");
	code = call_exit(api_stream(api, &reader.sink, &call->error, "/v1/events%s%s",
		hub ? "?hub=" : "", escaped ? escaped : ""));
	api_unescape(escaped);
	api_close(api);
	return code;
}
