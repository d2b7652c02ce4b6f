/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a request's body as the "key=value" texts that config/ takes. */
#pragma once

#include "base/error.h"

#include <jansson.h>

#define API_SETTINGS_MAX 64

struct api_settings {
	char *all[API_SETTINGS_MAX];
	size_t count;
};

/* A string as it stands, so that "30m" and "[a, b]" mean what they mean to plug; JSON is YAML. */
int api_settings_add(struct api_settings *settings, const char *key, const json_t *value,
	struct error *error) MUST_USE;
int api_settings_add_text(struct api_settings *settings, const char *key, const char *value,
	struct error *error) MUST_USE;
void api_settings_done(struct api_settings *settings);
