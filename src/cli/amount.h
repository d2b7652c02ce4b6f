/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as people read them. */
#pragma once

#include <stdint.h>

#define AMOUNT_SIZE 24

/* "999", "12.3 k", "4.5 M": at most four digits; powers of 1000. */
char *amount_count(uint64_t count, char text[AMOUNT_SIZE]);
/* "999 B", "12.3 kB". */
char *amount_bytes(uint64_t bytes, char text[AMOUNT_SIZE]);
/* "1.2 Mbit/s". */
char *amount_rate(double bytes_per_second, char text[AMOUNT_SIZE]);
/* "0.3 s", "12 s", "5 min", "3 h", "2 d". */
char *amount_time(double seconds, char text[AMOUNT_SIZE]);
