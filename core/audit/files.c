/* SPDX-License-Identifier: BSD-2-Clause */
/* The small files beside the segments: lock and head; and segments' names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/digest.h"
#include "base/file.h"

/* Padded to this, so that it is written in place by one write. */
#define LOCK_SIZE 128
#define HEAD_MAX ((size_t)1 << 20)

enum mortise_code
audit_failed(struct mortise_error *error, const char *what, const char *directory)
{
	int saved = errno;
	enum mortise_code code = error_errno(error, saved, "the audit trail in %s: %s", directory,
	    what);

	if (error != NULL) {
		error->reason = MORTISE_REASON_AUDIT;
		if (saved == ENOSPC || saved == EDQUOT)
			(void)snprintf(error->message + strlen(error->message),
			    sizeof(error->message) - strlen(error->message),
			    "; nothing is released without its record: make room and try again");
	}
	return code;
}

static uint64_t
number_member(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number < 0 ? 0 : (uint64_t)number;
}

static void
text_member(const json_t *object, const char *key, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	(void)snprintf(text, size, "%s", value == NULL ? "" : value);
}

enum mortise_code
lock_read(int fd, struct lock_state *state, struct mortise_error *error)
{
	char text[LOCK_SIZE + 1];
	ssize_t got = file_read_at(fd, text, LOCK_SIZE, 0);
	json_t *value;

	*state = (struct lock_state){0};
	if (got < 0)
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the trail's lock file cannot be read");
	/* An empty one is a trail that nobody has begun. */
	if (got == 0)
		return MORTISE_OK;
	value = json_loadb(text, (size_t)got, JSON_DISABLE_EOF_CHECK, NULL);
	if (value == NULL)
		return MORTISE_OK;
	state->segment = number_member(value, "segment");
	state->size = number_member(value, "size");
	state->durable = number_member(value, "durable");
	state->refused = json_is_true(json_object_get(value, "refused"));
	json_decref(value);
	return MORTISE_OK;
}

enum mortise_code
lock_write(int fd, const struct lock_state *state, struct mortise_error *error)
{
	char text[LOCK_SIZE + 1];
	int length = snprintf(text, sizeof(text),
	    "{\"segment\":%llu,\"size\":%llu,\"durable\":%llu,\"refused\":%s}",
	    (unsigned long long)state->segment, (unsigned long long)state->size,
	    (unsigned long long)state->durable, state->refused ? "true" : "false");
	ssize_t put;

	memset(text + length, ' ', (size_t)(LOCK_SIZE - length));
	text[LOCK_SIZE - 1] = '\n';
	do
		put = pwrite(fd, text, LOCK_SIZE, 0);
	while (put < 0 && errno == EINTR);
	return put == LOCK_SIZE ? MORTISE_OK : error_set(error, MORTISE_ERROR,
	    MORTISE_REASON_AUDIT, "the trail's lock file cannot be written; is the disk full?");
}

static bool
take_pending(struct view *view, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *op = json_string_value(json_array_get(item, 1));

		if (op != NULL && !view_add_pending(view,
		    (uint64_t)json_integer_value(json_array_get(item, 0)), op,
		    (uint32_t)json_integer_value(json_array_get(item, 2))))
			return false;
	}
	return true;
}

static bool
take_stores(struct view *view, json_t *stores)
{
	const char *backend;
	json_t *store;

	json_object_foreach(stores, backend, store) {
		const char *id = json_string_value(json_object_get(store, "id"));

		if (id != NULL && !view_set_store(view, backend, id,
		    number_member(store, "generation")))
			return false;
	}
	return true;
}

