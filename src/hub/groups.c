/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hub/groups.h"

#include "wire/group.h"
#include "wire/icmp.h"
#include "wire/packet.h"

#define MESSAGE_MAX 1500 /* bytes of a report that are looked at */

static const struct ip all_nodes4 = {{[10] = 0xff, 0xff, 224, 0, 0, 1}};
static const struct ip all_nodes6 = {{0xff, 0x02, [15] = 1}};

static void leave(struct groups *groups, struct ip group)
{
	struct ip *joined = groups->joined;

	for (unsigned i = 0; i < groups->count; i++) {
		if (!ip_equal(joined[i], group))
			continue;
		groups->count--;
		memmove(&joined[i], &joined[i + 1], (groups->count - i) * sizeof(*joined));
		return;
	}
}

static void join(struct groups *groups, struct ip group)
{
	if (!ip_is_multicast(group))
		return;
	leave(groups, group);
	if (groups->count == GROUPS_MAX)
		leave(groups, groups->joined[0]);
	groups->joined[groups->count++] = group;
}

static struct ip read_group(struct reader *r, unsigned version)
{
	uint8_t bytes[16];

	read_copy(r, bytes, version == 4 ? 4 : 16);
	return version == 4 ? ip_from_bytes4(bytes) : ip_from_bytes6(bytes);
}

/* A group with a source that is listened to is one whose frames are wanted. */
static void note_record(
	struct groups *groups, enum group_record type, unsigned source_count, struct ip group)
{
	switch (type) {
	case GROUP_IS_EXCLUDE:
	case GROUP_TO_EXCLUDE:
		join(groups, group);
		return;
	case GROUP_IS_INCLUDE:
	case GROUP_TO_INCLUDE:
		if (source_count)
			join(groups, group);
		else
			leave(groups, group);
		return;
	case GROUP_ALLOW_SOURCES:
		join(groups, group);
		return;
	case GROUP_BLOCK_SOURCES:
		return; /* others may be left */
	}
}

/* Behind the header's first four bytes. */
static void note_records(struct groups *groups, struct reader *r, unsigned version)
{
	unsigned count;

	read_be16(r);
	count = read_be16(r);
	for (unsigned i = 0; i < count; i++) {
		uint8_t type = read_u8(r), extra = read_u8(r);
		uint16_t source_count = read_be16(r);
		struct ip group = read_group(r, version);

		read_bytes(r, source_count * (version == 4 ? 4u : 16u) + extra * 4u);
		if (r->failed)
			return;
		note_record(groups, type, source_count, group);
	}
}

static void note_igmp(struct groups *groups, struct reader *r)
{
	uint8_t type = read_u8(r);
	struct ip group;

	read_bytes(r, 3);
	if (type == IGMP3_REPORT) {
		note_records(groups, r, 4);
		return;
	}
	group = read_group(r, 4);
	if (r->failed)
		return;
	if (type == IGMP_REPORT || type == IGMP2_REPORT)
		join(groups, group);
	else if (type == IGMP2_LEAVE)
		leave(groups, group);
}

static void note_mld(struct groups *groups, struct reader *r)
{
	uint8_t type = read_u8(r);
	struct ip group;

	read_bytes(r, 3);
	if (type == ICMP6_MLD2_REPORT) {
		note_records(groups, r, 6);
		return;
	}
	read_bytes(r, 4);
	group = read_group(r, 6);
	if (r->failed)
		return;
	if (type == ICMP6_MLD_REPORT)
		join(groups, group);
	else if (type == ICMP6_MLD_DONE)
		leave(groups, group);
}

void groups_note(struct groups *groups, const struct frame *frame)
{
	uint8_t message[MESSAGE_MAX];
	struct packet p;
	struct reader r;

	memcpy(&groups->source, frame->head + sizeof(struct mac), sizeof(groups->source));
	if (packet_parse(frame->head, frame->head_len, frame->len, &p) != PACKET_OK)
		return;
	groups->speaks_ip4 |= p.version == 4 || p.ethertype == ETHERTYPE_ARP;
	groups->speaks_ip6 |= p.version == 6;
	if (p.is_fragment || (p.protocol != IP_PROTOCOL_IGMP && p.protocol != IP_PROTOCOL_ICMP6))
		return;
	r = reader_on(message, frame_copy(frame, p.l4, message, MIN(p.end - p.l4, MESSAGE_MAX)));
	if (p.version == 4 && p.protocol == IP_PROTOCOL_IGMP)
		note_igmp(groups, &r);
	else if (p.version == 6 && p.protocol == IP_PROTOCOL_ICMP6)
		note_mld(groups, &r);
}

static unsigned list_add(struct mac *macs, unsigned count, struct ip group)
{
	struct mac mac = group_mac(group);

	for (unsigned i = 0; i < count; i++) {
		if (mac_equal(macs[i], mac))
			return count;
	}
	macs[count] = mac;
	return count + 1;
}

unsigned groups_list(const struct groups *groups, struct mac ret[GROUPS_LIST_MAX])
{
	unsigned count = 0;

	if (groups->speaks_ip4)
		count = list_add(ret, count, all_nodes4);
	if (groups->speaks_ip6)
		count = list_add(ret, count, all_nodes6);
	for (unsigned i = 0; i < groups->count; i++)
		count = list_add(ret, count, groups->joined[i]);
	return count;
}
