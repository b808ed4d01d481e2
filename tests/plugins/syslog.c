/* SPDX-License-Identifier: BSD-2-Clause */
/* The sink `syslog`, by its slots, against sockets of this program. */
#define _GNU_SOURCE
#include "config.h"

#include <signal.h>

#include "../test.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/file.h"
#include "plugin_host.h"
#include "receivers.h"
#include "sink_lines.h"

#define ONE "11111111111111111111111111111111"

static char directory[64], path[80];

/* --- the sink ---------------------------------------------------------------------- */

static bool
begin(struct hosted *sink, const struct host_option *options, size_t count)
{
	return CHECK_AS(host_open(sink, "syslog", options, count), "it opens");
}

static enum mortise_code
emit_in(struct hosted *sink, const struct mortise_line *lines, size_t count, size_t *taken, int ms)
{
	struct mortise_call call = {.deadline = deadline_in_ms((uint64_t)ms)};
	enum mortise_code code = sink->plugin->sink->emit(sink->instance, &call, lines, count,
	    taken);

	if (code != MORTISE_OK)
		printf("# %s\n", call.message);
	return code;
}

static enum mortise_code
emit(struct hosted *sink, const struct mortise_line *line)
{
	size_t taken = 9;
	enum mortise_code code = emit_in(sink, line, 1, &taken, 5000);

	CHECK_NUMBER(taken, code == MORTISE_OK ? 1 : 0);
	return code;
}

/* --- what a message is ------------------------------------------------------------- */

#define HEAD "1 2026-11-25T10:00:00.123456Z tower.example mortise "
#define DATA "[mortise@32473 trail=\"" ONE "\" seq=\"5\" h=\"" ONE \
	"00000000000000000000000000000005\""
#define WORDS "token_viewed platform_authorization auth_1: ok"
#define TAIL " ts=\"2026-11-25T10:00:00.123456Z\" t=\"outcome\"" \
	" op=\"00112233445566778899aabbccddeeff\" action=\"token_viewed\"" \
	" agencyId=\"ag \\\"1\\\"\\]\\\\\" resourceType=\"platform_authorization\"" \
	" resourceId=\"auth_1\" actor.uid=\"1001\""
#define CALLS " calls=\"[{\\\"backend\\\":\\\"store\\\",\\\"code\\\":\\\"ok\\\",\\\"ms\\\":1}\\]\""

static void
test_message(void)
{
	const struct host_option options[] = {{"to", path}, {"format", "rfc5424"},
	    {"hostname", "tower.example"}};
	struct sink_record record;
	struct hosted sink;
	int fd = listen_unix(path, SOCK_DGRAM);
	char wanted[4096];

	if (!begin(&sink, options, ARRAY_SIZE(options)))
		return;
	sink_record_make(&record, ONE, 5, "ann@agency.example");
	CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
	(void)snprintf(wanted, sizeof(wanted), "<85>" HEAD "%d token_viewed " DATA TAIL
	    " actor.gid=\"1002\" actor.pid=\"77\" actor.via=\"direct\" code=\"ok\" ms=\"12\"" CALLS
	    " cached=\"true\" userEmail=\"ann@agency.example\" ipAddress=\"192.0.2.7\""
	    " metadata=\"{\\\"p\\\":{\\\"h\\\":\\\"x\\\"},\\\"n\\\":[1,2\\]}\"] " WORDS,
	    (int)getpid());
	CHECK_TEXT_AS(receive(fd), wanted, "a message of RFC 5424");
	sink_record_make(&record, ONE, 5, NULL);
	sink_record_set(&record, "agencyId", "a\nb\x7f" "c\xc2\x9b" "d\xc3\xa4");
	sink_record_set(&record, "action", "odd action");
	CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
	CHECK_AS(strstr(receive(fd), " odd?action [mortise@") != NULL, "a blank is in no MSGID");
	CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
	CHECK_AS(strstr(receive(fd), " agencyId=\"a\xe2\x90\x8a" "b\xe2\x90\xa1" "c\xef\xbf\xbd"
	    "d\xc3\xa4\" ") != NULL, "control characters are pictures");
	host_close(&sink);
	file_close(&fd);
}

