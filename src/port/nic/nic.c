/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/nic.h"

#include "base/random.h"
#include "port/nic/nic_internal.h"
#include "port/nic/packet_filter.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int open_watch(const struct nic_settings *settings, struct nic *nic, struct error *error)
{
	const struct link_state *link;
	int err = link_watch_open(settings->dev, &nic->watch, error);

	if (err)
		return err;
	link = link_watch_state(nic->watch);
	if (!link->index)
		return error_set(error, ENODEV, "there is no interface '%s'", settings->dev);
	if (link->hardware != ARPHRD_ETHER)
		return error_set(error, EINVAL,
			"interface '%s' is not an Ethernet: a NIC or something like it is needed",
			settings->dev);
	return 0;
}

int nic_open(const struct nic_settings *settings, struct nic *ret_nic, struct error *error)
{
	struct nic nic = {.settings = *settings, .socket.fd = -1, .reach.tap.fd = -1};
	int err;

	err = open_watch(settings, &nic, error);
	if (!err)
		err = packet_socket_open(&nic.socket, error);
	if (!err && settings->reaches_host)
		err = host_reach_open(link_watch_state(nic.watch), &nic.reach, error);
	if (!err && settings->guards_host && settings->mode != NIC_TRANSPARENT)
		err = host_guard_set(&nic.guard, link_watch_state(nic.watch), true, error);
	if (err) {
		nic_close(&nic);
		return error_wrap(error, err, "NIC '%s'", settings->dev);
	}
	*ret_nic = nic;
	return 0;
}

void nic_close(struct nic *nic)
{
	if (nic->guard.is_on)
		(void)!host_guard_set(&nic->guard, link_watch_state(nic->watch), false, NULL);
	host_reach_close(&nic->reach);
	packet_socket_close(&nic->socket);
	link_watch_close(nic->watch);
	nic->watch = NULL;
}

void nic_port_tell_change(struct nic_port *self)
{
	if (self->port.hub && self->settings.on_change)
		self->settings.on_change(self->settings.port.owner, &self->port);
}

static void set_filter(struct nic_port *self)
{
	static const struct mac none;
	const struct link_state *link = link_watch_state(self->nic.watch);
	const struct packet_filter filter = {
		.mac = link->mac,
		.also = self->mode == NIC_AUTO ? self->trial.foreign : none,
		.is_translating = !is_transparent(self),
		.addresses = link->addresses,
		.address_count = link->address_count,
	};
	struct sock_filter code[PACKET_FILTER_MAX];

	/* Out of memory, it stays as it was: what it lets in too much is dropped here. */
	(void)!packet_socket_set_filter(
		&self->nic.socket, code, packet_filter_write(&filter, code));
}

static void listen_to(struct nic_port *self, int type, bool *is_on, bool wants)
{
	static const struct mac none;

	if (*is_on != wants && !packet_socket_listen(&self->nic.socket, type, none, wants))
		*is_on = wants;
}

/* Without making it promiscuous, where the NIC can. */
static void listen_for(struct nic_port *self, struct mac mac)
{
	static const struct mac none;
	struct packet_socket *socket = &self->nic.socket;

	if (mac_equal(self->also, mac))
		return;
	if (!mac_is_zero(self->also))
		(void)!packet_socket_listen(socket, PACKET_MR_UNICAST, self->also, false);
	self->also = none;
	if (!mac_is_zero(mac) && !packet_socket_listen(socket, PACKET_MR_UNICAST, mac, true))
		self->also = mac;
}

/* The NIC itself lets in what is for it; guests' groups and addresses only while there are guests.
 */
static void set_memberships(struct nic_port *self)
{
	static const struct mac none;
	bool is_there = self->nic.socket.index;
	bool serves = is_there && self->has_company;
	bool is_asking = is_there && self->mode == NIC_AUTO &&
			 self->trial.result == NIC_TRIAL_RUNNING;

	listen_to(self, PACKET_MR_PROMISC, &self->is_promiscuous, serves && is_transparent(self));
	listen_to(
		self, PACKET_MR_ALLMULTI, &self->hears_all_groups, serves && !is_transparent(self));
	listen_for(self, is_asking ? self->trial.foreign : none);
}

/* Without a word if it cannot be: the status says what is. */
static void set_guard(struct nic_port *self)
{
	const struct link_state *link = link_watch_state(self->nic.watch);
	bool is_on = link->index && !is_transparent(self);

	if (self->nic.settings.guards_host)
		(void)!host_guard_set(&self->nic.guard, link, is_on, NULL);
}

void nic_port_tune(struct nic_port *self)
{
	set_filter(self);
	set_memberships(self);
	set_guard(self);
}

/* The filter stands before the first frame comes. */
static void bind_to(struct nic_port *self, int index)
{
	self->is_promiscuous = self->hears_all_groups = false; /* of the one before */
	self->also = (struct mac){0};
	set_filter(self);
	if (index && packet_socket_bind(&self->nic.socket, index))
		index = 0; /* it went again: link_watch will say so */
	self->nic.socket.index = index;
	set_memberships(self);
	set_guard(self);
}

static void take_state(struct nic_port *self, const struct link_state *link)
{
	struct port *port = &self->port;

	memcpy(port->interface, link->name, sizeof(port->interface));
	port->mac = link->mac;
	port->mtu = self->settings.port.mtu ? self->settings.port.mtu : link->mtu;
	port->is_down = !link->index || !link->is_up || !link->has_carrier;
	mac_translate_set_nic(self->translate, link->mac, link->addresses, link->address_count);
}

