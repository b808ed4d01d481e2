/* SPDX-License-Identifier: BSD-2-Clause */
/* followers: a recorder follows a trail, whatever becomes of either. */
#include <poll.h>
#include <signal.h>

/* First: the other one has a variable of a name that this one uses, too. */
#include "../trail.h"

#include "../mocks/fixture.h"
#include "audit/cursor.h"
#include "audit/followers.h"

#define TIMEOUT_MS 300		/* of a sink that is to fail */

/* A trail, a recorder and what makes it a sink. */
struct house {
	struct fixture fixture;
	struct config_sink sink;
	struct trail *trail;
	struct followers *followers;
	struct mortise_error error;
	uint64_t seq;			/* of the last record of append_seq */
};

static char *trail_path, *sink_path;

static void
answer(const char *text)
{
	if (text == NULL)
		(void)unlink(path_in(sink_path, "answer"));
	else if (file_replace(AT_FDCWD, path_in(sink_path, "answer"), text, strlen(text), 0600) < 0)
		perror("answer");
}

static bool
start(struct house *house)
{
	struct backend *const backends[] = {house->fixture.backend};

	return CHECK_AS(followers_start(house->trail, &house->sink, 1, backends,
	    &house->fixture.logger, &house->followers, &house->error) == MORTISE_OK, "begins");
}

static void
stop(struct house *house)
{
	followers_stop(house->followers);
	house->followers = NULL;
}

static bool
open_house(struct house *house, const struct config_sink *sink, bool keeps)
{
	char *yaml _cleanup_(free_pointer) = text_format("{path: %s, keeps: %s}", sink_path,
	    keeps ? "true" : "false");

	*house = (struct house){.sink = *sink};
	if (house->sink.timeout_ms == 0)
		house->sink.timeout_ms = DEADLINE_MS;
	clear(trail_path);
	clear(sink_path);
	if (!open_mock(&house->fixture, "recorder", yaml))
		return false;
	house->trail = must_open(trail_path);
	return start(house);
}

static void
close_house(struct house *house)
{
	stop(house);
	trail_close(house->trail);
	teardown(&house->fixture);
}

static void
append_seq(struct house *house, const char *action)
{
	struct record record = {.type = RECORD_OUTCOME, .action = action, .code = "ok",
	    .op = "00112233445566778899aabbccddeeff", .resource_type = "secret",
	    .resource_id = "a"};

	CHECK_AS(trail_append(house->trail, &record, true, DEADLINE_NEVER, &house->seq, NULL) ==
	    MORTISE_OK, "%s is appended", action);
}

static enum mortise_code
allow(struct house *house)
{
	house->error = (struct mortise_error){.code = MORTISE_OK};
	return followers_allow(house->followers, house->seq, DEADLINE_NEVER, &house->error);
}

/* "1 2 3-5": the numbers that the recorder has, in its order. */
static const char *
got(void)
{
	static char text[512];
	size_t size, used = 0;
	char *all _cleanup_(free_pointer) = file_read(AT_FDCWD, path_in(sink_path, "lines"), 1 << 24,
	    &size);
	unsigned long long from = 0, to = 0, seq;

	text[0] = '\0';
	for (const char *line = all; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1) {
		if (sscanf(line, "%*s {\"c\":{\"v\":1,\"seq\":%llu", &seq) != 1)
			return "a line that is none";
		if (from != 0 && seq == to + 1) {
			to = seq;
			continue;
		}
		if (from != 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, from == to ?
			    "%llu " : "%llu-%llu ", from, to);
		from = to = seq;
	}
	if (from != 0)
		(void)snprintf(text + used, sizeof(text) - used, from == to ? "%llu" : "%llu-%llu",
		    from, to);
	return text;
}

