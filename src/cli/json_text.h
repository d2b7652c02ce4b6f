/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON on standard output, and out of it. */
#pragma once

#include <stdint.h>

#include <jansson.h>

void print_json(const json_t *json);
/* A member's text; "" when it is not there or no text. */
const char *text_of(const json_t *object, const char *key);
double number_of(const json_t *object, const char *key);
uint64_t count_of(const json_t *object, const char *key);
