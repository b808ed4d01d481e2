/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"

#define MANIFEST "manifest.json"
#define MANIFEST_MAX (16 << 20)
#define FILES_MAX 100000
#define STORES "stores/"
#define TRAIL "trail/"

void
backup_free(struct backup *backup)
{
	for (size_t i = 0; i < backup->count; i++)
		free(backup->files[i].path);
	free(backup->files);
	*backup = (struct backup){.files = NULL};
}

/* What stands behind the folder; NULL: it is in another. */
static const char *
name_in(const char *folder, const char *name)
{
	size_t length = strlen(folder);

	return strncmp(name, folder, length) == 0 ? name + length : NULL;
}

const char *
backup_store(const struct backup_file *file)
{
	return name_in(STORES, file->entry.name);
}

enum mortise_code
backup_add(struct backup *backup, const char *name, char *path, uint64_t size,
    struct mortise_error *error)
{
	struct backup_file *bigger = path == NULL ? NULL :
	    realloc(backup->files, (backup->count + 1) * sizeof(*bigger)), *file;

	if (bigger != NULL)
		backup->files = bigger;
	if (bigger == NULL || strlen(name) >= ARCHIVE_NAME_SIZE) {
		free(path);
		return bigger == NULL ? error_memory(error) : error_set(error, MORTISE_INVALID,
		    MORTISE_REASON_NONE, "%s: a name as long as that has no room in a backup", name);
	}
	file = &backup->files[backup->count++];
	*file = (struct backup_file){.path = path, .entry = {.size = size}};
	(void)snprintf(file->entry.name, sizeof(file->entry.name), "%s", name);
	return MORTISE_OK;
}

/* --- writing ------------------------------------------------------------------------ */

static void
add_member(struct buffer *text, const char *key, const char *value)
{
	buffer_format(text, "\"%s\":", key);
	(void)buffer_json(text, value, strlen(value));
	buffer_text(text, ",");
}

static void
describe(const struct backup *backup, struct buffer *text)
{
	buffer_format(text, "{\"mortiseBackup\":%d,", BACKUP_FORMAT);
	add_member(text, "made", backup->made);
	add_member(text, "program", backup->program);
	add_member(text, "trail", backup->head.trail);
	buffer_format(text, "\"seq\":%" PRIu64 ",", backup->head.seq);
	add_member(text, "hash", backup->head.hash);
	buffer_text(text, "\"files\":[");
	for (size_t i = 0; i < backup->count; i++) {
		const struct archive_entry *entry = &backup->files[i].entry;

		buffer_text(text, i == 0 ? "\n{" : ",\n{");
		add_member(text, "name", entry->name);
		add_member(text, "sha256", entry->sha256);
		buffer_format(text, "\"size\":%" PRIu64 "}", entry->size);
	}
	buffer_text(text, "]}\n");
}

/* By way of an unnamed file: an archive takes descriptors. */
static enum mortise_code
add_text(int archive, const char *name, const struct buffer *text, struct mortise_error *error)
{
	struct archive_entry entry = {.size = text->size};
	FILE *file = tmpfile();
	enum mortise_code code;

	(void)snprintf(entry.name, sizeof(entry.name), "%s", name);
	if (file == NULL)
		return error_errno(error, errno, "cannot make a temporary file");
	if (file_write(fileno(file), text->data, text->size, NULL) != 0 ||
	    lseek(fileno(file), 0, SEEK_SET) != 0)
		code = error_errno(error, errno, "cannot write a temporary file");
	else
		code = archive_add(archive, fileno(file), &entry, error);
	(void)fclose(file);
	return code;
}

static enum mortise_code
add_file(int archive, struct backup_file *file, struct mortise_error *error)
{
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, file->path, O_RDONLY, 0);

	return fd < 0 ? error_errno(error, errno, "cannot read %s", file->path) :
	    archive_add(archive, fd, &file->entry, error);
}

enum mortise_code
backup_write(int archive, struct backup *backup, struct mortise_error *error)
{
	struct buffer text _cleanup_(buffer_free) = {0};
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < backup->count; i++)
		code = add_file(archive, &backup->files[i], error);
	if (code != MORTISE_OK)
		return code;
	describe(backup, &text);
	code = text.failed ? error_memory(error) : add_text(archive, MANIFEST, &text, error);
	return code == MORTISE_OK ? archive_end(archive, error) : code;
}

/* --- reading ------------------------------------------------------------------------ */

static enum mortise_code
fail_damaged(struct mortise_error *error, const char *what)
{
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "it is damaged: %s; take another backup", what);
}

/* stores/NAME or trail/NAME, and nothing that leads elsewhere. */
static bool
plain_name(const char *name)
{
	const char *base = name_in(STORES, name);

	if (base == NULL)
		base = name_in(TRAIL, name);
	return base != NULL && base[0] != '\0' && base[0] != '.' && strchr(base, '/') == NULL;
}

