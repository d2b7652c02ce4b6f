/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's Neighbour Discovery (RFC 4861 7.2, RFC 4862 5.4): ARP's counterpart in IPv6. */
#include "wire/discovery.h"

#include "ip/checksum.h"
#include "ip/host_parts.h"
#include "ip/neighbour.h"
#include "wire/eth.h"

static const struct ip all_nodes = {{0xff, 0x02, [15] = 1}};

static void send(struct host *host, struct mac to_mac, const struct discovery *m, nsec now)
{
	struct host_frame *f = host_compose(host, now);
	struct writer w;

	if (!f)
		return;
	w = writer_on(f->head, sizeof(f->head));
	write_eth(&w, to_mac, host->port.mac, ETHERTYPE_IP6);
	write_discovery(&w, m);
	f->frame.head_len = f->frame.len = (uint32_t)writer_len(&w);
	host_post(host, f);
}

void discovery_ask(struct host *host, struct ip ip, bool is_probe, nsec now)
{
	struct discovery m = {.to = solicited_node(ip),
		.target = ip,
		.type = ICMP6_NEIGHBOUR_SOLICIT,
		.has_mac = !is_probe,
		.mac = host->port.mac};

	if (!is_probe)
		m.from = host_address_for(host, ip);
	send(host, group_mac(m.to), &m, now);
}

static uint8_t own_flags(const struct host *host)
{
	return ND_OVERRIDE | (host->ops->on_transit ? ND_FROM_ROUTER : 0);
}

void discovery_announce(struct host *host, struct ip ip, nsec now)
{
	struct discovery m = {.from = ip,
		.to = all_nodes,
		.target = ip,
		.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = own_flags(host),
		.has_mac = true,
		.mac = host->port.mac};

	send(host, group_mac(m.to), &m, now);
}

/* RFC 4861 7.2.4: to the one who asked, or to all when he has no address yet (his DAD). */
static void reply(struct host *host, const struct discovery *asked, struct mac to_mac, nsec now)
{
	struct discovery m = {.from = asked->target,
		.to = asked->from,
		.target = asked->target,
		.type = ICMP6_NEIGHBOUR_ADVERT,
		.flags = own_flags(host) | ND_SOLICITED,
		.has_mac = true,
		.mac = host->port.mac};

	if (ip_is_none(asked->from)) {
		discovery_announce(host, asked->target, now);
		return;
	}
	send(host, to_mac, &m, now);
}

/* One who uses our address as if it were his is heard: that is a conflict. */
static bool may_send(const struct host *host, const struct discovery *m)
{
	if (m->type == ICMP6_NEIGHBOUR_ADVERT && host_owns(host, m->target))
		return true;
	return ip_is_none(m->from) || is_neighbour_address(host, m->from);
}

static void on_solicit(
	struct host *host, const struct frame *frame, const struct discovery *m, nsec now)
{
	if (!host_owns(host, m->target)) {
		port_drop(&host->port, DROP_UNWANTED, frame);
		return;
	}
	if (m->has_mac && !ip_is_none(m->from)) {
		neighbours_answer(host->neighbours, m->from, m->mac, now);
		neighbours_learn(host->neighbours, m->from, m->mac, now);
	}
	reply(host, m, m->has_mac ? m->mac : frame_from(frame), now);
}

/* RFC 4861 7.2.5: nothing is learned that was neither asked nor known. */
static void on_advert(
	struct host *host, const struct frame *frame, const struct discovery *m, nsec now)
{
	struct mac known;

	if (host_owns(host, m->target)) {
		host_conflict(host, m->target, m->has_mac ? m->mac : frame_from(frame), now);
		port_drop(&host->port, DROP_SOURCE_SPOOFED, frame);
		return;
	}
	if (!m->has_mac || !host_is_on_link(host, m->target))
		return;
	if (neighbours_answer(host->neighbours, m->target, m->mac, now))
		neighbours_learn(host->neighbours, m->target, m->mac, now);
	else if (m->flags & ND_OVERRIDE ||
		 (neighbours_find(host->neighbours, m->target, now, &known) &&
			 mac_equal(known, m->mac)))
		neighbours_update(host->neighbours, m->target, m->mac, now);
}

bool discovery_receive(
	struct host *host, const struct frame *frame, const struct packet *packet, nsec now)
{
	struct discovery m;

	if (!packet_is_discovery(frame->head, packet))
		return false;
	if (!discovery_parse(frame->head, frame->head_len, packet, &m))
		port_drop(&host->port, DROP_MALFORMED, frame);
	else if (!host_checksum_is_right(frame, packet))
		port_drop(&host->port, DROP_CHECKSUM, frame);
	else if (!may_send(host, &m))
		port_drop(&host->port, DROP_SOURCE_SPOOFED, frame);
	else if (m.type == ICMP6_NEIGHBOUR_SOLICIT)
		on_solicit(host, frame, &m, now);
	else
		on_advert(host, frame, &m, now);
	return true;
}
