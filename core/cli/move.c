/* SPDX-License-Identifier: BSD-2-Clause */
/* copy, diff, migrate. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/verbs.h"

#define PROGRESS_NS (UINT64_C(200) * 1000000)

struct showing {
	struct output *output;
	const char *from, *to;
	bool alone;			/* copy: its error is the program's */
	bool differences;		/* diff: what is the same is not told */
	bool progress;			/* stderr is a terminal */
	uint64_t started, shown;	/* CLOCK_MONOTONIC, ns */
};

static const char *
word_of(const struct showing *showing, enum mortise_moved what)
{
	switch (what) {
	case MORTISE_MOVED_COPIED:
		return "copied";
	case MORTISE_MOVED_SAME:
		return "same";
	case MORTISE_MOVED_DONE:
		return "done";
	case MORTISE_MOVED_DIFFERS:
		return "differs";
	case MORTISE_MOVED_ONLY_FIRST:
		return showing->from;
	case MORTISE_MOVED_ONLY_SECOND:
		return showing->to;
	case MORTISE_MOVED_DELETED:
		return "deleted";
	case MORTISE_MOVED_FAILED:
		return "failed";
	}
	return "";
}

/* "\r120/1000, 45/s, 19 s left", over the one before. */
static void
show_progress(struct showing *showing, const struct mortise_moved_info *info)
{
	uint64_t now = clock_monotonic_ns(), left;
	double seconds = (double)(now - showing->started) / 1e9;
	double rate = seconds > 0 ? (double)info->done / seconds : 0;
	char line[96];
	int size;

	if (!showing->progress || (now - showing->shown < PROGRESS_NS && info->done < info->total))
		return;
	showing->shown = now;
	left = rate > 0 ? (uint64_t)((double)(info->total - info->done) / rate) : 0;
	size = snprintf(line, sizeof(line), "\r%" PRIu64 "/%" PRIu64 ", %.0f/s, %" PRIu64
	    " s left   %s", info->done, info->total, rate, left,
	    info->done == info->total ? "\n" : "");
	if (size > 0)
		(void)file_write(STDERR_FILENO, line, (size_t)size, NULL);
	if (info->done == info->total)
		showing->started = now;		/* of the next pass */
}

static void
print_json(struct output *output, const struct showing *showing,
    const struct mortise_moved_info *info)
{
	bool one_side = info->what == MORTISE_MOVED_ONLY_FIRST ||
	    info->what == MORTISE_MOVED_ONLY_SECOND;

	json_begin(output);
	json_text(output, "name", info->name);
	json_text(output, "what", one_side ? "only" : word_of(showing, info->what));
	if (one_side)
		json_text(output, "backend", word_of(showing, info->what));
	json_number(output, "versions", (int64_t)info->versions);
	json_bool(output, "labelsLeft", info->labels_left);
	if (info->what == MORTISE_MOVED_FAILED) {
		json_text(output, "code", mortise_code_name(info->code));
		json_text(output, "message", info->message);
	}
	json_end(output);
}

static void
print_plain(struct output *output, const struct showing *showing,
    const struct mortise_moved_info *info)
{
	bool one_side = info->what == MORTISE_MOVED_ONLY_FIRST ||
	    info->what == MORTISE_MOVED_ONLY_SECOND;

	buffer_format(&output->text, "%s%s\t", one_side ? "only " : "",
	    word_of(showing, info->what));
	text_safe(output, info->name);
	if (info->what == MORTISE_MOVED_COPIED && info->versions > 1)
		buffer_format(&output->text, "\t%" PRIu64 " versions", info->versions);
	if (info->labels_left)
		buffer_format(&output->text, "\t%s keeps no labels", showing->to);
	if (info->what == MORTISE_MOVED_FAILED && !showing->alone) {
		buffer_format(&output->text, "\t%s: ", mortise_code_name(info->code));
		text_safe(output, info->message == NULL ? "" : info->message);
	}
	output_end_line(output);
}

static void
show(void *arg, const struct mortise_moved_info *info)
{
	struct showing *showing = arg;
	bool quiet = info->what == MORTISE_MOVED_DONE ||
	    (info->what == MORTISE_MOVED_SAME && showing->differences) ||
	    (info->what == MORTISE_MOVED_FAILED && showing->alone);

	if (!quiet && showing->output->form == OUTPUT_JSON)
		print_json(showing->output, showing, info);
	else if (!quiet)
		print_plain(showing->output, showing, info);
	show_progress(showing, info);
}