static void
test_local(void)
{
	const struct host_option options[] = {{"to", path}, {"facility", "local3"},
	    {"app-name", "vault-guard"}};
	struct sink_record record;
	struct hosted sink;
	int fd = listen_unix(path, SOCK_DGRAM);
	char wanted[200];

	(void)setenv("TZ", "UTC-2", 1);
	if (!begin(&sink, options, ARRAY_SIZE(options)))
		return;
	sink_record_make(&record, ONE, 5, NULL);
	CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
	(void)snprintf(wanted, sizeof(wanted), "<157>Nov 25 12:00:00 vault-guard[%d]: " WORDS
	    " [mortise@32473 trail=\"" ONE "\" seq=\"5\" h=", (int)getpid());
	CHECK_AS(strncmp(receive(fd), wanted, strlen(wanted)) == 0,
	    "a message as syslog(3) writes");
	host_close(&sink);
	file_close(&fd);
}

static void
test_severity(void)
{
	static const struct host_option options[] = {{"to", path}, {"facility", "daemon"},
	    {"severity", "policy_*:alert"}, {"severity", "*_deleted:info"},
	    {"severity", "*_denied:debug"}, {"facilities", "access_*:local7"},
	    {"facilities", "torn:kern"}};
	static const struct {
		const char *type, *action, *code;
		int rank;
	} rows[] = {
		{"outcome", "token_viewed", "ok", 29}, {"outcome", "token_viewed", "not_found", 29},
		{"outcome", "token_viewed", "denied", 28},
		{"outcome", "token_viewed", "unknown", 28},
		{"outcome", "state_rejected", "not_found", 28},
		{"outcome", "policy_denied", "denied", 25},
		{"outcome", "secret_deleted", "denied", 30},
		{"outcome", "access_granted", "ok", 189}, {"outcome", "access_revoked", "denied", 188},
		{"torn", "", "", 3}, {"drop", "", "", 27}, {"park", "", "", 27},
		{"open", "", "", 29}, {"close", "", "", 29},
	};
	struct sink_record record;
	struct hosted sink;
	int fd = listen_unix(path, SOCK_DGRAM);
	char wanted[16];

	if (!begin(&sink, options, ARRAY_SIZE(options)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		sink_record_make(&record, ONE, i + 1, NULL);
		sink_record_set(&record, "t", rows[i].type);
		sink_record_set(&record, "action", rows[i].action);
		sink_record_set(&record, "code", rows[i].code);
		CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
		(void)snprintf(wanted, sizeof(wanted), "<%d>", rows[i].rank);
		CHECK_AS(strncmp(receive(fd), wanted, strlen(wanted)) == 0, "%s %s %s: %s",
		    rows[i].type, rows[i].action, rows[i].code, wanted);
	}
	host_close(&sink);
	file_close(&fd);
}

/* --- sizes ------------------------------------------------------------------------- */

static void
test_sizes(void)
{
	static const struct {
		const char *most;
		size_t agent;
		const char *cut;	/* NULL: nothing */
		bool words;
	} rows[] = {
		{"8192", 500, NULL, true}, {"8192", 9000, "userAgent", true},
		{"660", 9000, "calls,userAgent,metadata", true},
		{"560", 10, "all", false},
	};
	struct sink_record record;
	int fd = listen_unix(path, SOCK_DGRAM);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct host_option options[] = {{"to", path}, {"max-size", rows[i].most},
		    {"format", "rfc5424"}};
		struct hosted sink;
		char *message, cut[64];

		if (!begin(&sink, options, ARRAY_SIZE(options)))
			return;
		sink_record_long(&record, ONE, 5, rows[i].agent);
		if (i == 3)
			sink_record_set(&record, "resourceId", record.agent);
		CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
		message = receive(fd);
		(void)snprintf(cut, sizeof(cut), " cut=\"%s\"",
		    rows[i].cut == NULL ? "" : rows[i].cut);
		CHECK_AS(strlen(message) <= strtoul(rows[i].most, NULL, 10), "%s bytes",
		    rows[i].most);
		CHECK_AS(strstr(message, " trail=\"" ONE "\" seq=\"5\" h=\"" ONE) != NULL &&
		    strstr(message, " action=\"token_viewed\"") != NULL,
		    "what is never cut is there");
		if (!CHECK_AS(rows[i].cut == NULL ? strstr(message, " cut=") == NULL :
		    strstr(message, cut) != NULL, "cut is %s", cut))
			printf("# %s\n", message);
		CHECK_AS((strstr(message, WORDS) != NULL) == rows[i].words, "its words");
		host_close(&sink);
	}
	file_close(&fd);
}

