/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine against a second implementation of its rules, on chains that the bytes
 * spell.  The second one is written from mortise.yaml(5), and looks at a list as a
 * whole: it knows beforehand what every backend says.
 *
 * Bytes: operation; then entries, each a byte for its word and whether it is a list,
 * a byte for what it says, and a byte that may change what one code does.  A list
 * goes on while the top bit of the word's byte is set.
 */
#include "fuzz.h"

#include "chain/chain.h"

#define ENTRIES_MAX 40
#define DEPTH_MAX 5

struct spelling {
	const uint8_t *bytes;
	size_t size, at;
	struct chain_entry entries[ENTRIES_MAX * 4];
	struct chain chains[ENTRIES_MAX];
	size_t entries_count, chains_count, backends;
	enum mortise_code says[ENTRIES_MAX * 4];	/* by backend */
};

static uint8_t
next(struct spelling *s)
{
	return s->at < s->size ? s->bytes[s->at++] : 0;
}

/* The list that begins here. */
static const struct chain *
spell(struct spelling *s, unsigned int depth)
{
	struct chain *chain = &s->chains[s->chains_count++];
	struct chain_entry list[8];
	size_t count = 0;
	uint8_t head;

	do {
		struct chain_entry *entry = &list[count++];
		uint8_t says, change;

		head = next(s);
		says = next(s);
		change = next(s);
		*entry = (struct chain_entry){.use = "x",
		    .word = (enum chain_word)(head % CHAIN_WORDS)};
		memset(entry->codes, CHAIN_BY_WORD, sizeof(entry->codes));
		if ((change & 0x80) != 0) {
			unsigned int code = change % MORTISE_CODES, action = (change >> 4 & 7) %
			    CHAIN_ACTIONS;

			/* ok and done stand on the code ok only: others do not run. */
			if (code != MORTISE_OK && (action == CHAIN_OK || action == CHAIN_DONE))
				action = CHAIN_BAD;
			entry->codes[code] = (signed char)action;
		}
		if ((head & 0x40) != 0 && depth < DEPTH_MAX && s->chains_count < ENTRIES_MAX)
			entry->inner = spell(s, depth + 1);
		else {
			entry->target = s->backends;
			s->says[s->backends++] = (enum mortise_code)(says % (MORTISE_CODES + 2));
		}
	} while ((head & 0x80) != 0 && count < 8 && s->backends < ENTRIES_MAX);
	memcpy(&s->entries[s->entries_count], list, count * sizeof(*list));
	*chain = (struct chain){"x", {"x", 1, 1}, &s->entries[s->entries_count], count};
	s->entries_count += count;
	return chain;
}

/* --- the second implementation ------------------------------------------------------ */

struct outcome {
	enum mortise_code code;
	size_t asked[256], asked_count;
	size_t answer;				/* a backend; SIZE_MAX: none */
	size_t undone[256], undone_count;
	size_t standing[256], standing_count;	/* written, and not taken back */
	bool unavailable, timeout;		/* somebody did not answer */
};

/* By word: ok, not_found, no answer, a refusal.  The first row is no word's. */
static const char *const words[CHAIN_WORDS][4] = {
	[CHAIN_REQUIRED] = {"ok", "bad", "bad", "bad"},
	[CHAIN_REQUISITE] = {"ok", "die", "die", "die"},
	[CHAIN_SUFFICIENT] = {"done", "ignore", "ignore", "ignore"},
	[CHAIN_BINDING] = {"done", "bad", "bad", "bad"},
	[CHAIN_OPTIONAL] = {"ok", "ignore", "ignore", "ignore"},
	[CHAIN_FALLBACK] = {"done", "ignore", "ignore", "die"},
};
static const char *const actions[] = {"ok", "done", "bad", "die", "ignore"};

static const char *
action_of(enum chain_op op, const struct chain_entry *entry, enum mortise_code code)
{
	enum chain_word word = entry->word != CHAIN_DEFAULT ? entry->word :
	    op == CHAIN_GET ? CHAIN_FALLBACK : op == CHAIN_DELETE ? CHAIN_REQUIRED : CHAIN_REQUISITE;
	const char *action;

	if (entry->codes[code] >= 0)
		action = actions[entry->codes[code]];
	else if (code == MORTISE_IGNORE)
		action = "ignore";
	else if (code == MORTISE_OK)
		action = words[word][0];
	else if (code == MORTISE_NOT_FOUND)
		action = op == CHAIN_DELETE ? "ignore" : words[word][1];
	else if (code == MORTISE_UNAVAILABLE || code == MORTISE_TIMEOUT)
		action = words[word][2];
	else
		action = words[word][3];
	if (op != CHAIN_KEEP)
		return action;
	if (code != MORTISE_OK)
		return "ignore";
	return strcmp(action, "done") == 0 ? "done" : "ok";
}

static bool
is(const char *action, const char *one, const char *other)
{
	return strcmp(action, one) == 0 || strcmp(action, other) == 0;
}

static size_t
gravity(enum mortise_code code)
{
	static const enum mortise_code light_to_grave[] = {MORTISE_NOT_FOUND, MORTISE_UNSUPPORTED,
	    MORTISE_UNAVAILABLE, MORTISE_TIMEOUT, MORTISE_CONFLICT, MORTISE_INVALID,
	    MORTISE_DENIED, MORTISE_ERROR};
	size_t i = 0;

	while (light_to_grave[i] != code)
		i++;
	return i;
}

static void whole(const struct spelling *s, enum chain_op op, const struct chain *chain, bool inner,
    struct outcome *out);

