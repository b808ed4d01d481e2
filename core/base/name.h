/* SPDX-License-Identifier: BSD-2-Clause */
/* name.h: what a secret, a state record and a backend may be called; globs. */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include <mortise/mortise.h>

/* segment(/segment)*, segments [A-Za-z0-9_.-]+ but never "." or "..", at most
 * MORTISE_NAME_MAX bytes.  invalid says what is wrong with it. */
enum mortise_code name_check(const char *name, struct mortise_error *);
/* The beginning of such a name, or "". */
enum mortise_code name_check_prefix(const char *prefix, struct mortise_error *);
/* [A-Za-z0-9_.:/-]{1,512} */
enum mortise_code key_check(const char *key, struct mortise_error *);
/* A backend, chain or plugin: [a-z0-9][a-z0-9-]{0,31}, never "none". */
bool word_valid(const char *word);

/* `*` stands for any bytes, also none, also slashes; `?` is itself. */
bool glob_match(const char *glob, const char *text);
/* May any text that begins with prefix match? */
bool glob_may_match(const char *glob, const char *prefix);

/* The candidate (NULL-ended) that is nearest to a mistyped word, NULL if none
 * is near: at most a third of its letters differ. */
const char *nearest_word(const char *word, const char *const *candidates);

#endif
