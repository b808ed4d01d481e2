/* SPDX-License-Identifier: BSD-2-Clause */
/* record.h: a line of the trail as people look at it. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts are "" where the record has none, and live as long as the tree. */
struct trail_record {
	json_t *tree;
	int64_t seq;
	const char *hash;
	const char *time, *type, *op, *action, *agency, *resource_type, *resource_id;
	const char *claimed, *code, *reason;
	const char *email, *address, *agent;
	bool erased;			/* had a personal part */
	int64_t uid;			/* -1: nobody asked */
};

/* false: no record. */
bool trail_record_read(struct trail_record *, const char *line, size_t size);
void trail_record_free(struct trail_record *);

/* The person or else what is known: malloc'd, NULL = no memory. */
char *trail_record_who(const struct trail_record *);
/* "2026-11-25 10:00:00" of a record's time. */
#define RECORD_TIME_SIZE 20
void trail_record_time(const struct trail_record *, char text[RECORD_TIME_SIZE]);

#endif
