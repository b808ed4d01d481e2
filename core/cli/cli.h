/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli: the program `mortise`, one file per verb.  It is a caller like any
 * other: of the library it uses <mortise/mortise.h> only, of the house base/
 * and secmem/wipe.h.  Nobody calls it.
 *
 * cli.h: what a verb gets.  A verb returns an exit status, and has told on
 * stderr what went wrong by then.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <mortise/mortise.h>

#include "cli/messages.h"
#include "cli/options.h"
#include "cli/output.h"

struct cli {
	struct options options;
	struct output output;
	const char *config_path;	/* --config; NULL: where the library looks */
	struct problem_count problems;	/* also: the log level */
	struct mortise_error *error;
	struct mortise *context;	/* after cli_open */
};

/* Options that every verb has, out of the parsed ones; 0 or an exit status. */
int cli_begin(struct cli *cli);
void cli_end(struct cli *cli);

/* Opens cli->context: 0, or an exit status with every problem told. */
int cli_open(struct cli *cli);
/* The same with no backend open: for the trail, and for the care of backends. */
int cli_open_maintenance(struct cli *cli);
int cli_open_trail(struct cli *cli);	/* the same with its sinks, for calls on the trail */
/* What they open with.  *program is the caller's to free, after that. */
struct mortise_open_options cli_open_options(struct cli *cli, char **program);
/* As cli_status, for calls that tell each problem by itself. */
int cli_opened(const struct cli *cli, enum mortise_code code);
/* 0 for ok, else the exit status after the error's message. */
int cli_status(const struct cli *cli, enum mortise_code code);

/* Word number i behind the verb; NULL: there is none. */
const char *cli_word(const struct cli *cli, size_t i);

/* Who asks, by options or else the environment. */
struct mortise_request cli_request(const struct cli *cli);
/* By the environment alone, where those options are a filter. */
struct mortise_request cli_request_plain(const struct cli *cli);

/* A whole decimal number; false for anything else. */
bool number_parse(const char *text, uint64_t most, uint64_t *number);

/* The number of an option, 1 to most, if it is given: 0, or EXIT_USAGE after "TAKES, 1 to
 * MOST". */
int cli_number(const struct cli *cli, enum option option, const char *takes, uint64_t most,
    uint64_t *number);

/* The time of an option, in Unix milliseconds, if it is given: 0, or EXIT_USAGE after a
 * message. */
int cli_time(const struct cli *cli, enum option option, int64_t *ms);

/* Verifies the configured trail against its head: whether it is good, and the line that
 * says so.  The exit status of `audit verify` is in cli->error otherwise. */
bool cli_verify_trail(struct cli *cli, char *verdict, size_t size);

/* For _cleanup_. */
void secret_release(struct mortise_secret **secret);

#endif