/* A datagram that the socket does not take is made shorter. */
static void
test_datagram_too_long(void)
{
	static char data[65000];
	char to[64];
	int fd = listen_inet(SOCK_DGRAM, "udp", to, sizeof(to));
	const struct host_option options[] = {{"to", to}, {"max-size", "65536"}};
	struct sink_record record;
	struct hosted sink;
	size_t size;

	if (fd < 0) {
		test_skip("udp", "no loopback interface");
		return;
	}
	if (!begin(&sink, options, ARRAY_SIZE(options)))
		return;
	memset(data, 'x', 60000);
	sink_record_make(&record, ONE, 5, NULL);
	sink_record_set(&record, "calls", data);
	CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
	size = strlen(receive(fd));
	/* The largest that IPv4 has: 65507 bytes. */
	memset(data, 'x', 60000 + 65507 - size);
	CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
	CHECK_NUMBER_AS(strlen(receive(fd)), 65507, "the largest datagram");
	memset(data, 'x', 60001 + 65507 - size);
	CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
	CHECK_AS(strstr(receive(fd), " cut=\"calls\"") != NULL, "beyond it, it is cut");
	host_close(&sink);
	file_close(&fd);
}

/* --- receivers that come, go and stand still --------------------------------------- */

static void
test_unix_restart(void)
{
	const struct host_option options[] = {{"to", path}};
	struct sink_record record;
	struct hosted sink;
	int fd;

	(void)unlink(path);
	sink_record_make(&record, ONE, 5, NULL);
	if (!begin(&sink, options, 1))
		return;
	CHECK_NUMBER_AS(emit(&sink, &record.line), MORTISE_UNAVAILABLE, "nobody there");
	fd = listen_unix(path, SOCK_DGRAM);
	CHECK_NUMBER(emit(&sink, &record.line), MORTISE_OK);
	CHECK(receive(fd)[0] == '<');
	file_close(&fd);
	fd = listen_unix(path, SOCK_DGRAM);
	CHECK_NUMBER_AS(emit(&sink, &record.line), MORTISE_OK, "another one at the path");
	CHECK(receive(fd)[0] == '<');
	file_close(&fd);
	CHECK_NUMBER_AS(emit(&sink, &record.line), MORTISE_UNAVAILABLE, "it went");
	host_close(&sink);
}

static void
test_unix_stream(void)
{
	const struct host_option options[] = {{"to", path}};
	struct sink_batch *batch = sink_batch_make(ONE, 1, 3);
	struct hosted sink;
	static char bytes[20000];
	int fd = listen_unix(path, SOCK_STREAM), one, lines = 0;
	size_t taken;

	if (!begin(&sink, options, 1))
		return;
	CHECK_NUMBER(emit_in(&sink, batch->lines, 3, &taken, 5000), MORTISE_OK);
	one = accept(fd, NULL, NULL);
	(void)receive_all(one, bytes, sizeof(bytes), 200);
	for (char *line = strtok(bytes, "\n"); line != NULL; line = strtok(NULL, "\n"))
		lines += line[0] == '<' && strstr(line, WORDS) != NULL;
	CHECK_NUMBER_AS(lines, 3, "a line each");
	file_close(&one);
	CHECK_NUMBER_AS(emit_in(&sink, batch->lines, 3, &taken, 5000), MORTISE_OK,
	    "the receiver has closed: a connection of its own");
	one = accept(fd, NULL, NULL);
	CHECK(receive_all(one, bytes, sizeof(bytes), 200) > 0);
	host_close(&sink);
	file_close(&one);
	file_close(&fd);
	sink_batch_free(batch);
}

/* A peer that reads no more raises no signal. */
static void
test_pipe(void)
{
	const struct host_option options[] = {{"to", path}};
	struct sink_batch *batch = sink_batch_make(ONE, 1, 2);
	struct hosted sink;
	static char bytes[20000];
	int fd = listen_unix(path, SOCK_STREAM), one;
	size_t taken;

	(void)signal(SIGPIPE, SIG_DFL);
	if (!begin(&sink, options, 1))
		return;
	CHECK_NUMBER(emit_in(&sink, batch->lines, 1, &taken, 5000), MORTISE_OK);
	one = accept(fd, NULL, NULL);
	CHECK(shutdown(one, SHUT_RD) == 0);
	CHECK_NUMBER(emit_in(&sink, batch->lines + 1, 1, &taken, 5000), MORTISE_OK);
	file_close(&one);
	one = accept(fd, NULL, NULL);
	(void)receive_all(one, bytes, sizeof(bytes), 200);
	CHECK_AS(strstr(bytes, " seq=\"2\"") != NULL, "it comes on another connection");
	host_close(&sink);
	file_close(&one);
	file_close(&fd);
	sink_batch_free(batch);
}

