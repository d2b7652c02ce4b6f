/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/link_watch.h"

#include "io/netlink_internal.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP 0x10000 /* linux/if.h, which does not go with net/if.h */
#endif

#define READS_MAX  8	 /* while others change their addresses all the time */
#define WORDS_SIZE 32768 /* as long as a message can be */
#define GROUPS	   (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)

struct link_watch {
	struct watch watch;
	struct netlink *netlink;    /* for questions */
	struct mnl_socket *changes; /* where the kernel speaks up */
	char name[INTERFACE_NAME_SIZE];
	struct link_state state;
	bool must_read; /* what was heard does not say it all */
	void (*on_change)(void *owner, const struct link_state *state);
	void *owner;
};

static void read_link_attribute(struct link_state *state, const struct nlattr *attribute)
{
	uint16_t len = mnl_attr_get_payload_len(attribute);
	const void *payload = mnl_attr_get_payload(attribute);

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		snprintf(state->name, sizeof(state->name), "%.*s", (int)len, (const char *)payload);
		break;
	case IFLA_ADDRESS:
		if (len == sizeof(state->mac))
			memcpy(&state->mac, payload, len);
		break;
	case IFLA_MTU:
		state->mtu = mnl_attr_get_u32(attribute);
		break;
	}
}

static int on_link(const struct nlmsghdr *message, void *argument)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct link_state *state = argument;
	const struct nlattr *attribute;

	state->index = header->ifi_index;
	state->hardware = header->ifi_type;
	state->is_up = header->ifi_flags & IFF_UP;
	state->has_carrier = header->ifi_flags & IFF_LOWER_UP;
	mnl_attr_for_each(attribute, message, sizeof(*header))
		read_link_attribute(state, attribute);
	return MNL_CB_OK;
}

static bool get_ip(const struct nlattr *attribute, struct ip *ret)
{
	uint16_t len = mnl_attr_get_payload_len(attribute);

	if (len == 4)
		*ret = ip_from_bytes4(mnl_attr_get_payload(attribute));
	else if (len == 16)
		*ret = ip_from_bytes6(mnl_attr_get_payload(attribute));
	return len == 4 || len == 16;
}

/* Where both are there, IFA_LOCAL is ours and IFA_ADDRESS the peer's. */
static bool own_address(const struct nlmsghdr *message, struct ip *ret)
{
	const struct nlattr *attribute;
	bool is_local = false, is_found = false;

	mnl_attr_for_each(attribute, message, sizeof(struct ifaddrmsg))
	{
		uint16_t type = mnl_attr_get_type(attribute);

		if (type == IFA_LOCAL || (type == IFA_ADDRESS && !is_local)) {
			is_local |= type == IFA_LOCAL;
			is_found |= get_ip(attribute, ret);
		}
	}
	return is_found;
}

static struct ip_prefix *find_address(struct link_state *state, const struct ip_prefix *address)
{
	for (unsigned i = 0; i < state->address_count; i++) {
		struct ip_prefix *own = &state->addresses[i];

		if (own->len == address->len && ip_equal(own->address, address->address))
			return own;
	}
	return NULL;
}

static void add_address(struct link_state *state, const struct ip_prefix *address)
{
	if (!find_address(state, address) && state->address_count < LINK_ADDRESSES_MAX)
		state->addresses[state->address_count++] = *address;
}

/* The others keep their order: the first is the one to speak from. */
static void remove_address(struct link_state *state, const struct ip_prefix *address)
{
	struct ip_prefix *own = find_address(state, address);

	if (!own)
		return;
	state->address_count--;
	memmove(own, own + 1,
		(size_t)(state->addresses + state->address_count - own) * sizeof(*own));
}

static int on_address(const struct nlmsghdr *message, void *argument)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct ip_prefix address = {.len = header->ifa_prefixlen};
	struct link_state *state = argument;

	if ((int)header->ifa_index != state->index || !own_address(message, &address.address))
		return MNL_CB_OK;
	if (message->nlmsg_type == RTM_DELADDR || header->ifa_flags & IFA_F_DADFAILED)
		remove_address(state, &address);
	else
		add_address(state, &address);
	return MNL_CB_OK;
}

/* index: of the interface, or 0: by name. */
static int ask_link(struct link_watch *watch, int index, struct link_state *state)
{
	struct nlmsghdr *message = netlink_request(watch->netlink, RTM_GETLINK, 0);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifi_family = AF_UNSPEC;
	header->ifi_index = index;
	if (!index)
		mnl_attr_put_strz(message, IFLA_IFNAME, watch->name);
	return netlink_converse(watch->netlink, message, on_link, state);
}

