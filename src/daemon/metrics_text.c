/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table for each thing that has counters; all samples of a name stand together. */
#include "daemon/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Counters of a struct, which their labels tell apart: {protocol="tcp"}, .... */
struct share {
	const char *label; /* NULL: the only one */
	size_t offset;	   /* of its uint64_t in the struct */
};

struct family {
	const char *name, *type, *help;
	const char *key;	/* of the labels below; NULL: there is one value, without */
	struct share shares[8]; /* to the first that is all zero, or the end */
};

#define IN(field)   offsetof(struct port_snapshot, in.field)
#define OUT(field)  offsetof(struct port_snapshot, out.field)
#define NAT(field)  offsetof(struct metrics_hub, nat.field)
#define DHCP(field) offsetof(struct metrics_hub, dhcp.field)
#define LEG(field)  offsetof(struct metrics_port, leg.field)
#define LINK(field) offsetof(struct metrics_port, member.wg.field)
#define LEASES(s)   offsetof(struct metrics_hub, leases[s])

static const struct family hub_families[] = {
	{"lanyard_hub_frames_total", "counter", "Frames that entered the hub through any port.",
		NULL, {{NULL, offsetof(struct metrics_hub, snapshot.frames)}}},
	{"lanyard_hub_answers_total", "counter",
		"ARP and ND questions that the hub answered, or the asker's own side.", NULL,
		{{NULL, offsetof(struct metrics_hub, snapshot.answers)}}},
	{"lanyard_hub_ports", "gauge", "Ports on the hub.", NULL,
		{{NULL, offsetof(struct metrics_hub, snapshot.port_count)}}},
	{"lanyard_hub_addresses", "gauge", "Addresses in the hub's MAC table.", NULL,
		{{NULL, offsetof(struct metrics_hub, address_count)}}},
};

static const struct family port_families[] = {
	{"lanyard_port_in_frames_total", "counter", "Frames that entered the hub through the port.",
		NULL, {{NULL, IN(frames)}}},
	{"lanyard_port_in_bytes_total", "counter", "Bytes that entered the hub through the port.",
		NULL, {{NULL, IN(bytes)}}},
	{"lanyard_port_out_frames_total", "counter",
		"Frames that left the hub through the port, or were lost on the way out.", NULL,
		{{NULL, OUT(frames)}}},
	{"lanyard_port_out_bytes_total", "counter",
		"Bytes that left the hub through the port, or were lost on the way out.", NULL,
		{{NULL, OUT(bytes)}}},
};

static const struct family nat_families[] = {
	{"lanyard_nat_flows", "gauge", "Flows through the gateway now.", "protocol",
		{{"tcp", NAT(tcp_flows)}, {"udp", NAT(udp_flows)}, {"icmp", NAT(icmp_flows)}}},
	{"lanyard_nat_flows_opened_total", "counter", "Flows that were opened.", "protocol",
		{{"tcp", NAT(tcp_opened)}, {"udp", NAT(udp_opened)}, {"icmp", NAT(icmp_opened)}}},
	{"lanyard_nat_half_open_flows", "gauge", "TCP flows that are connecting now.", NULL,
		{{NULL, NAT(tcp_half_open)}}},
	{"lanyard_nat_connect_failures_total", "counter", "Flows that came to nothing.", "reason",
		{{"refused", NAT(connect_refused)}, {"unreachable", NAT(connect_unreachable)},
			{"timeout", NAT(connect_timeout)}, {"no_socket", NAT(connect_no_socket)}}},
	{"lanyard_nat_retransmitted_bytes_total", "counter", "TCP payload sent to guests again.",
		NULL, {{NULL, NAT(tcp_retransmitted_bytes)}}},
	{"lanyard_nat_retransmit_timeouts_total", "counter",
		"Times that a guest did not acknowledge in time.", NULL,
		{{NULL, NAT(tcp_timeouts)}}},
	{"lanyard_nat_memory_bytes", "gauge", "Memory of TCP windows.", "state",
		{{"reserved", NAT(memory_reserved)}, {"used", NAT(memory_used)}}},
};

