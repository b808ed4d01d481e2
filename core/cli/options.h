/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h: the command line.  One table has every option of every verb; a
 * verb says by bits which ones it takes.  Options may stand before and behind
 * words; the common ones may stand before the verb too.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option {
	/* everywhere */
	OPTION_CONFIG, OPTION_DIRECT, OPTION_OUTPUT, OPTION_LOG_LEVEL, OPTION_HELP,
	/* who asks */
	OPTION_AGENCY, OPTION_USER_EMAIL, OPTION_IP_ADDRESS, OPTION_USER_AGENT, OPTION_METADATA,
	/* secrets */
	OPTION_DIR, OPTION_FILE, OPTION_LABEL, OPTION_IF_VERSION, OPTION_IF_ABSENT,
	OPTION_VERSION, OPTION_FIELD, OPTION_FRESH, OPTION_LONG,
	/* tokens and states */
	OPTION_AUTHORIZATION_ID, OPTION_ACTION, OPTION_PLATFORM, OPTION_CONNECTION,
	OPTION_REDIRECT_URI, OPTION_TTL, OPTION_BINDING,
	/* the trail */
	OPTION_LAST, OPTION_FOLLOW, OPTION_RESOURCE_TYPE, OPTION_RESOURCE_ID, OPTION_SINCE,
	OPTION_UNTIL, OPTION_HEAD, OPTION_EXPECT, OPTION_GAP, OPTION_KEY, OPTION_CHECKPOINT,
	OPTION_SINK, OPTION_REASON, OPTION_MONTH, OPTION_FORMAT, OPTION_OUT, OPTION_RECORD,
	OPTION_YES,
	/* looking at it */
	OPTION_RUN, OPTION_EXAMPLE,
	/* the care of backends */
	OPTION_ACCEPT_ROLLBACK,
	/* moving */
	OPTION_FROM, OPTION_TO, OPTION_NEWEST, OPTION_OVERWRITE, OPTION_DRY_RUN, OPTION_JOBS,
	OPTION_RATE, OPTION_JOURNAL, OPTION_DELETE_SOURCE,
	/* the kit */
	OPTION_BACKEND, OPTION_PREFIX, OPTION_READ_ONLY
};
#define OPTION_COUNT (OPTION_READ_ONLY + 1)

#define OPT(name) (UINT64_C(1) << OPTION_##name)
#define OPTIONS_COMMON (OPT(CONFIG) | OPT(DIRECT) | OPT(OUTPUT) | OPT(LOG_LEVEL) | OPT(HELP))
#define OPTIONS_WHO (OPT(AGENCY) | OPT(USER_EMAIL) | OPT(IP_ADDRESS) | OPT(USER_AGENT) | \
	OPT(METADATA))

struct given {
	enum option option;
	const char *value;		/* "" for a switch */
};

/* Everything borrows from argv. */
struct options {
	const struct verb *verb;	/* NULL: none was named */
	const char *group;		/* "token" of `token store`; NULL: no such */
	struct given *given;
	size_t given_count;
	const char **words;		/* behind the verb */
	size_t words_count;
};

/* 0, or an exit status after a message. */
int options_parse(struct options *options, int argc, char **argv);
void options_release(struct options *options);

/* The last value given; NULL: none. */
const char *option_value(const struct options *options, enum option option);
bool option_given(const struct options *options, enum option option);
/* The values of an option that may be given again: *at starts as 0; NULL: no more. */
const char *option_next(const struct options *options, enum option option, size_t *at);

/* For help: "--file F" with what it does; argument NULL for a switch. */
struct option_row {
	const char *name;
	char letter;			/* 0: none */
	const char *argument, *help;
};
const struct option_row *option_row(enum option option);

#endif