/* It is in the list first, so that whoever cleans up finds it. */
static enum mortise_code
unpack_file(int archive, const char *directory, struct backup *backup,
    const struct archive_entry *entry, struct mortise_error *error)
{
	char *path = path_join(directory, entry->name);
	enum mortise_code code = path == NULL ? error_memory(error) :
	    backup_add(backup, entry->name, path, entry->size, error);
	struct backup_file *file;
	int fd _cleanup_(file_close) = -1;

	if (code != MORTISE_OK)
		return code;
	file = &backup->files[backup->count - 1];
	fd = file_open(AT_FDCWD, file->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(error, errno, "cannot make %s", file->path);
	code = archive_take(archive, &file->entry, fd, error);
	return code != MORTISE_OK || file_sync(fd) == 0 ? code :
	    error_errno(error, errno, "cannot write %s", file->path);
}

static enum mortise_code
take_manifest(int archive, struct archive_entry *entry, json_t **manifest,
    struct mortise_error *error)
{
	FILE *file = tmpfile();
	enum mortise_code code;

	if (file == NULL)
		return error_errno(error, errno, "cannot make a temporary file");
	code = archive_take(archive, entry, fileno(file), error);
	if (code == MORTISE_OK && lseek(fileno(file), 0, SEEK_SET) != 0)
		code = error_errno(error, errno, "cannot read a temporary file");
	if (code == MORTISE_OK) {
		*manifest = json_loadf(file, JSON_REJECT_DUPLICATES, NULL);
		if (*manifest == NULL)
			code = fail_damaged(error, "its list of files cannot be read");
	}
	(void)fclose(file);
	return code;
}

static bool
take_text(const json_t *object, const char *key, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL && (size_t)snprintf(text, size, "%s", value) < size;
}

static enum mortise_code
check_file(const struct archive_entry *have, const json_t *listed, struct mortise_error *error)
{
	char name[ARCHIVE_NAME_SIZE], sha256[DIGEST_TEXT_SIZE];

	if (!take_text(listed, "name", name, sizeof(name)) ||
	    !take_text(listed, "sha256", sha256, sizeof(sha256)))
		return fail_damaged(error, "its list of files has no names");
	if (strcmp(name, have->name) != 0 || strcmp(sha256, have->sha256) != 0 ||
	    json_integer_value(json_object_get(listed, "size")) != (json_int_t)have->size)
		return fail_damaged(error, have->name);
	return MORTISE_OK;
}

static enum mortise_code
check_manifest(struct backup *backup, const json_t *manifest, struct mortise_error *error)
{
	const json_t *files = json_object_get(manifest, "files");
	json_int_t format = json_integer_value(json_object_get(manifest, "mortiseBackup"));
	json_int_t seq = json_integer_value(json_object_get(manifest, "seq"));
	enum mortise_code code = MORTISE_OK;

	if (format > BACKUP_FORMAT)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "it is of format %lld, and this program knows format %d; upgrade Mortise",
		    (long long)format, BACKUP_FORMAT);
	if (format != BACKUP_FORMAT || seq < 0 ||
	    !take_text(manifest, "made", backup->made, sizeof(backup->made)) ||
	    !take_text(manifest, "program", backup->program, sizeof(backup->program)) ||
	    !take_text(manifest, "trail", backup->head.trail, sizeof(backup->head.trail)) ||
	    !take_text(manifest, "hash", backup->head.hash, sizeof(backup->head.hash)) ||
	    json_array_size(files) != backup->count)
		return fail_damaged(error, "its list of files is not that of its files");
	backup->head.size = sizeof(backup->head);
	backup->head.seq = (uint64_t)seq;
	for (size_t i = 0; code == MORTISE_OK && i < backup->count; i++)
		code = check_file(&backup->files[i].entry, json_array_get(files, i), error);
	return code;
}

enum mortise_code
backup_unpack(int archive, const char *directory, struct backup *backup,
    struct mortise_error *error)
{
	struct archive_entry entry;
	json_t *manifest = NULL;
	bool more = true;
	enum mortise_code code = MORTISE_OK;

	while (code == MORTISE_OK && manifest == NULL) {
		code = archive_next(archive, &entry, &more, error);
		if (code != MORTISE_OK)
			break;
		if (!more)
			code = fail_damaged(error, "it has no list of files");
		else if (strcmp(entry.name, MANIFEST) == 0 && entry.size <= MANIFEST_MAX)
			code = take_manifest(archive, &entry, &manifest, error);
		else if (plain_name(entry.name) && backup->count < FILES_MAX)
			code = unpack_file(archive, directory, backup, &entry, error);
		else
			code = fail_damaged(error, "a file in it has a strange name");
	}
	if (code == MORTISE_OK)
		code = check_manifest(backup, manifest, error);
	json_decref(manifest);
	return code;
}
