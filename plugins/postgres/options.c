/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema of options and the descriptor; what makes and ends an instance. */
#include <stdlib.h>
#include <string.h>

#include "postgres.h"
#include "sdk/schema.h"

static const struct mortise_host *host;

const struct mortise_host *
postgres_host(void)
{
	return host;
}

/* --- the schema ----------------------------------------------------------------------- */

SCHEMA_TEXT(dsn, "dsn", "the server, database and role, as libpq's connection string or URI", NULL,
    MORTISE_OPTION_REQUIRED | MORTISE_OPTION_SECRET);
SCHEMA_TEXT(erase_dsn, "erase-dsn", "the same for who erases; not given: dsn", NULL,
    MORTISE_OPTION_SECRET);
SCHEMA_TEXT(read_dsn, "read-dsn", "the same for who reads the trail; not given: dsn", NULL,
    MORTISE_OPTION_SECRET);
SCHEMA_TEXT(schema, "schema", "the database's schema that its own tables are in", "mortise", 0);
static const char *const commits[] = {"on", "remote_apply", "remote_write", "local", "off", NULL};
SCHEMA_ENUM(commit, "synchronous-commit", "when the server may call something done; off: before it "
    "is on any disk", commits, "on");
SCHEMA_OPTION(pool, "pool", "how many connections state records use at most", MORTISE_OPTION_INT,
    .initial = "8", .minimum = 1, .maximum = 1000);

SCHEMA_TEXT(table, "table", "a table of yours, TABLE or SCHEMA.TABLE as the database has it", NULL,
    0);
SCHEMA_TEXT(field, "", "the field of a record that it gets", NULL, 0);
static const struct mortise_option *const field_of[] = {&field, NULL};
SCHEMA_MAP(columns, "columns", "column: field of a record", field_of);
SCHEMA_TEXT(value, "", "what it gets where the record has no such field", NULL, 0);
static const struct mortise_option *const value_of[] = {&value, NULL};
SCHEMA_MAP(defaults, "defaults", "column: value, where a record lacks its field, or always where "
    "columns does not name it", value_of);
SCHEMA_TEXT(column, "column", "the column, which is unique", NULL, MORTISE_OPTION_REQUIRED);
static const char *const forms[] = {"uuid", "cuid", NULL};
SCHEMA_ENUM(form, "form", "what ids look like", forms, "uuid");
static const struct mortise_option *const id_members[] = {&column, &form, NULL};
SCHEMA_GROUP(id, "id", "the row's id, made from the record's trail and number", id_members);
static const struct mortise_option *const sink_members[] = {&table, &id, &columns, &defaults, NULL};
SCHEMA_GROUP(sink, "sink", "audit records go to a table of yours", sink_members);

static const struct mortise_option *const options[] = {&dsn, &erase_dsn, &read_dsn, &schema,
    &commit, &pool, &sink, NULL};

enum mortise_code
check_name(const struct mortise_host *table_of_host, struct mortise_call *call,
    const struct mortise_options *given, const char *option)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
	const char *name = table_of_host->option_string(given, option);

	return strspn(name, letters) == strlen(name) && strlen(name) < NAME_SIZE &&
	    (name[0] < '0' || name[0] > '9') ? MORTISE_OK : table_of_host->option_fail(call, given,
	    option, "%s is no name of [a-z_][a-z0-9_]*, 63 bytes at most", name);
}

