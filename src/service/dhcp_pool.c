/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dhcp_pool.h"

#include <errno.h>
#include <stdlib.h>

#define HOLD_BACK_SECONDS 600

static int copy_settings(const struct dhcp_settings *from, struct dhcp_settings *ret)
{
	size_t size = from->reservation_count * sizeof(*from->reservations);
	struct dhcp_reservation *reservations = NULL;

	if (size) {
		reservations = malloc(size);
		if (!reservations)
			return -ENOMEM;
		memcpy(reservations, from->reservations, size);
	}
	*ret = *from;
	ret->reservations = reservations;
	return 0;
}

int dhcp_pool_init(
	struct dhcp_pool *pool, const struct dhcp_settings *settings, const struct hash_key *key)
{
	*pool = (struct dhcp_pool){0};
	lease_table_init(&pool->leases, key);
	return copy_settings(settings, &pool->settings);
}

void dhcp_pool_done(struct dhcp_pool *pool)
{
	lease_table_done(&pool->leases);
	free(pool->settings.reservations);
}

int dhcp_pool_configure(struct dhcp_pool *pool, const struct dhcp_settings *settings)
{
	struct dhcp_settings before = pool->settings;
	int err = copy_settings(settings, &pool->settings);

	if (err)
		return err;
	pool->settings.mac = before.mac;
	pool->settings.address = before.address;
	pool->next = 0;
	pool->is_full = false;
	free(before.reservations);
	return 0;
}

bool dhcp_pool_is_on_link(const struct dhcp_pool *pool, struct ip4 ip)
{
	return prefix_contains(&pool->settings.address, ip_from_v4(ip));
}

static bool is_in_pool(const struct dhcp_pool *pool, struct ip4 ip)
{
	uint32_t number = ip4_number(ip);

	return number >= ip4_number(pool->settings.pool_first) &&
	       number <= ip4_number(pool->settings.pool_last);
}

/* Addresses of hosts that ask for none: the pool may well be the whole subnet. */
static bool is_excluded(const struct dhcp_pool *pool, struct ip4 ip)
{
	const struct dhcp_settings *s = &pool->settings;
	uint32_t host_bits = ~ip4_number(prefix_mask4(&s->address));
	uint32_t host = ip4_number(ip) & host_bits;

	for (unsigned i = 0; i < s->dns_count; i++)
		if (s->dns[i].be == ip.be)
			return true;
	return ip.be == ip_to_v4(s->address.address).be || ip.be == s->router.be || host == 0 ||
	       host == host_bits;
}

const struct dhcp_reservation *dhcp_pool_reservation(const struct dhcp_pool *pool, struct mac mac)
{
	for (size_t i = 0; i < pool->settings.reservation_count; i++)
		if (mac_equal(pool->settings.reservations[i].mac, mac))
			return &pool->settings.reservations[i];
	return NULL;
}

static const struct dhcp_reservation *reservation_of(const struct dhcp_pool *pool, struct ip4 ip)
{
	for (size_t i = 0; i < pool->settings.reservation_count; i++)
		if (pool->settings.reservations[i].ip.be == ip.be)
			return &pool->settings.reservations[i];
	return NULL;
}

static bool is_allowed(const struct dhcp_pool *pool, struct mac mac, struct ip4 ip)
{
	const struct dhcp_reservation *reserved = reservation_of(pool, ip);

	if (!dhcp_pool_is_on_link(pool, ip))
		return false;
	if (reserved)
		return mac_equal(reserved->mac, mac);
	return is_in_pool(pool, ip) && !is_excluded(pool, ip);
}

/* Ends a lease for good; the file may hear of it late. */
static void forget(struct dhcp_pool *pool, struct lease *lease)
{
	struct ip4 ip = lease->ip;
	bool was_written = lease->was_bound || !lease->client_id.len;

	lease_remove(&pool->leases, lease);
	pool->is_full = false;
	if (pool->store && was_written)
		pool->store->forget(pool->store, ip);
}

/* A machine under another name: a boot ROM and what it boots call themselves differently. */
static bool is_same_machine(const struct lease *lease, const struct dhcp_client *client)
{
	return lease->client_id.len && mac_equal(lease->mac, client->mac);
}

static bool is_free_for(
	const struct dhcp_pool *pool, const struct dhcp_client *client, struct ip4 ip, nsec now)
{
	struct lease *holder = lease_find_ip(&pool->leases, ip);

	if (!holder || lease_state(holder, now) == LEASE_EXPIRED)
		return true;
	return holder == lease_find_client(&pool->leases, &client->id) ||
	       (is_same_machine(holder, client) && reservation_of(pool, ip));
}

bool dhcp_pool_may_have(
	const struct dhcp_pool *pool, const struct dhcp_client *client, struct ip4 ip, nsec now)
{
	const struct dhcp_reservation *reserved = dhcp_pool_reservation(pool, client->mac);

	if (reserved && reserved->ip.be != ip.be && is_free_for(pool, client, reserved->ip, now))
		return false;
	return is_allowed(pool, client->mac, ip);
}

