/* SPDX-License-Identifier: BSD-2-Clause */
/* audit verify: files alone, those given or the configured trail's. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/verbs.h"

#define HASH_LENGTH 64

struct verifying {
	char **found;			/* segments that were looked for */
	size_t found_count;
	struct mortise_audit_anchor *anchors;
	struct mortise_audit_gap *gaps;
	struct mortise_audit_key *keys;
	const char **checkpoints;
	struct mortise_verify_options options;
	char trail[PATH_MAX];		/* its directory, where it was looked for */
};

static void
found_free(struct verifying *verifying)
{
	for (size_t i = 0; i < verifying->found_count; i++)
		free(verifying->found[i]);
	free(verifying->found);
	verifying->found = NULL;
	verifying->found_count = 0;
}

static void
verifying_free(struct verifying *verifying)
{
	found_free(verifying);
	free(verifying->anchors);
	free(verifying->gaps);
	free(verifying->keys);
	free(verifying->checkpoints);
}

/* NNNNNN.jsonl */
static int
is_segment(const struct dirent *entry)
{
	return strlen(entry->d_name) == 12 && strspn(entry->d_name, "0123456789") == 6 &&
	    strcmp(entry->d_name + 6, ".jsonl") == 0;
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
find_segments(const char *directory, struct verifying *verifying)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_segment, by_bytes);

	found_free(verifying);
	if (count < 0)
		return system_error("cannot read the trail %s", directory);
	verifying->found = calloc((size_t)count + 1, sizeof(*verifying->found));
	for (int i = 0; i < count; i++) {
		char *path = verifying->found == NULL ? NULL :
		    path_join(directory, entries[i]->d_name);

		if (path != NULL)
			verifying->found[verifying->found_count++] = path;
		free(entries[i]);
	}
	free(entries);
	verifying->options.files = (const char *const *)verifying->found;
	verifying->options.files_count = verifying->found_count;
	if (verifying->found_count == (size_t)count)
		return 0;
	errno = ENOMEM;
	return system_error("cannot read the trail %s", directory);
}

/* The head is an anchor that is read before the segments are looked for: who
 * writes meanwhile makes the trail longer than it, never shorter. */
static int
find_trail(struct cli *cli, struct verifying *verifying)
{
	struct mortise_verify_options *options = &verifying->options;
	struct mortise_audit_head head = {.size = sizeof(head)};
	int status = cli_status(cli, mortise_audit_head(cli->config_path, &head, verifying->trail,
	    sizeof(verifying->trail), cli->error));

	if (status != 0)
		return status;
	if (options->head_file == NULL) {
		struct mortise_audit_anchor *anchor = &verifying->anchors[options->anchors_count++];

		anchor->seq = head.seq;
		memcpy(anchor->hash, head.hash, sizeof(anchor->hash));
	}
	return find_segments(verifying->trail, verifying);
}

/* The number before a mark; *rest is behind it. */
static bool
number_before(const char *text, char mark, uint64_t *number, const char **rest)
{
	const char *end = strchr(text, mark);
	char digits[24];
	size_t length = end == NULL ? 0 : (size_t)(end - text);

	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	*rest = end + 1;
	return number_parse(digits, UINT64_MAX, number);
}

/* A hash, or a public key. */
static bool
hex_behind(const char *text, uint64_t *number, char hex[HASH_LENGTH + 1])
{
	const char *rest;

	if (!number_before(text, ':', number, &rest) || strlen(rest) != HASH_LENGTH ||
	    strspn(rest, "0123456789abcdef") != HASH_LENGTH)
		return false;
	memcpy(hex, rest, HASH_LENGTH + 1);
	return true;
}

static bool
gap_parse(const char *text, struct mortise_audit_gap *gap)
{
	const char *to;

	return number_before(text, '-', &gap->from, &to) && number_parse(to, UINT64_MAX, &gap->to);
}

static int
take_keys(const struct options *options, struct verifying *verifying)
{
	struct mortise_verify_options *wanted = &verifying->options;
	const char *text;
	size_t at = 0;

	verifying->keys = calloc(options->given_count + 1, sizeof(*verifying->keys));
	verifying->checkpoints = calloc(options->given_count + 1, sizeof(*verifying->checkpoints));
	if (verifying->keys == NULL || verifying->checkpoints == NULL)
		return system_error("cannot start");
	wanted->keys = verifying->keys;
	wanted->checkpoint_files = verifying->checkpoints;
	while ((text = option_next(options, OPTION_KEY, &at)) != NULL) {
		struct mortise_audit_key *key = &verifying->keys[wanted->keys_count++];

		if (!hex_behind(text, &key->epoch, key->key))
			return usage_error("--key takes EPOCH:KEY, as `mortise audit head "
			    "--output json` has them");
	}
	at = 0;
	while ((text = option_next(options, OPTION_CHECKPOINT, &at)) != NULL)
		verifying->checkpoints[wanted->checkpoint_files_count++] = text;
	return 0;
}

