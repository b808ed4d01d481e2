/* SPDX-License-Identifier: BSD-2-Clause */
/* put: a value in, the new version out. */
#include <stdlib.h>
#include <string.h>

#include "cli/input.h"
#include "cli/verbs.h"

/* Labels as pairs: the names are copies, ended where the = was. */
struct labels {
	struct mortise_pair *pairs;
	char **names;
	size_t count;
};

static void
labels_free(struct labels *labels)
{
	for (size_t i = 0; labels->names != NULL && i < labels->count; i++)
		free(labels->names[i]);
	free(labels->names);
	free(labels->pairs);
}

static int
take_labels(const struct options *options, struct labels *labels)
{
	const char *text, *equals;
	size_t at = 0;

	labels->pairs = calloc(options->given_count + 1, sizeof(*labels->pairs));
	labels->names = calloc(options->given_count + 1, sizeof(*labels->names));
	if (labels->pairs == NULL || labels->names == NULL)
		return system_error("cannot take the labels");
	while ((text = option_next(options, OPTION_LABEL, &at)) != NULL) {
		equals = strchr(text, '=');
		if (equals == NULL || equals == text)
			return usage_error("--label takes a name and a value: --label team=web");
		labels->names[labels->count] = text_dup(text);
		if (labels->names[labels->count] == NULL)
			return system_error("cannot take the labels");
		labels->names[labels->count][equals - text] = '\0';
		labels->pairs[labels->count] = (struct mortise_pair){
			.name = labels->names[labels->count], .value = equals + 1,
		};
		labels->count++;
	}
	return 0;
}

static int
put(struct cli *cli, const char *name, const struct labels *labels)
{
	struct mortise_secret *value _cleanup_(secret_release) = NULL;
	char *what _cleanup_(free_pointer) = text_format("the value of %s", name);
	struct mortise_request request = cli_request(cli);
	struct mortise_put_options options = {
		.size = sizeof(options),
		.labels = labels->count == 0 ? NULL : labels->pairs,
		.labels_count = labels->count,
		.only_if = option_value(&cli->options, OPTION_IF_VERSION),
		.only_if_absent = option_given(&cli->options, OPTION_IF_ABSENT),
	};
	struct mortise_place made;
	int status = input_value(cli, what == NULL ? "the value" : what, &value);

	if (status == 0)
		status = cli_status(cli, mortise_put(cli->context, &request, name, value, &options,
		    &made, cli->error));
	if (status != 0)
		return status;
	if (cli->output.form == OUTPUT_JSON) {
		json_begin(&cli->output);
		json_text(&cli->output, "name", name);
		json_text(&cli->output, "version", made.text);
		json_end(&cli->output);
	} else {
		buffer_text(&cli->output.text, made.text);
		output_end_line(&cli->output);
	}
	return 0;
}

int
verb_put(struct cli *cli)
{
	struct labels labels _cleanup_(labels_free) = {.count = 0};
	int status = 0;

	if (option_given(&cli->options, OPTION_IF_VERSION) &&
	    option_given(&cli->options, OPTION_IF_ABSENT))
		return usage_error("--if-version and --if-absent cannot both hold; give one");
	status = take_labels(&cli->options, &labels);
	/* Before anybody types a value: it may not open. */
	if (status == 0)
		status = cli_open(cli);
	return status == 0 ? put(cli, cli_word(cli, 0), &labels) : status;
}
