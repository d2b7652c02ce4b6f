/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the machine says of its own: probes to the hub, announcements to the wire. */
#include "port/nic/translate_internal.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/icmp.h"

#define PROBES_PER_SECOND 20
#define PROBE_AGAIN	  NSEC_PER_SEC /* not sooner for the same address */
#define ANNOUNCE_BATCH	  16
#define ANNOUNCE_INTERVAL (100 * NSEC_PER_MSEC)
/* A switch may be deaf after a cable is plugged in, for as long as it looks for loops: 30 s (IEEE
 * 802.1D 8.10.2). So what was announced to all is announced again after 2, 10 and 42 s. */
#define REPEATS	       3
#define REPEAT_GAP     (2 * NSEC_PER_SEC)
#define FRAME_MAX      128
#define DISCOVERY_LEN  (ND_NEIGHBOUR_LEN + 8)
#define ND_CHECKSUM_AT 2

static const struct ip ALL_NODES = {{0xff, 0x02, [15] = 1}};

static void emit(struct mac_translate *translate, enum translate_side to, struct writer *w)
{
	struct frame frame;

	if (writer_len(w) < ETH_FRAME_MIN)
		write_zeros(w, ETH_FRAME_MIN - writer_len(w));
	frame = frame_linear(w->start, (uint32_t)writer_len(w));
	translate->settings.emit(translate->settings.owner, to, &frame);
}

/* From a MAC address to another. */
struct way {
	enum translate_side side;
	struct mac from, to;
};

static void say_arp(
	struct mac_translate *translate, const struct way *way, struct ip from, struct ip about)
{
	const struct arp arp = {.operation = ARP_REQUEST,
		.from_mac = way->from,
		.from = ip_to_v4(from),
		.to = ip_to_v4(about)};
	uint8_t bytes[FRAME_MAX];
	struct writer w = writer_on(bytes, sizeof(bytes));

	write_eth(&w, way->to, way->from, ETHERTYPE_ARP);
	write_arp(&w, &arp);
	emit(translate, way->side, &w);
}

struct discovery {
	uint8_t type, flags, option;
	struct ip from, to, target;
};

static void say_discovery(
	struct mac_translate *translate, const struct way *way, const struct discovery *say)
{
	const struct ip_fields fields = {.from = say->from,
		.to = say->to,
		.protocol = IP_PROTOCOL_ICMP6,
		.ttl = ND_HOP_LIMIT,
		.payload_len = DISCOVERY_LEN};
	uint8_t bytes[FRAME_MAX], *icmp;
	struct writer w = writer_on(bytes, sizeof(bytes));
	uint16_t checksum;

	write_eth(&w, way->to, way->from, ETHERTYPE_IP6);
	write_ip(&w, &fields);
	icmp = w.at;
	write_u8(&w, say->type);
	write_zeros(&w, 3);
	write_u8(&w, say->flags);
	write_zeros(&w, 3);
	write_bytes(&w, &say->target, sizeof(say->target));
	write_u8(&w, say->option);
	write_u8(&w, 1);
	write_bytes(&w, &way->from, sizeof(way->from));
	checksum = checksum_fold(
		checksum_add(checksum_pseudo(say->from, say->to, IP_PROTOCOL_ICMP6, DISCOVERY_LEN),
			icmp, DISCOVERY_LEN));
	memcpy(icmp + ND_CHECKSUM_AT, &checksum, sizeof(checksum));
	emit(translate, way->side, &w);
}

/* RFC 4291 2.7.1. */
static struct ip solicited_node(struct ip ip)
{
	struct ip group = {{0xff, 0x02, [11] = 1, [12] = 0xff}};

	memcpy(group.bytes + 13, ip.bytes + 13, 3);
	return group;
}

static bool may_probe(struct mac_translate *translate, nsec now)
{
	if (now - translate->probes_from >= NSEC_PER_SEC) {
		translate->probes_from = now;
		translate->probes_in_second = 0;
	}
	return translate->probes_in_second < PROBES_PER_SECOND &&
	       translate->probe_count < PROBES_MAX;
}

void probe(struct mac_translate *translate, struct ip ip, struct mac to, nsec now)
{
	struct question question = {.key = question_about_ip(ip), .until = now + PROBE_AGAIN};

	if (nic_on_link(&translate->nic, ip, now) == ON_LINK_NO || !may_probe(translate, now))
		return;
	if (questions_find(&translate->questions, QUESTION_DESTINATION, &question.key, now))
		return;
	questions_note(&translate->questions, QUESTION_DESTINATION, &question);
	translate->probes[translate->probe_count++] = (struct probe){ip, to};
	translate->probes_in_second++;
	machine_wake(&translate->machine);
}

/* From an address of the host; without one it would look like the duplicate check of somebody who
 * wants the address himself. */
