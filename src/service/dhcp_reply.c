/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dhcp_reply.h"

#include <stdio.h>
#include <stdlib.h>

#define LEASE_TIME_MIN 60  /* seconds: nobody needs to ask more often */
#define WAITING_MAX    256 /* replies */
#define DATAGRAM_MAX   1500

struct waiting {
	struct list node;
	uint64_t ticket;
	struct endpoint to;
	struct mac to_mac;
	size_t len;
	uint8_t bytes[];
};

uint32_t dhcp_lease_time(const struct dhcp_server *server, const struct dhcp_query *query)
{
	uint32_t most = server->pool.settings.lease_time, asked = query->message->lease_time;

	return asked ? MIN(MAX(asked, LEASE_TIME_MIN), most) : most;
}

static struct dhcp_message reply_to(
	const struct dhcp_server *server, const struct dhcp_query *query, enum dhcp_type type)
{
	const struct dhcp_message *request = query->message;

	return (struct dhcp_message){
		.op = BOOT_REPLY,
		.xid = request->xid,
		.wants_broadcast = request->wants_broadcast,
		.mac = request->mac,
		.type = type,
		.server = server->address,
		.client_id = request->client_id, /* RFC 6842 */
	};
}

static void add_routes(struct dhcp_message *reply, const struct dhcp_settings *settings)
{
	if (settings->router.be)
		reply->routers[reply->router_count++] = settings->router;
	if (!settings->route_count)
		return;
	memcpy(reply->routes, settings->routes, sizeof(reply->routes));
	reply->route_count = settings->route_count;
	/* RFC 3442: who takes classless routes ignores the router option. */
	if (settings->router.be && reply->route_count < DHCP_ROUTES_MAX)
		reply->routes[reply->route_count++] = (struct dhcp_route){.via = settings->router};
}

/* Firmware reads the header's fields or the options, and what it was not told by one it takes from
 * the other (RFC 2132 9.4, 9.5). A name that is too long for the field is an option only. */
static void add_boot(struct dhcp_message *reply, const struct dhcp_settings *settings)
{
	char text[IP_TEXT_SIZE];

	reply->next = settings->boot_server;
	if (reply->next.be)
		snprintf(reply->boot_server, sizeof(reply->boot_server), "%s",
			ip_format(ip_from_v4(reply->next), text));
	memcpy(reply->boot_file, settings->boot_file, sizeof(reply->boot_file));
	if (strlen(reply->boot_file) < sizeof(reply->file))
		snprintf(reply->file, sizeof(reply->file), "%s", reply->boot_file);
}

static void add_settings(struct dhcp_message *reply, const struct dhcp_server *server,
	const struct dhcp_query *query)
{
	const struct dhcp_settings *settings = &server->pool.settings;

	reply->mask = prefix_mask4(&settings->address);
	reply->broadcast = ip_to_v4(prefix_last(&settings->address));
	reply->mtu = settings->mtu;
	reply->dns_count = settings->dns_count;
	memcpy(reply->dns, settings->dns, sizeof(reply->dns));
	memcpy(reply->domain, settings->domain, sizeof(reply->domain));
	memcpy(reply->search, settings->search, sizeof(reply->search));
	add_routes(reply, settings);
	add_boot(reply, settings);
	dhcp_keep_wanted(reply, query->message);
}

/* RFC 2131 4.4.5: half and seven eighths. */
static void add_lease(struct dhcp_message *reply, const struct lease *lease, uint32_t time)
{
	reply->yours = lease->ip;
	reply->lease_time = time;
	reply->renew_time = time / 2;
	reply->rebind_time = (uint64_t)time * 7 / 8;
}

/* RFC 2131 4.1. A NAK is for all to hear: the client's address may be wrong altogether. */
static struct mac choose_address(
	const struct dhcp_query *query, const struct dhcp_message *reply, struct ip4 *ret_ip)
{
	const struct dhcp_message *request = query->message;

	*ret_ip = ip4_from_number(0xffffffff);
	if (reply->type == DHCP_NAK)
		return MAC_BROADCAST;
	if (request->client.be) {
		*ret_ip = request->client;
		return query->from_mac;
	}
	if (request->wants_broadcast)
		return MAC_BROADCAST;
	*ret_ip = reply->yours;
	return request->mac;
}

