/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sink on a table of the user's: a row for each access that has ended, with an id made
 * of the record's trail and number, so that a record that is sent again finds its row.
 * Parameters have no type here: the server takes that of the column.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#define COLUMNS_MAX 100			/* a statement has 65535 parameters, and 512 rows */
#define ID_SIZE 40			/* with its NUL */
#define ERASE_AT_ONCE 1000

enum id_form {
	ID_UUID,
	ID_CUID
};

struct column {
	char *name;			/* quoted, as SQL has it */
	const char *field;		/* NULL: the value alone */
	const char *value;		/* where the field is absent; NULL: NULL */
};

struct mapped {
	const struct mortise_host *host;
	char *table, *id;		/* quoted */
	enum id_form form;
	struct column *columns;
	size_t count;
};

/* What lines have, and parts of them that columns can be made from. */
static const char *const known_fields[] = {"trail", "line", "seq", "ts", "t", "h", "op", "action",
    "agencyId", "resourceType", "resourceId", "claimed", "code", "reason", "ms", "calls", "more",
    "cached", "stale", "stores", "actor.uid", "actor.gid", "actor.pid", "actor.via", "actor.key",
    "actor.app", "userEmail", "ipAddress", "userAgent", "metadata", "bad", "back", "pc"};
/* What erasing takes away. */
static const char *const personal_fields[] = {"userEmail", "ipAddress", "userAgent", "metadata",
    "line"};

static bool
is_one_of(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; word != NULL && i < count; i++) {
		if (strcmp(words[i], word) == 0)
			return true;
	}
	return false;
}

/* --- names ---------------------------------------------------------------------------- */

static void
add_quoted(struct text *text, const char *name, size_t size)
{
	text_bytes(text, "\"", 1);
	for (size_t i = 0; i < size; i++)
		text_bytes(text, name[i] == '"' ? "\"\"" : name + i, name[i] == '"' ? 2 : 1);
	text_bytes(text, "\"", 1);
}

/* A name, or two with a dot between, each as the database has it; in quotes as in SQL, or
 * without.  NULL: no memory, or none. */
static char *
quoted(const char *name, bool dotted)
{
	struct text text = {0};
	const char *end;

	for (;;) {
		bool as_is = name[0] == '"';

		end = as_is ? strchr(name + 1, '"') : name + (dotted ? strcspn(name, ".") :
		    strlen(name));
		if (end == NULL || end == name + as_is)
			text.failed = true;
		else
			add_quoted(&text, name + as_is, (size_t)(end - name) - as_is);
		if (text.failed || end[as_is] != '.')
			break;
		text_bytes(&text, ".", 1);
		name = end + as_is + 1;
		dotted = false;
	}
	if (!text.failed && end[name[0] == '"'] == '\0')
		return text.bytes;
	text_free(&text);
	return NULL;
}

/* --- options -------------------------------------------------------------------------- */

static struct column *
find_column(const struct mapped *mapped, const char *name)
{
	for (size_t i = 0; i < mapped->count; i++) {
		if (strcmp(mapped->columns[i].name, name) == 0)
			return &mapped->columns[i];
	}
	return NULL;
}

/* The column of this name, added where it is none yet. */
static enum mortise_code
column_of(struct mapped *mapped, struct mortise_call *call, const struct mortise_options *given,
    const char *key, struct column **column)
{
	char *name = quoted(key, false);

	if (name == NULL)
		return mapped->host->option_fail(call, given, "", "%s is no column's name", key);
	*column = find_column(mapped, name);
	if (*column != NULL || strcmp(name, mapped->id) == 0 || mapped->count == COLUMNS_MAX) {
		bool known = *column != NULL;

		free(name);
		return known ? MORTISE_OK : mapped->host->option_fail(call, given, "",
		    "%s is the id's column, or one too many", key);
	}
	*column = &mapped->columns[mapped->count++];
	**column = (struct column){.name = name};
	return MORTISE_OK;
}

static enum mortise_code
take_columns(struct mapped *mapped, struct mortise_call *call,
    const struct mortise_options *options)
{
	const struct mortise_host *host = mapped->host;
	const struct mortise_options *given;
	struct column *column;
	const char *key;
	size_t at = 0;

	while ((given = host->option_at(options, "sink.columns", at++, &key)) != NULL) {
		const char *field = host->option_string(given, "");
		enum mortise_code code = column_of(mapped, call, given, key, &column);

		if (code != MORTISE_OK)
			return code;
		if (!is_one_of(known_fields, ARRAY_SIZE(known_fields), field))
			return host->option_fail(call, given, "", "%s is no field of a record; "
			    "mortise-postgres(5) lists them", field);
		column->field = field;
	}
	at = 0;
	while ((given = host->option_at(options, "sink.defaults", at++, &key)) != NULL) {
		enum mortise_code code = column_of(mapped, call, given, key, &column);

		if (code != MORTISE_OK)
			return code;
		column->value = host->option_string(given, "");
	}
	return MORTISE_OK;
}

