/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h: times.  Deadlines are absolute CLOCK_MONOTONIC nanoseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define DEADLINE_NEVER UINT64_MAX

uint64_t clock_monotonic_ns(void);
/* As it was at the last tick: up to 10 ms ago, and read in a third of the time. */
uint64_t clock_tick_ns(void);
int64_t clock_unix_us(void);
int64_t clock_unix_ms(void);

/* from now, saturating. */
uint64_t deadline_in_ms(uint64_t ms);
/* 0 = over. */
uint64_t deadline_left_ns(uint64_t deadline);
/* For poll(): rounded up, 0 = over. */
int deadline_left_ms(uint64_t deadline);
/* For waits on CLOCK_MONOTONIC. */
struct timespec deadline_timespec(uint64_t deadline);

/* RFC 3339 in UTC with Z.  digits: 3 or 6, behind the second; us is Unix time
 * in microseconds.  At least 28 bytes. */
#define CLOCK_TEXT_SIZE 32
void clock_format(int64_t us, int digits, char text[CLOCK_TEXT_SIZE]);
/* RFC 3339, any offset and number of digits, to Unix milliseconds. */
bool clock_parse(const char *text, int64_t *ms);

#endif
