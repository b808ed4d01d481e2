/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases: versions, conditions, labels, and taking a put back. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kit/kit.h"
#include "secmem/secret.h"

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

static bool
put(struct kit *kit, const char *name, const char *text, struct mortise_receipt *receipt)
{
	return kit_expect(kit, kit_put(kit, name, kit_text(text), NULL, receipt), KIT_CODE(OK),
	    "put of %s", name);
}

static bool
same(const struct mortise_version *a, const struct mortise_version *b)
{
	return strcmp(a->text, b->text) == 0;
}

/* The newest version, as get tells it. */
static bool
newest(struct kit *kit, const char *name, struct mortise_version *version)
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = NULL;

	version->text[0] = '\0';
	return kit_expect(kit, kit_get(kit, name, NULL, &value, version), KIT_CODE(OK), "get of %s",
	    name);
}

/* A version gives its own value, or is not there; never another's. */
static bool
get_version(struct kit *kit, const char *name, const struct mortise_version *version,
    const char *text)
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = NULL;
	struct mortise_version found = {""};
	enum mortise_code code = kit_get(kit, name, version, &value, &found);
	const void *bytes;
	size_t size;

	if (code == MORTISE_NOT_FOUND && text == NULL)
		return true;
	if (!kit_expect(kit, code, text == NULL ? KIT_CODE(NOT_FOUND) | KIT_CODE(INVALID) :
	    KIT_CODE(OK) | KIT_CODE(NOT_FOUND), "get of version %s", version->text) || text == NULL)
		return text == NULL && code == MORTISE_INVALID;
	if (code == MORTISE_NOT_FOUND)
		return true;
	bytes = mortise_secret_peek(value, &size);
	if (size != strlen(text) || memcmp(bytes, text, size) != 0)
		return kit_fail(kit, "get of version %s gives another version's value",
		    version->text);
	return same(&found, version) || kit_fail(kit, "get of version %s says that it found "
	    "version \"%s\"", version->text, found.text);
}

bool
case_versions(struct kit *kit)
{
	const struct mortise_version never = kit_version("987654321");
	struct kit_name name = kit_name(kit, "versions");
	struct mortise_version first, second;

	if (!put(kit, name.text, "first", NULL) || !newest(kit, name.text, &first) ||
	    !put(kit, name.text, "second", NULL) || !newest(kit, name.text, &second))
		return false;
	if (first.text[0] == '\0' || second.text[0] == '\0')
		return kit_skip(kit, "get does not say which version it found");
	if (same(&first, &second))
		return kit_fail(kit, "two puts made the same version, %s", first.text);
	if (!get_version(kit, name.text, &second, "second") ||
	    !get_version(kit, name.text, &first, "first") ||
	    !get_version(kit, name.text, &never, NULL))
		return false;
	return put(kit, name.text, "third", NULL) && newest(kit, name.text, &first) &&
	    (!same(&first, &second) || kit_fail(kit, "two puts made the same version, %s",
	    first.text));
}

/* What the receipt says is so, or unknown. */
bool
case_receipt(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "receipt");
	struct mortise_receipt first, second;
	struct mortise_version version;

	if (!put(kit, name.text, "first", &first) || !newest(kit, name.text, &version))
		return false;
	if (first.existed == 1)
		return kit_fail(kit, "the receipt of a first put says that the name existed");
	if (first.before.text[0] != '\0')
		return kit_fail(kit, "the receipt of a first put names a version before it, %s",
		    first.before.text);
	if (first.made.text[0] != '\0' && !same(&first.made, &version))
		return kit_fail(kit, "the receipt says that version %s was made, and get finds %s",
		    first.made.text, version.text);
	if (!put(kit, name.text, "second", &second))
		return false;
	if (second.existed == 0)
		return kit_fail(kit, "the receipt of a second put says that the name was not there");
	return second.before.text[0] == '\0' || same(&second.before, &version) ||
	    kit_fail(kit, "the receipt says that version %s was before the put, and it was %s",
	    second.before.text, version.text);
}

