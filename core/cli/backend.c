/* SPDX-License-Identifier: BSD-2-Clause */
/* backend: how backends are and fare, and the commands of their plugins. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "cli/input.h"
#include "cli/verbs.h"

/* --- how they fare ------------------------------------------------------------------ */

struct showing {
	struct cli *cli;
	struct table table;
	bool one;			/* this one, with all that there is to say */
	int status;			/* of the first that does not fare well */
};

/* A plugin without a check is open, and that is all that can be said. */
static bool
fares_well(const struct mortise_backend_info *info)
{
	return info->code == MORTISE_OK ||
	    (info->code == MORTISE_UNSUPPORTED && info->store != NULL);
}

static const char *
verdict(const struct mortise_backend_info *info)
{
	return info->code == MORTISE_UNSUPPORTED && info->store != NULL ? "open" :
	    mortise_code_name(info->code);
}

static void
print_json(struct output *output, const struct mortise_backend_info *info)
{
	json_begin(output);
	json_text(output, "name", info->name);
	json_text(output, "plugin", info->plugin);
	json_text(output, "version", info->version);
	json_text(output, "path", info->path);
	json_text(output, "reach", info->reach);
	json_text(output, "operations", info->operations);
	json_text(output, "store", info->store);
	json_text(output, "code", mortise_code_name(info->code));
	json_text(output, "reason", mortise_reason_name(info->reason));
	json_text(output, "message", info->message);
	json_number(output, "checkUs", info->check_us);
	json_number(output, "timeoutMs", info->timeout_ms);
	json_number(output, "attempts", info->attempts);
	json_number(output, "breakerFailures", info->breaker_failures);
	json_number(output, "breakerMs", info->breaker_ms);
	json_number(output, "cacheMs", info->cache_ms);
	json_text(output, "breaker", info->breaker);
	json_number(output, "failures", info->failures);
	json_number(output, "cacheEntries", (int64_t)info->cache_entries);
	json_number(output, "cacheBytes", (int64_t)info->cache_bytes);
	json_number(output, "cacheHits", (int64_t)info->cache_hits);
	json_number(output, "cacheMisses", (int64_t)info->cache_misses);
	json_number(output, "shared", (int64_t)info->shared);
	json_end(output);
}

static void
add_text(struct table *table, const char *name, const char *text)
{
	table_add(table, name);
	table_add(table, text == NULL ? "" : text);
}

static void
print_rules(struct table *table, const struct mortise_backend_info *info)
{
	table_add(table, "timeout");
	table_take(table, text_format("%lld ms, %u attempt%s",
	    (long long)info->timeout_ms, info->attempts, info->attempts == 1 ? "" : "s"));
	if (info->breaker_failures > 0) {
		table_add(table, "breaker");
		table_take(table, text_format("opens after %u failures, for %lld ms",
		    info->breaker_failures, (long long)info->breaker_ms));
	}
	if (info->cache_ms > 0) {
		table_add(table, "cache");
		table_take(table, text_format("%lld ms", (long long)info->cache_ms));
	}
}

static void
print_one(struct table *table, const struct mortise_backend_info *info)
{
	table_add(table, "plugin");
	table_take(table, text_format("%s %s", info->plugin,
	    info->version == NULL ? "" : info->version));
	add_text(table, "file", info->path);
	add_text(table, "reach", info->reach);
	add_text(table, "operations", info->operations);
	add_text(table, "store", info->store);
	print_rules(table, info);
	table_add(table, "check");
	table_take(table, text_format("%s, in %lld us", verdict(info),
	    (long long)info->check_us));
}

static void
print_row(struct table *table, const struct mortise_backend_info *info)
{
	static const char *const heads[] = {"NAME", "PLUGIN", "CHECK", "TIME", "STORE"};

	if (table->cells.size == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
			table_add(table, heads[i]);
	}
	table_add(table, info->name);
	table_add(table, info->plugin);
	table_add(table, verdict(info));
	table_take(table, text_format("%lld us", (long long)info->check_us));
	table_add(table, info->store == NULL ? "" : info->store);
}

static void
show(void *arg, const struct mortise_backend_info *info)
{
	struct showing *showing = arg;

	if (showing->cli->output.form == OUTPUT_JSON)
		print_json(&showing->cli->output, info);
	else if (showing->one)
		print_one(&showing->table, info);
	else
		print_row(&showing->table, info);
	if (fares_well(info))
		return;
	message("%s: %s", info->name, info->message);
	if (showing->status == 0)
		showing->status = mortise_exit_status(info->code, info->reason);
}

