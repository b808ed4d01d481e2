/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases: records that are due, claimed by one and leased to it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kit/kit.h"

#define LEASE_MS 1500
#define LONG_MS 60000

/* Indexes belong to the case: a name below the prefix too. */
static bool
put_due(struct kit *kit, const char *key, const char *index, int64_t due_ms)
{
	const struct mortise_state_put settings = {.size = sizeof(settings), .index = index,
	    .due_ms = due_ms};

	return kit_expect(kit, kit_state_put(kit, key, kit_text(key), &settings, NULL),
	    KIT_CODE(OK), "put of the record %s, in an index", key);
}

static enum mortise_code
claim(struct kit *kit, const struct backend_claim *claim, struct kit_seen *seen)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_out out = kit_out(seen);
	enum mortise_code code;

	kit_ask(kit, &call, "claim");
	code = backend_state_claim(kit->backend, &call, claim, &out);
	kit_answered(kit, &call, "claim");
	return code;
}

/* A claim gives exactly these keys in this order, NULL-ended. */
static bool
claims(struct kit *kit, const struct backend_claim *given, struct kit_seen *seen,
    const struct kit_name *keys, size_t count)
{
	if (!kit_expect(kit, claim(kit, given, seen), KIT_CODE(OK), "claim of what is due"))
		return false;
	if (seen->count != count)
		return kit_fail(kit, "claim gives %zu records, where %zu are due and free",
		    seen->count, count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(seen->names[i].text, keys[i].text) != 0)
			return kit_fail(kit, "claim gives %s as number %zu, where %s is due earlier",
			    seen->names[i].text, i + 1, keys[i].text);
		if (seen->fences[i] == 0)
			return kit_fail(kit, "claim gives no fence: it is 0");
	}
	return true;
}

static enum mortise_code
on_lease(struct kit *kit, const struct mortise_lease *lease, bool extend)
{
	const char *what = extend ? "extend" : "release";
	struct mortise_call call = kit_call(kit, &kit->error);
	enum mortise_code code;

	kit_ask(kit, &call, what);
	code = extend ? backend_state_extend(kit->backend, &call, lease) :
	    backend_state_release(kit->backend, &call, lease);
	kit_answered(kit, &call, what);
	return code;
}

static struct backend_claim
a_claim(const char *index, const char *owner, int64_t lease_ms)
{
	return (struct backend_claim){.index = index, .owner = owner, .lease_ms = lease_ms,
	    .now_ms = clock_unix_ms(), .max = 10};
}

bool
case_claim(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct kit_name index = kit_name(kit, "claim");
	struct kit_name keys[] = {kit_name(kit, "claim/z"), kit_name(kit, "claim/a"),
	    kit_name(kit, "claim/m")}, later = kit_name(kit, "claim/b");
	struct backend_claim given = a_claim(index.text, "one", LONG_MS);
	int64_t now = given.now_ms;

	if (seen == NULL || !put_due(kit, keys[1].text, index.text, now - 2000) ||
	    !put_due(kit, keys[2].text, index.text, now - 1000) ||
	    !put_due(kit, keys[0].text, index.text, now - 3000) ||
	    !put_due(kit, later.text, index.text, now + 3600000))
		return false;
	given.max = 2;
	if (!claims(kit, &given, seen, keys, 2))
		return false;
	given.owner = "two";
	given.max = 10;
	return claims(kit, &given, seen, keys + 2, 1) && claims(kit, &given, seen, NULL, 0) &&
	    kit_state_gets(kit, later.text, kit_text(later.text));
}

/* A record is in the index of its last put, or in none. */
bool
case_claim_index(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct kit_name index = kit_name(kit, "index"), other = kit_name(kit, "other"),
	    key = kit_name(kit, "index/key"), kept = kit_name(kit, "index/kept");
	struct backend_claim given = a_claim(index.text, "one", LONG_MS);
	struct backend_claim of_other = a_claim(other.text, "one", LONG_MS);

	return seen != NULL && put_due(kit, key.text, index.text, given.now_ms - 1000) &&
	    put_due(kit, kept.text, index.text, given.now_ms - 1000) &&
	    put_due(kit, kept.text, other.text, given.now_ms - 1000) &&
	    kit_expect(kit, kit_state_put(kit, key.text, kit_text("none"), NULL, NULL),
	    KIT_CODE(OK), "put of a record, in no index") &&
	    claims(kit, &given, seen, NULL, 0) && claims(kit, &of_other, seen, &kept, 1);
}