static void send_probe(struct mac_translate *translate, const struct probe *probe)
{
	struct discovery solicit = {.type = ICMP6_NEIGHBOUR_SOLICIT,
		.option = ND_OPTION_SOURCE_MAC,
		.target = probe->ip,
		.to = solicited_node(probe->ip)};
	struct way way = {TRANSLATE_HUB, translate->nic.mac, probe->to};
	struct ip from;

	if (!nic_address_towards(&translate->nic, probe->ip, &from))
		return;
	solicit.from = from;
	if (ip_is_v4(probe->ip)) {
		say_arp(translate, &way, from, probe->ip);
		return;
	}
	if (mac_is_group(way.to))
		way.to = group_mac(solicit.to);
	say_discovery(translate, &way, &solicit);
}

/* RFC 5227 3, RFC 4861 7.2.6. */
static void announce_one(struct mac_translate *translate, const struct binding *binding)
{
	const struct discovery advert = {.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = ND_OVERRIDE | (binding->is_router ? ND_FROM_ROUTER : 0),
		.option = ND_OPTION_TARGET_MAC,
		.from = binding->ip,
		.to = ALL_NODES,
		.target = binding->ip};
	struct way way = {TRANSLATE_WIRE,
		translate->are_seen ? binding->member->mac : translate->nic.mac, MAC_BROADCAST};

	if (ip_is_v4(binding->ip)) {
		say_arp(translate, &way, binding->ip, binding->ip);
		return;
	}
	way.to = group_mac(ALL_NODES);
	say_discovery(translate, &way, &advert);
}

static void announce_all(struct mac_translate *translate)
{
	translate->round++;
	translate->is_announcing = true;
	translate->announce_at = 0;
}

void announce_repeatedly(struct mac_translate *translate)
{
	announce_all(translate);
	translate->repeats = REPEATS;
	translate->repeat_gap = REPEAT_GAP;
	translate->repeat_at = 0; /* counted from when it runs: no clock is read here */
	machine_wake(&translate->machine);
}

void announce_later(struct mac_translate *translate, struct binding *binding)
{
	binding->announced = translate->round - 1;
	translate->is_announcing = true;
	machine_wake(&translate->machine);
}

void announce_member(struct mac_translate *translate, struct mac mac)
{
	struct member *member = member_find(&translate->bindings, mac);

	if (!member)
		return;
	LIST_EACH(node, &member->bindings)
		announce_later(translate, LIST_ENTRY(node, struct binding, by_member));
}

static unsigned announce_list(
	struct mac_translate *translate, const struct list *bindings, unsigned left, nsec now)
{
	LIST_EACH(node, bindings) {
		struct binding *binding = LIST_ENTRY(node, struct binding, by_age);

		if (!left || binding->announced == translate->round)
			continue;
		binding->announced = translate->round;
		/* One that never spoke may not be there; tags' frames are their own. */
		if (!binding->seen_at || binding->vlan ||
			now - binding->seen_at > translate->bindings.limits.age)
			continue;
		announce_one(translate, binding);
		left--;
	}
	return left;
}

/* The time of the next round, which is begun when it has come. */
static nsec repeat(struct mac_translate *translate, nsec now)
{
	if (!translate->repeats)
		return NSEC_NEVER;
	if (!translate->repeat_at)
		translate->repeat_at = now + translate->repeat_gap;
	if (now < translate->repeat_at)
		return translate->repeat_at;
	translate->repeats--;
	translate->repeat_gap *= 4;
	translate->repeat_at = now + translate->repeat_gap;
	announce_all(translate);
	return translate->repeats ? translate->repeat_at : NSEC_NEVER;
}

/* A few at a time: the wire may be a slow one. */
static nsec announce(struct mac_translate *translate, nsec now)
{
	unsigned left;

	if (!translate->is_announcing)
		return NSEC_NEVER;
	if (now < translate->announce_at)
		return translate->announce_at;
	left = announce_list(translate, &translate->bindings.lasting, ANNOUNCE_BATCH, now);
	left = announce_list(translate, &translate->bindings.by_age, left, now);
	translate->is_announcing = !left;
	translate->announce_at = now + ANNOUNCE_INTERVAL;
	return translate->is_announcing ? translate->announce_at : NSEC_NEVER;
}

nsec translate_run(struct machine *machine, nsec now)
{
	struct mac_translate *translate = CONTAINER_OF(machine, struct mac_translate, machine);
	nsec repeat_at = repeat(translate, now), announce_at;

	for (unsigned i = 0; i < translate->probe_count; i++)
		send_probe(translate, &translate->probes[i]);
	translate->probe_count = 0;
	for (unsigned i = 0; i < translate->event_count; i++)
		translate->settings.on_event(translate->settings.owner, &translate->events[i]);
	translate->event_count = 0;
	announce_at = announce(translate, now);
	return MIN(announce_at, repeat_at);
}
