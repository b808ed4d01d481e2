/* SPDX-License-Identifier: BSD-2-Clause */
/* Many secrets at a time: copied, compared, deleted at the source. */
#include "move/migrate.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "move/crew.h"
#include "move/journal.h"

typedef enum mortise_code step_fn(const struct moving *, struct mortise_moved_info *,
    struct mortise_error *);

struct pass {
	const struct migrate *migrate;
	step_fn *step;
	struct journal *journal;	/* NULL: none */
	size_t total;
	pthread_mutex_t lock;		/* guards what follows, and `each` */
	uint64_t done;
	struct mortise_move_report *report;
	struct mortise_error first;	/* of the first name that failed */
};

static void
count(struct mortise_move_report *report, const struct mortise_moved_info *info)
{
	uint64_t *const counts[] = {
		[MORTISE_MOVED_COPIED] = &report->copied,
		[MORTISE_MOVED_SAME] = &report->same,
		[MORTISE_MOVED_DONE] = &report->done_before,
		[MORTISE_MOVED_DIFFERS] = &report->differ,
		[MORTISE_MOVED_ONLY_FIRST] = &report->differ,
		[MORTISE_MOVED_ONLY_SECOND] = &report->differ,
		[MORTISE_MOVED_DELETED] = &report->deleted,
		[MORTISE_MOVED_FAILED] = &report->failed,
	};

	++*counts[info->what];
	report->versions += info->versions;
	report->labels_left += info->labels_left;
}

static void
tell(struct pass *pass, struct mortise_moved_info *info, const struct mortise_error *error)
{
	const struct migrate *migrate = pass->migrate;

	(void)pthread_mutex_lock(&pass->lock);
	info->done = ++pass->done;
	info->total = pass->total;
	count(pass->report, info);
	if (info->what == MORTISE_MOVED_FAILED && pass->report->failed == 1)
		pass->first = *error;
	if (migrate->each != NULL)
		migrate->each(migrate->arg, info);
	(void)pthread_mutex_unlock(&pass->lock);
}

static enum mortise_code
work(void *arg, const char *name, struct mortise_error *error)
{
	struct pass *pass = arg;
	struct mortise_moved_info info = {.size = sizeof(info), .name = name};
	enum mortise_code code = MORTISE_OK;

	if (pass->journal != NULL && journal_has(pass->journal, name))
		info.what = MORTISE_MOVED_DONE;
	else
		code = pass->step(&pass->migrate->moving, &info, error);
	if (code == MORTISE_OK && pass->journal != NULL && (info.what == MORTISE_MOVED_COPIED ||
	    info.what == MORTISE_MOVED_SAME))
		code = journal_add(pass->journal, name, error);
	if (code == MORTISE_OK)
		tell(pass, &info, error);
	return code;
}

static enum mortise_code
run_pass(const struct migrate *migrate, step_fn *step, struct journal *journal,
    const struct names *names, struct mortise_move_report *report,
    struct mortise_error *error)
{
	struct pass pass = {.migrate = migrate, .step = step, .journal = journal,
	    .total = names->count, .report = report};
	const struct crew crew = {.threads = migrate->threads, .rate = migrate->rate,
	    .work = work, .arg = &pass};
	enum mortise_code code;

	if (pthread_mutex_init(&pass.lock, NULL) != 0)
		return error_memory(error);
	code = crew_run(&crew, names, error);
	(void)pthread_mutex_destroy(&pass.lock);
	if (code == MORTISE_OK && report->failed > 0 && names->count == 1) {
		code = pass.first.code;
		*error = pass.first;
	} else if (code == MORTISE_OK && report->failed > 0) {
		code = pass.first.code;
		(void)(error_set)(error, code, pass.first.reason, "%llu of %zu failed; of the first: "
		    "%s", (unsigned long long)report->failed, names->count, pass.first.message);
	}
	return code;
}

static enum mortise_code
differences(const struct mortise_move_report *report, const char *what,
    struct mortise_error *error)
{
	return report->differ == 0 ? MORTISE_OK : error_set(error, MORTISE_CONFLICT,
	    MORTISE_REASON_DIFFERENCE, "%llu of %llu %s", (unsigned long long)report->differ,
	    (unsigned long long)report->total, what);
}

static enum mortise_code
copy_all(const struct migrate *migrate, struct journal *journal,
    const struct names *names, struct mortise_move_report *report,
    struct mortise_error *error)
{
	enum mortise_code code = run_pass(migrate, move_copy, journal, names, report, error);

	if (code == MORTISE_OK)
		code = differences(report, "have another value at the target, which did not come from "
		    "the source, and were left; look at them, and --overwrite if the source's is the "
		    "right one", error);
	if (code == MORTISE_OK && migrate->delete_source && !migrate->moving.dry_run)
		code = run_pass(migrate, move_remove, NULL, names, report, error);
	return code;
}

enum mortise_code
move_migrate(const struct migrate *migrate, struct mortise_move_report *report,
    struct mortise_error *error)
{
	struct names names _cleanup_(names_free) = {0};
	struct journal *journal _cleanup_(journal_close) = NULL;
	enum mortise_code code = MORTISE_OK;

	if (migrate->journal != NULL && !migrate->moving.dry_run)
		code = journal_open(migrate->journal, &migrate->moving, migrate->prefix, &journal,
		    error);
	if (code == MORTISE_OK)
		code = move_list(&migrate->moving, migrate->moving.from, migrate->prefix, &names,
		    error);
	report->total = names.count;
	if (code == MORTISE_OK)
		code = copy_all(migrate, journal, &names, report, error);
	if (code == MORTISE_OK && journal != NULL)
		code = journal_remove(journal, error);
	return code;
}

enum mortise_code
move_single(const struct migrate *migrate, const char *name, struct mortise_move_report *report,
    struct mortise_error *error)
{
	char *only = (char *)(uintptr_t)name;
	const struct names names = {.all = &only, .count = 1};

	report->total = 1;
	return copy_all(migrate, NULL, &names, report, error);
}

enum mortise_code
move_diff(const struct migrate *migrate, struct mortise_move_report *report,
    struct mortise_error *error)
{
	struct names both _cleanup_(names_free) = {0};
	enum mortise_code code = move_list(&migrate->moving, migrate->moving.from,
	    migrate->prefix, &both, error);

	if (code == MORTISE_OK)
		code = move_list(&migrate->moving, migrate->moving.to, migrate->prefix, &both, error);
	report->total = both.count;
	if (code == MORTISE_OK)
		code = run_pass(migrate, move_compare, NULL, &both, report, error);
	return code == MORTISE_OK ? differences(report, "differ", error) : code;
}