/* A record that is due, leased to "one"; "two" stands by. */
struct leased {
	struct kit_name index, key;
	struct backend_claim first, second;
	struct mortise_lease lease;
};

static bool
begin_lease(struct kit *kit, const char *tail, int64_t lease_ms, struct leased *leased,
    struct kit_seen *seen)
{
	leased->index = kit_name(kit, "%s", tail);
	leased->key = kit_name(kit, "%s/key", tail);
	leased->first = a_claim(leased->index.text, "one", lease_ms);
	leased->second = a_claim(leased->index.text, "two", LONG_MS);
	leased->lease = (struct mortise_lease){.size = sizeof(leased->lease),
	    .key = leased->key.text, .owner = "one", .lease_ms = LONG_MS};
	if (seen == NULL ||
	    !put_due(kit, leased->key.text, leased->index.text, leased->first.now_ms - 1000) ||
	    !claims(kit, &leased->first, seen, &leased->key, 1))
		return false;
	leased->lease.fence = seen->fences[0];
	return true;
}

bool
case_lease(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct leased leased;
	struct mortise_lease wrong;

	if (!begin_lease(kit, "lease", LONG_MS, &leased, seen))
		return false;
	wrong = leased.lease;
	wrong.owner = "two";
	if (!kit_expect(kit, on_lease(kit, &leased.lease, true), KIT_CODE(OK),
	    "extend by the owner") || !kit_expect(kit, on_lease(kit, &wrong, true),
	    KIT_CODE(CONFLICT), "extend by another owner") ||
	    !kit_expect(kit, on_lease(kit, &wrong, false), KIT_CODE(CONFLICT),
	    "release by another owner"))
		return false;
	wrong = leased.lease;
	wrong.fence++;
	if (!kit_expect(kit, on_lease(kit, &wrong, true), KIT_CODE(CONFLICT),
	    "extend with another fence") || !claims(kit, &leased.second, seen, NULL, 0) ||
	    !kit_expect(kit, on_lease(kit, &leased.lease, false), KIT_CODE(OK),
	    "release by the owner") || !claims(kit, &leased.second, seen, &leased.key, 1))
		return false;
	return seen->fences[0] > leased.lease.fence || kit_fail(kit, "a second claim gives the "
	    "fence %llu, which is not higher than the first one's %llu",
	    (unsigned long long)seen->fences[0], (unsigned long long)leased.lease.fence);
}

/* Who was too slow finds it told. */
bool
case_lease_over(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct leased leased;

	if (!begin_lease(kit, "over", LEASE_MS, &leased, seen))
		return false;
	kit_sleep(LEASE_MS + 500);
	if (!claims(kit, &leased.second, seen, &leased.key, 1))
		return false;
	if (seen->fences[0] <= leased.lease.fence)
		return kit_fail(kit, "a claim behind a lease gives no higher fence");
	return kit_expect(kit, on_lease(kit, &leased.lease, true), KIT_CODE(CONFLICT),
	    "extend of a lease that is over, and another's now") &&
	    kit_expect(kit, on_lease(kit, &leased.lease, false), KIT_CODE(CONFLICT),
	    "release of a lease that is over, and another's now") &&
	    claims(kit, &leased.second, seen, NULL, 0);
}

bool
case_lease_put(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct leased leased;

	return begin_lease(kit, "put", LONG_MS, &leased, seen) &&
	    put_due(kit, leased.key.text, leased.index.text, leased.first.now_ms - 1000) &&
	    kit_expect(kit, on_lease(kit, &leased.lease, true), KIT_CODE(CONFLICT),
	    "extend of a lease that a put has ended") &&
	    claims(kit, &leased.second, seen, &leased.key, 1);
}
