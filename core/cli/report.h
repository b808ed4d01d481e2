/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h: who saw which of an agency's tokens when, in one month, as the trail says;
 * gathered by report.c, and written by one file a form.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <mortise/mortise.h>

#include "base/bytes.h"

enum access_field {
	ACCESS_TIME,			/* "2026-11-25 10:00:00" */
	ACCESS_WHO,
	ACCESS_ADDRESS,
	ACCESS_AGENT,
	ACCESS_ACTION,
	ACCESS_TYPE,			/* of the resource */
	ACCESS_RESOURCE,
	ACCESS_RESULT,			/* "ok", "denied (agency)", "unknown outcome" */
	ACCESS_CLAIMED,			/* the agency that was claimed falsely */
	ACCESS_HASH			/* of the record */
};
#define ACCESS_FIELDS (ACCESS_HASH + 1)

/* One operation: an intent and its outcome are one.  Texts are "" where nothing is known. */
struct access {
	int64_t seq;			/* of the outcome, or else of the intent */
	char *text[ACCESS_FIELDS];
	char op[33];
	unsigned int day;		/* of the month */
	bool refused;			/* the caller got nothing, by a rule */
};

struct report {
	const char *agency, *month;	/* "2026-11" */
	struct access *all;		/* in the trail's order */
	size_t count, capacity;
	struct access *open;		/* intents that have no outcome yet */
	size_t open_count, open_capacity;
	bool failed;			/* no memory */
	/* Of the whole trail. */
	char trail[33];
	char verdict[1024];
	bool verified;
};

/* mortise_line_fn of a struct report: in order. */
void report_take(void *arg, const char *line, size_t size);
/* When all were taken.  false: no memory. */
bool report_finish(struct report *);
void report_free(struct report *);	/* for _cleanup_ */

unsigned int report_days(const char *month);
/* The first and the last access's record; NULL: there is none. */
const struct access *report_first(const struct report *);
const struct access *report_last(const struct report *);

/* What there is of one token, or of another resource. */
struct report_token {
	const struct access *first, *last;
	size_t count, refused;
	struct buffer who;		/* "a@x.example, b@x.example" */
};
/* Sorted by type and id; malloc'd.  false: no memory. */
bool report_tokens(const struct report *, struct report_token **, size_t *count);
void report_tokens_free(struct report_token *, size_t count);

/* Append the report in a form. */
void report_text(const struct report *, struct buffer *);
void report_csv(const struct report *, struct buffer *);
void report_html(const struct report *, struct buffer *);

/* A cell of RFC 4180, that no program takes for a formula; separator: "," or "\r\n". */
void csv_cell(struct buffer *, const char *text, const char *separator);
/* Text in an element or in a quoted attribute. */
void html_text(struct buffer *, const char *text);

#endif