static const struct family dhcp_families[] = {
	{"lanyard_dhcp_leases", "gauge", "Leases that the server knows.", "state",
		{{"offered", LEASES(LEASE_OFFERED)}, {"bound", LEASES(LEASE_BOUND)},
			{"expired", LEASES(LEASE_EXPIRED)}, {"declined", LEASES(LEASE_DECLINED)}}},
	{"lanyard_dhcp_received_total", "counter", "Messages from clients.", "type",
		{{"discover", DHCP(discover)}, {"request", DHCP(request)},
			{"decline", DHCP(decline)}, {"release", DHCP(release)},
			{"inform", DHCP(inform)}}},
	{"lanyard_dhcp_sent_total", "counter", "Messages to clients.", "type",
		{{"offer", DHCP(offer)}, {"ack", DHCP(ack)}, {"nak", DHCP(nak)}}},
	{"lanyard_dhcp_exhausted_total", "counter", "Times that there was no address to give.",
		NULL, {{NULL, DHCP(exhausted)}}},
	{"lanyard_dhcp_conflicts_total", "counter", "Addresses found in use by somebody else.",
		NULL, {{NULL, DHCP(conflict)}}},
};

static const struct family leg_families[] = {
	{"lanyard_router_forwarded_total", "counter",
		"Packets that came by the leg and were handed to the one that they leave by.", NULL,
		{{NULL, LEG(forwarded)}}},
	{"lanyard_router_fragmented_total", "counter", "Packets that had to be cut.", NULL,
		{{NULL, LEG(fragmented)}}},
	{"lanyard_router_refused_total", "counter", "Packets that were not forwarded.", "reason",
		{{"time_exceeded", LEG(time_exceeded)}, {"no_route", LEG(no_route)},
			{"too_big", LEG(too_big)}, {"no_neighbour", LEG(no_neighbour)}}},
	{"lanyard_router_errors_total", "counter", "ICMP errors that were sent.", NULL,
		{{NULL, LEG(errors)}}},
};

static const struct family member_families[] = {
	{"lanyard_link_received_bytes_total", "counter", "Bytes of authentic datagrams.", NULL,
		{{NULL, LINK(received_bytes)}}},
	{"lanyard_link_sent_bytes_total", "counter", "Bytes of datagrams.", NULL,
		{{NULL, LINK(sent_bytes)}}},
};

static void write_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped. */
static void write_label(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s=\"", key);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

static void write_hub_labels(FILE *out, const struct hub_snapshot *hub)
{
	fputc('{', out);
	write_label(out, "hub", hub->hub->config.name);
}

static void write_port_labels(
	FILE *out, const struct hub_snapshot *hub, const struct port_snapshot *port)
{
	const char *name = hub->hub->config.name;

	write_hub_labels(out, hub);
	fprintf(out, ",slot=\"%u\",port=\"%s.%u\",", port->slot, name, port->slot);
	write_label(out, "name", port->name);
	fputc(',', out);
	write_label(out, "kind", port_kind_name(port->port->config.kind));
}

static void write_number(FILE *out, uint64_t number)
{
	fprintf(out, "} %llu\n", (unsigned long long)number);
}

static uint64_t number_at(const void *object, size_t offset)
{
	uint64_t number;

	memcpy(&number, (const char *)object + offset, sizeof(number));
	return number;
}

static void write_seconds(FILE *out, nsec number)
{
	fprintf(out, "} %.6f\n", (double)number / NSEC_PER_SEC);
}

static bool is_in_use(const struct family *family, size_t share)
{
	return share < ARRAY_SIZE(family->shares) && (!share || family->shares[share].label);
}

static void write_hub_samples(FILE *out, const struct family *family, const struct metrics_hub *hub)
{
	for (size_t i = 0; is_in_use(family, i); i++) {
		const struct share *share = &family->shares[i];

		fputs(family->name, out);
		write_hub_labels(out, &hub->snapshot);
		if (family->key) {
			fputc(',', out);
			write_label(out, family->key, share->label);
		}
		write_number(out, number_at(hub, share->offset));
	}
}

static bool always(const struct metrics_hub *)
{
	return true;
}

static bool has_nat(const struct metrics_hub *hub)
{
	return hub->has_nat;
}

static bool has_dhcp(const struct metrics_hub *hub)
{
	return hub->has_dhcp;
}

