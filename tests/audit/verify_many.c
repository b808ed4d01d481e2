/* SPDX-License-Identifier: BSD-2-Clause */
/* The verifier for tamper.py, many times in one process.  A line of stdin is one
 * case, words apart by tabs: FILE, -h HEAD, -e SEQ:HASH, -g FROM-TO, -k EPOCH:KEY,
 * -c CHECKPOINT.  The answer is its exit status and its verdict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify.h"
#include "base/error.h"

#define WORDS_MAX 32

struct work {
	const char *files[WORDS_MAX];
	struct mortise_audit_anchor anchors[WORDS_MAX];
	struct mortise_audit_gap gaps[WORDS_MAX];
	struct mortise_audit_key keys[WORDS_MAX];
	const char *checkpoints[WORDS_MAX];
	struct mortise_verify_options options;
};

static void
take_option(struct work *work, char option, char *word)
{
	struct mortise_verify_options *options = &work->options;
	char *end;

	if (option == 'h')
		options->head_file = word;
	if (option == 'e') {
		struct mortise_audit_anchor *anchor = &work->anchors[options->anchors_count++];

		anchor->seq = strtoull(word, &end, 10);
		(void)snprintf(anchor->hash, sizeof(anchor->hash), "%s", end + 1);
	}
	if (option == 'g') {
		struct mortise_audit_gap *gap = &work->gaps[options->gaps_count++];

		gap->from = strtoull(word, &end, 10);
		gap->to = strtoull(end + 1, NULL, 10);
	}
	if (option == 'k') {
		struct mortise_audit_key *key = &work->keys[options->keys_count++];

		key->epoch = strtoull(word, &end, 10);
		(void)snprintf(key->key, sizeof(key->key), "%s", end + 1);
	}
	if (option == 'c')
		work->checkpoints[options->checkpoint_files_count++] = word;
}

int
main(void)
{
	static struct work work;
	char line[4096], verdict[512];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *rest = line, *word, option = '\0';
		struct mortise_error error = {0};

		work.options = (struct mortise_verify_options){
			.size = sizeof(work.options), .files = work.files,
			.anchors = work.anchors, .gaps = work.gaps, .keys = work.keys,
			.checkpoint_files = work.checkpoints,
		};
		line[strcspn(line, "\n")] = '\0';
		while ((word = strtok_r(rest, "\t", &rest)) != NULL) {
			if (option != '\0') {
				take_option(&work, option, word);
				option = '\0';
			} else if (word[0] == '-')
				option = word[1];
			else
				work.files[work.options.files_count++] = word;
		}
		(void)verify_trail(&work.options, verdict, sizeof(verdict), &error);
		printf("%d %s\n", mortise_exit_status(error.code, error.reason), verdict);
		fflush(stdout);
	}
	return 0;
}
