/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases: lists of names. */
#include <stdio.h>
#include <string.h>

#include "kit/kit.h"

#define MANY 120			/* more than one page of most managers */

static bool
listed(struct kit *kit, const struct kit_seen *seen, const char *name, size_t times)
{
	return kit_seen_times(seen, name) == times || kit_fail(kit, "list gives %s %zu times, where "
	    "%zu is right", name, kit_seen_times(seen, name), times);
}

bool
case_list(struct kit *kit)
{
	static const char *const tails[] = {"a", "a/b", "a/b/c", "ab", "b"};
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);

	if (seen == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		if (!kit_keeps(kit, kit_name(kit, "list/%s", tails[i]).text, kit_text("value")))
			return false;
	}
	if (!kit_expect(kit, kit_list(kit, kit_name(kit, "list/").text, seen), KIT_CODE(OK),
	    "list"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		if (!listed(kit, seen, kit_name(kit, "list/%s", tails[i]).text, 1))
			return false;
	}
	/* A prefix is bytes: it may end inside a segment. */
	if (!kit_expect(kit, kit_list(kit, kit_name(kit, "list/a").text, seen), KIT_CODE(OK),
	    "list of a prefix that ends in a segment"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(tails) - 1; i++) {
		if (!listed(kit, seen, kit_name(kit, "list/%s", tails[i]).text, 1))
			return false;
	}
	return (backend_can(kit->backend) & MORTISE_CAN_SECRET_DELETE) == 0 ||
	    (kit_expect(kit, kit_delete(kit, kit_name(kit, "list/ab").text), KIT_CODE(OK),
	    "delete") && kit_expect(kit, kit_list(kit, kit_name(kit, "list/").text, seen),
	    KIT_CODE(OK), "list") && listed(kit, seen, kit_name(kit, "list/ab").text, 0));
}

bool
case_list_pages(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);

	if (seen == NULL)
		return false;
	for (unsigned int i = 0; i < MANY; i++) {
		if (!kit_expect(kit, kit_put(kit, kit_name(kit, "pages/%u", i).text,
		    kit_text("value"), NULL, NULL), KIT_CODE(OK), "put number %u", i))
			return false;
	}
	if (!kit_expect(kit, kit_list(kit, kit_name(kit, "pages/").text, seen), KIT_CODE(OK),
	    "list of %d names", MANY))
		return false;
	for (unsigned int i = 0; i < MANY; i++) {
		if (!listed(kit, seen, kit_name(kit, "pages/%u", i).text, 1))
			return false;
	}
	return true;
}