/* Nobody accepts, and so many wait for it that no one more may. */
static void
test_backlog(void)
{
	const struct host_option options[] = {{"to", path}};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct sink_record record;
	struct hosted sink;
	int fd = listen_unix(path, SOCK_STREAM), waiting[16], count = 0;
	uint64_t began = clock_monotonic_ns();
	size_t taken;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	for (; count < 16; count++) {
		waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(waiting[count], (const struct sockaddr *)&address,
		    sizeof(address)) != 0)
			break;
	}
	sink_record_make(&record, ONE, 5, NULL);
	if (!begin(&sink, options, 1))
		return;
	(void)alarm(20);
	CHECK_NUMBER(emit_in(&sink, &record.line, 1, &taken, 100), MORTISE_TIMEOUT);
	(void)alarm(0);
	CHECK(clock_monotonic_ns() - began < 1100 * NS_PER_MS);
	host_close(&sink);
	for (int i = 0; i <= count && i < 16; i++)
		file_close(&waiting[i]);
	file_close(&fd);
}

/* Messages with their length before them: each number once? */
static bool
whole_frames(const char *bytes, size_t size, uint64_t last)
{
	uint64_t seq = 0;
	size_t at = 0;

	while (at < size) {
		char *behind;
		unsigned long length = strtoul(bytes + at, &behind, 10);
		const char *number = strstr(behind, " seq=\"");

		if (*behind != ' ' || behind[1] != '<' || number == NULL ||
		    strtoull(number + 6, NULL, 10) != ++seq)
			return false;
		at = (size_t)(behind - bytes) + 1 + length;
	}
	return at == size && seq == last;
}

/*
 * Nobody reads: emit is back in time, within a message; and goes on in the middle of it
 * when somebody does.
 */
