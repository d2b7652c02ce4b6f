/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/subnet.h"

#define BROAD_LEN 7 /* bits; what is as broad as this is a way to everywhere */

static bool is_broad(const struct ip_prefix *prefix)
{
	return prefix->len <= BROAD_LEN;
}

static bool overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return prefix_contains(a, b->address) || prefix_contains(b, a->address);
}

const struct used_subnet *subnet_collision(
	const struct ip_prefix *subnet, const struct used_subnet *used, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_broad(&used[i].prefix) && overlap(subnet, &used[i].prefix))
			return &used[i];
	}
	return NULL;
}

/* From `first` up to `last`, in steps of the subnet's size. */
static bool search(uint32_t first, uint32_t last, const struct ip_prefix *subnet,
	const struct used_subnet *used, size_t count, struct ip_prefix *ret_free)
{
	uint32_t step = 1u << (32 - subnet->len);

	for (uint64_t at = first; at + step - 1 <= last; at += step) {
		struct ip_prefix candidate = {
			ip_from_v4(ip4_from_number((uint32_t)at)), subnet->len};

		if (!subnet_collision(&candidate, used, count)) {
			*ret_free = candidate;
			return true;
		}
	}
	return false;
}

bool subnet_next_free(const struct ip_prefix *subnet, const struct used_subnet *used, size_t count,
	struct ip_prefix *ret_free)
{
	const uint32_t home = 0xc0a80000, home_last = 0xc0a8ffff; /* 192.168.0.0/16 */
	const uint32_t wide = 0x0a000000, wide_last = 0x0affffff; /* 10.0.0.0/8 */
	uint32_t own = ip4_number(ip_to_v4(subnet->address)), step = 1u << (32 - subnet->len);

	if (own >= home && own <= home_last &&
		search(own + step, home_last, subnet, used, count, ret_free))
		return true;
	return search(home, home_last, subnet, used, count, ret_free) ||
	       search(wide, wide_last, subnet, used, count, ret_free);
}