static void
print_usage(struct output *output, const struct mortise_command_option *option)
{
	const char *open = option->required ? "" : "[", *close = option->required ? "" : "]";

	buffer_format(&output->text, "    %s--%s%s%s%s  %s", open, option->name,
	    option->secret ? "-file F" : option->plain ? "" : " VALUE", close,
	    option->many ? "..." : "", option->doc);
	output_end_line(output);
}

static void
show_command(void *arg, const struct mortise_command_info *info)
{
	struct output *output = arg;

	buffer_format(&output->text, "  %s: %s", info->name, info->doc);
	output_end_line(output);
	for (size_t i = 0; i < info->options_count; i++)
		print_usage(output, &info->options[i]);
}

static int
show_backends(struct cli *cli, const char *name)
{
	struct showing showing = {.cli = cli, .one = name != NULL,
	    .table = {.columns = name != NULL ? 2 : 5}};
	int status = cli_status(cli, mortise_backends(cli->context, name, show, &showing,
	    cli->error));

	table_print(&showing.table, &cli->output);
	if (status != 0)
		return status;
	if (name != NULL && cli->output.form != OUTPUT_JSON) {
		buffer_text(&cli->output.text, "\ncommands\n");
		status = cli_status(cli, mortise_backend_commands(cli->context, name, show_command,
		    &cli->output, cli->error));
	}
	return status != 0 ? status : showing.status;
}

/* --- a command ---------------------------------------------------------------------- */

/* What is given with a command, in the order of the command line. */
struct calling {
	struct cli *cli;
	const char *command;
	int status;
	struct mortise_command_value *values;
	struct mortise_secret **secrets;	/* by value; NULL: it is a text */
	size_t count;
};

static const struct mortise_command_option *
find_option(const struct mortise_command_info *info, const char *name, size_t length)
{
	for (size_t i = 0; i < info->options_count; i++) {
		if (strlen(info->options[i].name) == length &&
		    memcmp(info->options[i].name, name, length) == 0)
			return &info->options[i];
	}
	return NULL;
}

static int
refuse(const struct calling *calling, const struct mortise_command_info *info, const char *word)
{
	const char *names[32], *nearest;
	char name[64] = "";
	size_t n = 0, length = strcspn(word, "=");

	if (length < sizeof(name))
		memcpy(name, word, length);
	for (size_t i = 0; i < info->options_count && n + 1 < ARRAY_SIZE(names); i++)
		names[n++] = info->options[i].name;
	names[n] = NULL;
	nearest = nearest_word(name, names);
	if (nearest != NULL)
		return usage_error("%s has no option --%s; did you mean --%s?", info->name, name,
		    nearest);
	return usage_error("%s has no option --%s; `mortise backend %s` shows them", info->name,
	    name, cli_word(calling->cli, 0));
}

/* Without a final LF, as in every file that holds one. */
static int
read_secret(const char *path, const char *what, struct mortise_secret **secret)
{
	struct mortise_secret *read _cleanup_(secret_release) = NULL;
	int status = input_read(path, what, &read);
	const char *bytes;
	size_t size;

	if (status != 0)
		return status;
	bytes = mortise_secret_peek(read, &size);
	if (size > 0 && bytes[size - 1] == '\n')
		size--;
	*secret = mortise_secret_new(size);
	if (*secret == NULL || mortise_secret_append(*secret, bytes, size) != MORTISE_OK) {
		mortise_secret_free(*secret);
		return system_error("no memory for %s", what);
	}
	return 0;
}

/* From a file, or by a prompt or stdin where path is NULL. */
static int
take_secret(struct calling *calling, const struct mortise_command_option *option, const char *path)
{
	size_t i = calling->count;
	int status = read_secret(path, option->name, &calling->secrets[i]);

	if (status != 0)
		return status;
	calling->values[i] = (struct mortise_command_value){.option = option->name,
	    .secret = calling->secrets[i]};
	calling->count++;
	return 0;
}

