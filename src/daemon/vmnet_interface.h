/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says now of an interface in our own network namespace. */
#pragma once

#include "daemon/vmnet_text.h"

/* Of one that is gone: nothing is set. */
struct vmnet_interface vmnet_interface_read(const char *name);
