/* SPDX-License-Identifier: BSD-2-Clause */
/* search.h: records of a trail by field. */
#ifndef AUDIT_SEARCH_H
#define AUDIT_SEARCH_H

#include <mortise/mortise.h>

/* The durable records of a directory that the filter takes, in order. */
enum mortise_code search_trail(const char *directory, const struct mortise_audit_filter *,
    mortise_line_fn *each, void *arg, struct mortise_error *);

#endif
