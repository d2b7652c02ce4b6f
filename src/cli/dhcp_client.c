/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/dhcp_client.h"

#define RETRY_FIRST	(300 * NSEC_PER_MSEC) /* RFC 2131 4.1 says 4 s; a guest would feel those */
#define RETRY_LONGEST	(4 * NSEC_PER_SEC)
#define REQUEST_TRIES	4
#define RENEW_RETRY_MIN (60 * NSEC_PER_SEC) /* RFC 2131 4.4.5 */
#define LEASE_FOREVER	UINT32_MAX	    /* RFC 2131 3.3 */

static const uint8_t wishes[] = {
	DHCP_OPTION_MASK,
	DHCP_OPTION_ROUTERS,
	DHCP_OPTION_DNS,
	DHCP_OPTION_DOMAIN,
	DHCP_OPTION_MTU,
	DHCP_OPTION_BROADCAST,
	DHCP_OPTION_SEARCH,
	DHCP_OPTION_ROUTES,
};

static nsec client_run(struct machine *machine, nsec now);

void dhcp_client_init(struct dhcp_client *client, const struct dhcp_client_ops *ops, struct mac mac,
	const char *name, uint32_t xid)
{
	struct dhcp_message *request = &client->request;

	*client = (struct dhcp_client){
		.machine.run = client_run,
		.ops = ops,
		.request = {.op = BOOT_REQUEST, .xid = xid, .mac = mac, .max_size = 1500},
		.started = -1,
	};
	request->wanted_count = sizeof(wishes);
	memcpy(request->wanted, wishes, sizeof(wishes));
	strncpy(request->name, name, sizeof(request->name) - 1);
}

static struct dhcp_message compose(const struct dhcp_client *client, enum dhcp_type type, nsec now)
{
	struct dhcp_message message = client->request;

	message.type = type;
	message.seconds = (uint16_t)MIN((now - client->started) / NSEC_PER_SEC, UINT16_MAX);
	return message;
}

static void enter(struct dhcp_client *client, enum dhcp_client_state state, nsec now)
{
	client->state = state;
	client->tries = 0;
	client->next = now;
	if (state == DHCP_CLIENT_SELECTING || state == DHCP_CLIENT_RENEWING) {
		client->started = now;
		client->request.xid++; /* late replies to what was asked before are no answer now */
	}
}

static void retry_later(struct dhcp_client *client, nsec now)
{
	nsec wait = RETRY_FIRST << MIN(client->tries, 8u);

	client->next = now + MIN(wait, RETRY_LONGEST);
	client->tries++;
}

static void discover(struct dhcp_client *client, nsec now)
{
	struct dhcp_message message = compose(client, DHCP_DISCOVER, now);

	/* The interface has no address: the kernel would drop a reply that was sent to one. */
	message.wants_broadcast = true;
	client->ops->broadcast(client, &message);
	retry_later(client, now);
}

static void request(struct dhcp_client *client, nsec now)
{
	struct dhcp_message message = compose(client, DHCP_REQUEST, now);

	message.wants_broadcast = true;
	message.requested = client->lease.yours;
	message.server = client->lease.server;
	client->ops->broadcast(client, &message);
	retry_later(client, now);
}

/* RFC 2131 4.4.5: again after half of what is left until `until`, but not sooner than a minute. */
static void extend(struct dhcp_client *client, struct ip4 to, nsec until, nsec now)
{
	struct dhcp_message message = compose(client, DHCP_REQUEST, now);

	message.client = client->lease.yours;
	client->ops->send(client, to, &message);
	client->next = MIN(until, now + MAX((until - now) / 2, RENEW_RETRY_MIN));
}

static void lose(struct dhcp_client *client, nsec now)
{
	bool had_lease = dhcp_client_has_lease(client);

	enter(client, DHCP_CLIENT_SELECTING, now);
	if (had_lease)
		client->ops->on_lost(client);
	else
		client->next = now +
			       RETRY_FIRST; /* a server that says no to all must not spin us */
}