static enum mortise_code
take_options(struct mapped *mapped, struct mortise_call *call,
    const struct mortise_options *options)
{
	const struct mortise_host *host = mapped->host;
	const char *id = host->option_string(options, "sink.id.column");

	mapped->form = (enum id_form)host->option_number(options, "sink.id.form");
	mapped->table = quoted(host->option_string(options, "sink.table"), true);
	if (mapped->table == NULL)
		return host->option_fail(call, options, "sink.table", "it is no table's name");
	mapped->id = quoted(id == NULL ? "" : id, false);
	if (mapped->id == NULL)
		return host->option_fail(call, options, "sink", "id.column is missing: without it a "
		    "record that is sent again would be two rows");
	mapped->columns = calloc(COLUMNS_MAX, sizeof(*mapped->columns));
	return mapped->columns == NULL ? no_memory(host, call) : take_columns(mapped, call, options);
}

void
mapped_free(struct mapped *mapped)
{
	if (mapped == NULL)
		return;
	for (size_t i = 0; i < mapped->count; i++)
		free(mapped->columns[i].name);
	free(mapped->columns);
	free(mapped->table);
	free(mapped->id);
	free(mapped);
}

enum mortise_code
mapped_new(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_options *options, struct mapped **made)
{
	static const char *const others[] = {"sink.columns", "sink.defaults", "sink.id"};
	struct mapped *mapped;
	enum mortise_code code;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (host->option_given(options, others[i]) && !host->option_given(options, "sink.table"))
			return host->option_fail(call, options, others[i], "it goes with a table; name "
			    "it in sink.table, or remove this");
	}
	if (!host->option_given(options, "sink.table"))
		return MORTISE_OK;
	mapped = calloc(1, sizeof(*mapped));
	if (mapped == NULL)
		return no_memory(host, call);
	mapped->host = host;
	code = take_options(mapped, call, options);
	if (code == MORTISE_OK)
		*made = mapped;
	else
		mapped_free(mapped);
	return code;
}

/* --- ids ------------------------------------------------------------------------------ */

/* 16 bytes of SHA-256 over what names the record, as a UUID of one's own making (RFC 9562,
 * version 8), or what Prisma's cuid() looks like. */
