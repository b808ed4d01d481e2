/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

#define TAG "mortise-trail-v1\0"
#define TEXT_MAX 512			/* of a string that has no limit of its own */
#define METADATA_MAX 8192
#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)
#define ELLIPSIS "\xe2\x80\xa6"

/* What a line has beside the fields of c and p, at its longest: seq with 16
 * digits, ts, back, pc and h. */
#define AROUND_MAX (sizeof("{\"c\":{\"v\":1,\"seq\":9007199254740991,\"ts\":\"\"") + 27 + \
	sizeof(",\"back\":true,\"pc\":\"\"},\"p\":,\"h\":\"\"}\n") + 128)

static const char *const type_words[] = {
	[RECORD_OPEN] = "open",
	[RECORD_INTENT] = "intent",
	[RECORD_OUTCOME] = "outcome",
	[RECORD_TORN] = "torn",
	[RECORD_CONFIG] = "config",
	[RECORD_REFUSED] = "refused",
	[RECORD_CHECKPOINT] = "checkpoint",
	[RECORD_DROP] = "drop",
	[RECORD_PARK] = "park",
	[RECORD_ERASE] = "erase",
};

/* An object being written: a comma stands before every member but the first. */
struct writer {
	struct buffer *to;
	bool bad;		/* a string was not UTF-8 */
};

static void
put_key(struct writer *writer, const char *key)
{
	struct buffer *to = writer->to;
	char last = to->size > 0 ? to->data[to->size - 1] : '{';

	if (last != '{' && last != '[')
		buffer_text(to, ",");
	buffer_text(to, "\"");
	buffer_text(to, key);
	buffer_text(to, "\":");
}

static void
put_number(struct writer *writer, const char *key, uint64_t number)
{
	/* A larger one would make the trail unreadable to a strict verifier. */
	put_key(writer, key);
	buffer_format(writer->to, "%" PRIu64, number < NUMBER_MAX ? number : NUMBER_MAX);
}

static void
put_flag(struct writer *writer, const char *key, bool flag)
{
	if (!flag)
		return;
	put_key(writer, key);
	buffer_text(writer->to, "true");
}

/* How much of the text, all or what leaves room for the dots; not valid bytes
 * count as the three that replace them. */
static size_t
measure(const char *text, size_t most, bool *cut)
{
	size_t at = 0, length = strlen(text), taken = 0, short_at = 0;

	while (at < length) {
		size_t n = utf8_valid(text + at, length - at < 4 ? length - at : 4);
		size_t step = 1, width = 3;

		if (n > 0) {
			while (step < n && ((unsigned char)text[at + step] & 0xc0) == 0x80)
				step++;
			width = step;
		}
		taken += width;
		if (taken > most) {
			*cut = true;
			return short_at;
		}
		at += step;
		if (taken + sizeof(ELLIPSIS) - 1 <= most)
			short_at = at;
	}
	return length;
}

static void
put_text_most(struct writer *writer, const char *key, const char *text, size_t most)
{
	bool cut = false;
	size_t length;

	if (text == NULL || text[0] == '\0')
		return;
	length = measure(text, most, &cut);
	put_key(writer, key);
	if (!buffer_json(writer->to, text, length))
		writer->bad = true;
	if (cut && !writer->to->failed) {
		writer->to->size--;
		buffer_text(writer->to, ELLIPSIS "\"");
	}
}

static void
put_text(struct writer *writer, const char *key, const char *text)
{
	put_text_most(writer, key, text, TEXT_MAX);
}

static void
put_gap(struct writer *writer, const struct record_gap *gap)
{
	if (gap == NULL)
		return;
	put_key(writer, "gap");
	buffer_text(writer->to, "{");
	put_number(writer, "from", gap->from);
	put_number(writer, "to", gap->to);
	put_text(writer, "reason", gap->reason);
	put_text(writer, "by", gap->by);
	buffer_text(writer->to, "}");
}

static void
put_actor(struct writer *writer, const struct record_actor *actor)
{
	if (actor == NULL)
		return;
	put_key(writer, "actor");
	buffer_text(writer->to, "{");
	put_number(writer, "uid", actor->uid);
	put_number(writer, "gid", actor->gid);
	put_number(writer, "pid", actor->pid > 0 ? (uint64_t)actor->pid : 0);
	put_text(writer, "via", actor->via);
	put_flag(writer, "app", actor->app);
	buffer_text(writer->to, "}");
}

