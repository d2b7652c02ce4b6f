/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames as pcapng, to a file or a pipe. */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_HEADER 8	       /* type and total length, in the byte order of the writer: ours */
#define BLOCK_MAX    (1 << 18) /* bytes; the longest is a super-frame and its options */

/* Writes whole blocks only, so that whoever is interrupted leaves a file that can be read. */
struct block_writer {
	struct api_sink sink;
	struct error *error;
	int fd, err;
	size_t len;
	uint8_t bytes[BLOCK_MAX * 2];
};

static bool write_all(struct block_writer *writer, size_t len)
{
	const uint8_t *at = writer->bytes, *end = at + len;

	while (at < end) {
		ssize_t written = write(writer->fd, at, (size_t)(end - at));

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			writer->err = error_set(
				writer->error, EIO, "capture: writing: %s", strerror(errno));
			return false;
		}
		at += written;
	}
	writer->len -= len;
	memmove(writer->bytes, end, writer->len);
	return true;
}

/* How many of the bytes are whole blocks; SIZE_MAX: they are no pcapng. */
static size_t whole_blocks(const struct block_writer *writer)
{
	size_t at = 0;
	uint32_t len;

	while (writer->len - at >= BLOCK_HEADER) {
		memcpy(&len, writer->bytes + at + 4, sizeof(len));
		if (len < BLOCK_HEADER + 4 || len > BLOCK_MAX || len % 4)
			return SIZE_MAX;
		if (len > writer->len - at)
			break;
		at += len;
	}
	return at;
}

static bool on_bytes(struct api_sink *sink, const void *bytes, size_t len)
{
	struct block_writer *writer = CONTAINER_OF(sink, struct block_writer, sink);
	const uint8_t *from = bytes;

	while (len) {
		size_t part = MIN(len, sizeof(writer->bytes) - writer->len), whole;

		memcpy(writer->bytes + writer->len, from, part);
		writer->len += part;
		from += part;
		len -= part;
		whole = whole_blocks(writer);
		if (whole == SIZE_MAX) {
			writer->err = error_set(
				writer->error, EIO, "capture: what the daemon sends is no pcapng");
			return false;
		}
		if (!write_all(writer, whole))
			return false;
	}
	return true;
}

/* The filter is what is left on the command line, as one sentence. malloc'ed; NULL: no memory. */
static char *join(char *const words[])
{
	size_t size = 1;
	char *text;

	for (unsigned i = 0; words[i]; i++)
		size += strlen(words[i]) + 1;
	text = calloc(1, size);
	for (unsigned i = 0; text && words[i]; i++) {
		strcat(text, i ? " " : "");
		strcat(text, words[i]);
	}
	return text;
}

static int stream(struct call *call, struct api *api, int fd)
{
	struct block_writer *writer = calloc(1, sizeof(*writer));
	char *filter = join(call->args + 1), *escaped = filter ? api_escape(api, filter) : NULL;
	struct place_name place = {0};
	int err = -EIO;

	if (writer && escaped && place_name_read(api, call->args[0], &place)) {
		*writer = (struct block_writer){
			.sink.on_bytes = on_bytes, .error = &call->error, .fd = fd};
		err = api_stream(api, &writer->sink, &call->error, "/v1/hubs/%s/capture?%s%s%s%s%s",
			place.hub, place.port ? "port=" : "", place.port ? place.port : "",
			place.port && *filter ? "&" : "", *filter ? "filter=" : "", escaped);
		if (!err)
			err = writer->err;
	} else {
		error_set(&call->error, ENOMEM, "out of memory");
	}
	place_name_done(&place);
	api_unescape(escaped);
	free(filter);
	free(writer);
	return call_exit(err);
}

static int open_output(struct call *call, const char *path)
{
	int fd = STDOUT_FILENO;

	if (path && strcmp(path, "-") != 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fd < 0)
			error_set(&call->error, errno, "%s: %s", path, strerror(errno));
	} else if (isatty(fd)) {
		call_refuse_value(call,
			"frames are nothing for a terminal; use -w FILE, or a pipe to wireshark");
		fd = -1;
	}
	return fd;
}

int capture_run(struct call *call)
{
	const char *path = NULL;
	const struct option options[] = {{"w", .value = &path}};
	int code = options_read_between(call, options, ARRAY_SIZE(options), 1, 4096);
	struct api *api;
	int fd;

	if (code)
		return code;
	fd = open_output(call, path);
	if (fd < 0)
		return EXIT_BAD_INPUT;
	code = call_open_api(call, &api);
	if (!code)
		code = stream(call, api, fd);
	api_close(api);
	return code;
}
