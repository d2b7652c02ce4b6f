/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dhcp_server.h"

#include "service/dhcp_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define HTYPE_ETHERNET 1
#define OFFER_TIME     (10 * NSEC_PER_SEC) /* a client answers an offer at once */
#define OFFER_TRIES    8  /* addresses found in use, before the client asks again */
#define PROBES_MAX     32 /* under way */
#define PROBE_PATIENCE (300 * NSEC_PER_MSEC) /* a guest that boots feels it */
#define RECENT	       (3600 * NSEC_PER_SEC) /* the client had it, nobody will have taken it */
#define LEASE_LEFT_MIN 10		     /* seconds for which a renewal still pays */

/* A client that waits for its offer while we look whether somebody has the address. */
struct probe {
	struct list node;
	struct resolve resolve;
	struct dhcp_server *server;
	struct dhcp_message message; /* the newest of its DISCOVERs */
	struct dhcp_query query;
};

static void notify(struct dhcp_server *server, const struct lease *lease, enum lease_event event)
{
	if (server->watcher.on_lease)
		server->watcher.on_lease(server->watcher.context, lease, event);
}

static uint64_t note(struct dhcp_server *server, const struct lease *lease, nsec now)
{
	struct lease_store *store = server->pool.store;

	if (store)
		server->noted = store->note(store, lease, now);
	return server->noted;
}

static void free_probe(struct probe *probe)
{
	probe->server->probe_count--;
	list_remove(&probe->node);
	free(probe);
}

static bool is_same_client(const struct dhcp_client *a, const struct dhcp_client *b)
{
	return a->id.len == b->id.len && !memcmp(a->id.bytes, b->id.bytes, a->id.len);
}

static struct probe *find_probe(struct dhcp_server *server, const struct dhcp_client *client)
{
	LIST_EACH(node, &server->probes) {
		struct probe *probe = LIST_ENTRY(node, struct probe, node);

		if (is_same_client(&probe->query.client, client))
			return probe;
	}
	return NULL;
}

static void keep_query(struct probe *probe, const struct dhcp_query *query)
{
	probe->message = *query->message;
	probe->query = *query;
	probe->query.message = &probe->message;
}

static void offer(struct dhcp_server *server, const struct dhcp_query *query);

static void on_in_use(
	struct dhcp_server *server, struct dhcp_query *query, struct lease *lease, struct mac user)
{
	server->counters.conflict++;
	lease = dhcp_pool_hold_back(&server->pool, lease, user, query->now);
	if (lease)
		notify(server, lease, LEASE_EVENT_CONFLICT);
	if (++query->tries < OFFER_TRIES)
		offer(server, query);
}

static void on_probed(struct resolve *resolve, struct ip ip, struct mac mac, nsec now)
{
	struct probe *probe = CONTAINER_OF(resolve, struct probe, resolve);
	struct dhcp_server *server = probe->server;
	struct dhcp_message message = probe->message;
	struct dhcp_query query = probe->query;
	struct lease *lease;

	free_probe(probe);
	query.message = &message;
	query.now = now;
	lease = lease_find_client(&server->pool.leases, &query.client.id);
	if (!lease || lease->ip.be != ip_to_v4(ip).be || lease_state(lease, now) != LEASE_OFFERED)
		return; /* overtaken: the client went to another server, or too many asked */
	if (!mac_is_zero(mac) && !mac_equal(mac, query.client.mac)) {
		on_in_use(server, &query, lease, mac);
		return;
	}
	dhcp_pool_offer(&server->pool, lease, now + OFFER_TIME, now);
	dhcp_send_offer(server, &query, lease);
}

/* False: too many are under way. Then the client's own probe (RFC 2131 4.4.1) must do. */
static bool start_probe(
	struct dhcp_server *server, const struct dhcp_query *query, const struct lease *lease)
{
	struct probe *probe;

	if (server->probe_count >= PROBES_MAX)
		return false;
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return false;
	probe->server = server;
	probe->resolve.on_resolved = on_probed;
	keep_query(probe, query);
	list_push_back(&server->probes, &probe->node);
	server->probe_count++;
	host_probe(
		&server->host, ip_from_v4(lease->ip), PROBE_PATIENCE, &probe->resolve, query->now);
	return true;
}

/* It was offered a moment ago, or had by this client lately. */
static bool is_known_free(const struct lease *lease, nsec now)
{
	return lease_state(lease, now) != LEASE_EXPIRED ||
	       (lease->was_bound && now - lease->bound_until < RECENT);
}