static void write_hub_families(FILE *out, const struct metrics *metrics,
	const struct family *families, size_t count, bool (*has)(const struct metrics_hub *hub))
{
	for (size_t i = 0; i < count; i++) {
		const struct family *family = &families[i];

		write_head(out, family->name, family->type, family->help);
		for (size_t j = 0; j < metrics->hub_count; j++) {
			if (has(&metrics->hubs[j]))
				write_hub_samples(out, family, &metrics->hubs[j]);
		}
	}
}

/* Calls write() for each port. */
static void each_port(FILE *out, const struct metrics *metrics, const struct family *family,
	void (*write)(FILE *out, const struct family *family, const struct hub_snapshot *hub,
		const struct port_snapshot *port))
{
	write_head(out, family->name, family->type, family->help);
	for (size_t i = 0; i < metrics->hub_count; i++) {
		const struct hub_snapshot *hub = &metrics->hubs[i].snapshot;

		for (size_t j = 0; j < hub->port_count; j++)
			write(out, family, hub, &hub->ports[j]);
	}
}

static void write_counter(FILE *out, const struct family *family, const struct hub_snapshot *hub,
	const struct port_snapshot *port)
{
	fputs(family->name, out);
	write_port_labels(out, hub, port);
	write_number(out, number_at(port, family->shares[0].offset));
}

static void write_state(FILE *out, const struct family *family, const struct hub_snapshot *hub,
	const struct port_snapshot *port)
{
	fputs(family->name, out);
	write_port_labels(out, hub, port);
	write_number(out, !port->is_down);
}

static void write_drops(FILE *out, const struct family *family, const struct hub_snapshot *hub,
	const struct port_snapshot *port)
{
	const struct {
		const char *name;
		const uint64_t *drops;
	} ways[] = {{"in", port->in.drops}, {"out", port->out.drops}};

	for (unsigned i = 0; i < DROP_COUNT * ARRAY_SIZE(ways); i++) {
		unsigned way = i / DROP_COUNT;
		enum drop drop = i % DROP_COUNT;

		if (!ways[way].drops[drop])
			continue;
		fputs(family->name, out);
		write_port_labels(out, hub, port);
		fprintf(out, ",direction=\"%s\",reason=\"%s\"", ways[way].name, drop_name(drop));
		write_number(out, ways[way].drops[drop]);
	}
}

static void write_ports(FILE *out, const struct metrics *metrics)
{
	static const struct family up = {
		"lanyard_port_up", "gauge", "Whether what is behind the port is there."};
	static const struct family drops = {"lanyard_port_drops_total", "counter",
		"Frames that were lost, by reason; reasons that never came up are left out."};

	each_port(out, metrics, &up, write_state);
	for (size_t i = 0; i < ARRAY_SIZE(port_families); i++)
		each_port(out, metrics, &port_families[i], write_counter);
	each_port(out, metrics, &drops, write_drops);
}

static void write_shares(FILE *out, const struct family *family, const struct hub_snapshot *hub,
	const struct port_snapshot *port, const struct metrics_port *more)
{
	for (size_t i = 0; is_in_use(family, i); i++) {
		fputs(family->name, out);
		write_port_labels(out, hub, port);
		if (family->key) {
			fputc(',', out);
			write_label(out, family->key, family->shares[i].label);
		}
		write_number(out, number_at(more, family->shares[i].offset));
	}
}

/* Whoever never was there has no age. */
static void write_handshake(FILE *out, const struct family *family, const struct hub_snapshot *hub,
	const struct port_snapshot *port, const struct metrics_port *more)
{
	if (more->member.wg.handshake_at == -NSEC_NEVER)
		return;
	fputs(family->name, out);
	write_port_labels(out, hub, port);
	write_seconds(out, more->member.now - more->member.wg.handshake_at);
}

static void write_round_trip(FILE *out, const struct family *family, const struct hub_snapshot *hub,
	const struct port_snapshot *port, const struct metrics_port *more)
{
	if (!more->member.rtt)
		return;
	fputs(family->name, out);
	write_port_labels(out, hub, port);
	write_seconds(out, more->member.rtt);
}