/* What the recorder has of the trail is the trail's own text. */
static void
check_text(void)
{
	size_t size, trail_size;
	char *lines _cleanup_(free_pointer) = file_read(AT_FDCWD, path_in(sink_path, "lines"),
	    1 << 24, &size);
	char *trail _cleanup_(free_pointer) = file_read(AT_FDCWD, path_in(trail_path, "000001.jsonl"),
	    1 << 24, &trail_size);
	const char *at = trail;
	bool same = lines != NULL && trail != NULL;

	for (const char *line = lines; same && *line != '\0'; line = strchr(line, '\n') + 1) {
		size_t length = (size_t)(strchr(line + 33, '\n') + 1 - (line + 33));

		same = strncmp(line + 33, at, length) == 0;
		at += length;
	}
	CHECK_AS(same && at == trail + trail_size, "the sink has the trail's text");
}

/* --- all is well --------------------------------------------------------------------- */

static void
test_ack(void)
{
	struct house house;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK}, true))
		return;
	for (int i = 0; i < 20; i++) {
		append_seq(&house, "secret_viewed");
		CHECK_NUMBER(allow(&house), MORTISE_OK);
	}
	CHECK_TEXT(got(), "1-21");
	check_text();
	stop(&house);
	/* What comes while nobody follows is delivered later. */
	append_seq(&house, "secret_viewed");
	append_seq(&house, "secret_viewed");
	CHECK_TEXT(got(), "1-21");
	if (start(&house))
		CHECK_NUMBER(allow(&house), MORTISE_OK);
	CHECK_TEXT(got(), "1-23");
	append_seq(&house, "secret_viewed");
	close_house(&house);
	CHECK_TEXT_AS(got(), "1-24", "the end waits for what is durable");
}

static void
test_only(void)
{
	static const char *globs[] = {"token_*", "access_granted"};
	struct house house;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK, .only = globs,
	    .only_count = 2}, true))
		return;
	append_seq(&house, "secret_viewed");
	append_seq(&house, "token_viewed");
	append_seq(&house, "access_granted");
	append_seq(&house, "access_revoked");
	CHECK_NUMBER(allow(&house), MORTISE_OK);
	CHECK_TEXT_AS(got(), "1 3-4", "records without an action, and the actions of `only`");
	close_house(&house);
}

/* --- the sink fails ------------------------------------------------------------------ */

static void
test_away(void)
{
	struct house house;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK, .timeout_ms = TIMEOUT_MS},
	    true))
		return;
	answer("unavailable");
	append_seq(&house, "secret_viewed");
	CHECK_NUMBER(allow(&house), MORTISE_ERROR);
	CHECK_NUMBER(house.error.reason, MORTISE_REASON_AUDIT);
	CHECK_TEXT(house.error.message, "the audit sink main has not got record 2 in time: the "
	    "recorder was told to answer unavailable");
	append_seq(&house, "secret_viewed");
	CHECK_NUMBER_AS(allow(&house), MORTISE_ERROR, "and it is known to be away");
	answer(NULL);
	append_seq(&house, "secret_viewed");
	/* Its pauses are longer than the timeout by now. */
	for (int i = 0; i < 100 && allow(&house) != MORTISE_OK; i++)
		(void)poll(NULL, 0, 100);
	CHECK_NUMBER_AS(allow(&house), MORTISE_OK, "it is back");
	CHECK_TEXT(got(), "1-4");
	close_house(&house);
}

static void
test_hang(void)
{
	struct house house;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK, .timeout_ms = TIMEOUT_MS},
	    true))
		return;
	answer("hang");
	append_seq(&house, "secret_viewed");
	CHECK_NUMBER(allow(&house), MORTISE_ERROR);
	answer(NULL);
	close_house(&house);
	if (open_mock(&house.fixture, "recorder", "{path: /nowhere}"))
		teardown(&house.fixture);
}

static void
test_never(void)
{
	struct sink_progress progress;
	struct house house;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_NEVER, .timeout_ms = TIMEOUT_MS},
	    true))
		return;
	answer("denied");
	append_seq(&house, "secret_viewed");
	CHECK_NUMBER_AS(allow(&house), MORTISE_OK, "nobody waits");
	stop(&house);
	CHECK_NUMBER(sink_progress(trail_path, "main", &progress, NULL), MORTISE_OK);
	CHECK_NUMBER(progress.last, 2);
	CHECK(progress.seq < 2 && progress.bytes > 100 && progress.waiting_us != 0);
	CHECK_TEXT(progress.failure, "the recorder was told to answer denied");
	answer(NULL);
	if (start(&house))
		stop(&house);
	CHECK_NUMBER(sink_progress(trail_path, "main", &progress, NULL), MORTISE_OK);
	CHECK_NUMBER(progress.seq, 2);
	CHECK(progress.bytes == 0 && progress.waiting_us == 0);
	CHECK_TEXT(progress.failure, "");
	close_house(&house);
}

