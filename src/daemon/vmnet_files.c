/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/vmnet_files.h"

#include "daemon/kinds.h"
#include "daemon/vmnet_interface.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file's number: what it is, and under 2^40 which one. */
#define NUMBER_OF_SLOT ((uint64_t)1 << 40)
#define NUMBER_OF_PORT ((uint64_t)2 << 40) /* and one more for each enum vmnet_kind */

static uint64_t slot_number(unsigned hub, unsigned slot)
{
	return NUMBER_OF_SLOT | (uint64_t)hub << 16 | slot;
}

static uint64_t port_number(enum vmnet_kind kind, unsigned id)
{
	return (NUMBER_OF_PORT + ((uint64_t)kind << 40)) | id;
}

uint64_t vmnet_file_number(const struct vmnet_file *file)
{
	const struct world_port *port = file->port;
	const char *hub = port->hub->config.name + strlen("hub");

	if (file->is_slot)
		return slot_number((unsigned)strtoul(hub, NULL, 10), port->slot);
	return port_number(port->kind->vmnet, port->vmnet_id);
}

char *vmnet_file_name(const struct vmnet_file *file, char name[VMNET_NAME_SIZE])
{
	const struct world_port *port = file->port;

	if (file->is_slot)
		return vmnet_slot_name(port->hub->config.name, port->slot, name);
	return vmnet_port_name(port->kind->vmnet, port->vmnet_id, name);
}

/* The number that a file of this name would have, give or take signs and zeros; 0: none could. */
static uint64_t number_of_name(const char *name)
{
	static const char *const patterns[] = {[VMNET_USERIF] = "userif%u",
		[VMNET_NETIF] = "netif%u",
		[VMNET_BRIDGE] = "bridge%u"};
	unsigned first, second;

	if (sscanf(name, "hub%u.%u", &first, &second) == 2)
		return slot_number(first, second);
	for (enum vmnet_kind kind = 0; kind < VMNET_KIND_COUNT; kind++) {
		if (sscanf(name, patterns[kind], &first) == 1)
			return port_number(kind, first);
	}
	return 0;
}

bool vmnet_find(const struct world *world, const char *name, struct vmnet_file *ret_file)
{
	struct vmnet_file file;
	char found[VMNET_NAME_SIZE];

	if (!vmnet_find_number(world, number_of_name(name), &file) ||
		strcmp(vmnet_file_name(&file, found), name) != 0)
		return false;
	*ret_file = file;
	return true;
}

struct search {
	uint64_t number;
	struct vmnet_file found; /* port NULL: not yet */
};

static void compare(void *context, const struct vmnet_file *file)
{
	struct search *search = context;

	if (vmnet_file_number(file) == search->number)
		search->found = *file;
}

bool vmnet_find_number(const struct world *world, uint64_t number, struct vmnet_file *ret_file)
{
	struct search search = {.number = number};

	vmnet_walk(world, compare, &search);
	if (search.found.port)
		*ret_file = search.found;
	return search.found.port;
}

void vmnet_walk(const struct world *world,
	void (*visit)(void *context, const struct vmnet_file *file), void *context)
{
	LIST_EACH(hub_node, &world->hubs) {
		const struct world_hub *hub = LIST_ENTRY(hub_node, struct world_hub, node);

		LIST_EACH(node, &hub->ports) {
			const struct world_port *port = LIST_ENTRY(node, struct world_port, node);

			if (port->is_entrance)
				continue;
			visit(context, &(struct vmnet_file){port, true});
			visit(context, &(struct vmnet_file){port, false});
		}
	}
}

static char *compose(const struct vmnet_file *file, const struct port_snapshot *snapshot,
	char text[VMNET_TEXT_SIZE])
{
	const struct vmnet_file peer = {file->port, !file->is_slot};
	struct vmnet_interface interface;
	char name[VMNET_NAME_SIZE];

	vmnet_file_name(&peer, name);
	if (file->is_slot)
		return vmnet_slot_text(snapshot, name, text);
	if (file->port->kind->vmnet == VMNET_USERIF)
		return vmnet_userif_text(snapshot, name, text);
	interface = vmnet_interface_read(snapshot->interface);
	return vmnet_netif_text(snapshot, name, &interface, text);
}

int vmnet_read(const struct vmnet_file *file, char text[VMNET_TEXT_SIZE])
{
	struct hub_snapshot snapshot;
	int err = snapshot_take_port(file->port, &snapshot);

	if (err)
		return err;
	compose(file, &snapshot.ports[0], text);
	snapshot_done(&snapshot);
	return 0;
}

static void count(void *context, const struct vmnet_file *)
{
	(*(size_t *)context)++;
}

static void read_file(const struct vmnet_file *file, const struct port_snapshot *snapshot,
	struct vmnet_named_text *text)
{
	vmnet_file_name(file, text->name);
	compose(file, snapshot, text->text);
}

static int read_hub(const struct world_hub *hub, struct vmnet_named_text *texts, size_t *ret_count)
{
	struct hub_snapshot snapshot;
	int err = snapshot_take(hub, &snapshot);

	if (err)
		return err;
	for (size_t i = 0; i < snapshot.port_count; i++) {
		const struct port_snapshot *port = &snapshot.ports[i];
		const struct vmnet_file slot = {port->port, true}, own = {port->port, false};

		read_file(&slot, port, &texts[(*ret_count)++]);
		read_file(&own, port, &texts[(*ret_count)++]);
	}
	snapshot_done(&snapshot);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct vmnet_named_text *)a)->name,
		((const struct vmnet_named_text *)b)->name);
}

int vmnet_read_all(
	const struct world *world, struct vmnet_named_text **ret_texts, size_t *ret_count)
{
	struct vmnet_named_text *texts;
	size_t size = 0, written = 0;

	vmnet_walk(world, count, &size);
	texts = calloc(size + 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	LIST_EACH(node, &world->hubs) {
		if (read_hub(LIST_ENTRY(node, struct world_hub, node), texts, &written)) {
			free(texts);
			return -ENOMEM;
		}
	}
	qsort(texts, written, sizeof(*texts), by_name);
	*ret_texts = texts;
	*ret_count = written;
	return 0;
}
