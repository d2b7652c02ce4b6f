/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The document src/daemon/openapi.json, as text in the program. */
#pragma once

const char *openapi_text(void);
