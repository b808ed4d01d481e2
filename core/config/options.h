/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h: a YAML map checked against a schema of struct mortise_option and
 * read by path.  The host table's option functions end here; backend is the
 * caller.
 *
 * Value forms, wherever a string may stand: {file: PATH}, {credential: NAME},
 * {env: NAME}, {secret: NAME, from: BACKEND}, or a list of forms, of which the
 * first that exists is taken.  A form that reads a file drops one final LF.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <mortise/plugin.h>

#include "base/bytes.h"
#include "config/yaml.h"

/* Every breach goes to the problems: unknown key (with the nearest known one),
 * wrong type, missing, out of range, a literal secret in a file whose mode is
 * not 0600 (warned: {env:} for a secret).  skip: NULL-ended keys that are not
 * the schema's, "plugin" and "call".  file_directory: what relative paths are
 * relative to, borrowed.  map may be NULL: nothing is given.  Map and schema
 * must outlive the options.  NULL after an error. */
struct mortise_options *options_check(const struct yaml_node *map, const struct place *place,
    const struct mortise_option *const *schema, const char *const *skip,
    struct problems *problems);
void options_free(struct mortise_options *options);

/* The map of options that are given one by one, to be checked like any other: a
 * list where one is, and a secret as {secret: OPTION, from: place->file}.  NULL: no
 * memory, told as a problem. */
struct yaml_node *options_given_by(const struct mortise_option *const *schema,
    const struct mortise_command_value *values, size_t count, const struct place *place,
    struct problems *problems);

/* As struct mortise_host has them. */
const char *options_string(const struct mortise_options *, const char *path);
int64_t options_number(const struct mortise_options *, const char *path);
bool options_given(const struct mortise_options *, const char *path);
size_t options_count(const struct mortise_options *, const char *path);
const struct mortise_options *options_at(const struct mortise_options *, const char *path,
    size_t index, const char **key);
/* Where the option, or else its map, stands. */
struct place options_place(const struct mortise_options *, const char *path);

/* Fetches {secret: NAME, from: BACKEND}. */
typedef enum mortise_code options_fetch_fn(void *arg, const char *backend, const char *name,
    struct mortise_secret **value, struct mortise_error *error);

/* Reads a secret option now.  not_found: not given, or no form exists.  fetch
 * NULL: {secret:} is unsupported here. */
enum mortise_code options_secret(const struct mortise_options *, const char *path,
    options_fetch_fn *fetch, void *arg, struct mortise_secret **value,
    struct mortise_error *error);
/* Resolves the value forms of string options that are not secret, so that
 * options_string answers.  Called once, before open. */
enum mortise_code options_resolve(struct mortise_options *, options_fetch_fn *fetch, void *arg,
    struct mortise_error *error);

/* Each file that resolved options name: by an option that is a path, or as {file:} of
 * a secret. */
typedef void options_file_fn(void *arg, const char *path, bool secret, const struct place *);
void options_files(const struct mortise_options *, options_file_fn *each, void *arg);

/* Do two resolved sets of one schema say the same?  Forms of secrets are compared
 * as they are written: what they lead to is read anew each time. */
bool options_same(const struct mortise_options *, const struct mortise_options *);

/* Numbers as configurations write them: "2s", "64KiB"; false = not one. */
bool duration_parse(const char *text, int64_t *ms);
bool size_parse(const char *text, int64_t *bytes);

/* The schema as text: a line an option, and a stanza of YAML to paste. */
void schema_describe(const struct mortise_option *const *schema, struct buffer *out);
void schema_example(const struct mortise_option *const *schema, const char *plugin,
    struct buffer *out);

#endif