/* Makes the address, which is free for it, the client's one lease. */
static struct lease *assign(struct dhcp_pool *pool, const struct dhcp_client *client, struct ip4 ip)
{
	struct lease *mine = lease_find_client(&pool->leases, &client->id);
	struct lease *holder = lease_find_ip(&pool->leases, ip);

	if (mine && mine == holder)
		return mine;
	if (mine)
		forget(pool, mine);
	if (holder)
		forget(pool, holder);
	if (pool->leases.by_ip.count >= LEASES_MAX)
		return NULL;
	return lease_add(&pool->leases, ip, &client->id, client->mac);
}

struct lease *dhcp_pool_take(
	struct dhcp_pool *pool, const struct dhcp_client *client, struct ip4 ip, nsec now)
{
	if (!dhcp_pool_may_have(pool, client, ip, now) || !is_free_for(pool, client, ip, now))
		return NULL;
	return assign(pool, client, ip);
}

/* An address of the pool that nobody has or had. 0.0.0.0: there is none. */
static struct ip4 next_unused(struct dhcp_pool *pool)
{
	uint32_t first = ip4_number(pool->settings.pool_first);
	uint32_t count = ip4_number(pool->settings.pool_last) - first + 1;

	if (pool->is_full || pool->leases.by_ip.count >= LEASES_MAX)
		return (struct ip4){0};
	for (uint32_t left = count; left; left--) {
		struct ip4 ip = ip4_from_number(first + pool->next++ % count);

		if (!lease_find_ip(&pool->leases, ip) && !reservation_of(pool, ip) &&
			!is_excluded(pool, ip))
			return ip;
	}
	pool->is_full = true;
	return (struct ip4){0};
}

/* Offers that nobody took up. */
static void sweep_offers(struct dhcp_pool *pool, nsec now)
{
	struct lease *lease;

	while ((lease = lease_find_oldest_offer(&pool->leases)) &&
		lease_state(lease, now) == LEASE_EXPIRED)
		dhcp_pool_withdraw(pool, lease);
}

/* The address whose lease ended longest ago. Leases that may not be given again go on the way. */
static struct ip4 longest_expired(struct dhcp_pool *pool, struct mac mac, nsec now)
{
	struct lease *lease;

	while ((lease = lease_find_oldest(&pool->leases)) &&
		lease_state(lease, now) == LEASE_EXPIRED) {
		if (is_allowed(pool, mac, lease->ip))
			return lease->ip;
		forget(pool, lease);
	}
	return (struct ip4){0};
}

struct lease *dhcp_pool_choose(struct dhcp_pool *pool, const struct dhcp_client *client, nsec now)
{
	const struct dhcp_reservation *reserved = dhcp_pool_reservation(pool, client->mac);
	struct lease *mine = lease_find_client(&pool->leases, &client->id), *lease = NULL;
	struct ip4 ip;

	if (reserved)
		lease = dhcp_pool_take(pool, client, reserved->ip, now);
	if (!lease && mine && dhcp_pool_may_have(pool, client, mine->ip, now))
		lease = mine;
	if (!lease && client->requested.be)
		lease = dhcp_pool_take(pool, client, client->requested, now);
	if (lease)
		return lease;
	ip = next_unused(pool);
	if (!ip.be) {
		sweep_offers(pool, now);
		ip = next_unused(pool);
	}
	if (!ip.be)
		ip = longest_expired(pool, client->mac, now);
	return ip.be ? assign(pool, client, ip) : NULL;
}

void dhcp_pool_withdraw(struct dhcp_pool *pool, struct lease *lease)
{
	if (lease->was_bound)
		lease_end(&pool->leases, lease, lease->bound_until);
	else
		forget(pool, lease);
}

void dhcp_pool_offer(struct dhcp_pool *pool, struct lease *lease, nsec until, nsec now)
{
	if (lease_state(lease, now) == LEASE_BOUND)
		return;
	while (pool->leases.offered_count >= OFFERS_MAX && lease->state != LEASE_OFFERED)
		dhcp_pool_withdraw(pool, lease_find_oldest_offer(&pool->leases));
	lease_offer(&pool->leases, lease, until);
}

struct lease *dhcp_pool_hold_back(
	struct dhcp_pool *pool, struct lease *lease, struct mac user, nsec now)
{
	struct ip4 ip = lease->ip;

	lease_remove(&pool->leases, lease);
	lease = lease_add(&pool->leases, ip, NULL, user);
	if (!lease)
		return NULL;
	lease_hold_back(
		&pool->leases, lease, HOLD_BACK_SECONDS, now + HOLD_BACK_SECONDS * NSEC_PER_SEC);
	if (pool->store)
		pool->store->note(pool->store, lease, now);
	return lease;
}
