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
#define JOIN_(a, b)		 a##b
#define JOIN(a, b)		 JOIN_(a, b)
/* Each looks once at what it gives, in the type that the usual conversions make of both. Not for
 * constants. */
#define MIN(a, b) PICK_(a, b, <, JOIN(min_a_, __COUNTER__), JOIN(min_b_, __COUNTER__))
#define MAX(a, b) PICK_(a, b, >, JOIN(max_a_, __COUNTER__), JOIN(max_b_, __COUNTER__))
#define PICK_(a, b, is, x, y)                                                                      \
	({                                                                                         \
		typeof(1 ? (a) : (b)) x = (a), y = (b);                                            \
		x is y ? x : y;                                                                    \
	})
