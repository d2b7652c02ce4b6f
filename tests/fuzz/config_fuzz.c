/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any text is either refused with one printable line, or gives a model that is written to a text
 * that gives an equal one. The text's lines are also tried as a forward and as settings for plug.
 */
#include "config/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 16

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

static void require_one_line(const struct error *error)
{
	require(error->text[0]);
	for (const char *c = error->text; *c; c++)
		require((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void require_equal(const struct hub_config *a, const struct hub_config *b)
{
	struct port_config copy;

	require(hub_config_equal_but_ports(a, b));
	require(a->port_count == b->port_count);
	for (size_t i = 0; i < a->port_count; i++) {
		require(port_config_equal(&a->ports[i], &b->ports[i]));
		require(!port_config_copy(&a->ports[i], &copy));
		require(port_config_equal(&copy, &b->ports[i]));
		port_config_done(&copy);
	}
}

static void require_round_trip(const struct config *config)
{
	struct config *again = NULL;
	struct error error = {};
	char *text = config_write(config);

	require(text);
	require(!config_read("written", text, strlen(text), &again, &error));
	require(config->hub_count == again->hub_count);
	for (size_t i = 0; i < config->hub_count; i++)
		require_equal(&config->hubs[i], &again->hubs[i]);
	config_free(again);
	free(text);
}

static void try_file(const char *text, size_t len)
{
	struct config *config = NULL;
	struct error error = {};

	if (config_read("file", text, len, &config, &error)) {
		require_one_line(&error);
		return;
	}
	require(!config_check(config, &error));
	require_round_trip(config);
	config_free(config);
}

static void try_forward(const char *line)
{
	struct forward_config forward, again;
	struct error error = {};
	char text[160];

	if (config_read_forward(line, &forward, &error)) {
		require_one_line(&error);
		return;
	}
	require(!config_read_forward(forward_format(&forward, text), &again, &error));
	require(endpoint_equal(&forward.outside, &again.outside));
	require(endpoint_equal(&forward.guest, &again.guest));
	require(forward.count == again.count && forward.is_udp == again.is_udp);
}

static void try_port(
	const struct hub_config *hub, const char *kind, const char *const *settings, size_t count)
{
	struct port_config port, next;
	struct error error = {};

	if (config_read_port(hub, kind, settings, count, &port, &error)) {
		require_one_line(&error);
		return;
	}
	if (config_change_port(&port, settings, count, &next, &error)) {
		require_one_line(&error);
	} else {
		require(port_config_equal(&port, &next));
		port_config_done(&next);
	}
	port_config_done(&port);
}

static void try_lines(char *text)
{
	static struct hub_config hub = {.name = "hub8", .has_subnet = true, .mtu = 1500};
	char *lines[LINES_MAX], *line, *rest = text;
	size_t count = 0;

	if (!hub.subnet.len)
		require(prefix_parse("192.168.120.0/24", &hub.subnet));
	while (count < LINES_MAX && (line = strtok_r(rest, "\n", &rest)))
		lines[count++] = line;
	if (!count)
		return;
	try_forward(lines[0]);
	try_port(&hub, lines[0], (const char *const *)lines + 1, count - 1);
	try_port(NULL, lines[0], (const char *const *)lines + 1, count - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	try_file(text, size);
	try_lines(text);
	free(text);
	return 0;
}
