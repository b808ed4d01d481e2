/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of the trail share: a directory, appending, and reading back. */
#ifndef TESTS_TRAIL_H
#define TESTS_TRAIL_H

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/search.h"
#include "audit/trail.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "test.h"

/* The text of a path in the scratch directory; one at a time. */
__attribute__((unused)) static const char *
path_in(const char *directory, const char *name)
{
	static char path[4200];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* Files, and one level of directories. */
__attribute__((unused)) static void
clear(const char *directory)
{
	DIR *list = opendir(directory);
	struct dirent *entry;
	char path[4200];

	while (list != NULL && (entry = readdir(list)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (unlink(path) < 0) {
			clear(path);
			(void)rmdir(path);
		}
	}
	if (list != NULL)
		(void)closedir(list);
}

__attribute__((unused)) static char *
scratch_new(void)
{
	const char *base = getenv("TMPDIR");
	char *path = text_format("%s/mortise-trail-XXXXXX", base == NULL ? "/tmp" : base);

	if (path == NULL || mkdtemp(path) == NULL) {
		perror("mkdtemp");
		exit(1);
	}
	return path;
}

__attribute__((unused)) static void
scratch_free(char *path)
{
	clear(path);
	(void)rmdir(path);
	free(path);
}

__attribute__((unused)) static void
copy_file(const char *directory, const char *from, const char *to)
{
	size_t size = 0;
	char *bytes = file_read(AT_FDCWD, path_in(directory, from), 1 << 24, &size);

	if (bytes == NULL ||
	    file_replace(AT_FDCWD, path_in(directory, to), bytes, size, 0600) < 0) {
		perror("copy");
		exit(1);
	}
	free(bytes);
}

__attribute__((unused)) static enum mortise_code
open_trail(const char *directory, struct trail **trail, struct mortise_error *error)
{
	/* No checkpoint is due, however slow the test is. */
	struct trail_options options = {.directory = directory, .program = "test 1",
	    .checkpoint_ms = INT64_MAX};

	return trail_open(&options, trail, error);
}

/* A trail that must open. */
__attribute__((unused)) static struct trail *
must_open(const char *directory)
{
	struct mortise_error error = {0};
	struct trail *trail = NULL;

	if (!CHECK_AS(open_trail(directory, &trail, &error) == MORTISE_OK, "opens")) {
		printf("# %s\nBail out! no trail\n", error.message);
		exit(1);
	}
	return trail;
}

__attribute__((unused)) static enum mortise_code
append_one(struct trail *trail, enum record_type type, const char *op, const char *resource,
    bool durable, struct mortise_error *error)
{
	static const struct record_actor actor = {.uid = 7, .gid = 8, .pid = 9, .via = "direct"};
	struct record record = {
		.type = type, .action = "secret_viewed", .agency_id = "ag_1",
		.resource_type = "secret", .resource_id = resource, .actor = &actor,
	};

	if (type == RECORD_OUTCOME)
		record.code = "ok";
	(void)snprintf(record.op, sizeof(record.op), "%s", op);
	return trail_append(trail, &record, durable, DEADLINE_NEVER, NULL, error);
}

__attribute__((unused)) static enum mortise_code
append(struct trail *trail, const char *resource)
{
	return append_one(trail, RECORD_OUTCOME, "00112233445566778899aabbccddeeff", resource,
	    true, NULL);
}

/* All records as the search gives them: parsed. */
struct seen {
	json_t *records;
	bool in_order;		/* numbers rise by one, or as a declared gap says */
	json_int_t last;
};

__attribute__((unused)) static void
see(void *arg, const char *line, size_t size)
{
	struct seen *seen = arg;
	json_t *tree = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	json_t *c = json_object_get(tree, "c");
	json_int_t seq = json_integer_value(json_object_get(c, "seq"));
	json_t *gap = json_object_get(c, "gap");

	if (gap != NULL && json_integer_value(json_object_get(gap, "from")) == seen->last + 1)
		seen->last = json_integer_value(json_object_get(gap, "to"));
	if (c == NULL || seq != seen->last + 1)
		seen->in_order = false;
	seen->last = seq;
	json_array_append(seen->records, c);
	json_decref(tree);
}

__attribute__((unused)) static struct seen
see_all(const char *directory)
{
	const struct mortise_audit_filter all = {.size = sizeof(all)};
	struct seen seen = {.records = json_array(), .in_order = true};

	CHECK_AS(search_trail(directory, &all, see, &seen, NULL) == MORTISE_OK, "is read");
	return seen;
}

/* A field of the record at i (from the end where negative), "" if absent. */
__attribute__((unused)) static const char *
field(const struct seen *seen, int i, const char *key)
{
	size_t at = i < 0 ? json_array_size(seen->records) - (size_t)-i : (size_t)i;
	const char *text = json_string_value(json_object_get(json_array_get(seen->records, at),
	    key));

	return text == NULL ? "" : text;
}

__attribute__((unused)) static size_t
count_of(const struct seen *seen, const char *key, const char *value)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(seen->records); i++)
		count += strcmp(field(seen, (int)i, key), value) == 0;
	return count;
}

__attribute__((unused)) static void
seen_free(struct seen *seen)
{
	json_decref(seen->records);
}

#endif
