/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port forward on one line: "tcp 127.0.0.1:2222 192.168.120.10:22". */
#include "config/config.h"
#include "config/excerpt.h"
#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct side {
	struct endpoint first;
	unsigned count;
};

/* "-8010" behind the first port of a range. */
static bool range_end_parse(const char *text, unsigned *ret_port)
{
	size_t len = strlen(text);

	if (!len || len > 5 || strspn(text, "0123456789") != len)
		return false;
	*ret_port = (unsigned)strtoul(text, NULL, 10);
	return *ret_port <= UINT16_MAX;
}

/* "192.168.120.10:22", "0.0.0.0:8000-8010", "[::1]:80" */
static int side_parse(const char *text, struct side *ret, struct error *error)
{
	static const char what[] =
		"is not an address and port, such as 127.0.0.1:2222, 0.0.0.0:8000-8010 or [::1]:80";
	const char *colon = strrchr(text, ':'), *dash = colon ? strchr(colon, '-') : NULL;
	char first[ENDPOINT_TEXT_SIZE];
	size_t len = dash ? (size_t)(dash - text) : strlen(text);
	unsigned last;

	if (len >= sizeof(first))
		return value_refuse(error, text, what);
	memcpy(first, text, len);
	first[len] = '\0';
	if (!endpoint_parse(first, &ret->first) || !ret->first.port)
		return value_refuse(error, text, what);
	last = ret->first.port;
	if (dash && !range_end_parse(dash + 1, &last))
		return value_refuse(error, text, what);
	if (last < ret->first.port)
		return value_refuse(error, text, "has its ports the wrong way round");
	if (ip_is_multicast(ret->first.ip) || ip_is_broadcast(ret->first.ip))
		return value_refuse(error, text, "is not one host's");
	ret->count = last - ret->first.port + 1;
	return 0;
}

static bool is_any(struct ip ip)
{
	return ip_is_none(ip) || (ip_is_v4(ip) && !ip_to_v4(ip).be);
}

static int sides_check(const struct side *outside, const struct side *guest, struct error *error)
{
	if (outside->count != guest->count)
		return error_set(error, EINVAL,
			"%u port%s outside but %u at the guest; as many are needed", outside->count,
			outside->count == 1 ? "" : "s", guest->count);
	if (is_any(guest->first.ip))
		return error_set(error, EINVAL, "the guest needs an address of its own, not any");
	return 0;
}

int nat_forward_parse(const char *text, void *ret, struct error *error)
{
	struct forward_config *forward = ret;
	struct side outside, guest;
	char words[160], *rest = words, *parts[4];
	int err;

	snprintf(words, sizeof(words), "%s", text);
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = strtok_r(rest, " ", &rest);
	if (!parts[2] || parts[3] || strlen(text) >= sizeof(words))
		return value_refuse(error, text,
			"is not a forward, such as 'tcp 127.0.0.1:2222 192.168.120.10:22'");
	if (strcmp(parts[0], "tcp") && strcmp(parts[0], "udp"))
		return value_refuse(error, parts[0], "is not tcp or udp");
	err = side_parse(parts[1], &outside, error);
	if (!err)
		err = side_parse(parts[2], &guest, error);
	if (!err)
		err = sides_check(&outside, &guest, error);
	if (err)
		return err;
	forward->is_udp = parts[0][0] == 'u';
	forward->outside = outside.first;
	forward->guest = guest.first;
	forward->count = outside.count;
	return 0;
}

int config_read_forward(const char *text, struct forward_config *ret, struct error *error)
{
	struct forward_config forward = {};
	int err = nat_forward_parse(text, &forward, error);

	if (!err)
		*ret = forward;
	return err;
}

static char *side_format(const struct endpoint *first, unsigned count, char text[64])
{
	char first_text[ENDPOINT_TEXT_SIZE];

	endpoint_format(first, first_text);
	if (count > 1)
		snprintf(text, 64, "%s-%u", first_text, first->port + count - 1);
	else
		snprintf(text, 64, "%s", first_text);
	return text;
}

char *forward_format(const struct forward_config *forward, char text[160])
{
	char outside[64], guest[64];

	snprintf(text, 160, "%s %s %s", forward->is_udp ? "udp" : "tcp",
		side_format(&forward->outside, forward->count, outside),
		side_format(&forward->guest, forward->count, guest));
	return text;
}

void nat_forward_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	forward_format(value, text);
}