/* Does what is due in this state, or goes to another. */
static void step(struct dhcp_client *client, nsec now)
{
	switch (client->state) {
	case DHCP_CLIENT_SELECTING:
		discover(client, now);
		return;
	case DHCP_CLIENT_REQUESTING:
		if (client->tries < REQUEST_TRIES)
			request(client, now);
		else
			enter(client, DHCP_CLIENT_SELECTING, now);
		return;
	case DHCP_CLIENT_BOUND:
		enter(client, DHCP_CLIENT_RENEWING, now);
		return;
	case DHCP_CLIENT_RENEWING:
		if (now < client->rebind_at)
			extend(client, client->lease.server, client->rebind_at, now);
		else
			enter(client, DHCP_CLIENT_REBINDING, now);
		return;
	case DHCP_CLIENT_REBINDING:
		if (now < client->expires_at)
			extend(client, (struct ip4){0xffffffff}, client->expires_at, now);
		else
			lose(client, now);
		return;
	}
}

static nsec client_run(struct machine *machine, nsec now)
{
	struct dhcp_client *client = CONTAINER_OF(machine, struct dhcp_client, machine);

	if (client->started < 0)
		enter(client, DHCP_CLIENT_SELECTING, now);
	while (client->next <= now)
		step(client, now);
	return client->next;
}

static nsec after(nsec now, uint32_t seconds)
{
	return now + (nsec)seconds * NSEC_PER_SEC;
}

static void take_times(struct dhcp_client *client, nsec now)
{
	const struct dhcp_message *lease = &client->lease;
	uint32_t renew = lease->renew_time, rebind = lease->rebind_time;

	if (lease->lease_time == LEASE_FOREVER) {
		client->renew_at = client->rebind_at = client->expires_at = NSEC_NEVER;
		return;
	}
	if (!rebind || rebind > lease->lease_time)
		rebind = (uint32_t)(lease->lease_time * 7ull / 8);
	if (!renew || renew > rebind)
		renew = MIN(lease->lease_time / 2, rebind);
	client->renew_at = after(now, renew);
	client->rebind_at = after(now, rebind);
	client->expires_at = after(now, lease->lease_time);
}

static void take_offer(struct dhcp_client *client, const struct dhcp_message *offer, nsec now)
{
	if (!offer->yours.be || !offer->server.be || !offer->lease_time)
		return;
	client->lease = *offer;
	enter(client, DHCP_CLIENT_REQUESTING, now);
}

static void take_ack(struct dhcp_client *client, const struct dhcp_message *ack, nsec now)
{
	if (!ack->yours.be || !ack->server.be || !ack->lease_time)
		return;
	client->lease = *ack;
	take_times(client, now);
	enter(client, DHCP_CLIENT_BOUND, now);
	client->next = client->renew_at;
	client->ops->on_lease(client);
}

void dhcp_client_receive(struct dhcp_client *client, const struct dhcp_message *message, nsec now)
{
	if (message->op != BOOT_REPLY || message->xid != client->request.xid ||
		!mac_equal(message->mac, client->request.mac))
		return;
	if (client->state == DHCP_CLIENT_SELECTING) {
		if (message->type == DHCP_OFFER)
			take_offer(client, message, now);
	} else if (client->state != DHCP_CLIENT_BOUND) {
		if (message->type == DHCP_ACK)
			take_ack(client, message, now);
		else if (message->type == DHCP_NAK)
			lose(client, now);
	}
	machine_wake(&client->machine);
}

void dhcp_client_release(struct dhcp_client *client)
{
	struct dhcp_message message = compose(client, DHCP_RELEASE, client->started);

	message.client = client->lease.yours;
	message.server = client->lease.server;
	message.wanted_count = 0;
	message.max_size = 0;
	/* RFC 2131 4.4.6 wants a datagram to the server; it would wait for ARP, and we are leaving.
	 */
	client->ops->broadcast(client, &message);
}
