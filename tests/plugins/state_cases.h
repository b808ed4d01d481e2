/* SPDX-License-Identifier: BSD-2-Clause */
/* What every state store has to do, whichever plugin it is. */
#ifndef TESTS_STATE_CASES_H
#define TESTS_STATE_CASES_H

#include "plugin_host.h"

/* Runs all cases on an open instance whose store is empty, and leaves it so. */
void state_cases(const struct hosted *);

/* For more cases of one plugin: a put of text, and a get that compares. */
enum mortise_code state_put_text(const struct hosted *, const char *key, const char *text,
    int64_t ttl_ms);
bool state_holds(const struct hosted *, const char *key, const void *value, size_t size);
enum mortise_code state_remove(const struct hosted *, const char *key);
/* The number of records with this prefix; every page is asked for. */
size_t state_count(const struct hosted *, const char *prefix);
/* Lets what lives for a few milliseconds expire. */
void state_wait(void);

#endif
