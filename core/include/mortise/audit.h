/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mortise/audit.h: the trail, read, verified and cared for.  A part of mortise.h, which
 * includes it and says what holds for all of them.
 */
#ifndef MORTISE_AUDIT_H
#define MORTISE_AUDIT_H

#include <mortise/mortise.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

struct mortise_audit_filter {
	size_t size;
	const char *agency_id, *action, *resource_type, *resource_id, *user_email;	/* NULL: any */
	int64_t from_ms, to_ms;		/* 0: any; from <= time < to */
	size_t last;			/* only so many, the newest; 0: all */
	bool follow;			/* then those that come: returns on an error only */
	/* agency_id: whole operations of the agency, as their outcomes say whose they are; with
	 * outcomes that only tell of a writer's end, and without intents that claimed falsely. */
	bool operations;
	/* Read in this sink, which has what others write to it, too; NULL: in the trail. */
	const char *sink;
};
/* One record: the line as it stands in the trail, without its LF. */
typedef void mortise_line_fn(void *arg, const char *line, size_t size);
/* Records in order, all of them for a filter of NULL; itself recorded as audit_read.  In an
 * action `*` stands for any letters. */
enum mortise_code mortise_audit_search(struct mortise *, const struct mortise_request *,
    const struct mortise_audit_filter *, mortise_line_fn *each, void *arg,
    struct mortise_error *);

struct mortise_export_report {
	size_t size;
	uint64_t records, whole;	/* all of the trail, and those that were given whole */
	uint64_t seq;			/* of the last one: an anchor for who verifies it */
	char hash[65];
};
/*
 * The part of the trail that is one agency's, to be kept and verified by itself
 * (mortise_audit_verify takes it, as a file with a LF behind each line): records of its
 * operations whole, all others as digests, which tell nothing but that they are there.
 * Itself recorded as audit_exported before the first line is given.  *exported (may be
 * NULL; size set) is filled on ok.
 */
enum mortise_code mortise_audit_export(struct mortise *, const struct mortise_request *,
    const char *agency_id, mortise_line_fn *each, void *arg, struct mortise_export_report *exported,
    struct mortise_error *);

struct mortise_audit_range {
	uint64_t from, to;		/* both included */
};
struct mortise_erase_options {
	size_t size;
	/* Records of this person, of this agency's operations, or both; of this time. */
	const char *user_email, *agency_id;	/* NULL: any */
	int64_t from_ms, to_ms;			/* 0: any; from <= time < to */
	/* Or else these, whosever they are. */
	const struct mortise_audit_range *ranges;
	size_t ranges_count;
	bool dry_run;				/* only counts them, as audit_read */
};
/*
 * Erases the personal parts of records for ever: what callers claimed of people is
 * overwritten in the files, and the trail still verifies.  Records are there before and
 * after: audit_erased, and one that names the numbers.  *records: how many parts there
 * were.  Others may work meanwhile; after a crash, the next mortise_open ends it.
 * Sinks that can erase do so when they get to the record of it; copies elsewhere (backups,
 * exports) are not reached.  invalid: nothing is named;
 * conflict: another erasure is under way.
 */
enum mortise_code mortise_audit_erase(struct mortise *, const struct mortise_request *,
    const struct mortise_erase_options *, uint64_t *records, struct mortise_error *);

struct mortise_audit_anchor {
	uint64_t seq;
	char hash[65];
};
struct mortise_audit_gap {
	uint64_t from, to;
};
/* The public key that the checkpoints of an epoch are signed with. */
struct mortise_audit_key {
	uint64_t epoch;
	char key[65];
};
struct mortise_verify_options {
	size_t size;
	const char *const *files;	/* segments in order, or an export; needed */
	size_t files_count;
	const char *head_file;		/* NULL: none */
	const struct mortise_audit_anchor *anchors;
	size_t anchors_count;
	const struct mortise_audit_gap *gaps;	/* declared gaps that are accepted */
	size_t gaps_count;
	/* Kept elsewhere: keys, and checkpoints as `mortise audit head --output json` prints
	 * them.  If any is given, what the trail is signed with must follow from it. */
	const struct mortise_audit_key *keys;
	size_t keys_count;
	const char *const *checkpoint_files;
	size_t checkpoint_files_count;
};
/*
 * Verifies files and needs no context.  ok; error with reason difference
 * (broken: the first bad record is named), short (shorter than an anchor or an
 * unaccepted gap) or uncheckable.  verdict (of size bytes) takes one line in
 * every case.
 */
enum mortise_code mortise_audit_verify(const struct mortise_verify_options *, char *verdict,
    size_t size, struct mortise_error *);

/*
 * Writes what a sink has of the configured trail into an empty directory, as segments
 * 000001.jsonl and so on, to be verified, and its last record, as it says, into *last
 * (seq 0: it has none).  Reads the sink only; within an hour.  invalid: it is no sink;
 * unsupported: it cannot be read, or has not all records.
 */
enum mortise_code mortise_audit_fetch(const struct mortise_open_options *, const char *sink,
    const char *directory, struct mortise_audit_anchor *last, struct mortise_error *);

struct mortise_audit_head {
	size_t size;
	char trail[33];
	uint64_t seq;
	char hash[65];
	/* The newest checkpoint: an anchor (of, its hash) under the key of an epoch.  next is
	 * the key of the epoch after, "" but for the last of an epoch.  of 0: there is none. */
	uint64_t of, epoch;
	char of_hash[65], key[65], next[65], ts[28], signature[129];
};
/* The head of the configured trail, and the directory that it lies in (of size
 * bytes; NULL: not wanted).  Reads files only. */
enum mortise_code mortise_audit_head(const char *config_path, struct mortise_audit_head *,
    char *directory, size_t size, struct mortise_error *);
/* The same once the trail is signed up to its end: writes a checkpoint, unless its newest
 * record is one. */
enum mortise_code mortise_audit_checkpoint(struct mortise *, struct mortise_audit_head *,
    struct mortise_error *);
/* Begins a new segment after what the head knows, with the loss declared in
 * it.  by: who accepts it. */
enum mortise_code mortise_audit_accept_loss(const char *config_path, const char *reason,
    const char *by, struct mortise_error *);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
