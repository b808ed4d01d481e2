/* SPDX-License-Identifier: BSD-2-Clause */
/* DIR/head: how far the trail certainly goes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/parts.h"
#include "base/file.h"

#define HEAD_MAX (64 << 20)
#define HEAD_NS UINT64_C(1000000000)
#define HEAD_RECORDS 1024

/* A string of exactly size - 1 bytes. */
static bool
take_text(const json_t *value, char *text, size_t size)
{
	if (!json_is_string(value) || json_string_length(value) != size - 1)
		return false;
	memcpy(text, json_string_value(value), size);
	return true;
}

static bool
take_number(const json_t *value, uint64_t *number)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*number = (uint64_t)json_integer_value(value);
	return true;
}

static bool
take_pendings(const json_t *list, struct pendings *pendings)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		uint64_t seq, writer;
		char op[33];

		if (!take_number(json_array_get(entry, 0), &seq) ||
		    !take_text(json_array_get(entry, 1), op, sizeof(op)) ||
		    !take_number(json_array_get(entry, 2), &writer) ||
		    !pendings_add(pendings, seq, op, (uint32_t)writer))
			return false;
	}
	return true;
}

static bool
take_noteds(json_t *stores, struct noteds *noteds)
{
	const char *backend, *id;
	uint64_t generation;
	json_t *entry;

	json_object_foreach(stores, backend, entry) {
		id = json_string_value(json_object_get(entry, "id"));
		if (id == NULL || !take_number(json_object_get(entry, "generation"), &generation) ||
		    !noteds_set(noteds, backend, id, generation, NULL))
			return false;
	}
	return true;
}

/* It came later than the others, and says nothing where it is missing. */
static bool
take_running(const json_t *value, char running[RUNNING_DIGEST_SIZE])
{
	return value == NULL || take_text(value, running, RUNNING_DIGEST_SIZE);
}

static bool
take_checkpoint(const json_t *value, struct checkpoint *checkpoint)
{
	return value == NULL || (checkpoint_parse(value, checkpoint) &&
	    take_number(json_object_get(value, "seq"), &checkpoint->seq));
}

static bool
take_head(const json_t *tree, struct head *head)
{
	return take_text(json_object_get(tree, "trail"), head->trail, sizeof(head->trail)) &&
	    take_number(json_object_get(tree, "seq"), &head->seq) &&
	    take_text(json_object_get(tree, "h"), head->hash, sizeof(head->hash)) &&
	    take_number(json_object_get(tree, "segment"), &head->segment) &&
	    take_number(json_object_get(tree, "offset"), &head->offset) &&
	    take_noteds(json_object_get(tree, "stores"), &head->noteds) &&
	    take_running(json_object_get(tree, "running"), head->running) &&
	    take_checkpoint(json_object_get(tree, "checkpoint"), &head->checkpoint) &&
	    take_pendings(json_object_get(tree, "pending"), &head->pendings);
}

enum mortise_code
head_read(int directory, struct head *head, struct mortise_error *error)
{
	struct head made = {0};
	size_t size;
	char *text = file_read(directory, "head", HEAD_MAX, &size);
	json_t *tree;
	bool good;

	if (text == NULL && errno == ENOENT)
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_UNCHECKABLE,
		    "the trail has no head file");
	if (text == NULL)
		return error_errno(error, errno, "the trail's head file cannot be read");
	tree = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	good = take_head(tree, &made);
	json_decref(tree);
	if (!good) {
		head_free(&made);
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the trail's head file is damaged");
	}
	*head = made;
	return MORTISE_OK;
}

void
head_free(struct head *head)
{
	pendings_free(&head->pendings);
	noteds_free(&head->noteds);
}

/* Another process may have seen a store first: the line of a record has its
 * id, but only the head its backend. */
void
trail_head_merge(struct trail *trail)
{
	struct head old = {0};

	if (head_read(trail->directory, &old, NULL) != MORTISE_OK)
		return;
	(void)pthread_mutex_lock(&trail->mutex);
	for (size_t i = 0; strcmp(old.trail, trail->id) == 0 && i < old.noteds.count; i++) {
		const struct noted *noted = &old.noteds.all[i];

		if (noteds_find(&trail->noteds, noted->backend) == NULL)
			(void)noteds_set(&trail->noteds, noted->backend, noted->store,
			    noted->generation, NULL);
	}
	(void)pthread_mutex_unlock(&trail->mutex);
	head_free(&old);
}

static void
write_noteds(struct trail *trail, struct buffer *to)
{
	(void)pthread_mutex_lock(&trail->mutex);
	for (size_t i = 0; i < trail->noteds.count; i++) {
		const struct noted *noted = &trail->noteds.all[i];

		buffer_text(to, i == 0 ? "" : ",");
		(void)buffer_json(to, noted->backend, strlen(noted->backend));
		buffer_text(to, ":{\"id\":");
		(void)buffer_json(to, noted->store, strlen(noted->store));
		buffer_format(to, ",\"generation\":%" PRIu64 "}", noted->generation);
	}
	(void)pthread_mutex_unlock(&trail->mutex);
}

