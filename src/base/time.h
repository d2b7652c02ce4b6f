/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time as a number: nanoseconds on CLOCK_MONOTONIC. Reading the clock is io/'s business. */
#pragma once

#include <stdint.h>

typedef int64_t nsec;

#define NSEC_PER_USEC ((nsec)1000)
#define NSEC_PER_MSEC ((nsec)1000000)
#define NSEC_PER_SEC  ((nsec)1000000000)
#define NSEC_NEVER    INT64_MAX
