/* SPDX-License-Identifier: BSD-2-Clause */
/* oauth: what becomes of a token answer, and of a connection's name; how states look. */
#include "../test.h"
#include "base/error.h"
#include "oauth/state.h"
#include "oauth/tokens.h"
#include "secmem/secret.h"

#define NOW INT64_C(1795305600000)	/* 2026-11-22T00:00:00Z */

static const struct {
	const char *answer, *stored;
	int64_t expires_ms;
	const char *message;	/* part of it, for what is refused */
} answers[] = {
	/* as Meta's and Google's token endpoints answer */
	{"{\"access_token\":\"EAAB\",\"token_type\":\"bearer\",\"expires_in\":5183944}",
	    "{\"accessToken\":\"EAAB\",\"refreshToken\":null,\"expiresAt\":\"2027-01-20T23:59:04.000Z\","
	    "\"token_type\":\"bearer\"}",
	    NOW + INT64_C(5183944000), NULL},
	{"{\"access_token\":\"ya29\",\"expires_in\":3599,\"refresh_token\":\"1//r\",\"scope\":\"a b\"}",
	    "{\"accessToken\":\"ya29\",\"refreshToken\":\"1//r\","
	    "\"expiresAt\":\"2026-11-22T00:59:59.000Z\",\"scope\":\"a b\"}", NOW + 3599000, NULL},
	{"{\"access_token\":\"a\"}",
	    "{\"accessToken\":\"a\",\"refreshToken\":null,\"expiresAt\":null}", 0, NULL},
	{"{\"access_token\":\"a\",\"expires_in\":0}",
	    "{\"accessToken\":\"a\",\"refreshToken\":null,\"expiresAt\":\"2026-11-22T00:00:00.000Z\"}",
	    NOW, NULL},
	/* the application's own form */
	{"{\"accessToken\":\"a\",\"refreshToken\":\"r\",\"expiresAt\":\"2026-11-22T01:00:00.000Z\",\"x\":[1]}",
	    "{\"accessToken\":\"a\",\"refreshToken\":\"r\",\"expiresAt\":\"2026-11-22T01:00:00.000Z\",\"x\":[1]}",
	    NOW + 3600000, NULL},
	{"{\"accessToken\":\"a\",\"refreshToken\":null}",
	    "{\"accessToken\":\"a\",\"refreshToken\":null,\"expiresAt\":null}", 0, NULL},
	/* refused */
	{"", NULL, 0, "is not JSON"},
	{"hello", NULL, 0, "is not JSON"},
	{"[\"access_token\"]", NULL, 0, "no object"},
	{"{}", NULL, 0, "has no token"},
	{"{\"error\":\"invalid_grant\"}", NULL, 0, "has no token"},
	{"{\"access_token\":\"\"}", NULL, 0, "has no token"},
	{"{\"access_token\":17}", NULL, 0, "has no token"},
	{"{\"access_token\":\"a\",\"refresh_token\":\"r\",\"refreshToken\":\"other\"}", NULL, 0,
	    "of the other form"},
	{"{\"access_token\":\"a\",\"expiresAt\":\"2030-01-01T00:00:00Z\"}", NULL, 0,
	    "of the other form"},
	{"{\"access_token\":\"a\",\"access_token\":\"b\"}", NULL, 0, "is not JSON"},
	{"{\"access_token\":\"a\",\"accessToken\":\"b\"}", NULL, 0, "has both"},
	{"{\"access_token\":\"a\",\"expires_in\":\"3600\"}", NULL, 0, "no whole number"},
	{"{\"access_token\":\"a\",\"expires_in\":3600.5}", NULL, 0, "no whole number"},
	{"{\"access_token\":\"a\",\"expires_in\":-1}", NULL, 0, "no lifetime"},
	{"{\"access_token\":\"a\",\"expires_in\":3153600001}", NULL, 0, "no lifetime"},
	{"{\"access_token\":\"a\",\"refresh_token\":{}}", NULL, 0, "no text"},
	{"{\"accessToken\":\"a\",\"expiresAt\":\"tomorrow\"}", NULL, 0, "no time"},
	{"{\"accessToken\":\"a\",\"expiresAt\":1795305600000}", NULL, 0, "no time"},
};