static void
test_stopped(void)
{
	struct host_option options[1] = {{"to", NULL}};
	struct sink_batch *batch;
	struct hosted sink;
	char to[64], *bytes = malloc(64u << 20);
	int fd = listen_inet(SOCK_STREAM, "tcp", to, sizeof(to)), one, small = 4096;
	size_t taken = 0, size, timeouts = 0;
	uint64_t next = 1, began, late = 0;
	enum mortise_code code = MORTISE_OK;

	options[0].text = to;
	if (fd < 0) {
		test_skip("tcp", "no loopback interface");
		free(bytes);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (!begin(&sink, options, 1))
		return;
	while (next < 100000 && timeouts < 3) {
		batch = sink_batch_make(ONE, next, next + 99);
		began = clock_monotonic_ns();
		code = emit_in(&sink, batch->lines, 100, &taken, 100);
		if (code == MORTISE_TIMEOUT && clock_monotonic_ns() - began > 1100 * NS_PER_MS)
			late++;
		next += taken;
		timeouts += code == MORTISE_TIMEOUT;
		sink_batch_free(batch);
		if (code != MORTISE_OK && code != MORTISE_TIMEOUT)
			break;
	}
	CHECK_NUMBER_AS(code, MORTISE_TIMEOUT, "nobody reads: timeout at last");
	CHECK_NUMBER_AS(late, 0, "and never a second late");
	one = accept(fd, NULL, NULL);
	size = receive_all(one, bytes, 64u << 20, 300);
	batch = sink_batch_make(ONE, next, next + 9);
	CHECK_NUMBER_AS(emit_in(&sink, batch->lines, 10, &taken, 5000), MORTISE_OK, "it goes on");
	size += receive_all(one, bytes + size, (64u << 20) - size, 300);
	CHECK_AS(whole_frames(bytes, size, next + 9), "%llu messages, each whole and once",
	    (unsigned long long)next + 9);
	sink_batch_free(batch);
	host_close(&sink);
	file_close(&one);
	file_close(&fd);
	free(bytes);
}

/* A queue that is full is waited for, and no longer than may be. */
static void
test_full_queue(void)
{
	const struct host_option options[] = {{"to", path}};
	struct sink_record record;
	struct hosted sink;
	int fd = listen_unix(path, SOCK_DGRAM), sent = 0;
	size_t taken;
	uint64_t began;

	sink_record_make(&record, ONE, 5, NULL);
	if (!begin(&sink, options, 1))
		return;
	while (sent < 100000 && emit_in(&sink, &record.line, 1, &taken, 100) == MORTISE_OK)
		sent++;
	began = clock_monotonic_ns();
	CHECK_NUMBER_AS(emit_in(&sink, &record.line, 1, &taken, 100), MORTISE_TIMEOUT,
	    "a full queue");
	CHECK(clock_monotonic_ns() - began < 1100 * NS_PER_MS);
	CHECK(receive(fd)[0] == '<');
	CHECK_NUMBER_AS(emit_in(&sink, &record.line, 1, &taken, 5000), MORTISE_OK, "room again");
	host_close(&sink);
	file_close(&fd);
}

/* A peer that has gone in the middle raises no signal; what broke off is sent again. */
static void
test_broken(void)
{
	struct host_option options[1] = {{"to", NULL}};
	struct sink_batch *batch = sink_batch_make(ONE, 1, 2);
	const struct linger at_once = {1, 0};
	struct hosted sink;
	char to[64], bytes[8192];
	int fd = listen_inet(SOCK_STREAM, "tcp", to, sizeof(to)), one;
	size_t taken;

	options[0].text = to;
	if (fd < 0 || !begin(&sink, options, 1))
		return;
	(void)signal(SIGPIPE, SIG_DFL);
	CHECK_NUMBER(emit_in(&sink, batch->lines, 1, &taken, 5000), MORTISE_OK);
	one = accept(fd, NULL, NULL);
	(void)setsockopt(one, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	file_close(&one);
	CHECK_NUMBER_AS(emit_in(&sink, batch->lines + 1, 1, &taken, 5000), MORTISE_OK, "reset");
	one = accept(fd, NULL, NULL);
	(void)receive_all(one, bytes, sizeof(bytes), 300);
	CHECK_AS(strstr(bytes, " seq=\"2\"") != NULL, "it comes on another connection");
	file_close(&one);
	file_close(&fd);
	CHECK_NUMBER_AS(emit_in(&sink, batch->lines, 1, &taken, 5000), MORTISE_UNAVAILABLE,
	    "nobody listens");
	host_close(&sink);
	sink_batch_free(batch);
}

/* --- options ----------------------------------------------------------------------- */

static void
test_options(void)
{
	static const struct {
		const char *path, *value, *says;
	} wrong[] = {
		{"to", "dev/log", "\"dev/log\" is no address"}, {"to", "tcp://", "is no address"},
		{"to", "tcp://a:0", "is no address"}, {"to", "tcp://a:1:2", "is no address"},
		{"to", "udp://[::1", "is no address"}, {"to", "tls://u@h", "is no address"},
		{"to", "http://a", "is no address"}, {"hostname", "a b", "\"a b\" is not possible"},
		{"app-name", "", "is not possible"}, {"app-name", "a[1]", "is not possible"},
		{"sd-id", "mortise", "it is NAME@NUMBER"}, {"sd-id", "a=b@1", "is not possible"},
		{"sd-id", "a@b", "it is NAME@NUMBER"},
	};
	static const struct host_option good[] = {{"to", "udp://[::1]:1514"}};
	struct hosted sink;

	if (!begin(&sink, good, 1))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct host_option given[] = {{wrong[i].path, wrong[i].value}};
		struct mortise_options options = {sink.plugin, given, 1, NULL};
		struct mortise_call call = host_call();
		void *instance;

		CHECK_NUMBER_AS(sink.plugin->open(&call, &options, &instance), MORTISE_INVALID,
		    wrong[i].value);
		if (!CHECK_AS(strstr(call.message, wrong[i].says) != NULL, "%s", wrong[i].says))
			printf("# %s\n", call.message);
	}
	host_close(&sink);
}

int
main(void)
{
	(void)snprintf(directory, sizeof(directory), "/tmp/mortise-syslog-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/log", directory);
	test_message();
	test_local();
	test_severity();
	test_sizes();
	test_datagram_too_long();
	test_unix_restart();
	test_unix_stream();
	test_pipe();
	test_backlog();
	test_stopped();
	test_full_queue();
	test_broken();
	test_options();
	(void)unlink(path);
	(void)rmdir(directory);
	return test_end();
}
