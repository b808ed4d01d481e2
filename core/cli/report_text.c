/* SPDX-License-Identifier: BSD-2-Clause */
/* audit report as text. */
#include <stdlib.h>

#include "cli/output.h"
#include "cli/report.h"

static void
add_head(struct table *table, const struct report *report)
{
	const struct access *first = report_first(report), *last = report_last(report);

	table_add(table, "Agency");
	table_add(table, report->agency);
	table_add(table, "Month");
	table_take(table, text_format("%s (all times are UTC)", report->month));
	table_add(table, "Trail");
	table_add(table, report->trail);
	table_add(table, report->verified ? "Verified" : "NOT VERIFIED");
	table_add(table, report->verdict);
	table_add(table, "Accesses");
	table_take(table, text_format("%zu", report->count));
	if (first == NULL)
		return;
	table_add(table, "Records");
	table_take(table, text_format("%lld to %lld", (long long)first->seq,
	    (long long)last->seq));
	table_add(table, "Last record");
	table_take(table, text_format("%lld:%s", (long long)last->seq, last->text[ACCESS_HASH]));
}

static void
add_tokens(struct table *table, const struct report_token *tokens, size_t count)
{
	static const char *const heads[] = {"TOKEN", "FIRST", "LAST", "COUNT", "REFUSED", "BY"};

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(table, heads[i]);
	for (size_t i = 0; i < count; i++) {
		const struct report_token *token = &tokens[i];

		table_take(table, text_format("%s %s", token->first->text[ACCESS_TYPE],
		    token->first->text[ACCESS_RESOURCE]));
		table_add(table, token->first->text[ACCESS_TIME]);
		table_add(table, token->last->text[ACCESS_TIME]);
		table_take(table, text_format("%zu", token->count));
		table_take(table, text_format("%zu", token->refused));
		table_add(table, token->who.data == NULL ? "" : token->who.data);
	}
}

static void
add_accesses(struct table *table, const struct report *report)
{
	static const char *const heads[] = {"TIME", "WHO", "ADDRESS", "ACTION", "TOKEN", "RESULT",
	    ""};

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		table_add(table, heads[i]);
	for (size_t i = 0; i < report->count; i++) {
		const struct access *access = &report->all[i];

		table_add(table, access->text[ACCESS_TIME]);
		table_add(table, access->text[ACCESS_WHO]);
		table_add(table, access->text[ACCESS_ADDRESS]);
		table_add(table, access->text[ACCESS_ACTION]);
		table_add(table, access->text[ACCESS_RESOURCE]);
		table_add(table, access->text[ACCESS_RESULT]);
		if (access->text[ACCESS_CLAIMED][0] == '\0')
			table_add(table, access->refused ? "REFUSED" : "");
		else
			table_take(table, text_format("REFUSED, claimed to be %s",
			    access->text[ACCESS_CLAIMED]));
	}
}

/* Through an output of its own: tables are printed to those. */
static void
print(struct table *table, struct buffer *to)
{
	struct output output = {.text = *to, .held = true};

	table_print(table, &output);
	*to = output.text;
}

void
report_text(const struct report *report, struct buffer *to)
{
	struct table head = {.columns = 2}, by_token = {.columns = 6}, all = {.columns = 7};
	struct report_token *tokens = NULL;
	size_t count = 0;

	add_head(&head, report);
	print(&head, to);
	if (report->count == 0)
		return;
	if (!report_tokens(report, &tokens, &count)) {
		to->failed = true;
		return;
	}
	add_tokens(&by_token, tokens, count);
	buffer_text(to, "\n");
	print(&by_token, to);
	add_accesses(&all, report);
	buffer_text(to, "\n");
	print(&all, to);
	report_tokens_free(tokens, count);
}
