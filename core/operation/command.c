/* SPDX-License-Identifier: BSD-2-Clause */
/* The care of a backend, as steps of an audited operation. */
#include "operation/call.h"

enum mortise_code
operation_command(struct operation *operation, size_t target, const struct backend_command *command,
    struct mortise_out *out)
{
	enum mortise_code code;
	struct step step;
	/* The whole time of the operation: a command works on all that there is. */
	struct backend *backend = call_begin(operation, &step, target, operation->deadline, 0,
	    &code);

	if (backend == NULL)
		return call_fail(operation, &step, code);
	code = backend_command(backend, &step.call, command, out);
	call_end(operation, &step, code, NULL);
	return code == MORTISE_OK ? code : call_fail(operation, &step, code);
}

void
operation_opened(struct operation *operation, size_t target, enum mortise_code code,
    const struct backend_note *note)
{
	struct step step = {.call = {.note = *note}, .started = operation->started,
	    .target = target};

	call_end(operation, &step, code, NULL);
}
