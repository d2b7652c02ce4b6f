/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hubs and their ports as a tree for people; `lanyard show`. */
#include "cli/amount.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/options.h"
#include "cli/place.h"
#include "cli/vmnet.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define INDENT	     "          "
#define GUESTS_SHOWN 16 /* of a NIC's; --json has them all */

/* What a port had counted a while ago, for rates. */
struct past {
	const json_t *hubs; /* NULL: no rates are wanted */
	double seconds;
};

static const json_t *find_port(const json_t *hubs, const char *id)
{
	const json_t *hub, *port;
	size_t i, j;

	json_array_foreach(hubs, i, hub)
		json_array_foreach(json_object_get(hub, "ports"), j, port)
			if (!strcmp(text_of(port, "id"), id))
				return port;
	return NULL;
}

/* Texts that are there, with ", " between them. */
static void add_text(char *list, size_t size, const char *text)
{
	size_t used = strlen(list);

	if (text[0])
		snprintf(list + used, size - used, "%s%s", used ? ", " : "", text);
}

/* The addresses of a port that is a host: whatever its kind calls them. */
static void addresses_of(const json_t *details, char *list, size_t size)
{
	const json_t *one;
	size_t i;

	list[0] = '\0';
	add_text(list, size, text_of(details, "address"));
	add_text(list, size, text_of(details, "address6"));
	json_array_foreach(json_object_get(details, "addresses"), i, one)
		add_text(list, size, json_string_value(one) ?: "");
}

static void print_rate(const json_t *now, const json_t *before, const char *key, double seconds)
{
	double frames, bytes;
	char text[AMOUNT_SIZE];

	now = json_object_get(now, key);
	before = json_object_get(before, key);
	frames = (number_of(now, "frames") - number_of(before, "frames")) / seconds;
	bytes = (number_of(now, "bytes") - number_of(before, "bytes")) / seconds;
	printf(" (%s", amount_rate(bytes, text));
	printf(", %s/s)", amount_count((uint64_t)frames, text));
}

static void print_counters(const json_t *port, const struct past *past)
{
	const json_t *before = past->hubs ? find_port(past->hubs, text_of(port, "id")) : NULL;
	static const char *const ways[] = {"in", "out"};
	char frames[AMOUNT_SIZE], bytes[AMOUNT_SIZE];

	fputs(INDENT, stdout);
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		const json_t *counters = json_object_get(port, ways[i]);

		printf("%s%s %s frames, %s", i ? "; " : "", ways[i],
			amount_count(count_of(counters, "frames"), frames),
			amount_bytes(count_of(counters, "bytes"), bytes));
		if (before)
			print_rate(port, before, ways[i], past->seconds);
	}
	putchar('\n');
}

static void print_drops(const json_t *port, const char *way)
{
	json_t *drops = json_object_get(json_object_get(port, way), "drops"), *count;
	const char *name, *before = "";

	if (!json_object_size(drops))
		return;
	printf(INDENT "dropped %s: ", way);
	json_object_foreach(drops, name, count) {
		printf("%s%s %lld", before, name, (long long)json_integer_value(count));
		before = ", ";
	}
	putchar('\n');
}

static void print_list(const json_t *details, const char *key, const char *title)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(details, key), i, one)
		printf(INDENT "%s %s\n", title, json_string_value(one) ?: "");
}

/* "translate: the gateway answered the NIC's MAC address only", and what becomes of the host. */
static void print_nic(const json_t *details)
{
	const char *host = text_of(details, "host");
	bool has_mode = text_of(details, "mode")[0];

	if (!has_mode)
		return;
	printf(INDENT "%s: %s%s\n", text_of(details, "mode"), text_of(details, "why"),
		json_is_true(json_object_get(details, "promiscuous")) ? "; promiscuous" : "");
	if (host[0])
		printf(INDENT "the host is reached by %s\n", host);
	if (json_is_true(json_object_get(details, "host_guarded")))
		puts(INDENT "the host has rules (ip rule) not to forward what is for guests");
	else if (json_is_true(json_object_get(details, "host_forwards")) &&
		 strcmp(text_of(details, "mode"), "transparent") != 0)
		puts(INDENT "THE HOST FORWARDS (ip_forward) what is for guests too; 'host: true' "
			    "keeps it from that");
}

