/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/kind_entrance.h"

#include "daemon/door.h"

#include <stdio.h>
#include <string.h>

char *kind_entrance_place(
	const struct world_port *entrance, const char *suffix, char place[ENTRANCE_PLACE_SIZE])
{
	const struct entrance_config *config = &entrance->config.entrance;

	if (config->connect[0])
		snprintf(place, ENTRANCE_PLACE_SIZE, "%s", config->connect);
	else if (config->socket[0])
		snprintf(place, ENTRANCE_PLACE_SIZE, "%s", config->socket);
	else
		snprintf(place, ENTRANCE_PLACE_SIZE, "%s/%s.%s", entrance->hub->world->runtime_dir,
			entrance->hub->config.name, suffix);
	return place;
}

const char *kind_entrance_group(const struct world_port *entrance)
{
	const char *group = entrance->config.entrance.group;

	return group[0] ? group : DOOR_GROUP;
}

static void on_client(void *owner, int fd)
{
	world_client_plug(owner, fd, NULL, 0);
}

int kind_entrance_open_at(struct world_port *entrance, const char *place, struct error *error)
{
	struct entrance_settings settings = {
		.is_dialled = entrance->config.entrance.connect[0],
		.group = kind_entrance_group(entrance),
		.on_client = on_client,
		.owner = entrance,
	};

	snprintf(settings.place, sizeof(settings.place), "%s", place);
	return entrance_open(entrance->hub->world->loop, &settings, &entrance->door, error);
}

int kind_entrance_open(struct world_port *entrance, const char *suffix, struct error *error)
{
	char place[ENTRANCE_PLACE_SIZE];

	return kind_entrance_open_at(entrance, kind_entrance_place(entrance, suffix, place), error);
}

void kind_entrance_close(struct world_port *entrance)
{
	entrance_close(entrance->door);
	entrance->door = NULL;
}

void kind_entrance_describe(const struct world_port *entrance, const char *suffix, json_t *details)
{
	const char *key = entrance->config.entrance.connect[0] ? "connect" : "socket";
	char place[ENTRANCE_PLACE_SIZE];

	if (entrance->is_entrance)
		json_object_set_new(
			details, key, json_string(kind_entrance_place(entrance, suffix, place)));
}

/* One that came as a descriptor has no place that we know of. */
bool kind_entrance_is_same_place(const struct port_config *from, const struct port_config *to)
{
	return !strcmp(from->entrance.socket, to->entrance.socket) &&
	       !strcmp(from->entrance.connect, to->entrance.connect);
}
