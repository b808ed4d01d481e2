/* SPDX-License-Identifier: BSD-2-Clause */
/* init: a working installation, and the command to try next. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/verbs.h"

/* Where it goes: config NULL is beside the data. */
struct installation {
	char *config, *data;
	bool found;		/* the library looks there by itself */
};

static void
installation_free(struct installation *place)
{
	free(place->config);
	free(place->data);
}

/* $VARIABLE/mortise, or what stands in for it under $HOME. */
static char *
xdg_directory(const char *variable, const char *otherwise)
{
	const char *base = getenv(variable), *home = getenv("HOME");

	if (base != NULL && base[0] == '/')
		return text_format("%s/mortise", base);
	if (home == NULL || home[0] != '/')
		return NULL;
	return text_format("%s/%s/mortise", home, otherwise);
}

static int
find_place(const struct cli *cli, struct installation *place)
{
	const char *directory = option_value(&cli->options, OPTION_DIR);

	if (directory != NULL) {
		if (directory[0] == '\0')
			return usage_error("--dir needs a directory");
		place->data = text_dup(directory);
	} else if (geteuid() == 0) {
		place->config = text_dup(SYSCONF_DIRECTORY);
		place->data = text_dup(STATE_DIRECTORY);
	} else {
		place->config = xdg_directory("XDG_CONFIG_HOME", ".config");
		place->data = xdg_directory("XDG_STATE_HOME", ".local/state");
		if (place->config == NULL || place->data == NULL)
			return usage_error("HOME is not set, so there is no place of your own; "
			    "set it, or name a directory: mortise init --dir DIR");
	}
	place->found = directory == NULL;
	return place->data == NULL || (directory == NULL && place->config == NULL) ?
	    system_error("cannot start") : 0;
}

static const char *
config_directory(const struct installation *place)
{
	return place->config != NULL ? place->config : place->data;
}

/* Everything that an installation has, and whether it was there before. */
struct part {
	const char *name;
	bool of_config, before;
	char *path;
};

static void
print_part(struct output *output, const struct part *part)
{
	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_text(output, "path", part->path);
		json_bool(output, "made", !part->before);
		json_end(output);
		return;
	}
	buffer_text(&output->text, part->before ? "kept " : "made ");
	text_safe(output, part->path);
	output_end_line(output);
}

static void
print_next(const struct cli *cli, const struct installation *place, const char *config)
{
	struct buffer line _cleanup_(buffer_free) = {0};

	if (cli->output.form == OUTPUT_JSON)
		return;
	buffer_text(&line, "mortise ");
	if (!place->found) {
		buffer_text(&line, "--config ");
		text_quoted(&line, config);
		buffer_text(&line, " ");
	}
	buffer_text(&line, "put app/first-secret");
	if (!line.failed)
		message("ready; try: %s", line.data);
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int
make(struct cli *cli, const struct installation *place)
{
	struct part parts[] = {
		{.name = "mortise.yaml", .of_config = true},
		{.name = "local.key", .of_config = true},
		{.name = "local.db"},
		{.name = "trail"},
	};
	int status = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		parts[i].path = path_join(parts[i].of_config ? config_directory(place) :
		    place->data, parts[i].name);
		if (parts[i].path == NULL)
			status = system_error("cannot start");
		else
			parts[i].before = exists(parts[i].path);
	}
	if (status == 0)
		status = cli_status(cli, mortise_init(place->config, place->data, cli->error));
	for (size_t i = 0; i < ARRAY_SIZE(parts) && status == 0; i++) {
		/* A configuration of one's own may use other places. */
		if (exists(parts[i].path))
			print_part(&cli->output, &parts[i]);
	}
	if (status == 0)
		print_next(cli, place, parts[0].path);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		free(parts[i].path);
	return status;
}

int
verb_init(struct cli *cli)
{
	struct installation place _cleanup_(installation_free) = {.config = NULL};
	int status = find_place(cli, &place);

	if (status == 0 && cli->config_path != NULL)
		status = usage_error("init makes its own configuration; name a place by --dir");
	return status == 0 ? make(cli, &place) : status;
}