static bool
make_id(enum id_form form, const char *trail, uint64_t seq, char id[ID_SIZE])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	unsigned char digest[EVP_MAX_MD_SIZE];
	char named[128];
	int length = snprintf(named, sizeof(named), "mortise-row-v1:%s:%" PRIu64, trail,
	    seq);
	int at = 0;

	if (length < 0 || (size_t)length >= sizeof(named) ||
	    EVP_Digest(named, (size_t)length, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	if (form == ID_CUID) {
		id[0] = 'c';
		for (at = 1; at < 25; at++)
			id[at] = digits[digest[at] % 36];
		id[at] = '\0';
		return true;
	}
	digest[6] = (digest[6] & 0x0f) | 0x80;
	digest[8] = (digest[8] & 0x3f) | 0x80;
	for (int i = 0; i < 16; i++)
		at += snprintf(id + at, (size_t)(ID_SIZE - at), "%s%02x",
		    i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", digest[i]);
	return true;
}

/* --- rows ----------------------------------------------------------------------------- */

static bool
has_row(const struct mortise_line *line)
{
	const char *t = line_field(line, "t");

	return t != NULL && strcmp(t, "outcome") == 0 && line_field(line, "action") != NULL;
}

/* INSERT ... VALUES ($1, $2), ($3, $4) ... */
static void
insert_sql(const struct mapped *mapped, size_t rows, struct text *sql)
{
	size_t parameter = 0;

	text_format(sql, "INSERT INTO %s (%s", mapped->table, mapped->id);
	for (size_t i = 0; i < mapped->count; i++)
		text_format(sql, ", %s", mapped->columns[i].name);
	text_format(sql, ") VALUES ");
	for (size_t row = 0; row < rows; row++) {
		text_format(sql, "%s($%zu", row == 0 ? "" : ", ", ++parameter);
		for (size_t i = 0; i < mapped->count; i++)
			text_format(sql, ", $%zu", ++parameter);
		text_format(sql, ")");
	}
	text_format(sql, " ON CONFLICT (%s) DO NOTHING", mapped->id);
}

static void
fill_row(const struct mapped *mapped, const struct mortise_line *line, const char *id,
    struct parameter *row)
{
	row[0] = (struct parameter)TEXT(id);
	for (size_t i = 0; i < mapped->count; i++) {
		const struct column *column = &mapped->columns[i];
		const char *value = column->field == NULL ? NULL : line_field(line, column->field);

		row[i + 1] = (struct parameter)TEXT(value != NULL ? value : column->value);
	}
}

enum mortise_code
mapped_send(const struct mapped *mapped, struct mortise_call *call,
    struct connection *connection, const struct mortise_line *lines, size_t count)
{
	size_t width = mapped->count + 1, rows = 0;
	struct parameter *parameters = calloc(count * width, sizeof(*parameters));
	char (*ids)[ID_SIZE] = calloc(count, sizeof(*ids));
	bool good = parameters != NULL && ids != NULL;
	struct text sql = {0};
	PGresult *result = NULL;
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; good && i < count; i++) {
		if (!has_row(&lines[i]))
			continue;
		good = make_id(mapped->form, lines[i].trail, lines[i].seq, ids[rows]);
		fill_row(mapped, &lines[i], ids[rows], parameters + rows * width);
		rows++;
	}
	if (good && rows > 0) {
		insert_sql(mapped, rows, &sql);
		good = !sql.failed;
	}
	if (!good)
		code = no_memory(mapped->host, call);
	else if (rows > 0)
		code = connection_ask(connection, call,
		    &(const struct query){sql.bytes, parameters, rows * width, false}, &result);
	PQclear(result);
	text_free(&sql);
	free(ids);
	free(parameters);
	return code;
}

/* --- erase, check --------------------------------------------------------------------- */

/* false: no column holds anything of persons. */
static bool
erase_sql(const struct mapped *mapped, size_t rows, struct text *sql,
    struct parameter *parameters, size_t *count)
{
	bool any = false;

	*count = 0;
	text_format(sql, "UPDATE %s SET ", mapped->table);
	for (size_t i = 0; i < mapped->count; i++) {
		const struct column *column = &mapped->columns[i];

		if (!is_one_of(personal_fields, ARRAY_SIZE(personal_fields), column->field))
			continue;
		parameters[*count] = (struct parameter)TEXT(column->value);
		text_format(sql, "%s%s = $%zu", any ? ", " : "", column->name, ++*count);
		any = true;
	}
	text_format(sql, " WHERE %s IN (", mapped->id);
	for (size_t i = 0; i < rows; i++)
		text_format(sql, "%s$%zu", i == 0 ? "" : ", ", *count + i + 1);
	text_format(sql, ")");
	return any;
}

static enum mortise_code
erase_some(struct postgres *postgres, struct mortise_call *call, const char *trail,
    const uint64_t *seqs, size_t rows)
{
	const struct mapped *mapped = postgres->mapped;
	struct parameter *parameters = calloc(mapped->count + rows, sizeof(*parameters));
	char (*ids)[ID_SIZE] = calloc(rows, sizeof(*ids));
	struct text sql = {0};
	PGresult *result = NULL;
	size_t count = 0;
	bool good = parameters != NULL && ids != NULL, any = false;
	enum mortise_code code = MORTISE_OK;

	if (good)
		any = erase_sql(mapped, rows, &sql, parameters, &count);
	for (size_t i = 0; good && i < rows; i++) {
		good = make_id(mapped->form, trail, seqs[i], ids[i]);
		parameters[count++] = (struct parameter)TEXT(ids[i]);
	}
	if (!good || sql.failed)
		code = no_memory(postgres->host, call);
	else if (any)
		code = pool_ask(postgres->erase, call,
		    &(const struct query){sql.bytes, parameters, count, false}, &result);
	PQclear(result);
	text_free(&sql);
	free(ids);
	free(parameters);
	return code;
}

enum mortise_code
mapped_erase(struct postgres *postgres, struct mortise_call *call, const char *trail,
    const uint64_t *seqs, size_t count)
{
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < count; i += ERASE_AT_ONCE)
		code = erase_some(postgres, call, trail, seqs + i,
		    count - i < ERASE_AT_ONCE ? count - i : ERASE_AT_ONCE);
	return code;
}

/* The server looks at everything but the values, and does nothing. */
enum mortise_code
mapped_check(struct postgres *postgres, struct mortise_call *call)
{
	struct parameter parameters[COLUMNS_MAX + 1] = {0};
	struct text sql = {0};
	PGresult *result = NULL;
	enum mortise_code code;

	text_format(&sql, "EXPLAIN ");
	insert_sql(postgres->mapped, 1, &sql);
	code = sql.failed ? no_memory(postgres->host, call) : pool_ask(postgres->emit, call,
	    &(const struct query){sql.bytes, parameters, postgres->mapped->count + 1, false}, &result);
	PQclear(result);
	text_free(&sql);
	return code;
}
