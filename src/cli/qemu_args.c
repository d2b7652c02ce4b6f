/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to give QEMU so that a VM's network card is a port of a hub; `lanyard qemu-args`. */
#include "cli/api.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "wire/address.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct wish {
	const char *hub, *kind, *mac, *model, *memory, *id;
	const char *accel; /* NULL: any, nothing is printed */
};

/* How each kind is asked of the daemon and said to QEMU. */
struct kind {
	const char *name;      /* as --kind has it */
	const char *port_kind; /* the API's */
	const char *protocol;  /* of the kind vm; or NULL */
	void (*write)(json_t *words, const struct wish *wish, const char *place, bool is_dialled);
};

static void add(json_t *words, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(json_t *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	json_array_append_new(words, json_vsprintf(format, args));
	va_end(args);
}

/* QEMU takes ",," for a comma in a value. */
static const char *in_option(const char *text, char ret[512])
{
	size_t used = 0;

	for (; *text && used < 509; text++) {
		if (*text == ',')
			ret[used++] = ',';
		ret[used++] = *text;
	}
	ret[used] = '\0';
	return ret;
}

/* addr.type=unix,addr.path=...; or of the Internet. */
static const char *address(const char *place, char ret[640])
{
	const char *colon = strrchr(place, ':');
	bool has_brackets = place[0] == '[';
	char path[512];

	if (place[0] == '/' || !colon)
		snprintf(ret, 640, "addr.type=unix,addr.path=%s", in_option(place, path));
	else
		snprintf(ret, 640, "addr.type=inet,addr.host=%.*s,addr.port=%s",
			(int)(colon - place) - 2 * has_brackets, place + has_brackets, colon + 1);
	return ret;
}

static void write_stream(json_t *words, const struct wish *wish, const char *place, bool is_dialled)
{
	char text[640];

	add(words, "-netdev");
	add(words, "stream,id=%s,server=%s,%s", wish->id, is_dialled ? "on" : "off",
		address(place, text));
}

/* QEMU's own end of the cable needs a path too: one that no other VM has. */
static void write_dgram(json_t *words, const struct wish *wish, const char *place, bool)
{
	char path[512];

	in_option(place, path);
	add(words, "-netdev");
	add(words, "dgram,id=%s,local.type=unix,local.path=%s.%s,remote.type=unix,remote.path=%s",
		wish->id, path, wish->id, path);
}

static void write_vhost_user(
	json_t *words, const struct wish *wish, const char *place, bool is_dialled)
{
	char path[512];

	add(words, "-object");
	add(words, "memory-backend-memfd,id=%s-memory,size=%s,share=on", wish->id, wish->memory);
	add(words, "-machine");
	add(words, "memory-backend=%s-memory", wish->id);
	add(words, "-chardev");
	add(words, "socket,id=%s-socket,path=%s,%s", wish->id, in_option(place, path),
		is_dialled ? "server=on,wait=off" : "reconnect=1");
	add(words, "-netdev");
	add(words, "vhost-user,id=%s,chardev=%s-socket", wish->id, wish->id);
}

static void write_vde(json_t *words, const struct wish *wish, const char *place, bool)
{
	char path[512];

	add(words, "-netdev");
	add(words, "vde,id=%s,sock=%s", wish->id, in_option(place, path));
}

static const struct kind kinds[] = {
	{"stream", "vm", "stream", write_stream},
	{"dgram", "vm", "dgram", write_dgram},
	{"vhost-user", "vhost-user", NULL, write_vhost_user},
	{"vde", "vde", NULL, write_vde},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static bool fits(const json_t *entrance, const struct kind *kind)
{
	const json_t *details = json_object_get(entrance, "details");

	return !strcmp(text_of(entrance, "kind"), kind->port_kind) &&
	       (!kind->protocol || !strcmp(text_of(details, "protocol"), kind->protocol));
}

/* The hub's entrance for the kind; one is made where there is none. */
static int find_entrance(struct call *call, struct api *api, const char *hub,
	const struct kind *kind, json_t **ret_entrance)
{
	json_t *reply, *one, *body;
	char *name = api_escape(api, hub);
	int err = api_get(api, &reply, &call->error, "/v1/hubs/%s", name);
	size_t i;

	*ret_entrance = NULL;
	json_array_foreach(err ? NULL : json_object_get(reply, "entrances"), i, one)
		if (!*ret_entrance && fits(one, kind))
			*ret_entrance = json_incref(one);
	if (!err)
		json_decref(reply);
	if (!err && !*ret_entrance) {
		body = json_pack(
			"{s:s, s:s*}", "kind", kind->port_kind, "protocol", kind->protocol);
		err = api_post(
			api, body, -1, ret_entrance, &call->error, "/v1/hubs/%s/ports", name);
	}
	api_unescape(name);
	return err;
}

static void print_word(const char *word, const char *before)
{
	fputs(before, stdout);
	if (word[strcspn(word, " \t\n'\"\\$`*?[]#~<>|&;(){}!")] == '\0') {
		fputs(word, stdout);
		return;
	}
	putchar('\'');
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*word);
	putchar('\'');
}

static void print_words(const struct call *call, const json_t *words)
{
	const json_t *word;
	size_t i;

	if (call->wants_json) {
		print_json(words);
		return;
	}
	json_array_foreach(words, i, word)
		print_word(json_string_value(word) ?: "", i ? " " : "");
	putchar('\n');
}

/* Without KVM, QEMU 7.2 crashes when a guest turns on the MSI-X of a vhost-user card. */
static bool has_msix(const struct wish *wish, const struct kind *kind)
{
	return kind->write != write_vhost_user || (wish->accel && !strcmp(wish->accel, "kvm"));
}

static int write_args(
	struct call *call, struct api *api, const struct wish *wish, const struct kind *kind)
{
	json_t *entrance, *words = json_array();
	int err = find_entrance(call, api, wish->hub, kind, &entrance);
	const json_t *details = err ? NULL : json_object_get(entrance, "details");
	const char *socket = text_of(details, "socket"), *dialled = text_of(details, "connect");

	if (!err && !strncmp(socket, "fd:", 3))
		err = error_set(&call->error, EINVAL,
			"qemu-args: %s of %s is a socket that was inherited; only who made it knows "
			"its address",
			text_of(entrance, "name"), wish->hub);
	if (!err && wish->accel) {
		add(words, "-accel");
		add(words, "%s", wish->accel);
	}
	if (!err) {
		kind->write(words, wish, socket[0] ? socket : dialled, dialled[0]);
		add(words, "-device");
		add(words, "%s,netdev=%s,mac=%s%s", wish->model, wish->id, wish->mac,
			has_msix(wish, kind) ? "" : ",vectors=0");
		print_words(call, words);
	}
	json_decref(entrance);
	json_decref(words);
	return call_exit(err);
}

/* Two VMs with QEMU's own default would be one to the hub. 52:54:00 is QEMU's. */
static const char *make_up_mac(char text[MAC_TEXT_SIZE])
{
	struct mac mac = {{0x52, 0x54, 0x00}};

	(void)!getrandom(mac.bytes + 3, 3, 0);
	return mac_format(mac, text);
}

static int check_wish(struct call *call, const struct wish *wish)
{
	struct mac mac;

	if (!find_kind(wish->kind))
		return call_refuse_value(call,
			"--kind '%s': stream, dgram, vhost-user and vde are the kinds", wish->kind);
	if (!mac_parse(wish->mac, &mac) || mac_is_group(mac) || mac_is_zero(mac))
		return call_refuse_value(call,
			"--mac '%s': an address such as 52:54:00:12:34:56 is wanted", wish->mac);
	return EXIT_FINE;
}

int qemu_args_run(struct call *call)
{
	char mac[MAC_TEXT_SIZE], id[32];
	struct wish wish = {
		.kind = "stream",
		.mac = make_up_mac(mac),
		.model = "virtio-net-pci",
		.memory = "512M",
		.id = id,
	};
	const struct option options[] = {
		{"kind", .value = &wish.kind},
		{"mac", .value = &wish.mac},
		{"model", .value = &wish.model},
		{"memory", .value = &wish.memory},
		{"id", .value = &wish.id},
		{"accel", .value = &wish.accel},
	};
	int code = options_read_between(call, options, ARRAY_SIZE(options), 1, 1);
	struct api *api;

	snprintf(id, sizeof(id), "lan%c%c%c%c%c%c", mac[9], mac[10], mac[12], mac[13], mac[15],
		mac[16]);
	if (!code)
		code = check_wish(call, &wish);
	if (!code)
		code = call_open_api(call, &api);
	if (code)
		return code;
	wish.hub = call->args[0];
	code = write_args(call, api, &wish, find_kind(wish.kind));
	api_close(api);
	return code;
}
