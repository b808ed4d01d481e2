/* SPDX-License-Identifier: BSD-2-Clause */
/* audit report. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/outfile.h"
#include "cli/report.h"
#include "cli/verbs.h"

/* Behind the month, for outcomes of what began in it. */
#define MORE_MS ((int64_t)24 * 60 * 60 * 1000)

static const struct {
	const char *name;
	void (*write)(const struct report *, struct buffer *);
} forms[] = {{"text", report_text}, {"csv", report_csv}, {"html", report_html}};

/* Where the month begins and where the next one does. */
static bool
month_parse(const char *text, int64_t *from_ms, int64_t *to_ms)
{
	char time[32];

	if (text == NULL || strlen(text) != 7 ||
	    snprintf(time, sizeof(time), "%s-01T00:00:00Z", text) < 0 ||
	    !clock_parse(time, from_ms))
		return false;
	*to_ms = *from_ms + (int64_t)report_days(text) * 24 * 60 * 60 * 1000;
	return true;
}

static int
write_report(struct cli *cli, struct report *report, size_t form)
{
	struct outfile file;
	int status = outfile_open(&file, &cli->output, option_value(&cli->options, OPTION_OUT));

	if (status != 0)
		return status;
	forms[form].write(report, &file.text);
	return outfile_close(&file, true);
}

static int
make(struct cli *cli, const struct mortise_audit_filter *filter, struct report *report, size_t form)
{
	struct mortise_request request = cli_request_plain(cli);
	struct mortise_audit_head head = {.size = sizeof(head)};
	int status = cli_open_trail(cli);

	if (status == 0)
		status = cli_status(cli, mortise_audit_search(cli->context, &request, filter,
		    report_take, report, cli->error));
	if (status == 0)
		status = cli_status(cli, mortise_audit_head(cli->config_path, &head, NULL, 0,
		    cli->error));
	if (status != 0)
		return status;
	memcpy(report->trail, head.trail, sizeof(report->trail));
	report->verified = cli_verify_trail(cli, report->verdict, sizeof(report->verdict));
	if (!report_finish(report))
		return system_error("cannot make the report");
	status = write_report(cli, report, form);
	if (status != 0 || report->verified)
		return status;
	message("the trail does not verify, and the report says so: %s", report->verdict);
	return mortise_exit_status(mortise_error_code(cli->error),
	    mortise_error_reason(cli->error));
}

int
verb_audit_report(struct cli *cli)
{
	const char *form = option_value(&cli->options, OPTION_FORMAT);
	struct report report _cleanup_(report_free) = {
		.agency = option_value(&cli->options, OPTION_AGENCY),
		.month = option_value(&cli->options, OPTION_MONTH),
	};
	struct mortise_audit_filter filter = {.size = sizeof(filter), .operations = true,
	    .agency_id = report.agency};
	size_t i = 0;

	if (report.agency == NULL || report.agency[0] == '\0')
		return usage_error("audit report needs --agency ID: whose tokens it is about");
	if (!month_parse(report.month, &filter.from_ms, &filter.to_ms))
		return usage_error("audit report needs --month YYYY-MM, such as 2026-01");
	filter.to_ms += MORE_MS;
	while (form != NULL && i < ARRAY_SIZE(forms) && strcmp(forms[i].name, form) != 0)
		i++;
	if (i == ARRAY_SIZE(forms))
		return usage_error("--format takes text, csv or html");
	if (cli->output.form == OUTPUT_JSON)
		return usage_error("audit report has no --output json; its --format is text, csv "
		    "or html, and audit search has JSON");
	return make(cli, &filter, &report, i);
}
