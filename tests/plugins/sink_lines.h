/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of a trail, as sinks are given them. */
#ifndef TESTS_SINK_LINES_H
#define TESTS_SINK_LINES_H

#include <mortise/plugin.h>

#define SINK_LINE_MAX 16384
#define SINK_BATCH 512

/* Where a record is, its line's pointers go. */
struct sink_record {
	struct mortise_line line;
	char bytes[SINK_LINE_MAX + 1], number[24], hash[65], email[321], agent[9001];
	struct mortise_pair fields[24];
};

/* The outcome of a token_viewed.  email NULL: without a personal part. */
void sink_record_make(struct sink_record *, const char *trail, uint64_t seq, const char *email);
/* The same with a userAgent of so many bytes. */
void sink_record_long(struct sink_record *, const char *trail, uint64_t seq, size_t agent);
/* The same with these, where it has others: "action", "code", "agencyId", ... */
void sink_record_set(struct sink_record *, const char *name, const char *value);

/* A batch of lines for records from `from` to `to`; malloc'd, freed with what it holds. */
struct sink_batch {
	struct sink_record *records;
	struct mortise_line lines[SINK_BATCH];
	size_t count;
};
struct sink_batch *sink_batch_make(const char *trail, uint64_t from, uint64_t to);
void sink_batch_free(struct sink_batch *);

#endif
