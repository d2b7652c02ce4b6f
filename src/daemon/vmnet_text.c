/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/vmnet_text.h"

#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define CRC32_REFLECTED 0xedb88320 /* IEEE 802.3 3.2.9, low bit first */
#define FLAGS_SIZE	96

#define USERIF_FLAGS_UP (IFF_UP | IFF_BROADCAST | IFF_MULTICAST)

/* The top 6 bits of the address's CRC-32, without its final inversion. */
void vmnet_filter_add(struct vmnet_filter *filter, struct mac group)
{
	uint32_t crc = UINT32_MAX;
	unsigned hash;

	for (size_t i = 0; i < sizeof(group.bytes); i++) {
		crc ^= group.bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CRC32_REFLECTED : 0);
	}
	hash = crc >> 26;
	filter->bytes[hash / 8] |= (uint8_t)(1 << hash % 8);
}

char *vmnet_port_name(enum vmnet_kind kind, unsigned id, char name[VMNET_NAME_SIZE])
{
	static const char *const kinds[] = {
		[VMNET_USERIF] = "userif", [VMNET_NETIF] = "netif", [VMNET_BRIDGE] = "bridge"};

	snprintf(name, VMNET_NAME_SIZE, "%s%u", kinds[kind], id);
	return name;
}

char *vmnet_slot_name(const char *hub, unsigned slot, char name[VMNET_NAME_SIZE])
{
	snprintf(name, VMNET_NAME_SIZE, "%s.%u", hub, slot);
	return name;
}

/* IFF_RUNNING always, then those that are set, in the driver's order. */
static const char *format_flags(unsigned flags, char text[FLAGS_SIZE])
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
		{IFF_UP, ",IFF_UP"},
		{IFF_BROADCAST, ",IFF_BROADCAST"},
		{IFF_DEBUG, ",IFF_DEBUG"},
		{IFF_PROMISC, ",IFF_PROMISC"},
		{IFF_MULTICAST, ",IFF_MULTICAST"},
		{IFF_ALLMULTI, ",IFF_ALLMULTI"},
	};

	strcpy(text, "IFF_RUNNING");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (flags & names[i].flag)
			strcat(text, names[i].name);
	}
	return text;
}

/* What all ports' files begin with; returns its length. */
static size_t write_head(char text[VMNET_TEXT_SIZE], const struct port_snapshot *port,
	const char *slot, const struct vmnet_interface *interface)
{
	const uint8_t *f = interface->filter.bytes;
	char mac[MAC_TEXT_SIZE], flags[FLAGS_SIZE];

	return (size_t)snprintf(text, VMNET_TEXT_SIZE,
		"connected %s mac %s ladrf %02x:%02x:%02x:%02x:%02x:%02x:%02x:%02x flags %s ", slot,
		mac_format(port->mac, mac), f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7],
		format_flags(interface->flags, flags));
}

char *vmnet_slot_text(
	const struct port_snapshot *port, const char *peer, char text[VMNET_TEXT_SIZE])
{
	snprintf(text, VMNET_TEXT_SIZE, "connected %s tx %" PRIu32 " \n", peer,
		(uint32_t)port->slot_frames);
	return text;
}

/*
 * queued and the four reasons add up to the frames that entered the hub through all other slots
 * while the port was there. What a gateway or a service itself throws away, it was given before:
 * that is queued.
 */
struct received {
	uint64_t down, mismatch, overflow, too_large, queued;
};

static struct received count_received(const struct port_snapshot *port)
{
	const uint64_t *drops = port->out.drops;
	struct received r = {
		.down = drops[DROP_LINK_DOWN],
		.mismatch = port->mismatch + drops[DROP_POLICY] + drops[DROP_LOOP],
		.overflow = drops[DROP_QUEUE_FULL] + drops[DROP_IO] + drops[DROP_NO_MEMORY] +
			    drops[DROP_IMPAIRED],
		.too_large = drops[DROP_GIANT],
	};
	uint64_t lost = r.down + r.overflow + r.too_large + drops[DROP_POLICY] + drops[DROP_LOOP];

	r.queued = port->out.frames > lost ? port->out.frames - lost : 0;
	return r;
}

/* A port of which no groups are known is let through what the hub lets through: every one. */
static struct vmnet_interface interface_of(const struct port_snapshot *port)
{
	struct vmnet_interface interface = {0};

	for (unsigned i = 0; i < port->group_count; i++)
		vmnet_filter_add(&interface.filter, port->groups[i]);
	if (!port->is_down)
		interface.flags = USERIF_FLAGS_UP | (port->group_count ? 0 : IFF_ALLMULTI);
	return interface;
}

char *vmnet_userif_text(
	const struct port_snapshot *port, const char *slot, char text[VMNET_TEXT_SIZE])
{
	const struct vmnet_interface interface = interface_of(port);
	struct received r = count_received(port);
	size_t used = write_head(text, port, slot, &interface);

	/* dropped.down holds what the port said while it was down as well. */
	snprintf(text + used, VMNET_TEXT_SIZE - used,
		"read %" PRIu32 " written %" PRIu32 " queued %" PRIu32 " dropped.down %" PRIu32
		" dropped.mismatch %" PRIu32 " dropped.overflow %" PRIu32
		" dropped.largePacket %" PRIu32 "\n",
		(uint32_t)r.queued, (uint32_t)port->in.frames, (uint32_t)r.queued,
		(uint32_t)(r.down + port->in.drops[DROP_LINK_DOWN]), (uint32_t)r.mismatch,
		(uint32_t)r.overflow, (uint32_t)r.too_large);
	return text;
}

char *vmnet_netif_text(const struct port_snapshot *port, const char *slot,
	const struct vmnet_interface *interface, char text[VMNET_TEXT_SIZE])
{
	size_t used = write_head(text, port, slot, interface);

	snprintf(text + used, VMNET_TEXT_SIZE - used, "dev %s \n", port->interface);
	return text;
}
