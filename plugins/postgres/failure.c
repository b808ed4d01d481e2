/* SPDX-License-Identifier: BSD-2-Clause */
/* What an SQLSTATE means (the manual of PostgreSQL, "PostgreSQL Error Codes"). */
#include <stdio.h>
#include <string.h>

#include "postgres.h"

#define WORDS_SIZE 300

struct meaning {
	const char *begins;		/* of the SQLSTATE */
	enum mortise_code code;
	enum mortise_reason reason;
	bool data;			/* what was to be written is refused */
	const char *words;
};

/* The first that fits holds. */
static const struct meaning meanings[] = {
	{"08", MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, false, "the connection failed"},
	{"25006", MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, false,
	    "the server takes no writes now; name the primary, or several hosts and "
	    "target_session_attrs=read-write"},
	{"28", MORTISE_DENIED, MORTISE_REASON_NONE, false,
	    "the server does not let us in; check user and password, and its pg_hba.conf"},
	{"3D000", MORTISE_ERROR, MORTISE_REASON_CONFIGURATION, false, "correct the dsn's database"},
	{"40", MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, false,
	    "another transaction was in the way; try again"},
	{"42501", MORTISE_DENIED, MORTISE_REASON_NONE, false, "grant the role what it lacks"},
	{"44", MORTISE_INVALID, MORTISE_REASON_NONE, true, "a view's condition refuses it"},
	{"22", MORTISE_INVALID, MORTISE_REASON_NONE, true, "a value does not fit its column"},
	{"23", MORTISE_INVALID, MORTISE_REASON_NONE, true, "a constraint refuses it"},
	{"P0001", MORTISE_INVALID, MORTISE_REASON_NONE, true, "a trigger refuses it"},
	{"54", MORTISE_INVALID, MORTISE_REASON_NONE, true, "it is larger than the server allows"},
	{"3F", MORTISE_ERROR, MORTISE_REASON_CONFIGURATION, false,
	    "make the schema by `mortise backend NAME schema --apply`, or correct the option schema"},
	{"42", MORTISE_ERROR, MORTISE_REASON_CONFIGURATION, false,
	    "the tables are not as the configuration says; compare them, or run "
	    "`mortise backend NAME schema --apply`"},
	{"53", MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, false,
	    "the server has no room; look at its disk and its connections"},
	{"55P03", MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, false, "a lock is held; try again"},
	{"57014", MORTISE_TIMEOUT, MORTISE_REASON_NONE, false, "the server ended the statement"},
	{"57", MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, false,
	    "the server starts, stops or has crashed; try again"},
	{"58", MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, false, "look into the server's log"},
	{"MT001", MORTISE_CONFLICT, MORTISE_REASON_NONE, false,
	    "compare both, and find out who wrote the one that is there"},
	{"MT002", MORTISE_ERROR, MORTISE_REASON_CONFIGURATION, false, "nothing was changed"},
	{"", MORTISE_ERROR, MORTISE_REASON_NONE, false, "look into the server's log"},
};

static const struct meaning *
meaning_of(const char *state)
{
	const struct meaning *meaning = meanings;

	while (strncmp(meaning->begins, state, strlen(meaning->begins)) != 0)
		meaning++;
	return meaning;
}

enum mortise_code
failure_code(const char *state)
{
	return meaning_of(state)->code;
}

bool
failure_of_data(const char *state)
{
	return meaning_of(state)->data;
}

/* Words about a value may hold it: behind a colon, or at their beginning. */
static void
without_value(const char *text, char words[WORDS_SIZE])
{
	const char *end = strstr(text, ": \"");
	size_t length = end == NULL ? strlen(text) : (size_t)(end - text);

	if (strncmp(text, "value \"", 7) == 0)
		length = 0;
	(void)snprintf(words, WORDS_SIZE, "%.*s", (int)(length < WORDS_SIZE ? length :
	    WORDS_SIZE - 1), text);
}

enum mortise_code
failure_of(const struct mortise_host *host, struct mortise_call *call, const char *state,
    const char *text)
{
	const struct meaning *meaning = meaning_of(state);
	char words[WORDS_SIZE] = "";

	if (text != NULL && meaning->data)
		without_value(text, words);
	else if (text != NULL)
		(void)snprintf(words, sizeof(words), "%s", text);
	return host->fail(call, meaning->code, meaning->reason, "PostgreSQL says %s%s%s; %s",
	    state[0] == '\0' ? "nothing that is known" : state, words[0] == '\0' ? "" : ", ",
	    words, meaning->words);
}
