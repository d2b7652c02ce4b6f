/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/nic/packet_filter.h"

#include "base/attr.h"
#include "base/bytes.h"
#include "wire/eth.h"

#include <linux/if_packet.h>

#define TO_AT	  0
#define FROM_AT	  6
#define TYPE_AT	  12
#define IP4_TO_AT (ETH_HEADER_LEN + 16)
#define IP6_TO_AT (ETH_HEADER_LEN + 24)
#define WHOLE	  0x40000 /* bytes to let through: all */

/* Instructions one after the other; each block below is left at its end unless it returns. */
struct program {
	struct sock_filter *code;
	unsigned count;
};

static void add(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	p->code[p->count++] = (struct sock_filter){code, jt, jf, k};
}

static void load(struct program *p, uint16_t size, uint32_t at)
{
	add(p, (uint16_t)(BPF_LD | BPF_ABS | size), at, 0, 0);
}

/* Goes on when A is k; else jumps over `over` instructions. */
static void unless_equal_skip(struct program *p, uint32_t k, uint8_t over)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, k, 0, over);
}

static void answer(struct program *p, uint32_t bytes)
{
	add(p, BPF_RET | BPF_K, bytes, 0, 0);
}

static void answer_for_mac(struct program *p, uint32_t at, struct mac mac, uint32_t bytes)
{
	load(p, BPF_W, at);
	unless_equal_skip(p, load_be32(mac.bytes), 3);
	load(p, BPF_H, at + 4);
	unless_equal_skip(p, load_be16(mac.bytes + 4), 1);
	answer(p, bytes);
}

/* IEEE 802.1D 7.12.6 keeps 01:80:c2:00:00:00 to :0f from crossing. */
static void answer_for_groups(struct program *p)
{
	load(p, BPF_B, TO_AT);
	add(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, 6);
	load(p, BPF_W, TO_AT);
	unless_equal_skip(p, 0x0180c200, 3);
	load(p, BPF_H, TO_AT + 4);
	add(p, BPF_JMP | BPF_JGE | BPF_K, 0x10, 1, 0);
	answer(p, 0);
	answer(p, WHOLE);
}

static void answer_for_type(struct program *p, uint16_t type)
{
	unless_equal_skip(p, type, 1);
	answer(p, WHOLE);
}

static void refuse_own4(struct program *p, const struct packet_filter *filter)
{
	unsigned own = 0;

	load(p, BPF_W, IP4_TO_AT);
	for (unsigned i = 0; i < filter->address_count && own < PACKET_FILTER_OWN_MAX; i++) {
		struct ip ip = filter->addresses[i].address;

		if (!ip_is_v4(ip))
			continue;
		unless_equal_skip(p, ip4_number(ip_to_v4(ip)), 1);
		answer(p, 0);
		own++;
	}
}

static void refuse_own6(struct program *p, const struct packet_filter *filter)
{
	unsigned own = 0;

	for (unsigned i = 0; i < filter->address_count && own < PACKET_FILTER_OWN_MAX; i++) {
		const uint8_t *bytes = filter->addresses[i].address.bytes;

		if (ip_is_v4(filter->addresses[i].address))
			continue;
		for (unsigned word = 0; word < 4; word++) {
			load(p, BPF_W, IP6_TO_AT + word * 4);
			unless_equal_skip(p, load_be32(bytes + word * 4), (uint8_t)(7 - word * 2));
		}
		answer(p, 0);
		own++;
	}
}

/* The block is skipped for other types; it may be longer than a conditional jump goes. */
static void for_type(struct program *p, uint16_t type,
	void (*block)(struct program *, const struct packet_filter *),
	const struct packet_filter *filter)
{
	unsigned jump;

	add(p, BPF_JMP | BPF_JEQ | BPF_K, type, 1, 0);
	jump = p->count;
	add(p, BPF_JMP | BPF_JA, 0, 0, 0);
	block(p, filter);
	answer(p, WHOLE);
	p->code[jump].k = p->count - jump - 1;
}

/* What is for the NIC's address. */
static void answer_for_nic(struct program *p, const struct packet_filter *filter)
{
	load(p, BPF_H, TYPE_AT);
	answer_for_type(p, ETHERTYPE_ARP);
	answer_for_type(p, ETHERTYPE_RARP);
	answer_for_type(p, ETHERTYPE_VLAN);
	answer_for_type(p, ETHERTYPE_SERVICE_VLAN);
	for_type(p, ETHERTYPE_IP4, refuse_own4, filter);
	for_type(p, ETHERTYPE_IP6, refuse_own6, filter);
	answer(p, 0);
}

static void answer_for_unicast(struct program *p, const struct packet_filter *filter)
{
	if (!mac_is_zero(filter->also))
		answer_for_mac(p, TO_AT, filter->also, WHOLE);
	if (!filter->is_translating) {
		answer_for_mac(p, TO_AT, filter->mac, 0);
		answer(p, WHOLE);
		return;
	}
	load(p, BPF_W, TO_AT);
	unless_equal_skip(p, load_be32(filter->mac.bytes), 2);
	load(p, BPF_H, TO_AT + 4);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, load_be16(filter->mac.bytes + 4), 1, 0);
	answer(p, 0);
	answer_for_nic(p, filter);
}

static void answer_for_host(struct program *p, const struct packet_filter *filter)
{
	answer_for_groups(p);
	answer_for_mac(p, TO_AT, filter->mac, WHOLE);
	answer(p, 0);
}

unsigned packet_filter_write(
	const struct packet_filter *filter, struct sock_filter out[PACKET_FILTER_MAX])
{
	struct program p = {.code = out};
	unsigned jump;

	load(&p, BPF_W, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
	jump = p.count;
	unless_equal_skip(&p, PACKET_OUTGOING, 0);
	answer_for_host(&p, filter);
	p.code[jump].jf = (uint8_t)(p.count - jump - 1);
	/* Our own frames, as an access point sends them back, or as the host gets them from us. */
	answer_for_mac(&p, FROM_AT, filter->mac, 0);
	answer_for_groups(&p);
	answer_for_unicast(&p, filter);
	return p.count;
}
