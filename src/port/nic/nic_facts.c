/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/nic_facts.h"

bool nic_has_address(const struct nic_facts *nic, struct ip ip)
{
	for (unsigned i = 0; i < nic->address_count; i++) {
		if (ip_equal(nic->addresses[i].address, ip))
			return true;
	}
	return false;
}

bool nic_is_broadcast(const struct nic_facts *nic, struct ip ip)
{
	if (!ip_is_v4(ip))
		return false;
	for (unsigned i = 0; i < nic->address_count; i++) {
		const struct ip_prefix *prefix = &nic->addresses[i];

		/* RFC 3021: a /31 has none. */
		if (ip_is_v4(prefix->address) && prefix->len < 31 &&
			ip_equal(prefix_last(prefix), ip))
			return true;
	}
	return ip_is_broadcast(ip);
}

bool nic_address_towards(const struct nic_facts *nic, struct ip ip, struct ip *ret)
{
	const struct ip_prefix *best = NULL;

	for (unsigned i = 0; i < nic->address_count; i++) {
		const struct ip_prefix *own = &nic->addresses[i];

		if (ip_is_v4(own->address) != ip_is_v4(ip))
			continue;
		if (!best || (prefix_contains(own, ip) && !prefix_contains(best, ip)))
			best = own;
	}
	if (best)
		*ret = best->address;
	return best;
}

void nic_note_prefix(
	struct nic_facts *nic, const struct ip_prefix *prefix, uint32_t lifetime, nsec now)
{
	unsigned place = 0;

	for (unsigned i = 0; i < NIC_PREFIXES_MAX; i++) {
		const struct ip_prefix *known = &nic->advertised[i].prefix;

		if (known->len == prefix->len && ip_equal(known->address, prefix->address)) {
			place = i;
			break;
		}
		if (nic->advertised[i].until < nic->advertised[place].until)
			place = i; /* the one that ends first makes way */
	}
	nic->advertised[place].prefix = *prefix;
	nic->advertised[place].until = lifetime == UINT32_MAX ? NSEC_NEVER
				       : lifetime	      ? now + lifetime * NSEC_PER_SEC
							      : 0;
}

/* Whether it says anything of its neighbours: DHCPv6 and clouds give addresses that do not. */
static bool has_subnet(const struct ip_prefix *own)
{
	return own->len < (ip_is_v4(own->address) ? 32 : 128) && !ip_is_link_local(own->address);
}

enum on_link nic_on_link(const struct nic_facts *nic, struct ip ip, nsec now)
{
	enum on_link answer = ON_LINK_UNKNOWN;

	if (ip_is_link_local(ip))
		return ON_LINK_YES;
	for (unsigned i = 0; i < nic->address_count; i++) {
		const struct ip_prefix *own = &nic->addresses[i];

		if (prefix_contains(own, ip))
			return ON_LINK_YES;
		if (ip_is_v4(own->address) == ip_is_v4(ip) && has_subnet(own))
			answer = ON_LINK_NO;
	}
	for (unsigned i = 0; i < NIC_PREFIXES_MAX && !ip_is_v4(ip); i++) {
		if (nic->advertised[i].until <= now)
			continue;
		if (prefix_contains(&nic->advertised[i].prefix, ip))
			return ON_LINK_YES;
		answer = ON_LINK_NO;
	}
	return answer;
}