static void
put_ms(struct writer *writer, int64_t ms)
{
	if (ms >= 0)
		put_number(writer, "ms", (uint64_t)ms);
}

static void
put_more(struct writer *writer, size_t more)
{
	if (more > 0)
		put_number(writer, "more", more);
}

/* Of the calls (plugins below) as many as `kept` says. */
static void
put_calls(struct writer *writer, const struct record *record, size_t kept)
{
	for (size_t i = 0; i < kept; i++) {
		const struct record_call *call = &record->calls[i];

		if (i == 0)
			put_key(writer, "calls");
		buffer_text(writer->to, i == 0 ? "[{" : ",{");
		put_text(writer, "backend", call->backend);
		put_text(writer, "code", call->code);
		put_ms(writer, call->ms);
		put_text(writer, "version", call->version);
		buffer_text(writer->to, "}");
	}
	if (kept > 0)
		buffer_text(writer->to, "]");
	put_more(writer, record->calls_count - kept);
}

static void
put_plugins(struct writer *writer, const struct record *record, size_t kept)
{
	for (size_t i = 0; i < kept; i++) {
		const struct record_plugin *plugin = &record->plugins[i];

		if (i == 0)
			put_key(writer, "plugins");
		buffer_text(writer->to, i == 0 ? "[{" : ",{");
		put_text(writer, "name", plugin->name);
		put_text(writer, "version", plugin->version);
		put_text(writer, "path", plugin->path);
		put_text(writer, "sha256", plugin->sha256);
		buffer_text(writer->to, "}");
	}
	if (kept > 0)
		buffer_text(writer->to, "]");
	put_more(writer, record->plugins_count - kept);
}

/* Is this id to be written here?  A key twice would break the record. */
static bool
last_of_its_id(const struct record *record, size_t at)
{
	const char *id = record->stores[at].id;

	for (size_t i = at + 1; i < record->stores_count; i++) {
		if (strcmp(record->stores[i].id, id) == 0)
			return false;
	}
	return true;
}

static void
put_stores(struct writer *writer, const struct record *record)
{
	const char *separator = "";

	if (record->stores_count == 0)
		return;
	put_key(writer, "stores");
	buffer_text(writer->to, "{");
	for (size_t i = 0; i < record->stores_count; i++) {
		const struct record_store *store = &record->stores[i];

		if (!last_of_its_id(record, i))
			continue;
		buffer_text(writer->to, separator);
		if (!buffer_json(writer->to, store->id, strlen(store->id)))
			writer->bad = true;
		buffer_format(writer->to, ":%" PRIu64,
		    store->generation < NUMBER_MAX ? store->generation : NUMBER_MAX);
		separator = ",";
	}
	buffer_text(writer->to, "}");
}

static void
put_open(struct writer *writer, const struct record *record, const struct record_link *link,
    size_t kept)
{
	put_text(writer, "trail", link->trail);
	put_number(writer, "segment", record->segment);
	put_text(writer, "before", link->before);
	put_gap(writer, record->gap);
	put_text(writer, "program", record->program);
	put_text(writer, "host", link->host);
	put_text(writer, "config", record->config);
	put_plugins(writer, record, kept);
	put_text(writer, "parent", link->parent);
	put_flag(writer, "anew", record->anew);
}

static void
put_operation(struct writer *writer, const struct record *record,
    const struct record_link *link, size_t kept)
{
	put_text(writer, "op", record->op);
	put_text(writer, "action", record->action);
	put_text(writer, "agencyId", record->agency_id);
	put_text(writer, "resourceType", record->resource_type);
	put_text(writer, "resourceId", record->resource_id);
	put_actor(writer, record->actor);
	if (record->type == RECORD_INTENT) {
		put_number(writer, "w", link->writer);
		return;
	}
	put_text(writer, "claimed", record->claimed);
	put_text(writer, "code", record->code);
	put_text(writer, "reason", record->reason);
	put_ms(writer, record->ms);
	put_calls(writer, record, kept);
	put_flag(writer, "cached", record->cached);
	put_flag(writer, "stale", record->stale);
	put_stores(writer, record);
}

static void
put_checkpoint(struct writer *writer, const struct record_checkpoint *checkpoint)
{
	put_number(writer, "of", checkpoint->of);
	put_text(writer, "h", checkpoint->hash);
	put_number(writer, "epoch", checkpoint->epoch);
	put_text(writer, "key", checkpoint->key);
	put_text(writer, "next", checkpoint->next);
	put_text(writer, "sig", checkpoint->signature);
}

