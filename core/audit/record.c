/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

#define METADATA_MAX 8192
#define FIELD_MAX 512
/* {"c":{"v":1,"seq":…16 digits…,"ts":"…27…",  ,"back":true,"pc":"…64…"},"p":  ,"h":"…64…"} LF */
#define LINE_OVERHEAD 300

static const char tag[] = "mortise-trail-v1";	/* with its NUL */

/* --- hashes ------------------------------------------------------------------ */

bool
record_digest(const void *c, size_t size, unsigned char digest[32])
{
	const struct digest_part parts[] = {{tag, sizeof(tag)}, {"record", 7}, {c, size}};

	return digest_sha256(parts, ARRAY_SIZE(parts), digest);
}

bool
record_commitment(const void *p, size_t size, char text[65])
{
	const struct digest_part parts[] = {{tag, sizeof(tag)}, {"personal", 9}, {p, size}};
	unsigned char digest[DIGEST_SIZE];

	if (!digest_sha256(parts, ARRAY_SIZE(parts), digest))
		return false;
	hex_encode(digest, sizeof(digest), text);
	return true;
}

bool
record_hash(const char *trail, const char *before, const unsigned char digest[32], char hash[65])
{
	unsigned char id[16], previous[DIGEST_SIZE], made[DIGEST_SIZE];
	const struct digest_part parts[] = {{tag, sizeof(tag)}, {"link", 5}, {id, sizeof(id)},
	    {previous, sizeof(previous)}, {digest, DIGEST_SIZE}};

	if (!hex_decode(trail, id, sizeof(id)) || !hex_decode(before, previous, sizeof(previous)) ||
	    !digest_sha256(parts, ARRAY_SIZE(parts), made))
		return false;
	hex_encode(made, sizeof(made), hash);
	return true;
}

/* --- fields -------------------------------------------------------------------- */

/* An object that is being written: commas where they belong, and whether a
 * text was no UTF-8. */
struct writer {
	struct buffer *out;
	bool first, bad;
};

static void
write_name(struct writer *w, const char *name)
{
	buffer_format(w->out, "%s\"%s\":", w->first ? "" : ",", name);
	w->first = false;
}

/* Cut to at most `most` bytes at a character's border; an ellipsis is one of
 * them where asked for. */
static void
write_text(struct writer *w, const char *name, const char *text, size_t most, bool ellipsis)
{
	static const char dots[] = "\xe2\x80\xa6";
	size_t size;

	if (text == NULL || text[0] == '\0')
		return;
	size = strlen(text);
	write_name(w, name);
	if (size <= most) {
		w->bad = !buffer_json(w->out, text, size) || w->bad;
		return;
	}
	size = ellipsis ? most - (sizeof(dots) - 1) : most;
	while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	w->bad = !buffer_json(w->out, text, size) || w->bad;
	if (ellipsis && !w->out->failed) {
		w->out->size--;		/* the closing quote comes behind it */
		buffer_format(w->out, "%s\"", dots);
	}
}

static void
write_number(struct writer *w, const char *name, int64_t number)
{
	if (number == 0)
		return;
	write_name(w, name);
	buffer_format(w->out, "%lld", (long long)number);
}

static void
write_true(struct writer *w, const char *name, bool value)
{
	if (!value)
		return;
	write_name(w, name);
	buffer_text(w->out, "true");
}

static void
write_open(struct writer *w, const struct record *record, const struct record_link *link)
{
	write_text(w, "trail", link->trail, FIELD_MAX, false);
	write_number(w, "segment", (int64_t)record->segment);
	write_text(w, "before", link->before, FIELD_MAX, false);
	if (record->gap != NULL) {
		write_name(w, "gap");
		buffer_format(w->out, "{\"from\":%llu,\"to\":%llu",
		    (unsigned long long)record->gap->from, (unsigned long long)record->gap->to);
		write_text(w, "reason", record->gap->reason, FIELD_MAX, false);
		write_text(w, "by", record->gap->by, FIELD_MAX, false);
		buffer_text(w->out, "}");
	}
	write_text(w, "program", record->program, FIELD_MAX, false);
	write_text(w, "host", link->host, FIELD_MAX, false);
	write_text(w, "config", record->config, FIELD_MAX, false);
	if (record->plugins_count == 0)
		return;
	write_name(w, "plugins");
	for (size_t i = 0; i < record->plugins_count; i++) {
		struct writer one = {.out = w->out, .first = true};

		buffer_text(w->out, i == 0 ? "[{" : ",{");
		write_text(&one, "name", record->plugins[i].name, FIELD_MAX, false);
		write_text(&one, "version", record->plugins[i].version, FIELD_MAX, false);
		write_text(&one, "path", record->plugins[i].path, FIELD_MAX, false);
		write_text(&one, "sha256", record->plugins[i].sha256, FIELD_MAX, false);
		buffer_text(w->out, "}");
		w->bad = w->bad || one.bad;
	}
	buffer_text(w->out, "]");
}

