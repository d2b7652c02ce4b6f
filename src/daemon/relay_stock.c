/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members that are clients of WireGuard's own: their addresses, and the file that they read. */
#include "daemon/relay_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_taken(const struct relay *relay, struct ip ip)
{
	LIST_EACH(node, &relay->store.members) {
		if (ip_equal(
			    LIST_ENTRY(node, struct link_member_record, node)->address.address, ip))
			return true;
	}
	return false;
}

/* From .3 on, below what DHCP gives out where nobody said otherwise. */
static int choose_address(const struct relay *relay, struct ip_prefix *ret, struct error *error)
{
	const struct hub_config *hub = &relay->entrance->hub->config;
	uint32_t count = hub->has_subnet && hub->subnet.len <= 30 ? 1u << (31 - hub->subnet.len)
								  : 0;

	for (uint32_t n = 3; n < MIN(count, 65536); n++) {
		struct ip ip = prefix_nth(&hub->subnet, n);

		if (is_taken(relay, ip))
			continue;
		*ret = (struct ip_prefix){ip, hub->subnet.len};
		return 0;
	}
	return error_set(error, EINVAL,
		"address: %s has no subnet to take one from; say which, with its subnet's length, "
		"as 192.168.1.77/24",
		hub->name);
}

static int read_address(
	const struct relay *relay, const char *text, struct ip_prefix *ret, struct error *error)
{
	if (!text)
		return choose_address(relay, ret, error);
	if (!prefix_parse(text, ret) || !ip_is_v4(ret->address) || !ret->len || ret->len > 30)
		return error_set(error, EINVAL,
			"address: '%.40s' is not an IPv4 address with its subnet's length, as "
			"192.168.1.77/24",
			text);
	if (is_taken(relay, ret->address))
		return error_set(error, EEXIST, "address: '%.40s' is another member's", text);
	return 0;
}

/* What wg-quick(8), and the applications for phones, read. */
static void write_config(const struct relay *relay, const struct link_member_record *member,
	const struct wg_key *private, const char *host, uint16_t port, char *ret, size_t size)
{
	const struct world_hub *hub = relay->entrance->hub;
	const bool has_nat = hub->config.has_subnet && world_find_kind(hub, PORT_KIND_NAT);
	struct ip_prefix subnet = {prefix_nth(&member->address, 0), member->address.len};
	char private_text[WG_KEY_TEXT_SIZE], public_text[WG_KEY_TEXT_SIZE];
	char preshared_text[WG_KEY_TEXT_SIZE], dns[IP_TEXT_SIZE] = "";
	char address[PREFIX_TEXT_SIZE], allowed[PREFIX_TEXT_SIZE];
	const char *bracket = strchr(host, ':') ? "[" : "";

	if (has_nat)
		ip_format(hub_config_gateway(&hub->config), dns);
	snprintf(ret, size,
		"[Interface]\nPrivateKey = %s\nAddress = %s\nMTU = %u\n%s%s%s\n[Peer]\n"
		"PublicKey = %s\nPresharedKey = %s\nAllowedIPs = %s\nEndpoint = %s%s%s:%u\n"
		"PersistentKeepalive = 25\n",
		wg_key_format(private, private_text), prefix_format(&member->address, address),
		LINK_MTU_STANDARD, has_nat ? "DNS = " : "", dns, has_nat ? "\n" : "",
		wg_key_format(&relay->public, public_text),
		wg_key_format(&member->preshared, preshared_text),
		has_nat ? "0.0.0.0/0" : prefix_format(&subnet, allowed), bracket, host,
		bracket[0] ? "]" : "", port);
	explicit_bzero(private_text, sizeof(private_text));
	explicit_bzero(preshared_text, sizeof(preshared_text));
}

static int add_stock(
	struct relay *relay, const struct link_member_record *wanted, struct error *error)
{
	struct link_member_record *member = link_store_add_member(&relay->store);
	struct list node;
	int err;

	if (!member)
		return error_set(error, ENOMEM, "out of memory");
	node = member->node;
	*member = *wanted;
	member->node = node;
	member->is_changed = true;
	err = relay_plug_member(relay, member, error);
	err = err ?: link_store_save(&relay->store, error);
	if (!err)
		return 0;
	relay_unplug_member(relay, member);
	link_store_remove_member(&relay->store, member);
	return err;
}

int relay_add_stock(struct relay *relay, const char *name, const char *address, const char *place,
	char ret_text[RELAY_CONFIG_SIZE], struct error *error)
{
	struct link_member_record record = {.role = ROLE_HOST, .since = time(NULL)};
	char host[INVITE_HOST_SIZE];
	struct wg_key private;
	uint16_t port;
	int err = relay_check_name(relay, name, record.since, error);

	err = err ?: read_address(relay, address, &record.address, error);
	err = err ?: relay_place(relay, place, host, &port, error);
	if (err)
		return err;
	wg_key_make_private(&private);
	record.key = wg_key_public(&private);
	wg_key_make_preshared(&record.preshared);
	snprintf(record.name, sizeof(record.name), "%s", name);
	err = add_stock(relay, &record, error);
	if (!err)
		write_config(relay, &record, &private, host, port, ret_text, RELAY_CONFIG_SIZE);
	wg_key_wipe(&private);
	wg_key_wipe(&record.preshared);
	return err;
}