static void offer(struct dhcp_server *server, const struct dhcp_query *query)
{
	struct lease *lease = dhcp_pool_choose(&server->pool, &query->client, query->now);
	bool is_free;

	if (!lease) {
		server->counters.exhausted++;
		return;
	}
	is_free = is_known_free(lease, query->now);
	dhcp_pool_offer(&server->pool, lease, query->now + OFFER_TIME, query->now);
	if (is_free || !start_probe(server, query, lease))
		dhcp_send_offer(server, query, lease);
}

static void on_discover(struct dhcp_server *server, const struct dhcp_query *query)
{
	struct probe *probe = find_probe(server, &query->client);

	server->counters.discover++;
	if (probe)
		keep_query(probe, query);
	else
		offer(server, query);
}

static bool is_reserved_name(const struct dhcp_pool *pool, const char *name, size_t len)
{
	for (size_t i = 0; i < pool->settings.reservation_count; i++) {
		const char *reserved = pool->settings.reservations[i].name;

		if (strlen(reserved) == len && len && !strncasecmp(reserved, name, len))
			return true;
	}
	return false;
}

/* A reserved name is its owner's, even while that one is away. */
static void set_name(
	struct dhcp_server *server, const struct dhcp_query *query, struct lease *lease)
{
	const struct dhcp_reservation *reserved = dhcp_pool_reservation(
		&server->pool, query->client.mac);
	const char *wish = query->message->name;
	char other[DHCP_NAME_SIZE];
	size_t len = strcspn(wish, ".");

	if (reserved && reserved->name[0]) {
		wish = reserved->name;
	} else if (is_reserved_name(&server->pool, wish, len)) {
		snprintf(other, sizeof(other), "%.*s-2", (int)MIN(len, sizeof(other) - 3), wish);
		wish = other;
	}
	lease_set_name(&server->pool.leases, lease, wish, query->now);
}

/* A question repeated is answered with what is on the disk already: whoever asks all day long
 * wears out no disk. */
static bool is_fresh(uint32_t time, uint32_t left)
{
	return left <= time && left >= time - time / 20;
}

static uint32_t time_left(const struct lease *lease, nsec now)
{
	if (lease_state(lease, now) != LEASE_BOUND)
		return 0;
	return (lease_expires(lease) - now) / NSEC_PER_SEC;
}

static void grant(struct dhcp_server *server, const struct dhcp_query *query, struct lease *lease)
{
	uint32_t time = dhcp_lease_time(server, query), left = time_left(lease, query->now);
	bool is_renewal = lease_state(lease, query->now) == LEASE_BOUND;
	char name[DHCP_NAME_SIZE];

	memcpy(name, lease->name, sizeof(name));
	set_name(server, query, lease);
	if (is_fresh(time, left) && mac_equal(lease->mac, query->client.mac) &&
		!strcmp(name, lease->name)) {
		dhcp_send_ack(server, query, lease, left);
		return;
	}
	lease->mac = query->client.mac;
	lease_bind(&server->pool.leases, lease, time, query->now + time * NSEC_PER_SEC);
	note(server, lease, query->now);
	dhcp_send_ack(server, query, lease, time);
	notify(server, lease, is_renewal ? LEASE_EVENT_RENEWED : LEASE_EVENT_BOUND);
}

/* Only of an offer to this client that it did not take up. */
static void withdraw_offer(struct dhcp_server *server, const struct dhcp_query *query)
{
	struct lease *lease = lease_find_client(&server->pool.leases, &query->client.id);

	if (lease && lease_state(lease, query->now) == LEASE_OFFERED)
		dhcp_pool_withdraw(&server->pool, lease);
}

/* RFC 2131 4.3.2, DHCPREQUEST generated during SELECTING state. */
static void on_selecting(struct dhcp_server *server, const struct dhcp_query *query)
{
	const struct dhcp_message *m = query->message;
	struct lease *lease;

	if (m->server.be != server->address.be) {
		server->counters.relayed++;
		withdraw_offer(server, query);
		return;
	}
	lease = dhcp_pool_take(&server->pool, &query->client, m->requested, query->now);
	if (lease)
		grant(server, query, lease);
	else
		dhcp_send_nak(server, query, "address not available");
}

