/* SPDX-License-Identifier: BSD-2-Clause */
/* claim, extend and release. */
#include <inttypes.h>
#include <stdio.h>

#include "postgres.h"

#define LEASED "s.owner = $2 AND s.fence = $3::bigint AND s.leased_until > clock_timestamp()"

/* Locked ones are being claimed by somebody else. */
static const char claim_sql[] = "WITH due AS (SELECT s.key FROM \"{schema}\".state s "
    "WHERE s.index_name = $1 AND s.due_ms <= $2::bigint AND " RECORD_LIVES " AND "
    "(s.leased_until IS NULL OR s.leased_until <= clock_timestamp()) "
    "ORDER BY s.due_ms, s.key LIMIT $3::bigint FOR UPDATE SKIP LOCKED), "
    "claimed AS (UPDATE \"{schema}\".state s SET owner = $4, "
    "leased_until = clock_timestamp() + $5::bigint * interval '1 millisecond', "
    "fence = nextval('\"{schema}\".numbers') FROM due WHERE s.key = due.key RETURNING s.*) "
    "SELECT " RECORD_COLUMNS " FROM claimed s ORDER BY s.due_ms, s.key";
static const char extend_sql[] = "UPDATE \"{schema}\".state s SET "
    "leased_until = clock_timestamp() + $4::bigint * interval '1 millisecond' "
    "WHERE s.key = $1 AND " LEASED " AND " RECORD_LIVES " RETURNING s.fence::text";
static const char release_sql[] = "UPDATE \"{schema}\".state s SET owner = NULL, "
    "leased_until = NULL WHERE s.key = $1 AND " LEASED " RETURNING s.fence::text";

static enum mortise_code
change(struct postgres *postgres, struct mortise_call *call, const char *template,
    const struct mortise_lease *lease, bool extends)
{
	char fence[24], lease_ms[24];
	const struct parameter parameters[] = {TEXT(lease->key), TEXT(lease->owner), TEXT(fence),
	    TEXT(lease_ms)};
	PGresult *result __attribute__((cleanup(result_clear))) = NULL;
	enum mortise_code code;

	(void)snprintf(fence, sizeof(fence), "%" PRIu64, lease->fence);
	(void)snprintf(lease_ms, sizeof(lease_ms), "%" PRId64, lease->lease_ms);
	code = state_ask(postgres, call, template, parameters, extends ? 4 : 3, &result);
	if (code != MORTISE_OK || PQntuples(result) > 0)
		return code;
	return postgres->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "the record is not leased to this owner under this fence; claim it again");
}

enum mortise_code
postgres_extend(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	struct postgres *postgres = instance;

	if (lease->lease_ms <= 0)
		return postgres->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a lease of %" PRId64 " ms is none", lease->lease_ms);
	return change(postgres, call, extend_sql, lease, true);
}

enum mortise_code
postgres_release(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	return change(instance, call, release_sql, lease, false);
}

/* Nobody hears of them: let the next one have them. */
static void
release_all(struct postgres *postgres, struct mortise_call *call, const PGresult *claimed,
    const char *owner)
{
	for (int row = 0; row < PQntuples(claimed); row++) {
		const struct mortise_lease lease = {.size = sizeof(lease),
		    .key = PQgetvalue(claimed, row, 0), .owner = owner,
		    .fence = (uint64_t)result_number(claimed, row, 4)};

		(void)postgres_release(postgres, call, &lease);
	}
}

enum mortise_code
postgres_claim(void *instance, struct mortise_call *call, const char *index, int64_t now_ms,
    size_t max, const char *owner, int64_t lease_ms, struct mortise_out *out)
{
	struct postgres *postgres = instance;
	char now[24], most[24], lease[24];
	const struct parameter parameters[] = {TEXT(index), TEXT(now), TEXT(most), TEXT(owner),
	    TEXT(lease)};
	PGresult *result __attribute__((cleanup(result_clear))) = NULL;
	enum mortise_code code;

	(void)snprintf(now, sizeof(now), "%" PRId64, now_ms);
	(void)snprintf(most, sizeof(most), "%zu", max);
	(void)snprintf(lease, sizeof(lease), "%" PRId64, lease_ms);
	code = state_ask(postgres, call, claim_sql, parameters, ARRAY_SIZE(parameters), &result);
	if (code != MORTISE_OK)
		return code;
	for (int row = 0; code == MORTISE_OK && row < PQntuples(result); row++)
		code = give_record(postgres, result, row, out);
	if (code != MORTISE_OK)
		release_all(postgres, call, result, owner);
	return code;
}
