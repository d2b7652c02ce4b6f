/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of config/value.h that is about routers. */
#include "config/excerpt.h"
#include "config/model.h"
#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VIA_LEG "leg" /* nobody is between: it is on the leg's hub */

static bool is_one_host(struct ip ip)
{
	if (ip_is_none(ip) || ip_is_loopback(ip) || ip_is_multicast(ip))
		return false;
	return !ip_is_v4(ip) || (ip.bytes[12] && ip.bytes[12] < 240);
}

int leg_address6_parse(const char *text, void *ret, struct error *error)
{
	struct ip ip = {};

	if (strcmp(text, "none") != 0 &&
		(!ip_parse(text, &ip) || ip_is_v4(ip) || !is_one_host(ip) || ip_is_link_local(ip)))
		return value_refuse(
			error, text, "is not a host's IPv6 address, such as fd00:8::3, or none");
	*(struct ip *)ret = ip;
	return 0;
}

void leg_address6_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct ip *ip = value;

	if (ip_is_none(*ip))
		strcpy(text, "none");
	else
		ip_format(*ip, text);
}

static int refuse_host_bits(const char *text, const struct ip_prefix *to, struct error *error)
{
	struct ip_prefix right = {prefix_nth(to, 0), to->len};
	char right_text[PREFIX_TEXT_SIZE];

	return error_set(error, EINVAL, "'%s' begins with a host's address; %s would be right",
		excerpt(text).text, prefix_format(&right, right_text));
}

int route_parse(const char *text, void *ret, struct error *error)
{
	static const char what[] = "is not a route, such as 10.0.0.0/8 via 192.168.120.9, or "
				   "10.0.0.0/24 via leg";
	struct route_config *route = ret;
	char to_text[PREFIX_TEXT_SIZE];
	const char *via_text = strstr(text, " via ");
	struct ip_prefix to;
	struct ip via = {};

	if (!via_text || (size_t)(via_text - text) >= sizeof(to_text))
		return value_refuse(error, text, what);
	memcpy(to_text, text, (size_t)(via_text - text));
	to_text[via_text - text] = '\0';
	via_text += strlen(" via ");
	if (!prefix_parse(to_text, &to))
		return value_refuse(error, text, what);
	if (strcmp(via_text, VIA_LEG) != 0 &&
		(!ip_parse(via_text, &via) || ip_is_v4(to.address) != ip_is_v4(via) ||
			!is_one_host(via)))
		return value_refuse(error, text, what);
	if (!ip_equal(to.address, prefix_nth(&to, 0)))
		return refuse_host_bits(text, &to, error);
	route->to = to;
	route->via = via;
	return 0;
}

void route_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct route_config *route = value;
	char to[PREFIX_TEXT_SIZE], via[IP_TEXT_SIZE];

	snprintf(text, VALUE_TEXT_SIZE, "%s via %s", prefix_format(&route->to, to),
		ip_is_none(route->via) ? VIA_LEG : ip_format(route->via, via));
}