static int ask_addresses(struct link_watch *watch, struct link_state *state)
{
	struct nlmsghdr *message = netlink_request(watch->netlink, RTM_GETADDR, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(message, sizeof(struct ifaddrmsg));
	return netlink_converse(watch->netlink, message, on_address, state);
}

/* All of it anew. The kernel answers when it has time, which on a busy machine may take long: so
 * this is not how changes are followed. */
static int read_once(struct link_watch *watch, struct link_state *ret)
{
	struct link_state state = {0};
	int err = -ENODEV;

	if (watch->state.index)
		err = ask_link(watch, watch->state.index, &state);
	if (err == -ENODEV)
		err = ask_link(watch, 0, &state);
	if (!err)
		err = ask_addresses(watch, &state);
	else if (err == -ENODEV)
		err = 0;
	if (!err)
		*ret = state;
	return err;
}

static int read_state(struct link_watch *watch, struct link_state *ret)
{
	int err = -EINTR;

	for (unsigned i = 0; i < READS_MAX && err == -EINTR; i++)
		err = read_once(watch, ret);
	return err;
}

static bool is_same(const struct link_state *a, const struct link_state *b)
{
	return !strcmp(a->name, b->name) && a->index == b->index && a->hardware == b->hardware &&
	       mac_equal(a->mac, b->mac) && a->mtu == b->mtu && a->is_up == b->is_up &&
	       a->has_carrier == b->has_carrier && a->address_count == b->address_count &&
	       !memcmp(a->addresses, b->addresses, a->address_count * sizeof(a->addresses[0]));
}

static bool has_name(const struct nlmsghdr *message, const char *name)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
			!strncmp(mnl_attr_get_str(attribute), name, INTERFACE_NAME_SIZE))
			return true;
	}
	return false;
}

static void on_link_word(struct link_watch *watch, const struct nlmsghdr *message)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct link_state *state = &watch->state;
	bool is_its = state->index ? header->ifi_index == state->index
				   : has_name(message, watch->name);

	/* AF_BRIDGE: of its place in a bridge. */
	if (!is_its || header->ifi_family != AF_UNSPEC)
		return;
	/* One that went may have a successor already, and one that comes its addresses. */
	watch->must_read |= !state->index || message->nlmsg_type == RTM_DELLINK;
	if (message->nlmsg_type == RTM_DELLINK)
		*state = (struct link_state){0};
	else
		on_link(message, state);
}

static int on_word(const struct nlmsghdr *message, void *argument)
{
	struct link_watch *watch = argument;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link_word(watch, message);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		on_address(message, &watch->state);
		break;
	}
	return MNL_CB_OK;
}

/* Takes in what the kernel has said. */
static void hear(struct link_watch *watch)
{
	char buffer[WORDS_SIZE];

	for (;;) {
		ssize_t len = mnl_socket_recvfrom(watch->changes, buffer, sizeof(buffer));

		if (len > 0)
			mnl_cb_run(buffer, (size_t)len, 0, 0, on_word, watch);
		else if (len < 0 && (errno == ENOBUFS || errno == ENOSPC))
			watch->must_read = true; /* some of it was lost */
		else if (len == 0 || errno != EINTR)
			return;
	}
}

static void on_ready(struct watch *watch, uint32_t)
{
	struct link_watch *self = CONTAINER_OF(watch, struct link_watch, watch);
	const struct link_state before = self->state;

	hear(self);
	if (self->must_read)
		self->must_read = read_state(self, &self->state) != 0;
	if (!is_same(&before, &self->state))
		self->on_change(self->owner, &self->state);
}

static int open_changes(struct link_watch *watch)
{
	watch->changes = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!watch->changes || mnl_socket_bind(watch->changes, GROUPS, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

int link_watch_open(const char *name, struct link_watch **ret_watch, struct error *error)
{
	struct link_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return error_set(error, ENOMEM, "interface '%s': out of memory", name);
	watch->watch.on_ready = on_ready;
	watch->watch.fd = -1;
	snprintf(watch->name, sizeof(watch->name), "%s", name);
	err = netlink_open(&watch->netlink, error);
	if (!err)
		err = open_changes(watch);
	if (!err)
		err = read_state(watch, &watch->state);
	if (err) {
		link_watch_close(watch);
		return error_set(
			error, -err, "interface '%s': watching it: %s", name, strerror(-err));
	}
	*ret_watch = watch;
	return 0;
}

void link_watch_close(struct link_watch *watch)
{
	if (!watch)
		return;
	loop_unwatch(&watch->watch);
	if (watch->changes)
		mnl_socket_close(watch->changes);
	netlink_close(watch->netlink);
	free(watch);
}

const struct link_state *link_watch_state(const struct link_watch *watch)
{
	return &watch->state;
}

int link_watch_start(struct link_watch *watch, struct loop *loop,
	void (*on_change)(void *owner, const struct link_state *state), void *owner)
{
	watch->on_change = on_change;
	watch->owner = owner;
	return loop_watch(loop, &watch->watch, mnl_socket_get_fd(watch->changes), EPOLLIN);
}

static int on_route(const struct nlmsghdr *message, void *argument)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(struct rtmsg))
	{
		if (mnl_attr_get_type(attribute) == RTA_GATEWAY)
			get_ip(attribute, argument);
	}
	return MNL_CB_OK;
}

bool link_watch_gateway(struct link_watch *watch, struct ip *ret)
{
	static const uint8_t elsewhere[4] = {198, 41, 0, 4}; /* any address far away */
	struct nlmsghdr *message = netlink_request(watch->netlink, RTM_GETROUTE, 0);
	struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct ip gateway = {0};

	header->rtm_family = AF_INET;
	header->rtm_dst_len = 32;
	mnl_attr_put(message, RTA_DST, sizeof(elsewhere), elsewhere);
	mnl_attr_put_u32(message, RTA_OIF, (uint32_t)watch->state.index);
	if (!watch->state.index || netlink_converse(watch->netlink, message, on_route, &gateway))
		return false;
	if (ip_is_none(gateway))
		return false;
	*ret = gateway;
	return true;
}
