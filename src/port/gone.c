/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "port/gone.h"

#include <stdarg.h>
#include <stdio.h>

static void tell(struct task *task)
{
	struct gone *gone = CONTAINER_OF(task, struct gone, task);

	if (gone->on_gone)
		gone->on_gone(gone->owner, gone->port, gone->why);
}

void gone_init(struct gone *gone, struct loop *loop, struct port *port,
	const struct port_settings *settings)
{
	*gone = (struct gone){
		.port = port,
		.loop = loop,
		.task.run = tell,
		.on_gone = settings->on_gone,
		.owner = settings->owner,
	};
	memcpy(port->name, settings->name, sizeof(port->name));
	port->mtu = settings->mtu;
}

void gone_tell(struct gone *gone, const char *format, ...)
{
	va_list args;

	if (gone->is_told)
		return;
	gone->is_told = gone->port->is_down = true;
	va_start(args, format);
	vsnprintf(gone->why, sizeof(gone->why), format, args);
	va_end(args);
	for (unsigned i = 0; i < ARRAY_SIZE(gone->watches); i++) {
		if (gone->watches[i])
			loop_unwatch(gone->watches[i]);
	}
	loop_defer(gone->loop, &gone->task);
}

void gone_done(struct gone *gone)
{
	loop_undefer(gone->loop, &gone->task);
}