static void print_guests(const json_t *details)
{
	const json_t *guests = json_object_get(details, "guests"), *guest;
	size_t count = json_array_size(guests), i;

	json_array_foreach(guests, i, guest) {
		if (i == GUESTS_SHOWN)
			break;
		printf(INDENT "guest %s  %s%s\n", text_of(guest, "ip"), text_of(guest, "mac"),
			json_is_true(json_object_get(guest, "static")) ? "  agreed" : "");
	}
	if (count > GUESTS_SHOWN)
		printf(INDENT "and %zu more\n", count - GUESTS_SHOWN);
}

/* Words, with two spaces before each that is there. */
static void print_word(const char *word)
{
	if (word[0])
		printf("  %s", word);
}

/* One line, where there is something: "isolated, rate 10mbit, impaired: loss 1%". */
static void print_policy(const json_t *port)
{
	static const struct {
		const char *key, *title;
	} texts[] = {
		{"guard", "guard "},
		{"rate", "rate "},
		{"impair", "impaired: "},
		{"impair-in", "impaired in: "},
		{"impair-out", "impaired out: "},
	};
	const char *before = INDENT;

	if (json_is_true(json_object_get(port, "isolated"))) {
		printf("%sisolated", before);
		before = ", ";
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *text = text_of(port, texts[i].key);

		if (!text[0])
			continue;
		printf("%s%s%s", before, texts[i].title, text);
		before = ", ";
	}
	if (before[0] == ',')
		putchar('\n');
}

/* What a member's session is like; the rest is in 'lanyard link list'. */
static void print_session(const json_t *port)
{
	const json_t *details = json_object_get(port, "details");
	char age[AMOUNT_SIZE];

	if (!text_of(details, "endpoint")[0])
		return;
	printf(INDENT "at %s", text_of(details, "endpoint"));
	if (json_object_get(details, "rtt"))
		printf(", round trip %.1f ms", number_of(details, "rtt") * 1000);
	if (json_object_get(details, "path_mtu"))
		printf(", path MTU %.0f", number_of(details, "path_mtu"));
	if (json_object_get(details, "handshake"))
		printf(", handshake %s ago", amount_time(number_of(details, "handshake"), age));
	putchar('\n');
}

static void print_state(const json_t *port)
{
	if (text_of(port, "standby")[0])
		printf("  STANDBY, %s bridges this LAN", text_of(port, "standby"));
	else if (!strcmp(text_of(port, "state"), "blocked"))
		print_word("BLOCKED (loop)");
}

static void print_port(const json_t *port, const struct past *past)
{
	const json_t *details = json_object_get(port, "details");
	char addresses[256];

	addresses_of(details, addresses, sizeof(addresses));
	printf("  %-7s %-10s %-10s %-17s", text_of(port, "id"), text_of(port, "kind"),
		text_of(port, "name"), text_of(port, "mac"));
	print_word(addresses);
	print_word(text_of(port, "interface"));
	print_word(strcmp(text_of(port, "state"), "down") != 0 ? "" : "DOWN");
	print_state(port);
	putchar('\n');
	if (text_of(port, "why")[0])
		printf(INDENT "%s\n", text_of(port, "why"));
	if (text_of(details, "pool")[0])
		printf(INDENT "pool %s\n", text_of(details, "pool"));
	if (text_of(details, "router")[0])
		printf(INDENT "router %s\n", text_of(details, "router"));
	print_list(details, "forwards", "forward");
	print_nic(details);
	print_guests(details);
	print_list(details, "routes", "route");
	print_session(port);
	print_policy(port);
	print_counters(port, past);
	print_drops(port, "in");
	print_drops(port, "out");
}

/* Where its clients come in, or it goes to. */
static void print_way(const json_t *details)
{
	static const char *const ways[][2] = {{"connect", "dials"}, {"socket", "listens at"},
		{"listen", "listens at UDP"}, {"relay", "joins"}};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (text_of(details, ways[i][0])[0])
			printf("%s %s", ways[i][1], text_of(details, ways[i][0]));
	}
}

