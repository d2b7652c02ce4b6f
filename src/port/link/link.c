/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/link/link.h"

#include "port/link/link_state.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* What one turn reads: others on the loop are served too. */
#define READS_MAX	8
#define TICK		(1 * NSEC_PER_SEC)
#define STRANGERS_EVERY (60 * NSEC_PER_SEC)

void peer_say(struct link_peer *peer, const struct control *control, nsec now)
{
	uint8_t bytes[CONTROL_MAX];
	struct iovec part = {bytes, control_write(control, bytes)};
	struct wg_packet packet = {&part, 1, (uint32_t)part.iov_len};

	wg_peer_send(peer->wg, &packet, 1, now);
	explicit_bzero(bytes, sizeof(bytes));
}

void tell_news(struct link_peer *peer, enum link_event event, const struct control *control)
{
	struct link *link = peer->link;
	struct link_news news = {.event = event, .control = control};
	struct wg_peer_state state;

	wg_peer_look(peer->wg, loop_now(link->loop), &state);
	news.key = state.public;
	news.from = state.endpoint;
	if (peer->is_member)
		news.mac = member_of_peer(peer)->port.mac;
	wg_key_wipe(&state.preshared);
	if (link->on_news)
		link->on_news(link->owner, &news);
}

static void transmit(void *owner, const struct endpoint *to, const uint8_t *bytes, size_t len,
	size_t segment_len, bool is_whole)
{
	struct link *link = owner;
	unsigned refused = udp_send(&link->udp, to, bytes, len, segment_len, is_whole);

	if (LIKELY(!refused))
		return;
	link->lost += refused;
	if (errno == EMSGSIZE && is_whole)
		path_refuse(link, to, segment_len);
}

static void on_event(void *, struct wg_peer *wg, enum wg_event event, nsec now)
{
	struct link_peer *peer = wg_peer_owner(wg);

	if (!peer->is_member)
		return;
	if (event == WG_HANDSHAKE)
		member_greet(member_of_peer(peer), now);
	else if (event == WG_ROAMED) {
		path_renew(member_of_peer(peer), now);
		tell_news(peer, LINK_MOVED, NULL);
	}
}

static nsec wall_clock(void *)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static const struct wg_ops ops = {transmit, link_deliver, on_event, wall_clock};

static void on_ready(struct watch *watch, uint32_t)
{
	struct link *link = CONTAINER_OF(watch, struct link, watch);
	struct wg_arrival arrival = {.bytes = loop_scratch(link->loop, UDP_BATCH_LEN)};
	ssize_t len = 1;

	if (!arrival.bytes)
		return; /* the datagrams wait in the socket */
	for (unsigned i = 0; i < READS_MAX && len > 0; i++) {
		len = udp_read(&link->udp, arrival.bytes, UDP_BATCH_LEN, &arrival.from,
			&arrival.segment_len);
		arrival.len = len > 0 ? (size_t)len : 0;
		if (len > 0)
			wg_device_receive(link->device, &arrival, 1, loop_now(link->loop));
	}
}

/* Who knocks with a key that nobody has, or looks for another relay, hears nothing; our owner
 * does, now and then. */
static void tell_of_strangers(struct link *link, nsec now)
{
	const uint64_t *drops = wg_device_drops(link->device);
	struct link_news news = {.event = LINK_STRANGERS,
		.unknown = drops[WG_DROP_UNKNOWN] - link->unknown,
		.forged = drops[WG_DROP_FORGED] - link->forged};

	if (now - link->strangers_at < STRANGERS_EVERY || !(news.unknown | news.forged))
		return;
	link->strangers_at = now;
	link->unknown = drops[WG_DROP_UNKNOWN];
	link->forged = drops[WG_DROP_FORGED];
	if (link->on_news)
		link->on_news(link->owner, &news);
}

static void on_tick(struct timer *timer, nsec now)
{
	struct link *link = CONTAINER_OF(timer, struct link, tick);

	LIST_EACH(node, &link->members)
		member_tick(CONTAINER_OF(node, struct link_member, peer.node), now);
	tell_of_strangers(link, now);
	timer_set(link->loop, timer, now + TICK);
}

void link_free(struct link *link)
{
	if (!link)
		return;
	timer_cancel(link->loop, &link->tick);
	loop_unwatch(&link->watch);
	while (!list_is_empty(&link->callers)) {
		struct link_peer *caller = LIST_ENTRY(link->callers.next, struct link_peer, node);

		list_remove(&caller->node);
		free(caller);
	}
	if (link->driver.loop)
		driver_stop(&link->driver);
	wg_device_free(link->device);
	udp_close(&link->udp);
	free(link);
}

struct link *link_new(struct loop *loop, const struct link_settings *settings)
{
	const struct wg_settings wg = {.ops = &ops, .timing = WG_TIMING, .load = WG_LOAD_STANDARD};
	struct link *link = calloc(1, sizeof(*link));
	struct wg_settings owned = wg;
	struct udp udp = settings->udp;
	int err = ENOMEM;

	if (!link) {
		udp_close(&udp);
		return NULL;
	}
	link->loop = loop;
	link->udp = udp;
	link->on_news = settings->on_news;
	link->owner = settings->owner;
	link->subnet = settings->subnet;
	link->watch.on_ready = on_ready;
	link->tick.on_expire = on_tick;
	list_init(&link->members);
	list_init(&link->callers);
	owned.owner = link;
	link->device = wg_device_new(&owned);
	if (link->device) {
		wg_device_set_key(link->device, settings->private);
		driver_start(&link->driver, loop, wg_device_machine(link->device));
		err = -loop_watch(loop, &link->watch, udp.fd, EPOLLIN);
	}
	if (!err) {
		link->strangers_at = -STRANGERS_EVERY;
		timer_set(loop, &link->tick, loop_now(loop) + TICK);
		return link;
	}
	link_free(link);
	errno = err;
	return NULL;
}

uint64_t link_lost(const struct link *link)
{
	return link->lost;
}

const uint64_t *link_drops(const struct link *link)
{
	return wg_device_drops(link->device);
}

int link_caller_add(struct link *link, const struct wg_key *key, const struct endpoint *endpoint)
{
	struct link_peer *caller = calloc(1, sizeof(*caller));

	if (!caller)
		return -ENOMEM;
	caller->link = link;
	caller->wg = wg_peer_new(link->device, key, caller);
	if (!caller->wg) {
		free(caller);
		return -errno;
	}
	if (endpoint && !ip_is_none(endpoint->ip))
		wg_peer_set_endpoint(caller->wg, endpoint);
	list_push_back(&link->callers, &caller->node);
	return 0;
}

static struct link_peer *find(const struct link *link, const struct wg_key *key)
{
	struct wg_peer *wg = wg_peer_find(link->device, key);

	return wg ? wg_peer_owner(wg) : NULL;
}

void link_caller_remove(struct link *link, const struct wg_key *key)
{
	struct link_peer *caller = find(link, key);

	if (!caller || caller->is_member)
		return;
	wg_peer_free(caller->wg);
	list_remove(&caller->node);
	free(caller);
}

void link_say(struct link *link, const struct wg_key *key, const struct control *control)
{
	struct link_peer *peer = find(link, key);

	if (peer)
		peer_say(peer, control, loop_now(link->loop));
}
