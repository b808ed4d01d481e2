/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.h: what goes to stdout: data and nothing else.  Text is gathered in a
 * buffer and written out as it grows; values never enter it.  A write that
 * fails is remembered, and told at the end.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/bytes.h"

enum output_form {
	OUTPUT_PLAIN,
	OUTPUT_JSON,
	OUTPUT_ENV
};

struct output {
	enum output_form form;
	struct buffer text;	/* verbs append to it */
	int failed;		/* errno of the first failure */
	bool held;		/* lines stay in the text, whose owner takes it out */
};

/* LF, and out with it if there is much. */
void output_end_line(struct output *output);
void output_flush(struct output *output);
/* Bytes straight to stdout, behind what was gathered: no copy is left. */
void output_bytes(struct output *output, const void *bytes, size_t size);
/* Closes stdout: 0, or EXIT_FAILURE after a message if anything was lost. */
int output_finish(struct output *output);

/* One JSON object a line: begin, members, end. */
void json_begin(struct output *output);
void json_text(struct output *output, const char *key, const char *text);	/* NULL: null */
void json_number(struct output *output, const char *key, int64_t number);
void json_bool(struct output *output, const char *key, bool value);
void json_time(struct output *output, const char *key, int64_t ms);		/* 0: null */
/* A member whose value is JSON already, which the caller appends. */
void json_key(struct output *output, const char *key);
void json_end(struct output *output);

/* Text from outside, without the bytes that would steer a terminal or break a
 * line. */
void text_safe(struct output *output, const char *text);
/* As a shell reads it back. */
void text_quoted(struct buffer *buffer, const char *text);

/* The columns of the terminal that stdout is; 0: it is none. */
size_t output_width(void);

/* Columns as wide as their widest cell.  Starts as {.columns = N}.  Where its lines would
 * be wider than `width` (0: any), the widest cells are cut, with an ellipsis. */
struct table {
	size_t columns, width;
	struct buffer cells;	/* each with its NUL */
};
void table_add(struct table *table, const char *cell);
/* Frees the cell, which NULL leaves empty. */
void table_take(struct table *table, char *cell);
/* Prints and empties it. */
void table_print(struct table *table, struct output *output);

#endif
