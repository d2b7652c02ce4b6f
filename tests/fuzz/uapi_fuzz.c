/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Anything as requests of wg(8), one after the other, to a device with a peer; what is set is asked
 * for in between, and each prefix belongs to a peer that is there. */
#include "wg/uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct wg_device *device;
static struct allowed_ips allowed;
static size_t listed;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void transmit(void *, const struct endpoint *, const uint8_t *, size_t, size_t, bool)
{
}

static nsec wall_clock(void *)
{
	return NSEC_PER_SEC;
}

static int set_number(void *, uint32_t)
{
	return 0;
}

static int set_port(void *, uint16_t port)
{
	return port == 1 ? -EADDRINUSE : 0;
}

static int add_peer(void *, const struct wg_key *public, struct wg_peer **ret)
{
	*ret = wg_peer_new(device, public, NULL);
	return *ret ? 0 : -errno;
}

static int remove_peer(void *, struct wg_peer *peer)
{
	wg_peer_free(peer);
	return 0;
}

static void count(void *, const struct ip_prefix *)
{
	listed++;
}

static void answer(struct uapi *uapi, const char *request, size_t len)
{
	size_t reply_len;
	char *reply = uapi_answer(uapi, request, len, NSEC_PER_SEC, &reply_len);

	check(reply && uapi_is_whole(reply, reply_len) && strstr(reply, "errno="));
	free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct wg_ops ops = {.transmit = transmit, .wall_clock = wall_clock};
	const struct wg_settings settings = {.ops = &ops, .timing = WG_TIMING};
	struct uapi uapi = {.allowed = &allowed,
		.set_port = set_port,
		.set_mark = set_number,
		.add_peer = add_peer,
		.remove_peer = remove_peer};
	const char *at = (const char *)bytes, *end = at + len;

	device = uapi.device = wg_device_new(&settings);
	check(device);
	allowed_ips_init(&allowed, 64);
	while (at < end) {
		const char *next = memmem(at, (size_t)(end - at), "\n\n", 2);

		next = next ? next + 2 : end;
		answer(&uapi, at, (size_t)(next - at));
		answer(&uapi, "get=1\n\n", 7);
		at = next;
	}
	listed = 0;
	for (struct wg_peer *peer = NULL; (peer = wg_peer_after(device, peer));)
		allowed_ips_each(&allowed, peer, count, NULL);
	check(listed == allowed.count);
	allowed_ips_done(&allowed);
	wg_device_free(device);
	return 0;
}
