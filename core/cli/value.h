/* SPDX-License-Identifier: BSD-2-Clause */
/* value.h: a secret's value in the forms that get prints it in. */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "cli/cli.h"

/*
 * Each makes a new secret, the caller's: 0, or an exit status after a message.
 */
/* One member of a JSON object: a string's bytes, else its JSON. */
int value_field(const struct mortise_secret *value, const char *field,
    struct mortise_secret **member);
/* {"name", "version", "value"}, or "valueBase64" for what is no text. */
int value_json(const char *name, const char *version, const struct mortise_secret *value,
    struct mortise_secret **json);
/* NAME='value', NAME being the last segment in capitals, and LF. */
int value_env(const char *name, const struct mortise_secret *value, struct mortise_secret **line);

#endif
