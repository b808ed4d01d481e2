/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One secret from one backend to another, with its older versions and its labels where
 * both keep such.
 *
 * An earlier run may have been killed at any point: what the target has decides what is
 * left to do, so that no version is written twice.  Labels go with the first write, for
 * where they are a second step of the target's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "move/moving.h"
#include "secmem/secret.h"

/* What a backend tells of a name. */
struct described {
	struct mortise_version *versions;	/* with a value, newest first */
	size_t count;
	struct mortise_pair *labels;		/* sorted by name; both texts malloc'd */
	size_t labels_count;
};

static void
described_free(struct described *described)
{
	free(described->versions);
	for (size_t i = 0; i < described->labels_count; i++) {
		free((char *)(uintptr_t)described->labels[i].name);
		free((char *)(uintptr_t)described->labels[i].value);
	}
	free(described->labels);
}

static enum mortise_code
take_version(void *arg, const struct mortise_history *history)
{
	struct described *described = arg;
	struct mortise_version *bigger;

	if (history->destroyed || history->deleted_ms != 0)
		return MORTISE_OK;
	bigger = realloc(described->versions, (described->count + 1) * sizeof(*bigger));
	if (bigger == NULL)
		return MORTISE_ERROR;
	described->versions = bigger;
	described->versions[described->count++] = history->version;
	return MORTISE_OK;
}

static enum mortise_code
take_labels(void *arg, const struct mortise_pair *pairs, size_t count)
{
	struct described *described = arg;
	struct mortise_pair *bigger = realloc(described->labels,
	    (described->labels_count + count + 1) * sizeof(*bigger));

	if (bigger == NULL)
		return MORTISE_ERROR;
	described->labels = bigger;
	for (size_t i = 0; i < count; i++) {
		struct mortise_pair pair = {text_dup(pairs[i].name), text_dup(pairs[i].value)};

		described->labels[described->labels_count++] = pair;
		if (pair.name == NULL || pair.value == NULL)
			return MORTISE_ERROR;
	}
	return MORTISE_OK;
}

static int
compare_labels(const void *a, const void *b)
{
	const struct mortise_pair *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Nothing, where the backend cannot tell or has no such name. */
static enum mortise_code
describe(const struct moving *moving, struct operation *operation, size_t backend,
    const char *name, struct described *described)
{
	struct mortise_out out = {.history = take_version, .row = take_labels, .arg = described};
	enum mortise_code code;

	if (!operation_can_at(moving->engine, backend, MORTISE_CAN_SECRET_DESCRIBE))
		return MORTISE_OK;
	code = operation_describe_at(operation, backend, name, &out);
	if (described->labels_count > 1)
		qsort(described->labels, described->labels_count, sizeof(*described->labels),
		    compare_labels);
	return code == MORTISE_NOT_FOUND || code == MORTISE_UNSUPPORTED ? MORTISE_OK : code;
}

static bool
same_labels(const struct described *a, const struct described *b)
{
	bool same = a->labels_count == b->labels_count;

	for (size_t i = 0; same && i < a->labels_count; i++)
		same = strcmp(a->labels[i].name, b->labels[i].name) == 0 &&
		    strcmp(a->labels[i].value, b->labels[i].value) == 0;
	return same;
}

/* --- what is to be written ------------------------------------------------------------ */

struct copying {
	const struct moving *moving;
	struct operation *operation;
	const char *name;
	struct described source, target;
	struct mortise_secret **values;		/* the source's, oldest first */
	size_t count;
	struct mortise_secret *there;		/* the target's newest; NULL: none */
	struct mortise_version there_version;
};

static void
copying_free(struct copying *copying)
{
	for (size_t i = 0; i < copying->count; i++)
		mortise_secret_free(copying->values[i]);
	free(copying->values);
	mortise_secret_free(copying->there);
	described_free(&copying->source);
	described_free(&copying->target);
}

/* One that went away meanwhile is no version any more. */
static enum mortise_code
read_value(struct copying *copying, const struct mortise_version *version)
{
	struct mortise_version found;
	enum mortise_code code = operation_get_at(copying->operation, copying->moving->from,
	    copying->name, version, &copying->values[copying->count], &found);

	if (code == MORTISE_OK)
		copying->count++;
	return code == MORTISE_NOT_FOUND && version != NULL ? MORTISE_OK : code;
}

static enum mortise_code
read_source(struct copying *copying)
{
	const struct described *source = &copying->source;
	size_t older = copying->moving->newest_only || source->count < 2 ? 0 : source->count - 1;
	enum mortise_code code = MORTISE_OK;

	copying->values = calloc(older + 1, sizeof(struct mortise_secret *));
	if (copying->values == NULL)
		return error_memory(copying->operation->error);
	for (size_t i = older; code == MORTISE_OK && i > 0; i--)
		code = read_value(copying, &source->versions[i]);
	return code == MORTISE_OK ? read_value(copying, NULL) : code;
}

static enum mortise_code
read_target(struct copying *copying)
{
	enum mortise_code code = operation_get_at(copying->operation, copying->moving->to,
	    copying->name, NULL, &copying->there, &copying->there_version);

	return code == MORTISE_NOT_FOUND ? MORTISE_OK : code;
}

/* The first of the source's values that the target lacks.  false: what the target has
 * came from somewhere else. */
static bool
find_start(const struct copying *copying, size_t *start)
{
	size_t kept = copying->target.count;

	*start = 0;
	if (copying->there == NULL)
		return true;
	/* As many as an earlier run has written, else the last that fits. */
	if (kept > 0 && kept <= copying->count &&
	    mortise_secret_equal(copying->values[kept - 1], copying->there)) {
		*start = kept;
		return true;
	}
	for (size_t i = copying->count; i > 0; i--) {
		if (mortise_secret_equal(copying->values[i - 1], copying->there)) {
			*start = i;
			return true;
		}
	}
	*start = copying->count - 1;
	return copying->moving->overwrite;
}

/* --- writing ---------------------------------------------------------------------------- */

/* On what was read, where the target can compare. */
static enum mortise_code
write_value(struct copying *copying, size_t i, bool with_labels, struct mortise_version *newest)
{
	struct mortise_secret_put put = {.size = sizeof(put), .value = copying->values[i]};
	struct mortise_version made = {""};
	size_t to = copying->moving->to;
	enum mortise_code code;

	if (with_labels) {
		put.labels = copying->source.labels;
		put.labels_count = copying->source.labels_count;
	}
	put.only_if_absent = newest == NULL;
	put.only_if = newest == NULL || newest->text[0] == '\0' ? NULL : newest;
	code = operation_put_at(copying->operation, to, copying->name, &put, &made);
	if (code == MORTISE_UNSUPPORTED && (put.only_if_absent || put.only_if != NULL)) {
		put.only_if_absent = false;
		put.only_if = NULL;
		code = operation_put_at(copying->operation, to, copying->name, &put, &made);
	}
	if (code == MORTISE_OK)
		copying->there_version = made;
	return code;
}

static enum mortise_code
read_back(struct copying *copying)
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = NULL;
	struct mortise_version found;
	enum mortise_code code = operation_get_at(copying->operation, copying->moving->to,
	    copying->name, NULL, &value, &found);

	if (code == MORTISE_OK &&
	    !mortise_secret_equal(value, copying->values[copying->count - 1]))
		code = error_set(copying->operation->error, MORTISE_ERROR,
		    MORTISE_REASON_DIFFERENCE, "it was written, and another value was read back; "
		    "is somebody else writing it there?");
	return code;
}

