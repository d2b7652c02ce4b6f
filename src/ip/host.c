/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ip/host.h"

#include "ip/host_parts.h"
#include "ip/neighbour.h"
#include "wire/icmp.h"

#include <errno.h>
#include <stdlib.h>

#define CONFLICT_TOLD_INTERVAL	 (60 * NSEC_PER_SEC)
#define CONFLICT_DEFEND_INTERVAL (10 * NSEC_PER_SEC) /* RFC 5227 1.1: DEFEND_INTERVAL */

static void ask(struct host *host, struct ip ip, bool is_probe, nsec now)
{
	if (ip_is_v4(ip))
		arp_ask(host, ip, is_probe, now);
	else
		discovery_ask(host, ip, is_probe, now);
}

static const struct neighbours_ops neighbours_ops = {.ask = ask};

/* RFC 1122 3.3.2, RFC 8200 4.5: its sender hears of it when the first fragment did arrive. */
static void on_fragments_lost(
	struct fragment_watcher *watcher, const struct frame *first, bool has_timed_out, nsec now)
{
	struct host *host = CONTAINER_OF(watcher, struct host, fragment_watcher);
	static const uint8_t nothing[1];
	struct frame unknown = frame_linear(nothing, 0);
	struct packet packet;
	uint8_t type;

	port_drop(&host->port, DROP_FRAGMENT, first ? first : &unknown);
	if (!first || !has_timed_out)
		return;
	if (packet_parse(first->head, first->head_len, first->len, &packet) != PACKET_OK)
		return;
	type = packet.version == 4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED;
	host_send_icmp_error(
		host, (struct ip){0}, type, ICMP_REASSEMBLY_EXCEEDED, 0, first, &packet, now);
}

int host_init(struct host *host, const struct host_ops *ops, struct machine *machine,
	struct mac mac, const struct hash_key *key)
{
	*host = (struct host){.ops = ops, .machine = machine, .port.mac = mac};
	list_init(&host->udp_bindings);
	list_init(&host->tcp_bindings);
	list_init(&host->waiting);
	host->next_id = (uint16_t)hash_u64(key, 1);
	host->next_fragment_id = (uint32_t)hash_u64(key, 2);
	host->fragment_watcher.on_lost = on_fragments_lost;
	for (unsigned i = 0; i < HOST_ADDRESSES_MAX; i++) {
		host->conflict_told[i] = -CONFLICT_TOLD_INTERVAL;
		host->conflict_defended[i] = -CONFLICT_DEFEND_INTERVAL;
	}
	host->neighbours = neighbours_new(host, &neighbours_ops, key);
	return host->neighbours ? 0 : -ENOMEM;
}

static void release_bindings(struct list *bindings)
{
	LIST_EACH(node, bindings)
		list_remove(node);
}

void host_done(struct host *host)
{
	if (!host->ops)
		return; /* never init */
	waiting_forget(host);
	neighbours_free(host->neighbours);
	fragments_free(host->fragments);
	release_bindings(&host->udp_bindings);
	release_bindings(&host->tcp_bindings);
	free(host->frames);
	free(host->copies);
	*host = (struct host){0};
}

static bool has_family(const struct host *host, bool is_v4)
{
	for (unsigned i = 0; i < host->address_count; i++)
		if (ip_is_v4(host->addresses[i].address) == is_v4)
			return true;
	return false;
}

static int add(struct host *host, const struct ip_prefix *address)
{
	if (host->address_count == HOST_ADDRESSES_MAX)
		return -ENOSPC;
	host->addresses[host->address_count++] = *address;
	host->known_from = (struct ip){0};
	return 0;
}

/* RFC 4291 2.5.6 and appendix A. */
static struct ip_prefix link_local(struct mac mac)
{
	struct ip_prefix prefix = {.address = {{0xfe, 0x80}}, .len = 64};
	uint8_t *id = prefix.address.bytes + 8;

	memcpy(id, mac.bytes, 3);
	id[0] ^= 2;
	id[3] = 0xff;
	id[4] = 0xfe;
	memcpy(id + 5, mac.bytes + 3, 3);
	return prefix;
}

int host_add_address(struct host *host, const struct ip_prefix *address)
{
	struct ip_prefix local = link_local(host->port.mac);
	int err;

	if (!ip_is_v4(address->address) && !has_family(host, false) &&
		!ip_equal(address->address, local.address)) {
		if (host->address_count + 2 > HOST_ADDRESSES_MAX)
			return -ENOSPC;
		err = add(host, &local);
		if (err)
			return err;
	}
	return add(host, address);
}