/* Word *i, and the next one if it is its value. */
static int
take_word(struct calling *calling, const struct mortise_command_info *info, size_t *i)
{
	const char *word = cli_word(calling->cli, *i), *name = word + 2, *value = strchr(word, '=');
	size_t length = strcspn(name, "=");
	const struct mortise_command_option *option;
	bool file = false;

	if (strncmp(word, "--", 2) != 0)
		return usage_error("%s takes options, as --NAME VALUE, and no other words",
		    info->name);
	option = find_option(info, name, length);
	if (option == NULL && length > 5 && memcmp(name + length - 5, "-file", 5) == 0) {
		option = find_option(info, name, length - 5);
		file = option != NULL && option->secret;
	}
	if (option == NULL || (!option->secret && strlen(option->name) != length))
		return refuse(calling, info, name);
	if (option->secret && !file && value != NULL)
		return usage_error("a secret does not stand on the command line, where others can "
		    "read it: --%s-file F, or --%s alone to be asked", option->name, option->name);
	if (value != NULL)
		value++;
	else if (option->plain)
		value = "true";
	else if (!option->secret || file) {
		value = cli_word(calling->cli, ++*i);
		if (value == NULL)
			return usage_error("--%s needs a value behind it", name);
	}
	if (option->secret)
		return take_secret(calling, option, value);
	calling->values[calling->count++] = (struct mortise_command_value){
		.option = option->name, .text = value,
	};
	return 0;
}

static void
take_words(void *arg, const struct mortise_command_info *info)
{
	struct calling *calling = arg;

	if (strcmp(info->name, calling->command) != 0)
		return;
	for (size_t i = 2; calling->status == 0 && i < calling->cli->options.words_count; i++)
		calling->status = take_word(calling, info, &i);
}

/* One cell alone is a line of text, such as one of a script. */
static void
print_cells(void *arg, const struct mortise_pair *cells, size_t count)
{
	struct output *output = arg;

	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		for (size_t i = 0; i < count; i++)
			json_text(output, cells[i].name, cells[i].value);
		json_end(output);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (count > 1)
			buffer_format(&output->text, "%s%s=", i == 0 ? "" : " ", cells[i].name);
		text_safe(output, cells[i].value);
	}
	output_end_line(output);
}

static int
run_command(struct cli *cli, const struct mortise_request *request)
{
	size_t most = cli->options.words_count;
	struct calling calling = {.cli = cli, .command = cli_word(cli, 1)};
	int status;

	calling.values = calloc(most, sizeof(*calling.values));
	calling.secrets = calloc(most, sizeof(struct mortise_secret *));
	if (calling.values == NULL || calling.secrets == NULL)
		status = system_error("cannot start");
	else
		status = cli_status(cli, mortise_backend_commands(cli->context, cli_word(cli, 0),
		    take_words, &calling, cli->error));
	if (status == 0)
		status = calling.status;
	/* Of a command that is not there the library knows what there is. */
	if (status == 0)
		status = cli_status(cli, mortise_backend_run(cli->context, request,
		    cli_word(cli, 0), calling.command, calling.values, calling.count,
		    print_cells, &cli->output, cli->error));
	for (size_t i = 0; i < calling.count; i++)
		mortise_secret_free(calling.secrets[i]);
	free(calling.secrets);
	free(calling.values);
	return status;
}

/* --- an older store, accepted ------------------------------------------------------- */

/* The reason, beside what else is to be recorded: malloc'd; NULL after a message. */
static char *
add_reason(const char *metadata, const char *reason)
{
	json_t *object = metadata == NULL ? json_object() : json_loads(metadata, 0, NULL);
	char *text = NULL;

	if (reason[0] == '\0')
		(void)usage_error("--accept-rollback takes the reason, for the trail");
	else if (!json_is_object(object) ||
	    json_object_set_new(object, "reason", json_string(reason)) != 0)
		(void)usage_error("--metadata takes a JSON object, and a reason is UTF-8");
	else
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}

static int
accept_rollback(struct cli *cli, struct mortise_request request)
{
	char *metadata _cleanup_(free_pointer) = add_reason(request.metadata,
	    option_value(&cli->options, OPTION_ACCEPT_ROLLBACK));

	if (metadata == NULL)
		return EXIT_USAGE;
	request.metadata = metadata;
	return cli_status(cli, mortise_backend_accept(cli->context, &request, cli_word(cli, 0),
	    cli->error));
}

int
verb_backend(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	bool accepts = option_given(&cli->options, OPTION_ACCEPT_ROLLBACK);
	int status;

	if (accepts && cli_word(cli, 0) == NULL)
		return usage_error("--accept-rollback needs a backend's name");
	status = cli_open_maintenance(cli);
	if (status == 0 && accepts)
		status = accept_rollback(cli, request);
	if (status != 0)
		return status;
	if (cli_word(cli, 1) != NULL)
		return run_command(cli, &request);
	return accepts ? 0 : show_backends(cli, cli_word(cli, 0));
}
