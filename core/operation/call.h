/* SPDX-License-Identifier: BSD-2-Clause */
/* call.h: one backend call inside an operation, written down for its outcome.
 * operation's own. */
#ifndef OPERATION_CALL_H
#define OPERATION_CALL_H

#include "operation/operation.h"

/* Started by call_begin, ended by call_end. */
struct step {
	struct mortise_call call;
	struct mortise_error error;
	uint64_t started;
	size_t target;
};

/* deadline: of this call.  Returns the backend; NULL = it is skipped, and
 * `code` says as what (ignore). */
struct backend *call_begin(struct operation *, struct step *, size_t target, uint64_t deadline,
    uint64_t capability, enum mortise_code *code);
/* Notes code, time and version ("" or NULL: none), and the store's generation. */
void call_end(struct operation *, struct step *, enum mortise_code code, const char *version);

/* backend_put, with an idempotency key of its own in the receipt. */
enum mortise_code call_put(struct backend *, struct step *, const char *name,
    const struct mortise_secret_put *, struct mortise_receipt *);

/* The smaller of the backend's timeout and what the operation has left. */
uint64_t call_deadline(const struct operation *, size_t target);

/* For a get's call: announces the operation when it leaves the machine. */
enum mortise_code operation_leaving(void *operation, struct mortise_error *);

/* Gives the step's error to the operation, and returns its code. */
enum mortise_code call_fail(struct operation *, const struct step *, enum mortise_code code);

#endif
