/* SPDX-License-Identifier: BSD-2-Clause */
/* export.h: the part of a trail that is one agency's, which can be verified by itself. */
#ifndef AUDIT_EXPORT_H
#define AUDIT_EXPORT_H

#include "audit/walk.h"

/* As mortise_audit_export, of the walk's lines. */
enum mortise_code export_trail(const struct walk *, const char *agency, mortise_line_fn *each,
    void *arg, struct mortise_export_report *, struct mortise_error *);

#endif
