/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_handlers.h"

#include "daemon/apply.h"
#include "daemon/yaml_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void api_get_config(struct api *api, struct request *request, struct reply *reply)
{
	const char *format = request->query(request, "format");
	struct config *config = world_config_for_file(api_world(api));
	char *text = config ? config_write(config) : NULL;

	config_free(config);
	if (format && !strcmp(format, "json")) {
		reply_json(reply, 200, text ? yaml_to_json(text) : NULL);
		free(text);
	} else if (format && strcmp(format, "yaml") != 0) {
		reply_problem(reply, 400, "format: %.40s is neither yaml nor json", format);
		free(text);
	} else {
		reply_text(reply, "application/yaml", text);
	}
}

/* What messages call the body: the file it came from, where the client says so. */
static const char *name_of(const struct request *request)
{
	const char *name = request->query(request, "name");

	return name && name[0] && strlen(name) < 200 ? name : "(request)";
}

static void with_config(struct api *api, struct request *request, struct reply *reply,
	int (*act)(struct world *world, const struct config *wished, struct apply_report *report,
		struct error *error))
{
	struct apply_report report;
	struct config *config = NULL;
	struct error error = {0};
	int err;

	apply_report_init(&report);
	err = config_read(name_of(request), request->body, request->body_len, &config, &error);
	if (!err)
		err = act(api_world(api), config, &report, &error);
	if (err)
		reply_error(reply, err, &error);
	else
		reply_json(reply, 200,
			json_pack("{s:O, s:O}", "changes", report.changes, "warnings",
				report.warnings));
	config_free(config);
	apply_report_done(&report);
}

void api_put_config(struct api *api, struct request *request, struct reply *reply)
{
	with_config(api, request, reply, apply);
}

void api_check_config(struct api *api, struct request *request, struct reply *reply)
{
	with_config(api, request, reply, apply_preview);
}