/* Where the way to the host cannot follow, there is none: the status says so. */
static void follow_to_host(struct nic_port *self, const struct link_state *link)
{
	if (!host_reach_follow(&self->nic.reach, link, NULL))
		return;
	host_reach_close(&self->nic.reach);
	mac_translate_serve_host(self->translate, false);
	(void)!packet_socket_hear_host(&self->nic.socket, false);
}

static void on_link(void *owner, const struct link_state *link)
{
	struct nic_port *self = owner;
	bool was_down = self->port.is_down;

	take_state(self, link);
	follow_to_host(self, link);
	if (link->index != self->nic.socket.index)
		bind_to(self, link->index);
	else
		nic_port_tune(self);
	if (self->port.is_down)
		hub_forget_addresses(&self->port);
	if (was_down && !self->port.is_down) {
		mac_translate_announce(self->translate);
		nic_port_choose_mode(self); /* it may be another LAN */
	}
	nic_port_tell_change(self);
}

static void on_ready(struct watch *watch, uint32_t)
{
	nic_port_receive(CONTAINER_OF(watch, struct nic_port, watch));
}

/* Of what was found out before there was somebody to tell. */
static void on_attach(struct port *port)
{
	nic_port_tell_change(nic_port_of(port));
}

static void on_company(struct port *port, bool has_company)
{
	struct nic_port *self = nic_port_of(port);

	self->has_company = has_company;
	set_memberships(self);
}

/* In a loop machines of the LAN seemed to be the hub's; who is, will speak. */
static void on_new_ways(struct port *port)
{
	mac_translate_forget_all(nic_port_of(port)->translate);
}

/* Its IP addresses are free for who comes in its place, with a MAC address of his own. */
static void on_departure(struct port *port, struct mac mac)
{
	mac_translate_forget(nic_port_of(port)->translate, mac);
}

static void on_event(void *owner, const struct translate_event *event)
{
	struct nic_port *self = owner;

	if (self->settings.on_event)
		self->settings.on_event(self->settings.port.owner, &self->port, event);
}

static void nic_port_free(struct port *port)
{
	struct nic_port *self = nic_port_of(port);

	if (self->translate)
		driver_stop(&self->translating);
	driver_stop(&self->trying);
	loop_unwatch(&self->watch);
	nic_close(&self->nic);
	mac_translate_free(self->translate);
	free(self);
}

static const struct port_ops nic_port_ops = {
	.kind = "nic",
	.send = nic_port_send,
	.free = nic_port_free,
	.on_attach = on_attach,
	.on_company = on_company,
	.on_new_ways = on_new_ways,
	.on_departure = on_departure,
};

static int start_translating(struct nic_port *self)
{
	const struct mac_translate_settings settings = {
		.dhcp = self->settings.dhcp,
		.serves_host = reaches_host(self),
		.emit = nic_port_emit,
		.on_event = on_event,
		.owner = self,
	};
	struct hash_key key;

	random_bytes(&key, sizeof(key));
	self->translate = mac_translate_new(&settings, &key);
	if (!self->translate)
		return -ENOMEM;
	driver_start(&self->translating, self->loop, mac_translate_machine(self->translate));
	return 0;
}

static int start(struct nic_port *self)
{
	int err = start_translating(self);

	if (!err)
		err = packet_socket_hear_host(&self->nic.socket, reaches_host(self));
	if (!err)
		err = loop_watch(self->loop, &self->watch, self->nic.socket.fd, EPOLLIN);
	if (!err)
		err = link_watch_start(self->nic.watch, self->loop, on_link, self);
	if (err)
		return err;
	take_state(self, link_watch_state(self->nic.watch));
	bind_to(self, link_watch_state(self->nic.watch)->index);
	nic_port_choose_mode(self);
	return 0;
}

struct port *nic_port_new(
	struct loop *loop, const struct nic *nic, const struct nic_port_settings *settings)
{
	struct nic_port *self = calloc(1, sizeof(*self));
	struct nic own = *nic;
	int err;

	if (!self) {
		nic_close(&own);
		errno = ENOMEM;
		return NULL;
	}
	self->loop = loop;
	self->nic = own;
	self->settings = *settings;
	self->mode = NIC_TRANSLATE; /* until it is chosen: no harm is done */
	self->watch.on_ready = on_ready;
	self->watch.fd = -1;
	self->port.ops = &nic_port_ops;
	self->port.takes = TAKES_ALL;
	memcpy(self->port.name, settings->port.name, sizeof(self->port.name));
	driver_start(&self->trying, loop, &self->trial.machine);
	err = start(self);
	if (!err)
		return &self->port;
	nic_port_free(&self->port);
	errno = -err;
	return NULL;
}

static bool forwards(const char *family, const char *name)
{
	char path[96];
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", family, name);
	file = fopen(path, "re");
	c = file ? fgetc(file) : '0';
	if (file)
		fclose(file);
	return c != '0';
}

void nic_port_status(struct port *port, struct nic_status *ret)
{
	struct nic_port *self = nic_port_of(port);

	nic_port_count_lost(self);
	*ret = (struct nic_status){
		.mode = is_transparent(self) ? NIC_TRANSPARENT : NIC_TRANSLATE,
		.why = self->why,
		.is_promiscuous = self->is_promiscuous,
		.host_forwards = forwards("ipv4", port->interface) ||
				 forwards("ipv6", port->interface),
		.host_guarded = self->nic.guard.is_on,
	};
	if (reaches_host(self))
		memcpy(ret->host_by, self->nic.reach.tap.name, sizeof(ret->host_by));
}

struct mac_translate *nic_port_translate(struct port *port)
{
	return nic_port_of(port)->translate;
}