static int
take_options(const struct options *options, struct verifying *verifying)
{
	struct mortise_verify_options *wanted = &verifying->options;
	const char *text;
	size_t at = 0;

	/* Two more: the trail's own head, and a sink's last record. */
	verifying->anchors = calloc(options->given_count + 2, sizeof(*verifying->anchors));
	verifying->gaps = calloc(options->given_count + 1, sizeof(*verifying->gaps));
	if (verifying->anchors == NULL || verifying->gaps == NULL)
		return system_error("cannot start");
	wanted->anchors = verifying->anchors;
	wanted->gaps = verifying->gaps;
	wanted->head_file = option_value(options, OPTION_HEAD);
	while ((text = option_next(options, OPTION_EXPECT, &at)) != NULL) {
		struct mortise_audit_anchor *anchor = &verifying->anchors[wanted->anchors_count++];

		if (!hex_behind(text, &anchor->seq, anchor->hash))
			return usage_error("--expect takes SEQ:HASH, as `mortise audit head` "
			    "prints it");
	}
	at = 0;
	while ((text = option_next(options, OPTION_GAP, &at)) != NULL) {
		if (!gap_parse(text, &verifying->gaps[wanted->gaps_count++]))
			return usage_error("--gap takes FROM-TO, two numbers of records");
	}
	return take_keys(options, verifying);
}

static void
print_verdict(struct output *output, const char *of, enum mortise_code code,
    enum mortise_reason reason, const char *verdict)
{
	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		if (of != NULL)
			json_text(output, "of", of);
		json_text(output, "result", code == MORTISE_OK ? "ok" :
		    reason == MORTISE_REASON_NONE ? mortise_code_name(code) :
		    mortise_reason_name(reason));
		json_text(output, "verdict", verdict);
		json_end(output);
		return;
	}
	if (of != NULL)
		buffer_format(&output->text, "%s: ", of);
	text_safe(output, verdict);
	output_end_line(output);
}

/* of: whose verdict it is; NULL: there is no other. */
static int
verify(struct cli *cli, const struct verifying *verifying, const char *of)
{
	char verdict[1024] = "";
	enum mortise_code code = mortise_audit_verify(&verifying->options, verdict,
	    sizeof(verdict), cli->error);

	if (verdict[0] == '\0')
		return cli_status(cli, code);
	print_verdict(&cli->output, of, code, mortise_error_reason(cli->error), verdict);
	/* The verdict is what was asked for; the error says no more. */
	return mortise_exit_status(code, mortise_error_reason(cli->error));
}

bool
cli_verify_trail(struct cli *cli, char *verdict, size_t size)
{
	struct verifying verifying _cleanup_(verifying_free) = {
		.options = {.size = sizeof(verifying.options)},
	};
	enum mortise_code code = MORTISE_ERROR;

	verdict[0] = '\0';
	verifying.anchors = calloc(1, sizeof(*verifying.anchors));
	verifying.options.anchors = verifying.anchors;
	if (verifying.anchors != NULL && find_trail(cli, &verifying) == 0)
		code = mortise_audit_verify(&verifying.options, verdict, size, cli->error);
	if (verdict[0] == '\0')
		(void)snprintf(verdict, size, "it cannot be read");
	return code == MORTISE_OK;
}

/* --- what a sink has ------------------------------------------------------------------ */

static void
remove_fetched(const struct verifying *verifying, const char *directory)
{
	for (size_t i = 0; i < verifying->found_count; i++)
		(void)unlink(verifying->found[i]);
	(void)rmdir(directory);
}

static int
fetch(struct cli *cli, struct verifying *verifying, const char *sink, const char *directory,
    struct mortise_audit_anchor *last)
{
	char *program = NULL;
	const struct mortise_open_options options = cli_open_options(cli, &program);
	int status = cli_opened(cli, mortise_audit_fetch(&options, sink, directory, last,
	    cli->error));
	int found = find_segments(directory, verifying);

	free(program);
	return status != 0 ? status : found;
}

/* With the trail's head as an anchor the sink is the same up to there; with the sink's last
 * record as one of the trail, up to that, too. */
static int
verify_both(struct cli *cli, struct verifying *verifying, const char *sink, const char *directory)
{
	struct mortise_audit_anchor last = {.seq = 0};
	int status = find_trail(cli, verifying);

	if (status == 0)
		status = fetch(cli, verifying, sink, directory, &last);
	if (status == 0)
		status = verify(cli, verifying, sink);
	remove_fetched(verifying, directory);
	if (status != 0)
		return status;
	verifying->anchors[verifying->options.anchors_count++] = last;
	status = find_segments(verifying->trail, verifying);
	return status == 0 ? verify(cli, verifying, "trail") : status;
}

static int
verify_sink(struct cli *cli, struct verifying *verifying, const char *sink)
{
	const char *base = getenv("TMPDIR");
	char directory[PATH_MAX];

	if (cli->options.words_count > 0)
		return usage_error("--sink reads the sink, not files");
	(void)snprintf(directory, sizeof(directory), "%s/mortise-verify-XXXXXX",
	    base == NULL || base[0] == '\0' ? "/tmp" : base);
	if (mkdtemp(directory) == NULL)
		return system_error("cannot make the directory %s", directory);
	return verify_both(cli, verifying, sink, directory);
}

int
verb_audit_verify(struct cli *cli)
{
	struct verifying verifying _cleanup_(verifying_free) = {
		.options = {.size = sizeof(verifying.options)},
	};
	const char *sink = option_value(&cli->options, OPTION_SINK);
	int status = take_options(&cli->options, &verifying);

	if (status == 0 && sink != NULL)
		return verify_sink(cli, &verifying, sink);
	verifying.options.files = cli->options.words;
	verifying.options.files_count = cli->options.words_count;
	if (status == 0 && cli->options.words_count == 0)
		status = find_trail(cli, &verifying);
	return status == 0 ? verify(cli, &verifying, NULL) : status;
}
