/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nat/datagram_flow.h"

#include <errno.h>

static void on_ready(struct watch *watch, uint32_t events)
{
	struct datagram_flow *d = CONTAINER_OF(watch, struct datagram_flow, socket.outside.watch);

	if (events & EPOLLERR)
		d->socket.has_errors = true;
	d->is_readable = true;
	flow_wake(&d->flow.gateway->flows, &d->flow);
}

void datagram_flow_init(struct datagram_flow *d, struct gateway *gateway,
	const struct flow_ops *flow_ops, const struct datagram_ops *ops, const struct flow_key *key)
{
	d->flow.ops = flow_ops;
	d->flow.gateway = gateway;
	d->flow.key = *key;
	d->socket.ops = ops;
	d->socket.gateway = gateway;
	d->socket.outside.watch.fd = -1;
	d->socket.outside.watch.on_ready = on_ready;
}

int datagram_flow_insert(struct datagram_flow *d, nsec now)
{
	struct gateway *gateway = d->flow.gateway;
	int err = gateway_flow_insert(gateway, &d->flow, now);

	if (err < 0)
		return err;
	list_push_back(&gateway->datagram_flows, &d->flow.age);
	flow_wake(&gateway->flows, &d->flow); /* it has a deadline */
	return 0;
}

void datagram_flow_end(struct datagram_flow *d)
{
	datagram_close(&d->socket);
	flow_end(&d->flow.gateway->flows, &d->flow);
}

void datagram_flow_done(struct datagram_flow *d)
{
	datagram_close(&d->socket);
	contacts_done(&d->contacts);
}

/* The one that has been quiet longest gives up its descriptor. False: there is none. */
static bool evict(struct gateway *gateway)
{
	struct list *oldest = gateway->datagram_flows.next;

	if (list_is_empty(&gateway->datagram_flows))
		return false;
	datagram_flow_end(LIST_ENTRY(oldest, struct datagram_flow, flow.age));
	return true;
}

int datagram_flow_open(struct datagram_flow *d, int (*open)(struct datagram_flow *d))
{
	struct gateway *gateway = d->flow.gateway;
	int err = open(d);

	if ((err == -EMFILE || err == -ENFILE) && evict(gateway))
		err = open(d);
	if (err < 0)
		gateway->counters.connect_no_socket++;
	return err;
}

void datagram_flow_touch(struct datagram_flow *d, nsec now)
{
	d->flow.last_at = now;
	list_remove(&d->flow.age);
	list_push_back(&d->flow.gateway->datagram_flows, &d->flow.age);
}

void datagram_flow_speaks(
	struct datagram_flow *d, const struct frame *frame, struct ip to, nsec now)
{
	memcpy(&d->guest_mac, frame->head + sizeof(d->guest_mac), sizeof(d->guest_mac));
	contacts_add(&d->contacts, to);
	datagram_flow_touch(d, now);
}

bool datagram_flow_hears(
	struct datagram_flow *d, const struct outside_datagram *datagram, uint32_t len, nsec now)
{
	if (!contacts_has(&d->contacts, datagram->peer.ip)) {
		datagram_drop(d->flow.gateway, DROP_POLICY);
		return false;
	}
	d->is_answered = true;
	d->flow.down_bytes += len;
	datagram_flow_touch(d, now);
	return true;
}

nsec datagram_flow_run(
	struct datagram_flow *d, nsec (*life)(const struct datagram_flow *), nsec now)
{
	if (d->is_readable)
		d->is_readable = datagram_receive(&d->socket, now);
	if (d->is_readable)
		flow_wake(&d->flow.gateway->flows, &d->flow);
	if (d->flow.last_at + life(d) <= now)
		datagram_flow_end(d);
	return d->flow.last_at + life(d);
}