static enum mortise_code
write_from(struct copying *copying, size_t start, struct mortise_moved_info *info)
{
	bool labels = copying->source.labels_count > 0 &&
	    !same_labels(&copying->source, &copying->target);
	struct mortise_version *newest = copying->there == NULL ? NULL : &copying->there_version;
	enum mortise_code code = operation_intent(copying->operation);

	for (size_t i = start; code == MORTISE_OK && i < copying->count; i++) {
		code = write_value(copying, i, labels, newest);
		if (code == MORTISE_UNSUPPORTED && labels) {
			info->labels_left = true;
			code = write_value(copying, i, false, newest);
		}
		labels = false;
		newest = &copying->there_version;
	}
	return code == MORTISE_OK ? read_back(copying) : code;
}

static enum mortise_code
copy(struct copying *copying, struct mortise_moved_info *info)
{
	const struct moving *moving = copying->moving;
	bool describes = operation_can_at(moving->engine, moving->to, MORTISE_CAN_SECRET_DESCRIBE);
	enum mortise_code code = describe(moving, copying->operation, moving->from, copying->name,
	    &copying->source);
	size_t start = 0;

	if (code == MORTISE_OK)
		code = read_source(copying);
	if (code == MORTISE_OK)
		code = read_target(copying);
	if (code == MORTISE_OK && copying->there != NULL)
		code = describe(moving, copying->operation, moving->to, copying->name,
		    &copying->target);
	if (code != MORTISE_OK)
		return code;
	if (!find_start(copying, &start)) {
		info->what = MORTISE_MOVED_DIFFERS;
		return MORTISE_OK;
	}
	/* Labels alone cannot be put: the newest value goes with them once more. */
	if (start == copying->count && describes &&
	    !same_labels(&copying->source, &copying->target) && copying->source.labels_count > 0)
		start--;
	info->what = start == copying->count ? MORTISE_MOVED_SAME : MORTISE_MOVED_COPIED;
	info->versions = copying->count - start;
	if (start == copying->count || moving->dry_run)
		return MORTISE_OK;
	return write_from(copying, start, info);
}

enum mortise_code
move_copy(const struct moving *moving, struct mortise_moved_info *info,
    struct mortise_error *error)
{
	struct operation operation;
	struct copying copying _cleanup_(copying_free) = {.moving = moving,
	    .operation = &operation, .name = info->name};
	enum mortise_code code = operation_begin(&operation, moving->engine, moving->request,
	    "secret_copied", "secret", info->name, error);

	operation.fresh = true;
	if (code == MORTISE_OK)
		code = moving->claim(&operation, info->name);
	if (code == MORTISE_OK)
		code = copy(&copying, info);
	return move_end(&operation, code, info);
}
