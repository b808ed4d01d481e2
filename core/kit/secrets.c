/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases: values and names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"
#include "secmem/secret.h"

#define MUST_FIT 4096			/* bytes that every store takes */

/* Everything that asks for what is not there says so. */
bool
case_missing(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "never-written");
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	uint64_t can = backend_can(kit->backend);

	if (seen == NULL || !kit_misses(kit, name.text))
		return false;
	if ((can & MORTISE_CAN_SECRET_DESCRIBE) != 0 && !kit_expect(kit,
	    kit_describe(kit, name.text, seen), KIT_CODE(NOT_FOUND), "describe of what is not there"))
		return false;
	if ((can & MORTISE_CAN_SECRET_DELETE) != 0 && !kit->settings->read_only &&
	    !kit_expect(kit, kit_delete(kit, name.text), KIT_CODE(NOT_FOUND),
	    "delete of what is not there"))
		return false;
	if ((can & MORTISE_CAN_SECRET_LIST) == 0)
		return true;
	return kit_expect(kit, kit_list(kit, kit_name(kit, "never/").text, seen), KIT_CODE(OK),
	    "list of a prefix without names") &&
	    (seen->count == 0 || kit_fail(kit, "list of a prefix without names gives some"));
}

bool
case_text(struct kit *kit)
{
	static const char *const texts[] = {"plain", "ends in LF\n", "\nbegins with it", "CR LF\r\n",
	    " blanks \t ", "{\"access_token\": \"a\\u0000b\", \"n\": 1e400}", "gr\303\274n \342\202\254",
	    "%s%n%d", "'\"\\`$(x)", "null", "true", "0123", "---\na: b\n", "YWJj"};
	struct kit_name name = kit_name(kit, "text");

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!kit_keeps(kit, name.text, kit_text(texts[i])))
			return false;
	}
	return true;
}

/* May be refused as a whole, and is not changed. */
bool
case_binary(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "binary");
	unsigned char bytes[512];
	enum mortise_code code;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	code = kit_put(kit, name.text, (struct kit_value){bytes, sizeof(bytes)}, NULL, NULL);
	if (code == MORTISE_INVALID)
		return kit_skip(kit, "it refuses bytes that are no text, as it may: %s",
		    mortise_error_message(&kit->error));
	return kit_expect(kit, code, KIT_CODE(OK), "put of %zu bytes of every kind",
	    sizeof(bytes)) && kit_gets(kit, name.text, (struct kit_value){bytes, sizeof(bytes)}) &&
	    kit_keeps(kit, name.text, (struct kit_value){"\0", 1}) &&
	    kit_keeps(kit, name.text, (struct kit_value){"a\0b", 3});
}

/* A size is kept whole, or refused as invalid with the value before it in place. */
static bool
keeps_size(struct kit *kit, const char *name, struct kit_value value)
{
	bool may_refuse = value.size == 0 || value.size > MUST_FIT;
	enum mortise_code code;

	if (!kit_keeps(kit, name, kit_text("before")))
		return false;
	code = kit_put(kit, name, value, NULL, NULL);
	if (code == MORTISE_INVALID && may_refuse)
		return kit_gets(kit, name, kit_text("before"));
	return kit_expect(kit, code, KIT_CODE(OK) | (may_refuse ? KIT_CODE(INVALID) : 0),
	    "put of %zu bytes", value.size) && kit_gets(kit, name, value);
}

bool
case_sizes(struct kit *kit)
{
	static const size_t sizes[] = {0, 1, 2, 255, 256, 1000, MUST_FIT - 1, MUST_FIT, 8191, 32768,
	    MORTISE_VALUE_MAX - 1, MORTISE_VALUE_MAX};
	struct kit_name name = kit_name(kit, "sizes");
	char *bytes _cleanup_(free_pointer) = malloc(MORTISE_VALUE_MAX);

	if (bytes == NULL)
		return kit_fail(kit, "out of memory");
	for (size_t i = 0; i < MORTISE_VALUE_MAX; i++)
		bytes[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (!keeps_size(kit, name.text, (struct kit_value){bytes, sizes[i]}))
			return false;
	}
	return true;
}

/* Each a value of its own; refused as invalid, or kept apart from all others. */
bool
case_names(struct kit *kit)
{
	static const char *const tails[] = {"case", "Case", "CASE", "a", "a/b", "a/b/c", "a-b", "a_b",
	    "a.b", "a..b", ".hidden", "...", "-rf", "0", "00", "d/e/f/g/h/i/j/k/l/m",
	    "data", "metadata", "null", "list", "latest"};
	struct kit_name names[ARRAY_SIZE(tails) + 1];
	bool kept[ARRAY_SIZE(tails) + 1] = {false};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		enum mortise_code code;

		names[i] = kit_name(kit, "%s", i < ARRAY_SIZE(tails) ? tails[i] : "");
		if (i == ARRAY_SIZE(tails)) {		/* as long as a name may be */
			size_t have = strlen(names[i].text);

			memset(names[i].text + have, 'n', MORTISE_NAME_MAX - have);
			names[i].text[MORTISE_NAME_MAX] = '\0';
		}
		code = kit_put(kit, names[i].text, kit_text(names[i].text), NULL, NULL);
		kept[i] = code == MORTISE_OK;
		if (!kit_expect(kit, code, KIT_CODE(OK) | KIT_CODE(INVALID), "put of %s",
		    names[i].text))
			return false;
	}
	if (!kept[3])
		return kit_fail(kit, "it refuses the name %s", names[3].text);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (kept[i] && !kit_gets(kit, names[i].text, kit_text(names[i].text)))
			return false;
	}
	return true;
}

bool
case_replace(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "replace"), other = kit_name(kit, "replace-not");

	return kit_keeps(kit, other.text, kit_text("other")) &&
	    kit_keeps(kit, name.text, kit_text("a longer value, the first")) &&
	    kit_keeps(kit, name.text, kit_text("second")) &&
	    kit_keeps(kit, name.text, kit_text("second")) &&
	    kit_gets(kit, other.text, kit_text("other"));
}

bool
case_delete(struct kit *kit)
{
	struct kit_name name = kit_name(kit, "delete"), other = kit_name(kit, "delete-not");

	return kit_keeps(kit, other.text, kit_text("other")) &&
	    kit_keeps(kit, name.text, kit_text("first")) &&
	    kit_keeps(kit, name.text, kit_text("second")) &&
	    kit_expect(kit, kit_delete(kit, name.text), KIT_CODE(OK), "delete") &&
	    kit_misses(kit, name.text) &&
	    kit_expect(kit, kit_delete(kit, name.text), KIT_CODE(NOT_FOUND), "a second delete") &&
	    kit_gets(kit, other.text, kit_text("other")) &&
	    kit_keeps(kit, name.text, kit_text("again"));
}
