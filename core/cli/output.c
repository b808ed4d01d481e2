/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/messages.h"

#define FLUSH_SIZE 32768
#define WIDTH_DEFAULT 80	/* of a terminal that does not say */

static void
write_out(struct output *output, const void *bytes, size_t size)
{
	if (output->failed == 0 && file_write(STDOUT_FILENO, bytes, size, NULL) < 0)
		output->failed = errno;
}

void
output_flush(struct output *output)
{
	if (output->text.failed && output->failed == 0)
		output->failed = ENOMEM;
	if (output->text.size > 0)
		write_out(output, output->text.data, output->text.size);
	output->text.size = 0;
}

void
output_end_line(struct output *output)
{
	buffer_text(&output->text, "\n");
	if (!output->held && output->text.size >= FLUSH_SIZE)
		output_flush(output);
}

void
output_bytes(struct output *output, const void *bytes, size_t size)
{
	output_flush(output);
	write_out(output, bytes, size);
}

int
output_finish(struct output *output)
{
	output_flush(output);
	buffer_free(&output->text);
	/* A network file system may tell of a full disk only now.  A descriptor
	 * that was closed from the start is no loss to those who print nothing. */
	if (close(STDOUT_FILENO) < 0 && output->failed == 0 && errno != EBADF && errno != EINTR)
		output->failed = errno;
	if (output->failed == 0)
		return EXIT_SUCCESS;
	errno = output->failed;
	return system_error("cannot write to stdout; part of the output is lost");
}

size_t
output_width(void)
{
	struct winsize size;

	if (isatty(STDOUT_FILENO) != 1)
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col :
	    WIDTH_DEFAULT;
}

void
json_begin(struct output *output)
{
	buffer_text(&output->text, "{");
}

void
json_key(struct output *output, const char *key)
{
	struct buffer *text = &output->text;

	if (text->size > 0 && text->data[text->size - 1] != '{')
		buffer_text(text, ",");
	(void)buffer_json(text, key, strlen(key));
	buffer_text(text, ":");
}

void
json_text(struct output *output, const char *key, const char *text)
{
	json_key(output, key);
	if (text == NULL)
		buffer_text(&output->text, "null");
	else
		(void)buffer_json(&output->text, text, strlen(text));
}

void
json_number(struct output *output, const char *key, int64_t number)
{
	json_key(output, key);
	buffer_format(&output->text, "%lld", (long long)number);
}

void
json_bool(struct output *output, const char *key, bool value)
{
	json_key(output, key);
	buffer_text(&output->text, value ? "true" : "false");
}

void
json_time(struct output *output, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (ms != 0)
		clock_format(ms * 1000, 3, text);
	json_text(output, key, ms == 0 ? NULL : text);
}

void
json_end(struct output *output)
{
	buffer_text(&output->text, "}");
	output_end_line(output);
}

/* U+0080 to U+009F: terminals may take them for control characters. */
static bool
is_c1(const char *p)
{
	return (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] >= 0x80 &&
	    (unsigned char)p[1] < 0xa0;
}

void
text_safe(struct output *output, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < ' ' || c == 0x7f || is_c1(p))
			buffer_format(&output->text, "\\x%02x", c);
		else
			buffer_append(&output->text, p, 1);
	}
}

void
text_quoted(struct buffer *buffer, const char *text)
{
	buffer_text(buffer, "'");
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\'')
			buffer_text(buffer, "'\\''");
		else
			buffer_append(buffer, p, 1);
	}
	buffer_text(buffer, "'");
}