enum mortise_code
head_read(int directory, struct view *view, struct mortise_error *error)
{
	size_t size;
	char *bytes _cleanup_(free_pointer) = file_read(directory, "head", HEAD_MAX, &size);
	json_t *value = bytes == NULL ? NULL : json_loadb(bytes, size, 0, NULL);
	enum mortise_code code = MORTISE_OK;

	if (value == NULL)
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_UNCHECKABLE,
		    "the trail has no head file that can be read");
	*view = (struct view){
		.segment = number_member(value, "segment"),
		.offset = number_member(value, "offset"),
		.seq = number_member(value, "seq"),
	};
	text_member(value, "trail", view->trail, sizeof(view->trail));
	text_member(value, "h", view->hash, sizeof(view->hash));
	if (!take_pending(view, json_object_get(value, "pending")) ||
	    !take_stores(view, json_object_get(value, "stores"))) {
		view_free(view);
		code = error_memory(error);
	} else if (strlen(view->trail) != 32 || strlen(view->hash) != 64 || view->seq == 0) {
		view_free(view);
		code = error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_UNCHECKABLE,
		    "the trail's head file is damaged");
	}
	json_decref(value);
	return code;
}

enum mortise_code
head_write(int directory, const struct view *view, struct mortise_error *error)
{
	struct buffer text _cleanup_(buffer_free) = {0};

	buffer_format(&text, "{\"trail\":\"%s\",\"seq\":%llu,\"h\":\"%s\",\"segment\":%llu,"
	    "\"offset\":%llu,\"stores\":{", view->trail, (unsigned long long)view->seq, view->hash,
	    (unsigned long long)view->segment, (unsigned long long)view->offset);
	for (size_t i = 0; i < view->stores_count; i++)
		buffer_format(&text, "%s\"%s\":{\"id\":\"%s\",\"generation\":%llu}",
		    i == 0 ? "" : ",", view->stores[i].backend, view->stores[i].id,
		    (unsigned long long)view->stores[i].generation);
	buffer_text(&text, "},\"pending\":[");
	for (size_t i = 0; i < view->pending_count; i++)
		buffer_format(&text, "%s[%llu,\"%s\",%lu]", i == 0 ? "" : ",",
		    (unsigned long long)view->pending[i].seq, view->pending[i].op,
		    (unsigned long)view->pending[i].writer);
	buffer_text(&text, "]}\n");
	if (text.failed)
		return error_memory(error);
	if (file_replace(directory, "head", text.data, text.size, 0600) == 0)
		return MORTISE_OK;
	error_errno(error, errno, "the trail's head file cannot be written");
	if (error != NULL)
		error->reason = MORTISE_REASON_AUDIT;
	return MORTISE_ERROR;
}

void
segment_name(uint64_t number, char name[SEGMENT_NAME_SIZE])
{
	/* More than a million days of segments get a seventh digit. */
	(void)snprintf(name, SEGMENT_NAME_SIZE, "%06llu.jsonl",
	    (unsigned long long)(number % UINT64_C(10000000000)));
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* A segment's number by its file's name; 0 = it is none. */
static uint64_t
number_of(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	if (digits < 6 || digits > 10 || strcmp(name + digits, ".jsonl") != 0)
		return 0;
	return strtoull(name, NULL, 10);
}

int
segment_numbers(int directory, uint64_t **numbers, size_t *count)
{
	int fd = file_open(directory, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	uint64_t *made = NULL, *bigger;
	const struct dirent *entry;
	size_t n = 0;

	if (stream == NULL) {
		file_close(&fd);
		return -1;
	}
	while ((entry = readdir(stream)) != NULL) {
		uint64_t number = number_of(entry->d_name);

		if (number == 0)
			continue;
		bigger = realloc(made, (n + 1) * sizeof(*made));
		if (bigger == NULL) {
			free(made);
			(void)closedir(stream);
			return -1;
		}
		made = bigger;
		made[n++] = number;
	}
	(void)closedir(stream);
	if (n > 0)
		qsort(made, n, sizeof(*made), compare);
	*numbers = made;
	*count = n;
	return 0;
}

void
host_digest(const char *trail, char host[17])
{
	size_t size = 0;
	char *machine _cleanup_(free_pointer) =
	    file_read(AT_FDCWD, "/etc/machine-id", 256, &size);
	struct digest_part parts[] = {{trail, strlen(trail)}, {machine, size}};
	unsigned char digest[DIGEST_SIZE];

	host[0] = '\0';
	while (size > 0 && (machine[size - 1] == '\n' || machine[size - 1] == ' '))
		size--;
	parts[1].size = size;
	if (size > 0 && digest_sha256(parts, ARRAY_SIZE(parts), digest))
		hex_encode(digest, 8, host);
}
