/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host says: frames are composed one by one and enter the hub together. */
#include "ip/host_parts.h"
#include "wire/eth.h"

#include <assert.h>
#include <stdlib.h>

#define COPIES_SIZE	    (128 << 10) /* bytes; the largest datagram fits twice, nearly */
#define FRAGMENT_HEADER_LEN 8		/* RFC 8200 4.5 */
#define IP4_MORE_FRAGMENTS  0x2000
#define IP6_MORE_FRAGMENTS  1
#define IP_PACKET_MAX	    65535

bool host_lose(struct host *host, enum drop reason)
{
	static const uint8_t nothing[1];
	struct frame unknown = frame_linear(nothing, 0);

	port_drop_in(&host->port, reason, &unknown);
	return false;
}

void host_flush(struct host *host, nsec now)
{
	struct frame frames[HOST_BATCH];
	unsigned count = host->frame_count;

	assert(!host->is_receiving);
	if (!count)
		return;
	for (unsigned i = 0; i < count; i++)
		frames[i] = host->frames[i].frame;
	if (host->port.hub)
		hub_receive(&host->port, frames, count, now);
	else
		for (unsigned i = 0; i < count; i++)
			port_drop_in(&host->port, DROP_LINK_DOWN, &frames[i]);
	host->frame_count = 0;
	host->copies_len = 0;
}

/* False: no room for `count` more, and it could not be made. */
static bool make_room(struct host *host, unsigned count, nsec now)
{
	if (host->frame_count + count <= HOST_BATCH)
		return true;
	if (host->is_receiving)
		return host_lose(host, DROP_QUEUE_FULL);
	host_flush(host, now);
	return true;
}

struct host_frame *host_compose(struct host *host, nsec now)
{
	struct host_frame *f;

	if (!host->frames)
		host->frames = malloc(HOST_BATCH * sizeof(*host->frames));
	if (!host->frames) {
		host_lose(host, DROP_NO_MEMORY);
		return NULL;
	}
	if (!make_room(host, 1, now))
		return NULL;
	f = &host->frames[host->frame_count];
	f->frame = (struct frame){.head = f->head, .body = f->body};
	return f;
}

void host_post(struct host *host, struct host_frame *frame)
{
	assert(frame == &host->frames[host->frame_count]);
	if (!host->frame_count++ && host->machine)
		machine_wake(host->machine);
}

uint8_t *host_copy_room(struct host *host, size_t len, nsec now)
{
	uint8_t *room;

	if (!host->copies)
		host->copies = malloc(COPIES_SIZE);
	if (!host->copies) {
		host_lose(host, DROP_NO_MEMORY);
		return NULL;
	}
	if (host->copies_len + len > COPIES_SIZE || host->frame_count == HOST_BATCH) {
		if (host->is_receiving) {
			host_lose(host, DROP_QUEUE_FULL);
			return NULL;
		}
		host_flush(host, now);
	}
	room = host->copies + host->copies_len;
	host->copies_len += len;
	return room;
}

/* Never 0: in struct ip_fields that is none. */
static uint16_t take_id(struct host *host)
{
	if (!host->next_id)
		host->next_id++;
	return host->next_id++;
}

void host_write_headers(
	struct host *host, struct writer *w, struct mac to_mac, struct ip_fields *ip)
{
	bool is_v4 = ip_is_v4(ip->to);

