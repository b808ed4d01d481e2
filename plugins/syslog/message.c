/* SPDX-License-Identifier: BSD-2-Clause */
/* A record as a message: RFC 5424, section 6, or as syslog(3) writes to the local socket. */
/* For timegm. */
#define _GNU_SOURCE
#include "message.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "syslog.h"

#define MSGID_MAX 32			/* RFC 5424, 6 */

/* Fields that are in no message, or stand in it elsewhere. */
static const char *const elsewhere[] = {"v", "seq", "trail", "h", "pc", "s"};

/*
 * What is left out where there is no room, one after another.  Of what is in neither list
 * everything goes next, and the text behind it; the last ones never do.
 */
static const char *const cut_order[] = {
	"userAgent", "metadata", "calls", "plugins", "stores", "records", "more", "userEmail",
	"ipAddress", "claimed", "actor.app", "actor.via", "actor.pid", "actor.gid", "ms",
};
static const char *const never_cut[] = {"ts", "t", "action"};

static bool
is_in(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

const char *
field_of(const struct mortise_line *line, const char *name)
{
	for (size_t i = 0; i < line->fields_count; i++) {
		if (strcmp(line->fields[i].name, name) == 0)
			return line->fields[i].value;
	}
	return "";
}

const char *
event_of(const struct mortise_line *line)
{
	const char *action = field_of(line, "action");

	return action[0] != '\0' ? action : field_of(line, "t");
}

/* --- texts ------------------------------------------------------------------------- */

/* A control character is shown by its picture (LF by U+240A): receivers split messages at
 * some, and a terminal obeys others.  Those of two bytes (U+0080 to U+009F) are U+FFFD. */
static size_t
control_size(const char *text, char picture[4])
{
	unsigned char c = (unsigned char)text[0], next = c == 0 ? 0 : (unsigned char)text[1];

	if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
		memcpy(picture, "\xef\xbf\xbd", 4);
		return 2;
	}
	if (c >= ' ' && c != 0x7f)
		return 0;
	memcpy(picture, "\xe2\x90\x80", 4);
	picture[2] = (char)(0x80 + (c == 0x7f ? 0x21 : c));
	return 1;
}

/* With a `\` before what ends a parameter's value: RFC 5424, 6.3.3. */
static void
append_text(struct buffer *to, const char *text, bool escape)
{
	char picture[4];

	while (*text != '\0') {
		size_t size = control_size(text, picture);

		if (size > 0) {
			buffer_text(to, picture);
			text += size;
			continue;
		}
		if (escape && strchr("\"\\]", *text) != NULL)
			buffer_text(to, "\\");
		buffer_append(to, text++, 1);
	}
}

static void
append_param(struct buffer *to, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	buffer_text(to, " ");
	buffer_text(to, name);
	buffer_text(to, "=\"");
	append_text(to, value, true);
	buffer_text(to, "\"");
}

/* --- the parts --------------------------------------------------------------------- */

static void
append_msgid(struct buffer *to, const char *event)
{
	for (size_t i = 0; i < MSGID_MAX && event[i] != '\0'; i++)
		buffer_append(to, event[i] > ' ' && event[i] < 0x7f ? &event[i] : "?", 1);
	if (event[0] == '\0')
		buffer_text(to, "-");
}

/* "Nov 25 10:00:00" in this host's time, in no language but this. */
static void
append_local_time(struct buffer *to, const char *ts)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
	    "Sep", "Oct", "Nov", "Dec"};
	struct tm utc = {0}, local;
	char text[64];
	time_t seconds;

	if (sscanf(ts, "%d-%d-%dT%d:%d:%d", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour,
	    &utc.tm_min, &utc.tm_sec) != 6)
		return;
	utc.tm_year -= 1900;
	utc.tm_mon -= 1;
	seconds = timegm(&utc);
	if (localtime_r(&seconds, &local) == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%s %2d %02d:%02d:%02d ", months[local.tm_mon],
	    local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
	buffer_text(to, text);
}