static size_t reply_size(const struct dhcp_server *server, const struct dhcp_query *query)
{
	size_t mtu = server->host.port.mtu ? server->host.port.mtu : DATAGRAM_MAX;
	size_t size = MAX(query->message->max_size, DHCP_DATAGRAM_MIN);

	size = MIN(MIN(size, mtu), DATAGRAM_MAX) - DHCP_HEADERS_LEN;
	return MAX(size, DHCP_MESSAGE_MIN);
}

static void transmit(struct dhcp_server *server, const struct endpoint *to, struct mac to_mac,
	const void *bytes, size_t len, nsec now)
{
	struct endpoint from = {ip_from_v4(server->address), DHCP_SERVER_PORT};

	host_send_udp(&server->host, &from, to, to_mac, bytes, len, now);
}

static void wait(struct dhcp_server *server, const struct endpoint *to, struct mac to_mac,
	const void *bytes, size_t len)
{
	struct waiting *waiting = NULL;

	if (server->waiting_count < WAITING_MAX)
		waiting = malloc(sizeof(*waiting) + len);
	if (!waiting) {
		server->counters.overrun++;
		return; /* the client asks again */
	}
	waiting->ticket = server->noted;
	waiting->to = *to;
	waiting->to_mac = to_mac;
	waiting->len = len;
	memcpy(waiting->bytes, bytes, len);
	list_push_back(&server->waiting, &waiting->node);
	server->waiting_count++;
}

/* ticket: what must be written before it goes out; 0: nothing. */
static void send_reply(struct dhcp_server *server, const struct dhcp_query *query,
	const struct dhcp_message *reply, uint64_t ticket)
{
	uint8_t bytes[DATAGRAM_MAX];
	size_t len = dhcp_write(reply, bytes, reply_size(server, query));
	struct ip4 ip;
	struct mac to_mac = choose_address(query, reply, &ip);
	struct endpoint to = {ip_from_v4(ip), DHCP_CLIENT_PORT};

	if (ticket > server->written)
		wait(server, &to, to_mac, bytes, len);
	else
		transmit(server, &to, to_mac, bytes, len, query->now);
}

static void forget(struct dhcp_server *server, struct waiting *waiting)
{
	list_remove(&waiting->node);
	server->waiting_count--;
	free(waiting);
}

void dhcp_send_waiting(struct dhcp_server *server, nsec now)
{
	LIST_EACH(node, &server->waiting) {
		struct waiting *waiting = LIST_ENTRY(node, struct waiting, node);

		if (waiting->ticket > server->written)
			return;
		transmit(server, &waiting->to, waiting->to_mac, waiting->bytes, waiting->len, now);
		forget(server, waiting);
	}
}

void dhcp_forget_waiting(struct dhcp_server *server)
{
	LIST_EACH(node, &server->waiting)
		forget(server, LIST_ENTRY(node, struct waiting, node));
}

void dhcp_send_offer(
	struct dhcp_server *server, const struct dhcp_query *query, const struct lease *lease)
{
	struct dhcp_message reply = reply_to(server, query, DHCP_OFFER);

	add_lease(&reply, lease, dhcp_lease_time(server, query));
	add_settings(&reply, server, query);
	server->counters.offer++;
	send_reply(server, query, &reply, 0);
}

void dhcp_send_ack(struct dhcp_server *server, const struct dhcp_query *query,
	const struct lease *lease, uint32_t time)
{
	struct dhcp_message reply = reply_to(server, query, DHCP_ACK);

	reply.client = query->message->client;
	memcpy(reply.name, lease->name, sizeof(reply.name));
	add_lease(&reply, lease, time);
	add_settings(&reply, server, query);
	server->counters.ack++;
	send_reply(server, query, &reply, server->noted);
}

void dhcp_send_inform_ack(struct dhcp_server *server, const struct dhcp_query *query)
{
	struct dhcp_message reply = reply_to(server, query, DHCP_ACK);

	reply.client = query->message->client;
	add_settings(&reply, server, query);
	server->counters.ack++;
	send_reply(server, query, &reply, 0);
}

void dhcp_send_nak(struct dhcp_server *server, const struct dhcp_query *query, const char *why)
{
	struct dhcp_message reply = reply_to(server, query, DHCP_NAK);

	snprintf(reply.explanation, sizeof(reply.explanation), "%s", why);
	server->counters.nak++;
	send_reply(server, query, &reply, 0);
}
