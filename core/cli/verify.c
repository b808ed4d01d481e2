/* SPDX-License-Identifier: BSD-2-Clause */
/* audit verify: files alone, those given or the configured trail's. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/verbs.h"

#define HASH_LENGTH 64

struct verifying {
	char **found;			/* the trail's segments */
	size_t found_count;
	struct mortise_audit_anchor *anchors;
	struct mortise_audit_gap *gaps;
	struct mortise_verify_options options;
};

static void
verifying_free(struct verifying *verifying)
{
	for (size_t i = 0; i < verifying->found_count; i++)
		free(verifying->found[i]);
	free(verifying->found);
	free(verifying->anchors);
	free(verifying->gaps);
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
	char directory[PATH_MAX];
	int status = cli_status(cli, mortise_audit_head(cli->config_path, &head, directory,
	    sizeof(directory), cli->error));

	if (status != 0)
		return status;
	if (options->head_file == NULL) {
		struct mortise_audit_anchor *anchor = &verifying->anchors[options->anchors_count++];

		anchor->seq = head.seq;
		memcpy(anchor->hash, head.hash, sizeof(anchor->hash));
	}
	return find_segments(directory, verifying);
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

static bool
anchor_parse(const char *text, struct mortise_audit_anchor *anchor)
{
	const char *hash;

	if (!number_before(text, ':', &anchor->seq, &hash) || strlen(hash) != HASH_LENGTH ||
	    strspn(hash, "0123456789abcdef") != HASH_LENGTH)
		return false;
	memcpy(anchor->hash, hash, HASH_LENGTH + 1);
	return true;
}

static bool
gap_parse(const char *text, struct mortise_audit_gap *gap)
{
	const char *to;

	return number_before(text, '-', &gap->from, &to) && number_parse(to, UINT64_MAX, &gap->to);
}

static int
take_options(const struct options *options, struct verifying *verifying)
{
	struct mortise_verify_options *wanted = &verifying->options;
	const char *text;
	size_t at = 0;

	/* One more: the trail's own head. */
	verifying->anchors = calloc(options->given_count + 1, sizeof(*verifying->anchors));
	verifying->gaps = calloc(options->given_count + 1, sizeof(*verifying->gaps));
	if (verifying->anchors == NULL || verifying->gaps == NULL)
		return system_error("cannot start");
	wanted->anchors = verifying->anchors;
	wanted->gaps = verifying->gaps;
	wanted->head_file = option_value(options, OPTION_HEAD);
	while ((text = option_next(options, OPTION_EXPECT, &at)) != NULL) {
		if (!anchor_parse(text, &verifying->anchors[wanted->anchors_count++]))
			return usage_error("--expect takes SEQ:HASH, as `mortise audit head` "
			    "prints it");
	}
	at = 0;
	while ((text = option_next(options, OPTION_GAP, &at)) != NULL) {
		if (!gap_parse(text, &verifying->gaps[wanted->gaps_count++]))
			return usage_error("--gap takes FROM-TO, two numbers of records");
	}
	return 0;
}

static void
print_verdict(struct output *output, enum mortise_code code, enum mortise_reason reason,
    const char *verdict)
{
	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_text(output, "result", code == MORTISE_OK ? "ok" :
		    reason == MORTISE_REASON_NONE ? mortise_code_name(code) :
		    mortise_reason_name(reason));
		json_text(output, "verdict", verdict);
		json_end(output);
		return;
	}
	text_safe(output, verdict);
	output_end_line(output);
}

static int
verify(struct cli *cli, const struct verifying *verifying)
{
	char verdict[1024] = "";
	enum mortise_code code = mortise_audit_verify(&verifying->options, verdict,
	    sizeof(verdict), cli->error);

	if (verdict[0] == '\0')
		return cli_status(cli, code);
	print_verdict(&cli->output, code, mortise_error_reason(cli->error), verdict);
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

int
verb_audit_verify(struct cli *cli)
{
	struct verifying verifying _cleanup_(verifying_free) = {
		.options = {.size = sizeof(verifying.options)},
	};
	int status = take_options(&cli->options, &verifying);

	verifying.options.files = cli->options.words;
	verifying.options.files_count = cli->options.words_count;
	if (status == 0 && cli->options.words_count == 0)
		status = find_trail(cli, &verifying);
	return status == 0 ? verify(cli, &verifying) : status;
}