/* Somebody else's by what we know: then the client is wrong, whoever it had it from. */
static bool is_anothers(struct dhcp_server *server, const struct dhcp_query *query, struct ip4 ip)
{
	struct lease *lease = lease_find_ip(&server->pool.leases, ip);

	return lease && lease_state(lease, query->now) == LEASE_BOUND &&
	       lease != lease_find_client(&server->pool.leases, &query->client.id);
}

/* A lease that is not to be had any more, but was granted: it lasts as long as was said. */
static void let_run_out(
	struct dhcp_server *server, const struct dhcp_query *query, struct lease *lease)
{
	uint32_t left = time_left(lease, query->now);

	if (left < LEASE_LEFT_MIN || dhcp_pool_reservation(&server->pool, query->client.mac))
		dhcp_send_nak(server, query, "address no longer available");
	else
		dhcp_send_ack(server, query, lease, left);
}

/* True: done. The client has a lease with us, or cannot have the address it says. */
static bool answer_known(struct dhcp_server *server, const struct dhcp_query *query, struct ip4 ip)
{
	struct lease *lease = lease_find_client(&server->pool.leases, &query->client.id);
	bool is_its_own = lease && lease->ip.be == ip.be;

	if (!dhcp_pool_is_on_link(&server->pool, ip))
		dhcp_send_nak(server, query, "wrong network");
	else if (is_its_own && dhcp_pool_may_have(&server->pool, &query->client, ip, query->now))
		grant(server, query, lease);
	else if (is_its_own)
		let_run_out(server, query, lease);
	else if (lease && lease->was_bound)
		dhcp_send_nak(server, query, "not your address");
	else if (is_anothers(server, query, ip))
		dhcp_send_nak(server, query, "address in use");
	else
		return false;
	return true;
}

/* RFC 2131 4.3.2, INIT-REBOOT: of whom we know nothing we say nothing. */
static void on_init_reboot(struct dhcp_server *server, const struct dhcp_query *query)
{
	answer_known(server, query, query->message->requested);
}

/*
 * RFC 2131 4.3.2, RENEWING and REBINDING. A renewal is sent to us alone: a client we do not know
 * had its address from us, and we lost our file. It may keep it.
 */
static void on_renewing(struct dhcp_server *server, const struct dhcp_query *query)
{
	struct ip4 ip = query->message->client;
	struct lease *lease;

	if (answer_known(server, query, ip) || !query->is_unicast)
		return;
	lease = dhcp_pool_take(&server->pool, &query->client, ip, query->now);
	if (lease)
		grant(server, query, lease);
	else
		dhcp_send_nak(server, query, "address not available");
}

static void on_request(struct dhcp_server *server, const struct dhcp_query *query)
{
	server->counters.request++;
	if (query->message->server.be)
		on_selecting(server, query);
	else if (query->message->client.be)
		on_renewing(server, query);
	else if (query->message->requested.be)
		on_init_reboot(server, query);
	else
		server->counters.malformed++;
}

/* The client's lease of this address, when the message is for us. */
static struct lease *find_own(
	struct dhcp_server *server, const struct dhcp_query *query, struct ip4 ip)
{
	struct lease *lease = lease_find_client(&server->pool.leases, &query->client.id);

	if (query->message->server.be && query->message->server.be != server->address.be)
		return NULL;
	return lease && lease->ip.be == ip.be ? lease : NULL;
}

static void on_decline(struct dhcp_server *server, const struct dhcp_query *query)
{
	struct lease *lease = find_own(server, query, query->message->requested);

	server->counters.decline++;
	if (!lease)
		return;
	lease = dhcp_pool_hold_back(&server->pool, lease, (struct mac){0}, query->now);
	if (lease)
		notify(server, lease, LEASE_EVENT_DECLINED);
}

static void on_release(struct dhcp_server *server, const struct dhcp_query *query)
{
	struct lease *lease = find_own(server, query, query->message->client);

	server->counters.release++;
	if (!lease || lease_state(lease, query->now) != LEASE_BOUND)
		return;
	lease_end(&server->pool.leases, lease, query->now);
	note(server, lease, query->now);
	notify(server, lease, LEASE_EVENT_RELEASED);
}

/* RFC 2131 4.3.5: no lease, only what there is to know; the client has its address elsewhere from.
 */
static void on_inform(struct dhcp_server *server, const struct dhcp_query *query)
{
	server->counters.inform++;
	if (dhcp_pool_is_on_link(&server->pool, query->message->client))
		dhcp_send_inform_ack(server, query);
}

