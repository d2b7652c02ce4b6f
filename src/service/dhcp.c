/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service/dhcp.h"

#include "base/random.h"
#include "io/driver.h"
#include "service/dhcp_server.h"
#include "service/lease_file.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct dhcp {
	struct dhcp_server server; /* its host's port is ours */
	struct loop *loop;
	struct driver driver;
	struct lease_file *file; /* NULL: none */
};

static struct dhcp *of_port(struct port *port)
{
	return CONTAINER_OF(port, struct dhcp, server.host.port);
}

/* The file's last words are written from the table: it goes first. */
static void dhcp_free(struct dhcp *dhcp)
{
	driver_stop(&dhcp->driver);
	lease_file_close(dhcp->file);
	dhcp_server_done(&dhcp->server);
	free(dhcp);
}

static void on_free(struct port *port)
{
	dhcp_free(of_port(port));
}

static const struct port_ops port_ops = {
	.kind = "dhcp",
	.send = host_receive,
	.free = on_free,
};

static int check_settings(const struct dhcp_settings *settings, struct error *error)
{
	if (!ip_is_v4(settings->address.address))
		return error_set(error, EINVAL, "dhcp: the server's address must be IPv4");
	if (ip4_number(settings->pool_last) < ip4_number(settings->pool_first))
		return error_set(error, EINVAL, "dhcp: the pool ends before it begins");
	if (!settings->lease_time)
		return error_set(error, EINVAL, "dhcp: a lease of no time");
	return 0;
}

static int open_file(struct dhcp *dhcp, const char *path, struct error *error)
{
	struct lease_file_owner owner = {
		.loop = dhcp->loop,
		.table = &dhcp->server.pool.leases,
		.on_trouble = dhcp->server.watcher.on_file_trouble,
		.context = dhcp->server.watcher.context,
	};
	int err = lease_file_open(path, &owner, &dhcp->file, error);

	if (!err)
		dhcp_server_set_store(&dhcp->server, lease_file_store(dhcp->file));
	return err;
}

int dhcp_new(struct loop *loop, const struct dhcp_settings *settings, const char *lease_file,
	const struct dhcp_watcher *watcher, struct dhcp **ret_dhcp, struct error *error)
{
	struct hash_key key;
	struct dhcp *dhcp;
	int err = check_settings(settings, error);

	if (err)
		return err;
	dhcp = calloc(1, sizeof(*dhcp));
	if (!dhcp)
		return error_set(error, ENOMEM, "dhcp: out of memory");
	random_bytes(&key, sizeof(key));
	err = dhcp_server_init(&dhcp->server, settings, watcher, &key);
	if (err)
		error_set(error, -err, "dhcp: out of memory");
	dhcp->loop = loop;
	dhcp->server.host.port.ops = &port_ops;
	dhcp->server.host.port.mtu = settings->mtu;
	driver_start(&dhcp->driver, loop, &dhcp->server.machine);
	if (!err && lease_file)
		err = open_file(dhcp, lease_file, error);
	if (err) {
		dhcp_free(dhcp);
		return err;
	}
	*ret_dhcp = dhcp;
	return 0;
}

struct port *dhcp_port(struct dhcp *dhcp)
{
	return &dhcp->server.host.port;
}

int dhcp_configure(struct dhcp *dhcp, const struct dhcp_settings *settings, struct error *error)
{
	int err = check_settings(settings, error);

	if (err)
		return err;
	err = dhcp_pool_configure(&dhcp->server.pool, settings);
	if (err)
		return error_set(error, -err, "dhcp: out of memory");
	dhcp->server.host.port.mtu = settings->mtu;
	return 0;
}

void dhcp_walk(struct dhcp *dhcp,
	void (*visit)(
		void *context, const struct lease *lease, enum lease_state state, int64_t expires),
	void *context)
{
	nsec now = loop_now(dhcp->loop);
	int64_t wall = time(NULL);
	struct map_cursor cursor = {0};
	struct lease *lease;

	while ((lease = lease_walk(&dhcp->server.pool.leases, &cursor))) {
		enum lease_state state = lease_state(lease, now);

		if (state == LEASE_EXPIRED && !lease->was_bound)
			continue; /* an offer or a hold that is over */
		visit(context, lease, state, wall + (lease_expires(lease) - now) / NSEC_PER_SEC);
	}
}

const struct lease *dhcp_find_name(struct dhcp *dhcp, const char *name)
{
	struct lease *lease = lease_find_name(&dhcp->server.pool.leases, name);

	return lease && lease_state(lease, loop_now(dhcp->loop)) == LEASE_BOUND ? lease : NULL;
}

const struct dhcp_counters *dhcp_counters(const struct dhcp *dhcp)
{
	return &dhcp->server.counters;
}

unsigned dhcp_ignored_lines(const struct dhcp *dhcp)
{
	return dhcp->file ? lease_file_ignored(dhcp->file) : 0;
}

const char *lease_event_name(enum lease_event event)
{
	static const char *const names[] = {
		[LEASE_EVENT_BOUND] = "bound",
		[LEASE_EVENT_RENEWED] = "renewed",
		[LEASE_EVENT_RELEASED] = "released",
		[LEASE_EVENT_DECLINED] = "declined",
		[LEASE_EVENT_CONFLICT] = "conflict",
	};

	return names[event];
}
