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

static bool unreachable4(const struct outside_failure *failure, uint8_t *ret_code)
{
	switch (failure->code) {
	case ENETUNREACH:
		*ret_code = ICMP_NET_UNREACHABLE;
		return true;
	case EHOSTUNREACH:
	case EHOSTDOWN:
		*ret_code = ICMP_HOST_UNREACHABLE;
		return true;
	case EACCES:
	case EPERM:
		*ret_code = ICMP_PROHIBITED;
		return true;
	default:
		return false;
	}
}

static bool unreachable6(const struct outside_failure *failure, uint8_t *ret_code)
{
	switch (failure->code) {
	case ENETUNREACH:
		*ret_code = ICMP6_NO_ROUTE;
		return true;
	case EHOSTUNREACH:
	case EHOSTDOWN:
		*ret_code = ICMP6_ADDRESS_UNREACHABLE;
		return true;
	case EACCES:
	case EPERM:
		*ret_code = ICMP6_PROHIBITED;
		return true;
	default:
		return false;
	}
}

bool policy_icmp_for(
	const struct outside_failure *failure, bool is_v4, uint8_t *ret_type, uint8_t *ret_code)
{
	if (failure->has_icmp) {
		*ret_type = failure->type;
		*ret_code = failure->code_icmp;
		return true;
	}
	*ret_type = is_v4 ? ICMP_UNREACHABLE : ICMP6_UNREACHABLE;
	return is_v4 ? unreachable4(failure, ret_code) : unreachable6(failure, ret_code);
}
