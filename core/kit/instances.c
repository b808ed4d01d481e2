/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases: the descriptor, and instances of it. */
#include <stdio.h>
#include <string.h>

#include "kit/kit.h"
#include "secmem/secret.h"

#define CAN_PROVIDER (MORTISE_CAN_PROVIDER_EXCHANGE | MORTISE_CAN_PROVIDER_REFRESH | \
	MORTISE_CAN_PROVIDER_REVOKE)

static bool
option_has_words(struct kit *kit, const struct mortise_option *option)
{
	if (option->doc == NULL || option->doc[0] == '\0')
		return kit_fail(kit, "the option %s has no words that say what it is for",
		    option->name);
	for (size_t i = 0; option->members != NULL && option->members[i] != NULL; i++) {
		if (option->members[i]->name[0] != '\0' &&
		    !option_has_words(kit, option->members[i]))
			return false;
	}
	return true;
}

#define UNKNOWN "mortise-kit-unknown"

static void
look_for_unknown(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *text)
{
	bool *found = arg;

	(void)level;
	(void)file;
	(void)line;
	(void)column;
	*found = *found || strstr(text, UNKNOWN) != NULL;
}

/* An option that it does not have is refused, with its name. */
static bool
refuses_unknown(struct kit *kit)
{
	static const char text[] = UNKNOWN ": 1\n";
	const struct place place = {.file = "unknown", .line = 1, .column = 1};
	bool found = false;
	struct problems problems = {.each = look_for_unknown, .arg = &found};
	struct yaml_node *map = yaml_parse(text, sizeof(text) - 1, "unknown", &problems);
	struct mortise_options *options = map == NULL ? NULL : options_check(map, &place,
	    kit->plugin->table.options, config_core_words, &problems);
	bool good = options == NULL && found;

	options_free(options);
	yaml_node_free(map);
	return good || kit_fail(kit, "an option that it does not have is not refused by name");
}

bool
case_options(struct kit *kit)
{
	const struct mortise_option *const *options = kit->plugin->table.options;

	if (kit->plugin->table.doc == NULL || kit->plugin->table.doc[0] == '\0')
		return kit_fail(kit, "the descriptor has no words that say what it is");
	for (size_t i = 0; options != NULL && options[i] != NULL; i++) {
		if (!option_has_words(kit, options[i]))
			return false;
	}
	return refuses_unknown(kit);
}

bool
case_check(struct kit *kit)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	enum mortise_code code;

	if (kit->plugin->table.check == NULL)
		return kit_skip(kit, "it has no check");
	kit_ask(kit, &call, "check");
	code = backend_check(kit->backend, &call);
	kit_answered(kit, &call, "check");
	return kit_expect(kit, code, KIT_CODE(OK), "check");
}

/* --- several of them --------------------------------------------------------------- */

/* The first one lives on; where both are one store, both know what either wrote. */
static bool
both_work(struct kit *kit, struct backend *second, const char *one, const char *two)
{
	struct backend *first = kit->backend;
	struct kit_name name = kit_name(kit, "instances");
	uint64_t needs = MORTISE_CAN_SECRET_PUT | MORTISE_CAN_SECRET_GET;
	bool writes = (backend_can(first) & needs) == needs && !kit->settings->read_only;
	bool one_store = kit->plugin->table.reach != MORTISE_REACH_PROCESS;
	bool good = true;

	if (strcmp(backend_identity(first), backend_identity(second)) != 0)
		good = kit_fail(kit, "two instances of the same options name their store "
		    "differently: %s, %s", backend_identity(first), backend_identity(second));
	if (good && writes)
		good = kit_keeps(kit, name.text, kit_text(one));
	kit->backend = second;
	if (good && writes)
		good = (!one_store || kit_gets(kit, name.text, kit_text(one))) &&
		    kit_keeps(kit, name.text, kit_text(two));
	kit->backend = first;
	kit_close(kit, second);
	if (good && writes)
		good = kit_gets(kit, name.text, kit_text(one_store ? two : one));
	return good;
}

bool
case_instances(struct kit *kit)
{
	static const char *const values[] = {"one", "two", "three", "four"};
	struct backend *second = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(values); i += 2) {
		if (!kit_expect(kit, kit_open(kit, &second), KIT_CODE(OK),
		    "open of a second instance") ||
		    !both_work(kit, second, values[i], values[i + 1]))
			return false;
	}
	return true;
}

/* What nobody tried is said. */
bool
case_untested(struct kit *kit)
{
	uint64_t can = backend_can(kit->backend) & CAN_PROVIDER;
	struct buffer names _cleanup_(buffer_free) = {0};

	if (can == 0)
		return true;
	plugin_operations(can, &names);
	return kit_skip(kit, "there are no cases yet for %s", names.failed ? "these" : names.data);
}