static void
test_lag(void)
{
	static const struct {
		const char *what, *message;
		struct config_sink sink;
	} rows[] = {
		{"records", "the audit sink main lags by more records than max-lag allows: the "
		    "recorder was told to answer unavailable",
		    {.wait = SINK_LAG, .max_records = 3, .timeout_ms = TIMEOUT_MS}},
		{"bytes", "the audit sink main lags by more bytes than max-lag allows: the recorder "
		    "was told to answer unavailable",
		    {.wait = SINK_LAG, .max_bytes = 1000, .timeout_ms = TIMEOUT_MS}},
		{"age", "the audit sink main lags by a longer time than max-lag allows: the recorder "
		    "was told to answer unavailable",
		    {.wait = SINK_LAG, .max_age_ms = 500, .timeout_ms = TIMEOUT_MS}},
	};
	struct house house;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!open_house(&house, &rows[i].sink, true))
			return;
		append_seq(&house, "secret_viewed");
		CHECK_NUMBER_AS(allow(&house), MORTISE_OK, rows[i].what);
		(void)allow(&house);
		answer("unavailable");
		append_seq(&house, "secret_viewed");
		CHECK_NUMBER_AS(allow(&house), MORTISE_OK, "a little");
		for (int n = 0; n < 200 && allow(&house) == MORTISE_OK; n++) {
			append_seq(&house, "secret_viewed");
			(void)poll(NULL, 0, 50);
		}
		CHECK_NUMBER_AS(allow(&house), MORTISE_ERROR, rows[i].what);
		CHECK_TEXT(house.error.message, rows[i].message);
		answer(NULL);
		for (int n = 0; n < 200 && allow(&house) != MORTISE_OK; n++)
			(void)poll(NULL, 0, 50);
		CHECK_NUMBER_AS(allow(&house), MORTISE_OK, "caught up");
		close_house(&house);
	}
}

/* --- records that it rejects ---------------------------------------------------------- */

static void
test_reject(void)
{
	struct sink_progress progress;
	struct seen seen;
	struct house house;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK, .timeout_ms = TIMEOUT_MS},
	    true))
		return;
	answer("invalid 3");
	append_seq(&house, "secret_viewed");
	append_seq(&house, "secret_viewed");
	append_seq(&house, "secret_viewed");
	CHECK_NUMBER_AS(allow(&house), MORTISE_ERROR, "a rejected record holds back");
	CHECK_TEXT(house.error.message, "the audit sink main has not got record 4 in time: it rejects "
	    "record 3: the recorder was told to answer invalid; mend the sink, or have such records "
	    "passed over by `on-reject: park`");
	CHECK_TEXT(got(), "1-2");
	stop(&house);
	house.sink.park = true;
	house.sink.timeout_ms = DEADLINE_MS;
	if (start(&house))
		CHECK_NUMBER_AS(allow(&house), MORTISE_OK, "parked");
	stop(&house);
	CHECK_NUMBER(sink_progress(trail_path, "main", &progress, NULL), MORTISE_OK);
	CHECK_NUMBER(progress.parked, 1);
	CHECK_TEXT(progress.failure, "");
	CHECK_TEXT(got(), "1-2 4-5");
	seen = see_all(trail_path);
	CHECK_TEXT(field(&seen, -1, "t"), "park");
	CHECK_TEXT(field(&seen, -1, "sink"), "main");
	CHECK_NUMBER(json_integer_value(json_object_get(json_array_get(seen.records, 4), "of")), 3);
	CHECK_TEXT(field(&seen, -1, "error"), "the recorder was told to answer invalid");
	seen_free(&seen);
	/* Where it stands says nothing of the one before. */
	if (start(&house)) {
		append_seq(&house, "secret_viewed");
		CHECK_NUMBER(allow(&house), MORTISE_OK);
	}
	close_house(&house);
	CHECK_TEXT(got(), "1-2 4-6");
}