/* All of an actor but `via` may be 0: root's uid is a number that counts. */
static void
write_actor(struct writer *w, const struct record_actor *actor)
{
	struct writer one = {.out = w->out, .first = false};

	write_name(w, "actor");
	buffer_format(w->out, "{\"uid\":%u,\"gid\":%u,\"pid\":%d", actor->uid, actor->gid,
	    actor->pid);
	write_text(&one, "via", actor->via, FIELD_MAX, false);
	write_true(&one, "app", actor->app);
	buffer_text(w->out, "}");
}

static void
write_calls(struct writer *w, const struct record_call *calls, size_t count, size_t all)
{
	if (count > 0) {
		write_name(w, "calls");
		buffer_text(w->out, "[");
	}
	for (size_t i = 0; i < count; i++) {
		struct writer one = {.out = w->out, .first = true};

		buffer_text(w->out, i == 0 ? "{" : ",{");
		write_text(&one, "backend", calls[i].backend, FIELD_MAX, false);
		write_text(&one, "code", calls[i].code, FIELD_MAX, false);
		write_number(&one, "ms", calls[i].ms);
		write_text(&one, "version", calls[i].version, FIELD_MAX, false);
		buffer_text(w->out, "}");
		w->bad = w->bad || one.bad;
	}
	if (count > 0)
		buffer_text(w->out, "]");
	write_number(w, "more", (int64_t)(all - count));
}

static void
write_stores(struct writer *w, const struct record_store *stores, size_t count)
{
	struct writer one = {.out = w->out, .first = true};

	if (count == 0)
		return;
	write_name(w, "stores");
	buffer_text(w->out, "{");
	for (size_t i = 0; i < count; i++) {
		write_name(&one, stores[i].id);
		buffer_format(w->out, "%llu", (unsigned long long)stores[i].generation);
	}
	buffer_text(w->out, "}");
}

static void
write_operation(struct writer *w, const struct record *record, const struct record_link *link,
    size_t calls)
{
	write_text(w, "op", record->op, FIELD_MAX, false);
	write_text(w, "action", record->action, FIELD_MAX, false);
	write_text(w, "agencyId", record->agency_id, FIELD_MAX, false);
	write_text(w, "resourceType", record->resource_type, FIELD_MAX, false);
	write_text(w, "resourceId", record->resource_id, FIELD_MAX, false);
	if (record->actor != NULL)
		write_actor(w, record->actor);
	if (record->type == RECORD_INTENT)
		write_number(w, "w", link->writer);
	write_text(w, "claimed", record->claimed, FIELD_MAX, false);
	write_text(w, "code", record->code, FIELD_MAX, false);
	write_text(w, "reason", record->reason, FIELD_MAX, false);
	write_number(w, "ms", record->ms);
	write_calls(w, record->calls, calls, record->calls_count);
	write_true(w, "cached", record->cached);
	write_true(w, "stale", record->stale);
	write_stores(w, record->stores, record->stores_count);
}

static const char *
type_name(enum record_type type)
{
	switch (type) {
	case RECORD_OPEN:
		return "open";
	case RECORD_INTENT:
		return "intent";
	case RECORD_OUTCOME:
		return "outcome";
	case RECORD_TORN:
		return "torn";
	}
	return "";
}

/* c from "t" on, with so many of the calls; returns whether a text was bad. */
static bool
write_fields(struct buffer *out, const struct record *record, const struct record_link *link,
    size_t calls)
{
	struct writer w = {.out = out, .first = true};

	write_text(&w, "t", type_name(record->type), FIELD_MAX, false);
	switch (record->type) {
	case RECORD_OPEN:
		write_open(&w, record, link);
		break;
	case RECORD_INTENT:
	case RECORD_OUTCOME:
		write_operation(&w, record, link, calls);
		break;
	case RECORD_TORN:
		write_number(&w, "bytes", (int64_t)record->torn_bytes);
		write_text(&w, "sha256", record->torn_sha256, FIELD_MAX, false);
		break;
	}
	write_text(&w, "parent", link->parent, FIELD_MAX, false);
	return w.bad;
}

