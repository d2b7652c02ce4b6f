/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where guests may go, and what they are told when they may not. */
#include "nat/internal.h"

#include "wire/icmp.h"

#include <errno.h>

static bool is_own_subnet(const struct gateway *gateway, struct ip ip)
{
	const struct gateway_settings *settings = &gateway->settings;

	return prefix_contains(&settings->address, ip) ||
	       (!ip_is_none(settings->address6.address) &&
		       prefix_contains(&settings->address6, ip));
}

/* RFC 1122 3.2.1.3, RFC 6890: this host, loopback, groups and the reserved class lead nowhere. */
static bool is_special(struct ip ip)
{
	if (ip_is_none(ip) || ip_is_loopback(ip) || ip_is_multicast(ip))
		return true;
	return ip_is_v4(ip) && (ip.bytes[12] == 0 || ip.bytes[12] >= 240);
}

bool policy_destination(struct gateway *gateway, const struct endpoint *to, struct endpoint *ret)
{
	static const struct ip loopback6 = {{[15] = 1}};

	if (host_owns(&gateway->host, to->ip)) {
		if (!gateway->settings.may_reach_host)
			return false;
		*ret = (struct endpoint){
			ip_is_v4(to->ip) ? ip_from_bytes4("\x7f\0\0\1") : loopback6, to->port};
		return true;
	}
	if (is_special(to->ip) || is_own_subnet(gateway, to->ip))
		return false;
	*ret = *to;
	return true;
}

/* A failure that only errno tells of, as a router would have told it. */
static const struct {
	int code;
	uint8_t icmp, icmp6;
} unreachables[] = {
	{ENETUNREACH, ICMP_NET_UNREACHABLE, ICMP6_NO_ROUTE},
	{EHOSTUNREACH, ICMP_HOST_UNREACHABLE, ICMP6_ADDRESS_UNREACHABLE},
	{EHOSTDOWN, ICMP_HOST_UNREACHABLE, ICMP6_ADDRESS_UNREACHABLE},
	{EACCES, ICMP_PROHIBITED, ICMP6_PROHIBITED},
	{EPERM, ICMP_PROHIBITED, ICMP6_PROHIBITED},
};

bool policy_icmp_for(
	const struct outside_failure *failure, bool is_v4, uint8_t *ret_type, uint8_t *ret_code)
{
	if (failure->has_icmp) {
		*ret_type = failure->type;
		*ret_code = failure->code_icmp;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(unreachables); i++) {
		if (failure->code != unreachables[i].code)
			continue;
		*ret_type = is_v4 ? ICMP_UNREACHABLE : ICMP6_UNREACHABLE;
		*ret_code = is_v4 ? unreachables[i].icmp : unreachables[i].icmp6;
		return true;
	}
	return false;
}
