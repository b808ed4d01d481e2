/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.h: one-time OAuth states (RFC 6749, section 10.12), between
 * operation_begin and operation_end.  The record "oauth:state:STATE" is JSON
 * that an application's own code can read.
 */
#ifndef OAUTH_STATE_H
#define OAUTH_STATE_H

#include "operation/operation.h"

#define STATE_TTL_MS INT64_C(600000)
#define STATE_RESOURCE_SIZE 17

/* What the audit calls a state: 16 hex digits of its SHA-256. */
bool state_resource(const char *state, char resource[STATE_RESOURCE_SIZE]);

/* Draws a state; nothing is written. */
enum mortise_code state_draw(char state[MORTISE_STATE_SIZE], struct mortise_error *);

enum mortise_code state_create(struct operation *, const struct mortise_state_options *,
    const char *state);

/* What a state was bound to; its strings lie in json. */
struct state_bound {
	struct mortise_state_info info;
	struct json_t *json;
};
void state_bound_free(struct state_bound *);	/* for _cleanup_ */

/* Uses it up.  The operation's action becomes state_rejected where it says no. */
enum mortise_code state_validate(struct operation *, const char *state, const char *binding,
    struct state_bound *);

#endif
