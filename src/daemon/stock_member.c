/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/stock_member.h"

#include "config/config.h"
#include "daemon/kinds.h"
#include "port/link/invite.h"
#include "port/link/link.h"

#include <errno.h>
#include <string.h>

#define NUMBERS_MAX 65536

static bool is_members(const struct link_store *store, struct ip ip)
{
	LIST_EACH(node, &store->members) {
		const struct link_member_record *member = LIST_ENTRY(
			node, struct link_member_record, node);

		if (ip_equal(member->address.address, ip) || ip_equal(member->address6.address, ip))
			return true;
	}
	return false;
}

static bool is_routers(const struct world_hub *hub, struct ip ip)
{
	LIST_EACH(node, &hub->ports) {
		const struct port_config *port = &LIST_ENTRY(node, struct world_port, node)->config;

		if (port->kind == PORT_KIND_ROUTER &&
			(ip_equal(port->router.address, ip) || ip_equal(port->router.address6, ip)))
			return true;
	}
	return false;
}

/* From .3 on, below what DHCP gives out where nobody said otherwise. len 0: there is none. */
static struct ip_prefix choose(
	const struct world_hub *hub, const struct link_store *store, const struct ip_prefix *subnet)
{
	const unsigned bits = (ip_is_v4(subnet->address) ? 32 : 128) - subnet->len;
	const uint32_t count = bits < 2 ? 0 : bits > 17 ? NUMBERS_MAX : 1u << (bits - 1);

	for (uint32_t n = 3; n < count; n++) {
		struct ip ip = prefix_nth(subnet, n);

		if (!is_members(store, ip) && !is_routers(hub, ip))
			return (struct ip_prefix){ip, subnet->len};
	}
	return (struct ip_prefix){0};
}

/* Of a subnet that others are in, too. */
static bool is_address(const struct ip_prefix *prefix)
{
	return prefix->len && prefix->len <= (ip_is_v4(prefix->address) ? 30 : 126) &&
	       !ip_is_multicast(prefix->address) && !ip_is_link_local(prefix->address);
}

static int read_one(const struct link_store *store, const char *text,
	struct link_member_record *ret, struct error *error)
{
	struct ip_prefix prefix, *place;

	if (!prefix_parse(text, &prefix) || !is_address(&prefix))
		return error_set(error, EINVAL,
			"ip: '%.60s' is not an address with its subnet's length, as "
			"192.168.1.77/24, fd00::77/64, or both with a comma between",
			text);
	if (is_members(store, prefix.address))
		return error_set(error, EEXIST, "ip: '%.60s' is another member's", text);
	place = ip_is_v4(prefix.address) ? &ret->address : &ret->address6;
	if (place->len)
		return error_set(error, EINVAL, "ip: '%.60s' is a second one of its family", text);
	*place = prefix;
	return 0;
}

static int read_all(const struct link_store *store, const char *text,
	struct link_member_record *ret, struct error *error)
{
	char one[PREFIX_TEXT_SIZE + 16];
	int err = 0;

	for (const char *at = text; !err && at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		at += strspn(at, " ");
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(at, ", "), at);
		err = read_one(store, one, ret, error);
	}
	return err;
}

int stock_member_address(const struct world_hub *hub, const struct link_store *store,
	const char *text, struct link_member_record *ret, struct error *error)
{
	int err = read_all(store, text, ret, error);

	if (err)
		return err;
	if (!ret->address.len && hub->config.has_subnet)
		ret->address = choose(hub, store, &hub->config.subnet);
	if (!ret->address6.len && hub->config.has_subnet6)
		ret->address6 = choose(hub, store, &hub->config.subnet6);
	if (ret->address.len || ret->address6.len)
		return 0;
	return error_set(error, EINVAL,
		"ip: %s has no subnet to take one from; say which, with its subnet's length, "
		"as 192.168.1.77/24",
		hub->config.name);
}

/* "A", "B", "A, B", of what is not empty. */
static char *join(const char *a, const char *b, char text[128])
{
	snprintf(text, 128, "%s%s%s", a, a[0] && b[0] ? ", " : "", b);
	return text;
}

/* Where its packets may go: the segment, or, with a way out, everywhere. */
static char *allowed_text(const struct ip_prefix *address, bool has_way_out, char *text)
{
	const struct ip_prefix subnet = {
		address->len ? prefix_nth(address, 0) : address->address, address->len};

	text[0] = '\0';
	if (!address->len)
		return text;
	if (has_way_out)
		return strcpy(text, ip_is_v4(address->address) ? "0.0.0.0/0" : "::/0");
	return prefix_format(&subnet, text);
}

static char *address_text(const struct ip_prefix *address, char *text)
{
	text[0] = '\0';
	return address->len ? prefix_format(address, text) : text;
}

void stock_member_write(const struct world_hub *hub, const struct link_member_record *member,
	const struct wg_key *private, const struct wg_key *relay, const char *host, uint16_t port,
	char ret_text[STOCK_CONFIG_SIZE])
{
	const bool has_nat = world_find_kind(hub, PORT_KIND_NAT);
	const bool has_way4 = has_nat && hub->config.has_subnet;
	const bool has_way6 = has_nat && hub->config.has_subnet6;
	char private_text[WG_KEY_TEXT_SIZE], public_text[WG_KEY_TEXT_SIZE];
	char preshared_text[WG_KEY_TEXT_SIZE], place[INVITE_PLACE_SIZE];
	char one[PREFIX_TEXT_SIZE], other[PREFIX_TEXT_SIZE], addresses[128], allowed[128];
	char dns[IP_TEXT_SIZE] = "";

	join(address_text(&member->address, one), address_text(&member->address6, other),
		addresses);
	join(allowed_text(&member->address, has_way4, one),
		allowed_text(&member->address6, has_way6, other), allowed);
	if (has_way4)
		ip_format(hub_config_gateway(&hub->config), dns);
	snprintf(ret_text, STOCK_CONFIG_SIZE,
		"[Interface]\nPrivateKey = %s\nAddress = %s\nMTU = %u\n%s%s%s\n[Peer]\n"
		"PublicKey = %s\nPresharedKey = %s\nAllowedIPs = %s\nEndpoint = %s\n"
		"PersistentKeepalive = 25\n",
		wg_key_format(private, private_text), addresses, LINK_MTU_STANDARD,
		has_way4 ? "DNS = " : "", dns, has_way4 ? "\n" : "",
		wg_key_format(relay, public_text),
		wg_key_format(&member->preshared, preshared_text), allowed,
		invite_format_place(host, port, place));
	explicit_bzero(private_text, sizeof(private_text));
	explicit_bzero(preshared_text, sizeof(preshared_text));
}