static const char no_conditions[] = "it has no such condition: a put with one is `unsupported`";

bool
case_if_absent(struct kit *kit)
{
	const struct mortise_secret_put absent = {.size = sizeof(absent), .only_if_absent = true};
	struct kit_name name = kit_name(kit, "if-absent");
	enum mortise_code code = kit_put(kit, name.text, kit_text("first"), &absent, NULL);

	if (code == MORTISE_UNSUPPORTED)
		return kit_skip(kit, no_conditions);
	return kit_expect(kit, code, KIT_CODE(OK), "put if absent, of a new name") &&
	    kit_expect(kit, kit_put(kit, name.text, kit_text("second"), &absent, NULL),
	    KIT_CODE(CONFLICT), "put if absent, of a name that is there") &&
	    kit_gets(kit, name.text, kit_text("first"));
}

bool
case_if_version(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "if-version");
	struct mortise_version version;
	const struct mortise_secret_put same_version = {.size = sizeof(same_version),
	    .only_if = &version};
	enum mortise_code code;

	if (!put(kit, name.text, "first", NULL) || !newest(kit, name.text, &version))
		return false;
	if (version.text[0] == '\0')
		return kit_skip(kit, "get does not say which version it found");
	code = kit_put(kit, name.text, kit_text("second"), &same_version, NULL);
	if (code == MORTISE_UNSUPPORTED)
		return kit_skip(kit, no_conditions);
	return kit_expect(kit, code, KIT_CODE(OK), "put if the version is the newest") &&
	    kit_expect(kit, kit_put(kit, name.text, kit_text("third"), &same_version, NULL),
	    KIT_CODE(CONFLICT), "put if the version is one that is not the newest any more") &&
	    kit_gets(kit, name.text, kit_text("second"));
}

/* Labels of a put are kept until another brings some. */
bool
case_labels(struct kit *kit)
{
	const struct mortise_pair label = {KIT_LABEL_NAME, "yes"};
	const struct mortise_secret_put labelled = {.size = sizeof(labelled), .labels = &label,
	    .labels_count = 1};
	const struct mortise_secret_put none = {.size = sizeof(none), .labels = &label};
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct kit_name name = kit_name(kit, "labels");
	enum mortise_code code = kit_put(kit, name.text, kit_text("first"), &labelled, NULL);

	if (seen == NULL)
		return false;
	if (code == MORTISE_UNSUPPORTED)
		return kit_skip(kit, "it keeps no labels: a put with some is `unsupported`");
	if (!kit_expect(kit, code, KIT_CODE(OK), "put with a label") ||
	    !put(kit, name.text, "second", NULL) ||
	    !kit_expect(kit, kit_describe(kit, name.text, seen), KIT_CODE(OK), "describe"))
		return false;
	if (seen->labels != 1)
		return kit_fail(kit, "a label is there %zu times after a put with it and one without "
		    "labels, which leaves them", seen->labels);
	if (!kit_expect(kit, kit_put(kit, name.text, kit_text("third"), &none, NULL), KIT_CODE(OK),
	    "put with an empty set of labels") ||
	    !kit_expect(kit, kit_describe(kit, name.text, seen), KIT_CODE(OK), "describe"))
		return false;
	return seen->labels == 0 ||
	    kit_fail(kit, "a put with an empty set of labels leaves the ones before");
}

static bool
history_is(struct kit *kit, const struct kit_seen *seen, const struct mortise_version *versions,
    size_t count)
{
	int64_t now = clock_unix_ms();

	if (seen->count == 0)
		return kit_fail(kit, "describe gives no version");
	for (size_t i = 0; i < seen->count; i++) {
		int64_t created = seen->history[i].created_ms;

		if (i < count && !same(&seen->history[i].version, &versions[i]))
			return kit_fail(kit, "describe has version %s as number %zu from the newest, "
			    "where %s is right", seen->history[i].version.text, i + 1,
			    versions[i].text);
		if (created != 0 && (created < now - DAY_MS || created > now + DAY_MS))
			return kit_fail(kit, "describe says that a version of now was created at %lld, "
			    "in ms of Unix time", (long long)created);
	}
	return true;
}

