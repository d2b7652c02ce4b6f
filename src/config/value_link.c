/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The half of config/value.h that is about links. */
#include "config/model.h"
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVITE_PREFIX "lanyard://"

static bool is_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return isdigit((unsigned char)text[0]) && !*end && port && port <= UINT16_MAX;
}

int link_listen_parse(const char *text, void *ret, struct error *error)
{
	struct endpoint endpoint = {0};

	if (is_port(text))
		endpoint.port = (uint16_t)strtoul(text, NULL, 10);
	else if (!endpoint_parse(text, &endpoint) || !endpoint.port)
		return value_refuse(error, text,
			"is not a UDP port, such as 4000, nor ADDRESS:PORT, such as 192.0.2.1:4000");
	*(struct endpoint *)ret = endpoint;
	return 0;
}

void link_listen_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct endpoint *endpoint = value;

	text[0] = '\0';
	if (endpoint->port && ip_is_none(endpoint->ip))
		snprintf(text, VALUE_TEXT_SIZE, "%u", endpoint->port);
	else if (endpoint->port)
		endpoint_format(endpoint, text);
}

/* A name or address that may stand in an invitation; which it is shows when it is looked up. */
int link_address_parse(const char *text, void *ret, struct error *error)
{
	if (!text[0] || strlen(text) > 100)
		return value_refuse(
			error, text, "is not HOST or HOST:PORT, such as relay.example:4000");
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.:[]", *c))
			return value_refuse(error, text,
				"is not HOST or HOST:PORT, such as relay.example:4000");
	strcpy(ret, text);
	return 0;
}

void link_address_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	snprintf(text, VALUE_TEXT_SIZE, "%s", (const char *)value);
}

int link_invite_parse(const char *text, void *ret, struct error *error)
{
	if (strncmp(text, INVITE_PREFIX, strlen(INVITE_PREFIX)) != 0)
		return value_refuse(
			error, text, "is not an invitation, lanyard://HOST:PORT/#TOKEN");
	if (strlen(text) >= CONFIG_INVITE_SIZE)
		return error_set(error, EINVAL, "longer than the %d bytes an invitation may have",
			CONFIG_INVITE_SIZE - 1);
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return error_set(error, EINVAL,
				"has a character that no invitation has; it was not copied whole");
	strcpy(ret, text);
	return 0;
}

void link_invite_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	snprintf(text, VALUE_TEXT_SIZE, "%s", (const char *)value);
}
