/* SPDX-License-Identifier: BSD-2-Clause */
/* `call:` of a backend: how it is called, whatever its plugin. */
#include <limits.h>
#include <string.h>

#include "config/parts.h"

#define HOUR_MS 3600000
#define DAY_MS (24 * HOUR_MS)

static const char *const skip_words[] = {"skip", NULL};

#define OPTION(name_, type_, initial_, minimum_, maximum_) { \
	.size = sizeof(struct mortise_option), .name = (name_), .type = (type_), .doc = "", \
	.initial = (initial_), .minimum = (minimum_), .maximum = (maximum_), \
}
#define GROUP(name_, members_) { \
	.size = sizeof(struct mortise_option), .name = (name_), .doc = "", \
	.type = MORTISE_OPTION_GROUP, .members = (members_), \
}

static const struct mortise_option
    timeout = OPTION("timeout", MORTISE_OPTION_DURATION, "2s", 1, DAY_MS),
    failures = OPTION("failures", MORTISE_OPTION_INT, "5", 1, 1000000),
    open_for = OPTION("open", MORTISE_OPTION_DURATION, "10s", 1, DAY_MS),
    ttl = {
	.size = sizeof(ttl), .name = "ttl", .type = MORTISE_OPTION_DURATION,
	.doc = "how long an answer is served again, such as 60s", .minimum = 1, .maximum = DAY_MS,
	.flags = MORTISE_OPTION_REQUIRED,
    },
    negative = OPTION("negative", MORTISE_OPTION_DURATION, "0s", 0, DAY_MS),
    stale = OPTION("stale", MORTISE_OPTION_DURATION, "0s", 0, 30LL * DAY_MS),
    size = OPTION("size", MORTISE_OPTION_SIZE, "1MiB", 1024, INT_MAX),
    attempts = OPTION("attempts", MORTISE_OPTION_INT, "3", 1, 100),
    recoverable = {
	.size = sizeof(recoverable), .name = "recoverable", .type = MORTISE_OPTION_INT, .doc = "",
	.minimum = 1, .maximum = 365,
    },
    if_missing = {
	.size = sizeof(if_missing), .name = "if-missing", .type = MORTISE_OPTION_ENUM, .doc = "",
	.words = skip_words,
    },
    if_unsupported = {
	.size = sizeof(if_unsupported), .name = "if-unsupported", .type = MORTISE_OPTION_ENUM,
	.doc = "", .words = skip_words,
    };
static const struct mortise_option *const breaker_members[] = {&failures, &open_for, NULL},
    *const cache_members[] = {&ttl, &negative, &stale, &size, NULL},
    *const retry_members[] = {&attempts, NULL};
static const struct mortise_option breaker = GROUP("breaker", breaker_members),
    cache = GROUP("cache", cache_members), retry = GROUP("retry", retry_members);
static const struct mortise_option *const schema[] = {&timeout, &breaker, &cache, &retry,
    &if_missing, &if_unsupported, &recoverable, NULL};

void
config_call(struct config_backend *backend, const struct yaml_node *call,
    struct problems *problems)
{
	struct mortise_options *options;

	if (call != NULL && call->kind != YAML_MAP) {
		problem_error(problems, &call->place, "call must be a map, such as {timeout: 2s}");
		return;
	}
	options = options_check(call, call == NULL ? &backend->place : &call->place, schema,
	    NULL, problems);
	if (options == NULL)
		return;
	backend->timeout_ms = (uint64_t)options_number(options, "timeout");
	backend->skip_if_missing = options_given(options, "if-missing");
	backend->skip_if_unsupported = options_given(options, "if-unsupported");
	if (options_given(options, "breaker")) {
		backend->rules.failures = (unsigned int)options_number(options, "breaker.failures");
		backend->rules.open_ms = (uint64_t)options_number(options, "breaker.open");
	}
	if (options_given(options, "cache")) {
		backend->rules.ttl_ms = (uint64_t)options_number(options, "cache.ttl");
		backend->rules.negative_ms = (uint64_t)options_number(options, "cache.negative");
		backend->rules.stale_ms = (uint64_t)options_number(options, "cache.stale");
		backend->rules.cache_size = (size_t)options_number(options, "cache.size");
	}
	if (options_given(options, "retry"))
		backend->rules.attempts = (unsigned int)options_number(options, "retry.attempts");
	backend->rules.recoverable_days = (unsigned int)options_number(options, "recoverable");
	options_free(options);
}
