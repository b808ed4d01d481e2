/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.h: where a value comes from: --file, a hidden prompt where stdin is a
 * terminal, else stdin.  Never the command line, which others can read.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "cli/cli.h"

/* 0 and a value of at most MORTISE_VALUE_MAX bytes, or an exit status after a
 * message.  what: what the prompt asks for, "the value of app/key". */
int input_value(struct cli *cli, const char *what, struct mortise_secret **value);
/* The same from a path (NULL: the prompt or stdin; -: stdin). */
int input_read(const char *path, const char *what, struct mortise_secret **value);

/* One line from the terminal that stdin is, without its LF and unseen; the
 * echo is back whichever way it ends. */
int terminal_read(const char *what, struct mortise_secret *value);

#endif
