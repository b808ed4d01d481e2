/* SPDX-License-Identifier: BSD-2-Clause */
/* audit report as one HTML page: no script, nothing from the network; well-formed XML too. */
#include <stdlib.h>

#include "cli/report_html.h"

static const char page_begin[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\"/>\n"
    "<meta http-equiv=\"Content-Security-Policy\""
    " content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";

/* Series of the chart are told apart without colour too: by their order, and by titles. */
static const char style[] =
    "<style>\n"
    ":root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #5b6675;\n"
    "  --line: #d9dee5; --bad: #b3261e; --good: #1b6e3c; --s0: #2f6fb3; --s1: #d08a1d;\n"
    "  --s2: #3a8f6b; --s3: #8457a8; --s4: #6d7d8e; --s5: #2a9aa6; --s6: #9a6b3f; }\n"
    "@media (prefers-color-scheme: dark) { :root { --paper: #14181e; --ink: #e4e9ef;\n"
    "  --soft: #9aa6b4; --line: #333c47; --bad: #ff8a80; --good: #7fd19b; --s0: #6ea8e6;\n"
    "  --s1: #e8b25a; --s2: #6cc49c; --s3: #b795d6; --s4: #9fb0c2; --s5: #62c5d0;\n"
    "  --s6: #cfa173; } }\n"
    "@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444;\n"
    "  --line: #bbb; --bad: #b3261e; --good: #1b6e3c; --s0: #2f6fb3; --s1: #d08a1d;\n"
    "  --s2: #3a8f6b; --s3: #8457a8; --s4: #6d7d8e; --s5: #2a9aa6; --s6: #9a6b3f; } }\n"
    "@page { size: A4; margin: 16mm 14mm; }\n"
    "body { margin: 0 auto; padding: 2rem 1.25rem; max-width: 72rem; background: var(--paper);\n"
    "  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }\n"
    "h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }\n"
    ".sub, figcaption, th { color: var(--soft); } figure { margin: 0; }\n"
    "dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem;\n"
    "  margin: 1.25rem 0; padding: 1rem 0; border-block: 1px solid var(--line); }\n"
    "dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }\n"
    "table { border-collapse: collapse; width: 100%; font-size: .86rem; }\n"
    "th { text-align: left; font-weight: 600; white-space: nowrap; }\n"
    "th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line);\n"
    "  vertical-align: top; } td.w { overflow-wrap: anywhere; min-width: 10.5rem; }\n"
    "td.a { overflow-wrap: break-word; max-width: 14rem; }\n"
    "td.n, th.n { text-align: right; } td.t { white-space: nowrap; }\n"
    "td.n, td.t, code { font-variant-numeric: tabular-nums; }\n"
    "tr.refused td { color: var(--bad); } .bad { color: var(--bad); font-weight: 600; }\n"
    ".good { color: var(--good); font-weight: 600; } .wide { overflow-x: auto; }\n"
    "svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }\n"
    "svg line { stroke: var(--line); } .legend { display: flex; flex-wrap: wrap;\n"
    "  gap: .2rem 1.2rem; list-style: none; margin: .4rem 0; padding: 0; font-size: .86rem; }\n"
    ".legend svg { width: .8em; height: .8em; margin-right: .4em; }\n"
    ".s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); }\n"
    ".s3 { fill: var(--s3); } .s4 { fill: var(--s4); } .s5 { fill: var(--s5); }\n"
    ".s6 { fill: var(--s6); } .s7 { fill: var(--bad); }\n"
    "@media print { body { max-width: none; padding: 0; font-size: 10pt; }\n"
    "  table { font-size: 7.5pt; } td.w { min-width: 6rem; }\n"
    "  tr, figure, dl { break-inside: avoid; }\n"
    "  thead { display: table-header-group; } h2 { break-after: avoid; }\n"
    "  .wide { overflow: visible; } * { print-color-adjust: exact;\n"
    "  -webkit-print-color-adjust: exact; } }\n"
    "</style>\n";

/* What XML cannot have in it, not even escaped, becomes U+FFFD. */
void
html_text(struct buffer *to, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '&')
			buffer_text(to, "&amp;");
		else if (c == '<')
			buffer_text(to, "&lt;");
		else if (c == '>')
			buffer_text(to, "&gt;");
		else if (c == '"')
			buffer_text(to, "&quot;");
		else if (c == '\'')
			buffer_text(to, "&#39;");
		else if (c < ' ' && c != '\t' && c != '\n')
			buffer_text(to, "\xef\xbf\xbd");
		else if (c == 0xef && (unsigned char)p[1] == 0xbf && (unsigned char)p[2] >= 0xbe) {
			buffer_text(to, "\xef\xbf\xbd");
			p += 2;
		} else
			buffer_append(to, p, 1);
	}
}

static void
put_pair(struct buffer *to, const char *name, const char *value)
{
	buffer_format(to, "<dt>%s</dt><dd>", name);
	html_text(to, value);
	buffer_text(to, "</dd>\n");
}