/* RFC 2132 9.14: without option 61 the hardware type and address are the identifier. */
static struct dhcp_client client_of(const struct dhcp_message *message)
{
	struct dhcp_client client = {
		.id = message->client_id,
		.mac = message->mac,
		.requested = message->requested,
	};

	if (!client.id.len) {
		client.id.len = 1 + sizeof(client.mac);
		client.id.bytes[0] = HTYPE_ETHERNET;
		memcpy(client.id.bytes + 1, &client.mac, sizeof(client.mac));
	}
	return client;
}

static void dispatch(struct dhcp_server *server, const struct dhcp_query *query)
{
	switch (query->message->type) {
	case DHCP_DISCOVER:
		on_discover(server, query);
		break;
	case DHCP_REQUEST:
		on_request(server, query);
		break;
	case DHCP_DECLINE:
		on_decline(server, query);
		break;
	case DHCP_RELEASE:
		on_release(server, query);
		break;
	case DHCP_INFORM:
		on_inform(server, query);
		break;
	default: /* a BOOTP client, or a type from after RFC 2131 */
		server->counters.malformed++;
	}
}

static void on_datagram(struct udp_binding *binding, const struct datagram *datagram, nsec now)
{
	struct dhcp_server *server = CONTAINER_OF(binding, struct dhcp_server, binding);
	struct dhcp_message message;
	struct dhcp_query query = {.message = &message, .from_mac = datagram->from_mac, .now = now};

	if (!dhcp_parse(datagram->data, datagram->len, &message) || message.op != BOOT_REQUEST) {
		server->counters.malformed++;
		return;
	}
	if (message.relay.be) {
		server->counters.relayed++;
		return;
	}
	query.client = client_of(&message);
	query.is_unicast = host_owns(&server->host, datagram->to.ip);
	dispatch(server, &query);
}

static nsec run(struct machine *machine, nsec now)
{
	return host_run(&CONTAINER_OF(machine, struct dhcp_server, machine)->host, now);
}

static void on_conflict(struct host *host, struct ip ip, struct mac mac)
{
	struct dhcp_server *server = CONTAINER_OF(host, struct dhcp_server, host);

	if (server->watcher.on_conflict)
		server->watcher.on_conflict(server->watcher.context, ip, mac);
}

static const struct host_ops host_ops = {.on_conflict = on_conflict};

int dhcp_server_init(struct dhcp_server *server, const struct dhcp_settings *settings,
	const struct dhcp_watcher *watcher, const struct hash_key *key)
{
	int err;

	*server = (struct dhcp_server){
		.machine.run = run,
		.binding = {.port = DHCP_SERVER_PORT,
			.takes_broadcast = true,
			.on_datagram = on_datagram},
		.address = ip_to_v4(settings->address.address),
	};
	if (watcher)
		server->watcher = *watcher;
	list_init(&server->probes);
	list_init(&server->waiting);
	err = dhcp_pool_init(&server->pool, settings, key);
	if (err)
		return err;
	err = host_init(&server->host, &host_ops, &server->machine, settings->mac, key);
	if (err)
		return err;
	host_bind_udp(&server->host, &server->binding);
	return host_add_address(&server->host, &settings->address);
}

void dhcp_server_done(struct dhcp_server *server)
{
	LIST_EACH(node, &server->probes) {
		struct probe *probe = LIST_ENTRY(node, struct probe, node);

		host_resolve_cancel(&probe->resolve);
		free_probe(probe);
	}
	dhcp_forget_waiting(server);
	dhcp_pool_done(&server->pool);
	host_done(&server->host);
}

static void on_written(void *owner, uint64_t ticket, nsec now)
{
	struct dhcp_server *server = owner;

	server->written = ticket;
	dhcp_send_waiting(server, now);
	machine_wake(&server->machine);
}

static void forget_other_subnets(struct dhcp_pool *pool)
{
	struct map_cursor cursor = {0};
	struct lease *lease;

	while ((lease = lease_walk(&pool->leases, &cursor)))
		if (!dhcp_pool_is_on_link(pool, lease->ip))
			lease_remove(&pool->leases, lease);
}

void dhcp_server_set_store(struct dhcp_server *server, struct lease_store *store)
{
	server->pool.store = store;
	store->on_written = on_written;
	store->owner = server;
	forget_other_subnets(&server->pool);
}
