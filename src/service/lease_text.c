/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/lease_text.h"

#include <inttypes.h>
#include <stdio.h>

#define NOTHING	 "-"
#define HEX_SIZE (2 * DHCP_CLIENT_ID_MAX + 1)
#define IP4_SIZE 16
#define WALL_MAX (INT64_MAX / NSEC_PER_SEC / 2) /* seconds */

/* One line in its parts. */
struct fields {
	char ip[IP4_SIZE], mac[MAC_TEXT_SIZE], state[9], client[HEX_SIZE], name[DHCP_NAME_SIZE];
	int64_t until;
	uint32_t duration;
};

static void hex_write(const struct dhcp_client_id *id, char out[HEX_SIZE])
{
	snprintf(out, HEX_SIZE, NOTHING);
	for (unsigned i = 0; i < id->len; i++)
		snprintf(out + 2 * i, 3, "%02x", id->bytes[i]);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_read(const char *text, struct dhcp_client_id *ret)
{
	size_t len = strlen(text);

	*ret = (struct dhcp_client_id){0};
	if (!strcmp(text, NOTHING))
		return true;
	for (size_t i = 0; i + 1 < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret->bytes[ret->len++] = high << 4 | low;
	}
	return len % 2 == 0;
}

/* Rounded up: after a restart a lease must not end before its client thinks it does. */
static int64_t wall_time(const struct lease_clock *clock, nsec when)
{
	return (clock->wall + (when - clock->now) + NSEC_PER_SEC - 1) / NSEC_PER_SEC;
}

size_t lease_write_free(struct ip4 ip, char out[LEASE_LINE_SIZE])
{
	char text[IP_TEXT_SIZE];

	return snprintf(out, LEASE_LINE_SIZE, "%s free\n", ip_format(ip_from_v4(ip), text));
}

size_t lease_write_line(
	const struct lease *lease, const struct lease_clock *clock, char out[LEASE_LINE_SIZE])
{
	enum lease_state state = lease_state(lease, clock->now);
	char ip[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE], client[HEX_SIZE];
	nsec until = state == LEASE_DECLINED ? lease_expires(lease) : lease->bound_until;

	if (state != LEASE_DECLINED && !lease->was_bound)
		return lease_write_free(lease->ip, out);
	if (state == LEASE_OFFERED) /* again, to its old client: an offer is not for the file */
		state = LEASE_EXPIRED;
	hex_write(&lease->client_id, client);
	return snprintf(out, LEASE_LINE_SIZE, "%s %s %s %" PRId64 " %" PRIu32 " %s %s\n",
		ip_format(ip_from_v4(lease->ip), ip), mac_format(lease->mac, mac),
		lease_state_name(state), wall_time(clock, until), lease->duration, client,
		lease->name[0] ? lease->name : NOTHING);
}

static bool read_ip4(const char *text, struct ip4 *ret)
{
	struct ip ip;

	if (!ip_parse(text, &ip) || !ip_is_v4(ip))
		return false;
	*ret = ip_to_v4(ip);
	return true;
}

static void forget(struct lease_table *table, struct lease *lease)
{
	if (lease)
		lease_remove(table, lease);
}

/* A wall clock that was set back must not make a lease longer than it was granted. */
static nsec monotonic_time(const struct lease_clock *clock, const struct fields *fields)
{
	nsec left = fields->until * NSEC_PER_SEC - clock->wall;

	if (!strcmp(fields->state, "expired"))
		left = MIN(left, 0);
	return clock->now + MIN(left, fields->duration * NSEC_PER_SEC);
}

static bool put_declined(struct lease_table *table, struct ip4 ip, struct mac mac,
	const struct fields *fields, const struct lease_clock *clock)
{
	struct lease *lease;

	forget(table, lease_find_ip(table, ip));
	lease = lease_add(table, ip, NULL, mac);
	if (lease)
		lease_hold_back(table, lease, fields->duration, monotonic_time(clock, fields));
	return lease;
}

static bool put_bound(struct lease_table *table, struct ip4 ip, struct mac mac,
	const struct dhcp_client_id *id, const struct fields *fields,
	const struct lease_clock *clock)
{
	struct lease *lease;

	forget(table, lease_find_ip(table, ip));
	forget(table, lease_find_client(table, id));
	lease = lease_add(table, ip, id, mac);
	if (!lease)
		return false;
	lease_bind(table, lease, fields->duration, monotonic_time(clock, fields));
	if (strcmp(fields->name, NOTHING) != 0)
		lease_set_name(table, lease, fields->name, clock->now);
	return true;
}

static bool read_lease(
	struct lease_table *table, const struct fields *fields, const struct lease_clock *clock)
{
	bool is_bound = !strcmp(fields->state, "bound") || !strcmp(fields->state, "expired");
	struct dhcp_client_id id;
	struct mac mac;
	struct ip4 ip;

	if (!read_ip4(fields->ip, &ip) || !mac_parse(fields->mac, &mac) ||
		!hex_read(fields->client, &id) || fields->until < 0 || fields->until > WALL_MAX)
		return false;
	if (is_bound && id.len)
		return put_bound(table, ip, mac, &id, fields, clock);
	if (!strcmp(fields->state, "declined") && !id.len)
		return put_declined(table, ip, mac, fields, clock);
	return false;
}

static bool read_free(struct lease_table *table, const char *text)
{
	struct ip4 ip;

	if (!read_ip4(text, &ip))
		return false;
	forget(table, lease_find_ip(table, ip));
	return true;
}

bool lease_read_line(struct lease_table *table, const char *line, const struct lease_clock *clock)
{
	struct fields fields;
	int end = 0, count;

	/* Widths: one less than the sizes in struct fields. */
	count = sscanf(line, "%15s %17s %8s %" SCNd64 " %" SCNu32 " %270s %63s%n", fields.ip,
		fields.mac, fields.state, &fields.until, &fields.duration, fields.client,
		fields.name, &end);
	if (count == 2 && !strcmp(fields.mac, "free"))
		return read_free(table, fields.ip);
	return count == 7 && !line[end] && read_lease(table, &fields, clock);
}
