/* SPDX-License-Identifier: BSD-2-Clause */
/* describe, undo. */
#include <stdlib.h>
#include <string.h>

#include "infisical.h"

#define CLOCKS_MS 2000		/* what Date and the database's clock may be apart */

/* --- describe ----------------------------------------------------------------------- */

static enum mortise_code
add_labels(const struct infisical *infisical, struct mortise_call *call, struct mortise_out *out,
    const json_t *labels)
{
	struct mortise_pair *pairs = calloc(json_array_size(labels) + 1, sizeof(*pairs));
	const json_t *label;
	size_t count = 0, i;
	enum mortise_code code;

	if (pairs == NULL)
		return infisical_no_memory(infisical, call);
	json_array_foreach(labels, i, label) {
		const char *key = json_string_of(label, "key"), *value = json_string_of(label, "value");

		/* What is kept encrypted is nobody's label. */
		if (key != NULL && value != NULL &&
		    !json_is_true(json_object_get(label, "isEncrypted")))
			pairs[count++] = (struct mortise_pair){key, value};
	}
	code = infisical->host->add_row(out, pairs, count);
	free(pairs);
	return code;
}

/* The newest alone: the list of the others is for people, not for machine identities. */
enum mortise_code
infisical_describe(void *instance, struct mortise_call *call, const char *name,
    struct mortise_out *out)
{
	struct infisical *infisical = instance;
	struct mortise_history history = {.size = sizeof(history)};
	struct infisical_answer answer = {0};
	struct kept kept;
	enum mortise_code code = infisical_read(infisical, call, name, 0, true, &answer, &kept);

	if (code == MORTISE_OK) {
		version_text(&history.version, kept.version);
		history.created_ms = kept.version > 1 ? kept.updated_ms : kept.created_ms;
		code = infisical->host->add_history(out, &history);
	}
	if (code == MORTISE_OK)
		code = add_labels(infisical, call, out, kept.labels);
	answer_forget(&answer);
	return code;
}

/* --- undo --------------------------------------------------------------------------- */

static struct mark
mark_of(const struct mortise_receipt *receipt)
{
	struct mark mark = {0};

	if (receipt->opaque_size == sizeof(mark))
		memcpy(&mark, receipt->opaque, sizeof(mark));
	return mark;
}

/* By the server's clock: the time since the put began is the same for both. */
static bool
written_since(const struct kept *kept, int64_t date_ms, const struct mortise_receipt *receipt)
{
	struct mark mark = mark_of(receipt);

	return mark.began_ms != 0 && kept->updated_ms != 0 && date_ms != 0 &&
	    kept->updated_ms >= date_ms - (json_now() - mark.began_ms) - CLOCKS_MS;
}

bool
kept_is_ours(const struct infisical *infisical, struct mortise_call *call, const struct kept *kept,
    int64_t date_ms, const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	int64_t made = version_number(&receipt->made), before = version_number(&receipt->before);
	struct mark mark = mark_of(receipt);
	struct mortise_secret *there = NULL;
	bool same;

	if (made != 0)
		return kept->version == made && (mark.id[0] == '\0' || kept->id == NULL ||
		    strncmp(mark.id, kept->id, sizeof(mark.id) - 1) == 0);
	/* The same bytes may have been there before: then nothing of it is ours. */
	if (before != 0 ? kept->version <= before :
	    receipt->existed != 0 && !written_since(kept, date_ms, receipt))
		return false;
	same = kept_value(infisical, call, kept, "what was put", &there) == MORTISE_OK &&
	    secret_same(infisical->host, there, written);
	infisical->host->secret_free(there);
	return same;
}

/* As it is kept, with its marker; what had the same name in an earlier life is another's. */
static enum mortise_code
write_back(struct infisical *infisical, struct mortise_call *call, const char *name,
    int64_t version, const char *id)
{
	struct secret_request request = {.method = "PATCH", .name = name};
	struct infisical_answer old = {0}, answer = {0};
	struct kept kept;
	enum mortise_code code = before_write(infisical, call, name,
	    infisical_read(infisical, call, name, version, false, &old, &kept));

	if (code == MORTISE_NOT_FOUND || (code == MORTISE_OK && (kept.text == NULL ||
	    (id != NULL && kept.id != NULL && strcmp(id, kept.id) != 0))))
		code = infisical->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the version of %s that was there before is not kept any more, or may not be "
		    "read; it was left as the put made it", name);
	request.text = kept.text;
	request.text_size = kept.size;
	if (code == MORTISE_OK) {
		code = secret_ask(infisical, call, &request, &answer);
		if (code == MORTISE_OK)
			code = kept_of(infisical, call, answer.tree, name, &kept);
	}
	answer_forget(&answer);
	answer_forget(&old);
	return code;
}

/* Nothing is compared by the server: between reading and writing somebody may write. */
enum mortise_code
infisical_undo(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	struct infisical *infisical = instance;
	struct infisical_answer answer = {0};
	struct kept kept;
	enum mortise_code code = before_write(infisical, call, name,
	    infisical_read(infisical, call, name, 0, false, &answer, &kept));
	bool superseded = code == MORTISE_NOT_FOUND || (code == MORTISE_OK &&
	    !kept_is_ours(infisical, call, &kept, answer.date_ms, receipt, written));

	if (code == MORTISE_OK && !superseded) {
		code = kept.version > 1 ?
		    write_back(infisical, call, name, kept.version - 1, kept.id) :
		    infisical_remove(infisical, call, name);
		superseded = code == MORTISE_NOT_FOUND;
	}
	if (superseded)
		code = infisical->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_SUPERSEDED,
		    "%s was written or deleted since, and was left as it is", name);
	answer_forget(&answer);
	return code;
}
