/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

socklen_t socket_address(const struct endpoint *endpoint, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (ip_is_v4(endpoint->ip)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(endpoint->port);
		v4->sin_addr.s_addr = ip_to_v4(endpoint->ip).be;
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(endpoint->port);
	memcpy(&v6->sin6_addr, endpoint->ip.bytes, 16);
	return sizeof(*v6);
}

struct endpoint socket_endpoint(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return (struct endpoint){ip_from_bytes4(&v4->sin_addr), ntohs(v4->sin_port)};
	if (address->ss_family == AF_INET6)
		return (struct endpoint){ip_from_bytes6(&v6->sin6_addr), ntohs(v6->sin6_port)};
	return (struct endpoint){0};
}