static void
ask(const struct spelling *s, enum chain_op op, const struct chain_entry *entry,
    struct outcome *out)
{
	if (entry->inner != NULL) {
		whole(s, op, entry->inner, true, out);
		return;
	}
	*out = (struct outcome){.code = s->says[entry->target], .answer = SIZE_MAX};
	if ((unsigned int)out->code >= MORTISE_CODES)
		out->code = MORTISE_ERROR;
	out->asked[out->asked_count++] = entry->target;
	if (out->code == MORTISE_OK)
		out->answer = entry->target;
	if (out->code == MORTISE_OK || out->code == MORTISE_TIMEOUT || out->code == MORTISE_ERROR)
		out->standing[out->standing_count++] = entry->target;
	out->unavailable = out->code == MORTISE_UNAVAILABLE;
	out->timeout = out->code == MORTISE_TIMEOUT;
}

static void
append(size_t *to, size_t *count, const size_t *from, size_t more)
{
	memcpy(to + *count, from, more * sizeof(*from));
	*count += more;
}

static void
whole(const struct spelling *s, enum chain_op op, const struct chain *chain, bool inner,
    struct outcome *out)
{
	static const struct outcome none = {.code = MORTISE_ERROR, .answer = SIZE_MAX};
	enum mortise_code failure = MORTISE_OK, noted = MORTISE_OK;
	bool failed = false, yes = false, abstained = true, over = false;

	*out = none;
	for (size_t i = 0; i < chain->count && !over; i++) {
		struct outcome *part = malloc(sizeof(*part));
		const char *action;

		MUST(part != NULL);
		ask(s, op, &chain->entries[i], part);
		action = action_of(op, &chain->entries[i], part->code);
		abstained = abstained && part->code == MORTISE_IGNORE;
		over = strcmp(action, "die") == 0 || (strcmp(action, "done") == 0 && !failed);
		if (is(action, "bad", "die") && !failed) {
			failed = true;
			failure = part->code;
		}
		if (is(action, "ok", "done") && !yes && !failed) {
			yes = true;
			out->answer = part->answer;
		}
		if (strcmp(action, "ignore") == 0 && part->code != MORTISE_OK &&
		    part->code != MORTISE_IGNORE && (noted == MORTISE_OK ||
		    gravity(part->code) > gravity(noted)))
			noted = part->code;
		append(out->asked, &out->asked_count, part->asked, part->asked_count);
		append(out->undone, &out->undone_count, part->undone, part->undone_count);
		append(out->standing, &out->standing_count, part->standing, part->standing_count);
		out->unavailable = out->unavailable || part->unavailable;
		out->timeout = out->timeout || part->timeout;
		free(part);
	}
	if (failed)
		out->code = failure == MORTISE_OK || failure == MORTISE_IGNORE ? MORTISE_ERROR :
		    failure;
	else if (yes)
		out->code = MORTISE_OK;
	else if (noted != MORTISE_OK)
		out->code = noted;
	else
		out->code = inner && abstained ? MORTISE_IGNORE : MORTISE_ERROR;
	if (op == CHAIN_GET && out->code == MORTISE_NOT_FOUND && (out->timeout || out->unavailable))
		out->code = out->timeout ? MORTISE_TIMEOUT : MORTISE_UNAVAILABLE;
	if (out->code != MORTISE_OK)
		out->answer = SIZE_MAX;
	if (op == CHAIN_PUT && out->code != MORTISE_OK) {
		while (out->standing_count > 0)
			out->undone[out->undone_count++] = out->standing[--out->standing_count];
	}
}

/* --- the machine ------------------------------------------------------------------------ */

struct seen {
	const struct spelling *s;
	size_t asked[256], asked_count, undone[256], undone_count;
	size_t by_number[256];
	unsigned char dropped[256];
};

static enum mortise_code
machine_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct seen *seen = arg;

	(void)deadline;
	MUST(number == seen->asked_count);
	seen->by_number[number] = entry->target;
	seen->asked[seen->asked_count++] = entry->target;
	return seen->s->says[entry->target];
}

static void
machine_drop(void *arg, size_t number)
{
	struct seen *seen = arg;

	MUST(number < seen->asked_count && seen->dropped[number]++ == 0);
}

static void
machine_undo(void *arg, const struct chain_entry *entry, size_t number)
{
	struct seen *seen = arg;

	MUST(seen->by_number[number] == entry->target);
	seen->undone[seen->undone_count++] = entry->target;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct chain_host host = {.call = machine_call, .drop = machine_drop,
	    .undo = machine_undo};
	static struct spelling s;
	static struct outcome expected;
	static struct seen seen;
	struct chain_run run = {.host = &host, .arg = &seen, .deadline = UINT64_MAX};
	const struct chain *chain;
	size_t answer = SIZE_MAX;
	enum mortise_code code;

	s = (struct spelling){.bytes = bytes, .size = size};
	seen = (struct seen){.s = &s};
	run.op = (enum chain_op)(next(&s) % CHAIN_OPS);
	chain = spell(&s, 1);
	if (chain_check(chain, NULL) != MORTISE_OK)
		return 0;
	whole(&s, run.op, chain, false, &expected);
	code = chain_run(chain, &run, &answer);
	MUST(code == expected.code);
	MUST(seen.asked_count == expected.asked_count && memcmp(seen.asked, expected.asked,
	    seen.asked_count * sizeof(size_t)) == 0);
	MUST(seen.undone_count == expected.undone_count && memcmp(seen.undone, expected.undone,
	    seen.undone_count * sizeof(size_t)) == 0);
	if (code == MORTISE_OK)
		MUST(seen.by_number[answer] == expected.answer && seen.dropped[answer] == 0);
	/* Every other answer was dropped. */
	for (size_t i = 0; i < seen.asked_count; i++)
		MUST(s.says[seen.by_number[i]] != MORTISE_OK || seen.dropped[i] == 1 ||
		    (code == MORTISE_OK && i == answer));
	return 0;
}
