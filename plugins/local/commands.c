/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of commands, and those that need little more than the store has. */
#include "local.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define COLUMNS_MAX 8

enum mortise_code
give_row(struct store *store, struct mortise_out *out, const struct column *columns,
    size_t count)
{
	char numbers[COLUMNS_MAX][24];
	struct mortise_pair pairs[COLUMNS_MAX];

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, columns[i].number);
		pairs[i].name = columns[i].name;
		pairs[i].value = columns[i].text == NULL ? numbers[i] : columns[i].text;
	}
	return store->host->add_row(out, pairs, count);
}

/* --- verify, upgrade ------------------------------------------------------------- */

static enum mortise_code
verify(void *instance, struct mortise_call *call, const struct mortise_options *options,
    struct mortise_out *out)
{
	struct store *store = instance;
	struct counts counts = {0};
	enum mortise_code code;

	(void)options;
	store->call = call;
	code = store_begin(store, false);
	if (code != MORTISE_OK)
		return code;
	code = walk_rows(store, &counts);
	if (code == MORTISE_OK) {
		const struct column columns[] = {
			{.name = "store", .text = store->id_text},
			{.name = "generation", .number = store->header.generation},
			{.name = "slots", .number = counts.rows[0]},
			{.name = "names", .number = counts.rows[1]},
			{.name = "versions", .number = counts.rows[2]},
			{.name = "state", .number = counts.rows[3]},
		};

		code = give_row(store, out, columns, ARRAY_SIZE(columns));
	}
	store_abort(store);
	return code;
}

/* A store that is open is of this program's format: there is no older one, and
 * open refuses a newer one. */
static enum mortise_code
upgrade(void *instance, struct mortise_call *call, const struct mortise_options *options,
    struct mortise_out *out)
{
	struct store *store = instance;
	const struct column columns[] = {{.name = "format", .number = FORMAT},
	    {.name = "done", .text = "nothing to do"}};

	(void)options;
	store->call = call;
	return give_row(store, out, columns, ARRAY_SIZE(columns));
}

/* --- compact ---------------------------------------------------------------------- */

static int64_t
file_size(const struct store *store)
{
	struct stat status;

	return stat(store->path, &status) < 0 ? 0 : (int64_t)status.st_size;
}

/* All records whose time is over; a transaction of its own. */
static enum mortise_code
expire_all(struct store *store, int64_t *expired)
{
	const struct instant now = clock_now();
	int64_t before, first;
	enum mortise_code code = store_begin(store, true);

	if (code != MORTISE_OK)
		return code;
	first = store->header.sum.rows;
	do {
		before = store->header.sum.rows;
		code = state_expire(store, &now);
	} while (code == MORTISE_OK && store->header.sum.rows != before);
	*expired = first - store->header.sum.rows;
	if (code == MORTISE_OK && *expired == 0) {
		store_abort(store);
		return MORTISE_OK;
	}
	return store_end(store, code);
}

static enum mortise_code
compact(void *instance, struct mortise_call *call, const struct mortise_options *options,
    struct mortise_out *out)
{
	struct store *store = instance;
	int64_t expired = 0, before;
	enum mortise_code code;

	(void)options;
	store->call = call;
	store_checkpoint(store);
	before = file_size(store);
	code = expire_all(store, &expired);
	if (code == MORTISE_OK)
		code = store_run(store, "VACUUM");
	if (code != MORTISE_OK)
		return code;
	store_checkpoint(store);

	const struct column columns[] = {{.name = "expired", .number = expired},
	    {.name = "before", .number = before}, {.name = "after", .number = file_size(store)}};

	return give_row(store, out, columns, ARRAY_SIZE(columns));
}

/* --- the table -------------------------------------------------------------------- */

static const struct mortise_option file_option = {
	.size = sizeof(file_option),
	.name = "file",
	.doc = "the copy",
	.type = MORTISE_OPTION_STRING,
	.flags = MORTISE_OPTION_REQUIRED | MORTISE_OPTION_PATH,
};
static const struct mortise_option key_option = {
	.size = sizeof(key_option),
	.name = "key",
	.doc = "a key: base64 of 32 random bytes",
	.type = MORTISE_OPTION_STRING,
	.flags = MORTISE_OPTION_SECRET,
};
static const struct mortise_option passphrase_option = {
	.size = sizeof(passphrase_option),
	.name = "passphrase",
	.doc = "a passphrase",
	.type = MORTISE_OPTION_STRING,
	.flags = MORTISE_OPTION_SECRET,
};
static const struct mortise_option slot_option = {
	.size = sizeof(slot_option),
	.name = "slot",
	.doc = "its number, as `keys` shows it",
	.type = MORTISE_OPTION_INT,
	.flags = MORTISE_OPTION_REQUIRED,
	.minimum = 1,
	.maximum = INT64_MAX,
};
static const struct mortise_option force_option = {
	.size = sizeof(force_option),
	.name = "force",
	.doc = "also the only one that the configured key opens",
	.type = MORTISE_OPTION_BOOL,
	.initial = "false",
};
static const struct mortise_option drop_option = {
	.size = sizeof(drop_option),
	.name = "drop-slots",
	.doc = "leave out the slots that no key at hand opens",
	.type = MORTISE_OPTION_BOOL,
	.initial = "false",
};

static const struct mortise_option *const file_options[] = {&file_option, NULL};
static const struct mortise_option *const add_options[] = {&key_option, &passphrase_option, NULL};
static const struct mortise_option *const remove_options[] = {&slot_option, &force_option, NULL};
static const struct mortise_option *const rekey_options[] = {&key_option, &passphrase_option,
    &drop_option, NULL};
static const struct mortise_option *const no_options[] = {NULL};

#define COMMAND(symbol, title, words, takes, function, how) \
	static const struct mortise_command symbol = { \
		.size = sizeof(symbol), .name = title, .doc = words, .options = takes, \
		.flags = how, .run = function, \
	}

COMMAND(verify_command, "verify", "check every row", no_options, verify, 0);
COMMAND(upgrade_command, "upgrade", "bring the file to this program's format", no_options,
    upgrade, 0);
COMMAND(compact_command, "compact", "give room back to the disk", no_options, compact, 0);
COMMAND(keys_command, "keys", "list the key slots", no_options, command_keys, 0);
COMMAND(add_command, "add-key", "add a slot for another key or passphrase", add_options,
    command_add_key, 0);
COMMAND(remove_command, "remove-key", "remove a slot", remove_options, command_remove_key, 0);
COMMAND(rekey_command, "rekey", "seal everything anew under another root key", rekey_options,
    command_rekey, 0);
COMMAND(backup_command, "backup", "write a consistent copy to a new file", file_options,
    command_backup, 0);
COMMAND(restore_command, "restore", "put the content of a copy back", file_options,
    command_restore, MORTISE_COMMAND_NO_INSTANCE);

const struct mortise_command *const commands[] = {
	&verify_command, &upgrade_command, &compact_command, &keys_command, &add_command,
	&remove_command, &rekey_command, &backup_command, &restore_command, NULL
};