static void
test_conflict(void)
{
	struct house house;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK, .park = true,
	    .timeout_ms = TIMEOUT_MS}, true))
		return;
	answer("conflict 2");
	append_seq(&house, "secret_viewed");
	CHECK_NUMBER_AS(allow(&house), MORTISE_ERROR, "another record of that number is no matter "
	    "for parking");
	CHECK_TEXT(got(), "1");
	answer(NULL);
	close_house(&house);
}

/* --- cursors that are lost or lie ----------------------------------------------------- */

static void
test_cursors(void)
{
	static const struct {
		const char *what, *cursor;	/* TRAIL is the trail's id; NULL: no file */
		bool keeps;
		const char *got;
	} rows[] = {
		{"no cursor", NULL, true, "1-12"},
		{"no cursor, and the sink knows nothing", NULL, false, "1-11 1-12"},
		{"garbage", "{\"trail\":\"TRA", true, "1-12"},
		{"zeros", "", true, "1-12"},
		{"another trail's", "{\"trail\":\"00000000000000000000000000000000\",\"seq\":99,"
		    "\"segment\":9,\"offset\":9,\"parked\":0}", true, "1-12"},
		{"a place that is none", "{\"trail\":\"TRAIL\",\"seq\":11,\"segment\":1,\"offset\":100,"
		    "\"parked\":0}", false, "1-12"},
		{"the place of another", "{\"trail\":\"TRAIL\",\"seq\":11,\"segment\":1,\"offset\":0,"
		    "\"parked\":0}", false, "1-12"},
		{"behind", "{\"trail\":\"TRAIL\",\"seq\":1,\"segment\":1,\"offset\":0,\"parked\":0}",
		    true, "1-12"},
		{"a segment that is none", "{\"trail\":\"TRAIL\",\"seq\":11,\"segment\":7,\"offset\":0,"
		    "\"parked\":0}", false, "1-11 1-12"},
	};
	struct mortise_audit_head head = {.size = sizeof(head)};
	struct house house;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[256] = "";

		if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK}, rows[i].keeps))
			return;
		for (int n = 0; n < 10; n++)
			append_seq(&house, "secret_viewed");
		(void)allow(&house);
		stop(&house);
		(void)trail_head(trail_path, &head, NULL);
		if (rows[i].cursor == NULL)
			(void)unlink(path_in(trail_path, "sinks/main"));
		else {
			const char *at = strstr(rows[i].cursor, "TRAIL");

			(void)snprintf(text, sizeof(text), "%.*s%s%s",
			    (int)(at == NULL ? strlen(rows[i].cursor) : (size_t)(at - rows[i].cursor)),
			    rows[i].cursor, at == NULL ? "" : head.trail, at == NULL ? "" : at + 5);
			(void)file_replace(AT_FDCWD, path_in(trail_path, "sinks/main"), text,
			    strlen(text), 0600);
		}
		append_seq(&house, "secret_viewed");
		if (start(&house))
			CHECK_NUMBER_AS(allow(&house), MORTISE_OK, rows[i].what);
		close_house(&house);
		CHECK_TEXT_AS(got(), rows[i].got, rows[i].what);
	}
}

static void
test_put_back(void)
{
	struct house house;
	size_t size;
	char *lines;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK, .timeout_ms = DEADLINE_MS},
	    true))
		return;
	append_seq(&house, "secret_viewed");
	(void)allow(&house);
	lines = file_read(AT_FDCWD, path_in(sink_path, "lines"), 1 << 20, &size);
	for (int n = 0; n < 5; n++)
		append_seq(&house, "secret_viewed");
	(void)allow(&house);
	stop(&house);
	(void)file_replace(AT_FDCWD, path_in(sink_path, "lines"), lines, size, 0600);
	free(lines);
	CHECK_TEXT_AS(got(), "1-2", "the sink was put back");
	if (start(&house))
		(void)allow(&house);
	append_seq(&house, "secret_viewed");
	CHECK_NUMBER(allow(&house), MORTISE_OK);
	CHECK_TEXT_AS(got(), "1-8", "and gets again what it has lost");
	close_house(&house);
}

