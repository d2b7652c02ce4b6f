/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers from the kernel (getrandom(2)); good enough for keys. Never fails: it aborts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len);
uint32_t random_u32(void);
uint64_t random_u64(void);
