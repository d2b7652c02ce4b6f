/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/dhcp.h"

#define COOKIE	       0x63825363 /* RFC 2131 3 */
#define HTYPE_ETHERNET 1
#define FLAG_BROADCAST 0x8000
#define SNAME_AT       44
#define SNAME_LEN      64
#define FILE_AT	       108
#define FILE_LEN       128
#define OVERLOAD_FILE  1
#define OVERLOAD_SNAME 2
#define LABEL_MAX      63
#define LABEL_POINTER  0xc0 /* RFC 1035 4.1.4 */

/*
 * All options sorted by code; the pieces of one that was split, or put into the file and sname
 * fields, lie joined in the order of RFC 3396 5.
 */
struct options {
	uint16_t at[257]; /* option c: bytes[at[c]] up to bytes[at[c + 1]] */
	uint8_t bytes[DHCP_MESSAGE_MAX];
	bool failed; /* one was shorter than what it has to say */
};

struct option {
	uint8_t code, len;
	const uint8_t *bytes;
};

static bool next_option(struct reader *area, struct option *ret)
{
	do {
		if (!reader_left(area))
			return false; /* without an END: common, and harmless */
		ret->code = read_u8(area);
	} while (ret->code == DHCP_OPTION_PAD);
	if (ret->code == DHCP_OPTION_END)
		return false;
	ret->len = read_u8(area);
	ret->bytes = read_bytes(area, ret->len);
	return !area->failed;
}

static uint8_t find_overload(struct reader area)
{
	struct option option;

	while (next_option(&area, &option))
		if (option.code == DHCP_OPTION_OVERLOAD && option.len)
			return option.bytes[0];
	return 0;
}

static unsigned option_areas(const uint8_t *message, size_t len, struct reader areas[3])
{
	unsigned count = 0;
	uint8_t overload;

	areas[count++] = reader_on(message + DHCP_HEADER_LEN, len - DHCP_HEADER_LEN);
	overload = find_overload(areas[0]);
	if (overload & OVERLOAD_FILE)
		areas[count++] = reader_on(message + FILE_AT, FILE_LEN);
	if (overload & OVERLOAD_SNAME)
		areas[count++] = reader_on(message + SNAME_AT, SNAME_LEN);
	return count;
}

static bool sort_options(const uint8_t *message, size_t len, struct options *ret)
{
	struct reader areas[3], area;
	unsigned count = option_areas(message, len, areas);
	uint16_t fill[256];
	struct option option;

	memset(ret->at, 0, sizeof(ret->at));
	ret->failed = false;
	for (unsigned i = 0; i < count; i++) {
		area = areas[i];
		while (next_option(&area, &option))
			ret->at[option.code + 1] += option.len;
		if (area.failed)
			return false;
	}
	for (unsigned code = 0; code < 256; code++) {
		fill[code] = ret->at[code];
		ret->at[code + 1] += ret->at[code];
	}
	for (unsigned i = 0; i < count; i++) {
		while (next_option(&areas[i], &option)) {
			memcpy(ret->bytes + fill[option.code], option.bytes, option.len);
			fill[option.code] += option.len;
		}
	}
	return true;
}

static struct reader option_reader(const struct options *options, enum dhcp_option code)
{
	unsigned at = options->at[code];

	return reader_on(options->bytes + at, options->at[code + 1] - at);
}

/* len bytes as a number; 0 when the option is not there. Said twice, the first counts. */
static uint32_t option_number(struct options *options, enum dhcp_option code, unsigned len)
{
	struct reader r = option_reader(options, code);
	uint32_t number = 0;

	if (!reader_left(&r))
		return 0;
	while (len--)
		number = number << 8 | read_u8(&r);
	options->failed |= r.failed;
	return number;
}

static struct ip4 option_address(struct options *options, enum dhcp_option code)
{
	return ip4_from_number(option_number(options, code, 4));
}

static uint8_t option_addresses(
	struct options *options, enum dhcp_option code, struct ip4 ret[DHCP_ADDRESSES_MAX])
{
	struct reader r = option_reader(options, code);
	uint8_t count = 0;

	options->failed |= reader_left(&r) % 4 != 0;
	while (reader_left(&r) >= 4 && count < DHCP_ADDRESSES_MAX)
		read_copy(&r, &ret[count++].be, 4);
	return count;
}

