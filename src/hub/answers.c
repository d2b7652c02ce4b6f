/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/answers.h"

#include "hub/hub_state.h"
#include "hub/policy.h"
#include "wire/arp.h"
#include "wire/checksum.h"

struct question {
	struct ip asker, wanted;
	struct mac asker_mac;
};

static bool read_arp(const struct frame *frame, const struct packet *packet, struct question *ret)
{
	struct arp arp;

	if (!arp_parse(frame->head + packet->l3, frame->head_len - packet->l3, &arp) ||
		arp.operation != ARP_REQUEST)
		return false;
	*ret = (struct question){ip_from_v4(arp.from), ip_from_v4(arp.to), arp.from_mac};
	return arp.from.be && arp.to.be != arp.from.be; /* RFC 5227: a probe, an announcement */
}

static bool sum_is_right(const struct frame *frame, const struct packet *packet)
{
	const uint32_t len = packet->end - packet->l4;
	uint32_t sum = checksum_pseudo(packet->from, packet->to, packet->protocol, len);

	return frame->offload.needs_checksum || frame->offload.is_checked ||
	       !checksum_fold(checksum_add(sum, frame->head + packet->l4, len));
}

static bool read_solicit(
	const struct frame *frame, const struct packet *packet, struct question *ret)
{
	struct discovery message;

	if (!packet_is_discovery(frame->head, packet) ||
		!discovery_parse(frame->head, frame->head_len, packet, &message) ||
		message.type != ICMP6_NEIGHBOUR_SOLICIT || !sum_is_right(frame, packet))
		return false;
	*ret = (struct question){message.from, message.target, message.mac};
	return message.has_mac && !ip_is_none(message.from); /* RFC 4862 5.4: a probe */
}

/* From who he says he is, for himself. */
static bool read_question(const struct frame *frame, struct question *ret)
{
	struct packet packet;
	struct eth_header eth;

	memcpy(&eth, frame->head, sizeof(eth));
	if (packet_parse(frame->head, frame->head_len, frame->len, &packet) != PACKET_OK ||
		packet.has_vlan)
		return false;
	if (packet.ethertype == ETHERTYPE_ARP ? !read_arp(frame, &packet, ret)
					      : !read_solicit(frame, &packet, ret))
		return false;
	return mac_equal(ret->asker_mac, eth.from);
}

static bool may_ask(const struct frame *frame)
{
	uint16_t type = load_be16(frame->head + 12);

	return type == ETHERTYPE_ARP || type == ETHERTYPE_IP6;
}

/* Whether the asker could hear it from the owner himself. */
static bool is_reached(const struct port *owner, const struct port *from)
{
	return !owner->is_down && !(owner->is_meshed && from->is_meshed) &&
	       (!owner->policy || policy_refusal(owner->policy, from) == DROP_COUNT);
}

static struct claim *find(
	const struct hub *hub, const struct question *question, const struct port *from, nsec now)
{
	struct claim *claim = claims_find(&hub->claims, question->wanted, now);

	if (!claim || claim->is_tagged || hub_lookup(hub, claim->mac, now) != claim->port)
		return NULL;
	return is_reached(claim->port, from) ? claim : NULL;
}

/* Whether it would leave by a port that is to be spared. */
static bool is_worth_it(const struct hub *hub, const struct port *from)
{
	for (unsigned slot = 0; slot < hub->slot_count; slot++) {
		const struct port *port = hub->slots[slot].port;

		if (port && port != from && port->is_spared && port_is_up(port))
			return true;
	}
	return false;
}

static void write_arp_reply(
	struct writer *w, const struct question *question, const struct claim *claim)
{
	const struct arp reply = {.operation = ARP_REPLY,
		.from_mac = claim->mac,
		.from = ip_to_v4(claim->ip),
		.to_mac = question->asker_mac,
		.to = ip_to_v4(question->asker)};

	write_eth(w, question->asker_mac, claim->mac, ETHERTYPE_ARP);
	write_arp(w, &reply);
}

/* RFC 4861 7.2.8: what is said for somebody else overrides nothing. */
static void write_advert(
	struct writer *w, const struct question *question, const struct claim *claim)
{
	const struct discovery advert = {.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = ND_SOLICITED | (claim->is_router ? ND_FROM_ROUTER : 0),
		.from = claim->ip,
		.to = question->asker,
		.target = claim->ip,
		.has_mac = true,
		.mac = claim->mac};

	write_eth(w, question->asker_mac, claim->mac, ETHERTYPE_IP6);
	write_discovery(w, &advert);
}

static void put(struct answers *answers, const struct question *question, const struct claim *claim,
	struct port *to)
{
	struct answer *answer = &answers->queue[answers->count++];
	struct writer w = writer_on(answer->bytes, sizeof(answer->bytes));

	if (ip_is_v4(claim->ip))
		write_arp_reply(&w, question, claim);
	else
		write_advert(&w, question, claim);
	answer->len = (uint32_t)writer_len(&w);
	answer->owner = claim->port;
	answer->to = to;
	machine_wake(&answers->machine);
}

/* Heard a moment ago: he is still who he was. RFC 4861 4.4: and whether he is a router is known. */
static bool is_certain(const struct claim *claim, nsec now)
{
	return now - claim->heard_at < ANSWERS_FRESH &&
	       (ip_is_v4(claim->ip) || claim->is_advertised);
}

/* Whom it did not help: the owner may be elsewhere by now. */
static bool asks_again(struct claim *claim, const struct question *question, nsec now)
{
	const nsec since = now - claim->told_at;
	const bool is_same = ip_equal(claim->asker, question->asker);

	if (is_same && since < ANSWERS_AGAIN)
		return false;
	claim->asker = question->asker;
	claim->told_at = now;
	return is_same && since < ANSWERS_HELPED;
}

enum question_goes answers_take(struct answers *answers, struct port *from,
	const struct frame *frame, nsec now, struct port **ret_owner)
{
	struct question question;
	struct claim *claim;

	if (!may_ask(frame) || answers->count == ANSWERS_MAX || !read_question(frame, &question))
		return QUESTION_TO_ALL;
	claim = find(answers->hub, &question, from, now);
	if (!claim || !is_worth_it(answers->hub, from) || asks_again(claim, &question, now))
		return QUESTION_TO_ALL;
	answers->given++;
	if (claim->port == from)
		return QUESTION_ENDS; /* he heard it himself */
	if (!is_certain(claim, now)) {
		*ret_owner = answers->hub->slots[claim->port->slot].port;
		return QUESTION_TO_OWNER;
	}
	put(answers, &question, claim, from);
	return QUESTION_ENDS;
}

static nsec run(struct machine *machine, nsec now)
{
	struct answers *answers = CONTAINER_OF(machine, struct answers, machine);

	for (unsigned i = 0; i < answers->count; i++) {
		const struct answer *answer = &answers->queue[i];
		const struct frame frame = frame_linear(answer->bytes, answer->len);

		hub_say(answer->owner, answer->to, &frame, now);
	}
	answers->count = 0;
	return NSEC_NEVER;
}

void answers_init(struct answers *answers, struct hub *hub)
{
	answers->machine.run = run;
	answers->hub = hub;
	answers->given = 0;
	answers->count = 0;
	hub->answers = answers;
}

void answers_done(struct answers *answers)
{
	answers->hub->answers = NULL;
}

void answers_forget(struct answers *answers, const struct port *port)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < answers->count; i++) {
		if (answers->queue[i].owner != port && answers->queue[i].to != port)
			answers->queue[kept++] = answers->queue[i];
	}
	answers->count = kept;
}