static void write_session_drops(FILE *out, const struct family *family,
	const struct hub_snapshot *hub, const struct port_snapshot *port,
	const struct metrics_port *more)
{
	for (enum wg_drop drop = 0; drop < WG_DROP_COUNT; drop++) {
		if (!more->member.wg.drops[drop])
			continue;
		fputs(family->name, out);
		write_port_labels(out, hub, port);
		fprintf(out, ",reason=\"%s\"", wg_drop_name(drop));
		write_number(out, more->member.wg.drops[drop]);
	}
}

static bool is_leg(const struct metrics_port *more)
{
	return more->is_leg;
}

static bool is_member(const struct metrics_port *more)
{
	return more->is_member;
}

/* Calls write() for each port that is one of these. */
static void each(FILE *out, const struct metrics *metrics, const struct family *family,
	bool (*is)(const struct metrics_port *more),
	void (*write)(FILE *out, const struct family *family, const struct hub_snapshot *hub,
		const struct port_snapshot *port, const struct metrics_port *more))
{
	write_head(out, family->name, family->type, family->help);
	for (size_t i = 0; i < metrics->hub_count; i++) {
		const struct metrics_hub *hub = &metrics->hubs[i];

		for (size_t j = 0; j < hub->snapshot.port_count; j++)
			if (is(&hub->ports[j]))
				write(out, family, &hub->snapshot, &hub->snapshot.ports[j],
					&hub->ports[j]);
	}
}

static void write_legs(FILE *out, const struct metrics *metrics)
{
	for (size_t i = 0; i < ARRAY_SIZE(leg_families); i++)
		each(out, metrics, &leg_families[i], is_leg, write_shares);
}

static void write_strangers(FILE *out, const struct metrics *metrics)
{
	write_head(out, "lanyard_link_strangers_total", "counter",
		"Datagrams at the hub's relays that no member can be charged with, by reason.");
	for (size_t i = 0; i < metrics->hub_count; i++) {
		const struct metrics_hub *hub = &metrics->hubs[i];

		for (enum wg_drop drop = 0; hub->has_relay && drop < WG_DROP_COUNT; drop++) {
			if (!hub->strangers[drop])
				continue;
			fputs("lanyard_link_strangers_total", out);
			write_hub_labels(out, &hub->snapshot);
			fprintf(out, ",reason=\"%s\"", wg_drop_name(drop));
			write_number(out, hub->strangers[drop]);
		}
	}
}

static void write_links(FILE *out, const struct metrics *metrics)
{
	static const struct family handshake = {
		"lanyard_link_handshake_age_seconds", "gauge", "Since the last handshake."};
	static const struct family round_trip = {
		"lanyard_link_round_trip_seconds", "gauge", "There and back, as lately measured."};
	static const struct family drops = {"lanyard_link_drops_total", "counter",
		"Packets of the session that were lost, by reason; others are left out."};

	for (size_t i = 0; i < ARRAY_SIZE(member_families); i++)
		each(out, metrics, &member_families[i], is_member, write_shares);
	each(out, metrics, &handshake, is_member, write_handshake);
	each(out, metrics, &round_trip, is_member, write_round_trip);
	each(out, metrics, &drops, is_member, write_session_drops);
	write_strangers(out, metrics);
}

/* Under the names that all programs have for these. */
static void write_process(FILE *out, const struct metrics *metrics)
{
	write_head(out, "lanyard_build_info", "gauge", "Always 1; the version is a label.");
	fprintf(out, "lanyard_build_info{version=\"%s\"} 1\n", LANYARD_VERSION);
	write_head(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
	fprintf(out, "process_resident_memory_bytes %llu\n", (unsigned long long)metrics->resident);
	write_head(out, "process_cpu_seconds_total", "counter",
		"Total user and system CPU time spent in seconds.");
	fprintf(out, "process_cpu_seconds_total %.6f\n", metrics->processor);
}

char *metrics_text(const struct metrics *metrics)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	write_process(out, metrics);
	write_hub_families(out, metrics, hub_families, ARRAY_SIZE(hub_families), always);
	write_ports(out, metrics);
	write_hub_families(out, metrics, nat_families, ARRAY_SIZE(nat_families), has_nat);
	write_hub_families(out, metrics, dhcp_families, ARRAY_SIZE(dhcp_families), has_dhcp);
	write_legs(out, metrics);
	write_links(out, metrics);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}
