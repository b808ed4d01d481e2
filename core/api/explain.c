/* SPDX-License-Identifier: BSD-2-Clause */
/* explain: how a call would run, and how it did. */
#include <stdlib.h>
#include <string.h>

#include "api/context.h"
#include "base/name.h"
#include "operation/route.h"

/* The steps of a run, in their order; each is shown once. */
struct ran {
	struct chain_step step;
	struct backend_told told;
	bool shown;
};
struct steps {
	struct ran *items;
	size_t count, capacity;
	bool failed;
};

static void
steps_free(struct steps *steps)
{
	free(steps->items);
}

static void
take_step(void *arg, const struct chain_step *step, const struct backend_told *told)
{
	struct steps *steps = arg;

	if (steps->count == steps->capacity) {
		size_t capacity = steps->capacity == 0 ? 32 : steps->capacity * 2;
		struct ran *items = realloc(steps->items, capacity * sizeof(*items));

		if (items == NULL) {
			steps->failed = true;
			return;
		}
		steps->items = items;
		steps->capacity = capacity;
	}
	steps->items[steps->count] = (struct ran){.step = *step};
	if (told != NULL)
		steps->items[steps->count].told = *told;
	steps->count++;
}

static const struct ran *
find_step(struct steps *steps, const struct chain_entry *entry, unsigned int depth)
{
	for (size_t i = 0; i < steps->count; i++) {
		struct ran *ran = &steps->items[i];

		if (!ran->shown && ran->step.entry == entry && ran->step.depth == depth) {
			ran->shown = true;
			return ran;
		}
	}
	return NULL;
}

struct showing {
	enum chain_op op;
	struct steps *steps;	/* NULL: not run */
	mortise_explain_fn *each;
	void *arg;
	struct buffer actions, detail;
};

static void
write_actions(const struct chain_entry *entry, enum chain_op op, struct buffer *text)
{
	text->size = 0;
	for (int i = 0; i < MORTISE_CODES; i++)
		buffer_format(text, "%s%s=%s", i == 0 ? "" : " ",
		    mortise_code_name((enum mortise_code)i), chain_action_name(
		    chain_action_for(entry, (enum mortise_code)i, op)));
}

/* How the answer came about, where it was not plainly asked for once. */
static void
write_detail(const struct backend_told *told, struct buffer *text)
{
	text->size = 0;
	buffer_text(text, "");
	if (told->cached)
		buffer_format(text, "cached, %llu ms old", (unsigned long long)told->age_ms);
	else if (told->shared)
		buffer_text(text, "shared another caller's request");
	else if (told->refused)
		buffer_text(text, "not asked: the breaker is open");
	else if (told->attempts > 1)
		buffer_format(text, "%u attempts", told->attempts);
}

static void
show_chain(struct showing *showing, const struct chain *chain, unsigned int depth)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		const struct ran *ran = showing->steps == NULL ? NULL :
		    find_step(showing->steps, entry, depth);
		struct mortise_explain_step step = {
			.size = sizeof(step),
			.file = entry->place.file,
			.line = entry->place.line,
			.column = entry->place.column,
			.depth = depth,
			.backend = entry->use,
			.word = chain_word_name(entry->word != CHAIN_DEFAULT ? entry->word :
			    chain_default_word(showing->op)),
		};

		write_actions(entry, showing->op, &showing->actions);
		step.actions = showing->actions.failed ? "" : showing->actions.data;
		if (ran != NULL) {
			step.code = mortise_code_name(ran->step.code);
			step.action = chain_action_name(ran->step.action);
			step.us = (int64_t)(ran->step.ns / 1000);
			write_detail(&ran->told, &showing->detail);
			step.detail = showing->detail.failed ? "" : showing->detail.data;
		}
		showing->each(showing->arg, &step);
		if (entry->inner != NULL)
			show_chain(showing, entry->inner, depth + 1);
	}
}

static enum mortise_code
show(const struct config *config, const char *name, struct showing *showing,
    struct mortise_error *error)
{
	const struct config_route *route = route_find(config->secret, config->secret_count, name);
	struct mortise_explain_step step = {.size = sizeof(step)};
	const struct chain *chain;
	enum mortise_code code = route_chain(route, showing->op, &chain, error);

	if (route != NULL) {
		step.file = route->place.file;
		step.line = route->place.line;
		step.column = route->place.column;
		step.backend = route->match;
		step.word = chain_op_name(showing->op);
		step.actions = "";
		showing->each(showing->arg, &step);
	}
	if (code == MORTISE_OK)
		show_chain(showing, chain, 1);
	buffer_free(&showing->actions);
	buffer_free(&showing->detail);
	return code;
}

/* The get itself, audited as any other; its value goes nowhere. */
static enum mortise_code
run_get(const struct engine *engine, const struct mortise_request *request, const char *name,
    struct steps *steps, struct mortise_error *error)
{
	struct mortise_secret *value = NULL;
	enum mortise_code code = audited_get(engine, request, name, NULL, take_step, steps, &value,
	    NULL, error);

	mortise_secret_free(value);
	return code;
}

static bool
parse_operation(const char *word, enum chain_op *op)
{
	for (int i = 0; i < CHAIN_OPS; i++) {
		if (strcmp(chain_op_name((enum chain_op)i), word) == 0) {
			*op = (enum chain_op)i;
			return true;
		}
	}
	return false;
}

enum mortise_code
mortise_explain(struct mortise *context, const struct mortise_request *request,
    const char *operation, const char *name, bool run, mortise_explain_fn *each, void *arg,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct steps steps _cleanup_(steps_free) = {0};
	struct showing showing = {.steps = run ? &steps : NULL, .each = each, .arg = arg};
	enum mortise_code ran = MORTISE_OK, code = name_check(name, error);

	if (code == MORTISE_OK && (!parse_operation(operation, &showing.op) ||
	    (run && showing.op != CHAIN_GET)))
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE, run ?
		    "only a get can be run" : "explain knows get, put, keep and delete");
	if (code != MORTISE_OK)
		return code;
	if (run)
		ran = run_get(&running->engine, request, name, &steps, error);
	/* Shown also when it failed: that is when people ask.  The run's error is
	 * the one to keep. */
	code = show(running->engine.config, name, &showing, ran == MORTISE_OK ? error : NULL);
	return ran != MORTISE_OK ? ran : code;
}
