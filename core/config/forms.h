/* SPDX-License-Identifier: BSD-2-Clause */
/* forms.h: value forms, where a string may stand.  config's own. */
#ifndef CONFIG_FORMS_H
#define CONFIG_FORMS_H

#include "config/options.h"

/* Is the node a literal, one form, or a list of forms?  What is none goes to
 * the problems.  secret: {env:} is warned about, and a literal must stand in a
 * file that nobody else can read. */
void form_check(const struct yaml_node *node, bool secret, struct problems *problems);

/* The value: of a list the first that exists.  not_found: none does. */
enum mortise_code form_read(const struct yaml_node *node, options_fetch_fn *fetch, void *arg,
    struct mortise_secret **value, struct mortise_error *error);

/* A path as the file at `place` means it: malloc'd; NULL = no memory. */
char *form_path(const struct place *place, const char *path);

#endif
