/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_nat.h"

#include "base/random.h"
#include "daemon/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct forward nth_forward(const struct forward_config *config, unsigned n)
{
	struct forward forward = {config->is_udp, config->outside, config->guest};

	forward.outside.port += n;
	forward.guest.port += n;
	return forward;
}

static int open_listeners(struct world *world, const struct nat_config *nat, struct error *error)
{
	int err = 0;

	for (size_t i = 0; i < nat->forward_count; i++) {
		for (unsigned n = 0; n < nat->forwards[i].count && !err; n++) {
			struct forward forward = nth_forward(&nat->forwards[i], n);

			err = listeners_open(
				&world->listeners, forward.is_udp, &forward.outside, error);
		}
	}
	return err;
}

int kind_nat_open(struct world_port *port, struct error *error)
{
	return open_listeners(port->hub->world, &port->config.nat, error);
}

/* Control waits for the hub's thread meanwhile, so the listeners may be looked at. */
static int add_forward(struct world_port *port, const struct forward *forward, struct error *error)
{
	char text[ENDPOINT_TEXT_SIZE];
	int fd = listeners_take(&port->hub->world->listeners, forward->is_udp, &forward->outside);
	int err = fd < 0 ? fd : gateway_forward_add(port->gateway, forward, fd);

	if (!err)
		return 0;
	return error_set(error, -err, "forward %s %s: %s", forward->is_udp ? "udp" : "tcp",
		endpoint_format(&forward->outside, text), strerror(-err));
}

static bool is_in(const struct forward *wanted, const struct nat_config *nat)
{
	for (size_t i = 0; i < nat->forward_count; i++) {
		unsigned n = (unsigned)wanted->outside.port - nat->forwards[i].outside.port;
		struct forward forward;

		if (n >= nat->forwards[i].count)
			continue;
		forward = nth_forward(&nat->forwards[i], n);
		if (forward.is_udp == wanted->is_udp &&
			endpoint_equal(&forward.outside, &wanted->outside) &&
			endpoint_equal(&forward.guest, &wanted->guest))
			return true;
	}
	return false;
}

static int add_forwards(struct world_port *port, const struct nat_config *but, struct error *error)
{
	const struct nat_config *nat = &port->config.nat;
	int err = 0;

	for (size_t i = 0; i < nat->forward_count; i++) {
		for (unsigned n = 0; n < nat->forwards[i].count && !err; n++) {
			struct forward forward = nth_forward(&nat->forwards[i], n);

			if (!is_in(&forward, but))
				err = add_forward(port, &forward, error);
		}
	}
	return err;
}

static void remove_forwards(
	struct world_port *port, const struct nat_config *nat, const struct nat_config *but)
{
	for (size_t i = 0; i < nat->forward_count; i++) {
		for (unsigned n = 0; n < nat->forwards[i].count; n++) {
			struct forward forward = nth_forward(&nat->forwards[i], n);

			if (!is_in(&forward, but))
				(void)!gateway_forward_remove(
					port->gateway, forward.is_udp, &forward.outside);
		}
	}
}

static void fill(const struct world_port *port, struct gateway_settings *settings)
{
	const struct hub_config *hub = &port->hub->config;
	const struct port_config *config = &port->config;

	snprintf(settings->name, sizeof(settings->name), "%s", config->name);
	settings->mac = config->has_mac
				? config->mac
				: identity_mac(&port->hub->world->identity, hub->name, "nat", "");
	settings->address = (struct ip_prefix){hub_config_gateway(hub), hub->subnet.len};
	if (hub->has_subnet6)
		settings->address6 = (struct ip_prefix){hub_config_gateway6(hub), hub->subnet6.len};
	settings->mtu = config->mtu ? config->mtu : hub->mtu;
	settings->may_reach_host = config->nat.may_reach_host;
	settings->key = (struct hash_key){random_u64(), random_u64()};
}

static struct dns_settings dns_settings_of(const struct nat_config *nat)
{
	struct dns_settings settings = {.resolver_count = nat->dns_count};

	for (size_t i = 0; i < nat->dns_count; i++)
		settings.resolvers[i] = nat->dns[i];
	return settings;
}

static int make_dns(struct world_port *port, struct error *error)
{
	struct dns_settings settings = dns_settings_of(&port->config.nat);

	return dns_new(worker_loop(port->hub->worker), gateway_host(port->gateway), &settings,
		&port->dns, error);
}

