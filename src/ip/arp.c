/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's ARP (RFC 826, RFC 5227): answers, learns, asks, and sees others use its addresses. */
#include "wire/arp.h"

#include "ip/host_parts.h"
#include "ip/neighbour.h"
#include "wire/eth.h"

static void send(struct host *host, struct mac to_mac, const struct arp *arp, nsec now)
{
	struct host_frame *f = host_compose(host, now);
	struct writer w;

	if (!f)
		return;
	w = writer_on(f->head, sizeof(f->head));
	write_eth(&w, to_mac, host->port.mac, ETHERTYPE_ARP);
	write_arp(&w, arp);
	f->frame.head_len = f->frame.len = (uint32_t)writer_len(&w);
	host_post(host, f);
}

void arp_ask(struct host *host, struct ip ip, bool is_probe, nsec now)
{
	struct arp arp = {.operation = ARP_REQUEST, .from_mac = host->port.mac, .to = ip_to_v4(ip)};

	if (!is_probe)
		arp.from = ip_to_v4(host_address_for(host, ip));
	send(host, MAC_BROADCAST, &arp, now);
}

/* RFC 5227 3: a request, because some update their tables from nothing else. */
void arp_announce(struct host *host, struct ip ip, nsec now)
{
	struct arp arp = {.operation = ARP_REQUEST,
		.from_mac = host->port.mac,
		.from = ip_to_v4(ip),
		.to = ip_to_v4(ip)};

	send(host, MAC_BROADCAST, &arp, now);
}

static void reply(struct host *host, const struct arp *request, nsec now)
{
	struct arp arp = {.operation = ARP_REPLY,
		.from_mac = host->port.mac,
		.from = request->to,
		.to_mac = request->from_mac,
		.to = request->from};

	send(host, request->from_mac, &arp, now);
}

/* RFC 826: those who talk to us are learned, of the others only what we knew before. */
static void learn(struct host *host, const struct arp *arp, bool is_for_us, nsec now)
{
	struct ip from = ip_from_v4(arp->from);

	neighbours_answer(host->neighbours, from, arp->from_mac, now);
	if (is_for_us)
		neighbours_learn(host->neighbours, from, arp->from_mac, now);
	else
		neighbours_update(host->neighbours, from, arp->from_mac, now);
}

static bool may_send(const struct host *host, const struct arp *arp)
{
	struct ip from = ip_from_v4(arp->from);

	if (mac_is_group(arp->from_mac) || mac_is_zero(arp->from_mac) ||
		mac_equal(arp->from_mac, host->port.mac))
		return false;
	return !arp->from.be || is_neighbour_address(host, from);
}

void arp_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct arp arp;
	bool is_for_us;

	if (packet->l3 > frame->head_len ||
		!arp_parse(frame->head + packet->l3, frame->head_len - packet->l3, &arp)) {
		port_drop(&host->port, DROP_MALFORMED, frame);
		return;
	}
	if (host_owns(host, ip_from_v4(arp.from)) && !mac_is_group(arp.from_mac) &&
		!mac_equal(arp.from_mac, host->port.mac))
		host_conflict(host, ip_from_v4(arp.from), arp.from_mac, now);
	if (!may_send(host, &arp)) {
		port_drop(&host->port, DROP_SOURCE_SPOOFED, frame);
		return;
	}
	is_for_us = host_owns(host, ip_from_v4(arp.to));
	if (arp.from.be)
		learn(host, &arp, is_for_us, now);
	if (is_for_us && arp.operation == ARP_REQUEST)
		reply(host, &arp, now);
	else if (!is_for_us && mac_is_group(frame_to(frame)))
		port_drop(&host->port, DROP_UNWANTED, frame);
}