/* A trail that is put back to where it was before the sink got more of it. */
static void
test_trail_put_back(void)
{
	struct house house;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK, .timeout_ms = TIMEOUT_MS},
	    true))
		return;
	append_seq(&house, "secret_viewed");
	(void)allow(&house);
	stop(&house);
	trail_close(house.trail);
	copy_file(trail_path, "000001.jsonl", "old");
	copy_file(trail_path, "head", "old-head");
	house.trail = must_open(trail_path);
	for (int n = 0; n < 5; n++)
		append_seq(&house, "secret_viewed");
	if (start(&house))
		(void)allow(&house);
	stop(&house);
	trail_close(house.trail);
	copy_file(trail_path, "old", "000001.jsonl");
	copy_file(trail_path, "old-head", "head");
	(void)unlink(path_in(trail_path, "lock"));
	house.trail = must_open(trail_path);
	append_seq(&house, "secret_viewed");
	if (start(&house))
		CHECK_NUMBER(allow(&house), MORTISE_ERROR);
	CHECK_TEXT(house.error.message, "the audit sink main has not got record 3 in time: it has "
	    "record 7 of this trail, which ends at 3: the trail was cut or put back; see `mortise "
	    "audit verify`");
	/* And when it is longer than that, it is another one. */
	for (int n = 0; n < 10; n++)
		append_seq(&house, "secret_viewed");
	CHECK_NUMBER_AS(allow(&house), MORTISE_ERROR, "another trail under the same name");
	for (int n = 0; n < 100 && strstr(house.error.message, "conflict") == NULL; n++) {
		(void)poll(NULL, 0, 50);
		(void)allow(&house);
	}
	CHECK_TEXT(house.error.message, "the audit sink main has not got record 13 in time: the "
	    "recorder was told to answer conflict");
	close_house(&house);
	CHECK_TEXT(got(), "1-7");
}

/* --- segments and retention ------------------------------------------------------------ */

static struct trail *
open_small(int64_t retention_ms)
{
	struct trail_options options = {.directory = trail_path, .program = "test 1",
	    .segment_bytes = 2000, .retention_ms = retention_ms};
	struct trail *trail = NULL;

	CHECK_AS(trail_open(&options, &trail, NULL) == MORTISE_OK, "opens");
	return trail;
}

static void
test_segments(void)
{
	struct house house;
	char all[32];

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK}, false))
		return;
	stop(&house);
	trail_close(house.trail);
	house.trail = open_small(0);
	for (int n = 0; n < 60; n++)
		append_seq(&house, "secret_viewed");
	if (start(&house))
		CHECK_NUMBER(allow(&house), MORTISE_OK);
	for (int n = 0; n < 20; n++)
		append_seq(&house, "secret_viewed");
	CHECK_NUMBER(allow(&house), MORTISE_OK);
	close_house(&house);
	(void)snprintf(all, sizeof(all), "1-%llu", (unsigned long long)house.seq);
	CHECK_TEXT_AS(got(), all, "over all segments, each once");
}

static bool
is_there(const char *segment)
{
	return access(path_in(trail_path, segment), F_OK) == 0;
}

