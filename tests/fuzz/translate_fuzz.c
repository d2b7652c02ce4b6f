/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MAC translation between guests and a wire that say anything. Input: a byte of options, then
 * frames: what is to be done (enum deed and bits of enum how), a length, the bytes.
 *
 * Whatever crosses: it keeps its length (but for proxied DHCP); no guest's MAC address leaves, as
 * source or in ARP or Neighbour Discovery; checksums that were right are right. The checks parse
 * for themselves.
 */
#include "base/bytes.h"
#include "port/nic/mac_translate.h"

#include <stdlib.h>

#define GUESTS	   3
#define FRAME_SIZE 4096

enum deed {
	DEED_OUT,
	DEED_IN,
	DEED_HOST,
	DEED_TIME,
	DEED_RUN,
	DEED_ANNOUNCE,
	DEED_FORGET,
	DEED_NIC,
	DEED_COUNT,
};

enum how {
	HOW_MADE_RIGHT = 0x10, /* lengths and checksums */
	HOW_SCATTERED = 0x20,
	HOW_OFFLOADED = 0x40,
	HOW_TO_NIC = 0x80,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct mac nic = {{2, 0, 0, 0, 0, 0xaa}};

static struct world {
	struct mac_translate *translate;
	struct mac mac;
	nsec now;
	bool is_proxy;
} world;

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static struct mac guest_mac(unsigned n)
{
	return (struct mac){{2, 0, 0, 0, 1, (uint8_t)(n % GUESTS)}};
}

static bool is_guest(const uint8_t *bytes)
{
	for (unsigned i = 0; i < GUESTS; i++) {
		struct mac mac = guest_mac(i);

		if (!memcmp(bytes, &mac, sizeof(mac)))
			return true;
	}
	return false;
}

/* Where the packet is, behind at most two tags; *ret_type: what it is. 0: nowhere. */
static uint32_t l3_of(const uint8_t *bytes, uint32_t len, uint16_t *ret_type)
{
	uint32_t at = 12;

	for (unsigned tags = 0; at + 2 <= len; tags++, at += 4) {
		*ret_type = load_be16(bytes + at);
		if ((*ret_type != 0x8100 && *ret_type != 0x88a8) || tags == 2)
			return at + 2;
	}
	return 0;
}

static void check_arp(const uint8_t *arp, uint32_t len)
{
	check(len >= 28);
	check(!memcmp(arp + 8, &world.mac, 6));
	check(!is_guest(arp + 18));
}

struct layer4 {
	uint8_t protocol;
	uint32_t at, len; /* in the packet */
};

static bool is_extension(uint8_t protocol)
{
	return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60;
}

static bool find_layer4_6(const uint8_t *ip, uint32_t len, struct layer4 *ret)
{
	uint32_t at = 40, end = 40u + load_be16(ip + 4);
	uint8_t protocol = ip[6];

	while (end <= len && is_extension(protocol) && at + 8 <= end) {
		bool is_fragment = protocol == 44;

		if (is_fragment && load_be16(ip + at + 2) & 0xfff9)
			return false;
		protocol = ip[at];
		at += is_fragment ? 8 : (ip[at + 1] + 1u) * 8;
	}
	if (end > len || at + 8 > end || is_extension(protocol))
		return false;
	*ret = (struct layer4){protocol, at, end - at};
	return true;
}

static bool find_layer4_4(const uint8_t *ip, uint32_t len, struct layer4 *ret)
{
	uint32_t at = (ip[0] & 15u) * 4, end = load_be16(ip + 2);

	if (end > len || at < 20 || at + 8 > end || load_be16(ip + 6) & 0x3fff)
		return false;
	*ret = (struct layer4){ip[9], at, end - at};
	return true;
}

/* Of a packet that is whole, with at least eight bytes of it. */
static bool find_layer4(const uint8_t *ip, uint32_t len, uint16_t type, struct layer4 *ret)
{
	if (type == 0x86dd && len >= 40 && ip[0] >> 4 == 6)
		return find_layer4_6(ip, len, ret);
	return type == 0x0800 && len >= 20 && ip[0] >> 4 == 4 && find_layer4_4(ip, len, ret);
}

static uint32_t slow_sum(uint32_t sum, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t sum_of(const uint8_t *ip, uint16_t type, const struct layer4 *l4)
{
	uint32_t sum = slow_sum(
		l4->protocol + l4->len, ip + (type == 0x0800 ? 12 : 8), type == 0x0800 ? 8 : 32);

	return slow_sum(sum, ip + l4->at, l4->len);
}

static bool has_sum(const struct layer4 *l4)
{
	return l4->protocol == 58 || l4->protocol == 17;
}

static bool sums_are_right(const uint8_t *ip, uint32_t len, uint16_t type)
{
	struct layer4 l4;

	if (type == 0x0800 && len >= 20 && (ip[0] & 15u) * 4 <= len &&
		slow_sum(0, ip, (ip[0] & 15u) * 4) != 0xffff)
		return false;
	if (!find_layer4(ip, len, type, &l4) || !has_sum(&l4))
		return true;
	if (l4.protocol == 17 && !load_be16(ip + l4.at + 6))
		return true;
	if (l4.protocol == 17 && load_be16(ip + l4.at + 4) != l4.len)
		return true;
	return sum_of(ip, type, &l4) == 0xffff;
}

static void check_discovery(const uint8_t *icmp, uint32_t len)
{
	static const uint8_t fixed[] = {8, 16, 24, 24, 40};
	uint32_t at;

	if (icmp[0] < 133 || icmp[0] > 137)
		return;
	at = fixed[icmp[0] - 133];
	while (at + 8 <= len && icmp[at + 1]) {
		if (icmp[at] == 1 || icmp[at] == 2)
			check(!is_guest(icmp + at + 2) && icmp[at + 1] == 1);
		at += icmp[at + 1] * 8u;
	}
	check(at == len);
}

static void check_left(const uint8_t *bytes, uint32_t len)
{
	struct layer4 l4;
	uint16_t type;
	uint32_t l3 = l3_of(bytes, len, &type);

	check(l3 && !memcmp(bytes + 6, &world.mac, 6));
	if (type == 0x0806)
		check_arp(bytes + l3, len - l3);
	if (find_layer4(bytes + l3, len - l3, type, &l4) && l4.protocol == 58)
		check_discovery(bytes + l3 + l4.at, l4.len);
}

static void check_arrived(const uint8_t *bytes, uint32_t len)
{
	check(len >= 14);
	/* To a group, or to somebody of ours: never to the NIC itself. */
	check(memcmp(bytes, &world.mac, 6) != 0);
}

static void emit(void *, enum translate_side to, const struct frame *frame)
{
	uint8_t bytes[256];
	uint32_t len = frame_copy(frame, 0, bytes, sizeof(bytes)), l3;
	uint16_t type;

	check(len == frame->len && len >= 60);
	l3 = l3_of(bytes, len, &type);
	check(sums_are_right(bytes + l3, len - l3, type));
	check(to == TRANSLATE_HUB || to == TRANSLATE_WIRE);
	check_left(bytes, len);
}

static void on_event(void *, const struct translate_event *event)
{
	check(event->kind <= TRANSLATE_FULL);
}

/* What the frame says of its lengths and checksums, as its length has it. */
static void make_right(uint8_t *bytes, uint32_t len)
{
	struct layer4 l4;
	uint16_t type, sum;
	uint32_t l3 = l3_of(bytes, len, &type);
	uint8_t *ip = bytes + l3;

	if (type == 0x0800 && len >= l3 + 20) {
		ip[0] = 0x45;
		store_be16(ip + 2, (uint16_t)(len - l3));
		store_be16(ip + 10, 0);
		store_be16(ip + 10, (uint16_t)~slow_sum(0, ip, 20));
	} else if (type == 0x86dd && len >= l3 + 40) {
		ip[0] = 0x60;
		store_be16(ip + 4, (uint16_t)(len - l3 - 40));
	}
	if (!l3 || !find_layer4(ip, len - l3, type, &l4) || !has_sum(&l4))
		return;
	if (l4.protocol == 17)
		store_be16(ip + l4.at + 4, (uint16_t)l4.len);
	store_be16(ip + l4.at + (l4.protocol == 17 ? 6 : 2), 0);
	sum = (uint16_t)~sum_of(ip, type, &l4);
	store_be16(ip + l4.at + (l4.protocol == 17 ? 6 : 2), sum ? sum : 0xffff);
}

static struct offload take_offload(struct reader *input)
{
	return (struct offload){.needs_checksum = true,
		.checksum_start = read_u8(input),
		.checksum_offset = read_u8(input)};
}

static bool is_dhcp(const uint8_t *ip, uint32_t len, uint16_t type)
{
	struct layer4 l4;

	return find_layer4(ip, len, type, &l4) && l4.protocol == 17 &&
	       load_be16(ip + l4.at + 2) == 67;
}

/* As whoever comes next does it. */
static void fill_checksum(const struct offload *offload, uint8_t *bytes, uint32_t len)
{
	uint32_t start = offload->checksum_start;

	if (offload->needs_checksum)
		store_be16(bytes + start + offload->checksum_offset,
			(uint16_t)~slow_sum(0, bytes + start, len - start));
}

static void check_crossed(const struct frame *frame, const uint8_t *before,
	const struct translated *translated, bool is_out)
{
	static uint8_t after[FRAME_SIZE + TRANSLATED_MAX];
	uint16_t type, type_after;
	uint32_t l3 = l3_of(before, frame->len, &type), len;

	check(translated->replaces <= frame->len && translated->len <= TRANSLATED_MAX);
	memcpy(after, translated->bytes, translated->len);
	frame_copy(frame, translated->replaces, after + translated->len, FRAME_SIZE);
	len = translated->len + frame->len - translated->replaces;
	check(l3_of(after, len, &type_after) == l3 && type_after == type);
	if (len != frame->len)
		check(is_out && world.is_proxy && is_dhcp(before + l3, frame->len - l3, type));
	if (!frame->offload.needs_checksum && sums_are_right(before + l3, frame->len - l3, type))
		check(sums_are_right(after + l3, len - l3, type));
	fill_checksum(&frame->offload, after, len);
	if (is_out)
		check_left(after, len);
	else
		check_arrived(after, len);
}

static void cross(struct reader *input, uint8_t how, enum deed deed)
{
	static struct translated translated;
	static uint8_t bytes[FRAME_SIZE];
	uint8_t guest = read_u8(input);
	struct mac mac = deed == DEED_OUT ? guest_mac(guest) : world.mac;
	uint32_t len = read_be16(input) % FRAME_SIZE;
	struct frame frame = frame_linear(bytes, (uint32_t)MIN(len, reader_left(input)));
	enum translate_verdict verdict;
	struct iovec body;

	if (how & HOW_OFFLOADED)
		frame.offload = take_offload(input);
	frame.len = frame.head_len = (uint32_t)MIN(frame.len, reader_left(input));
	read_copy(input, bytes, frame.len);
	if (frame.len >= 14 && deed != DEED_IN)
		memcpy(bytes + 6, &mac, sizeof(mac));
	if (frame.len >= 14 && (how & HOW_TO_NIC))
		memcpy(bytes, &world.mac, sizeof(mac));
	if (frame.len >= 14 && (how & HOW_MADE_RIGHT))
		make_right(bytes, frame.len);
	if ((how & HOW_SCATTERED) && frame.len > FRAME_HEAD_MIN) {
		body = (struct iovec){bytes + FRAME_HEAD_MIN, frame.len - FRAME_HEAD_MIN};
		frame.head_len = FRAME_HEAD_MIN;
		frame.body = &body;
		frame.body_count = 1;
	}
	if (!frame_is_sound(&frame))
		return; /* the hub has refused it */
	if (deed == DEED_OUT)
		verdict = translate_out(world.translate, &frame, &translated, world.now);
	else
		verdict = translate_in(world.translate,
			deed == DEED_IN ? TRANSLATE_WIRE : TRANSLATE_HOST, &frame, &translated,
			world.now);
	if (verdict == TRANSLATE_PASS)
		check_crossed(&frame, bytes, &translated, deed == DEED_OUT);
	if (verdict == TRANSLATE_DROP)
		check(translated.reason < DROP_COUNT);
}

static void set_nic(uint8_t n)
{
	static const char *const texts[] = {
		"10.0.0.2/24", "fe80::aa/64", "fd00::2/64", "10.0.0.9/32"};
	struct ip_prefix addresses[ARRAY_SIZE(texts)];

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		check(prefix_parse(texts[i], &addresses[i]));
	world.mac = nic;
	world.mac.bytes[1] = n >> 4;
	mac_translate_set_nic(world.translate, world.mac, addresses, n % (ARRAY_SIZE(texts) + 1));
}

static void act(struct reader *input)
{
	struct machine *machine = mac_translate_machine(world.translate);
	uint8_t how = read_u8(input);
	enum deed deed = (how & 15) % DEED_COUNT;

	switch (deed) {
	case DEED_OUT:
	case DEED_IN:
	case DEED_HOST:
		cross(input, how, deed);
		return;
	case DEED_TIME:
		world.now += read_be16(input) * (NSEC_PER_SEC / 16);
		return;
	case DEED_RUN:
		check(machine->run(machine, world.now) > 0);
		return;
	case DEED_ANNOUNCE:
		mac_translate_announce(world.translate);
		return;
	case DEED_FORGET:
		mac_translate_forget(world.translate, guest_mac(read_u8(input)));
		return;
	case DEED_NIC:
		set_nic(read_u8(input));
		return;
	case DEED_COUNT:
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct hash_key key = {3, 4};
	struct reader input = reader_on(bytes, len);
	uint8_t options = read_u8(&input);
	const struct mac_translate_settings settings = {
		.dhcp = options & 1 ? TRANSLATE_DHCP_PROXY : TRANSLATE_DHCP_BROADCAST,
		.serves_host = options & 2,
		.bindings_max = options & 4 ? 3 : 0,
		.member_bindings_max = options & 8 ? 2 : 0,
		.emit = emit,
		.on_event = on_event,
	};

	world = (struct world){.translate = mac_translate_new(&settings, &key),
		.now = NSEC_PER_SEC,
		.is_proxy = options & 1};
	check(world.translate);
	set_nic(3);
	while (reader_left(&input))
		act(&input);
	mac_translate_free(world.translate);
	return 0;
}