static bool is_name_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '_' || c == '.';
}

/* Names go into files and onto screens: one that holds anything else is as good as none. */
static void option_name(
	const struct options *options, enum dhcp_option code, char *ret, size_t size)
{
	struct reader r = option_reader(options, code);
	size_t len = reader_left(&r);

	while (len && !r.at[len - 1]) /* RFC 2132 2: some end a text with a NUL */
		len--;
	if (len >= size)
		len = 0;
	for (size_t i = 0; i < len; i++)
		if (!is_name_byte(r.at[i]))
			len = 0;
	memcpy(ret, r.at, len);
	ret[len] = '\0';
}

static void read_text(const uint8_t *bytes, size_t len, char *ret, size_t size)
{
	size_t i;

	for (i = 0; i < MIN(len, size - 1) && bytes[i]; i++)
		ret[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '?';
	ret[i] = '\0';
}

static void option_text(
	const struct options *options, enum dhcp_option code, char *ret, size_t size)
{
	struct reader r = option_reader(options, code);

	read_text(r.at, reader_left(&r), ret, size);
}

static void write_label(struct writer *w, const uint8_t *label, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (!is_name_byte(label[i]) || label[i] == '.')
			w->failed = true;
	write_bytes(w, label, len);
}

/* One name of RFC 3397. A pointer may only go further back than all before it, so this ends. */
static bool read_search_name(struct reader *r, const uint8_t *start, struct writer *w)
{
	struct reader name = *r;
	const uint8_t *lowest = r->at, *to;
	bool has_jumped = false;
	unsigned labels;
	uint8_t len;

	for (labels = 0; (len = read_u8(&name)) && !w->failed; labels++) {
		if (len >= LABEL_POINTER) {
			to = start + ((len & ~LABEL_POINTER) << 8 | read_u8(&name));
			if (!has_jumped)
				*r = name;
			has_jumped = true;
			if (name.failed || to >= lowest)
				return false;
			name.at = lowest = to;
			len = read_u8(&name);
			if (!len || len >= LABEL_POINTER)
				return false; /* no writer points at a pointer or the root */
		}
		if (len > LABEL_MAX || reader_left(&name) < len)
			return false;
		if (labels)
			write_u8(w, '.');
		write_label(w, read_bytes(&name, len), len);
	}
	if (!has_jumped)
		*r = name;
	return labels && !name.failed && !w->failed;
}

static void option_search(const struct options *options, char ret[DHCP_SEARCH_SIZE])
{
	struct reader r = option_reader(options, DHCP_OPTION_SEARCH);
	struct writer w = writer_on(ret, DHCP_SEARCH_SIZE - 1);
	const uint8_t *start = r.at, *good = w.at;

	while (reader_left(&r)) {
		if (writer_len(&w))
			write_u8(&w, ' ');
		if (!read_search_name(&r, start, &w))
			break;
		good = w.at;
	}
	ret[good - w.start] = '\0';
}

static uint8_t option_routes(struct options *options, struct dhcp_route ret[DHCP_ROUTES_MAX])
{
	struct reader r = option_reader(options, DHCP_OPTION_ROUTES);
	uint8_t count = 0;

	while (reader_left(&r) && count < DHCP_ROUTES_MAX) {
		struct dhcp_route *route = &ret[count++];

		*route = (struct dhcp_route){.len = read_u8(&r)};
		if (route->len > 32) {
			options->failed = true;
			break;
		}
		read_copy(&r, &route->to.be, (route->len + 7) / 8);
		read_copy(&r, &route->via.be, 4);
	}
	options->failed |= r.failed;
	return options->failed ? 0 : count;
}

static void option_client_id(struct options *options, struct dhcp_client_id *ret)
{
	struct reader r = option_reader(options, DHCP_OPTION_CLIENT_ID);
	size_t len = reader_left(&r);

	if (len > DHCP_CLIENT_ID_MAX) {
		options->failed = true;
		return;
	}
	ret->len = len;
	read_copy(&r, ret->bytes, len);
}

static void option_wanted(const struct options *options, struct dhcp_message *m)
{
	struct reader r = option_reader(options, DHCP_OPTION_WANTED);

	m->wanted_count = MIN(reader_left(&r), sizeof(m->wanted));
	read_copy(&r, m->wanted, m->wanted_count);
}

static bool read_header(struct reader *r, struct dhcp_message *m)
{
	uint8_t hardware_type, hardware_len;

	m->op = read_u8(r);
	hardware_type = read_u8(r);
	hardware_len = read_u8(r);
	read_u8(r); /* hops: only relays count them */
	m->xid = read_be32(r);
	m->seconds = read_be16(r);
	m->wants_broadcast = read_be16(r) & FLAG_BROADCAST;
	read_copy(r, &m->client.be, 4);
	read_copy(r, &m->yours.be, 4);
	read_copy(r, &m->next.be, 4);
	read_copy(r, &m->relay.be, 4);
	read_copy(r, &m->mac, sizeof(m->mac));
	read_bytes(r, 16 - sizeof(m->mac) + SNAME_LEN + FILE_LEN);
	return read_be32(r) == COOKIE && (m->op == BOOT_REQUEST || m->op == BOOT_REPLY) &&
	       hardware_type == HTYPE_ETHERNET && hardware_len == sizeof(m->mac) &&
	       !mac_is_group(m->mac) && !mac_is_zero(m->mac);
}

static void read_options(struct options *o, struct dhcp_message *m)
{
	m->type = option_number(o, DHCP_OPTION_TYPE, 1);
	m->mask = option_address(o, DHCP_OPTION_MASK);
	m->broadcast = option_address(o, DHCP_OPTION_BROADCAST);
	m->requested = option_address(o, DHCP_OPTION_REQUESTED);
	m->server = option_address(o, DHCP_OPTION_SERVER);
	m->lease_time = option_number(o, DHCP_OPTION_LEASE, 4);
	m->renew_time = option_number(o, DHCP_OPTION_RENEW, 4);
	m->rebind_time = option_number(o, DHCP_OPTION_REBIND, 4);
	m->mtu = option_number(o, DHCP_OPTION_MTU, 2);
	m->max_size = option_number(o, DHCP_OPTION_MAX_SIZE, 2);
	m->router_count = option_addresses(o, DHCP_OPTION_ROUTERS, m->routers);
	m->dns_count = option_addresses(o, DHCP_OPTION_DNS, m->dns);
	m->route_count = option_routes(o, m->routes);
	option_client_id(o, &m->client_id);
	option_wanted(o, m);
	option_name(o, DHCP_OPTION_NAME, m->name, sizeof(m->name));
	option_name(o, DHCP_OPTION_DOMAIN, m->domain, sizeof(m->domain));
	option_search(o, m->search);
	option_text(o, DHCP_OPTION_BOOT_SERVER, m->boot_server, sizeof(m->boot_server));
	option_text(o, DHCP_OPTION_BOOT_FILE, m->boot_file, sizeof(m->boot_file));
	option_text(o, DHCP_OPTION_TEXT, m->explanation, sizeof(m->explanation));
}

bool dhcp_parse(const void *bytes, size_t len, struct dhcp_message *ret)
{
	struct dhcp_message message = {0};
	struct reader r = reader_on(bytes, len);
	struct options options;

	if (len > DHCP_MESSAGE_MAX || !read_header(&r, &message) ||
		!sort_options(bytes, len, &options))
		return false;
	read_options(&options, &message);
	if (options.failed)
		return false;
	if (!(option_number(&options, DHCP_OPTION_OVERLOAD, 1) & OVERLOAD_FILE))
		read_text((const uint8_t *)bytes + FILE_AT, FILE_LEN, message.file,
			sizeof(message.file));
	*ret = message;
	return true;
}

/* Where options go, in the order they are filled: the options field, file, sname. */
struct option_writer {
	struct writer areas[3];
};

static void write_option(
	struct option_writer *o, enum dhcp_option code, const void *bytes, size_t len)
{
	size_t needed = len + 2 * ((len + 254) / 255);
	const uint8_t *from = bytes;
	struct writer *w = NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(o->areas) && !w; i++)
		if ((size_t)(o->areas[i].end - o->areas[i].at) >= needed)
			w = &o->areas[i];
	for (size_t piece; w && len; len -= piece, from += piece) {
		piece = MIN(len, 255); /* RFC 3396 6: the rest under the same code again */
		write_u8(w, code);
		write_u8(w, piece);
		write_bytes(w, from, piece);
	}
}