/* p with its salt first; returns whether a text was bad. */
static bool
write_personal(struct buffer *out, const struct record_personal *personal,
    const unsigned char *salt)
{
	struct writer w = {.out = out, .first = true};
	char text[33];

	if (personal == NULL) {
		buffer_text(out, "null");
		return false;
	}
	hex_encode(salt, 16, text);
	buffer_text(out, "{");
	write_text(&w, "s", text, FIELD_MAX, false);
	write_text(&w, "userEmail", personal->user_email, 320, true);
	write_text(&w, "ipAddress", personal->ip_address, 64, true);
	write_text(&w, "userAgent", personal->user_agent, 512, true);
	if (personal->metadata != NULL) {
		write_name(&w, "metadata");
		buffer_text(out, personal->metadata);
	}
	buffer_text(out, "}");
	return w.bad;
}

/* --- records -------------------------------------------------------------------- */

void
record_free(struct record_body *body)
{
	buffer_free(&body->fields);
	buffer_free(&body->personal);
}

enum mortise_code
record_prepare(const struct record *record, const struct record_link *link,
    struct record_body *body, struct mortise_error *error)
{
	struct record_body made = {.commitment = ""};
	size_t calls = record->calls_count, length;
	bool bad = write_personal(&made.personal, record->personal, link->salt), fits;

	/* A line that would be too long loses calls from its end. */
	do {
		made.fields.size = 0;
		if (write_fields(&made.fields, record, link, calls) || bad)
			buffer_text(&made.fields, ",\"bad\":true");
		length = made.fields.size + made.personal.size + LINE_OVERHEAD;
		fits = length <= RECORD_LINE_MAX;
		if (!fits && calls > 0)
			calls -= calls > (length - RECORD_LINE_MAX) / 256 + 1 ?
			    (length - RECORD_LINE_MAX) / 256 + 1 : calls;
		else
			break;
	} while (!made.fields.failed);
	if (made.fields.failed || made.personal.failed || (record->personal != NULL &&
	    !record_commitment(made.personal.data, made.personal.size, made.commitment))) {
		record_free(&made);
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "out of memory for the audit record");
	}
	if (!fits) {
		record_free(&made);
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the audit record would be longer than 16 KiB; shorten the metadata");
	}
	*body = made;
	return MORTISE_OK;
}

bool
record_finish(const struct record_body *body, const struct record_link *link,
    struct buffer *line, char hash[65])
{
	unsigned char digest[DIGEST_SIZE];
	char time[CLOCK_TEXT_SIZE];
	size_t start;

	clock_format(link->time_us, 6, time);
	buffer_text(line, "{\"c\":");
	start = line->size;
	buffer_format(line, "{\"v\":1,\"seq\":%llu,\"ts\":\"%s\",", (unsigned long long)link->seq,
	    time);
	buffer_append(line, body->fields.data, body->fields.size);
	if (link->back)
		buffer_text(line, ",\"back\":true");
	if (body->commitment[0] == '\0')
		buffer_text(line, ",\"pc\":null}");
	else
		buffer_format(line, ",\"pc\":\"%s\"}", body->commitment);
	if (line->failed || !record_digest(line->data + start, line->size - start, digest) ||
	    !record_hash(link->trail, link->before, digest, hash))
		return false;
	buffer_text(line, ",\"p\":");
	buffer_append(line, body->personal.data, body->personal.size);
	buffer_format(line, ",\"h\":\"%s\"}\n", hash);
	return !line->failed;
}

enum mortise_code
record_metadata(const char *text, char **compact, struct mortise_error *error)
{
	json_error_t where;
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	char *made;

	if (value == NULL)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the metadata is not JSON (column %d); give one JSON object", where.column);
	made = json_is_object(value) ? json_dumps(value, JSON_COMPACT) : NULL;
	if (!json_is_object(value)) {
		json_decref(value);
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the metadata is JSON, but no object; give one JSON object");
	}
	json_decref(value);
	if (made == NULL)
		return error_memory(error);
	if (strlen(made) > METADATA_MAX) {
		free(made);
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the metadata is longer than %d bytes; shorten it", METADATA_MAX);
	}
	*compact = made;
	return MORTISE_OK;
}
