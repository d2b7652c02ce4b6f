/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/redirect.h"

#include "io/netlink_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>
#include <sys/socket.h>

#define INGRESS_HANDLE 0xffff0000u /* what an ingress qdisc is called, and its filters' parent */
#define PRIORITY       1

static struct tcmsg *tc_request(struct netlink *netlink, uint16_t type, uint16_t flags, int index,
	struct nlmsghdr **ret_message)
{
	struct nlmsghdr *message = netlink_request(netlink, type, flags);
	struct tcmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->tcm_family = AF_UNSPEC;
	header->tcm_ifindex = index;
	*ret_message = message;
	return header;
}

static int add_qdisc(struct netlink *netlink, int index)
{
	struct nlmsghdr *message;
	struct tcmsg *header;
	int err;

	header = tc_request(netlink, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, &message);
	header->tcm_handle = INGRESS_HANDLE;
	header->tcm_parent = TC_H_INGRESS;
	mnl_attr_put_strz(message, TCA_KIND, "ingress");
	err = netlink_converse(netlink, message, NULL, NULL);
	return err == -EEXIST ? 0 : err;
}

static int delete_filters(struct netlink *netlink, int index)
{
	struct nlmsghdr *message;
	struct tcmsg *header;
	int err;

	header = tc_request(netlink, RTM_DELTFILTER, 0, index, &message);
	header->tcm_parent = INGRESS_HANDLE;
	err = netlink_converse(netlink, message, NULL, NULL);
	return err == -ENOENT || err == -EINVAL ? 0 : err; /* there were none */
}

static void put_mirred(struct nlmsghdr *message, int to)
{
	const struct tc_mirred mirred = {
		.action = TC_ACT_STOLEN, .eaction = TCA_INGRESS_REDIR, .ifindex = (unsigned)to};
	struct nlattr *actions = mnl_attr_nest_start(message, TCA_U32_ACT);
	struct nlattr *first = mnl_attr_nest_start(message, 1);
	struct nlattr *options;

	mnl_attr_put_strz(message, TCA_ACT_KIND, "mirred");
	options = mnl_attr_nest_start(message, TCA_ACT_OPTIONS);
	mnl_attr_put(message, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	mnl_attr_nest_end(message, options);
	mnl_attr_nest_end(message, first);
	mnl_attr_nest_end(message, actions);
}

static int add_filter(struct netlink *netlink, int index, int to)
{
	const struct tc_u32_sel selector = {.flags = TC_U32_TERMINAL, .nkeys = 1};
	/* With one key of zeros, which is true of everything. The kernel has cls_matchall for this,
	 * where it is built; u32 is everywhere. */
	uint8_t all[sizeof(selector) + sizeof(struct tc_u32_key)] = {0};
	struct nlmsghdr *message;
	struct nlattr *options;
	struct tcmsg *header;

	memcpy(all, &selector, sizeof(selector));
	header = tc_request(netlink, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, index, &message);
	header->tcm_parent = INGRESS_HANDLE;
	header->tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(message, TCA_KIND, "u32");
	options = mnl_attr_nest_start(message, TCA_OPTIONS);
	mnl_attr_put(message, TCA_U32_SEL, sizeof(all), all);
	put_mirred(message, to);
	mnl_attr_nest_end(message, options);
	return netlink_converse(netlink, message, NULL, NULL);
}

int redirect_ingress(struct netlink *netlink, const char *from, int to, struct error *error)
{
	struct link_info link;
	int err;

	err = netlink_find_link(netlink, from, &link, error);
	if (err)
		return err;
	err = add_qdisc(netlink, link.index);
	if (!err)
		err = delete_filters(netlink, link.index);
	if (!err)
		err = add_filter(netlink, link.index, to);
	if (!err)
		return 0;
	if (err == -ENOENT)
		return error_set(error, ENOENT,
			"interface '%s': this kernel cannot redirect (modprobe sch_ingress cls_u32 "
			"act_mirred)",
			from);
	return error_set(
		error, -err, "interface '%s': redirecting what arrives: %s", from, strerror(-err));
}