static void write_number(
	struct option_writer *o, enum dhcp_option code, uint32_t number, unsigned len)
{
	uint8_t bytes[4];

	store_be32(bytes, number);
	if (number)
		write_option(o, code, bytes + 4 - len, len);
}

static void write_address(struct option_writer *o, enum dhcp_option code, struct ip4 address)
{
	write_number(o, code, ip4_number(address), 4);
}

static void write_text(struct option_writer *o, enum dhcp_option code, const char *text)
{
	write_option(o, code, text, strlen(text));
}

static void write_routes(struct option_writer *o, const struct dhcp_message *m)
{
	uint8_t bytes[DHCP_ROUTES_MAX * 9];
	struct writer w = writer_on(bytes, sizeof(bytes));

	for (unsigned i = 0; i < m->route_count; i++) {
		write_u8(&w, m->routes[i].len);
		write_bytes(&w, &m->routes[i].to.be, (m->routes[i].len + 7) / 8);
		write_bytes(&w, &m->routes[i].via.be, 4);
	}
	write_option(o, DHCP_OPTION_ROUTES, bytes, writer_len(&w));
}

/* Tails of names that are already written, and where: for RFC 1035 4.1.4. */
struct tails {
	struct {
		const char *text;
		size_t len;
		uint16_t at;
	} list[64];
	unsigned count;
};

