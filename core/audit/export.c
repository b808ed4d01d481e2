/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/export.h"

#include <string.h>

#include "audit/owner.h"
#include "audit/parts.h"

#define HEADER "{\"mortiseExport\":1}"

struct exporting {
	struct owner owner;
	mortise_line_fn *each;
	void *arg;
	struct mortise_export_report *done;
	struct buffer line;		/* what is given next, with its NUL */
};

static enum mortise_code
learn(void *arg, const struct walk_line *line, struct mortise_error *error)
{
	struct exporting *exporting = arg;

	return owner_learn(&exporting->owner, line->text, line->size) ? MORTISE_OK :
	    error_memory(error);
}

/* What the links hang on, and what tells of erased parts. */
static bool
is_everybodys(const struct line *line)
{
	static const char *const types[] = {"open", "checkpoint", "erase"};
	const char *type = json_string_value(json_object_get(line->tree, "t"));

	for (size_t i = 0; type != NULL && i < ARRAY_SIZE(types); i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

static bool
make_line(struct exporting *exporting, const struct walk_line *at, const struct line *line)
{
	struct buffer *made = &exporting->line;
	char digest[65];
	bool whole = is_everybodys(line) || owner_has(&exporting->owner, at->text, at->size);

	made->size = 0;
	if (whole)
		buffer_append(made, at->text, at->size);
	else if (record_digest(line->c, line->c_size, digest))
		buffer_format(made, "{\"d\":\"%s\",\"h\":\"%.64s\"}", digest, line->h);
	else
		return false;
	exporting->done->records++;
	exporting->done->whole += whole;
	exporting->done->seq = (uint64_t)json_integer_value(json_object_get(line->tree, "seq"));
	memcpy(exporting->done->hash, line->h, 64);
	return !made->failed;
}

static enum mortise_code
give(void *arg, const struct walk_line *at, struct mortise_error *error)
{
	struct exporting *exporting = arg;
	struct line line = {0};
	bool good;

	if (!line_split(at->text, at->size + 1, &line))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_DIFFERENCE,
		    "what follows record %llu is no record; see `mortise audit verify`",
		    (unsigned long long)exporting->done->seq);
	good = make_line(exporting, at, &line);
	json_decref(line.tree);
	if (!good)
		return error_memory(error);
	exporting->each(exporting->arg, exporting->line.data, exporting->line.size);
	return MORTISE_OK;
}

enum mortise_code
export_trail(const struct walk *walk, const char *agency, mortise_line_fn *each, void *arg,
    struct mortise_export_report *done, struct mortise_error *error)
{
	struct exporting exporting = {.each = each, .arg = arg, .done = done};
	enum mortise_code code = owner_begin(&exporting.owner, agency) ?
	    walk_lines(walk, 0, learn, &exporting, error) : error_memory(error);

	if (code == MORTISE_OK) {
		each(arg, HEADER, sizeof(HEADER) - 1);
		code = walk_lines(walk, 0, give, &exporting, error);
	}
	owner_end(&exporting.owner);
	buffer_free(&exporting.line);
	return code;
}
