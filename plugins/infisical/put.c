/* SPDX-License-Identifier: BSD-2-Clause */
/* put: a change, or else a new secret, in folders that are made for it. */
#include <string.h>

#include "infisical.h"

struct put {
	struct infisical *infisical;
	struct mortise_call *call;
	const char *name;
	const struct mortise_secret_put *put;
	struct mortise_receipt *receipt;
	bool *doubt;			/* a write may have had its effect without saying so */
};

static void
made(struct mortise_receipt *receipt, const struct kept *kept, bool existed)
{
	struct mark mark;

	receipt->existed = existed;
	version_text(&receipt->before, existed ? kept->version - 1 : 0);
	version_text(&receipt->made, kept->version);
	memcpy(&mark, receipt->opaque, sizeof(mark));
	if (kept->id != NULL && strlen(kept->id) < sizeof(mark.id))
		memcpy(mark.id, kept->id, strlen(kept->id));
	memcpy(receipt->opaque, &mark, sizeof(mark));
}

static enum mortise_code
write_by(const struct put *put, const char *method, enum said *said)
{
	const struct secret_request request = {.method = method, .name = put->name,
	    .value = put->put->value, .labels = put->put->labels,
	    .labels_count = put->put->labels_count};
	struct infisical_answer answer = {0};
	struct kept kept;
	enum mortise_code code = secret_ask(put->infisical, put->call, &request, &answer);

	*said = answer.said;
	if (code == MORTISE_OK)
		code = kept_of(put->infisical, put->call, answer.tree, put->name, &kept);
	*put->doubt = code == MORTISE_TIMEOUT || (code == MORTISE_ERROR && answer.status != 0);
	if (code == MORTISE_OK)
		made(put->receipt, &kept, strcmp(method, "PATCH") == 0);
	answer_forget(&answer);
	return code;
}

/* conflict: it is there.  said: what is known of it. */
static enum mortise_code
create(const struct put *put, enum said said)
{
	enum mortise_code code = MORTISE_OK;

	if (said != SAID_NO_FOLDER)
		code = write_by(put, "POST", &said);
	if (said != SAID_NO_FOLDER)
		return code;
	code = folders_make(put->infisical, put->call, put->name);
	return code == MORTISE_OK ? write_by(put, "POST", &said) : code;
}

/* Old servers do not say when something was written, by which a put whose answer was lost
 * is told from what was there: so they are asked before. */
static enum mortise_code
look_before(const struct put *put)
{
	struct infisical_answer answer = {0};
	struct kept kept;
	enum mortise_code code;

	if (atomic_load(&put->infisical->generation) == 4)
		return MORTISE_OK;
	code = before_write(put->infisical, put->call, put->name, infisical_read(put->infisical,
	    put->call, put->name, 0, true, &answer, &kept));
	answer_forget(&answer);
	/* Who may write alone does not know. */
	if (code == MORTISE_DENIED)
		return MORTISE_OK;
	if (code != MORTISE_OK && code != MORTISE_NOT_FOUND)
		return code;
	put->receipt->existed = code == MORTISE_OK;
	version_text(&put->receipt->before, code == MORTISE_OK ? kept.version : 0);
	return MORTISE_OK;
}

/* Of two that make it at once one is told that it is there, and changes it. */
static enum mortise_code
change_or_create(const struct put *put)
{
	enum mortise_code code = MORTISE_OK;
	enum said said = SAID_NOTHING;
	bool again = true;

	for (int tried = 0; again; tried++) {
		put->receipt->existed = -1;
		code = look_before(put);
		if (code == MORTISE_OK)
			code = write_by(put, "PATCH", &said);
		if (code != MORTISE_NOT_FOUND)
			return code;
		put->receipt->existed = 0;
		version_text(&put->receipt->before, 0);
		code = create(put, said);
		again = code == MORTISE_CONFLICT &&
		    mortise_http_pause(put->infisical->host, put->call, tried, 0);
	}
	return code;
}

