/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The half of config/value.h that is about addresses. */
#include "config/excerpt.h"
#include "config/model.h"
#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DNS_PORT       53
#define SUBNET_LEN_MIN 8
#define SUBNET_LEN_MAX 29 /* the smallest with room for host, gateway, DHCP server and a guest */

int station_mac_parse(const char *text, void *ret, struct error *error)
{
	struct mac mac;

	if (!mac_parse(text, &mac))
		return value_refuse(error, text, "is not a MAC address, such as 02:00:00:00:00:01");
	if (mac_is_group(mac))
		return value_refuse(error, text,
			"is a group address; a station's has an even first byte, as 02:00:00:00:00:01");
	if (mac_is_zero(mac))
		return value_refuse(error, text, "is nobody's; 02:00:00:00:00:01 would be one");
	*(struct mac *)ret = mac;
	return 0;
}

void station_mac_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	mac_format(*(const struct mac *)value, text);
}

int port_mac_parse(const char *text, void *ret, struct error *error)
{
	struct port_config *port = ret;
	int err = station_mac_parse(text, &port->mac, error);

	port->has_mac = !err;
	return err;
}

void port_mac_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct port_config *port = value;

	text[0] = '\0';
	if (port->has_mac)
		mac_format(port->mac, text);
}

/* Not 0/8, 127/8, multicast, 240/4 or broadcast; nor their kin in IPv6. */
static bool is_one_host(struct ip ip)
{
	static const struct ip unspecified;

	if (ip_is_loopback(ip) || ip_is_multicast(ip))
		return false;
	if (ip_is_v4(ip))
		return ip.bytes[12] && ip.bytes[12] < 240;
	return !ip_equal(ip, unspecified);
}

int address4_parse(const char *text, void *ret, struct error *error)
{
	struct ip ip;

	if (!ip_parse(text, &ip) || !ip_is_v4(ip) || !is_one_host(ip))
		return value_refuse(
			error, text, "is not a host's IPv4 address, such as 192.168.120.10");
	*(struct ip *)ret = ip;
	return 0;
}

int host_address_parse(const char *text, void *ret, struct error *error)
{
	struct ip ip;

	if (!ip_parse(text, &ip) || !is_one_host(ip))
		return value_refuse(error, text, "is not a host's address, such as 192.168.1.10");
	*(struct ip *)ret = ip;
	return 0;
}

void host_address_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	ip_format(*(const struct ip *)value, text);
}

void address4_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct ip *ip = value;

	text[0] = '\0';
	if (ip_is_v4(*ip))
		ip_format(*ip, text);
}

int resolver_parse(const char *text, void *ret, struct error *error)
{
	struct endpoint resolver = {.port = DNS_PORT};
	bool is_address = ip_parse(text, &resolver.ip) || endpoint_parse(text, &resolver);

	/* A loopback address is fine here: it is the daemon that asks. */
	if (!is_address || !resolver.port ||
		!(is_one_host(resolver.ip) || ip_is_loopback(resolver.ip)))
		return value_refuse(error, text,
			"is not a resolver, such as 9.9.9.9, 9.9.9.9:5353 or [2620:fe::fe]:53");
	*(struct endpoint *)ret = resolver;
	return 0;
}

void resolver_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct endpoint *resolver = value;

	if (resolver->port == DNS_PORT)
		ip_format(resolver->ip, text);
	else
		endpoint_format(resolver, text);
}

static int refuse_host_bits(const char *text, const struct ip_prefix *subnet, struct error *error)
{
	struct ip_prefix right = {prefix_nth(subnet, 0), subnet->len};
	char right_text[PREFIX_TEXT_SIZE];

	return error_set(error, EINVAL,
		"'%s' is a host's address, not its network's; %s would be right",
		excerpt(text).text, prefix_format(&right, right_text));
}