bool host_owns(const struct host *host, struct ip ip)
{
	for (unsigned i = 0; i < host->address_count; i++)
		if (ip_equal(host->addresses[i].address, ip))
			return true;
	return false;
}

static struct ip first_of_family(const struct host *host, bool is_v4)
{
	for (unsigned i = 0; i < host->address_count; i++) {
		struct ip ip = host->addresses[i].address;

		if (ip_is_v4(ip) == is_v4 && !ip_is_link_local(ip))
			return ip;
	}
	return (struct ip){0};
}

struct ip host_address_for(const struct host *host, struct ip peer)
{
	for (unsigned i = 0; i < host->address_count; i++)
		if (prefix_contains(&host->addresses[i], peer))
			return host->addresses[i].address;
	if (host->ops->is_on_link_too && host->ops->is_on_link_too(host, peer))
		return first_of_family(host, ip_is_v4(peer));
	return (struct ip){0};
}

bool host_is_on_link(const struct host *host, struct ip ip)
{
	return !ip_is_none(host_address_for(host, ip));
}

void host_bind_udp(struct host *host, struct udp_binding *binding)
{
	list_push_back(&host->udp_bindings, &binding->node);
}

void host_bind_tcp(struct host *host, struct tcp_binding *binding)
{
	list_push_back(&host->tcp_bindings, &binding->node);
}

void host_unbind_udp(struct udp_binding *binding)
{
	list_remove(&binding->node);
}

void host_unbind_tcp(struct tcp_binding *binding)
{
	list_remove(&binding->node);
}

nsec host_run(struct host *host, nsec now)
{
	nsec next = neighbours_run(host->neighbours, now), fragments_next;

	if (host->fragments) {
		fragments_next = fragments_run(host->fragments, now);
		next = MIN(next, fragments_next);
		if (fragments_is_empty(host->fragments)) {
			fragments_free(host->fragments);
			host->fragments = NULL;
		}
	}
	host_flush(host, now);
	return next;
}

static void resolved_at_once(struct resolve *resolve, struct ip ip, struct mac mac, nsec now)
{
	list_init(&resolve->node);
	resolve->on_resolved(resolve, ip, mac, now);
}

static void wake(struct host *host)
{
	if (host->machine)
		machine_wake(host->machine);
}

void host_resolve(struct host *host, struct ip ip, struct resolve *resolve, nsec now)
{
	struct mac mac = {0};

	if (host_owns(host, ip))
		resolved_at_once(resolve, ip, host->port.mac, now);
	else if (!host_is_on_link(host, ip) || host_neighbour(host, ip, now, &mac))
		resolved_at_once(resolve, ip, mac, now);
	else
		neighbours_ask(host->neighbours, ip, resolve, now);
	wake(host);
}

void host_probe(struct host *host, struct ip ip, nsec patience, struct resolve *resolve, nsec now)
{
	if (host_owns(host, ip))
		resolved_at_once(resolve, ip, host->port.mac, now);
	else
		neighbours_probe(host->neighbours, ip, patience, resolve, now);
	wake(host);
}

void host_resolve_cancel(struct resolve *resolve)
{
	list_remove(&resolve->node);
}

bool host_neighbour(const struct host *host, struct ip ip, nsec now, struct mac *ret_mac)
{
	return neighbours_find(host->neighbours, ip, now, ret_mac);
}

static void announce(struct host *host, struct ip ip, nsec now)
{
	if (ip_is_v4(ip))
		arp_announce(host, ip, now);
	else
		discovery_announce(host, ip, now);
}

void host_announce(struct host *host, nsec now)
{
	for (unsigned i = 0; i < host->address_count; i++)
		announce(host, host->addresses[i].address, now);
}

void host_conflict(struct host *host, struct ip ip, struct mac mac, nsec now)
{
	unsigned i = 0;

	while (!ip_equal(host->addresses[i].address, ip))
		i++;
	if (now - host->conflict_told[i] >= CONFLICT_TOLD_INTERVAL && host->ops->on_conflict) {
		host->conflict_told[i] = now;
		host->ops->on_conflict(host, ip, mac);
	}
	/* RFC 5227 2.4(c): keep the address, but two who both do so must not argue for ever. */
	if (now - host->conflict_defended[i] >= CONFLICT_DEFEND_INTERVAL) {
		host->conflict_defended[i] = now;
		announce(host, ip, now);
	}
}