static void
print_report(struct output *output, const struct mortise_move_report *report, bool dry_run)
{
	const struct {
		const char *word, *key;
		uint64_t number;
	} rows[] = {
		{"names", "total", report->total},
		{dry_run ? "to be copied" : "copied", "copied", report->copied},
		{dry_run ? "versions to be written" : "versions written", "versions",
		    report->versions},
		{"the same already", "same", report->same},
		{"done by an earlier run", "doneBefore", report->done_before},
		{"with another value", "differ", report->differ},
		{"failed", "failed", report->failed},
		{"deleted at the source", "deleted", report->deleted},
		{"without their labels", "labelsLeft", report->labels_left},
	};

	if (output->form == OUTPUT_JSON)
		json_begin(output);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (output->form == OUTPUT_JSON)
			json_number(output, rows[i].key, (int64_t)rows[i].number);
		else if (i == 0 || rows[i].number > 0)
			buffer_format(&output->text, "%s%s %" PRIu64, i == 0 ? "" : ", ",
			    rows[i].word, rows[i].number);
	}
	if (output->form == OUTPUT_JSON)
		json_end(output);
	else
		output_end_line(output);
}

static int
take_options(const struct cli *cli, struct mortise_move_options *options,
    struct showing *showing)
{
	uint64_t jobs = 0;
	int status = cli_number(cli, OPTION_JOBS, "--jobs takes a number", 64, &jobs);

	if (status == 0)
		status = cli_number(cli, OPTION_RATE, "--rate takes a number", 1000000,
		    &options->rate);
	options->jobs = (unsigned int)jobs;
	options->from = option_value(&cli->options, OPTION_FROM);
	options->to = option_value(&cli->options, OPTION_TO);
	options->dry_run = option_given(&cli->options, OPTION_DRY_RUN);
	options->newest_only = option_given(&cli->options, OPTION_NEWEST);
	options->overwrite = option_given(&cli->options, OPTION_OVERWRITE);
	options->delete_source = option_given(&cli->options, OPTION_DELETE_SOURCE);
	options->journal = option_value(&cli->options, OPTION_JOURNAL);
	options->each = show;
	options->arg = showing;
	showing->progress = isatty(STDERR_FILENO) == 1;
	showing->started = clock_monotonic_ns();
	return status;
}

static int
need_both(const struct cli *cli, struct showing *showing,
    const struct mortise_move_options *options)
{
	showing->from = options->from;
	showing->to = options->to;
	return options->from != NULL && options->to != NULL ? 0 :
	    usage_error("%s: --from A and --to B name the backends", cli->options.verb->name);
}

int
verb_copy(struct cli *cli)
{
	struct showing showing = {.output = &cli->output, .alone = true};
	struct mortise_move_options options = {.size = sizeof(options)};
	struct mortise_request request = cli_request(cli);
	int status = take_options(cli, &options, &showing);

	showing.progress = false;
	if (status == 0)
		status = need_both(cli, &showing, &options);
	if (status == 0)
		status = cli_open(cli);
	return status != 0 ? status : cli_status(cli, mortise_copy(cli->context, &request,
	    cli_word(cli, 0), &options, NULL, cli->error));
}

int
verb_migrate(struct cli *cli)
{
	struct showing showing = {.output = &cli->output};
	struct mortise_move_options options = {.size = sizeof(options)};
	struct mortise_move_report report = {.size = sizeof(report)};
	struct mortise_request request = cli_request(cli);
	enum mortise_code code;
	int status = take_options(cli, &options, &showing);

	options.prefix = cli_word(cli, 0);
	if (status == 0)
		status = need_both(cli, &showing, &options);
	if (status == 0)
		status = cli_open(cli);
	if (status != 0)
		return status;
	code = mortise_migrate(cli->context, &request, &options, &report, cli->error);
	print_report(&cli->output, &report, options.dry_run);
	return cli_status(cli, code);
}

int
verb_diff(struct cli *cli)
{
	struct showing showing = {.output = &cli->output, .differences = true};
	struct mortise_move_options options = {.size = sizeof(options)};
	struct mortise_request request = cli_request(cli);
	int status = take_options(cli, &options, &showing);

	showing.from = options.from = cli_word(cli, 0);
	showing.to = options.to = cli_word(cli, 1);
	options.prefix = cli_word(cli, 2);
	if (status == 0)
		status = cli_open(cli);
	return status != 0 ? status : cli_status(cli, mortise_diff(cli->context, &request, &options,
	    NULL, cli->error));
}
