/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where members find this host, as far as it can tell. */
#include "daemon/relay_state.h"
#include "io/address.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

/* The address that we would speak from to one that is nobody's (RFC 5737, RFC 3849), so by the
 * default route; nothing is sent. */
static bool ask_route(const char *far, struct ip *ret)
{
	struct endpoint endpoint = {.port = 4000};
	struct sockaddr_storage address;
	bool is_known = ip_parse(far, &endpoint.ip);
	socklen_t len = socket_address(&endpoint, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	is_known = is_known && fd >= 0 && !connect(fd, (const struct sockaddr *)&address, len);
	len = sizeof(address);
	is_known = is_known && !getsockname(fd, (struct sockaddr *)&address, &len);
	if (is_known)
		*ret = socket_endpoint(&address).ip;
	if (fd >= 0)
		close(fd);
	return is_known;
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
			*ret = socket_endpoint((const struct sockaddr_storage *)i->ifa_addr).ip;
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
	if (ip_is_none(ip) && !ask_route("192.0.2.1", &ip) && !ask_route("2001:db8::1", &ip) &&
		!ask_interfaces(relay->entrance->hub->world, &ip))
		return error_set(error, EINVAL,
			"address: where do members find this host? Say it with --address HOST, or "
			"the link's key address");
	snprintf(ret_host, INVITE_HOST_SIZE, "%s", ip_format(ip, text));
	return 0;
}
