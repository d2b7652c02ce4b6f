/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/netlink.h"

#include "io/netlink_internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER_SIZE 32768 /* what the kernel fills at most in one answer to a dump */

struct netlink {
	struct mnl_socket *socket;
	unsigned sequence;
	char buffer[BUFFER_SIZE];
};

int netlink_open(struct netlink **ret_netlink, struct error *error)
{
	struct netlink *netlink = calloc(1, sizeof(*netlink));
	int err;

	if (!netlink)
		return error_set(error, ENOMEM, "netlink: out of memory");
	netlink->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!netlink->socket || mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = errno;
		netlink_close(netlink);
		return error_set(error, err, "netlink: %s", strerror(err));
	}
	*ret_netlink = netlink;
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (!netlink)
		return;
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	free(netlink);
}

struct nlmsghdr *netlink_request(struct netlink *netlink, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(netlink->buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	message->nlmsg_seq = ++netlink->sequence;
	return message;
}

/* What is left of an answer that was given up half-way: a dump that was interrupted. */
static void discard_rest(struct netlink *netlink)
{
	char byte;

	while (recv(mnl_socket_get_fd(netlink->socket), &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		;
}

int netlink_converse(
	struct netlink *netlink, struct nlmsghdr *message, mnl_cb_t each, void *argument)
{
	unsigned self = mnl_socket_get_portid(netlink->socket);
	int more = MNL_CB_OK;
	ssize_t len;

	discard_rest(netlink);
	if (mnl_socket_sendto(netlink->socket, message, message->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(
			netlink->socket, netlink->buffer, sizeof(netlink->buffer));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		more = mnl_cb_run(
			netlink->buffer, (size_t)len, netlink->sequence, self, each, argument);
		if (more < 0)
			return -errno;
	} while (more > MNL_CB_STOP);
	return 0;
}

static int link_answer(const struct nlmsghdr *message, void *argument)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct link_info *link = argument;
	const struct nlattr *attribute;

	link->index = header->ifi_index;
	link->is_up = header->ifi_flags & IFF_UP;
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		uint16_t len = mnl_attr_get_payload_len(attribute);

		switch (mnl_attr_get_type(attribute)) {
		case IFLA_ADDRESS:
			if (len == sizeof(link->mac))
				memcpy(&link->mac, mnl_attr_get_payload(attribute), len);
			break;
		case IFLA_MTU:
			link->mtu = mnl_attr_get_u32(attribute);
			break;
		case IFLA_TXQLEN:
			link->queue_len = mnl_attr_get_u32(attribute);
			break;
		}
	}
	return MNL_CB_OK;
}

int netlink_find_link(
	struct netlink *netlink, const char *name, struct link_info *ret_link, struct error *error)
{
	struct nlmsghdr *message = netlink_request(netlink, RTM_GETLINK, 0);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct link_info link = {0};
	int err;

	header->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	err = netlink_converse(netlink, message, link_answer, &link);
	if (err == -ENODEV)
		return error_set(error, ENODEV, "there is no interface '%s'", name);
	if (err)
		return error_set(error, -err, "interface '%s': %s", name, strerror(-err));
	*ret_link = link;
	return 0;
}

/* The sentence for a change the kernel refused. */
static int refused(int err, const char *name, const char *what, struct error *error)
{
	if (err == -EPERM)
		return error_set(
			error, EPERM, "interface '%s': %s needs CAP_NET_ADMIN", name, what);
	return error_set(error, -err, "interface '%s': %s: %s", name, what, strerror(-err));
}

/* A request about the interface of that name. */
static int link_request(struct netlink *netlink, const char *name, uint16_t type,
	struct nlmsghdr **ret_message, struct error *error)
{
	struct ifinfomsg *header;
	struct link_info link;
	int err;

	err = netlink_find_link(netlink, name, &link, error);
	if (err)
		return err;
	*ret_message = netlink_request(netlink, type, 0);
	header = mnl_nlmsg_put_extra_header(*ret_message, sizeof(*header));
	header->ifi_family = AF_UNSPEC;
	header->ifi_index = link.index;
	return 0;
}

int netlink_change_link(struct netlink *netlink, const char *name, const struct link_change *change,
	struct error *error)
{
	struct nlmsghdr *message;
	struct ifinfomsg *header;
	int err;

	err = link_request(netlink, name, RTM_NEWLINK, &message, error);
	if (err)
		return err;
	header = mnl_nlmsg_get_payload(message);
	if (change->up)
		header->ifi_flags = header->ifi_change = IFF_UP;
	if (!mac_is_zero(change->mac))
		mnl_attr_put(message, IFLA_ADDRESS, sizeof(change->mac), &change->mac);
	if (change->mtu)
		mnl_attr_put_u32(message, IFLA_MTU, change->mtu);
	if (change->queue_len)
		mnl_attr_put_u32(message, IFLA_TXQLEN, change->queue_len);
	err = netlink_converse(netlink, message, NULL, NULL);
	return err ? refused(err, name, "setting it up", error) : 0;
}

int netlink_move_link(struct netlink *netlink, const char *name, int netns_fd, const char *new_name,
	struct error *error)
{
	struct nlmsghdr *message;
	int err;

	err = link_request(netlink, name, RTM_NEWLINK, &message, error);
	if (err)
		return err;
	mnl_attr_put_strz(message, IFLA_IFNAME, new_name);
	mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	err = netlink_converse(netlink, message, NULL, NULL);
	if (err == -EEXIST)
		return error_set(error, EEXIST, "interface '%s' exists already", new_name);
	return err ? refused(err, new_name, "moving it to its namespace", error) : 0;
}

int netlink_delete_link(struct netlink *netlink, const char *name, struct error *error)
{
	struct nlmsghdr *message;
	int err;

	err = link_request(netlink, name, RTM_DELLINK, &message, error);
	if (err)
		return err;
	err = netlink_converse(netlink, message, NULL, NULL);
	return err ? refused(err, name, "deleting it", error) : 0;
}

/* An attribute with the address in its own family's size. */
static void put_ip(struct nlmsghdr *message, uint16_t type, struct ip ip)
{
	if (ip_is_v4(ip))
		mnl_attr_put(message, type, 4, ip.bytes + 12);
	else
		mnl_attr_put(message, type, 16, ip.bytes);
}

static uint8_t family_of(struct ip ip)
{
	return ip_is_v4(ip) ? AF_INET : AF_INET6;
}

/* type: RTM_NEWADDR or RTM_DELADDR. */
static int change_address(struct netlink *netlink, const char *name, uint16_t type,
	const struct ip_prefix *address, struct error *error)
{
	bool is_v4 = ip_is_v4(address->address), is_new = type == RTM_NEWADDR;
	struct nlmsghdr *message;
	struct ifaddrmsg *header;
	struct link_info link;
	int err;

	err = netlink_find_link(netlink, name, &link, error);
	if (err)
		return err;
	message = netlink_request(netlink, type, is_new ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->ifa_family = family_of(address->address);
	header->ifa_prefixlen = (uint8_t)address->len;
	header->ifa_flags = is_new && !is_v4 ? IFA_F_NODAD : 0;
	header->ifa_index = (unsigned)link.index;
	put_ip(message, IFA_LOCAL, address->address);
	put_ip(message, IFA_ADDRESS, address->address);
	if (is_new && is_v4 && address->len < 31)
		put_ip(message, IFA_BROADCAST, prefix_last(address));
	err = netlink_converse(netlink, message, NULL, NULL);
	return err ? refused(err, name, is_new ? "adding an address" : "deleting an address", error)
		   : 0;
}

static int name_prefix(int err, const struct ip_prefix *prefix, struct error *error)
{
	char text[PREFIX_TEXT_SIZE];

	return err ? error_wrap(error, err, "%s", prefix_format(prefix, text)) : 0;
}

int netlink_add_address(struct netlink *netlink, const char *name, const struct ip_prefix *address,
	struct error *error)
{
	return name_prefix(
		change_address(netlink, name, RTM_NEWADDR, address, error), address, error);
}

int netlink_delete_address(struct netlink *netlink, const char *name,
	const struct ip_prefix *address, struct error *error)
{
	return name_prefix(
		change_address(netlink, name, RTM_DELADDR, address, error), address, error);
}

static bool is_unspecified(struct ip ip)
{
	return ip_is_none(ip) || (ip_is_v4(ip) && !ip_to_v4(ip).be);
}

int netlink_add_route(struct netlink *netlink, const char *name, const struct ip_prefix *to,
	struct ip via, struct error *error)
{
	struct nlmsghdr *message;
	struct link_info link;
	struct rtmsg *header;
	int err;

	err = netlink_find_link(netlink, name, &link, error);
	if (err)
		return err;
	message = netlink_request(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->rtm_family = family_of(to->address);
	header->rtm_dst_len = (uint8_t)to->len;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = RTPROT_STATIC;
	header->rtm_scope = is_unspecified(via) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	header->rtm_type = RTN_UNICAST;
	if (to->len)
		put_ip(message, RTA_DST, to->address);
	if (!is_unspecified(via))
		put_ip(message, RTA_GATEWAY, via);
	mnl_attr_put_u32(message, RTA_OIF, (uint32_t)link.index);
	err = netlink_converse(netlink, message, NULL, NULL);
	if (!err || err == -EEXIST)
		return 0;
	return name_prefix(refused(err, name, "adding a route", error), to, error);
}

struct subnet_list {
	struct used_subnet *subnets;
	size_t count, size;
};

static bool is_of_interest(struct ip ip, unsigned len)
{
	return len && !ip_is_none(ip) && !ip_is_loopback(ip) && !ip_is_multicast(ip) &&
	       !ip_is_link_local(ip) && !ip_is_broadcast(ip);
}

static int append(struct subnet_list *list, struct ip ip, unsigned len, unsigned interface)
{
	struct used_subnet *at;

	if (!is_of_interest(ip, len))
		return MNL_CB_OK;
	if (list->count == list->size) {
		size_t size = list->size ? list->size * 2 : 16;
		void *subnets = realloc(list->subnets, size * sizeof(list->subnets[0]));

		if (!subnets)
			return MNL_CB_ERROR; /* errno: ENOMEM */
		list->subnets = subnets;
		list->size = size;
	}
	at = &list->subnets[list->count++];
	*at = (struct used_subnet){.prefix = {ip, len}};
	if (interface)
		if_indextoname(interface, at->interface);
	return MNL_CB_OK;
}

/* False for an attribute whose length is neither family's. */
static bool get_ip(const struct nlattr *attribute, struct ip *ret)
{
	uint16_t len = mnl_attr_get_payload_len(attribute);

	if (len == 4)
		*ret = ip_from_bytes4(mnl_attr_get_payload(attribute));
	else if (len == 16)
		*ret = ip_from_bytes6(mnl_attr_get_payload(attribute));
	return len == 4 || len == 16;
}

static int address_answer(const struct nlmsghdr *message, void *argument)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	struct ip ip = {0};

	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		if (mnl_attr_get_type(attribute) == IFA_ADDRESS && !get_ip(attribute, &ip))
			return MNL_CB_OK;
	}
	return append(argument, ip, header->ifa_prefixlen, header->ifa_index);
}

static int route_answer(const struct nlmsghdr *message, void *argument)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attribute;
	unsigned interface = 0;
	struct ip ip = {0};

	if (header->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		if (mnl_attr_get_type(attribute) == RTA_DST && !get_ip(attribute, &ip))
			return MNL_CB_OK;
		if (mnl_attr_get_type(attribute) == RTA_OIF)
			interface = mnl_attr_get_u32(attribute);
	}
	return append(argument, ip, header->rtm_dst_len, interface);
}

static int dump(struct netlink *netlink, uint16_t type, mnl_cb_t each, struct subnet_list *list)
{
	struct nlmsghdr *message = netlink_request(netlink, type, NLM_F_DUMP);

	/* The longer of the two headers; a family of zero asks for all. */
	mnl_nlmsg_put_extra_header(message, sizeof(struct rtmsg));
	return netlink_converse(netlink, message, each, list);
}

int netlink_used_subnets(struct netlink *netlink, struct used_subnet **ret_subnets,
	size_t *ret_count, struct error *error)
{
	struct subnet_list list = {0};
	int err;

	err = dump(netlink, RTM_GETADDR, address_answer, &list);
	if (!err)
		err = dump(netlink, RTM_GETROUTE, route_answer, &list);
	if (err) {
		free(list.subnets);
		return error_set(error, -err, "listing the subnets in use: %s", strerror(-err));
	}
	*ret_subnets = list.subnets;
	*ret_count = list.count;
	return 0;
}
