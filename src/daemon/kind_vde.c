/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_vde.h"

#include "daemon/kind_entrance.h"
#include "port/vde/folder.h"
#include "port/vde/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX	       "vde"
#define CONTROL	       "/ctl"
#define FOLDER_LEN_MAX 80 /* so that the sockets in it have names, too */

static bool is_plug(const struct world_port *port)
{
	return port->config.entrance.connect[0];
}

int kind_vde_open_entrance(struct world_port *entrance, struct error *error)
{
	char folder[ENTRANCE_PLACE_SIZE], control[ENTRANCE_PLACE_SIZE + sizeof(CONTROL)];
	int err;

	kind_entrance_place(entrance, SUFFIX, folder);
	if (strlen(folder) > FOLDER_LEN_MAX)
		return error_set(error, ENAMETOOLONG,
			"%s: longer than the %d bytes a switch's folder may have", folder,
			FOLDER_LEN_MAX);
	snprintf(control, sizeof(control), "%s" CONTROL, folder);
	if (is_plug(entrance))
		return kind_entrance_open_at(entrance, control, error);
	err = vde_folder_open(folder, kind_entrance_group(entrance), error);
	if (err)
		return err;
	err = kind_entrance_open_at(entrance, control, error);
	if (err)
		vde_folder_close(folder);
	return err;
}

void kind_vde_close_entrance(struct world_port *entrance)
{
	char folder[ENTRANCE_PLACE_SIZE];
	bool is_open = entrance->door;

	kind_entrance_close(entrance);
	if (is_open && !is_plug(entrance))
		vde_folder_close(kind_entrance_place(entrance, SUFFIX, folder));
}

int kind_vde_make(struct world_port *port, struct error *error)
{
	struct loop *loop = worker_loop(port->hub->worker);
	char folder[ENTRANCE_PLACE_SIZE];
	const struct vde_settings settings = {
		.folder = kind_entrance_place(port, SUFFIX, folder),
		.port = world_port_settings(port),
	};
	int fd = port->fd;

	port->fd = -1;
	port->port = is_plug(port) ? vde_plug_port_new(loop, fd, &settings)
				   : vde_port_new(loop, fd, &settings);
	return port->port ? 0 : error_set(error, errno, "the control connection: %m");
}

void kind_vde_describe(const struct world_port *port, json_t *details)
{
	kind_entrance_describe(port, SUFFIX, details);
}