static bool write_pointer(struct writer *w, const struct tails *tails, const char *text, size_t len)
{
	for (unsigned i = 0; i < tails->count; i++) {
		if (tails->list[i].len != len || memcmp(tails->list[i].text, text, len) != 0)
			continue;
		write_be16(w, LABEL_POINTER << 8 | tails->list[i].at);
		return true;
	}
	return false;
}

static void write_search_name(struct writer *w, struct tails *tails, const char *text, size_t len)
{
	while (len) {
		const char *dot = memchr(text, '.', len);
		size_t label_len = dot ? (size_t)(dot - text) : len,
		       step = label_len + (dot != NULL);

		if (write_pointer(w, tails, text, len))
			return;
		if (!label_len || label_len > LABEL_MAX) {
			w->failed = true;
			return;
		}
		if (tails->count < ARRAY_SIZE(tails->list)) {
			tails->list[tails->count].text = text;
			tails->list[tails->count].len = len;
			tails->list[tails->count++].at = writer_len(w);
		}
		write_u8(w, label_len);
		write_bytes(w, text, label_len);
		text += step;
		len -= step;
	}
	write_u8(w, 0);
}

/* Names that cannot be said as DNS names end the list. */
static void write_search(struct option_writer *o, const char *names)
{
	uint8_t bytes[DHCP_SEARCH_SIZE + 64];
	struct writer w = writer_on(bytes, sizeof(bytes)), good = w;
	struct tails tails = {.count = 0};

	while (*names) {
		size_t len = strcspn(names, " ");

		if (len)
			write_search_name(&w, &tails, names, len);
		if (w.failed)
			break;
		good = w;
		names += len + (names[len] == ' ');
	}
	write_option(o, DHCP_OPTION_SEARCH, bytes, writer_len(&good));
}

static void write_header(struct writer *w, const struct dhcp_message *m)
{
	size_t file_len = strlen(m->file);

	write_u8(w, m->op);
	write_u8(w, HTYPE_ETHERNET);
	write_u8(w, sizeof(m->mac));
	write_u8(w, 0);
	write_be32(w, m->xid);
	write_be16(w, m->seconds);
	write_be16(w, m->wants_broadcast ? FLAG_BROADCAST : 0);
	write_bytes(w, &m->client.be, 4);
	write_bytes(w, &m->yours.be, 4);
	write_bytes(w, &m->next.be, 4);
	write_bytes(w, &m->relay.be, 4);
	write_bytes(w, &m->mac, sizeof(m->mac));
	write_zeros(w, 16 - sizeof(m->mac) + SNAME_LEN);
	write_bytes(w, m->file, file_len);
	write_zeros(w, FILE_LEN - file_len);
	write_be32(w, COOKIE);
}