bool
case_describe(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct kit_name name = kit_name(kit, "describe");
	struct mortise_version versions[2];

	return seen != NULL && put(kit, name.text, "first", NULL) &&
	    newest(kit, name.text, &versions[1]) && put(kit, name.text, "second", NULL) &&
	    newest(kit, name.text, &versions[0]) &&
	    kit_expect(kit, kit_describe(kit, name.text, seen), KIT_CODE(OK), "describe") &&
	    history_is(kit, seen, versions, versions[0].text[0] == '\0' ? 0 : 2);
}

/* --- undo --------------------------------------------------------------------------- */

static enum mortise_code
undo(struct kit *kit, const char *name, const struct mortise_receipt *receipt, const char *written)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_secret *value _cleanup_(secret_cleanup) = secret_from(written,
	    strlen(written));
	enum mortise_code code;

	if (value == NULL)
		return error_memory(&kit->error);
	kit_ask(kit, &call, "undo");
	code = backend_undo(kit->backend, &call, name, receipt, value);
	kit_answered(kit, &call, "undo");
	return code;
}

bool
case_undo(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "undo");
	struct mortise_receipt first, second;

	return put(kit, name.text, "first", &first) && put(kit, name.text, "second", &second) &&
	    kit_expect(kit, undo(kit, name.text, &second, "second"), KIT_CODE(OK),
	    "undo of the second put") && kit_gets(kit, name.text, kit_text("first")) &&
	    put(kit, name.text, "third", &second) &&
	    kit_expect(kit, undo(kit, name.text, &second, "third"), KIT_CODE(OK),
	    "undo of the third put") && kit_gets(kit, name.text, kit_text("first")) &&
	    put(kit, kit_name(kit, "undo-new").text, "only", &first) &&
	    kit_expect(kit, undo(kit, kit_name(kit, "undo-new").text, &first, "only"), KIT_CODE(OK),
	    "undo of a name's first put") && kit_misses(kit, kit_name(kit, "undo-new").text);
}

/* Somebody wrote later: that stays. */
bool
case_undo_superseded(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "undo-superseded");
	struct mortise_receipt first;

	if (!put(kit, name.text, "before", NULL) || !put(kit, name.text, "first", &first) ||
	    !put(kit, name.text, "second", NULL) ||
	    !kit_expect(kit, undo(kit, name.text, &first, "first"), KIT_CODE(CONFLICT),
	    "undo of a put that another one followed"))
		return false;
	if (mortise_error_reason(&kit->error) != MORTISE_REASON_SUPERSEDED)
		return kit_fail(kit, "undo of a put that another one followed: conflict with reason "
		    "%s, where superseded is right",
		    mortise_reason_name(mortise_error_reason(&kit->error)));
	return kit_gets(kit, name.text, kit_text("second"));
}

/* As after a put whose answer was lost: what was made is not known. */
bool
case_undo_unknown(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "undo-unknown");
	struct mortise_receipt lost;

	if (!put(kit, name.text, "first", NULL) || !put(kit, name.text, "second", &lost))
		return false;
	lost.made.text[0] = '\0';
	return kit_expect(kit, undo(kit, name.text, &lost, "second"), KIT_CODE(OK), "undo of a put "
	    "by its bytes or idempotency key, as the receipt does not say what was made") &&
	    kit_gets(kit, name.text, kit_text("first")) && put(kit, name.text, "third", NULL) &&
	    kit_expect(kit, undo(kit, name.text, &lost, "second"), KIT_CODE(CONFLICT),
	    "the same, of a put that is not the newest") &&
	    kit_gets(kit, name.text, kit_text("third"));
}