int hub_subnet_parse(const char *text, void *ret, struct error *error)
{
	struct hub_config *hub = ret;
	struct ip_prefix subnet;

	if (!prefix_parse(text, &subnet) || !ip_is_v4(subnet.address))
		return value_refuse(
			error, text, "is not an IPv4 network, such as 192.168.120.0/24");
	if (subnet.len < SUBNET_LEN_MIN || subnet.len > SUBNET_LEN_MAX)
		return value_refuse(error, text, "is not a network of a size from /8 to /29");
	if (!is_one_host(subnet.address))
		return value_refuse(error, text, "is not for hosts; 192.168.120.0/24 would be");
	if (!ip_equal(subnet.address, prefix_nth(&subnet, 0)))
		return refuse_host_bits(text, &subnet, error);
	hub->subnet = subnet;
	hub->has_subnet = true;
	return 0;
}

void hub_subnet_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct hub_config *hub = value;

	text[0] = '\0';
	if (hub->has_subnet)
		prefix_format(&hub->subnet, text);
}

int hub_subnet6_parse(const char *text, void *ret, struct error *error)
{
	struct hub_config *hub = ret;
	struct ip_prefix subnet;

	/* RFC 4862 5.5.3: guests make addresses of their own in a /64 and in no other. */
	if (!prefix_parse(text, &subnet) || ip_is_v4(subnet.address) || subnet.len != 64)
		return value_refuse(
			error, text, "is not an IPv6 network of size /64, such as fd00:8::/64");
	if (!is_one_host(subnet.address) || ip_is_link_local(subnet.address))
		return value_refuse(error, text, "is not for hosts; fd00:8::/64 would be");
	if (!ip_equal(subnet.address, prefix_nth(&subnet, 0)))
		return refuse_host_bits(text, &subnet, error);
	hub->subnet6 = subnet;
	hub->has_subnet6 = true;
	return 0;
}

void hub_subnet6_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct hub_config *hub = value;

	text[0] = '\0';
	if (hub->has_subnet6)
		prefix_format(&hub->subnet6, text);
}

int dhcp_pool_parse(const char *text, void *ret, struct error *error)
{
	static const char what[] = "is not a pool, such as 192.168.120.128-192.168.120.253";
	const char *dash = strchr(text, '-');
	struct dhcp_config *dhcp = ret;
	char first_text[IP_TEXT_SIZE];
	struct ip first, last;

	if (!dash || (size_t)(dash - text) >= sizeof(first_text))
		return value_refuse(error, text, what);
	memcpy(first_text, text, (size_t)(dash - text));
	first_text[dash - text] = '\0';
	if (!ip_parse(first_text, &first) || !ip_parse(dash + 1, &last))
		return value_refuse(error, text, what);
	if (!ip_is_v4(first) || !ip_is_v4(last))
		return value_refuse(error, text, what);
	dhcp->pool_first = first;
	dhcp->pool_last = last;
	return 0;
}

void dhcp_pool_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct dhcp_config *dhcp = value;
	char first[IP_TEXT_SIZE], last[IP_TEXT_SIZE];

	snprintf(text, VALUE_TEXT_SIZE, "%s-%s", ip_format(dhcp->pool_first, first),
		ip_format(dhcp->pool_last, last));
}

int dhcp_router_parse(const char *text, void *ret, struct error *error)
{
	struct dhcp_config *dhcp = ret;
	bool is_none = !strcmp(text, "none");
	struct ip router = {};

	if (!is_none && address4_parse(text, &router, NULL))
		return value_refuse(error, text,
			"is not a router: an IPv4 address, such as 192.168.120.2, or none");
	dhcp->router = router;
	dhcp->has_routers = !is_none;
	return 0;
}

void dhcp_router_format(const void *value, char text[VALUE_TEXT_SIZE])
{
	const struct dhcp_config *dhcp = value;

	if (dhcp->has_routers)
		ip_format(dhcp->router, text);
	else
		strcpy(text, "none");
}
