/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/file.h"

#define PERIOD_MS 60000
#define PERIOD_RECORDS 1024
#define BEAT_MS (INT64_C(15) * 60 * 1000)
#define EPOCH_MS (INT64_C(24) * 3600 * 1000)
#define SIGNED_TAG "mortise-trail-v1\ncheckpoint\n"

/* --- what others wrote ------------------------------------------------------- */

static bool
take_hex(const json_t *value, char *text, size_t size)
{
	const char *given = json_string_value(value);

	if (given == NULL || strlen(given) != size - 1 ||
	    strspn(given, "0123456789abcdef") != size - 1)
		return false;
	memcpy(text, given, size);
	return true;
}

static bool
take_number(const json_t *value, uint64_t *number)
{
	if (!json_is_integer(value) || json_integer_value(value) < 1)
		return false;
	*number = (uint64_t)json_integer_value(value);
	return true;
}

bool
checkpoint_parse(const json_t *tree, struct checkpoint *checkpoint)
{
	const char *ts = json_string_value(json_object_get(tree, "ts"));
	const json_t *next = json_object_get(tree, "next");
	struct checkpoint made = {0};

	if (ts == NULL || !trail_time(ts, &made.time_us) ||
	    !take_number(json_object_get(tree, "of"), &made.of) ||
	    !take_hex(json_object_get(tree, "h"), made.hash, sizeof(made.hash)) ||
	    !take_number(json_object_get(tree, "epoch"), &made.epoch) ||
	    !take_hex(json_object_get(tree, "key"), made.key, sizeof(made.key)) ||
	    (next != NULL && !take_hex(next, made.next, sizeof(made.next))) ||
	    !take_hex(json_object_get(tree, "sig"), made.signature, sizeof(made.signature)))
		return false;
	*checkpoint = made;
	return true;
}

/* --- keys -------------------------------------------------------------------- */

/* The epoch that lasts now, and its public key; "" where no record has it yet. */
static uint64_t
current(const struct trail *trail, const char **public)
{
	const struct checkpoint *last = &trail->checkpoint;

	*public = "";
	if (trail->anew != 0)
		return trail->anew;
	if (last->seq == 0)
		return 1;
	*public = last->next[0] == '\0' ? last->key : last->next;
	return last->next[0] == '\0' ? last->epoch : last->epoch + 1;
}

static void
destroy(const struct trail *trail, uint64_t epoch)
{
	if (key_destroy(trail->directory, epoch) < 0)
		log_line(trail->options.logger, MORTISE_LOG_WARNING,
		    "%s/epoch-%" PRIu64 ".key is not needed any more and cannot be destroyed: %s; "
		    "remove it", trail->options.directory, epoch, strerror(errno));
}

/* Its key, made if it is the first of a chain. */
static enum mortise_code
load_key(struct trail *trail, int64_t now, struct key *key, struct mortise_error *error)
{
	const char *public;
	uint64_t epoch = current(trail, &public);
	enum mortise_code code = key_read(trail->directory, epoch, key, error);

	if (public[0] == '\0')
		return code == MORTISE_NOT_FOUND || code == MORTISE_INVALID ?
		    key_make(trail->directory, epoch, now, key, error) : code;
	if (code == MORTISE_OK && strcmp(key->public, public) != 0)
		code = MORTISE_INVALID;
	/* What a crash may have left of the one before. */
	if (code == MORTISE_OK && epoch > 1 && trail->checkpoint.seq <= trail->durable.seq)
		destroy(trail, epoch - 1);
	if (code != MORTISE_NOT_FOUND && code != MORTISE_INVALID)
		return code;
	trail->key_lost = true;
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "%s has not the key of epoch %" PRIu64 " any more", trail->options.directory, epoch);
}

void
checkpoint_forget_keys(const struct trail *trail)
{
	uint64_t epoch = trail->checkpoint.epoch;

	/* The one before may have outlived a crash, the ones behind been prepared. */
	for (uint64_t i = epoch > 1 ? epoch - 1 : 1; i <= epoch + 2; i++)
		destroy(trail, i);
}

/* --- writing ----------------------------------------------------------------- */

static int64_t
period_ms(const struct trail *trail)
{
	return trail->options.checkpoint_ms != 0 ? trail->options.checkpoint_ms : PERIOD_MS;
}

bool
checkpoint_due(const struct trail *trail)
{
	const struct checkpoint *last = &trail->checkpoint;
	int64_t since = last->seq == 0 ? trail->segment_us : last->time_us;
	int64_t gone = clock_unix_us() - since;

	if (clock_monotonic_ns() < trail->checkpoint_ns)
		return false;
	/* By a clock that was set back nothing would be due for long. */
	return gone < 0 || gone / 1000 >= period_ms(trail) ||
	    trail->end.seq - last->seq >= PERIOD_RECORDS;
}

/* The members that are not the record's, for the trail's end. */
static enum mortise_code
sign(const struct trail *trail, const struct key *key, int64_t now, struct checkpoint *made,
    struct mortise_error *error)
{
	struct buffer text _cleanup_(buffer_free) = {0};
	char ts[CLOCK_TEXT_SIZE];

	made->seq = trail->end.seq + 1;
	made->time_us = now;
	made->of = trail->end.seq;
	made->epoch = key->epoch;
	memcpy(made->hash, trail->end.hash, sizeof(made->hash));
	memcpy(made->key, key->public, sizeof(made->key));
	clock_format(now, 6, ts);
	buffer_format(&text, SIGNED_TAG "%s\n%" PRIu64 "\n%s\n%" PRIu64 "\n%s\n%s\n", trail->id,
	    made->of, made->hash, made->epoch, made->next, ts);
	return !text.failed && key_sign(key, text.data, text.size, made->signature) ? MORTISE_OK :
	    error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "libcrypto makes no Ed25519 signature; look at its configuration");
}

