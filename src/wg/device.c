/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wg/device.h"

#include "base/random.h"
#include "wg/device_state.h"

#include <openssl/crypto.h>
#include <stdlib.h>

const char *wg_drop_name(enum wg_drop drop)
{
	static const char *const names[WG_DROP_COUNT] = {
		[WG_DROP_MALFORMED] = "malformed",
		[WG_DROP_FORGED] = "forged",
		[WG_DROP_UNKNOWN] = "unknown",
		[WG_DROP_REPLAYED] = "replayed",
		[WG_DROP_TOO_MANY] = "too-many",
		[WG_DROP_EXPIRED] = "expired",
		[WG_DROP_NO_ENDPOINT] = "no-endpoint",
		[WG_DROP_GIANT] = "giant",
		[WG_DROP_QUEUE_FULL] = "queue-full",
		[WG_DROP_NO_MEMORY] = "no-memory",
	};

	return names[drop];
}

static nsec device_run(struct machine *machine, nsec now)
{
	struct wg_device *device = CONTAINER_OF(machine, struct wg_device, machine);
	nsec next = timers_run(device, now);

	outbox_flush(device);
	return next;
}

struct wg_device *wg_device_new(const struct wg_settings *settings)
{
	struct wg_device *device = calloc(1, sizeof(*device));

	if (!device)
		return NULL;
	device->machine.run = device_run;
	device->ops = settings->ops;
	device->owner = settings->owner;
	device->timing = settings->timing;
	list_init(&device->peers);
	random_bytes(&device->hash_key, sizeof(device->hash_key));
	device->outbox.bytes = malloc(WG_DATAGRAM_MAX);
	if (device->outbox.bytes && !gate_init(&device->gate, settings->load))
		return device;
	wg_device_free(device);
	return NULL;
}

void wg_device_free(struct wg_device *device)
{
	struct wg_peer *peer;

	if (!device)
		return;
	while ((peer = wg_peer_after(device, NULL)))
		wg_peer_free(peer);
	noise_identity_done(&device->identity);
	gate_done(&device->gate);
	index_table_done(&device->indices);
	heap_done(&device->deadlines);
	map_done(&device->by_key);
	free(device->outbox.bytes);
	free(device);
}

struct machine *wg_device_machine(struct wg_device *device)
{
	return &device->machine;
}

void wg_device_set_key(struct wg_device *device, const struct wg_key *private)
{
	noise_identity_done(&device->identity);
	if (private) {
		struct wg_key clamped = *private;

		wg_key_clamp(&clamped);
		noise_identity_init(&device->identity, &clamped);
		wg_key_wipe(&clamped);
		gate_set_key(&device->gate, &device->identity.public, &device->timing);
	}
	LIST_EACH(node, &device->peers) {
		struct wg_peer *peer = LIST_ENTRY(node, struct wg_peer, node);

		peer_forget_keys(peer);
		peer_meet(peer);
	}
}

const struct wg_key *wg_device_public(const struct wg_device *device)
{
	return device->identity.pair ? &device->identity.public : NULL;
}

bool wg_device_private(const struct wg_device *device, struct wg_key *ret)
{
	size_t len = sizeof(ret->bytes);

	return device->identity.pair &&
	       EVP_PKEY_get_raw_private_key(device->identity.pair, ret->bytes, &len) == 1;
}

void wg_device_say_loaded(struct wg_device *device, nsec until)
{
	device->gate.loaded_until = until;
}

const uint64_t *wg_device_drops(const struct wg_device *device)
{
	return device->drops;
}
