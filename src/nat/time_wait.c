/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/time_wait.h"

#include "ip/tcp/time_wait.h"
#include "wire/tcp.h"

#include <stdlib.h>

#define LIFE	  (30 * NSEC_PER_SEC)
#define COUNT_MAX 65536

struct time_wait {
	struct map_node node;
	struct list age;
	struct flow_key key;
	struct tcp_time_wait tcp;
	nsec until;
};

static uint64_t key_hash(const struct gateway *gateway, const struct flow_key *key)
{
	return hash_words(&gateway->flows.key, key, sizeof(*key) / 8);
}

static void forget(struct gateway *gateway, struct time_wait *wait)
{
	map_remove(&gateway->time_wait_map, &wait->node);
	list_remove(&wait->age);
	free(wait);
}

void time_wait_age(struct gateway *gateway, nsec now)
{
	while (!list_is_empty(&gateway->time_waits)) {
		struct time_wait *oldest = LIST_ENTRY(
			gateway->time_waits.next, struct time_wait, age);

		if (oldest->until > now && gateway->time_wait_map.count < COUNT_MAX)
			return;
		forget(gateway, oldest);
	}
}

void time_wait_add(
	struct gateway *gateway, const struct flow_key *key, const struct tcp *tcp, nsec now)
{
	struct time_wait *wait;

	time_wait_age(gateway, now);
	wait = malloc(sizeof(*wait));
	if (!wait)
		return;
	*wait = (struct time_wait){.key = *key, .until = now + LIFE};
	tcp_time_wait_note(tcp, &wait->tcp);
	list_init(&wait->age);
	if (map_insert(&gateway->time_wait_map, &wait->node, key_hash(gateway, key)) < 0) {
		free(wait);
		return;
	}
	list_push_back(&gateway->time_waits, &wait->age);
}

static struct time_wait *find(const struct gateway *gateway, const struct flow_key *key)
{
	struct map_node *node = map_first(&gateway->time_wait_map, key_hash(gateway, key));

	for (; node; node = map_next(node)) {
		struct time_wait *wait = CONTAINER_OF(node, struct time_wait, node);

		if (!memcmp(&wait->key, key, sizeof(*key)))
			return wait;
	}
	return NULL;
}

bool time_wait_answer(struct gateway *gateway, const struct flow_key *key,
	const struct frame *frame, const struct packet *packet, nsec now)
{
	struct time_wait *wait = find(gateway, key);

	if (!wait)
		return false;
	if (wait->until <= now || tcp_time_wait_begins_anew(&wait->tcp, frame, packet)) {
		forget(gateway, wait);
		return false;
	}
	if (tcp_time_wait_is_reset(&wait->tcp, frame, packet)) /* else RFC 1337 */
		forget(gateway, wait);
	else if (!(packet->tcp_flags & TCP_RST))
		tcp_time_wait_answer(&wait->tcp, &gateway->tcp,
			&(struct endpoint){key->remote, key->remote_port},
			&(struct endpoint){key->guest, key->guest_port}, now);
	return true;
}

void time_wait_done(struct gateway *gateway)
{
	LIST_EACH(node, &gateway->time_waits)
		forget(gateway, LIST_ENTRY(node, struct time_wait, age));
	map_done(&gateway->time_wait_map);
}
