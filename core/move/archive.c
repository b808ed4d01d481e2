/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/archive.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"

#define BLOCK 512
#define PIECE (64 * BLOCK)
#define SIZE_LIMIT (UINT64_C(1) << 33)	/* eleven octal digits */

/* POSIX.1-2017, pax, "ustar Interchange Format". */
struct header {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12], mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6], version[2];
	char user[32], group[32];
	char major[8], minor[8];
	char prefix[155];
	char rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static unsigned int
checksum_of(const struct header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned int sum = 0;

	for (size_t i = 0; i < sizeof(*header); i++) {
		bool own = i >= offsetof(struct header, checksum) &&
		    i < offsetof(struct header, type);

		sum += own ? ' ' : bytes[i];
	}
	return sum;
}

/* Octal digits up to a NUL, a blank or the field's end; false: something else. */
static bool
octal(const char *field, size_t size, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < size && field[i] != '\0' && field[i] != ' '; i++) {
		if (field[i] < '0' || field[i] > '7')
			return false;
		*number = *number * 8 + (uint64_t)(field[i] - '0');
	}
	return true;
}

static size_t
padding(uint64_t size)
{
	return (size_t)((BLOCK - size % BLOCK) % BLOCK);
}

/* --- bytes that go by --------------------------------------------------------------- */

enum end {
	END_NONE,
	END_SHORT,			/* fewer than there should be */
	END_READ, END_WRITE		/* errno */
};

static enum end
pump(int from, int to, uint64_t size, EVP_MD_CTX *digest)
{
	char piece[PIECE];

	while (size > 0) {
		ssize_t n = file_read_some(from, piece, size < PIECE ? (size_t)size : PIECE);

		if (n <= 0)
			return n < 0 ? END_READ : END_SHORT;
		if (file_write(to, piece, (size_t)n, NULL) != 0)
			return END_WRITE;
		if (EVP_DigestUpdate(digest, piece, (size_t)n) != 1)
			return END_READ;
		size -= (uint64_t)n;
	}
	return END_NONE;
}

static enum mortise_code
copy(int from, int to, struct archive_entry *entry, struct mortise_error *error)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char bytes[DIGEST_SIZE];
	enum end end = END_READ;
	int saved;

	errno = ENOMEM;
	if (digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1)
		end = pump(from, to, entry->size, digest);
	saved = errno;
	if (end == END_NONE && EVP_DigestFinal_ex(digest, bytes, NULL) != 1)
		end = END_READ;
	EVP_MD_CTX_free(digest);
	if (end == END_SHORT)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "%s ends before its %llu bytes", entry->name,
		    (unsigned long long)entry->size);
	if (end != END_NONE)
		return error_errno(error, saved, end == END_READ ? "cannot read %s" :
		    "cannot write %s", entry->name);
	hex_encode(bytes, sizeof(bytes), entry->sha256);
	return MORTISE_OK;
}

/* --- writing ------------------------------------------------------------------------ */

static enum mortise_code
write_blocks(int archive, const void *bytes, size_t size, struct mortise_error *error)
{
	return file_write(archive, bytes, size, NULL) == 0 ? MORTISE_OK :
	    error_errno(error, errno, "cannot write the archive");
}

enum mortise_code
archive_add(int archive, int from, struct archive_entry *entry, struct mortise_error *error)
{
	static const char zeros[BLOCK];
	struct header header = {.mode = "0000600", .uid = "0000000", .gid = "0000000",
	    .mtime = "00000000000", .type = '0', .magic = "ustar", .version = {'0', '0'}};
	enum mortise_code code;

	if (entry->size >= SIZE_LIMIT)
		return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "%s is larger than the 8 GiB that an archive holds of one file", entry->name);
	memcpy(header.name, entry->name, strnlen(entry->name, sizeof(header.name)));
	(void)snprintf(header.size, sizeof(header.size), "%011llo",
	    (unsigned long long)entry->size);
	(void)snprintf(header.checksum, sizeof(header.checksum), "%06o", checksum_of(&header));
	header.checksum[7] = ' ';
	code = write_blocks(archive, &header, sizeof(header), error);
	if (code == MORTISE_OK)
		code = copy(from, archive, entry, error);
	if (code == MORTISE_OK)
		code = write_blocks(archive, zeros, padding(entry->size), error);
	return code;
}

enum mortise_code
archive_end(int archive, struct mortise_error *error)
{
	static const char zeros[2 * BLOCK];

	return write_blocks(archive, zeros, sizeof(zeros), error);
}

/* --- reading ------------------------------------------------------------------------ */

static enum mortise_code
read_block(int archive, struct header *header, struct mortise_error *error)
{
	size_t have = 0;

	while (have < sizeof(*header)) {
		ssize_t n = file_read_some(archive, (char *)header + have, sizeof(*header) - have);

		if (n < 0)
			return error_errno(error, errno, "cannot read the archive");
		if (n == 0)
			return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
			    "it ends before it should; it is no backup, or was not copied whole");
		have += (size_t)n;
	}
	return MORTISE_OK;
}

enum mortise_code
archive_next(int archive, struct archive_entry *entry, bool *more, struct mortise_error *error)
{
	static const struct header zeros;
	struct header header;
	uint64_t sum;
	enum mortise_code code = read_block(archive, &header, error);

	if (code != MORTISE_OK)
		return code;
	*more = memcmp(&header, &zeros, sizeof(header)) != 0;
	if (!*more)
		return MORTISE_OK;
	if (memcmp(header.magic, "ustar", 5) != 0 ||
	    !octal(header.checksum, sizeof(header.checksum), &sum) ||
	    sum != checksum_of(&header) || header.type != '0' ||
	    !octal(header.size, sizeof(header.size), &entry->size) || entry->size >= SIZE_LIMIT)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "it is no backup of Mortise, or damaged");
	(void)snprintf(entry->name, sizeof(entry->name), "%.100s", header.name);
	return MORTISE_OK;
}

enum mortise_code
archive_take(int archive, struct archive_entry *entry, int to, struct mortise_error *error)
{
	char rest[BLOCK];
	size_t left = padding(entry->size);
	enum mortise_code code = copy(archive, to, entry, error);

	while (code == MORTISE_OK && left > 0) {
		ssize_t n = file_read_some(archive, rest, left);

		if (n <= 0)
			return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
			    "it ends behind %s; it was not copied whole", entry->name);
		left -= (size_t)n;
	}
	return code;
}
