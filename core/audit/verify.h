/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify.h: does a trail hold?  Code of its own: it shares the SHA-256 call
 * with the writer, and nothing else.
 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include <mortise/mortise.h>

/* As mortise_audit_verify. */
enum mortise_code verify_trail(const struct mortise_verify_options *, char *verdict, size_t size,
    struct mortise_error *);

#endif
