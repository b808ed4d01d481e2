/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/code.h"

#include <string.h>

#include "base/attr.h"

/* The exit status where the reason decides is in reasons[], else here. */
static const struct {
	const char *name;
	int exit_status, http_status;
} codes[] = {
	[MORTISE_OK] = {"ok", 0, 200},
	[MORTISE_NOT_FOUND] = {"not_found", 3, 404},
	[MORTISE_UNAVAILABLE] = {"unavailable", 5, 503},
	[MORTISE_TIMEOUT] = {"timeout", 5, 504},
	[MORTISE_DENIED] = {"denied", 4, 403},
	[MORTISE_INVALID] = {"invalid", 2, 400},
	[MORTISE_CONFLICT] = {"conflict", 8, 409},
	[MORTISE_UNSUPPORTED] = {"unsupported", 1, 501},
	[MORTISE_IGNORE] = {"ignore", 1, 500},
	[MORTISE_ERROR] = {"error", 1, 500},
};
_Static_assert(ARRAY_SIZE(codes) == MORTISE_CODES, "a code without a row");

/* 0: the code decides. */
static const struct {
	const char *name;
	int exit_status, http_status;
} reasons[] = {
	[MORTISE_REASON_NONE] = {"none", 0, 0},
	[MORTISE_REASON_AUDIT] = {"audit", 7, 503},
	[MORTISE_REASON_AGENCY] = {"agency", 0, 0},
	[MORTISE_REASON_POLICY] = {"policy", 0, 0},
	[MORTISE_REASON_CONFIGURATION] = {"configuration", 6, 0},
	[MORTISE_REASON_REAUTH] = {"reauth", 9, 409},
	[MORTISE_REASON_STALE] = {"stale", 0, 0},
	[MORTISE_REASON_SUPERSEDED] = {"superseded", 0, 0},
	[MORTISE_REASON_SEALED] = {"sealed", 0, 0},
	[MORTISE_REASON_ROLLBACK] = {"rollback", 0, 0},
	[MORTISE_REASON_DIFFERENCE] = {"difference", 10, 0},
	[MORTISE_REASON_SHORT] = {"short", 11, 0},
	[MORTISE_REASON_UNCHECKABLE] = {"uncheckable", 12, 0},
};
_Static_assert(ARRAY_SIZE(reasons) == MORTISE_REASONS, "a reason without a row");

static bool
known_reason(enum mortise_reason reason)
{
	return (unsigned int)reason < MORTISE_REASONS;
}

bool
code_parse(const char *word, enum mortise_code *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (strcmp(codes[i].name, word) == 0) {
			*code = (enum mortise_code)i;
			return true;
		}
	}
	return false;
}

const char *
mortise_code_name(enum mortise_code code)
{
	return codes[code_known(code)].name;
}

const char *
mortise_reason_name(enum mortise_reason reason)
{
	return reasons[known_reason(reason) ? reason : MORTISE_REASON_NONE].name;
}

int
mortise_exit_status(enum mortise_code code, enum mortise_reason reason)
{
	if (code == MORTISE_OK)
		return 0;
	if (known_reason(reason) && reasons[reason].exit_status != 0)
		return reasons[reason].exit_status;
	return codes[code_known(code)].exit_status;
}

int
mortise_http_status(enum mortise_code code, enum mortise_reason reason)
{
	if (code == MORTISE_OK)
		return 200;
	if (known_reason(reason) && reasons[reason].http_status != 0)
		return reasons[reason].http_status;
	return codes[code_known(code)].http_status;
}