static void
append_header(struct sink *sink, const struct mortise_line *line)
{
	struct buffer *to = &sink->message;
	const char *ts = field_of(line, "ts");

	buffer_text(to, "<");
	buffer_number(to, rank_of(sink, line));
	if (sink->local_format) {
		buffer_text(to, ">");
		append_local_time(to, ts);
		buffer_text(to, sink->app_name);
		buffer_text(to, "[");
		buffer_number(to, (uint64_t)getpid());
		buffer_text(to, "]: ");
		return;
	}
	buffer_text(to, ">1 ");
	buffer_text(to, ts[0] == '\0' ? "-" : ts);
	buffer_text(to, " ");
	buffer_text(to, sink->host_name);
	buffer_text(to, " ");
	buffer_text(to, sink->app_name);
	buffer_text(to, " ");
	buffer_number(to, (uint64_t)getpid());
	buffer_text(to, " ");
	append_msgid(to, event_of(line));
	buffer_text(to, " ");
}

/* Is the field left out, where so many steps were taken? */
static bool
is_cut(const char *name, size_t steps)
{
	if (steps > ARRAY_SIZE(cut_order))
		return !is_in(name, never_cut, ARRAY_SIZE(never_cut));
	return is_in(name, cut_order, steps);
}

/* Names with commas between them, for a parameter of its own. */
static void
append_cut(struct buffer *to, const struct mortise_line *line, size_t steps)
{
	const char *before = " cut=\"";

	for (size_t i = 0; i < line->fields_count; i++) {
		const char *name = line->fields[i].name;

		if (is_in(name, elsewhere, ARRAY_SIZE(elsewhere)) || !is_cut(name, steps))
			continue;
		buffer_text(to, before);
		/* Beyond the list there is no room to name them. */
		buffer_text(to, steps > ARRAY_SIZE(cut_order) ? "all" : name);
		before = ",";
		if (steps > ARRAY_SIZE(cut_order))
			break;
	}
	if (before[0] == ',')
		buffer_text(to, "\"");
}

static void
append_data(struct sink *sink, const struct mortise_line *line, size_t steps)
{
	struct buffer *to = &sink->message;

	buffer_text(to, "[");
	buffer_text(to, sink->sd_id);
	append_param(to, "trail", line->trail);
	buffer_text(to, " seq=\"");
	buffer_number(to, line->seq);
	buffer_text(to, "\"");
	append_param(to, "h", field_of(line, "h"));
	append_cut(to, line, steps);
	for (size_t i = 0; i < line->fields_count; i++) {
		const struct mortise_pair *field = &line->fields[i];

		if (!is_in(field->name, elsewhere, ARRAY_SIZE(elsewhere)) &&
		    !is_cut(field->name, steps))
			append_param(to, field->name, field->value);
	}
	buffer_text(to, "]");
}

/* "token_viewed platform_authorization auth_1: ok" */
static void
append_words(struct buffer *to, const struct mortise_line *line, size_t steps)
{
	static const char *const names[] = {"resourceType", "resourceId"};
	const char *code = field_of(line, "code"), *type = field_of(line, "t");

	append_text(to, event_of(line), false);
	if (steps > ARRAY_SIZE(cut_order))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = field_of(line, names[i]);

		buffer_text(to, value[0] == '\0' ? "" : " ");
		append_text(to, value, false);
	}
	if (strcmp(type, event_of(line)) == 0)
		return;
	buffer_text(to, ": ");
	append_text(to, code[0] == '\0' ? type : code, false);
}

/* Where nothing takes the data apart, a person reads: the words go first. */
static void
append_body(struct sink *sink, const struct mortise_line *line, size_t steps)
{
	struct buffer *to = &sink->message;

	if (sink->local_format) {
		append_words(to, line, steps);
		buffer_text(to, " ");
	}
	append_data(sink, line, steps);
	if (!sink->local_format) {
		buffer_text(to, " ");
		append_words(to, line, steps);
	}
}

enum mortise_code
message_make(struct sink *sink, const struct mortise_line *line, size_t most)
{
	struct buffer *to = &sink->message;
	size_t steps = 0;

	if (line->fields_count == 0)
		return sink->host->fail(sink->call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "record %llu has no fields", (unsigned long long)line->seq);
	do {
		to->size = 0;
		append_header(sink, line);
		append_body(sink, line, steps);
		if (to->failed) {
			buffer_free(to);
			return sink->host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE,
			    "out of memory");
		}
	} while (to->size > most && steps++ <= ARRAY_SIZE(cut_order));
	return to->size <= most ? MORTISE_OK : sink->host->fail(sink->call, MORTISE_INVALID,
	    MORTISE_REASON_NONE, "record %llu has no room in a message of %zu bytes, whatever is "
	    "left out; raise max-size, or shorten hostname, app-name and sd-id",
	    (unsigned long long)line->seq, most);
}
