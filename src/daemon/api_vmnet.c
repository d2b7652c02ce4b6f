/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/vmnet_files.h"

#include <stdlib.h>
#include <string.h>

void api_get_vmnet(struct api *api, struct request *, struct reply *reply)
{
	struct vmnet_named_text *texts;
	json_t *files = json_object();
	size_t count;

	if (vmnet_read_all(api_world(api), &texts, &count)) {
		json_decref(files);
		reply_json(reply, 200, NULL);
		return;
	}
	for (size_t i = 0; i < count; i++)
		json_object_set_new(files, texts[i].name, json_string(texts[i].text));
	free(texts);
	reply_json(reply, 200, json_pack("{s:o}", "files", files));
}

void api_get_vmnet_file(struct api *api, struct request *request, struct reply *reply)
{
	const char *name = request->parts.text[0];
	char text[VMNET_TEXT_SIZE];
	struct vmnet_file file;

	if (!vmnet_find(api_world(api), name, &file))
		reply_problem(reply, 404, "there is no file '%s'", name);
	else
		reply_text(reply, "text/plain; charset=utf-8",
			vmnet_read(&file, text) ? NULL : strdup(text));
}