static void
write_checkpoint(const struct checkpoint *checkpoint, struct buffer *to)
{
	char ts[CLOCK_TEXT_SIZE];

	if (checkpoint->seq == 0)
		return;
	clock_format(checkpoint->time_us, 6, ts);
	buffer_format(to, ",\"checkpoint\":{\"seq\":%" PRIu64 ",\"ts\":\"%s\",\"of\":%" PRIu64
	    ",\"h\":\"%s\",\"epoch\":%" PRIu64 ",\"key\":\"%s\"", checkpoint->seq, ts,
	    checkpoint->of, checkpoint->hash, checkpoint->epoch, checkpoint->key);
	if (checkpoint->next[0] != '\0')
		buffer_format(to, ",\"next\":\"%s\"", checkpoint->next);
	buffer_format(to, ",\"sig\":\"%s\"}", checkpoint->signature);
}

static void
write_text(struct trail *trail, struct buffer *to)
{
	const char *separator = "";
	char running[RUNNING_DIGEST_SIZE];

	(void)pthread_mutex_lock(&trail->mutex);
	running_digest(&trail->running, running);
	(void)pthread_mutex_unlock(&trail->mutex);
	buffer_format(to, "{\"trail\":\"%s\",\"seq\":%" PRIu64 ",\"h\":\"%s\",\"segment\":%" PRIu64
	    ",\"offset\":%" PRIu64 ",\"stores\":{", trail->id, trail->durable.seq,
	    trail->durable.hash, trail->segment, trail->durable.offset);
	write_noteds(trail, to);
	buffer_text(to, "},\"pending\":[");
	for (size_t i = 0; i < trail->pendings.count; i++) {
		const struct pending *pending = &trail->pendings.all[i];

		/* Of one moment: as if all after the head had not happened. */
		if (pending->seq > trail->durable.seq ||
		    (pending->closed != 0 && pending->closed <= trail->durable.seq))
			continue;
		buffer_format(to, "%s[%" PRIu64 ",\"%s\",%" PRIu32 "]", separator, pending->seq,
		    pending->op, pending->writer);
		separator = ",";
	}
	buffer_format(to, "]%s%s%s", running[0] == '\0' ? "" : ",\"running\":\"", running,
	    running[0] == '\0' ? "" : "\"");
	write_checkpoint(&trail->checkpoint, to);
	buffer_text(to, "}\n");
}

void
trail_head_write(struct trail *trail, bool always)
{
	struct buffer text = {0};
	uint64_t now = clock_monotonic_ns();

	if (!always && !trail->head_due && now - trail->head_ns < HEAD_NS &&
	    trail->durable.seq - trail->head_seq < HEAD_RECORDS)
		return;
	if (trail->durable.seq < trail->head_seq)
		return;
	trail_head_merge(trail);
	write_text(trail, &text);
	if (text.failed || file_replace(trail->directory, "head", text.data, text.size, 0600) < 0)
		log_line(trail->options.logger, MORTISE_LOG_WARNING,
		    "%s/head cannot be replaced; look for a full disk", trail->options.directory);
	else {
		trail->head_seq = trail->durable.seq;
		trail->head_due = false;
	}
	trail->head_ns = now;
	buffer_free(&text);
}

static void
give_checkpoint(const struct checkpoint *checkpoint, struct mortise_audit_head *head)
{
	char ts[CLOCK_TEXT_SIZE];

	if (checkpoint->seq == 0)
		return;
	head->of = checkpoint->of;
	head->epoch = checkpoint->epoch;
	memcpy(head->of_hash, checkpoint->hash, sizeof(head->of_hash));
	memcpy(head->key, checkpoint->key, sizeof(head->key));
	memcpy(head->next, checkpoint->next, sizeof(head->next));
	memcpy(head->signature, checkpoint->signature, sizeof(head->signature));
	clock_format(checkpoint->time_us, 6, ts);
	memcpy(head->ts, ts, sizeof(head->ts));
}

enum mortise_code
trail_head(const char *directory, struct mortise_audit_head *head, struct mortise_error *error)
{
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
	struct head found = {0};
	enum mortise_code code;

	if (fd < 0)
		return error_errno(error, errno, "the trail %s cannot be opened", directory);
	code = head_read(fd, &found, error);
	if (code != MORTISE_OK)
		return code;
	memcpy(head->trail, found.trail, sizeof(head->trail));
	memcpy(head->hash, found.hash, sizeof(head->hash));
	head->seq = found.seq;
	give_checkpoint(&found.checkpoint, head);
	head_free(&found);
	return MORTISE_OK;
}
