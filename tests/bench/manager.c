/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A get from a secret manager against the same request by bare libcurl with a kept
 * connection: without a trail, and with one, against the request and a write with
 * fdatasync of as many bytes as the record has.  And against another client.
 *
 *   manager LABEL NO-TRAIL-CONFIG CONFIG NAME RIVAL RIVAL-COMMAND URL [HEADER...]
 *
 * RIVAL-COMMAND prints how many it makes a second.  With BENCH_POST the request is a POST of
 * that, signed for BENCH_SIGN ("aws:amz:REGION:SERVICE") with BENCH_KEYS ("ID:KEY").
 * managers.sh starts the servers and runs it.
 */
#include "bench.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <mortise/mortise.h>

struct ours {
	struct mortise *context;
	const char *name;
};

static void
get_ours(void *arg, unsigned int caller)
{
	const struct ours *ours = arg;
	struct mortise_secret *value = NULL;

	(void)caller;
	if (mortise_get(ours->context, NULL, ours->name, NULL, &value, NULL, NULL) != MORTISE_OK)
		give_up("a get failed");
	mortise_secret_free(value);
}

struct bare {
	CURL *curl;
	int fd;			/* -1: nothing is written */
	size_t record;
	char bytes[16384];
};

static size_t
take(char *bytes, size_t one, size_t size, void *arg)
{
	(void)bytes;
	(void)one;
	*(size_t *)arg += size;
	return size;
}

static void
get_bare(void *arg, unsigned int caller)
{
	struct bare *bare = arg;
	size_t got = 0;

	(void)caller;
	(void)curl_easy_setopt(bare->curl, CURLOPT_WRITEDATA, &got);
	if (curl_easy_perform(bare->curl) != CURLE_OK || got == 0)
		give_up("a request failed");
	if (bare->fd >= 0 && (write(bare->fd, bare->bytes, bare->record) != (ssize_t)bare->record ||
	    fdatasync(bare->fd) != 0))
		give_up("a write failed");
}

static CURL *
new_curl(const char *url, char **headers, int count)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *list = NULL;
	const char *body = getenv("BENCH_POST");

	for (int i = 0; i < count; i++)
		list = curl_slist_append(list, headers[i]);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	if (body != NULL) {
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		(void)curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, getenv("BENCH_SIGN"));
		(void)curl_easy_setopt(curl, CURLOPT_USERPWD, getenv("BENCH_KEYS"));
	}
	return curl;
}

static struct mortise *
open_ours(const char *config)
{
	const struct mortise_open_options options = {.size = sizeof(options), .config_path = config,
	    .program = "bench"};
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = NULL;

	if (mortise_open(&options, &context, error) != MORTISE_OK)
		give_up(mortise_error_message(error));
	mortise_error_free(error);
	return context;
}

static void
keep_size(void *arg, const char *line, size_t size)
{
	(void)line;
	*(size_t *)arg = size + 1;
}

static double
rate_of_rival(const char *command)
{
	FILE *pipe = popen(command, "r");
	char line[64] = "";

	if (pipe == NULL || fgets(line, sizeof(line), pipe) == NULL)
		give_up("the rival said nothing");
	(void)pclose(pipe);
	return strtod(line, NULL);
}

int
main(int argc, char **argv)
{
	const struct mortise_audit_filter filter = {.size = sizeof(filter),
	    .action = "secret_viewed", .last = 1};
	double alone[PAIRS], audited[PAIRS], rival[PAIRS];
	static struct bare bare = {.fd = -1};
	struct ours silent, durable;
	char row[128], path[256];
	int fd;

	if (argc < 8)
		return 2;
	make_directory();
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	silent = (struct ours){open_ours(argv[2]), argv[4]};
	durable = (struct ours){open_ours(argv[3]), argv[4]};
	bare.curl = new_curl(argv[7], argv + 8, argc - 8);
	(void)snprintf(path, sizeof(path), "%s/bare", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	get_ours(&durable, 0);
	if (mortise_audit_search(durable.context, NULL, &filter, keep_size, &bare.record, NULL) !=
	    MORTISE_OK || bare.record == 0)
		give_up("there is no record");
	for (size_t i = 0; i < PAIRS; i++) {
		double with[2], without[2], other;

		bare.fd = -1;
		with[0] = bench_rate(1, get_ours, &silent);
		without[0] = bench_rate(1, get_bare, &bare);
		bare.fd = fd;
		with[1] = bench_rate(1, get_ours, &durable);
		without[1] = bench_rate(1, get_bare, &bare);
		other = rate_of_rival(argv[6]);
		alone[i] = with[0] / without[0];
		audited[i] = with[1] / without[1];
		rival[i] = with[0] / other;
		fprintf(stderr, "%s: %.0f against %.0f a second, with a trail %.0f against %.0f, %s %.0f\n",
		    argv[1], with[0], without[0], with[1], without[1], argv[5], other);
	}
	(void)snprintf(row, sizeof(row), "%s get against bare libcurl", argv[1]);
	bench_ratios(row, alone, AT_LEAST, 0.95);
	(void)snprintf(row, sizeof(row), "%s get with audit, against libcurl and fdatasync", argv[1]);
	bench_ratios(row, audited, AT_LEAST, 0.85);
	(void)snprintf(row, sizeof(row), "%s get against %s", argv[1], argv[5]);
	/* Of hvac it was seen how fast it is; others may be bound by their server. */
	bench_ratios(row, rival, AT_LEAST, strcmp(argv[5], "hvac") == 0 ? 3 : 1);
	mortise_close(silent.context);
	mortise_close(durable.context);
	curl_easy_cleanup(bare.curl);
	(void)close(fd);
	return 0;
}