int kind_nat_make(struct world_port *port, struct error *error)
{
	static const struct nat_config none;
	struct gateway_settings settings = {0};
	int err;

	fill(port, &settings);
	err = gateway_new(worker_loop(port->hub->worker), &settings, &port->gateway, error);
	if (err)
		return err;
	port->port = gateway_port(port->gateway);
	err = make_dns(port, error);
	return err ? err : add_forwards(port, &none, error);
}

/* It lives at the gateway's address. */
void kind_nat_end(struct world_port *port)
{
	dns_free(port->dns);
}

bool kind_nat_may_change(const struct port_config *from, const struct port_config *to)
{
	struct port_config other = *from;

	other.nat.forwards = to->nat.forwards;
	other.nat.forward_count = to->nat.forward_count;
	memcpy(other.nat.dns, to->nat.dns, sizeof(other.nat.dns));
	other.nat.dns_count = to->nat.dns_count;
	return port_config_equal(&other, to);
}

int kind_nat_open_change(struct world_port *port, const struct port_config *to, struct error *error)
{
	return open_listeners(port->hub->world, &to->nat, error);
}

int kind_nat_change(struct world_port *port, const struct port_config *from, struct error *error)
{
	struct dns_settings settings = dns_settings_of(&port->config.nat);
	int err = dns_configure(port->dns, &settings, error);

	remove_forwards(port, &from->nat, &port->config.nat);
	return err ? err : add_forwards(port, &from->nat, error);
}

static void describe_counters(const struct gateway_counters *c, json_t *details)
{
	json_t *counters = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "tcp_flows",
		(json_int_t)c->tcp_flows, "udp_flows", (json_int_t)c->udp_flows, "icmp_flows",
		(json_int_t)c->icmp_flows, "tcp_opened", (json_int_t)c->tcp_opened, "udp_opened",
		(json_int_t)c->udp_opened, "icmp_opened", (json_int_t)c->icmp_opened,
		"tcp_half_open", (json_int_t)c->tcp_half_open);
	json_t *more = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connect_refused",
		(json_int_t)c->connect_refused, "connect_unreachable",
		(json_int_t)c->connect_unreachable, "connect_timeout",
		(json_int_t)c->connect_timeout, "connect_no_socket",
		(json_int_t)c->connect_no_socket, "tcp_retransmitted_bytes",
		(json_int_t)c->tcp_retransmitted_bytes, "tcp_timeouts", (json_int_t)c->tcp_timeouts,
		"memory_reserved", (json_int_t)c->memory_reserved, "memory_used",
		(json_int_t)c->memory_used);

	json_object_update(counters, more);
	json_decref(more);
	json_object_set_new(details, "counters", counters);
}

static void describe_dns(const struct dns_counters *c, json_t *details)
{
	json_object_set_new(details, "dns",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "udp_queries",
			(json_int_t)c->udp_queries, "tcp_queries", (json_int_t)c->tcp_queries,
			"answers", (json_int_t)c->answers, "failures", (json_int_t)c->failures,
			"malformed", (json_int_t)c->malformed, "strange", (json_int_t)c->strange,
			"overrun", (json_int_t)c->overrun, "waiting", (json_int_t)c->waiting));
}

void kind_nat_describe(const struct world_port *port, json_t *details)
{
	const struct nat_config *nat = &port->config.nat;
	const struct hub_config *hub = &port->hub->config;
	struct gateway_counters counters = gateway_counters(port->gateway);
	struct dns_counters dns = dns_counters(port->dns);
	json_t *forwards = json_array();
	char text[160];

	json_object_set_new(
		details, "address", json_string(ip_format(hub_config_gateway(hub), text)));
	if (hub->has_subnet6)
		json_object_set_new(details, "address6",
			json_string(ip_format(hub_config_gateway6(hub), text)));
	for (size_t i = 0; i < nat->forward_count; i++)
		json_array_append_new(
			forwards, json_string(forward_format(&nat->forwards[i], text)));
	json_object_set_new(details, "forwards", forwards);
	json_object_set_new(details, "host_loopback", json_boolean(nat->may_reach_host));
	describe_counters(&counters, details);
	describe_dns(&dns, details);
}
