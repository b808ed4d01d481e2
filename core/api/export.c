/* SPDX-License-Identifier: BSD-2-Clause */
/* The trail for one agency. */
#include <string.h>

#include "api/context.h"
#include "audit/export.h"

enum mortise_code
mortise_audit_export(struct mortise *context, const struct mortise_request *request,
    const char *agency_id, mortise_line_fn *each, void *arg, struct mortise_export_report *exported,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct walk walk _cleanup_(walk_end) = {.files = NULL};
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise_export_report done = {.size = sizeof(done)};
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "audit_exported", "audit_trail", "", error);

	if (code == MORTISE_OK && running->engine.trail == NULL)
		code = error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "there is no trail to export: audit is off");
	if (code == MORTISE_OK && (agency_id == NULL || agency_id[0] == '\0'))
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "an export is one agency's; name it");
	if (code == MORTISE_OK)
		code = operation_agency(&operation, agency_id);
	/* Before its own record: the next export has that one. */
	if (code == MORTISE_OK)
		code = walk_begin(&walk, running->engine.config->audit.trail, error);
	code = operation_end(&operation, code);
	if (code == MORTISE_OK)
		code = export_trail(&walk, agency_id, each, arg, &done, error);
	if (code == MORTISE_OK && exported != NULL) {
		size_t size = exported->size;

		memcpy(exported, &done, size < sizeof(done) ? size : sizeof(done));
		exported->size = size;
	}
	return code;
}