/* In the order in which they would be missed. */
static void write_options(struct option_writer *o, const struct dhcp_message *m)
{
	write_number(o, DHCP_OPTION_TYPE, m->type, 1);
	write_address(o, DHCP_OPTION_SERVER, m->server);
	write_option(o, DHCP_OPTION_CLIENT_ID, m->client_id.bytes, m->client_id.len);
	write_address(o, DHCP_OPTION_REQUESTED, m->requested);
	write_number(o, DHCP_OPTION_LEASE, m->lease_time, 4);
	write_number(o, DHCP_OPTION_RENEW, m->renew_time, 4);
	write_number(o, DHCP_OPTION_REBIND, m->rebind_time, 4);
	write_address(o, DHCP_OPTION_MASK, m->mask);
	write_option(o, DHCP_OPTION_ROUTERS, m->routers, m->router_count * 4u);
	write_option(o, DHCP_OPTION_DNS, m->dns, m->dns_count * 4u);
	write_text(o, DHCP_OPTION_BOOT_SERVER, m->boot_server);
	write_text(o, DHCP_OPTION_BOOT_FILE, m->boot_file);
	write_number(o, DHCP_OPTION_MAX_SIZE, m->max_size, 2);
	write_option(o, DHCP_OPTION_WANTED, m->wanted, m->wanted_count);
	write_number(o, DHCP_OPTION_MTU, m->mtu, 2);
	write_address(o, DHCP_OPTION_BROADCAST, m->broadcast);
	write_text(o, DHCP_OPTION_NAME, m->name);
	write_text(o, DHCP_OPTION_DOMAIN, m->domain);
	write_routes(o, m);
	write_search(o, m->search);
	write_text(o, DHCP_OPTION_TEXT, m->explanation);
}

/* Says which fields hold options, and ends each that does. */
static void write_ends(struct option_writer *o)
{
	uint8_t overload = 0;

	if (writer_len(&o->areas[1]))
		overload |= OVERLOAD_FILE;
	if (writer_len(&o->areas[2]))
		overload |= OVERLOAD_SNAME;
	o->areas[0].end += 4;
	write_number(o, DHCP_OPTION_OVERLOAD, overload, 1);
	write_u8(&o->areas[0], DHCP_OPTION_END);
	for (unsigned i = 1; i < ARRAY_SIZE(o->areas); i++) {
		o->areas[i].end++;
		if (writer_len(&o->areas[i]))
			write_u8(&o->areas[i], DHCP_OPTION_END);
	}
}

size_t dhcp_write(const struct dhcp_message *message, uint8_t *out, size_t size)
{
	struct writer header = writer_on(out, DHCP_HEADER_LEN);
	struct option_writer options = {{
		writer_on(out + DHCP_HEADER_LEN, size - DHCP_HEADER_LEN - 4), /* overload and end */
		writer_on(out + FILE_AT, message->file[0] ? 0 : FILE_LEN - 1),
		writer_on(out + SNAME_AT, SNAME_LEN - 1),
	}};

	memset(out, 0, size);
	write_header(&header, message);
	write_options(&options, message);
	write_ends(&options);
	return MAX(DHCP_HEADER_LEN + writer_len(&options.areas[0]), DHCP_MESSAGE_MIN);
}

void dhcp_keep_wanted(struct dhcp_message *reply, const struct dhcp_message *request)
{
	bool is_wanted[256] = {false};

	if (!request->wanted_count)
		return;
	for (unsigned i = 0; i < request->wanted_count; i++)
		is_wanted[request->wanted[i]] = true;
	if (!is_wanted[DHCP_OPTION_ROUTERS])
		reply->router_count = 0;
	if (!is_wanted[DHCP_OPTION_DNS])
		reply->dns_count = 0;
	if (!is_wanted[DHCP_OPTION_NAME])
		reply->name[0] = '\0';
	if (!is_wanted[DHCP_OPTION_DOMAIN])
		reply->domain[0] = '\0';
	if (!is_wanted[DHCP_OPTION_BOOT_SERVER])
		reply->boot_server[0] = '\0';
	if (!is_wanted[DHCP_OPTION_BOOT_FILE])
		reply->boot_file[0] = '\0';
	if (!is_wanted[DHCP_OPTION_MTU])
		reply->mtu = 0;
	if (!is_wanted[DHCP_OPTION_BROADCAST])
		reply->broadcast.be = 0;
	if (!is_wanted[DHCP_OPTION_SEARCH])
		reply->search[0] = '\0';
	if (!is_wanted[DHCP_OPTION_ROUTES])
		reply->route_count = 0;
}