static enum mortise_code
write_record(struct trail *trail, const struct checkpoint *made, struct mortise_error *error)
{
	const struct record_checkpoint fields = {
		.of = made->of, .epoch = made->epoch, .hash = made->hash, .key = made->key,
		.next = made->next, .signature = made->signature,
	};
	const struct record record = {.type = RECORD_CHECKPOINT, .checkpoint = &fields};
	const struct record_link link = {
		.trail = trail->id, .seq = made->seq, .time_us = made->time_us,
		.back = made->time_us < trail->end.time_us, .before = made->hash,
	};
	struct buffer line _cleanup_(buffer_free) = {0};
	struct position next = {.seq = made->seq, .time_us = made->time_us};
	enum mortise_code code = record_line(&record, &link, &line, next.hash, error);
	int saved;

	if (code != MORTISE_OK)
		return code;
	next.offset = trail->end.offset + line.size;
	if (file_write(trail->file, line.data, line.size, NULL) == 0) {
		trail->end = next;
		trail->checkpoint = *made;
		trail->head_due = true;
		return MORTISE_OK;
	}
	saved = errno;
	if (ftruncate(trail->file, (off_t)trail->end.offset) < 0)
		trail->loaded = false;
	return error_errno(error, saved, "%s: a checkpoint could not be written whole",
	    trail->options.directory);
}

static enum mortise_code
add(struct trail *trail, struct mortise_error *error)
{
	int64_t now = clock_unix_us();
	int64_t ms = trail->options.epoch_ms != 0 ? trail->options.epoch_ms : EPOCH_MS;
	struct key key _cleanup_(key_wipe) = {0}, next _cleanup_(key_wipe) = {0};
	struct checkpoint made = {0};
	enum mortise_code code = load_key(trail, now, &key, error);

	if (code != MORTISE_OK)
		return code;
	/* The next one is durable before any record names it. */
	if ((now - key.since_us) / 1000 >= ms)
		code = key_make(trail->directory, key.epoch + 1, now, &next, error);
	memcpy(made.next, next.public, sizeof(made.next));
	if (code == MORTISE_OK)
		code = sign(trail, &key, now, &made, error);
	if (code == MORTISE_OK)
		code = write_record(trail, &made, error);
	return code;
}

/* Records do not wait for it, and are not to be followed by a warning each. */
static enum mortise_code
not_signed(struct trail *trail, enum mortise_code code, const struct mortise_error *own,
    struct mortise_error *error)
{
	trail->checkpoint_ns = deadline_in_ms((uint64_t)period_ms(trail));
	log_line(trail->options.logger, MORTISE_LOG_WARNING, "%s: the trail is not signed: %s",
	    trail->options.directory, own->message);
	if (error != NULL)
		*error = *own;
	return code;
}

int64_t
trail_beat_ms(const struct trail *trail)
{
	return trail->options.beat_ms != 0 ? trail->options.beat_ms : BEAT_MS;
}

/* Is the last record one that still says that all is quiet? */
static bool
is_fresh(const struct trail *trail)
{
	return trail->checkpoint.seq == trail->end.seq &&
	    (clock_unix_us() - trail->checkpoint.time_us) / 1000 < trail_beat_ms(trail);
}

enum mortise_code
checkpoint_add(struct trail *trail, struct mortise_error *error)
{
	struct mortise_error own = {0};
	enum mortise_code code;

	if (is_fresh(trail))
		return MORTISE_OK;
	code = add(trail, &own);
	return code == MORTISE_OK || trail->key_lost ? code :
	    not_signed(trail, code, &own, error);
}

/* --- after a sync ------------------------------------------------------------ */

/* The segment's first record says that no checkpoint has named the key. */
static enum mortise_code
begin_anew(struct trail *trail, struct mortise_error *error)
{
	struct key key _cleanup_(key_wipe) = {0};
	const char *public;
	uint64_t lost = current(trail, &public);
	enum mortise_code code = key_make(trail->directory, lost + 1, clock_unix_us(), &key, error);

	if (code != MORTISE_OK)
		return code;
	destroy(trail, lost);
	trail->anew = lost + 1;
	code = trail_segment_begin(trail, NULL, error);
	if (code == MORTISE_OK)
		code = add(trail, error);
	trail->anew = 0;
	if (code != MORTISE_OK)
		return code;
	if (file_sync_data(trail->file) < 0) {
		/* The next one reads what stands there, and syncs that. */
		trail->loaded = false;
		return error_errno(error, errno, "%s: a checkpoint could not be synced",
		    trail->options.directory);
	}
	trail->durable = trail->end;
	log_line(trail->options.logger, MORTISE_LOG_WARNING, "%s has not the key of epoch %" PRIu64
	    " any more, as a restored one has none: it is signed by a new key from epoch %" PRIu64
	    " on; keep what `mortise audit head` says of it elsewhere", trail->options.directory,
	    lost, lost + 1);
	return MORTISE_OK;
}

enum mortise_code
checkpoint_settle(struct trail *trail, struct mortise_error *error)
{
	const struct checkpoint *last = &trail->checkpoint;
	struct mortise_error own = {0};
	enum mortise_code code = MORTISE_OK;

	if (trail->key_lost)
		code = begin_anew(trail, &own);
	else if (last->next[0] != '\0' && last->seq == trail->durable.seq)
		destroy(trail, last->epoch);
	trail->key_lost = false;
	return code == MORTISE_OK ? code : not_signed(trail, code, &own, error);
}
