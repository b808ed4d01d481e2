/* SPDX-License-Identifier: BSD-2-Clause */
/* How a case ends, and what it says then. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kit/kit.h"

static void _printf_(3, 0)
say(struct kit *kit, enum kit_verdict verdict, const char *format, va_list arguments)
{
	(void)pthread_mutex_lock(&kit->lock);
	if (kit->report->verdict == KIT_OK) {
		(void)vsnprintf(kit->report->words, sizeof(kit->report->words), format, arguments);
		kit->report->verdict = verdict;
	}
	(void)pthread_mutex_unlock(&kit->lock);
}

bool
kit_fail(struct kit *kit, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(kit, KIT_FAIL, format, arguments);
	va_end(arguments);
	return false;
}

bool
kit_skip(struct kit *kit, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(kit, KIT_SKIP, format, arguments);
	va_end(arguments);
	return false;
}

/* "ok or not_found" */
static void
name_codes(unsigned int codes, char *text, size_t size)
{
	text[0] = '\0';
	for (int code = 0; code < MORTISE_CODES; code++) {
		size_t have = strlen(text);

		if ((codes & 1u << code) != 0)
			(void)snprintf(text + have, size - have, "%s%s", have == 0 ? "" : " or ",
			    mortise_code_name((enum mortise_code)code));
	}
}

bool
kit_expect(struct kit *kit, enum mortise_code code, unsigned int codes, const char *format, ...)
{
	char what[512], wanted[128];
	va_list arguments;

	if ((codes & 1u << code) != 0)
		return true;
	va_start(arguments, format);
	(void)vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	name_codes(codes, wanted, sizeof(wanted));
	return kit_fail(kit, "%s: %s, where %s is right%s%.400s", what, mortise_code_name(code),
	    wanted, code == MORTISE_OK ? "" : ": ",
	    code == MORTISE_OK ? "" : mortise_error_message(&kit->error));
}

void
kit_ask(struct kit *kit, const struct mortise_call *call, const char *what)
{
	(void)snprintf(kit->report->asking, sizeof(kit->report->asking), "%s", what);
	kit->report->deadline = call->deadline;
	(void)atomic_fetch_add(&kit->report->asked, 1);
}

void
kit_answered(struct kit *kit, const struct mortise_call *call, const char *what)
{
	uint64_t now = clock_monotonic_ns();

	(void)atomic_fetch_add(&kit->report->answered, 1);
	if (now > call->deadline && now - call->deadline > KIT_LATE_MS * NS_PER_MS)
		(void)kit_fail(kit, "%s came back %" PRIu64 " ms after its deadline", what,
		    (now - call->deadline) / NS_PER_MS);
	if (strstr(mortise_error_message(call->error), kit->canary) != NULL)
		(void)kit_fail(kit, "the message of a %s has a value in it", what);
}
