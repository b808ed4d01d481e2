/* SPDX-License-Identifier: BSD-2-Clause */
/* copy, migrate, diff: secrets from one backend to another. */
#include <stdlib.h>
#include <string.h>

#include "api/context.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/name.h"
#include "base/sized.h"
#include "move/migrate.h"

#define JOBS_DEFAULT 8

/* migrate-FROM-TO.journal where the trail is; malloc'd, NULL: no memory. */
static char *
default_journal(const struct config *config, const struct mortise_move_options *options)
{
	char *directory _cleanup_(free_pointer) = path_directory(config->audit.trail);
	char *name _cleanup_(free_pointer) = text_format("migrate-%s-%s.journal", options->from,
	    options->to);

	return directory == NULL || name == NULL ? NULL : path_join(directory, name);
}

static enum mortise_code
prepare(const struct engine *engine, const struct mortise_request *request,
    const struct mortise_move_options *given, struct migrate *migrate,
    struct mortise_error *error)
{
	struct mortise_move_options options;
	enum mortise_code code;

	if (!sized_copy(&options, sizeof(options), given) || options.from == NULL ||
	    options.to == NULL)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "two backends have to be named");
	if (options.jobs > MOVE_THREADS_MAX)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "at most %d names at a time", MOVE_THREADS_MAX);
	*migrate = (struct migrate){
		.moving = {.engine = engine, .request = request, .dry_run = options.dry_run,
		    .newest_only = options.newest_only, .overwrite = options.overwrite,
		    .claim = claim_tokens},
		.prefix = options.prefix == NULL ? "" : options.prefix,
		.journal = options.journal,
		.threads = options.jobs == 0 ? JOBS_DEFAULT : options.jobs,
		.rate = options.rate, .delete_source = options.delete_source,
		.each = options.each, .arg = options.arg,
	};
	code = backend_find(engine->config, options.from, &migrate->moving.from, error);
	if (code == MORTISE_OK)
		code = backend_find(engine->config, options.to, &migrate->moving.to, error);
	if (code == MORTISE_OK && migrate->moving.from == migrate->moving.to)
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "both are the backend %s", options.from);
	if (code == MORTISE_OK && !random_bytes(migrate->moving.key, sizeof(migrate->moving.key)))
		code = error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "the random number generator failed");
	return code;
}

static void
give_report(const struct mortise_move_report *report, struct mortise_move_report *to)
{
	if (to != NULL)
		sized_give(to, sizeof(*report), report);
}

enum mortise_code
mortise_copy(struct mortise *context, const struct mortise_request *request, const char *name,
    const struct mortise_move_options *options, struct mortise_move_report *given_report,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise_move_report report = {.size = sizeof(report)};
	struct migrate migrate;
	enum mortise_code code;

	error_clear(error);
	code = name_check(name, error);
	if (code == MORTISE_OK)
		code = prepare(&running->engine, request, options, &migrate, error);
	if (code == MORTISE_OK)
		code = move_single(&migrate, name, &report, error);
	give_report(&report, given_report);
	return code;
}

enum mortise_code
mortise_migrate(struct mortise *context, const struct mortise_request *request,
    const struct mortise_move_options *options, struct mortise_move_report *given_report,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise_move_report report = {.size = sizeof(report)};
	char *journal _cleanup_(free_pointer) = NULL;
	struct migrate migrate;
	enum mortise_code code;

	error_clear(error);
	code = prepare(&running->engine, request, options, &migrate, error);
	if (code == MORTISE_OK && migrate.journal == NULL && context->trail != NULL) {
		journal = default_journal(running->engine.config, options);
		migrate.journal = journal;
		if (journal == NULL)
			code = error_memory(error);
	}
	if (code == MORTISE_OK)
		code = move_migrate(&migrate, &report, error);
	give_report(&report, given_report);
	return code;
}

enum mortise_code
mortise_diff(struct mortise *context, const struct mortise_request *request,
    const struct mortise_move_options *options, struct mortise_move_report *given_report,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise_move_report report = {.size = sizeof(report)};
	struct migrate migrate;
	enum mortise_code code;

	error_clear(error);
	code = prepare(&running->engine, request, options, &migrate, error);
	if (code == MORTISE_OK)
		code = move_diff(&migrate, &report, error);
	give_report(&report, given_report);
	return code;
}