static void
put_erase(struct writer *writer, const struct record *record)
{
	put_key(writer, "records");
	buffer_text(writer->to, "[");
	for (size_t i = 0; i < record->erased_count; i++)
		buffer_format(writer->to, "%s[%" PRIu64 ",%" PRIu64 "]", i == 0 ? "" : ",",
		    record->erased[i].from, record->erased[i].to);
	buffer_text(writer->to, "]");
	put_text(writer, "by", record->by);
}

static void
put_fields(struct writer *writer, const struct record *record, const struct record_link *link,
    size_t kept)
{
	put_text(writer, "t", type_words[record->type]);
	switch (record->type) {
	case RECORD_OPEN:
		put_open(writer, record, link, kept);
		break;
	case RECORD_INTENT:
	case RECORD_OUTCOME:
		put_operation(writer, record, link, kept);
		break;
	case RECORD_TORN:
		put_number(writer, "bytes", record->torn_bytes);
		put_text(writer, "sha256", record->torn_sha256);
		break;
	case RECORD_CONFIG:
		put_text(writer, "digest", record->config);
		put_plugins(writer, record, kept);
		put_text(writer, "who", record->program);
		break;
	case RECORD_REFUSED:
		put_text(writer, "op", record->op);
		put_text(writer, "reason", record->reason);
		break;
	case RECORD_CHECKPOINT:
		put_checkpoint(writer, record->checkpoint);
		break;
	case RECORD_DROP:
		put_text(writer, "sink", record->sink);
		put_number(writer, "from", record->dropped.from);
		put_number(writer, "to", record->dropped.to);
		break;
	case RECORD_PARK:
		put_text(writer, "sink", record->sink);
		put_number(writer, "of", record->parked);
		put_text(writer, "error", record->park_error);
		break;
	case RECORD_ERASE:
		put_erase(writer, record);
		break;
	}
}

static bool
hash_tagged(const char *what, size_t what_size, const void *bytes, size_t size, char hash[65])
{
	unsigned char digest[DIGEST_SIZE];
	const struct digest_part parts[] = {
		{TAG, sizeof(TAG) - 1}, {what, what_size}, {bytes, size},
	};

	if (!digest_sha256(parts, ARRAY_SIZE(parts), digest))
		return false;
	hex_encode(digest, sizeof(digest), hash);
	return true;
}

bool
record_commitment(const char *personal, size_t size, char commitment[65])
{
	return hash_tagged("personal", sizeof("personal"), personal, size, commitment);
}

bool
record_digest(const char *c, size_t size, char digest[65])
{
	return hash_tagged("record", sizeof("record"), c, size, digest);
}

bool
record_hash(const char *trail, const char *before, const char *c, size_t size, char hash[65])
{
	unsigned char linked[16 + 2 * DIGEST_SIZE];
	char digest[65];

	return record_digest(c, size, digest) &&
	    hex_decode(trail, linked, 16) && hex_decode(before, linked + 16, DIGEST_SIZE) &&
	    hex_decode(digest, linked + 16 + DIGEST_SIZE, DIGEST_SIZE) &&
	    hash_tagged("link", sizeof("link"), linked, sizeof(linked), hash);
}

/* p and its commitment; false = no digest to be had. */
static bool
draft_personal(const struct record_personal *personal, const unsigned char salt[16],
    struct record_draft *draft, bool *bad)
{
	struct writer writer = {.to = &draft->personal};
	char text[33];

	if (personal == NULL)
		return true;
	hex_encode(salt, 16, text);
	buffer_text(writer.to, "{");
	put_text(&writer, "s", text);
	put_text_most(&writer, "userEmail", personal->user_email, 320);
	put_text_most(&writer, "ipAddress", personal->ip_address, 64);
	put_text_most(&writer, "userAgent", personal->user_agent, 512);
	if (personal->metadata != NULL && strcmp(personal->metadata, "{}") != 0) {
		put_key(&writer, "metadata");
		buffer_text(writer.to, personal->metadata);
	}
	buffer_text(writer.to, "}");
	*bad = writer.bad;
	return !writer.to->failed &&
	    record_commitment(writer.to->data, writer.to->size, draft->commitment);
}

