/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which vmnet files there are now: one for each slot in use and one for the port in it. They come
 * and go with the port. Control thread only.
 */
#pragma once

#include "daemon/vmnet_text.h"

/* As long as control does nothing else. */
struct vmnet_file {
	const struct world_port *port;
	bool is_slot; /* hub8.3; else the port's own, userif11 */
};

/* Not 0 or 1; the same for as long as the file is there, and never that of another port's. */
uint64_t vmnet_file_number(const struct vmnet_file *file);
char *vmnet_file_name(const struct vmnet_file *file, char name[VMNET_NAME_SIZE]);

bool vmnet_find(const struct world *world, const char *name, struct vmnet_file *ret_file) MUST_USE;
bool vmnet_find_number(
	const struct world *world, uint64_t number, struct vmnet_file *ret_file) MUST_USE;
/* All of them, in no order. */
void vmnet_walk(const struct world *world,
	void (*visit)(void *context, const struct vmnet_file *file), void *context);

/* What it says now: asks the hub's thread. -ENOMEM. */
int vmnet_read(const struct vmnet_file *file, char text[VMNET_TEXT_SIZE]) MUST_USE;
/* All of them, in the order of ls -v; each hub's at one moment. free(*ret_texts). -ENOMEM. */
struct vmnet_named_text {
	char name[VMNET_NAME_SIZE], text[VMNET_TEXT_SIZE];
};
int vmnet_read_all(
	const struct world *world, struct vmnet_named_text **ret_texts, size_t *ret_count) MUST_USE;
