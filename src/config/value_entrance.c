/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The half of config/value.h that is about where clients come in. */
#include "config/excerpt.h"
#include "config/model.h"
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define FD_PREFIX    "fd:"
#define PATH_LEN_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

static void text_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	snprintf(text, VALUE_TEXT_SIZE, "%s", (const char *)value);
}

static int path_parse(const char *text, char *ret, struct error *error)
{
	if (strlen(text) > PATH_LEN_MAX)
		return value_refuse(
			error, text, "is longer than the 107 bytes a socket's path may have");
	for (const char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			return value_refuse(error, text, "has a control character");
	strcpy(ret, text);
	return 0;
}

int socket_path_parse(const char *text, void *ret, struct error *error)
{
	if (text[0] != '/')
		return value_refuse(error, text, "is not a path that begins with /");
	return path_parse(text, ret, error);
}

void socket_path_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

/* One that has an address as well as a port: neither may be made up. */
static bool is_endpoint(const char *text)
{
	struct endpoint endpoint;

	return endpoint_parse(text, &endpoint) && endpoint.port;
}

int dial_place_parse(const char *text, void *ret, struct error *error)
{
	if (text[0] != '/' && !is_endpoint(text))
		return value_refuse(
			error, text, "is neither a path nor ADDRESS:PORT, such as 127.0.0.1:5558");
	return path_parse(text, ret, error);
}

void dial_place_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

/* sd_listen_fds_with_names(3): what a name may be made of. */
static bool is_fd_name(const char *text)
{
	size_t len = strlen(text);

	if (strncmp(text, FD_PREFIX, strlen(FD_PREFIX)) || len == strlen(FD_PREFIX) ||
		len >= CONFIG_NAME_SIZE)
		return false;
	for (const char *c = text + strlen(FD_PREFIX); *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return false;
	return true;
}

int listen_place_parse(const char *text, void *ret, struct error *error)
{
	if (text[0] != '/' && !is_endpoint(text) && !is_fd_name(text))
		return value_refuse(error, text,
			"is not a path, nor ADDRESS:PORT, such as 127.0.0.1:5558, nor fd:NAME");
	return path_parse(text, ret, error);
}

void listen_place_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

int group_parse(const char *text, void *ret, struct error *error)
{
	if (!text[0] || strlen(text) >= CONFIG_NAME_SIZE)
		return value_refuse(error, text, "is not the name of a group of users");
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return value_refuse(error, text, "is not the name of a group of users");
	strcpy(ret, text);
	return 0;
}

void group_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(value, text);
}

static const char *const protocols[] = {[VM_STREAM] = "stream", [VM_DGRAM] = "dgram"};

int vm_protocol_parse(const char *text, void *ret, struct error *error)
{
	for (enum vm_protocol protocol = 0; protocol < ARRAY_SIZE(protocols); protocol++) {
		if (strcmp(text, protocols[protocol]) != 0)
			continue;
		*(enum vm_protocol *)ret = protocol;
		return 0;
	}
	return value_refuse(error, text, "is not a protocol for VMs; stream and dgram are");
}

void vm_protocol_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	text_format(protocols[*(const enum vm_protocol *)value], text);
}
