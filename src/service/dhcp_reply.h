/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the server says, to whom it goes (RFC 2131 4.1), and when: an ACK waits for the disk. */
#pragma once

#include "service/dhcp_server.h"

/* Seconds this client gets: what it asks for, within what is configured. */
uint32_t dhcp_lease_time(const struct dhcp_server *server, const struct dhcp_query *query);

void dhcp_send_offer(
	struct dhcp_server *server, const struct dhcp_query *query, const struct lease *lease);
/* time: seconds. Goes out when everything noted until now is written. */
void dhcp_send_ack(struct dhcp_server *server, const struct dhcp_query *query,
	const struct lease *lease, uint32_t time);
void dhcp_send_inform_ack(struct dhcp_server *server, const struct dhcp_query *query);
/* why: for the person who reads the client's log. */
void dhcp_send_nak(struct dhcp_server *server, const struct dhcp_query *query, const char *why);

/* Sends the replies whose tickets are written. */
void dhcp_send_waiting(struct dhcp_server *server, nsec now);
void dhcp_forget_waiting(struct dhcp_server *server);