	if (is_v4 && !ip->id)
		ip->id = take_id(host);
	if (!ip->ttl)
		ip->ttl = HOST_TTL;
	write_eth(w, to_mac, host->port.mac, is_v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
	write_ip(w, ip);
}

uint32_t host_mtu(const struct host *host, struct ip to)
{
	uint32_t least = ip_is_v4(to) ? IP4_MTU_MIN : IP6_MTU_MIN;

	return host->port.mtu ? MAX(host->port.mtu, least) : IP_PACKET_MAX;
}

/* Ends a frame's head with as much of the data as it takes, and points the body at the rest. */
static void finish(struct host *host, struct host_frame *f, struct writer *w, const uint8_t *data,
	uint32_t len)
{
	uint32_t here = MIN(len, HOST_HEAD_SIZE - (uint32_t)writer_len(w));

	write_bytes(w, data, here);
	assert(!w->failed);
	f->frame.head_len = (uint32_t)writer_len(w);
	f->frame.len = f->frame.head_len + len - here;
	if (len > here) {
		f->body[0] = (struct iovec){(uint8_t *)data + here, len - here};
		f->frame.body_count = 1;
	}
	host_post(host, f);
}

static bool post_whole(struct host *host, const struct ip_send *send, nsec now)
{
	struct host_frame *f = host_compose(host, now);
	struct ip_fields ip = send->ip;
	struct writer w;

	if (!f)
		return false;
	w = writer_on(f->head, sizeof(f->head));
	ip.payload_len = send->l4_len + send->len;
	host_write_headers(host, &w, send->to_mac, &ip);
	write_bytes(&w, send->l4, send->l4_len);
	f->frame.offload = send->offload;
	finish(host, f, &w, send->data, send->len);
	return true;
}

/* What one of several fragments carries of the datagram behind the IP header. */
struct cut {
	uint32_t start, len;
	bool is_last;
};

static void write_fragment_header(
	struct writer *w, const struct ip_send *send, const struct cut *cut, uint32_t id)
{
	write_u8(w, send->ip.protocol);
	write_u8(w, 0);
	write_be16(w, (uint16_t)(cut->start | (cut->is_last ? 0 : IP6_MORE_FRAGMENTS)));
	write_be32(w, id);
}

static void write_fragment_headers(struct host *host, struct writer *w, const struct ip_send *send,
	const struct cut *cut, uint32_t id)
{
	struct ip_fields ip = send->ip;

	if (ip_is_v4(ip.to)) {
		ip.id = (uint16_t)id;
		ip.fragment = (uint16_t)(cut->start / 8 | (cut->is_last ? 0 : IP4_MORE_FRAGMENTS));
		ip.payload_len = cut->len;
		host_write_headers(host, w, send->to_mac, &ip);
		return;
	}
	ip.protocol = IP_PROTOCOL_FRAGMENT;
	ip.payload_len = FRAGMENT_HEADER_LEN + cut->len;
	host_write_headers(host, w, send->to_mac, &ip);
	write_fragment_header(w, send, cut, id);
}

static bool post_fragment(
	struct host *host, const struct ip_send *send, const struct cut *cut, uint32_t id, nsec now)
{
	struct host_frame *f = host_compose(host, now);
	uint32_t l4_len = cut->start ? 0 : send->l4_len;
	uint32_t data_at = cut->start ? cut->start - send->l4_len : 0;
	struct writer w;

	if (!f)
		return false;
	w = writer_on(f->head, sizeof(f->head));
	write_fragment_headers(host, &w, send, cut, id);
	write_bytes(&w, send->l4, l4_len);
	finish(host, f, &w, (const uint8_t *)send->data + data_at, cut->len - l4_len);
	return true;
}

static bool post_fragments(struct host *host, const struct ip_send *send, nsec now)
{
	bool is_v4 = ip_is_v4(send->ip.to);
	uint32_t headers = is_v4 ? IP4_HEADER_LEN : IP6_HEADER_LEN + FRAGMENT_HEADER_LEN;
	uint32_t step = (host_mtu(host, send->ip.to) - headers) & ~7u;
	uint32_t total = send->l4_len + send->len;
	uint32_t id = is_v4 ? take_id(host) : host->next_fragment_id++;
	size_t copies_len = host->copies_len;

	/* All or none, where the frames before cannot be sent first. */
	if (host->is_receiving && !make_room(host, (total + step - 1) / step, now))
		return false;
	for (uint32_t at = 0; at < total; at += step) {
		struct cut cut = {at, MIN(step, total - at), at + step >= total};

		if (!post_fragment(host, send, &cut, id, now))
			return false;
	}
	/* A flush on the way has let go of copies that the last fragments still point at. */
	host->copies_len = MAX(host->copies_len, copies_len);
	return true;
}

bool host_post_ip(struct host *host, const struct ip_send *send, nsec now)
{
	uint32_t len = ip_header_len(send->ip.to) + send->l4_len + send->len;

	if (len - (ip_is_v4(send->ip.to) ? 0 : IP6_HEADER_LEN) > IP_PACKET_MAX)
		return host_lose(host, DROP_GIANT);
	if (len <= host_mtu(host, send->ip.to) || send->offload.kind != SEGMENT_NONE)
		return post_whole(host, send, now);
	if (send->ip.may_not_fragment)
		return host_lose(host, DROP_GIANT);
	return post_fragments(host, send, now);
}
