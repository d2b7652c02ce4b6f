/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/ is the ground floor: bytes, errors, containers, time as a number. It knows nothing of
 * networks, opens no descriptor and reads no clock.
 *
 * attr.h: what the compiler can check for us, and two idioms every file needs.
 */
#pragma once

#include <stddef.h>

#define MUST_USE		 __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args)	 __attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a)		 (sizeof(a) / sizeof((a)[0]))
#define NOINLINE		 __attribute__((noinline)) /* keeps what is rare out of what is fast */
#define LIKELY(x)		 __builtin_expect(!!(x), 1)
#define UNLIKELY(x)		 __builtin_expect(!!(x), 0)
#define CONTAINER_OF(p, type, m) ((type *)((char *)(p)-offsetof(type, m)))
/* Each looks twice at what it gives: no calls that do something, no clocks. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
