/* SPDX-License-Identifier: BSD-2-Clause */
/* audit: sinks: who follows the trail, and how. */
#include <limits.h>
#include <string.h>

#include "base/name.h"
#include "config/parts.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static const char *const wait_words[] = {
	[SINK_ACK] = "ack", [SINK_LAG] = "lag", [SINK_NEVER] = "never", NULL
}, *const reject_words[] = {"deny", "park", NULL};

#define OPTION(name_, type_, initial_, minimum_, maximum_) { \
	.size = sizeof(struct mortise_option), .name = (name_), .type = (type_), .doc = "", \
	.initial = (initial_), .minimum = (minimum_), .maximum = (maximum_), \
}

static const struct mortise_option
    wait = {
	.size = sizeof(wait), .name = "wait", .type = MORTISE_OPTION_ENUM, .doc = "",
	.words = wait_words, .initial = "ack",
    },
    timeout = OPTION("timeout", MORTISE_OPTION_DURATION, "2s", 1, HOUR_MS),
    on_reject = {
	.size = sizeof(on_reject), .name = "on-reject", .type = MORTISE_OPTION_ENUM, .doc = "",
	.words = reject_words,
    },
    records = OPTION("records", MORTISE_OPTION_INT, NULL, 1, INT64_C(1) << 40),
    bytes = OPTION("bytes", MORTISE_OPTION_SIZE, NULL, 1, INT64_C(1) << 50),
    age = OPTION("age", MORTISE_OPTION_DURATION, NULL, 1, 3650 * DAY_MS);
static const struct mortise_option *const lag_members[] = {&records, &bytes, &age, NULL};
static const struct mortise_option max_lag = {
	.size = sizeof(max_lag), .name = "max-lag", .type = MORTISE_OPTION_GROUP, .doc = "",
	.members = lag_members,
};
static const struct mortise_option *const schema[] = {&wait, &timeout, &on_reject, &max_lag, NULL};
static const char *const others[] = {"use", "only", NULL};

static void
read_use(const struct config *config, const struct yaml_node *node, struct config_sink *sink,
    struct problems *problems)
{
	const struct yaml_node *use = yaml_member(node, "use");
	const char *text = use == NULL ? NULL : text_of(use, "use", problems);

	if (use == NULL)
		problem_error(problems, &node->place, "use is missing: the backend that the records "
		    "go to");
	for (size_t i = 0; text != NULL && i < config->backends_count; i++) {
		if (strcmp(config->backends[i].name, text) == 0) {
			sink->target = i;
			return;
		}
	}
	if (text != NULL)
		problem_error(problems, &use->place, "there is no backend %s; name one of "
		    "`backends:`", text);
}

static void
read_only(struct config *config, const struct yaml_node *only, struct config_sink *sink,
    struct problems *problems)
{
	if (only == NULL)
		return;
	if (only->kind != YAML_LIST || only->count == 0) {
		problem_error(problems, &only->place, "only must be a list of actions, which may "
		    "have a *: [token_viewed, \"access_*\"]");
		return;
	}
	sink->only = config_take(config, only->count, sizeof(*sink->only), problems);
	for (size_t i = 0; sink->only != NULL && i < only->count; i++) {
		const char *text = text_of(only->values[i], "an action", problems);

		if (text != NULL)
			sink->only[sink->only_count++] = text;
	}
}

/* Where the entry's keys are good by themselves: are they together? */
static void
check_together(const struct yaml_node *node, const struct config_sink *sink,
    struct problems *problems)
{
	const struct yaml_node *lag = yaml_member(node, "max-lag");

	if (sink->wait == SINK_LAG && sink->max_records == 0 && sink->max_bytes == 0 &&
	    sink->max_age_ms == 0)
		problem_error(problems, &node->place, "wait: lag needs a max-lag that it denies "
		    "beyond: {records: 10000}, {bytes: 64MiB} or {age: 5m}");
	if (sink->wait != SINK_LAG && lag != NULL)
		problem_error(problems, &lag->place, "max-lag goes with wait: lag only; remove one, "
		    "or change the other");
}

static void
read_sink(struct config *config, const struct yaml_node *node, struct config_sink *sink,
    struct problems *problems)
{
	size_t before = problems->errors;
	struct mortise_options *options;

	sink->place = node->place;
	if (node->kind != YAML_MAP) {
		problem_error(problems, &node->place, "a sink must be a map, such as "
		    "{use: BACKEND, wait: ack}");
		return;
	}
	read_use(config, node, sink, problems);
	read_only(config, yaml_member(node, "only"), sink, problems);
	options = options_check(node, &node->place, schema, others, problems);
	if (options == NULL)
		return;
	sink->wait = (enum sink_wait)options_number(options, "wait");
	sink->timeout_ms = (uint64_t)options_number(options, "timeout");
	sink->max_records = (uint64_t)options_number(options, "max-lag.records");
	sink->max_bytes = (uint64_t)options_number(options, "max-lag.bytes");
	sink->max_age_ms = options_number(options, "max-lag.age");
	/* Who waits for it wants it whole. */
	sink->park = options_given(options, "on-reject") ?
	    options_number(options, "on-reject") == 1 : sink->wait == SINK_NEVER;
	options_free(options);
	if (problems->errors == before)
		check_together(node, sink, problems);
}

void
config_sinks(struct config *config, const struct yaml_node *list, struct problems *problems)
{
	struct config_audit *audit = &config->audit;

	if (list == NULL)
		return;
	if (list->kind != YAML_LIST || list->count == 0) {
		problem_error(problems, &list->place,
		    "sinks must be a list, such as [{use: BACKEND, wait: ack}]");
		return;
	}
	audit->sinks = config_take(config, list->count, sizeof(*audit->sinks), problems);
	for (size_t i = 0; audit->sinks != NULL && i < list->count; i++) {
		struct config_sink *sink = &audit->sinks[audit->sinks_count];
		size_t before = problems->errors;

		read_sink(config, list->values[i], sink, problems);
		for (size_t k = 0; problems->errors == before && k < audit->sinks_count; k++) {
			if (audit->sinks[k].target == sink->target)
				problem_error(problems, &sink->place, "%s is a sink already (line %u); "
				    "configure it as a second backend to have it twice",
				    config->backends[sink->target].name, audit->sinks[k].place.line);
		}
		if (problems->errors == before)
			audit->sinks_count++;
	}
}
