/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trail's segment: to the verifier, to the search, to what sinks get of it, and to the
 * writer that opens it after a crash.  What the verifier takes for good the others must take as well, and
 * the writer must leave it good; but a cut last line the writer looks at more closely.
 */
#include "fuzz.h"

#include "audit/fields.h"
#include "audit/trail.h"
#include "audit/search.h"
#include "audit/verify.h"
#include "base/error.h"

#define DIRECTORY "trail"
#define SEGMENT DIRECTORY "/000001.jsonl"

static void
count_line(void *arg, const char *line, size_t size)
{
	static struct fields fields;

	/* Whether it is one of ours or not: sinks must not suffer from it. */
	if (fields_take(&fields, line, size))
		MUST(fields_find(&fields, "h") != NULL);
	MUST(line != NULL && line[size] == 0);
	++*(size_t *)arg;
}

static enum mortise_code
verify(const char *path)
{
	const char *const files[] = {path};
	const struct mortise_verify_options options = {.size = sizeof(options), .files = files,
	    .files_count = 1};
	char verdict[512] = "";
	enum mortise_code code = mortise_audit_verify(&options, verdict, sizeof(verdict), NULL);

	MUST(verdict[0] != '\0');
	return code;
}

static void
clear(const char *directory)
{
	char command[160];

	/* lock, head, writers and whatever opening has set aside. */
	(void)snprintf(command, sizeof(command), "%s", directory);
	(void)nftw(command, fuzz_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	MUST(mkdir(directory, 0700) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct logger silent;
	const struct mortise_audit_filter all = {.size = sizeof(all)};
	char directory[128];
	struct trail_options options = {.directory = directory, .program = "fuzz",
	    .config = "0000000000000000000000000000000000000000000000000000000000000000",
	    .retention_ms = INT64_MAX / 2, .logger = &silent};
	struct trail *trail = NULL;
	enum mortise_code verified, searched, opened;
	size_t lines = 0;
	const char *path;

	(void)snprintf(directory, sizeof(directory), "%s/" DIRECTORY, fuzz_directory());
	clear(directory);
	path = fuzz_file(SEGMENT, bytes, size);
	verified = verify(path);
	searched = search_trail(directory, &all, count_line, &lines, NULL);
	MUST(verified != MORTISE_OK || searched == MORTISE_OK);
	opened = trail_open(&options, &trail, NULL);
	MUST(verified != MORTISE_OK || opened == MORTISE_OK || bytes[size - 1] != '\n');
	if (opened != MORTISE_OK)
		return 0;
	trail_close(trail);
	MUST(verified != MORTISE_OK || verify(path) == MORTISE_OK);
	return 0;
}
