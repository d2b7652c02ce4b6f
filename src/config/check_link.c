/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/check_parts.h"

#include <string.h>

/* Of ports[0] to ports[count - 1]: one key in two sockets is two members that are one, and the
 * relay would hear now the one, now the other. The host before it may be written in several ways,
 * the token may not. */
static bool check_invite(const struct site *port, const struct hub_config *hub, size_t count)
{
	struct site site = site_of_key(port, "invite");
	const char *token = strchr(port->port->link.invite, '#');

	for (size_t i = 0; token && i < count; i++) {
		const char *other = hub->ports[i].kind == PORT_KIND_LINK
					    ? strchr(hub->ports[i].link.invite, '#')
					    : NULL;

		if (other && !strcmp(other, token))
			return complain(&site,
				"%s has joined by this invitation already, ports[%zu]", hub->name,
				i);
	}
	return true;
}

bool check_link(const struct site *port)
{
	const struct link_config *link = &port->port->link;
	struct site invite = site_of_key(port, "invite"), address = site_of_key(port, "address");
	struct site listen = site_of_key(port, "listen"), approve = site_of_key(port, "approve");

	for (const struct port_config *other = port->hub->ports; other < port->port; other++) {
		if (other->kind == PORT_KIND_LINK && other->link.listen.port && link->listen.port)
			return complain(&listen, "%s listens for links already, ports[%zu]",
				port->hub->name, (size_t)(other - port->hub->ports));
	}
	if (!link->listen.port && !link->invite[0])
		return complain(
			&invite, "missing; this, or listen for a hub that others are invited to");
	if (link->listen.port && link->invite[0])
		return complain(&invite, "either this or listen, not both");
	if (link->address[0] && !link->listen.port)
		return complain(&address, "is for a hub that listens");
	if (link->needs_approval && !link->listen.port)
		return complain(&approve, "is for a hub that listens");
	return check_invite(port, port->hub, (size_t)(port->port - port->hub->ports));
}

bool check_link_and_hub(const struct site *port, const struct hub_config *other)
{
	return check_invite(port, other, other->port_count);
}
