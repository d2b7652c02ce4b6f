/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own YAML as JSON, for clients that read only that. */
#pragma once

#include <jansson.h>

/* Plain scalars that are whole numbers, true or false become those; everything else is a string.
 * NULL: no memory, or no YAML. */
json_t *yaml_to_json(const char *text);