/* The server compares nothing: between the two somebody else may write. */
static enum mortise_code
change_version(const struct put *put)
{
	const struct mortise_host *host = put->infisical->host;
	struct infisical_answer answer = {0};
	struct mortise_version there;
	struct kept kept;
	enum said said;
	enum mortise_code code = before_write(put->infisical, put->call, put->name,
	    infisical_read(put->infisical, put->call, put->name, 0, true, &answer, &kept));

	answer_forget(&answer);
	if (code != MORTISE_OK && code != MORTISE_NOT_FOUND)
		return code;
	version_text(&there, code == MORTISE_OK ? kept.version : 0);
	if (strcmp(there.text, put->put->only_if->text) != 0)
		return host->fail(put->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the newest version of %s is %s", put->name, there.text[0] == '\0' ? "none" :
		    there.text);
	if (there.text[0] == '\0')
		return create(put, SAID_NOTHING);
	code = write_by(put, "PATCH", &said);
	return code != MORTISE_NOT_FOUND ? code : host->fail(put->call, MORTISE_CONFLICT,
	    MORTISE_REASON_NONE, "%s was deleted meanwhile", put->name);
}

/* --- afterwards --------------------------------------------------------------------- */

/* A put whose answer was lost is done if the newest version has our bytes. */
static enum mortise_code
look_after(const struct put *put, enum mortise_code came)
{
	struct infisical *infisical = put->infisical;
	struct mortise_secret *there = NULL;
	struct infisical_answer answer = {0};
	struct kept kept;
	enum mortise_code code = infisical_read(infisical, put->call, put->name, 0, false, &answer,
	    &kept);
	bool ours = code == MORTISE_OK && kept_is_ours(infisical, put->call, &kept, answer.date_ms,
	    put->receipt, put->put->value);
	/* Who does not say when it was written has the value at least; undo will not dare. */
	bool same = ours || (code == MORTISE_OK && kept.updated_ms == 0 &&
	    put->receipt->existed < 0 &&
	    kept_value(infisical, put->call, &kept, put->name, &there) == MORTISE_OK &&
	    secret_same(infisical->host, there, put->put->value));

	if (ours)
		made(put->receipt, &kept, kept.version > 1);
	infisical->host->secret_free(there);
	answer_forget(&answer);
	return same ? MORTISE_OK : infisical->host->fail(put->call, came, MORTISE_REASON_NONE,
	    "the put of %s was not answered as it should be; it may have had its effect",
	    put->name);
}

/* Once in an instance's life: does the server keep what it is given? */
static enum mortise_code
compare_once(const struct put *put)
{
	struct infisical *infisical = put->infisical;
	struct infisical_answer answer = {0};
	struct mortise_secret *there = NULL;
	struct kept kept;
	enum mortise_code code;
	bool differs = false;

	if (atomic_load(&infisical->compared))
		return MORTISE_OK;
	code = infisical_read(infisical, put->call, put->name, 0, false, &answer, &kept);
	/* What somebody else has written since tells nothing. */
	if (code == MORTISE_OK && kept.version == version_number(&put->receipt->made)) {
		code = kept_value(infisical, put->call, &kept, put->name, &there);
		differs = code == MORTISE_INVALID || (code == MORTISE_OK &&
		    !secret_same(infisical->host, there, put->put->value));
		/* Who may not read has nobody to tell. */
		if (!differs && (code == MORTISE_OK || code == MORTISE_DENIED))
			atomic_store(&infisical->compared, true);
	} else if (code == MORTISE_DENIED)
		atomic_store(&infisical->compared, true);
	infisical->host->secret_free(there);
	answer_forget(&answer);
	return !differs ? MORTISE_OK : infisical->host->fail(put->call, MORTISE_ERROR,
	    MORTISE_REASON_NONE, "%s was written, and read back it is something else: this server "
	    "alters values", put->name);
}

enum mortise_code
infisical_put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	bool doubt = false;
	const struct put all = {.infisical = instance, .call = call, .name = name, .put = put,
	    .receipt = receipt, .doubt = &doubt};
	const struct mark mark = {.began_ms = json_now()};
	enum mortise_code code;

	receipt->existed = -1;
	receipt->opaque_size = sizeof(mark);
	memcpy(receipt->opaque, &mark, sizeof(mark));
	if (put->only_if_absent)
		code = create(&all, SAID_NOTHING);
	else
		code = put->only_if != NULL ? change_version(&all) : change_or_create(&all);
	if (doubt)
		return look_after(&all, code);
	return code == MORTISE_OK ? compare_once(&all) : code;
}
