/* SPDX-License-Identifier: BSD-2-Clause */
/* Facility and severity: RFC 5424, 6.2.1. */
#include <fnmatch.h>
#include <string.h>

#include "message.h"
#include "syslog.h"

const char *const facility_words[] = {
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
	"authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7", NULL
};
const char *const severity_words[] = {
	"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", NULL
};
enum severity {
	SEVERITY_ERR = 3,
	SEVERITY_WARNING = 4,
	SEVERITY_NOTICE = 5
};

/* Records that tell of a loss. */
static const char *const losses[] = {"torn", "drop", "park", "refused"};
/* Actions that are a refusal by themselves. */
static const char *const refusals[] = {"policy_denied", "state_rejected", "needs_reauth"};

static bool
is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

static enum severity
usual(const struct mortise_line *line)
{
	const char *code = field_of(line, "code");

	if (is_one_of(field_of(line, "t"), losses, ARRAY_SIZE(losses)) ||
	    field_of(line, "gap.from")[0] != '\0')
		return SEVERITY_ERR;
	if (is_one_of(field_of(line, "action"), refusals, ARRAY_SIZE(refusals)) ||
	    (code[0] != '\0' && strcmp(code, "ok") != 0 && strcmp(code, "not_found") != 0))
		return SEVERITY_WARNING;
	return SEVERITY_NOTICE;
}

/* What the first pattern says that fits; where none does, `otherwise`. */
static int64_t
by_event(const struct sink *sink, const char *option, const char *event, int64_t otherwise)
{
	const struct mortise_host *host = sink->host;
	size_t count = host->option_count(sink->options, option);
	const char *pattern;

	for (size_t i = 0; i < count; i++) {
		const struct mortise_options *own = host->option_at(sink->options, option, i,
		    &pattern);

		if (own != NULL && fnmatch(pattern, event, 0) == 0)
			return host->option_number(own, "");
	}
	return otherwise;
}

unsigned int
rank_of(const struct sink *sink, const struct mortise_line *line)
{
	const char *event = event_of(line);
	int64_t facility = by_event(sink, "facilities", event,
	    sink->host->option_number(sink->options, "facility"));

	return (unsigned int)(facility * 8 + by_event(sink, "severity", event, usual(line)));
}
