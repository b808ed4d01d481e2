/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs rows of the form that tests/chain/table.tsv explains.  Without an
 * argument: the table, a check a row.  With a number: so many rows from stdin,
 * and one check for all of them.
 */
#include <stdlib.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/code.h"
#include "chain/chain.h"
#include "../test.h"

#define LISTS 128
#define ENTRIES 128
#define LETTERS_SIZE (ENTRIES + 1)

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    "................................................................";

/* A parsed row: lists in the order in which they begin, the chain is the first. */
struct row {
	struct chain lists[LISTS];
	struct chain_entry entries[LISTS][ENTRIES];
	size_t lists_count;
	enum mortise_code returns[ENTRIES];	/* by backend */
	size_t backends;
};

/* What a run did, by backend. */
struct journal {
	const struct row *row;
	size_t asked_by_number[ENTRIES];
	char asked[LETTERS_SIZE], undone[LETTERS_SIZE];
	bool said_ok[ENTRIES], dropped[ENTRIES];
	bool confused;		/* a number that is none, or twice */
};

/* Reads up to one of the stops; the text moves on to it. */
static void
parse_token(const char **text, const char *stops, char *token, size_t size)
{
	size_t length = strcspn(*text, stops);

	(void)snprintf(token, size, "%.*s", (int)length, *text);
	*text += length;
}

static void
parse_codes(const char **text, struct chain_entry *entry)
{
	char name[32];
	enum mortise_code code = MORTISE_ERROR;
	enum chain_action action = CHAIN_BAD;

	while (**text == '[' || **text == ',') {
		(*text)++;
		parse_token(text, "=", name, sizeof(name));
		(void)code_parse(name, &code);
		(*text)++;
		parse_token(text, ",]", name, sizeof(name));
		(void)chain_action_parse(name, &action);
		entry->codes[code] = (signed char)action;
	}
	if (**text == ']')
		(*text)++;
}

static const struct chain *
parse_list(const char **text, struct row *row)
{
	size_t index = row->lists_count++;
	struct chain *chain = &row->lists[index];

	*chain = (struct chain){.name = "list", .entries = row->entries[index]};
	if (**text == '-' && (*text)[1] != ':') {
		(*text)++;
		return chain;
	}
	for (;;) {
		struct chain_entry *entry = &row->entries[index][chain->count++];
		char name[32];

		*entry = (struct chain_entry){.use = "entry", .word = CHAIN_DEFAULT};
		memset(entry->codes, CHAIN_BY_WORD, sizeof(entry->codes));
		parse_token(text, ":", name, sizeof(name));
		(void)chain_word_parse(name, &entry->word);
		(*text)++;
		if (**text == '(') {
			(*text)++;
			entry->inner = parse_list(text, row);
			(*text)++;
		} else {
			enum mortise_code code = (enum mortise_code)999;

			parse_token(text, " [)\t", name, sizeof(name));
			(void)code_parse(name, &code);
			entry->target = row->backends++;
			row->returns[entry->target] = code;
		}
		parse_codes(text, entry);
		if (**text != ' ')
			return chain;
		(*text)++;
	}
}

static void
append_letter(char *text, size_t backend)
{
	size_t length = strlen(text);

	text[length] = letters[backend];
	text[length + 1] = '\0';
}

static enum mortise_code
journal_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct journal *journal = arg;

	journal->confused |= number != strlen(journal->asked) || deadline != DEADLINE_NEVER;
	journal->asked_by_number[number] = entry->target;
	append_letter(journal->asked, entry->target);
	journal->said_ok[entry->target] = journal->row->returns[entry->target] == MORTISE_OK;
	return journal->row->returns[entry->target];
}

static void
journal_drop(void *arg, size_t number)
{
	struct journal *journal = arg;

	if (number >= strlen(journal->asked) || journal->dropped[journal->asked_by_number[number]])
		journal->confused = true;
	else
		journal->dropped[journal->asked_by_number[number]] = true;
}

static void
journal_undo(void *arg, const struct chain_entry *entry, size_t number)
{
	struct journal *journal = arg;

	journal->confused |= journal->asked_by_number[number] != entry->target;
	append_letter(journal->undone, entry->target);
}

/* Every yes that is not the answer has been dropped, and nothing else. */
static bool
drops_are_right(const struct journal *journal, size_t answer)
{
	for (size_t i = 0; i < journal->row->backends; i++) {
		if (journal->dropped[i] != (journal->said_ok[i] && i != answer))
			return false;
	}
	return true;
}

static const struct chain_host journal_host = {.call = journal_call, .drop = journal_drop,
    .undo = journal_undo};

/* The row as it should be, "OP\tCHAIN\tCODE\tASKED\tANSWER\tUNDONE". */
static void
run_row(const char *line, char *got, size_t size)
{
	static struct row row;
	struct journal journal = {.row = &row};
	struct chain_run run = {.host = &journal_host, .arg = &journal,
	    .deadline = DEADLINE_NEVER};
	const char *text = line + strcspn(line, "\t") + 1;
	int head;
	size_t number = ENTRIES, answer = ENTRIES;
	const struct chain *chain;
	enum mortise_code code;

	while (run.op < CHAIN_DELETE && strncmp(line, chain_op_name(run.op),
	    strcspn(line, "\t")) != 0)
		run.op++;
	row.lists_count = row.backends = 0;
	chain = parse_list(&text, &row);
	head = (int)(text - line);
	if (chain_check(chain, NULL) != MORTISE_OK) {
		(void)snprintf(got, size, "%.*s\trefused\t-\t-\t-", head, line);
		return;
	}
	code = chain_run(chain, &run, &number);
	if (code == MORTISE_OK)
		answer = journal.asked_by_number[number];
	(void)snprintf(got, size, "%.*s\t%s\t%s\t%c\t%s%s%s%s", head, line,
	    mortise_code_name(code), journal.asked, code == MORTISE_OK ? letters[answer] : '-',
	    journal.undone[0] == '\0' ? "-" : journal.undone,
	    journal.confused ? " confused" : "",
	    drops_are_right(&journal, answer) ? "" : " wrong drops",
	    chain_calls(chain) == row.backends ? "" : " wrong number of calls");
}

/* Returns how many rows there were. */
static unsigned int
run_rows(FILE *file, bool check_each)
{
	char line[8192], got[sizeof(line) + 512];
	unsigned int rows = 0, wrong = 0;

	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		rows++;
		run_row(line, got, sizeof(got));
		if (check_each)
			CHECK_TEXT_AS(got, line, line);
		else if (strcmp(got, line) != 0 && wrong++ < 10)
			printf("# got  %s\n# want %s\n", got, line);
	}
	if (!check_each)
		CHECK_AS(wrong == 0, "%u of %u rows differ", wrong, rows);
	return rows;
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	FILE *file;

	if (argc > 1) {
		CHECK_NUMBER_AS(run_rows(stdin, false), strtol(argv[1], NULL, 10), "rows");
		return test_end();
	}
	(void)snprintf(path, sizeof(path), "%s/tests/chain/table.tsv",
	    srcdir == NULL ? "." : srcdir);
	file = fopen(path, "re");
	CHECK_AS(file != NULL, "the table opens");
	if (file != NULL) {
		CHECK_AS(run_rows(file, true) > 0, "there are rows");
		(void)fclose(file);
	}
	return test_end();
}