enum mortise_code
no_memory(const struct mortise_host *table_of_host, struct mortise_call *call)
{
	return table_of_host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

/* --- instances ------------------------------------------------------------------------ */

static void
postgres_close(void *instance)
{
	struct postgres *postgres = instance;

	pool_free(postgres->state);
	pool_free(postgres->emit);
	pool_free(postgres->erase);
	pool_free(postgres->read);
	mapped_free(postgres->mapped);
	free(postgres->identity);
	free(postgres);
}

static const char *
given_or_dsn(const struct postgres *postgres, const char *option)
{
	return host->option_given(postgres->options, option) ? option : "dsn";
}

static enum mortise_code
make_pools(struct postgres *postgres, struct mortise_call *call)
{
	const struct mortise_options *given = postgres->options;
	const char *word = commits[host->option_number(given, "synchronous-commit")];

	postgres->state = pool_new(host, given, "dsn", word,
	    (size_t)host->option_number(given, "pool"));
	postgres->emit = pool_new(host, given, "dsn", word, 1);
	postgres->erase = pool_new(host, given, given_or_dsn(postgres, "erase-dsn"), word, 1);
	postgres->read = pool_new(host, given, given_or_dsn(postgres, "read-dsn"), word, 1);
	if (postgres->state == NULL || postgres->emit == NULL || postgres->erase == NULL ||
	    postgres->read == NULL)
		return no_memory(host, call);
	if (strcmp(word, "off") == 0)
		host->log(call, MORTISE_LOG_WARNING, "synchronous-commit is off: what the server has "
		    "acknowledged can be lost in a crash");
	return MORTISE_OK;
}

/* Where it is, without who asks. */
static enum mortise_code
take_identity(struct postgres *postgres, struct mortise_call *call)
{
	struct dsn found;
	struct text text = {0};
	char *place;
	enum mortise_code code = dsn_read(host, call, postgres->options, "dsn", &found);

	if (code != MORTISE_OK)
		return code;
	place = dsn_identity(&found);
	dsn_free(&found);
	if (place == NULL)
		return no_memory(host, call);
	text_bytes(&text, place, strlen(place));
	text_format(&text, "/%s", postgres->schema);
	free(place);
	if (text.failed)
		return no_memory(host, call);
	postgres->identity = text.bytes;
	return MORTISE_OK;
}

static enum mortise_code
postgres_open(struct mortise_call *call, const struct mortise_options *given, void **instance)
{
	struct postgres *postgres = calloc(1, sizeof(*postgres));
	enum mortise_code code;

	if (postgres == NULL)
		return no_memory(host, call);
	postgres->host = host;
	postgres->options = given;
	postgres->schema = host->option_string(given, "schema");
	atomic_init(&postgres->puts, 0);
	code = check_name(host, call, given, "schema");
	if (code == MORTISE_OK)
		code = take_identity(postgres, call);
	if (code == MORTISE_OK)
		code = mapped_new(host, call, given, &postgres->mapped);
	if (code == MORTISE_OK)
		code = make_pools(postgres, call);
	if (code != MORTISE_OK) {
		postgres_close(postgres);
		return code;
	}
	*instance = postgres;
	return MORTISE_OK;
}

static const char *
postgres_identity(void *instance)
{
	const struct postgres *postgres = instance;

	return postgres->identity;
}

/* A table of the user's has no place for the trail's position, and no lines. */
static uint64_t
postgres_offers(void *instance)
{
	const struct postgres *postgres = instance;

	return postgres->mapped == NULL ? UINT64_MAX :
	    ~(MORTISE_CAN_SINK_POSITION | MORTISE_CAN_SINK_READ);
}

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "postgres",
	.version = "0.1.0",
	.doc = "the audit trail and state records in PostgreSQL",
	.threads = MORTISE_THREADS_FREE,
	.reach = MORTISE_REACH_NETWORK,
	.flags = MORTISE_PLUGIN_DURABLE,
	.options = options,
	.open = postgres_open,
	.close = postgres_close,
	.check = postgres_check,
	.identity = postgres_identity,
	.offers = postgres_offers,
	.state = &postgres_state_ops,
	.sink = &postgres_sink_ops,
	.commands = postgres_commands,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table_of_host, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	if (table_of_host->size < sizeof(*table_of_host))
		return table_of_host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_CONFIGURATION,
		    "this Mortise is older than the plugin postgres; upgrade it");
	host = table_of_host;
	*descriptor = &plugin;
	return MORTISE_OK;
}