static void
put_head(struct buffer *to, const struct report *report)
{
	const struct access *first = report_first(report), *last = report_last(report);
	size_t refused = 0;

	for (size_t i = 0; i < report->count; i++)
		refused += report->all[i].refused;
	buffer_text(to, "<dl>\n");
	buffer_format(to, "<dt>Accesses</dt><dd>%zu, of them %zu refused</dd>\n", report->count,
	    refused);
	put_pair(to, "Trail", report->trail);
	buffer_format(to, "<dt>Verification</dt><dd><span class=\"%s\">%s</span>: ",
	    report->verified ? "good" : "bad", report->verified ? "good" : "NOT VERIFIED");
	html_text(to, report->verdict);
	buffer_text(to, "</dd>\n");
	if (first != NULL) {
		buffer_format(to, "<dt>Records</dt><dd>%lld to %lld</dd>\n", (long long)first->seq,
		    (long long)last->seq);
		buffer_format(to, "<dt>Last of them</dt><dd><code>%lld:", (long long)last->seq);
		html_text(to, last->text[ACCESS_HASH]);
		buffer_text(to, "</code></dd>\n");
	}
	buffer_text(to, "</dl>\n");
}

/* --- tables --------------------------------------------------------------------------- */

static void
put_cell(struct buffer *to, const char *class, const char *text)
{
	buffer_format(to, "<td class=\"%s\">", class);
	html_text(to, text);
	buffer_text(to, "</td>");
}

static void
put_tokens(struct buffer *to, const struct report *report)
{
	struct report_token *tokens = NULL;
	size_t count = 0;

	if (!report_tokens(report, &tokens, &count)) {
		to->failed = true;
		return;
	}
	buffer_text(to, "<h2>By token</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>Token</th>"
	    "<th>First access</th><th>Last access</th><th class=\"n\">Accesses</th>"
	    "<th class=\"n\">Refused</th><th>By</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < count; i++) {
		const struct report_token *token = &tokens[i];

		buffer_text(to, "<tr><td class=\"w\">");
		html_text(to, token->first->text[ACCESS_RESOURCE]);
		buffer_text(to, "<br/><span class=\"sub\">");
		html_text(to, token->first->text[ACCESS_TYPE]);
		buffer_text(to, "</span></td>");
		put_cell(to, "t", token->first->text[ACCESS_TIME]);
		put_cell(to, "t", token->last->text[ACCESS_TIME]);
		buffer_format(to, "<td class=\"n\">%zu</td><td class=\"n%s\">%zu</td>",
		    token->count, token->refused > 0 ? " bad" : "", token->refused);
		put_cell(to, "w", token->who.data == NULL ? "" : token->who.data);
		buffer_text(to, "</tr>\n");
	}
	buffer_text(to, "</tbody>\n</table></div>\n");
	report_tokens_free(tokens, count);
}

static void
put_access(struct buffer *to, const struct access *access)
{
	buffer_text(to, access->refused ? "<tr class=\"refused\">" : "<tr>");
	put_cell(to, "t", access->text[ACCESS_TIME]);
	put_cell(to, "w", access->text[ACCESS_WHO]);
	put_cell(to, "a", access->text[ACCESS_ADDRESS]);
	put_cell(to, "a", access->text[ACCESS_ACTION]);
	put_cell(to, "w", access->text[ACCESS_RESOURCE]);
	buffer_text(to, access->refused ? "<td class=\"w\">Refused: " : "<td class=\"w\">");
	html_text(to, access->text[ACCESS_RESULT]);
	if (access->text[ACCESS_CLAIMED][0] != '\0') {
		buffer_text(to, "; claimed to be ");
		html_text(to, access->text[ACCESS_CLAIMED]);
	}
	buffer_format(to, "</td><td class=\"n\">%lld</td></tr>\n", (long long)access->seq);
}

static void
put_accesses(struct buffer *to, const struct report *report)
{
	buffer_text(to, "<h2>All accesses</h2>\n<div class=\"wide\"><table>\n<thead><tr>"
	    "<th>Time (UTC)</th><th>Who</th><th>Address</th><th>Action</th><th>Token</th>"
	    "<th>Result</th><th class=\"n\">Record</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < report->count; i++)
		put_access(to, &report->all[i]);
	buffer_text(to, "</tbody>\n</table></div>\n");
}

void
report_html(const struct report *report, struct buffer *to)
{
	buffer_text(to, page_begin);
	buffer_text(to, "<title>Accesses of ");
	html_text(to, report->agency);
	buffer_format(to, ", %s</title>\n%s</head>\n<body>\n<h1>Who saw the tokens of ",
	    report->month, style);
	html_text(to, report->agency);
	buffer_format(to, "</h1>\n<p class=\"sub\">%s, all times are UTC</p>\n", report->month);
	put_head(to, report);
	if (report->count == 0)
		buffer_text(to, "<p>There was no access in this month.</p>\n");
	else {
		report_chart(report, to);
		put_tokens(to, report);
		put_accesses(to, report);
	}
	buffer_text(to, "<p class=\"sub\">Who, address and times are as the trail has them: what a "
	    "caller claims of people is recorded and not proven. An unknown outcome is of a "
	    "program that ended before it could say.</p>\n"
	    "</body>\n</html>\n");
}
