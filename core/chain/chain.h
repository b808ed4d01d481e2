/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain: the pure machine that runs a list of entries.  It knows no YAML, no
 * plugin, no value and no clock but the deadline: entries are asked through a
 * function pointer, and answers are known by their number.  Called by
 * operation (chain_run) and config (chain_check, the words).
 *
 * mortise.yaml(5) has the semantics in words, tests/chain/table.tsv in rows.
 */
#ifndef CHAIN_CHAIN_H
#define CHAIN_CHAIN_H

#include <mortise/types.h>

#include "base/error.h"

enum chain_op {
	CHAIN_GET,
	CHAIN_PUT,
	CHAIN_KEEP,	/* a put of what cannot be had again */
	CHAIN_DELETE
};
#define CHAIN_OPS 4

enum chain_word {
	CHAIN_DEFAULT,	/* fallback, requisite or required, by the operation */
	CHAIN_REQUIRED,
	CHAIN_REQUISITE,
	CHAIN_SUFFICIENT,
	CHAIN_BINDING,
	CHAIN_OPTIONAL,
	CHAIN_FALLBACK
};
#define CHAIN_WORDS 7

enum chain_action {
	CHAIN_OK,
	CHAIN_DONE,
	CHAIN_BAD,
	CHAIN_DIE,
	CHAIN_PASS	/* `ignore` in a configuration */
};
#define CHAIN_ACTIONS 5
#define CHAIN_BY_WORD (-1)

#define CHAIN_DEPTH_MAX 16
#define CHAIN_CALLS_MAX 64

struct chain;

struct chain_entry {
	struct place place;
	const char *use;		/* the name, for people */
	enum chain_word word;
	signed char codes[MORTISE_CODES];	/* enum chain_action, or CHAIN_BY_WORD */
	const struct chain *inner;	/* NULL: a backend ... */
	size_t target;			/* ... and this is its number */
	bool stale;			/* may answer although a write has left it behind */
};

struct chain {
	const char *name;
	struct place place;
	const struct chain_entry *entries;
	size_t count;
};

const char *chain_op_name(enum chain_op);
const char *chain_word_name(enum chain_word);	/* "-" for CHAIN_DEFAULT */
const char *chain_action_name(enum chain_action);
bool chain_word_parse(const char *, enum chain_word *);		/* not "-" */
bool chain_action_parse(const char *, enum chain_action *);
enum chain_word chain_default_word(enum chain_op);

/* What an entry makes of a code: its codes, its word, gone-already for a
 * delete, and the keep rule, in this order. */
enum chain_action chain_action_for(const struct chain_entry *, enum mortise_code, enum chain_op);

/*
 * May this chain run at all?  invalid (reason configuration) with the place of
 * the first breach: empty, ok or done on another code than ok, nested deeper
 * than 16 (a cycle is), more than 64 calls.
 */
enum mortise_code chain_check(const struct chain *, struct mortise_error *);
/* Backend calls that it makes at most; the chain must pass chain_check. */
size_t chain_calls(const struct chain *);

/* Can a write end well although this backend did not take it?  Then it is left behind. */
bool chain_may_lag(const struct chain *, enum chain_op, size_t target);

/*
 * What the machine asks of its caller.  `number` counts backend calls from 0;
 * it names an answer or a write from then on.
 */
struct chain_host {
	/* Asks a backend, to be back by the deadline; any value of the answer is
	 * kept by the host under `number`.  A code that is none counts as error. */
	enum mortise_code (*call)(void *arg, const struct chain_entry *, size_t number,
	    uint64_t deadline);
	/* Answer `number` is not the chain's: wipe it.  NULL: there are no answers. */
	void (*drop)(void *arg, size_t number);
	/* Takes write `number` back, on its own time.  NULL: nothing is written. */
	void (*undo)(void *arg, const struct chain_entry *, size_t number);
	/* The backend's own timeout in ns.  NULL: none. */
	uint64_t (*timeout)(void *arg, const struct chain_entry *);
};

/* One line of the trace: an entry's result has been mapped.  An inner chain's
 * step comes after those of its entries. */
struct chain_step {
	const struct chain_entry *entry;
	unsigned int depth;		/* 1: the chain itself */
	size_t number;			/* of a backend call; SIZE_MAX: an inner chain */
	enum mortise_code code;
	enum chain_action action;
	uint64_t ns;			/* how long it took; 0 where the host has no clock */
};

struct chain_run {
	const struct chain_host *host;
	void *arg;
	enum chain_op op;
	uint64_t deadline;		/* CLOCK_MONOTONIC ns; DEADLINE_NEVER: none */
	void (*trace)(void *arg, const struct chain_step *);	/* NULL: none */
};

/*
 * Runs a chain that passed chain_check.  Returns its code, never ignore; on ok
 * *answer is the number of the call whose answer is the chain's.  Failed puts
 * have been taken back, every other answer has been dropped.  Allocates
 * nothing; re-entrant.
 */
enum mortise_code chain_run(const struct chain *, const struct chain_run *, size_t *answer);

#endif
