/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

#define NARROWEST 8

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

/* Takes from the widest column what does not fit, as long as something is left of it. */
static void
narrow(const struct table *table, size_t *widths)
{
	size_t sum = 2 * (table->columns - 1), widest = 0;

	for (size_t i = 0; i < table->columns; i++)
		sum += widths[i];
	for (; table->width > 0 && sum > table->width; sum--) {
		for (size_t i = 0; i < table->columns; i++) {
			if (widths[i] > widths[widest])
				widest = i;
		}
		if (widths[widest] <= NARROWEST)
			return;
		widths[widest]--;
	}
}

/* The cell, or as many characters of it as leave room for the dots. */
static size_t
print_cell(const char *cell, size_t most, struct output *output)
{
	char *cut _cleanup_(free_pointer) = NULL;
	size_t width = width_of(cell), end = 0;

	if (width <= most) {
		text_safe(output, cell);
		return width;
	}
	for (size_t n = 0; n < most; end++)
		n += ((unsigned char)cell[end] & 0xc0) != 0x80;
	/* Now behind the first byte of the character that has to go. */
	cut = text_format("%.*s\xe2\x80\xa6", (int)(end - 1), cell);
	text_safe(output, cut == NULL ? "" : cut);
	return cut == NULL ? 0 : most;
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
	} else {
		measure(table, widths);
		narrow(table, widths);
	}
	for (size_t at = 0; at < table->cells.size; at += strlen(table->cells.data + at) + 1) {
		const char *cell = table->cells.data + at;
		size_t width = 0;

		if (column == 0)
			last = filled(table, at);
		if (column < last)
			width = print_cell(cell, widths[column], output);
		for (size_t n = width; column + 1 < last && n < widths[column] + 2; n++)
			buffer_text(&output->text, " ");
		column = (column + 1) % table->columns;
		if (column == 0)
			output_end_line(output);
	}
	free(widths);
	buffer_free(&table->cells);
}
