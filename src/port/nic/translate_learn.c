/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may speak from which address, and what is said of those who may not. */
#include "port/nic/translate_internal.h"

#define CHALLENGE_PATIENCE (3 * NSEC_PER_SEC)  /* an owner that lives has answered by then */
#define TELL_INTERVAL	   (60 * NSEC_PER_SEC) /* the same claim is not an event again sooner */

void tell(struct mac_translate *translate, const struct translate_event *event)
{
	if (!translate->settings.on_event || translate->event_count == EVENTS_MAX)
		return;
	translate->events[translate->event_count++] = *event;
	machine_wake(&translate->machine);
}

/* No address of any one machine. */
static bool is_of_nobody(const struct nic_facts *nic, struct ip ip)
{
	static const struct ip any4 = {{[10] = 0xff, [11] = 0xff}};

	return ip_is_none(ip) || ip_equal(ip, any4) || ip_is_multicast(ip) || ip_is_loopback(ip) ||
	       nic_is_broadcast(nic, ip);
}

/* Of a tag's subnets nothing is known; else an address off the link would take the place of the
 * router it is behind. */
static bool may_be_learnt(
	const struct crossing *crossing, struct ip ip, struct mac mac, enum evidence evidence)
{
	const struct nic_facts *nic = &crossing->translate->nic;

	if (mac_is_group(mac) || mac_is_zero(mac) || mac_equal(mac, nic->mac))
		return false;
	if (is_of_nobody(nic, ip))
		return false;
	if (crossing->vlan)
		return true;
	switch (nic_on_link(nic, ip, crossing->now)) {
	case ON_LINK_YES:
		return true;
	case ON_LINK_NO:
		return false;
	case ON_LINK_UNKNOWN:
		return evidence == BY_CLAIM;
	}
	return false;
}

static bool may_tell_again(nsec *told_at, nsec now)
{
	if (*told_at && now - *told_at < TELL_INTERVAL)
		return false;
	*told_at = now;
	return true;
}

static void tell_claim(struct crossing *crossing, struct ip ip, struct mac owner,
	struct mac claimant, nsec *told_at)
{
	const struct translate_event event = {TRANSLATE_CLAIMED, ip, owner, claimant};

	if (may_tell_again(told_at, crossing->now))
		tell(crossing->translate, &event);
}

/* A guest that was made anew has another MAC address and may have the same IP address: the owner is
 * asked, and one that does not answer owns no longer. */
static bool is_silent(struct crossing *crossing, struct binding *binding)
{
	bool is_asked = binding->challenged_at && binding->seen_at <= binding->challenged_at;

	if (binding->is_static)
		return false;
	if (is_asked && crossing->now - binding->challenged_at >= CHALLENGE_PATIENCE)
		return true;
	if (!binding->challenged_at ||
		crossing->now - binding->challenged_at >= CHALLENGE_PATIENCE) {
		binding->challenged_at = crossing->now;
		probe(crossing->translate, binding->ip, binding->member->mac, crossing->now);
	}
	return false;
}

/* A broadcast ARP tells everybody by itself, and so does who is seen; an address that is only asked
 * for is nobody's yet. */
static bool is_to_be_announced(const struct crossing *crossing)
{
	if (crossing->translate->are_seen)
		return false;
	if (crossing->packet.ethertype == ETHERTYPE_ARP)
		return !mac_is_group(crossing->to);
	return !ip_is_none(crossing->packet.from);
}

static void learn(struct crossing *crossing, struct ip ip, struct mac mac)
{
	struct mac_translate *translate = crossing->translate;
	const struct translate_event event = {TRANSLATE_FULL, ip, .claimant = mac};
	struct binding *binding = binding_add(
		&translate->bindings, ip, crossing->vlan, mac, crossing->now);

	if (binding)
		binding->announced = translate->round;
	if (binding && is_to_be_announced(crossing))
		announce_later(translate, binding);
	if (!binding && may_tell_again(&translate->full_told_at, crossing->now))
		tell(translate, &event);
}

/* Somebody has the address already. */
static bool contest(struct crossing *crossing, struct binding *binding, struct mac mac)
{
	struct translate_event event = {TRANSLATE_MOVED, binding->ip, binding->member->mac, mac};

	if (!is_silent(crossing, binding)) {
		tell_claim(crossing, binding->ip, binding->member->mac, mac, &binding->told_at);
		return false;
	}
	binding_remove(&crossing->translate->bindings, binding);
	learn(crossing, event.ip, mac);
	tell(crossing->translate, &event);
	return true;
}

/* It went to another bridge of the LAN, and came back. */
static void note_back(struct crossing *crossing, struct binding *binding)
{
	binding->is_elsewhere = false;
	if (is_to_be_announced(crossing))
		announce_later(crossing->translate, binding);
}

bool may_speak_from(struct crossing *crossing, struct ip ip, struct mac mac, enum evidence evidence)
{
	struct mac_translate *translate = crossing->translate;
	struct binding *binding = owner_of(crossing, ip);

	if (LIKELY(binding && mac_equal(binding->member->mac, mac))) {
		binding_touch(&translate->bindings, binding, crossing->now);
		if (UNLIKELY(binding->is_elsewhere))
			note_back(crossing, binding);
		return true;
	}
	if (!crossing->vlan && nic_has_address(&translate->nic, ip)) {
		tell_claim(crossing, ip, translate->nic.mac, mac, &translate->claim_told_at);
		return false;
	}
	if (binding)
		return contest(crossing, binding, mac);
	if (may_be_learnt(crossing, ip, mac, evidence))
		learn(crossing, ip, mac);
	return true;
}

struct binding *owner_of(struct crossing *crossing, struct ip ip)
{
	return binding_find(&crossing->translate->bindings, ip, crossing->vlan, crossing->now);
}

void note_elsewhere(struct crossing *crossing, struct ip ip, struct mac mac)
{
	struct binding *binding;

	if (crossing->side != TRANSLATE_WIRE || mac_equal(mac, crossing->translate->nic.mac))
		return;
	binding = owner_of(crossing, ip);
	if (binding)
		binding->is_elsewhere = true;
}
