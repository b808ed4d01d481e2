/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kit: mortise-plugin-test, which tries out what a plugin promises.  A program of
 * its own, installed with the headers; it asks backend, loader and config, and
 * nobody asks it.
 *
 * Each case runs in a process of its own, with the plugin loaded there alone, so
 * that a plugin which crashes, hangs or leaves something behind fails one case.
 * The calls go through core/backend, as they do when it serves.
 *
 * kit.h: a case, and what it is made of.
 */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <pthread.h>

#include "backend/backend.h"
#include "base/attr.h"

#define KIT_PREFIX_SIZE 129
#define KIT_LATE_MS 1000	/* behind a deadline: so late is too late ... */
#define KIT_HUNG_MS 5000	/* ... and so late is never */
#define KIT_MADE_MAX 512

enum kit_verdict {
	KIT_OK,
	KIT_SKIP,
	KIT_FAIL
};

/* What was written and is not known to be gone. */
struct kit_made {
	bool there, state;
	char name[MORTISE_KEY_MAX + 1];
};

/* In memory that the process of a case shares with the one that waits for it. */
struct kit_report {
	enum kit_verdict verdict;
	char words[1024];		/* of a skip or a failure */
	_Atomic unsigned long asked, answered;
	_Atomic uint64_t deadline;	/* the latest one of all calls */
	char asking[64];		/* for what, last */
	size_t made_count;
	struct kit_made made[KIT_MADE_MAX];
};

struct kit_settings {
	const char *file;		/* of the plugin, absolute */
	struct config *config;		/* NULL: no options are given */
	const struct config_backend *configured;	/* in there */
	char prefix[KIT_PREFIX_SIZE];	/* "mortise-test-.../": all names are below it */
	bool read_only;
	enum mortise_level log_level;	/* of the plugin's lines that are shown ... */
	int log;			/* ... here: standard error may be the plugin's */
};

/* The process of a case. */
struct kit {
	const struct kit_settings *settings;
	struct kit_report *report;
	const struct kit_case *one;
	struct plugin *plugin;
	struct backend *backend;
	struct logger logger;
	char canary[33];		/* in values, and nowhere else */
	struct mortise_error error;	/* of the last kit_... call below */
	pthread_mutex_t lock;		/* guards the report's verdict and words */
	char trail[33];			/* of the records that rounds send; "" = none yet */
	uint64_t seq;			/* of the last of them */
	bool inherited[4096];		/* descriptors that were open before the plugin came */
};

#define KIT_WRITES 1u			/* not with --read-only */

struct kit_case {
	const char *name, *doc;
	uint64_t needs;			/* MORTISE_CAN_...; without them it is skipped */
	unsigned int flags;
	/* false: it failed, or was skipped, and said so. */
	bool (*run)(struct kit *);
};
extern const struct kit_case kit_cases[];
extern const size_t kit_cases_count;

/* --- verdicts ------------------------------------------------------------------ */

/* Both are false.  The first word counts. */
bool kit_fail(struct kit *, const char *format, ...) _printf_(2, 3);
bool kit_skip(struct kit *, const char *format, ...) _printf_(2, 3);
/* Is the code one of these?  Else it fails: "WHAT: CODE (message), not ok". */
#define KIT_CODE(name) (1u << MORTISE_##name)
bool kit_expect(struct kit *, enum mortise_code, unsigned int codes, const char *format, ...)
    _printf_(4, 5);

/* --- values and names ---------------------------------------------------------- */

struct kit_value {
	const void *bytes;
	size_t size;
};
struct kit_name {
	char text[MORTISE_KEY_MAX + 1];
};
/* The prefix with this behind it. */
struct kit_name kit_name(const struct kit *, const char *format, ...) _printf_(2, 3);
struct kit_value kit_text(const char *text);
struct mortise_version kit_version(const char *text);
void kit_sleep(int64_t ms);

/* --- calls ---------------------------------------------------------------------- */

/* The backend's own timeout from now. */
struct mortise_call kit_call(const struct kit *, struct mortise_error *);
/* Around each call of core/backend: for the one who waits, and for the deadline. */
void kit_ask(struct kit *, const struct mortise_call *, const char *what);
void kit_answered(struct kit *, const struct mortise_call *, const char *what);
/* May be gone again; from one thread at a time. */
void kit_note(struct kit *, const char *name, bool state, bool there);

/* conditions NULL: none; its value is not looked at.  receipt may be NULL. */
enum mortise_code kit_put(struct kit *, const char *name, struct kit_value,
    const struct mortise_secret_put *conditions, struct mortise_receipt *receipt);
/* Newest for version NULL; *value is to be freed on ok. */
enum mortise_code kit_get(struct kit *, const char *name, const struct mortise_version *,
    struct mortise_secret **value, struct mortise_version *found);