static void
test_retention(void)
{
	struct house house;
	struct seen seen;
	size_t dropped;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_LAG, .max_records = 1}, true))
		return;
	stop(&house);
	trail_close(house.trail);
	house.trail = open_small(1);
	for (int n = 0; n < 60; n++)
		append_seq(&house, "secret_viewed");
	CHECK_AS(is_there("000001.jsonl"), "a sink that is to have all keeps the trail");
	if (start(&house))
		for (int n = 0; n < 100 && allow(&house) != MORTISE_OK; n++)
			(void)poll(NULL, 0, 20);
	for (int n = 0; n < 20; n++)
		append_seq(&house, "secret_viewed");
	CHECK_AS(!is_there("000001.jsonl"), "until it has it");
	stop(&house);
	house.sink.wait = SINK_NEVER;
	house.sink.max_records = 0;
	if (start(&house))
		stop(&house);
	for (int n = 0; n < 60; n++)
		append_seq(&house, "secret_viewed");
	if (start(&house))
		stop(&house);
	seen = see_all(trail_path);
	dropped = count_of(&seen, "t", "drop");
	CHECK_NUMBER_AS(dropped, 1, "what an optional sink was too slow for is dropped");
	CHECK_TEXT(field(&seen, -1, "sink"), "main");
	seen_free(&seen);
	close_house(&house);
	CHECK_AS(strchr(got(), ' ') != NULL, "%s", got());
}

/* --- beats ------------------------------------------------------------------------------ */

static void
test_beats(void)
{
	struct trail_options options = {.directory = trail_path, .program = "test 1",
	    .beat_ms = 100};
	struct house house;
	struct seen seen;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_NEVER}, true))
		return;
	stop(&house);
	trail_close(house.trail);
	CHECK(trail_open(&options, &house.trail, NULL) == MORTISE_OK);
	if (start(&house))
		for (int n = 0; n < 200 && strcmp(got(), "1-3") < 0; n++)
			(void)poll(NULL, 0, 50);
	close_house(&house);
	seen = see_all(trail_path);
	CHECK_AS(count_of(&seen, "t", "checkpoint") >= 2 && seen.in_order,
	    "the trail is signed while nothing is recorded");
	seen_free(&seen);
}

/* --- several processes ------------------------------------------------------------------ */

/* Appends so many, each acknowledged, and dies without an end where it is told to. */
static void
work(int count, bool die)
{
	struct house house = {.sink = {.wait = SINK_ACK, .timeout_ms = DEADLINE_MS}};
	char *yaml = text_format("{path: %s}", sink_path);
	int failed = 0;

	if (!open_mock(&house.fixture, "recorder", yaml))
		_exit(1);
	free(yaml);
	house.trail = must_open(trail_path);
	if (!start(&house))
		_exit(1);
	for (int i = 0; i < count; i++) {
		append_seq(&house, "secret_viewed");
		failed += allow(&house) != MORTISE_OK;
	}
	if (die)
		(void)kill(getpid(), SIGKILL);
	close_house(&house);
	_exit(failed == 0 ? 0 : 1);
}

static void
test_processes(void)
{
	struct house house;
	int quiet _cleanup_(file_close) = file_open(AT_FDCWD, "/dev/null", O_WRONLY, 0);
	int status, failed = 0;

	if (!open_house(&house, &(struct config_sink){.wait = SINK_ACK}, true))
		return;
	close_house(&house);
	answer("slow 2");
	fflush(stdout);
	for (int i = 0; i < 6; i++) {
		if (fork() == 0) {
			(void)dup2(quiet, STDOUT_FILENO);
			work(50, i % 3 == 0);
		}
	}
	while (wait(&status) > 0)
		failed += WIFEXITED(status) && WEXITSTATUS(status) != 0;
	CHECK_NUMBER_AS(failed, 0, "every process had each of its records acknowledged");
	house.trail = must_open(trail_path);
	house.fixture.backend = NULL;
	trail_close(house.trail);
	CHECK_TEXT_AS(got(), "1-301", "each record once, and in order");
}

/* The mock is loaded from a directory of its own. */
int
main(void)
{
	directory = mocks_directory();
	trail_path = scratch_new();
	sink_path = scratch_new();
	test_ack();
	test_only();
	test_away();
	test_hang();
	test_never();
	test_lag();
	test_reject();
	test_conflict();
	test_cursors();
	test_put_back();
	test_trail_put_back();
	test_segments();
	test_retention();
	test_beats();
	test_processes();
	scratch_free(trail_path);
	scratch_free(sink_path);
	mocks_remove(directory);
	return test_end();
}
