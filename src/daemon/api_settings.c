/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/api_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void api_settings_done(struct api_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		free(settings->all[i]);
}

int api_settings_add_text(
	struct api_settings *settings, const char *key, const char *value, struct error *error)
{
	if (settings->count == API_SETTINGS_MAX)
		return error_set(error, EINVAL, "more than %d keys", API_SETTINGS_MAX);
	if (asprintf(&settings->all[settings->count], "%s=%s", key, value) < 0)
		return error_set(error, ENOMEM, "out of memory");
	settings->count++;
	return 0;
}

int api_settings_add(
	struct api_settings *settings, const char *key, const json_t *value, struct error *error)
{
	char *text;
	int err;

	if (json_is_string(value))
		return api_settings_add_text(settings, key, json_string_value(value), error);
	text = json_dumps(value, JSON_ENCODE_ANY);
	if (!text)
		return error_set(error, ENOMEM, "out of memory");
	err = api_settings_add_text(settings, key, text, error);
	free(text);
	return err;
}