enum mortise_code kit_delete(struct kit *, const char *name);
/* get of the newest gives these bytes. */
bool kit_gets(struct kit *, const char *name, struct kit_value);
/* put is ok, and get gives it back. */
bool kit_keeps(struct kit *, const char *name, struct kit_value);
/* get is not_found. */
bool kit_misses(struct kit *, const char *name);

/* What list, describe and the state's calls gave. */
#define KIT_SEEN_MAX 512
struct kit_seen {
	size_t count;			/* may be more than what is kept */
	struct kit_name names[KIT_SEEN_MAX];
	struct mortise_history history[KIT_SEEN_MAX];
	/* of records */
	struct mortise_version versions[KIT_SEEN_MAX];
	int64_t expires_ms[KIT_SEEN_MAX];
	uint64_t fences[KIT_SEEN_MAX];
	unsigned char value[MORTISE_VALUE_MAX];	/* of the last record */
	size_t value_size;
	size_t labels;			/* in rows: labels that are kit=LABEL_VALUE */
};
#define KIT_LABEL_NAME "mortise-kit"
/* Must be freed; NULL after a failure. */
struct kit_seen *kit_seen(struct kit *);
struct mortise_out kit_out(struct kit_seen *);
size_t kit_seen_times(const struct kit_seen *, const char *name);
enum mortise_code kit_list(struct kit *, const char *prefix, struct kit_seen *);
enum mortise_code kit_describe(struct kit *, const char *name, struct kit_seen *);

/* settings NULL: for ever, no condition, in no index. */
enum mortise_code kit_state_put(struct kit *, const char *key, struct kit_value,
    const struct mortise_state_put *settings, struct mortise_version *made);
enum mortise_code kit_state_get(struct kit *, const char *key, struct kit_seen *);
enum mortise_code kit_state_take(struct kit *, const char *key, struct kit_seen *);
enum mortise_code kit_state_delete(struct kit *, const char *key,
    const struct mortise_version *only_if);
enum mortise_code kit_state_list(struct kit *, const char *prefix, struct kit_seen *);
bool kit_state_gets(struct kit *, const char *key, struct kit_value);

/* --- instances (open.c) ------------------------------------------------------------ */

/* Loads the plugin; the error is in kit->error. */
enum mortise_code kit_load(struct kit *);
/* An instance of the configured options; the error is in kit->error. */
enum mortise_code kit_open(struct kit *, struct backend **);
void kit_close(struct kit *, struct backend *);

/* --- processes (process.c) --------------------------------------------------------- */

/* Runs a case (NULL: opens only) in a process of its own, in which it removes what it
 * made; the report says how it went. */
void kit_run(const struct kit_settings *, const struct kit_case *, struct kit_report *);

/* --- the cases ------------------------------------------------------------------- */

bool case_options(struct kit *);
bool case_check(struct kit *);
bool case_instances(struct kit *);
bool case_missing(struct kit *);
bool case_text(struct kit *);
bool case_binary(struct kit *);
bool case_sizes(struct kit *);
bool case_names(struct kit *);
bool case_replace(struct kit *);
bool case_delete(struct kit *);
bool case_versions(struct kit *);
bool case_receipt(struct kit *);
bool case_if_absent(struct kit *);
bool case_if_version(struct kit *);
bool case_labels(struct kit *);
bool case_list(struct kit *);
bool case_list_pages(struct kit *);
bool case_describe(struct kit *);
bool case_undo(struct kit *);
bool case_undo_superseded(struct kit *);
bool case_undo_unknown(struct kit *);
bool case_state(struct kit *);
bool case_state_missing(struct kit *);
bool case_state_take(struct kit *);
bool case_state_race(struct kit *);
bool case_state_if_absent(struct kit *);
bool case_state_if_version(struct kit *);
bool case_state_expiry(struct kit *);
bool case_state_list(struct kit *);
bool case_claim(struct kit *);
bool case_claim_index(struct kit *);
bool case_lease(struct kit *);
bool case_lease_over(struct kit *);
bool case_lease_put(struct kit *);
bool case_sink_unknown(struct kit *);
bool case_sink_repeat(struct kit *);
bool case_sink_position(struct kit *);
bool case_sink_trails(struct kit *);
bool case_sink_odd(struct kit *);
bool case_sink_conflict(struct kit *);
bool case_sink_read(struct kit *);
bool case_sink_filter(struct kit *);
bool case_sink_erase(struct kit *);
bool case_deadline(struct kit *);
bool case_threads(struct kit *);
bool case_descriptors(struct kit *);
bool case_memory(struct kit *);
bool case_silence(struct kit *);
bool case_manners(struct kit *);
bool case_untested(struct kit *);

#endif