static void print_entrance(const json_t *entrance)
{
	const json_t *details = json_object_get(entrance, "details");

	printf("  %-7s %-10s %-10s ", "-", text_of(entrance, "kind"), text_of(entrance, "name"));
	print_way(details);
	printf("  %u clients\n", (unsigned)count_of(entrance, "clients"));
	if (count_of(details, "waiting"))
		printf(INDENT "waiting to be let in: %u; see lanyard link list\n",
			(unsigned)count_of(details, "waiting"));
	if (text_of(details, "why")[0])
		printf(INDENT "%s\n", text_of(details, "why"));
	if (text_of(details, "notice")[0])
		printf(INDENT "%s\n", text_of(details, "notice"));
	if (text_of(entrance, "link")[0])
		puts(INDENT "DOWN");
	print_policy(entrance);
}

static void print_hub(const json_t *hub, const struct past *past)
{
	char answers[AMOUNT_SIZE];
	const json_t *port;
	size_t i;

	printf("%s", text_of(hub, "name"));
	print_word(text_of(hub, "subnet"));
	print_word(text_of(hub, "subnet6"));
	printf("  mtu %u\n", (unsigned)count_of(hub, "mtu"));
	if (text_of(hub, "moved_from")[0])
		printf("  (moved from %s, which the host uses)\n", text_of(hub, "moved_from"));
	if (count_of(hub, "answers") > 0)
		printf(INDENT "%s ARP and ND questions answered here\n",
			amount_count(count_of(hub, "answers"), answers));
	json_array_foreach(json_object_get(hub, "ports"), i, port)
		print_port(port, past);
	json_array_foreach(json_object_get(hub, "entrances"), i, port)
		print_entrance(port);
}

/* The reply to what was asked, and the same as a list of hubs: borrowed from it. */
static int ask(struct call *call, struct api *api, const struct place_name *place,
	json_t **ret_reply, json_t **ret_hubs)
{
	json_t *reply;
	int err;

	if (!place->hub)
		err = api_get(api, &reply, &call->error, "/v1/hubs");
	else if (!place->port)
		err = api_get(api, &reply, &call->error, "/v1/hubs/%s", place->hub);
	else
		err = api_get(
			api, &reply, &call->error, "/v1/hubs/%s/ports/%s", place->hub, place->port);
	if (err)
		return err;
	*ret_reply = reply;
	if (!place->hub)
		*ret_hubs = json_incref(json_object_get(reply, "hubs"));
	else if (!place->port)
		*ret_hubs = json_pack("[O]", reply);
	else
		*ret_hubs = json_pack("[{s:[O]}]", "ports", reply);
	return 0;
}

static void print_all(const json_t *hubs, const struct past *past)
{
	const json_t *hub, *port;
	size_t i, j;

	json_array_foreach(hubs, i, hub) {
		if (i)
			putchar('\n');
		if (json_object_get(hub, "name"))
			print_hub(hub, past);
		else
			json_array_foreach(json_object_get(hub, "ports"), j, port)
				print_port(port, past);
	}
	if (!json_array_size(hubs))
		puts("there are no hubs");
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int show(struct call *call, struct api *api, const struct place_name *place, bool has_rates)
{
	json_t *old_reply = NULL, *old_hubs = NULL, *reply = NULL, *hubs = NULL;
	struct past past = {0};
	double started = seconds_now();
	int err = 0;

	if (has_rates) {
		err = ask(call, api, place, &old_reply, &old_hubs);
		past.hubs = old_hubs;
		if (!err)
			nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
	}
	if (!err)
		err = ask(call, api, place, &reply, &hubs);
	past.seconds = seconds_now() - started;
	if (!err && call->wants_json)
		print_json(reply);
	else if (!err)
		print_all(hubs, &past);
	json_decref(old_hubs);
	json_decref(old_reply);
	json_decref(hubs);
	json_decref(reply);
	return call_exit(err);
}

int show_run(struct call *call)
{
	bool has_vmnet = false, has_rates = false;
	const struct option options[] = {
		{"vmnet", .flag = &has_vmnet},
		{"rates", .flag = &has_rates},
	};
	int code = options_read_between(call, options, ARRAY_SIZE(options), 0, 1);
	struct place_name place = {0};
	struct api *api;

	if (!code)
		code = call_open_api(call, &api);
	if (code)
		return code;
	if (has_vmnet)
		code = vmnet_show(call, api, call->args[0]);
	else if (!call->args[0] || place_name_read(api, call->args[0], &place))
		code = show(call, api, &place, has_rates);
	else
		code = EXIT_FAILED;
	place_name_done(&place);
	api_close(api);
	return code;
}
