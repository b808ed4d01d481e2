/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain/chain.h"

#include <string.h>

#include "base/attr.h"
#include "base/code.h"

static const struct {
	const char *name;
	enum chain_word word;	/* where an entry names none */
} ops[] = {
	[CHAIN_GET] = {"get", CHAIN_FALLBACK},
	[CHAIN_PUT] = {"put", CHAIN_REQUISITE},
	[CHAIN_KEEP] = {"keep", CHAIN_REQUISITE},
	[CHAIN_DELETE] = {"delete", CHAIN_REQUIRED},
};
_Static_assert(ARRAY_SIZE(ops) == CHAIN_OPS, "an operation without a row");

static const char *const actions[] = {
	[CHAIN_OK] = "ok",
	[CHAIN_DONE] = "done",
	[CHAIN_BAD] = "bad",
	[CHAIN_DIE] = "die",
	[CHAIN_PASS] = "ignore",
};
_Static_assert(ARRAY_SIZE(actions) == CHAIN_ACTIONS, "an action without a name");

/* What a word makes of ok, of not_found, of no answer, and of a refusal.
 * Who abstains is passed by under every word. */
#define ROW(ok, gone, silent, refused) { \
	[MORTISE_OK] = (ok), \
	[MORTISE_NOT_FOUND] = (gone), \
	[MORTISE_UNAVAILABLE] = (silent), \
	[MORTISE_TIMEOUT] = (silent), \
	[MORTISE_DENIED] = (refused), \
	[MORTISE_INVALID] = (refused), \
	[MORTISE_CONFLICT] = (refused), \
	[MORTISE_UNSUPPORTED] = (refused), \
	[MORTISE_IGNORE] = CHAIN_PASS, \
	[MORTISE_ERROR] = (refused), \
}
_Static_assert(MORTISE_CODES == 10, "a code without a column");

static const struct {
	const char *name;
	unsigned char action[MORTISE_CODES];
	bool gone_is_fine;	/* a delete passes not_found by */
} words[] = {
	[CHAIN_DEFAULT] = {"-", {0}, false},
	[CHAIN_REQUIRED] = {"required",
	    ROW(CHAIN_OK, CHAIN_BAD, CHAIN_BAD, CHAIN_BAD), true},
	[CHAIN_REQUISITE] = {"requisite",
	    ROW(CHAIN_OK, CHAIN_DIE, CHAIN_DIE, CHAIN_DIE), true},
	[CHAIN_SUFFICIENT] = {"sufficient",
	    ROW(CHAIN_DONE, CHAIN_PASS, CHAIN_PASS, CHAIN_PASS), false},
	[CHAIN_BINDING] = {"binding",
	    ROW(CHAIN_DONE, CHAIN_BAD, CHAIN_BAD, CHAIN_BAD), true},
	[CHAIN_OPTIONAL] = {"optional",
	    ROW(CHAIN_OK, CHAIN_PASS, CHAIN_PASS, CHAIN_PASS), false},
	[CHAIN_FALLBACK] = {"fallback",
	    ROW(CHAIN_DONE, CHAIN_PASS, CHAIN_PASS, CHAIN_DIE), false},
};
_Static_assert(ARRAY_SIZE(words) == CHAIN_WORDS, "a word without a row");

const char *
chain_op_name(enum chain_op op)
{
	return ops[op].name;
}

const char *
chain_word_name(enum chain_word word)
{
	return words[word].name;
}

const char *
chain_action_name(enum chain_action action)
{
	return actions[action];
}

bool
chain_word_parse(const char *text, enum chain_word *word)
{
	for (size_t i = CHAIN_DEFAULT + 1; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].name, text) == 0) {
			*word = (enum chain_word)i;
			return true;
		}
	}
	return false;
}

bool
chain_action_parse(const char *text, enum chain_action *action)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i], text) == 0) {
			*action = (enum chain_action)i;
			return true;
		}
	}
	return false;
}

enum chain_word
chain_default_word(enum chain_op op)
{
	return ops[op].word;
}

enum chain_action
chain_action_for(const struct chain_entry *entry, enum mortise_code code, enum chain_op op)
{
	enum chain_word word = entry->word == CHAIN_DEFAULT ? ops[op].word : entry->word;
	enum chain_action action;

	code = code_known(code);
	if (entry->codes[code] != CHAIN_BY_WORD)
		action = (enum chain_action)entry->codes[code];
	else if (op == CHAIN_DELETE && code == MORTISE_NOT_FOUND && words[word].gone_is_fine)
		action = CHAIN_PASS;
	else
		action = (enum chain_action)words[word].action[code];
	/* What cannot be had again is kept wherever it can be: no failure stops
	 * it, and who holds it counts, whatever the entry's codes say. */
	if (op == CHAIN_KEEP && action != CHAIN_OK && action != CHAIN_DONE)
		action = code == MORTISE_OK ? CHAIN_OK : CHAIN_PASS;
	return action;
}
