/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

void
table_add(struct table *table, const char *cell)
{
	buffer_append(&table->cells, cell, strlen(cell) + 1);
}

void
table_take(struct table *table, char *cell)
{
	table_add(table, cell == NULL ? "" : cell);
	free(cell);
}

/* Characters, not bytes: continuation bytes have no width. */
static size_t
width_of(const char *cell)
{
	size_t width = 0;

	for (; *cell != '\0'; cell++)
		width += ((unsigned char)*cell & 0xc0) != 0x80;
	return width;
}

static void
measure(const struct table *table, size_t *widths)
{
	size_t column = 0;

	for (size_t at = 0; at < table->cells.size; at += strlen(table->cells.data + at) + 1) {
		size_t width = width_of(table->cells.data + at);

		if (width > widths[column])
			widths[column] = width;
		column = (column + 1) % table->columns;
	}
}

/* The cells of a row's end that are empty, so that no line ends in blanks. */
static size_t
filled(const struct table *table, size_t at)
{
	size_t count = 0;

	for (size_t column = 0; column < table->columns && at < table->cells.size; column++) {
		if (table->cells.data[at] != '\0')
			count = column + 1;
		at += strlen(table->cells.data + at) + 1;
	}
	return count;
}

void
table_print(struct table *table, struct output *output)
{
	size_t *widths = calloc(table->columns, sizeof(*widths));
	size_t column = 0, last = 0;

	if (widths == NULL || table->cells.failed) {
		output->text.failed = true;
		table->cells.size = 0;
	} else
		measure(table, widths);
	for (size_t at = 0; at < table->cells.size; at += strlen(table->cells.data + at) + 1) {
		const char *cell = table->cells.data + at;

		if (column == 0)
			last = filled(table, at);
		if (column < last)
			text_safe(output, cell);
		for (size_t n = width_of(cell); column + 1 < last && n < widths[column] + 2; n++)
			buffer_text(&output->text, " ");
		column = (column + 1) % table->columns;
		if (column == 0)
			output_end_line(output);
	}
	free(widths);
	buffer_free(&table->cells);
}
