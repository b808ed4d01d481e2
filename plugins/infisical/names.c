/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A name as a folder and a key.
 *
 * Folders may be called [A-Za-z0-9_-]+ (the server's isValidFolderName), keys anything
 * without slash and colon.  So in a folder "." is written "_-d" and "_-" itself "_-e": each
 * name has one folder, and each folder that has any is that of one name.
 */
#include <stdio.h>
#include <string.h>

#include "infisical.h"

#define ESCAPE "_-"
#define ESCAPED_DOT 'd'
#define ESCAPED_ESCAPE 'e'

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const char plain[] = ALPHANUMERIC "_-", key_plain[] = ALPHANUMERIC "_-.";

static bool
add(char *to, size_t size, const char *text, size_t length)
{
	size_t at = strlen(to);

	if (at + length >= size)
		return false;
	memcpy(to + at, text, length);
	to[at + length] = '\0';
	return true;
}

bool
name_split(const char *base, const char *name, char folder[FOLDER_SIZE], const char **key)
{
	const char *slash = strrchr(name, '/'), *p = name;
	bool good;

	*key = slash == NULL ? name : slash + 1;
	folder[0] = '\0';
	good = add(folder, FOLDER_SIZE, base, strlen(base)) &&
	    (slash == NULL || add(folder, FOLDER_SIZE, "/", 1));
	while (good && slash != NULL && p < slash) {
		size_t n = strncmp(p, ESCAPE, strlen(ESCAPE)) == 0 ? strlen(ESCAPE) : 1;

		good = n == 2 ? add(folder, FOLDER_SIZE, ESCAPE "e", 3) :
		    *p == '.' ? add(folder, FOLDER_SIZE, ESCAPE "d", 3) :
		    add(folder, FOLDER_SIZE, p, 1);
		p += n;
	}
	return good && (folder[0] != '\0' || add(folder, FOLDER_SIZE, "/", 1));
}

/* One folder of a path, behind what is in the name. */
static bool
unescape(char *name, const char *part, size_t length)
{
	size_t begin = strlen(name), room = MORTISE_NAME_MAX + 1;
	bool good = length > 0;

	for (size_t i = 0; good && i < length; i++) {
		bool escape = i + 1 < length && strncmp(part + i, ESCAPE, strlen(ESCAPE)) == 0;

		if (!escape) {
			good = strchr(plain, part[i]) != NULL && add(name, room, part + i, 1);
			continue;
		}
		i += 2;
		good = i < length && (part[i] == ESCAPED_DOT ? add(name, room, ".", 1) :
		    part[i] == ESCAPED_ESCAPE && add(name, room, ESCAPE, 2));
	}
	/* No name has such a segment. */
	return good && strcmp(name + begin, ".") != 0 && strcmp(name + begin, "..") != 0;
}

static bool
is_key(const char *key)
{
	return key[0] != '\0' && key[strspn(key, key_plain)] == '\0' && strcmp(key, ".") != 0 &&
	    strcmp(key, "..") != 0;
}

bool
name_join(const char *base, const char *folder, const char *key, char name[MORTISE_NAME_MAX + 1])
{
	size_t length = strlen(base);
	const char *p = folder + length;

	name[0] = '\0';
	if (strncmp(folder, base, length) != 0 || (*p != '/' && *p != '\0') || !is_key(key))
		return false;
	while (*p != '\0') {
		size_t part = strcspn(++p, "/");

		/* "/" alone, or one at the end. */
		if (part == 0 && p[0] == '\0')
			break;
		if (!unescape(name, p, part) || !add(name, MORTISE_NAME_MAX + 1, "/", 1))
			return false;
		p += part;
	}
	return add(name, MORTISE_NAME_MAX + 1, key, strlen(key));
}
