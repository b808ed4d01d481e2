/* SPDX-License-Identifier: BSD-2-Clause */
/* audit report as CSV: a line an access, for spreadsheets and programs. */
#include <string.h>

#include "cli/report.h"

static const char *const heads[ACCESS_FIELDS] = {
	[ACCESS_TIME] = "time_utc",
	[ACCESS_WHO] = "who",
	[ACCESS_ADDRESS] = "address",
	[ACCESS_AGENT] = "user_agent",
	[ACCESS_ACTION] = "action",
	[ACCESS_TYPE] = "resource_type",
	[ACCESS_RESOURCE] = "resource",
	[ACCESS_RESULT] = "result",
	[ACCESS_CLAIMED] = "claimed_agency",
	[ACCESS_HASH] = "hash",
};

/* RFC 4180; and what a spreadsheet would take for a formula gets a mark before it. */
void
csv_cell(struct buffer *to, const char *text, const char *separator)
{
	bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

	if (strpbrk(text, "\",\r\n") == NULL) {
		buffer_format(to, "%s%s%s", formula ? "'" : "", text, separator);
		return;
	}
	buffer_text(to, formula ? "\"'" : "\"");
	for (const char *p = text; *p != '\0'; p++)
		buffer_append(to, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	buffer_format(to, "\"%s", separator);
}

void
report_csv(const struct report *report, struct buffer *to)
{
	csv_cell(to, "record", ",");
	for (size_t i = 0; i < ACCESS_FIELDS; i++)
		csv_cell(to, heads[i], i + 1 < ACCESS_FIELDS ? "," : "\r\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct access *access = &report->all[i];

		buffer_format(to, "%lld,", (long long)access->seq);
		for (size_t k = 0; k < ACCESS_FIELDS; k++)
			csv_cell(to, access->text[k], k + 1 < ACCESS_FIELDS ? "," : "\r\n");
	}
}