void
record_draft_free(struct record_draft *draft)
{
	buffer_free(&draft->fields);
	buffer_free(&draft->personal);
	draft->commitment[0] = '\0';
}

enum mortise_code
record_draft(const struct record *record, const struct record_link *link,
    struct record_draft *draft, struct mortise_error *error)
{
	size_t kept = record->type == RECORD_OPEN || record->type == RECORD_CONFIG ?
	    record->plugins_count :
	    record->type == RECORD_OUTCOME ? record->calls_count : 0;
	bool bad = false, fits = false;

	*draft = (struct record_draft){0};
	if (!draft_personal(record->personal, link->salt, draft, &bad)) {
		record_draft_free(draft);
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the personal part of an audit record cannot be hashed: out of memory");
	}
	do {
		struct writer writer = {.to = &draft->fields, .bad = bad};

		writer.to->size = 0;
		put_fields(&writer, record, link, kept);
		put_flag(&writer, "bad", writer.bad);
		fits = draft->fields.size + draft->personal.size + AROUND_MAX <= RECORD_LINE_MAX;
	} while (!fits && kept-- > 0);
	if (fits && !draft->fields.failed)
		return MORTISE_OK;
	record_draft_free(draft);
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT, fits ?
	    "an audit record cannot be written: out of memory" :
	    "an audit record would be longer than 16384 bytes; send shorter metadata and ids");
}

enum mortise_code
record_seal(const struct record_draft *draft, const struct record_link *link,
    struct buffer *line, char hash[65], struct mortise_error *error)
{
	char ts[CLOCK_TEXT_SIZE];
	size_t start = line->size, c;

	clock_format(link->time_us, 6, ts);
	buffer_format(line, "{\"c\":");
	c = line->size;
	buffer_format(line, "{\"v\":1,\"seq\":%" PRIu64 ",\"ts\":\"%s\",", link->seq, ts);
	buffer_append(line, draft->fields.data, draft->fields.size);
	buffer_text(line, link->back ? ",\"back\":true" : "");
	if (draft->personal.size > 0)
		buffer_format(line, ",\"pc\":\"%s\"}", draft->commitment);
	else
		buffer_text(line, ",\"pc\":null}");
	if (line->failed || !record_hash(link->trail, link->before, line->data + c,
	    line->size - c, hash))
		goto failed;
	buffer_text(line, ",\"p\":");
	if (draft->personal.size > 0)
		buffer_append(line, draft->personal.data, draft->personal.size);
	else
		buffer_text(line, "null");
	buffer_format(line, ",\"h\":\"%s\"}\n", hash);
	if (!line->failed)
		return MORTISE_OK;
failed:
	line->size = start;
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "an audit record cannot be linked: out of memory");
}

enum mortise_code
record_line(const struct record *record, const struct record_link *link, struct buffer *line,
    char hash[65], struct mortise_error *error)
{
	struct record_draft draft _cleanup_(record_draft_free) = {0};
	enum mortise_code code = record_draft(record, link, &draft, error);

	return code == MORTISE_OK ? record_seal(&draft, link, line, hash, error) : code;
}

/* Valid JSON without the white space between its tokens: numbers and escapes
 * stay as the caller wrote them. */
static void
compact_json(const char *text, struct buffer *to)
{
	const char *from = text;
	bool inside = false;

	for (; *text != '\0'; text++) {
		if (inside && *text == '\\')
			text++;
		else if (*text == '"')
			inside = !inside;
		else if (!inside && strchr(" \t\r\n", *text) != NULL) {
			buffer_append(to, from, (size_t)(text - from));
			from = text + 1;
		}
	}
	buffer_append(to, from, (size_t)(text - from));
}

enum mortise_code
record_metadata(const char *text, char **compact, struct mortise_error *error)
{
	struct buffer buffer = {0};
	json_error_t problem;
	json_t *tree;
	char *made;

	if (text == NULL) {
		*compact = NULL;
		return MORTISE_OK;
	}
	tree = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
	if (!json_is_object(tree)) {
		json_decref(tree);
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the metadata is no JSON object with each key once; send one");
	}
	json_decref(tree);
	compact_json(text, &buffer);
	if (buffer.size > METADATA_MAX) {
		buffer_free(&buffer);
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the metadata is longer than %d bytes; send less", METADATA_MAX);
	}
	made = buffer_take(&buffer);
	if (made == NULL)
		return error_memory(error);
	*compact = made;
	return MORTISE_OK;
}
