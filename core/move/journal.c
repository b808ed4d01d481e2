/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line that says what is moved where, and a name a line.  A line is written by one
 * write, and one that a crash has cut has no end and is forgotten: its name is looked at
 * once more, which writes nothing twice.
 */
#include "move/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/name.h"

#define JOURNAL_MAX ((size_t)256 << 20)		/* bytes: a million names of any length */

struct journal {
	int fd;
	char *path;
	char *text;			/* what was read, each line ended by a NUL */
	char **names;			/* into it, sorted */
	size_t count;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool
journal_has(const struct journal *journal, const char *name)
{
	return journal->count > 0 && bsearch(&name, journal->names, journal->count,
	    sizeof(*journal->names), compare) != NULL;
}

size_t
journal_count(const struct journal *journal)
{
	return journal->count;
}

void
journal_close(struct journal **journal)
{
	if (*journal == NULL)
		return;
	file_close(&(*journal)->fd);
	free((*journal)->path);
	free((*journal)->text);
	free((*journal)->names);
	free(*journal);
}

/* Both stores and the prefix, by a digest: names of backends may change. */
static enum mortise_code
first_line(const struct moving *moving, const char *prefix, struct buffer *line,
    struct mortise_error *error)
{
	const struct engine *engine = moving->engine;
	const char *from = backend_identity(engine->backends[moving->from]);
	const char *to = backend_identity(engine->backends[moving->to]);
	const struct digest_part parts[] = {{from, strlen(from) + 1}, {to, strlen(to) + 1},
	    {prefix, strlen(prefix)}};
	unsigned char digest[DIGEST_SIZE];
	char text[DIGEST_TEXT_SIZE];

	if (!digest_sha256(parts, 3, digest))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "libcrypto made no SHA-256");
	hex_encode(digest, sizeof(digest), text);
	buffer_format(line, "mortise migration %d %s from %s to %s\n", JOURNAL_FORMAT, text,
	    engine->config->backends[moving->from].name, engine->config->backends[moving->to].name);
	return line->failed ? error_memory(error) : MORTISE_OK;
}

/* The names behind the first line; a last one without its end is none. */
static enum mortise_code
take_names(struct journal *journal, size_t size, struct mortise_error *error)
{
	char *line = strchr(journal->text, '\n') + 1, *end;
	size_t lines = 0;

	for (size_t i = 0; i < size; i++)
		lines += journal->text[i] == '\n';
	journal->names = calloc(lines + 1, sizeof(*journal->names));
	if (journal->names == NULL)
		return error_memory(error);
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (name_check(line, NULL) != MORTISE_OK)
			return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
			    "%s is damaged; remove it: what was moved is found out again",
			    journal->path);
		journal->names[journal->count++] = line;
	}
	/* Cut off for good: it may be the beginning of one name and the whole of another. */
	if (*line != '\0' && ftruncate(journal->fd, (off_t)(line - journal->text)) < 0)
		return error_errno(error, errno, "cannot write %s", journal->path);
	qsort(journal->names, journal->count, sizeof(*journal->names), compare);
	return MORTISE_OK;
}

static enum mortise_code
read_all(struct journal *journal, const struct buffer *first, struct mortise_error *error)
{
	size_t size = 0, same = strcspn(first->data, "\n");
	const char *from = strstr(first->data, " from ");

	journal->text = file_read(AT_FDCWD, journal->path, JOURNAL_MAX, &size);
	if (journal->text == NULL)
		return error_errno(error, errno, "cannot read %s", journal->path);
	if (size == 0 || strchr(journal->text, '\n') == NULL) {
		/* New, or killed before there was anything. */
		if (ftruncate(journal->fd, 0) < 0 ||
		    file_write(journal->fd, first->data, first->size, NULL) < 0)
			return error_errno(error, errno, "cannot write %s", journal->path);
		return MORTISE_OK;
	}
	if (from != NULL)
		same = (size_t)(from - first->data);
	if (strncmp(journal->text, first->data, same) != 0)
		return error_set(error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s is of another migration (%.*s); finish that one, remove the file, or name "
		    "another one", journal->path, (int)strcspn(journal->text, "\n"), journal->text);
	return take_names(journal, size, error);
}

enum mortise_code
journal_open(const char *path, const struct moving *moving, const char *prefix,
    struct journal **result, struct mortise_error *error)
{
	struct journal *journal _cleanup_(journal_close) = calloc(1, sizeof(*journal));
	struct buffer first _cleanup_(buffer_free) = {0};
	enum mortise_code code;

	if (journal == NULL)
		return error_memory(error);
	journal->path = text_dup(path);
	journal->fd = journal->path == NULL ? -1 :
	    file_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_APPEND, 0600);
	if (journal->path == NULL)
		return error_memory(error);
	if (journal->fd < 0)
		return error_errno(error, errno, "cannot open %s", path);
	if (flock(journal->fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s: another process migrates with it now", path);
	code = first_line(moving, prefix, &first, error);
	if (code == MORTISE_OK)
		code = read_all(journal, &first, error);
	if (code == MORTISE_OK) {
		*result = journal;
		journal = NULL;
	}
	return code;
}

enum mortise_code
journal_add(struct journal *journal, const char *name, struct mortise_error *error)
{
	struct buffer line _cleanup_(buffer_free) = {0};

	buffer_format(&line, "%s\n", name);
	if (line.failed)
		return error_memory(error);
	/* With O_APPEND one write is one line, whoever writes beside. */
	return file_write(journal->fd, line.data, line.size, NULL) == 0 ? MORTISE_OK :
	    error_errno(error, errno, "cannot write %s", journal->path);
}

enum mortise_code
journal_remove(struct journal *journal, struct mortise_error *error)
{
	return unlink(journal->path) == 0 ? MORTISE_OK :
	    error_errno(error, errno, "cannot remove %s", journal->path);
}
