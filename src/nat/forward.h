/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Port forwards: what listens outside on behalf of a guest. */
#pragma once

#include "nat/internal.h"

/* Closes every listener. */
void forwards_done(struct gateway *gateway);
