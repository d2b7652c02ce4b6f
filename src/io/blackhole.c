/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/blackhole.h"

#include "io/netlink_internal.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define OUR_PROTOCOL 76 /* "L", in a range that nobody is given (rtnetlink(7), rtm_protocol) */
#define PRIORITY     1	/* behind the host's own addresses, before any other table */
#define RULES_MAX    128

struct rule {
	uint8_t family;
	struct ip_prefix to;
};

static struct nlmsghdr *rule_request(struct netlink *netlink, uint16_t type, uint16_t flags,
	const char *interface, const struct rule *rule)
{
	struct nlmsghdr *message = netlink_request(netlink, type, flags);
	struct fib_rule_hdr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	bool is_v4 = rule->family == AF_INET;

	header->family = rule->family;
	header->dst_len = (uint8_t)rule->to.len;
	header->action = FR_ACT_BLACKHOLE;
	mnl_attr_put(message, FRA_DST, is_v4 ? 4 : 16, rule->to.address.bytes + (is_v4 ? 12 : 0));
	mnl_attr_put_strz(message, FRA_IIFNAME, interface);
	mnl_attr_put_u32(message, FRA_PRIORITY, PRIORITY);
	mnl_attr_put_u8(message, FRA_PROTOCOL, OUR_PROTOCOL);
	return message;
}

static int failed(int err, const char *interface, const char *what, struct error *error)
{
	if (err == -EPERM)
		return error_set(
			error, EPERM, "interface '%s': %s needs CAP_NET_ADMIN", interface, what);
	return error_set(error, -err, "interface '%s': %s: %s", interface, what, strerror(-err));
}

int blackhole_add(struct netlink *netlink, const char *interface, const struct ip_prefix *to,
	struct error *error)
{
	const struct rule rule = {ip_is_v4(to->address) ? AF_INET : AF_INET6, *to};
	int err = netlink_converse(netlink,
		rule_request(netlink, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, interface, &rule),
		NULL, NULL);

	if (!err || err == -EEXIST)
		return 0;
	return failed(err, interface, "adding a rule", error);
}

struct found {
	const char *interface;
	struct rule rules[RULES_MAX];
	unsigned count;
};

static int on_rule(const struct nlmsghdr *message, void *argument)
{
	const struct fib_rule_hdr *header = mnl_nlmsg_get_payload(message);
	struct rule rule = {.family = header->family, .to.len = header->dst_len};
	bool is_ours = false, is_its = false;
	struct found *found = argument;
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, message, sizeof(*header))
	{
		const void *payload = mnl_attr_get_payload(attribute);
		uint16_t len = mnl_attr_get_payload_len(attribute);

		switch (mnl_attr_get_type(attribute)) {
		case FRA_PROTOCOL:
			is_ours = mnl_attr_get_u8(attribute) == OUR_PROTOCOL;
			break;
		case FRA_IIFNAME:
			is_its = !strncmp(payload, found->interface, INTERFACE_NAME_SIZE);
			break;
		case FRA_DST:
			rule.to.address = len == 4 ? ip_from_bytes4(payload)
						   : ip_from_bytes6(payload);
			break;
		}
	}
	if (is_ours && is_its && found->count < RULES_MAX)
		found->rules[found->count++] = rule;
	return MNL_CB_OK;
}

static int find_rules(struct netlink *netlink, uint8_t family, struct found *found)
{
	struct nlmsghdr *message = netlink_request(netlink, RTM_GETRULE, NLM_F_DUMP);
	struct fib_rule_hdr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	int err;

	header->family = family;
	err = netlink_converse(netlink, message, on_rule, found);
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP ? 0 : err;
}

int blackhole_remove_all(struct netlink *netlink, const char *interface, struct error *error)
{
	struct found found = {.interface = interface};
	int err = find_rules(netlink, AF_INET, &found);

	if (!err)
		err = find_rules(netlink, AF_INET6, &found);
	for (unsigned i = 0; i < found.count && !err; i++)
		err = netlink_converse(netlink,
			rule_request(netlink, RTM_DELRULE, 0, interface, &found.rules[i]), NULL,
			NULL);
	return err ? failed(err, interface, "removing our rules", error) : 0;
}