static void
test_answers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct mortise_secret *answer _cleanup_(secret_cleanup) =
		    secret_from(answers[i].answer, strlen(answers[i].answer));
		struct mortise_secret *stored _cleanup_(secret_cleanup) = NULL;
		struct mortise_error error = {0};
		int64_t expires = -1;
		enum mortise_code code = tokens_normalise(answer, NOW, &stored, &expires, &error);

		if (answers[i].stored == NULL) {
			CHECK_NUMBER_AS(code, MORTISE_INVALID, answers[i].answer);
			CHECK_AS(strstr(error.message, answers[i].message) != NULL, "says: %s",
			    error.message);
			CHECK(stored == NULL && expires == -1);
			continue;
		}
		CHECK_NUMBER_AS(code, MORTISE_OK, answers[i].answer);
		if (stored != NULL)
			CHECK_TEXT_AS(mortise_secret_peek(stored, NULL), answers[i].stored, "stored");
		CHECK_NUMBER(expires, answers[i].expires_ms);
	}
}

/* No message may quote what was given. */
static void
test_no_quote(void)
{
	static const char *const texts[] = {"{\"access_token\":\"canary-77\"", "canary-77",
	    "{\"access_token\":\"canary-77\",\"canary-77\":\"\xff\"}",
	    "{\"access_token\":\"canary-77\",\"expires_in\":\"canary-77\"}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct mortise_secret *answer _cleanup_(secret_cleanup) =
		    secret_from(texts[i], strlen(texts[i]));
		struct mortise_secret *stored _cleanup_(secret_cleanup) = NULL;
		struct mortise_error error = {0};
		int64_t expires;

		CHECK_NUMBER(tokens_normalise(answer, NOW, &stored, &expires, &error),
		    MORTISE_INVALID);
		CHECK_AS(strstr(error.message, "canary") == NULL, "no canary in: %s", error.message);
	}
}

static void
test_names(void)
{
	static const struct {
		const char *platform, *connection, *name;
	} rows[] = {
		{"meta", "c1", "oauth/meta/c1"},
		{"meta_ads", "act_42-b", "oauth/meta_ads/act_42-b"},
		{"a/b", "c", "oauth/a.2fb/c"},
		{"a", "b/c", "oauth/a/b.2fc"},
		{"a.2f", "c", "oauth/a.2e2f/c"},
		{"..", "\xc3\xbc x", "oauth/.2e.2e/.c3.bc.20x"},
		{"", "c", NULL},
		{"a", "", NULL},
	};
	char name[MORTISE_NAME_MAX + 1], long_id[240];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum mortise_code code = tokens_name("oauth/{platform}/{connectionId}",
		    rows[i].platform, rows[i].connection, name, NULL);

		CHECK_NUMBER_AS(code, rows[i].name == NULL ? MORTISE_INVALID : MORTISE_OK,
		    rows[i].connection);
		if (rows[i].name != NULL) {
			CHECK_TEXT_AS(name, rows[i].name, rows[i].platform);
			CHECK(tokens_name_matches("oauth/{platform}/{connectionId}", name));
		}
	}
	memset(long_id, '/', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	CHECK_NUMBER_AS(tokens_name("{platform}/{connectionId}", "a", long_id, name, NULL),
	    MORTISE_INVALID, "too long once encoded");
	CHECK(!tokens_name_matches("oauth/{platform}/{connectionId}", "oauth/meta"));
	CHECK(!tokens_name_matches("oauth/{platform}/{connectionId}", "app/meta/c1"));
	CHECK(!tokens_name_matches("oauth/{platform}/{connectionId}", "oauth/a/b/c"));
	CHECK(!tokens_name_matches("oauth/{platform}/{connectionId}", "oauth//c"));
	CHECK(tokens_name_matches("t-{platform}-{connectionId}", "t-a-b"));
	CHECK(!tokens_name_matches("t-{platform}-{connectionId}", "t-ab"));
}

static void
test_refresh(void)
{
	CHECK_NUMBER(tokens_refresh_ms(NOW, 0), 0);
	CHECK_NUMBER_AS(tokens_refresh_ms(NOW, NOW + 3600000), NOW + 3300000, "300 s before an hour");
	CHECK_NUMBER_AS(tokens_refresh_ms(NOW, NOW + 400000), NOW + 300000, "a quarter of 400 s");
	CHECK_NUMBER_AS(tokens_refresh_ms(NOW, NOW - 5), NOW - 5, "expired already");
}

/* One in 64 would begin with "-", and be an option on a command line. */
static void
test_states(void)
{
	char states[2][MORTISE_STATE_SIZE] = {"", ""};
	bool good = true, same = false;

	for (int i = 0; good && i < 2000; i++) {
		char *state = states[i % 2];

		good = state_draw(state, NULL) == MORTISE_OK && state[0] != '-' &&
		    strlen(state) == MORTISE_STATE_SIZE - 1;
		same = same || strcmp(states[0], states[1]) == 0;
	}
	CHECK_AS(good, "states are whole, and none begins with a dash");
	CHECK_AS(!same, "states differ");
}

int
main(void)
{
	test_answers();
	test_no_quote();
	test_names();
	test_refresh();
	test_states();
	return test_end();
}
