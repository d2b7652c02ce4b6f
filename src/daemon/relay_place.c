/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where members find this host, as far as it can tell. */
#include "daemon/relay_state.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct ip ip_of(const struct sockaddr *address)
{
	struct ip ip = {0};

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;

		return ip_from_v4((struct ip4){in->sin_addr.s_addr});
	}
	memcpy(&ip, &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof(ip));
	return ip;
}

/* The address that we would speak to the world from; nothing is sent. */
static bool ask_route(const struct sockaddr *far, socklen_t len, struct ip *ret)
{
	struct sockaddr_storage own;
	socklen_t own_len = sizeof(own);
	int fd = socket(far->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_known = fd >= 0 && !connect(fd, far, len) &&
			!getsockname(fd, (struct sockaddr *)&own, &own_len);

	if (is_known)
		*ret = ip_of((const struct sockaddr *)&own);
	if (fd >= 0)
		close(fd);
	return is_known;
}

/* Documentation's addresses (RFC 5737, RFC 3849): nobody's, so the default route's. */
static bool ask_routes(struct ip *ret)
{
	const struct sockaddr_in far4 = {.sin_family = AF_INET,
		.sin_port = htons(4000),
		.sin_addr.s_addr = htonl(0xc0000201)};
	const struct sockaddr_in6 far6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(4000),
		.sin6_addr.s6_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

	return ask_route((const struct sockaddr *)&far4, sizeof(far4), ret) ||
	       ask_route((const struct sockaddr *)&far6, sizeof(far6), ret);
}

/* Without a default route, as in a lab: the first address that others may reach, IPv4 before IPv6.
 */
static bool ask_interfaces(const struct world *world, struct ip *ret)
{
	struct ifaddrs *all;
	bool is_known = false;

	if (getifaddrs(&all))
		return false;
	for (unsigned family = 0; family < 2 && !is_known; family++) {
		for (const struct ifaddrs *i = all; i && !is_known; i = i->ifa_next) {
			if (!i->ifa_addr || i->ifa_flags & IFF_LOOPBACK ||
				!(i->ifa_flags & IFF_UP) ||
				i->ifa_addr->sa_family != (family ? AF_INET6 : AF_INET))
				continue;
			*ret = ip_of(i->ifa_addr);
			is_known = !ip_is_link_local(*ret) &&
				   !world_is_host_port(world, i->ifa_name);
		}
	}
	freeifaddrs(all);
	return is_known;
}

int relay_place(const struct relay *relay, const char *given, char ret_host[INVITE_HOST_SIZE],
	uint16_t *ret_port, struct error *error)
{
	const struct link_config *config = &relay->entrance->config.link;
	char text[IP_TEXT_SIZE];
	struct ip ip = config->listen.ip;

	*ret_port = config->listen.port;
	if (given || config->address[0])
		return invite_parse_place(given ? given : config->address, config->listen.port,
			ret_host, ret_port, error);
	if (ip_is_none(ip) && !ask_routes(&ip) && !ask_interfaces(relay->entrance->hub->world, &ip))
		return error_set(error, EINVAL,
			"address: where do members find this host? Say it with --address HOST, or "
			"the link's key address");
	snprintf(ret_host, INVITE_HOST_SIZE, "%s", ip_format(ip, text));
	return 0;
}
